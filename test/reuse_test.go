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

// TestReuseIsHeldUp: where the job is paused, canceled or deleted while its frames are awaited, those that are not here are
// rendered by a new job, and the other stays as it is.
func TestReuseIsHeldUp(t *testing.T) {
	f := startFarm(t)
	for _, c := range []struct {
		words   []string
		why     string
		becomes string
	}{
		{[]string{"pause"}, "was paused", "paused"},
		{[]string{"cancel"}, "was canceled", "canceled"},
		{[]string{"delete", "-y"}, "was deleted", ""},
	} {
		t.Run(c.words[0], func(t *testing.T) {
			blend, collected := collectedScene(t, "CYCLES")
			text, err := os.ReadFile(blend)
			if err != nil {
				t.Fatal(err)
			}
			write(t, blend, append(text, c.words[0]...)) // a scene of its own
			out, errs, code := f.runBare("submit", blend, "--collected", collected)
			if code != 0 {
				t.Fatal(errs)
			}
			other := strings.TrimSpace(out)
			have := 0
			if c.words[0] == "pause" { // some of its frames are there
				oak := f.worker("oak", "--fake-renderer", "700ms", "--fake-size", "4")
				eventually(t, 20*time.Second, "a frame is done", func() bool { return f.job(other).Done > 0 })
				if err := oak.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				oak.wait(20 * time.Second)
				if have = f.job(other).Done; have != 1 && have != 2 {
					t.Fatalf("%d frames are done", have)
				}
			}
			dir := t.TempDir()
			p := start(t, append(f.env(), append(noBlender, "NETRENDER_DATA="+filepath.Join(f.data, "client"))...), "render", blend, "--collected", collected, "--reuse", "-o", dir, "--json")
			eventually(t, 20*time.Second, "what is there has come", func() bool {
				return strings.Contains(p.stdout.String(), `"reused":true`) && strings.Count(p.stdout.String(), `"paths"`) == have
			})
			f.ok(append(c.words[:1:1], append([]string{other}, c.words[1:]...)...)...)
			eventually(t, 20*time.Second, "a new job is made", func() bool { return strings.Contains(p.stdout.String(), `"instead":`+other) })
			elm := f.worker("elm", fastFake...)
			defer elm.kill()
			if code := p.wait(30 * time.Second); code != 0 {
				t.Fatalf("exit %d\n%s", code, p.stdout.String())
			}
			var line map[string]any
			for _, one := range objects(t, "render", p.stdout.String()) {
				if one["instead"] != nil {
					line = one
				}
			}
			if line["why"] != c.why || line["reused"] != nil || line["frames"] != float64(3-have) {
				t.Errorf("the new job: %v; %d frames were there", line, have)
			}
			if n := len(filesBelow(t, dir)); n < 3 {
				t.Errorf("%d files are here", n)
			}
			if c.becomes != "" {
				if j := f.job(other); j.State != c.becomes || j.Done != have {
					t.Errorf("the other job is %s, with %d frames", j.State, j.Done)
				}
			}
		})
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
