// Package balance says who goes next: which job a worker that asks gets its next frames from, and why. It is a
// function of what it is given. It knows no clock, no lock and does no I/O; DESIGN.md section 5 is its law.
//
// The order of the rules: who may; the cap; the class of first priorities; the rating; within one worker's share of
// the best rating, the open scene, then the least recently dispatched; the older job.
package balance

import (
	"fmt"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Job is what the balancer must know of a job.
type Job struct {
	ID           farm.JobID
	Priority     int       // 1..100
	Usage        float64   // averaged share of the farm, see Tick
	Assigned     int       // slots whose newest lease belongs to the job
	Running      int       // frames in flight
	Queued       int       // frames that wait
	Dispatched   int       // frames ever handed out
	LastDispatch time.Time // zero: never
	Created      time.Time
	Scene        string // what a session must have open
	Needs        *farm.Needs
	Scripts      bool                       // the scene's Python is to run
	Refused      map[farm.WorkerID]struct{} // workers that failed the job
	NobodyElse   bool                       // every worker that could is refused: Refused does not count
}

// Worker is the slot that asks.
type Worker struct {
	*farm.Worker
	Scene string     // what its session has open
	Holds farm.JobID // job of its newest lease, which it leaves by asking; 0: none
}

// Snapshot is the farm at one instant.
type Snapshot struct {
	Jobs  []Job
	Slots int // N: slots of workers that are online and enabled
}

// The classes of first priorities: lower ones go first.
const (
	classNew   = 0 // fewer than NewFrames ever dispatched: errors show early
	classStale = 1 // nothing running, and long since the last dispatch
	classRest  = 2
)

// Tick averages a job's usage, every 10 seconds: u <- 0.5*u + 0.5*assigned/N.
func Tick(usage float64, assigned, slots int) float64 {
	if slots <= 0 {
		return 0.5 * usage
	}
	return 0.5*usage + 0.5*float64(assigned)/float64(slots)
}

// Choose returns the index of the job that the worker gets frames of; ok is false when there is none for it.
// It allocates nothing.
func Choose(s *Snapshot, rules farm.Rules, w *Worker, now time.Time) (index int, ok bool) {
	index = choose(s, rules, w, now, true)
	if index < 0 { // every job that could use the worker is at its cap: no worker idles because of it
		index = choose(s, rules, w, now, false)
	}
	return index, index >= 0
}

// choose goes over the jobs twice: once for the best class and rating, once among those that are as good.
func choose(s *Snapshot, rules farm.Rules, w *Worker, now time.Time, capped bool) int {
	class, rating, least := classRest+1, 0.0, -1
	for i := range s.Jobs {
		j := &s.Jobs[i]
		c := j.class(rules, now)
		r := j.rating(s.Slots, w)
		if c > class || c == class && r >= rating || !j.candidate(s, rules, w, capped) {
			continue
		}
		class, rating, least = c, r, i
	}
	if least < 0 {
		return -1
	}
	best := least
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if i == best || j.class(rules, now) != class || j.rating(s.Slots, w) > rating+j.share(s.Slots) || !j.candidate(s, rules, w, capped) {
			continue
		}
		if j.before(&s.Jobs[best], w) {
			best = i
		}
	}
	return best
}

// candidate tells whether the worker may get frames of the job now.
func (j *Job) candidate(s *Snapshot, rules farm.Rules, w *Worker, capped bool) bool {
	return j.Queued > 0 && !(capped && j.full(s.Slots, rules, w)) && j.bars(w) == ""
}

// assigned is the job's workers but the one that asks: by asking it leaves the job it has.
func (j *Job) assigned(w *Worker) int {
	if w.Holds == j.ID && j.Assigned > 0 {
		return j.Assigned - 1
	}
	return j.Assigned
}

// rating is the usage the job would have with this worker, divided by its priority.
func (j *Job) rating(slots int, w *Worker) float64 {
	n := float64(max(slots, 1))
	return (0.5*j.Usage + 0.5*float64(j.assigned(w)+1)/n) / float64(max(j.Priority, 1))
}

