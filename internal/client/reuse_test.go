package client

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

// TestReuse: frames are taken from a job that shows the very same, and from no other.
func TestReuse(t *testing.T) {
	dir := studio(t, "a.blend", "tex/1.png", "seq/2.png", "seq/3.png")
	file := func(name string, frames ...int) SceneFile {
		f := SceneFile{Path: filepath.Join(dir, filepath.FromSlash(name))}
		if len(frames) > 0 {
			f.First, f.Last = &frames[0], &frames[0]
		}
		return f
	}
	c, _ := realMaster(t, 0)
	plan := func(frames farm.FrameSet, change func(*PlanOptions)) *Plan {
		t.Helper()
		s := goodScene()
		s.Engine = ""
		s.Files = []SceneFile{file("tex/1.png"), file("seq/2.png", 2), file("seq/3.png", 3)}
		o := PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s), Spec: farm.JobSpec{Frames: frames, Options: farm.Options{EXR: "none", Outputs: true}}}
		if change != nil {
			change(&o)
		}
		p, err := NewPlan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	submit := func(p *Plan) farm.JobID {
		t.Helper()
		job, err := Submit(t.Context(), c, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return job.ID
	}
	finds := func(what string, p *Plan, want farm.JobID) {
		t.Helper()
		job, found, err := Reuse(t.Context(), c, p)
		if err != nil || found != (want != 0) || job.ID != want {
			t.Errorf("%s: job %d, %v, %v; not job %d", what, job.ID, found, err, want)
		}
	}
	one, all := farm.Frames(2), farm.FrameRange(1, 3, 1)
	finds("an empty farm", plan(one, nil), 0)
	film := submit(plan(all, nil))
	finds("a job that waits", plan(one, nil), film)
	finds("more than it has", plan(farm.FrameRange(2, 4, 1), nil), 0)
	renderAll(t, c, 2) // 1 and 2
	newer := submit(plan(all, nil))
	finds("a job that has the frame, before a newer one that will", plan(one, nil), film)
	finds("of two that will the one that has begun", plan(farm.Frames(3), nil), film)
	if _, err := c.PauseJob(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	finds("one that is paused will not", plan(all, nil), film)
	if _, err := c.CancelJob(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	finds("one that is canceled has what was rendered", plan(one, nil), film)
	finds("and no more", plan(farm.Frames(3), nil), 0)

	finds("other options", plan(one, func(o *PlanOptions) { o.Spec.Options.Threads = 3 }), 0)
	finds("another engine", plan(one, func(o *PlanOptions) { o.Spec.Options.Engine = "CYCLES" }), 0)
	finds("more than was kept", plan(one, func(o *PlanOptions) { o.Spec.Options.EXR = "full" }), 0)
	finds("fewer files", plan(one, func(o *PlanOptions) {
		s := goodScene()
		s.Engine = ""
		s.Files = []SceneFile{file("tex/1.png")}
		o.Read = reads(s)
	}), 0)
	other := studio(t, "a.blend", "tex/1.png", "seq/2.png", "seq/3.png")
	moved := func(o *PlanOptions) { // the same bytes from another folder
		s := goodScene()
		s.Engine = ""
		for _, f := range []SceneFile{file("tex/1.png"), file("seq/2.png", 2), file("seq/3.png", 3)} {
			rel, _ := filepath.Rel(dir, f.Path)
			f.Path = filepath.Join(other, rel)
			s.Files = append(s.Files, f)
		}
		o.Blend, o.Read = filepath.Join(other, "a.blend"), reads(s)
	}
	change := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(other, filepath.FromSlash(name)), []byte("new "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	finds("the same files of another folder", plan(one, moved), film)
	change("seq/3.png")
	finds("a file changed that other frames need", plan(one, moved), film)
	change("seq/2.png")
	finds("a file changed that the frame needs", plan(one, moved), 0)
	change("a.blend")
	finds("another scene", plan(one, moved), 0)

	if err := c.DeleteJob(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	finds("a job that is deleted", plan(one, nil), 0)
}

// TestReuseLeavesCleanedJobs: what was removed of a job cannot be taken from it.
func TestReuseLeavesCleanedJobs(t *testing.T) {
	p := &Plan{Spec: farm.JobSpec{Blend: "a.blend", Frames: farm.Frames(1)}}
	s := reuse{p: p}
	j := farm.Job{JobSpec: p.Spec}
	if !s.mayServe(&j) {
		t.Error("a whole job is left")
	}
	j.Removed = []farm.Removal{{Part: farm.Logs}}
	if !s.mayServe(&j) {
		t.Error("logs are no results")
	}
	j.Removed = append(j.Removed, farm.Removal{Part: farm.Outputs})
	if s.mayServe(&j) {
		t.Error("its results are gone")
	}
}
