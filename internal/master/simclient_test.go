package master_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simJob is what a client wants rendered, and what is wrong with it.
type simJob struct {
	key  string
	text string // of its scene
	ref  blob.Ref
	spec farm.JobSpec
	pace time.Duration // of a frame
	id   farm.JobID    // 0: not acknowledged yet
	gone bool          // its deletion was asked for

	broken  bool         // no frame of it can be rendered
	tooNew  bool         // the even workers cannot open it
	bad     map[int]bool // frames that fail everywhere
	fatal   bool         // and that is known at once
	crashes float64      // how often a frame fails by chance

	rots    int // how often its scene was damaged on the master's disk
	freed   int // calls so far that may let it go on
	freeing int // of them, those that the master works on
}

// fault is what goes wrong with the frame on the worker; nil: nothing.
func (j *simJob) fault(s *simWorker, frame int) func(*farm.Report) {
	fails := func(r *farm.Report) {
		r.Outcome, r.Error = farm.Errored, "it failed"
	}
	switch {
	case j.broken:
		return func(r *farm.Report) {
			fails(r)
			r.Scene, r.Fatal = true, true
		}
	case j.tooNew && s.id[len(s.id)-1]%2 == 0:
		return func(r *farm.Report) {
			fails(r)
			r.Scene = true
		}
	case j.isBad(frame):
		return func(r *farm.Report) {
			fails(r)
			r.Fatal = j.fatal
		}
	case s.w.luck(j.crashes):
		return fails
	case s.w.luck(s.weak):
		return func(r *farm.Report) {
			fails(r)
			r.OwnFault = true
		}
	}
	return nil
}

// isBad tells of a task whether it fails everywhere: of a bad frame in parts it is the first part.
func (j *simJob) isBad(no int) bool {
	t, _ := farm.TaskOf(no)
	return j.bad[no] || t.Stage == farm.StageRender && t.Part == 1 && j.bad[t.Picture()]
}

// simClient submits jobs and steers them.
type simClient struct {
	*node
	w    *world
	jobs []*simJob
}

func newSimClient(w *world, n int) *simClient {
	c := &simClient{node: &node{name: fmt.Sprint("client-", n)}, w: w}
	for i := range 1 + w.rng.IntN(2) {
		frames := farm.FrameRange(1, 1+w.rng.IntN(12), 1)
		j := &simJob{key: fmt.Sprintf("%s-job-%d", c.name, i), pace: 200*time.Millisecond + w.upTo(6*time.Second), bad: map[int]bool{}}
		j.text = "the scene of " + j.key
		j.ref = blob.RefOf([]byte(j.text))
		orders := []farm.Order{farm.Linear, farm.Reverse, farm.OutsideIn}
		j.spec = farm.JobSpec{
			Name: j.key, Blend: "a.blend", Key: j.key, Frames: frames, Chunk: min(1+w.rng.IntN(4), frames.Count()), Order: orders[w.rng.IntN(3)],
			Priority: 1 + w.rng.IntN(5), Attempts: w.rng.IntN(4), Needs: simNeeds(w), Options: farm.Options{EXR: "none", Outputs: w.rng.IntN(3) == 0},
		}
		if w.rng.IntN(4) == 0 {
			j.spec.Tiles = farm.Tiles{X: 1 + w.rng.IntN(3), Y: 1 + w.rng.IntN(2)}
			j.spec.Options.Outputs = true
			j.pace /= time.Duration(j.spec.Tiles.Count())
		} else if n := frames.Count(); n > 1 && w.rng.IntN(3) == 0 {
			j.spec.Process, j.spec.Order, j.spec.Options.Outputs = &farm.Process{}, farm.Linear, true
			for level := 0; n > 0; level++ {
				tasks := 1 + w.rng.IntN(n)
				j.spec.Process.Steps = append(j.spec.Process.Steps, farm.ProcessStep{Name: "a step", Level: level, Tasks: tasks})
				n -= tasks
			}
		}
		if j.spec.Process == nil && w.rng.IntN(3) == 0 {
			j.spec.Bakes = []farm.Bake{{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 100}}}
			if w.rng.IntN(3) == 0 {
				j.spec.Bakes = append(j.spec.Bakes, farm.Bake{{Kind: "fluid", Owner: "Tank", Name: "Fluid", Start: 1, End: 100}})
			}
		}
		if j.spec.Process == nil && w.rng.IntN(5) == 0 {
			for v := range 1 + w.rng.IntN(3) {
				j.spec.Views = append(j.spec.Views, farm.View{Name: fmt.Sprint("view ", v), Camera: fmt.Sprint("Camera ", v)})
			}
			j.spec.Views[0].Frames = frames.Slice(0, 1+w.rng.IntN(frames.Count()))
			j.spec.JoinViews()
		}
		if w.rng.IntN(4) == 0 {
			j.spec.Film, j.spec.Options.Outputs = &farm.Film{}, true
		}
		switch w.rng.IntN(8) {
		case 0:
			j.broken = true
		case 1:
			j.tooNew = true
		case 2:
			j.bad[1+w.rng.IntN(frames.Count())] = true
			j.fatal = w.rng.IntN(2) == 0
		case 3:
			j.crashes = 0.3 * w.rng.Float64()
		}
		c.jobs = append(c.jobs, j)
		w.ledger.plans[j.key] = j
	}
	return c
}

