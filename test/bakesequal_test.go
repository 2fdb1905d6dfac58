package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
	nr "github.com/netrender/netrender/internal/farm"
)

// TestBakesEqualLocal: cloth, smoke and particles that the farm bakes, with the frames of each on two workers, some of them while
// it still bakes, and cloth that one worker renders in order, equal bit by bit what their artist's own Blender renders after it went through the timeline once.
func TestBakesEqualLocal(t *testing.T) {
	blender := blenders(t)[0]
	dir := t.TempDir()
	python(t, blender, "", "../internal/blender/testdata/bakes.py", dir, "cloth+go", "smoke+go", "particles")
	f := startFarm(t)
	const said = "is baked by the farm first"
	jobs := []struct{ name, how, scripts, said string }{
		{"cloth", "--bake", "--scripts", said},
		{"smoke", "--bake", "--scripts", said},
		{"particles", "--bake", "--scripts=false", said},
		{"cloth", "--in-order", "--scripts=false", ""},
	}
	var ids []string
	for _, j := range jobs {
		out, errs, code := run(t, append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender)),
			"submit", filepath.Join(dir, j.name+".blend"), "-f", "2-6x2", j.how, j.scripts, "--threads", "1", "--blender", blender)
		if code != 0 || !strings.Contains(errs, j.said) {
			t.Fatalf("submit: exit %d\n%s", code, errs)
		}
		ids = append(ids, strings.TrimSpace(out))
	}
	f.workerIn(knownBlender(t, blender), "oak", "--blender", blender, "--slots", "2", "--scripts")
	f.workerIn(knownBlender(t, blender), "elm", "--blender", blender, "--scripts")
	// Both bakes stand still before frame 5. Until they go on, frames 4 and 6 wait, and frame 2 is rendered.
	for i := range 2 {
		eventually(t, 5*time.Minute, "a frame is done before its simulation is baked", func() bool { return f.job(ids[i]).Done > 0 })
		page, err := f.client().Attempts(context.Background(), nr.AttemptFilter{Job: must(nr.ParseJobID(ids[i])), Accepted: true, Limit: 100}, 0)
		if err != nil || len(page.Attempts) != 1 || page.Attempts[0].Frame != 2 || page.Attempts[0].Stage != "" {
			t.Errorf("before %s is baked there are %+v, %v", jobs[i].name, page.Attempts, err)
		}
	}
	write(t, filepath.Join(dir, "go"), nil)
	ends := func(id string) {
		t.Helper()
		eventually(t, 5*time.Minute, "the job ends", func() bool {
			s := f.job(id).State
			return s == "done" || s == "failed"
		})
		if s := f.job(id); s.State != "done" {
			t.Fatalf("a job is %s\n%s\n%s", s.State, f.ok("job", id), tail(f.ok("logs", id), 3000))
		}
	}
	for i, j := range jobs {
		id, name := ids[i], j.name
		if ends(id); j.how == "--in-order" { // one of them alone, after the animation was played up to it
			f.ok("retry", id, "-f", "4")
			ends(id)
		}
		home := t.TempDir()
		f.ok("fetch", id, "-o", home, "--only", "exr")
		for _, frame := range []int{2, 4, 6} {
			number := fmt.Sprintf("%04d", frame)
			var got []string
			_ = filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
				if err == nil && strings.Contains(d.Name(), number) {
					got = append(got, path)
				}
				return nil
			})
			if len(got) != 1 {
				t.Fatalf("frame %d of %s came as %v", frame, name, got)
			}
			diff, err := exr.CompareFiles(filepath.Join(dir, name, number+".exr"), got[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range diff.Differences {
				t.Errorf("frame %d of %s: %s", frame, name, d)
			}
		}
	}
}