// share is what one worker weighs in the job's rating.
func (j *Job) share(slots int) float64 {
	return 1 / (float64(max(slots, 1)) * float64(max(j.Priority, 1)))
}

// full tells whether one worker more would be over the cap. One worker is always allowed.
func (j *Job) full(slots int, rules farm.Rules, w *Worker) bool {
	n := j.assigned(w)
	return n > 0 && float64(n+1) > rules.Cap*float64(slots)
}

// class is the job's class of first priorities.
func (j *Job) class(rules farm.Rules, now time.Time) int {
	switch {
	case j.Dispatched < rules.NewFrames:
		return classNew
	case j.Running == 0 && !j.LastDispatch.IsZero() && now.Sub(j.LastDispatch) > time.Duration(rules.StaleMins*float64(time.Minute)):
		return classStale
	}
	return classRest
}

// before is the order among jobs that are equally good: the open scene, the least recently dispatched, the older.
func (j *Job) before(o *Job, w *Worker) bool {
	if warm, other := w.Scene != "" && j.Scene == w.Scene, w.Scene != "" && o.Scene == w.Scene; warm != other {
		return warm
	}
	if !j.LastDispatch.Equal(o.LastDispatch) {
		return j.LastDispatch.Before(o.LastDispatch)
	}
	if !j.Created.Equal(o.Created) {
		return j.Created.Before(o.Created)
	}
	return j.ID < o.ID
}

// bars says in one sentence why the worker may not render the job, or "" when it may.
func (j *Job) bars(w *Worker) string {
	switch {
	case !w.Enabled:
		return "the worker is disabled"
	case w.Draining:
		return "the worker takes no more work"
	case j.Scripts && !w.Facts.Scripts:
		return "the job runs scripts, and the worker does not allow them"
	}
	if _, refused := j.Refused[w.ID]; refused && !j.NobodyElse {
		return "it failed this job before; a retry lets it try again"
	}
	if j.Needs == nil {
		return ""
	}
	return j.Needs.WhyNot(w.Worker)
}

// Reason says what decided for one job.
type Reason struct {
	Job    farm.JobID
	Chosen bool
	Class  int
	Rating float64
	Text   string
}

// Explain says for every job why the worker would get it now, or not.
func Explain(s *Snapshot, rules farm.Rules, w *Worker, now time.Time) []Reason {
	chosen, ok := Choose(s, rules, w, now)
	reasons := make([]Reason, len(s.Jobs))
	for i := range s.Jobs {
		j := &s.Jobs[i]
		r := Reason{Job: j.ID, Class: j.class(rules, now), Rating: j.rating(s.Slots, w)}
		why := j.bars(w)
		switch {
		case ok && i == chosen:
			r.Chosen, r.Text = true, "the worker's next frames are this job's"
		case why != "":
			r.Text = why
		case j.Queued == 0:
			r.Text = "no frame of it waits"
		case j.full(s.Slots, rules, w) && ok && !s.Jobs[chosen].full(s.Slots, rules, w):
			r.Text = fmt.Sprintf("it has %d of %d workers, the most while others want them (%.0f %%)", j.Assigned, s.Slots, 100*rules.Cap)
		case ok:
			r.Text = j.behind(&s.Jobs[chosen], s, rules, w, now)
		}
		reasons[i] = r
	}
	return reasons
}

// behind says why the winner goes before j.
func (j *Job) behind(winner *Job, s *Snapshot, rules farm.Rules, w *Worker, now time.Time) string {
	name := fmt.Sprintf("job %d", winner.ID)
	if c := winner.class(rules, now); c < j.class(rules, now) {
		if c == classNew {
			return name + " is new, and new jobs get a first frame at once"
		}
		return name + " had no worker for long"
	}
	mine, its := j.rating(s.Slots, w), winner.rating(s.Slots, w)
	switch {
	case mine > its+j.share(s.Slots):
		return fmt.Sprintf("%s uses less of the farm for its priority (rating %.3f, this one %.3f)", name, its, mine)
	case w.Scene != "" && winner.Scene == w.Scene && j.Scene != w.Scene:
		return name + " is about equal, and the worker has its scene open"
	}
	return name + " is about equal, and waits longer"
}