func (c *simClient) begin() {
	for _, j := range c.jobs {
		c.w.count.jobs++
		if c.w.rng.IntN(2) == 0 { // the master has the file of an earlier job
			_ = c.w.blobs.Put(context.Background(), j.ref, int64(len(j.text)), strings.NewReader(j.text))
		}
		c.w.later(c.node, c.w.upTo(10*time.Second), func() { c.submit(j) })
	}
	c.w.later(c.node, c.w.upTo(6*time.Second), c.steer)
}

// submit sends the job until it is acknowledged.
func (c *simClient) submit(j *simJob) {
	files := []farm.File{{Path: "a.blend", Original: "/a.blend", Size: int64(len(j.text)), Ref: j.ref.String()}}
	ask(c.w, c.node, 5*time.Second, func(ctx context.Context, m *master.Master) (farm.Job, error) {
		return m.Submit(ctx, root, j.spec, files)
	}, func(job farm.Job, err error) {
		if err != nil {
			c.w.later(c.node, time.Second, func() { c.submit(j) })
			return
		}
		if j.id != 0 && j.id != job.ID {
			c.w.fail("the job %s was made twice, as %d and %d", j.key, j.id, job.ID)
		}
		j.id = job.ID
		c.w.say("%s: job %d is %s, %d frames", c.name, j.id, job.State, job.Total)
		c.w.ledger.promised(j)
		c.follow(j, job.State)
	})
}

// follow looks after the job now and then: a file that the master lacks is sent.
func (c *simClient) follow(j *simJob, state farm.JobState) {
	if state == farm.Collecting {
		c.upload(j)
		return
	}
	c.w.later(c.node, 3*time.Second, func() {
		ask(c.w, c.node, 5*time.Second, func(ctx context.Context, m *master.Master) (farm.Job, error) { return m.Job(ctx, j.id) },
			func(job farm.Job, err error) {
				if farm.KindOf(err) != farm.NotFound || !j.gone {
					c.follow(j, job.State)
				}
			})
	})
}

// upload sends the scene's file, at times with other bytes than it should have.
func (c *simClient) upload(j *simJob) {
	text, rots := j.text, j.rots
	harmed := c.w.luck(c.w.chance.rot)
	if harmed {
		text = strings.ToUpper(text)
	}
	ask(c.w, c.node, 5*time.Second, func(ctx context.Context, m *master.Master) (struct{}, error) {
		if err := c.w.guardOf(m).Put(ctx, j.ref, int64(len(text)), strings.NewReader(text)); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, m.BlobStored(context.WithoutCancel(ctx), j.ref.String())
	}, func(_ struct{}, err error) {
		c.w.say("%s: the file of job %d is sent, whole %v: %v", c.name, j.id, !harmed, err)
		if err == nil && !harmed && j.rots == rots && !c.w.blobs.isRotten(j.ref) {
			c.w.ledger.stored(j.ref)
		}
		c.follow(j, "")
	})
}

