package master_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// ledger is what is durable, entered as it became so, and what was promised to whom. The world and the master's writer
// both enter things.
type ledger struct {
	w     *world
	plans map[string]*simJob // by key

	mu      sync.Mutex
	wrong   error
	rules   farm.Rules
	workers map[farm.WorkerID]farm.Worker
	jobs    map[farm.JobID]*ledgerJob
	leases  map[farm.LeaseID]farm.Lease
	issued  map[farm.LeaseID]farm.Lease // also those that are over
	saw     map[place]map[string]string // the caches that a frame shows
	said    map[place]farm.Report       // what workers said, as they were about to say it
	kept    map[place]bool              // frames of leases whose result was ever accepted durably
	failed  map[place]bool              // or whose failure was
	files   map[blob.Ref]bool           // scenes' files that were acknowledged and did not rot
	spoilt  map[place]bool              // results that rotted and are not rendered again
}

type place struct {
	lease farm.LeaseID
	frame int
}

type ledgerJob struct {
	farm.Job
	deleted  bool
	dropped  bool // somebody asked for its deletion
	canceled int
	caches   map[int]map[string]string // by bake and path
	held     bool                      // its pause was acknowledged, and since then it has not ended and nobody asked that it goes on
	done     map[int]farm.Attempt      // accepted, by position
	tried    map[int][]farm.Attempt    // that count
}

func newLedger(w *world) *ledger {
	return &ledger{
		w: w, plans: make(map[string]*simJob), rules: *w.rules, workers: make(map[farm.WorkerID]farm.Worker),
		jobs: make(map[farm.JobID]*ledgerJob), leases: make(map[farm.LeaseID]farm.Lease), issued: make(map[farm.LeaseID]farm.Lease),
		saw: make(map[place]map[string]string), said: make(map[place]farm.Report), kept: make(map[place]bool), failed: make(map[place]bool),
		files: make(map[blob.Ref]bool), spoilt: make(map[place]bool),
	}
}

func (g *ledger) fail(format string, args ...any) {
	if g.wrong == nil {
		g.wrong = fmt.Errorf(format, args...)
	}
}

// refused is told of a batch that the store did not take.
func (g *ledger) refused(changes []farm.Change, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail("the store refuses a batch: %v: %+v", err, changes)
	return err
}

// truth is told what a worker is about to say of a frame.
func (g *ledger) truth(r *farm.Report, saw map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.saw[place{r.Lease, r.Frame}] = saw
	g.said[place{r.Lease, r.Frame}] = *r
}

// plan is what is known of a job.
func (g *ledger) plan(id farm.JobID) *simJob {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.plans[g.jobs[id].Key]
}

// apply enters a batch that is durable.
func (g *ledger) apply(changes []farm.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	touched := make(map[*ledgerJob]bool)
	for _, c := range changes {
		if j := g.enter(c); j != nil {
			touched[j] = true
		}
	}
	for j := range touched {
		g.balance(j)
	}
}

func (g *ledger) enter(c farm.Change) *ledgerJob {
	switch c := c.(type) {
	case farm.JobAdd:
		for _, o := range g.jobs {
			if o.Key == c.Job.Key && !o.deleted {
				g.fail("two jobs have the key %s", c.Job.Key)
			}
		}
		j := &ledgerJob{Job: c.Job, done: make(map[int]farm.Attempt), tried: make(map[int][]farm.Attempt)}
		g.jobs[c.Job.ID] = j
		return j
	case farm.JobSet:
		g.jobs[c.Job.ID].Job = c.Job
	case farm.JobMark:
		j := g.jobs[c.ID]
		if j.State, j.Progress = c.State, c.Progress; c.State == farm.Canceled {
			j.canceled++
		}
		j.held = j.held && !c.State.Ended() // a result that rots then is rendered again
		return j
	case farm.JobDelete:
		j := g.jobs[c.ID]
		if j.deleted = true; !j.dropped {
			g.fail("job %d is deleted, and nobody asked for that", c.ID)
		}
		maps.DeleteFunc(g.leases, func(_ farm.LeaseID, l farm.Lease) bool { return l.Job == c.ID })
	case farm.FilesPut:
		g.jobs[c.Job].put(&c)
	case farm.LeaseAdd:
		g.lease(&c.Lease)
		return g.jobs[c.Lease.Job]
	case farm.LeaseEnd:
		delete(g.leases, c.ID)
	case farm.FrameDone:
		g.accept(&c.Attempt)
		return g.jobs[c.Attempt.Job]
	case farm.FrameTried:
		g.count(&c.Attempt)
		return g.jobs[c.Attempt.Job]
	case farm.LapseUndone:
		j := g.jobs[c.Job]
		for p := range c.Positions.All() {
			j.tried[p] = slices.DeleteFunc(j.tried[p], func(a farm.Attempt) bool { return a.Lease == c.Lease && a.Outcome == farm.Expired })
		}
	case farm.FrameReset:
		j := g.jobs[c.Job]
		for p := range c.Positions.All() {
			delete(j.done, p)
			delete(j.tried, p)
		}
		return j
	case farm.WorkerSet:
		g.workers[c.Worker.ID] = c.Worker
	case farm.WorkerDelete:
		delete(g.workers, c.ID)
	case farm.RulesSet:
		g.rules = c.Rules
	}
	return nil
}

