package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
)

// jobLine is the line of netrender render that names the job.
func jobLine(t *testing.T, said string) map[string]any {
	t.Helper()
	for _, line := range objects(t, "render", said) {
		if line["job"] != nil && line["out"] != nil {
			return line
		}
	}
	t.Fatalf("no job is named in %s", said)
	return nil
}

// TestReuse: with --reuse frames that the farm has of the very scene are taken from there; without it, and for another
// scene, they are rendered.
func TestReuse(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	blend, collected := collectedScene(t, "CYCLES")
	render := func(words ...string) (line map[string]any, dir string) {
		t.Helper()
		dir = t.TempDir()
		out, errs, code := f.runBare(append([]string{"render", blend, "--collected", collected, "-o", dir, "--json"}, words...)...)
		if code != 0 {
			t.Fatalf("render %v: exit %d\n%s%s", words, code, out, errs)
		}
		return jobLine(t, out), dir
	}
	line, first := render("--reuse")
	if line["job"] != 1.0 || line["reused"] != nil || line["frames"] != 3.0 {
		t.Fatalf("the farm has nothing: %v", line)
	}
	for _, c := range []struct {
		words  []string
		job    float64
		reused any
	}{
		{[]string{"--reuse", "-f", "2"}, 1, true},
		{[]string{"--reuse"}, 1, true},
		{[]string{"--reuse", "-f", "2", "--no-outputs", "--priority", "3"}, 1, true},
		{[]string{"--reuse", "-f", "2", "--engine", "CYCLES"}, 1, true}, // it is the scene's own
		{[]string{"-f", "2"}, 2, nil},
		{[]string{"--reuse", "-f", "3-4"}, 3, nil},
		{[]string{"--reuse", "-f", "2", "--threads", "2"}, 4, nil},
		{[]string{"--reuse", "-f", "2", "--exr", "half"}, 5, nil},
		{[]string{"--reuse", "-f", "2", "--exr", "half"}, 5, true},
	} {
		line, dir := render(c.words...)
		if line["job"] != c.job || line["reused"] != c.reused {
			t.Errorf("render %v: %v", c.words, line)
		}
		if c.job != 1 {
			continue
		}
		want, got := bytesBelow(t, first), bytesBelow(t, dir)
		for name, ref := range got {
			if want[name] != ref {
				t.Errorf("render %v: %s is another file", c.words, name)
			}
		}
		if some := len(c.words) > 1; len(got) == 0 || some != (len(got) < len(want)) {
			t.Errorf("render %v brought %d files of %d", c.words, len(got), len(want))
		}
	}

	text, err := os.ReadFile(blend)
	if err != nil {
		t.Fatal(err)
	}
	scene := blob.RefOf(text).String()
	if list := objects(t, "jobs", f.ok("jobs", "--scene", scene, "--json")); len(list) != 5 {
		t.Errorf("%d jobs are of the scene", len(list))
	}
	write(t, blend, append(text, "saved anew"...))
	if line, _ := render("--reuse", "-f", "2"); line["job"] != 6.0 || line["reused"] != nil {
		t.Errorf("another scene: %v", line)
	}
	if list := objects(t, "jobs", f.ok("jobs", "--scene", scene, "--state", "done", "--json")); len(list) != 5 {
		t.Errorf("%d jobs are of the scene as it was", len(list))
	}
	if list := objects(t, "jobs", f.ok("jobs", "--scene", strings.Repeat("0", 64), "--json")); len(list) != 0 {
		t.Errorf("%d jobs are of no scene", len(list))
	}
	if _, errs, code := f.run("jobs", "--scene", scene[1:]); code != 2 {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestReuseWaits: a job that will have the frame is waited for, and goes on when the one who waits goes away, whether by
// a signal or because nobody reads what is printed.
func TestReuseWaits(t *testing.T) {
	f := startFarm(t)
	blend, collected := collectedScene(t, "CYCLES")
	if _, errs, code := f.runBare("submit", blend, "--collected", collected); code != 0 {
		t.Fatal(errs)
	}
	dir := t.TempDir()
	for range 2 { // the second time, too, it is the job of another
		p := start(t, append(f.env(), append(noBlender, "NETRENDER_DATA="+filepath.Join(f.data, "client"))...), "render", blend, "--collected", collected, "--reuse", "-f", "3", "-o", dir, "--json")
		eventually(t, 20*time.Second, "the job is waited for", func() bool { return strings.Contains(p.stdout.String(), `"reused":true`) })
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := p.wait(2 * time.Second); code != 130 {
			t.Errorf("exit %d", code)
		}
	}
	if j := f.job("1"); j.State != "queued" {
		t.Errorf("the job is %s", j.State)
	}
	if left := filesBelow(t, dir); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	f.worker("oak", fastFake...)
	out, errs, code := f.runBare("render", blend, "--collected", collected, "--reuse", "-f", "3", "-o", dir, "--json")
	if line := jobLine(t, out); code != 0 || line["job"] != 1.0 || line["reused"] != true || len(filesBelow(t, dir)) == 0 {
		t.Errorf("exit %d, %v\n%s", code, line, errs)
	}
}
