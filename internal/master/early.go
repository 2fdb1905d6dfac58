package master

import (
	"context"
	"errors"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// Frames begin while their simulations are still baked: the worker that bakes hands over files that are complete, and says
// up to which frame all are there. They become files of the job at once, as those of a whole bake do.
//
// What a bake has handed over stays when its worker falls silent, and frames go on being made of it: the next one begins
// from the start, and as long as it makes the same bytes, nothing of that is lost. When it makes others - which threads can
// do - everything of the earlier one is thrown away, with the frames that were made of it: all frames of a job show one bake.
// A bake that is given up or begun anew by hand has handed over nothing: its frames wait.
//
// How far a bake is lies in memory alone. After a restart its worker says it again.

// noFrame is before any frame.
const noFrame = -farm.MaxFrame - 1

// EarlyCaches are complete files of a bake that goes on.
type EarlyCaches struct {
	Lease   farm.LeaseID
	Worker  farm.WorkerID
	Task    int // the bake
	Results []farm.Result
	Ready   int  // the frames up to this one, inclusive, have all that they need of the bake
	Whole   bool // these are the first of all files of the bake, not more of them
}

// EarlyAnswer is what becomes of EarlyCaches.
type EarlyAnswer struct {
	Missing []string // names of results whose bytes are not there: nothing was taken
	Other   bool     // the files are others than those of an earlier bake: nothing was taken, all are to be said again, as a whole
}

var errNoEarly = farm.Errorf(farm.Conflict, "the caches of this bake are taken when it is done")

// CachesReady takes complete files of a bake that goes on, whose bytes have arrived. When it returns without an error and
// names nothing that is missing, they are durable. A Conflict means that none are wanted of this lease any more.
func (m *Master) CachesReady(ctx context.Context, who Identity, c *EarlyCaches) (EarlyAnswer, error) {
	if t, ok := farm.TaskOf(c.Task); !ok || t.Stage != farm.StageBake {
		return EarlyAnswer{}, farm.Errorf(farm.Invalid, "%s bakes nothing", farm.TaskName(c.Task))
	}
	for i := range c.Results {
		if r := &c.Results[i]; r.Frame != c.Task {
			return EarlyAnswer{}, farm.Errorf(farm.Invalid, "the result %s is of another task", clip(r.Name, 100))
		} else if err := checkResult(r); err != nil {
			return EarlyAnswer{}, err
		}
	}
	job, err := ask(ctx, m, func(e *engine) (j farm.Job, err error) {
		l, _, err := e.bakes(who, c)
		if err != nil {
			return j, err
		}
		if w := e.workers[c.Worker]; w != nil {
			e.heard(w)
			l.seen = w.seen
		}
		return l.job.Job, nil
	})
	if err != nil {
		return EarlyAnswer{}, err
	}
	r := farm.Report{Lease: c.Lease, Worker: c.Worker, Job: job.ID, Frame: c.Task, Results: c.Results}
	if missing := m.notArrived(ctx, &r); len(missing) > 0 {
		return EarlyAnswer{Missing: missing}, nil
	}
	kept, err := m.keepCaches(ctx, &job.JobSpec, &r, false, c.Whole)
	if way := (*inTheWayError)(nil); errors.As(err, &way) {
		return EarlyAnswer{}, errNoEarly // the whole bake will fail for it
	} else if err != nil {
		return EarlyAnswer{}, err
	}
	named := false
	defer func() { kept.unpin(named) }()
	if kept.other && !c.Whole {
		return EarlyAnswer{Other: true}, nil
	}
	m.step("early")
	_, err = keep(ctx, m, func(e *engine) (struct{}, error) {
		l, p, err := e.bakes(who, c)
		if err != nil {
			return struct{}{}, err
		}
		e.bakedEarly(l.job, p, kept, c)
		return struct{}{}, nil
	})
	named = err == nil
	return EarlyAnswer{}, err
}

// bakes is the lease and the position of a bake that goes on. Only the newest lease of it counts.
func (e *engine) bakes(who Identity, c *EarlyCaches) (*lease, int, error) {
	l := e.leases[c.Lease]
	if l == nil || l.Worker != c.Worker || !e.speaks(who, c.Worker) {
		return nil, 0, farm.Errorf(farm.Conflict, "the lease is over")
	}
	p, ok := l.left[c.Task]
	if !ok || l.job.held[p] != l || l.job.settling[p] != nil || p >= l.job.plan.Bakes || l.job.shut[p] == c.Lease {
		return nil, 0, errNoEarly
	}
	return l, p, nil
}

// bakedEarly enters what a bake has made so far.
func (e *engine) bakedEarly(j *job, p int, kept keptCaches, c *EarlyCaches) {
	ready := min(max(c.Ready, noFrame), farm.MaxFrame)
	if kept.other {
		e.shutBake(j, p)
		e.unlikeBefore(j, p)
	} else if now, ok := j.through[p]; ok { // an earlier one was further
		ready = max(ready, now)
	}
	e.change(farm.FilesPut{Job: j.ID, Bake: p + 1, Files: kept.files, Whole: kept.other})
	if j.baked == 0 || kept.other {
		e.seq++
		j.baked = e.seq
	}
	j.stuck = stuck{}
	j.through[p] = ready
	e.reach(j)
	e.mark(j)
}

// cached is the last frame up to which all bakes that are not done have handed over what frames need.
func (j *job) cached() int {
	until := farm.MaxFrame
	for p := range j.plan.Bakes {
		if j.finished.Contains(p) {
			continue
		}
		ready, ok := j.through[p]
		if !ok {
			return noFrame
		}
		until = min(until, ready)
	}
	return until
}

// early tells whether the frame at the position may begin although bakes are not done.
func (j *job) early(p int) bool {
	if j.reached == noFrame || p < j.plan.Bakes || p >= j.plan.TurnsEnd() {
		return false
	}
	f, ok := j.plan.Frame(p)
	return ok && farm.FrameOf(f) <= j.reached
}

// reach opens the frames whose caches are there now, or closes those whose caches are not any more.
func (e *engine) reach(j *job) {
	before, now := j.reached, noFrame
	left := j.bakesLeft() > 0
	if left {
		now = j.cached()
	}
	j.reached = now
	if !left || now == before { // when no bake is left, open opened all
		return
	}
	if now < before {
		closed := farm.SpanOf(j.plan.Bakes, j.plan.TurnsEnd())
		j.close(&closed)
		e.sync(j)
		return
	}
	for view := range max(1, len(j.Views)) {
		shot := j.Shot(view)
		for f := max(before+1, shot.First); f <= min(now, shot.Last); f++ {
			found, _ := j.plan.Find(farm.Picture(view, f))
			for p := range found.All() {
				if p >= j.plan.TurnsEnd() {
					break
				}
				if j.next = max(j.next, p+1); j.waits(p) { // what lies before next and is not ready, is opened later
					j.again.Add(p)
				}
			}
		}
	}
	e.offer(j)
	e.sync(j)
}

// shutBake has the frames wait that only what a bake handed over early had opened, and takes those back that workers have.
func (e *engine) shutBake(j *job, p int) {
	if _, ok := j.through[p]; !ok {
		return
	}
	delete(j.through, p)
	e.reach(j)
	frames := farm.SpanOf(j.plan.Bakes, j.plan.TurnsEnd())
	e.recall(j, &frames)
}

// takeFrames takes frames back that workers make of caches which are replaced.
func (e *engine) takeFrames(j *job, lo, hi int) {
	var taken []int
	for _, list := range []map[farm.LeaseID]*lease{e.leases, e.lapsed} {
		for _, l := range list {
			if l.job != j {
				continue
			}
			for no, p := range l.left {
				if p >= lo && p < hi {
					e.takeFrom(l, no, p)
					taken = append(taken, p)
				}
			}
		}
	}
	slices.Sort(taken)
	for _, p := range slices.Compact(taken) {
		if j.waits(p) {
			e.putBack(j, p)
		}
	}
}