// accept enters the result of a frame: it must be the only one, and somebody must have rendered it.
func (g *ledger) accept(a *farm.Attempt) {
	j := g.jobs[a.Job]
	if old, twice := j.done[a.Position]; twice {
		g.fail("frame %d of job %d has two accepted results, of leases %d and %d", a.Frame, a.Job, old.Lease, a.Lease)
	}
	r, told := g.said[place{a.Lease, a.Frame}]
	if !told || r.Outcome != farm.Rendered || r.Worker != a.Worker || r.Attempt != a.Number || r.Job != a.Job {
		g.fail("a result of frame %d of job %d, lease %d, was accepted that nobody rendered: %+v of %+v", a.Frame, a.Job, a.Lease, a, r)
	}
	j.done[a.Position] = *a
	g.kept[place{a.Lease, a.Frame}] = true
	g.w.count.frames.Add(1)
}

// count enters a failure or a lapse. A failure counts once, and a frame is given up only after enough of them.
func (g *ledger) count(a *farm.Attempt) {
	j, at := g.jobs[a.Job], place{a.Lease, a.Frame}
	r, told := g.said[at]
	if a.Outcome == farm.Errored {
		if g.failed[at] {
			g.fail("the failure of frame %d of lease %d counts twice", a.Frame, a.Lease)
		}
		if !told || r.Outcome != farm.Errored {
			g.fail("frame %d of lease %d is said to have failed, and nobody said so", a.Frame, a.Lease)
		}
		g.failed[at] = true
	}
	j.tried[a.Position] = append(j.tried[a.Position], *a)
	limit := j.Attempts
	if limit == 0 {
		limit = g.rules.Attempts
	}
	errored, lost, _ := j.tries(a.Position)
	if a.Final && errored < limit && lost < 5*limit && !r.Fatal || !a.Final && a.Outcome == farm.Errored && errored >= limit {
		g.fail("frame %d of job %d is given up: %v, after %d failures and %d lapses of %d", a.Frame, a.Job, a.Final, errored, lost, limit)
	}
}

// tries counts what became of a frame that is not done.
func (j *ledgerJob) tries(p int) (errored, lost int, final bool) {
	for i := range j.tried[p] {
		a := &j.tried[p][i]
		if final = final || a.Final; a.Outcome == farm.Errored {
			errored++
		} else {
			lost++
		}
	}
	return errored, lost, final
}

// gaveUp tells whether a task was given up and no late result came all the same.
func (j *ledgerJob) gaveUp(p int) bool {
	_, _, final := j.tries(p)
	_, done := j.done[p]
	return final && !done
}

// needs are the positions that a task stands on, found in the plainest way.
func (j *ledgerJob) needs(p int) (list []int) {
	plan := j.Plan()
	no, is := plan.Task(p)
	if !is {
		return nil
	}
	task, _ := farm.TaskOf(no)
	for q := range plan.Positions() {
		no, ok := plan.Task(q)
		other, _ := farm.TaskOf(no)
		if ok && j.Process != nil && j.level(no) < j.level(task.Frame) {
			list = append(list, q)
		}
		if ok && task.Stage == farm.StageRender && other.Stage == farm.StageBake {
			list = append(list, q)
		}
		if ok && task.Stage == farm.StageFinish && other.Stage == farm.StageRender && other.Picture() == task.Picture() {
			list = append(list, q)
		}
		picture := other.Stage == farm.StageFinish || j.Parts() == 0 && other.Stage == farm.StageRender
		if ok && task.Stage == farm.StageEncode && picture {
			list = append(list, q)
		}
	}
	return list
}

// level is that of the step which a task of a job of commands belongs to.
func (j *ledgerJob) level(no int) int {
	i, _ := j.Process.Step(no)
	return j.Process.Steps[i].Level
}

// lacks is a position that a task stands on and that is not done, or -1. A film does without frames that were given up,
// but not without all.
func (j *ledgerJob) lacks(p int) int {
	no, _ := j.Plan().Task(p)
	needs, stopped, there := j.needs(p), map[int]bool{}, 0
	if farm.IsFilm(no) {
		stopped = j.stopped()
	}
	for _, q := range needs {
		_, done := j.done[q]
		_, _, final := j.tries(q)
		other, _ := j.Plan().Task(q)
		bake, _ := farm.TaskOf(other)
		_, begun := j.done[p] // the bake may be done again since
		switch {
		case done, bake.Stage == farm.StageBake && (begun || !final && j.covered(bake.Part, farm.FrameOf(no))):
			there++
		case !farm.IsFilm(no) || !final && !stopped[q]:
			return q
		}
	}
	if len(needs) > 0 && there == 0 {
		return needs[0]
	}
	return -1
}

