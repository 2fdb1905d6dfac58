package worker_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// What Blender found wrong with a scene or a frame comes with the report; paths are those within the job's folder.
func TestWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 2
		j := m.job(2)
		f := fake.Options{Frame: blender.Result{Warnings: []string{"the File Output node Mist wrote no file"}, ScriptErrors: []string{"the script a.py raised"}}}
		o := options(t, m, f)
		f.Scene = blender.SceneFacts{
			Missing:      []string{"/home/artist/sky.png", filepath.Join(o.Dir, "jobs", j.id.String(), "src", "textures", "gone.png")},
			Warnings:     []string{"it needs a display"},
			ScriptErrors: []string{"the script b.py raised", "the script b.py raised"},
		}
		o.NewRenderer = fake.New(f)
		w := start(t, o)
		m.until("all are done", func() bool { return len(j.done) == 2 })
		w.drain()
		want := []string{
			"the script b.py raised", "the scene's file /home/artist/sky.png was not there", "the scene's file textures/gone.png was not there",
			"it needs a display", "the script a.py raised", "the File Output node Mist wrote no file",
		}
		for frame, r := range j.done {
			if !slices.Equal(r.Warnings, want) {
				t.Errorf("frame %d warns of %q", frame, r.Warnings)
			}
		}
	})
}

// A job may want frames to fail whose scene's Python fails, also in a session that another job opened.
func TestFailOnScriptError(t *testing.T) {
	for i, f := range []fake.Options{
		{Scene: blender.SceneFacts{ScriptErrors: []string{"the script a.py raised NameError (x) in line 3"}}},
		{Frame: blender.Result{ScriptErrors: []string{"the script a.py raised NameError (x) in line 3"}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			opens := 0
			f.Open = func(context.Context, blender.Scene) error { opens++; return nil }
			w := start(t, options(t, m, f))
			easy := m.job(1)
			m.until("the scene is open", func() bool { return len(easy.done) == 1 })
			strict := m.job(2, func(j *fakeJob) { j.grant.Scene, j.grant.Options.FailOnScriptError = easy.grant.Scene, true })
			m.until("both frames failed", func() bool { return len(strict.failed) == 2 })
			w.drain()
			r := strict.failed[1]
			if r.Error != "the script a.py raised NameError (x) in line 3" || !r.Fatal || r.Scene != (i == 0) || r.OwnFault || len(r.Warnings) != 1 || opens != 1 {
				t.Errorf("after %d opens: %+v", opens, r)
			}
			if len(easy.done[1].Warnings) != 1 {
				t.Errorf("the other job has %q", easy.done[1].Warnings)
			}
		})
	}
}

// A session that ran a scene's Python is not given another scene: handlers and modules would stay.
func TestScriptsDoNotMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		o := options(t, m, fake.Options{})
		o.Scripts = true
		var starts []string
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			starts = append(starts, filepath.Base(s.Job))
			return inner(ctx, s)
		}
		w := start(t, o)
		for i, scene := range []string{"a", "a", "b", "b"} {
			j := m.job(2, func(j *fakeJob) { j.grant.Scene, j.grant.Options.Scripts = scene, true })
			m.until("the job is done", func() bool { return len(j.done) == 2 })
			if got := strings.Join(starts, " "); got != []string{"1", "1", "1 3", "1 3"}[i] {
				t.Errorf("after job %d Blender was started for %s", i+1, got)
			}
		}
		w.drain()
	})
}