// steer does something to a job now and then; when all is calm it only lets them go on.
func (c *simClient) steer() {
	c.w.later(c.node, 500*time.Millisecond+c.w.upTo(6*time.Second), c.steer)
	j := c.jobs[c.w.rng.IntN(len(c.jobs))]
	if j.id == 0 || j.gone && !c.w.calm {
		return
	}
	if c.w.calm {
		c.change(j, "whoever may render", func(s *farm.JobSpec) { s.Needs = farm.Needs{} })
		c.resume(j)
		return
	}
	switch c.w.rng.IntN(14) {
	case 0, 1:
		c.pause(j)
	case 2, 3, 4:
		c.resume(j)
	case 5:
		c.do(j, "cancel", func(ctx context.Context, m *master.Master) (farm.Job, error) { return m.Cancel(ctx, root, j.id) })
	case 6:
		c.retry(j, master.RetryWhich{All: true})
	case 7:
		c.retry(j, master.RetryWhich{Frames: farm.Frames(j.spec.Pictures().At(c.w.rng.IntN(j.spec.Pictures().Count())))})
	case 8, 9:
		c.retry(j, master.RetryWhich{Failed: true})
	case 10, 11:
		priority, attempts := 1+c.w.rng.IntN(9), c.w.rng.IntN(4)
		c.change(j, "priority", func(s *farm.JobSpec) { s.Priority, s.Attempts = priority, attempts })
	case 12:
		needs := simNeeds(c.w)
		c.change(j, "needs", func(s *farm.JobSpec) { s.Needs = needs })
	case 13:
		if c.w.rng.IntN(4) > 0 {
			return
		}
		j.gone = true
		c.w.ledger.dropped(j.id)
		c.do(j, "delete", func(ctx context.Context, m *master.Master) (farm.Job, error) {
			return farm.Job{}, m.Delete(ctx, root, j.id)
		})
	}
}

func (c *simClient) do(j *simJob, what string, f func(ctx context.Context, m *master.Master) (farm.Job, error), watches ...watch[farm.Job]) {
	ask(c.w, c.node, 5*time.Second, f, func(v farm.Job, err error) {
		if !c.w.calm {
			c.w.say("%s: %s job %d: %s %v", c.name, what, j.id, v.State, err)
		}
		switch {
		case err != nil:
		case what == "cancel":
			c.w.ledger.stopped(j.id)
		case what == "delete":
			c.w.ledger.gone(j.id)
		}
	}, watches...)
}

func (c *simClient) change(j *simJob, what string, edit func(*farm.JobSpec)) {
	c.do(j, "change the "+what+" of", func(ctx context.Context, m *master.Master) (farm.Job, error) {
		return m.Change(ctx, root, j.id, edit)
	})
}

// pause holds the job back: from then on no frame of it is handed out, unless somebody asked meanwhile that it goes on.
func (c *simClient) pause(j *simJob) {
	c.do(j, "pause", func(ctx context.Context, m *master.Master) (farm.Job, error) { return m.Pause(ctx, root, j.id) },
		func() func(farm.Job, error) {
			before, clear := j.freed, j.freeing == 0
			return func(v farm.Job, err error) {
				if err == nil && v.State == farm.Paused && clear && j.freed == before {
					c.w.ledger.hold(j.id)
				}
			}
		})
}

// frees watches a call that may let a paused job go on.
func (c *simClient) frees(j *simJob) watch[farm.Job] {
	return func() func(farm.Job, error) {
		j.freed++
		j.freeing++
		c.w.ledger.free(j.id)
		return func(farm.Job, error) { j.freeing-- }
	}
}

func (c *simClient) resume(j *simJob) {
	c.do(j, "resume", func(ctx context.Context, m *master.Master) (farm.Job, error) { return m.Resume(ctx, root, j.id) }, c.frees(j))
}

func (c *simClient) retry(j *simJob, which master.RetryWhich) {
	what := fmt.Sprintf("retry %v of", which.Frames)
	switch {
	case which.All:
		what = "retry all of"
	case which.Failed:
		what = "retry"
	}
	c.do(j, what, func(ctx context.Context, m *master.Master) (farm.Job, error) { return m.Retry(ctx, root, j.id, which) }, c.frees(j))
}