// stopped are the positions that stand on one that was given up; of a film, on all.
func (j *ledgerJob) stopped() map[int]bool {
	set := make(map[int]bool)
	plan := j.Plan()
	for p := range plan.Positions() {
		needs := j.needs(p)
		if no, _ := plan.Task(p); farm.IsFilm(no) { // it comes last
			_, done := j.done[p]
			set[p] = !done && !slices.ContainsFunc(needs, func(q int) bool {
				return !j.gaveUp(q) && !set[q]
			})
			if !set[p] {
				delete(set, p)
			}
			continue
		}
		for _, q := range needs {
			if _, done := j.done[p]; (j.gaveUp(q) || set[q]) && !done { // a bake may be given up after its frames
				set[p] = true
			}
		}
	}
	return set
}

// balance looks that what is kept of a job adds up.
func (g *ledger) balance(j *ledgerJob) {
	if j.deleted {
		return
	}
	given, stopped := 0, j.stopped()
	for p, tried := range j.tried {
		if _, done := j.done[p]; !done && !stopped[p] && slices.ContainsFunc(tried, func(a farm.Attempt) bool { return a.Final }) {
			given++
		}
	}
	given += len(stopped)
	for p := range j.done {
		if q := j.lacks(p); q >= 0 {
			g.fail("position %d of job %d is done, and %d, which it stands on, is not", p, j.ID, q)
		}
	}
	whole := j.State == farm.Failed && j.Failed == j.Total-j.Done && len(j.done) == 0 // with the whole scene
	switch {
	case j.Done != len(j.done):
		g.fail("job %d says %d frames are done, there are %d", j.ID, j.Done, len(j.done))
	case j.Failed != given && !whole:
		g.fail("job %d says %d frames failed, there are %d", j.ID, j.Failed, given)
	case j.State == farm.Done && len(j.done) != j.Total, j.State == farm.Failed && (j.Done+j.Failed != j.Total || j.Failed == 0):
		g.fail("job %d is %s with %d done and %d failed of %d", j.ID, j.State, j.Done, j.Failed, j.Total)
	}
	if j.State == farm.Done {
		g.oneBake(j)
	}
	plan := j.Plan()
	by := make(map[int]farm.LeaseID)
	for id, l := range g.leases {
		if l.Job != j.ID {
			continue
		}
		if j.State.Ended() {
			g.fail("job %d is %s and has lease %d", j.ID, j.State, id)
		}
		for _, f := range l.Frames {
			p, _ := plan.Position(f)
			if _, done := j.done[p]; done {
				continue
			}
			if o, twice := by[p]; twice {
				g.fail("frame %d of job %d is leased twice: %d and %d", f, j.ID, o, id)
			}
			by[p] = id
		}
	}
}

// lease enters a lease. Its number is its own for ever, and it is for somebody who may have it.
func (g *ledger) lease(l *farm.Lease) {
	defer func() { g.leases[l.ID] = *l }()
	if old, known := g.issued[l.ID]; known {
		rest := !slices.ContainsFunc(l.Frames, func(f int) bool { return !slices.Contains(old.Frames, f) })
		if old.Job != l.Job || old.Worker != l.Worker || old.Attempt != l.Attempt || old.Issued.UnixMicro() != l.Issued.UnixMicro() || !rest {
			g.fail("two leases have the number %d: %+v and %+v", l.ID, old, *l)
		}
		return
	}
	g.issued[l.ID] = *l
	g.w.count.leases.Add(1)
	j, w := g.jobs[l.Job], g.workers[l.Worker]
	switch {
	case j.deleted || j.held:
		g.fail("lease %d is of job %d, which is deleted (%v) or paused (%v)", l.ID, l.Job, j.deleted, j.held)
	case w.ID == "" || !w.Enabled || w.Draining || l.Slot < 0 || l.Slot >= w.Slots:
		g.fail("lease %d is for slot %d of a worker that is not to work: %+v", l.ID, l.Slot, w)
	case !allows(&j.Needs, &w):
		g.fail("lease %d is for worker %s, tags %v, which may not render job %d: %+v", l.ID, w.Name, w.Tags, l.Job, j.Needs)
	}
	plan := j.Plan()
	for _, f := range l.Frames {
		p, _ := plan.Position(f)
		_, done := j.done[p]
		if q := j.lacks(p); q >= 0 {
			g.fail("%s of job %d is leased, and position %d, which it stands on, is not done", farm.TaskName(f), l.Job, q)
		}
		if _, _, final := j.tries(p); done || final || l.Attempt != len(j.tried[p])+1 {
			g.fail("frame %d of job %d is leased, done %v, given up %v, as attempt %d after %d", f, l.Job, done, final, l.Attempt, len(j.tried[p]))
		}
	}
}

// allows is who may render, read from the design anew.
func allows(n *farm.Needs, w *farm.Worker) bool {
	for _, tag := range n.Tags {
		if !slices.Contains(w.Tags, tag) {
			return false
		}
	}
	return (len(n.Allow) == 0 || slices.Contains(n.Allow, w.Name)) && !slices.Contains(n.Deny, w.Name)
}
