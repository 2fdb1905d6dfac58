// Package balance says who goes next: which job a worker that asks gets its next frames from, and why. It is a
// function of what it is given: it knows no clock and no lock, and does no I/O. DESIGN.md section 5 is its law.
//
//	Job       what the balancer must know of a job
//	Worker    the slot that asks
//	Snapshot  the farm at one instant
//	Choose    the job the slot gets frames of
//	Explain   why, one sentence for every job
//
// The rules, in the order they speak: who may; frames that wait; the cap; the class of first priorities; the rating;
// and among jobs that are about as good as the best: the open scene, the least recently dispatched, the older job.
package balance

import (
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Job is what the balancer must know of a job.
type Job struct {
	ID           farm.JobID
	Priority     int                        // 1..100
	Usage        float64                    // averaged share of the farm, 0..1, see Tick
	Assigned     int                        // slots whose newest lease belongs to the job
	Running      int                        // frames in flight
	Queued       int                        // frames that wait
	Dispatched   int                        // frames ever handed out
	LastDispatch time.Time                  // zero: never
	Created      time.Time                  //
	Scene        string                     // what a session must have open; empty: nothing can be warm for it
	Needs        *farm.Needs                // nil: none
	Scripts      bool                       // the scene's Python is to run
	Refused      map[farm.WorkerID]struct{} // workers that failed the job; may be nil
	Stage        farm.Stage                 // what is to be done; "": frames are rendered
	NotClassic   string                     // what of it workers of the original protocol cannot do; "": nothing
	NobodyElse   bool                       // every worker that could render it is in Refused: that does not count then
}

// Worker is the slot that asks.
type Worker struct {
	*farm.Worker
	Scene string     // what its session has open; empty: nothing
	Holds farm.JobID // job of the slot's newest lease, which it leaves by asking; 0: none
	Rests string     // why it is given nothing now: its hours, its user; empty: it is
}

// Snapshot is the farm at one instant. The order of the jobs means nothing.
type Snapshot struct {
	Jobs  []Job // those that hand out frames, each ID once
	Slots int   // N: slots of workers that are online and enabled
}

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
	c := newContest(s, rules, w, now)
	index = c.choose()
	return index, index >= 0
}

// choose returns the index of the job that goes first, or -1.
func (c *contest) choose() int {
	index := c.first()
	if index < 0 && c.kept {
		// Every job that could use the worker is at its cap. No worker idles because of the cap: it is lifted.
		c.lifted = true
		index = c.first()
	}
	return index
}

// first goes over the jobs twice: once for the best class and rating, which say who is about as good, then for the
// first among those. Who may is a law that comes first but costs most, so it is asked only of jobs that would win.
func (c *contest) first() int {
	jobs := c.s.Jobs
	c.best = standing{class: classes}
	for i := range jobs {
		if st := c.standing(&jobs[i]); st.leads(c.best) && c.candidate(&jobs[i]) {
			c.best = st
		}
	}
	if c.best.class == classes {
		return -1
	}
	index := -1
	var top entry
	for i := range jobs {
		e := c.entry(&jobs[i])
		if !e.near {
			continue
		}
		if index >= 0 {
			if before, _ := c.compare(&e, &top); !before {
				continue
			}
		}
		if c.candidate(e.Job) {
			index, top = i, e
		}
	}
	return index
}

// candidate tells whether the worker may get frames of the job now.
func (c *contest) candidate(j *Job) bool {
	if j.Queued <= 0 || c.off(j) {
		return false
	}
	if !c.lifted && c.full(j) {
		c.kept = true
		return false
	}
	return j.Suits(c.w)
}

// off tells whether nobody works on the job because commands are not run.
func (c *contest) off(j *Job) bool { return j.Stage == farm.StageProcess && !c.rules.Processes }

// Suits tells whether the worker may render the job at all; bars says why not.
func (j *Job) Suits(w *Worker) bool {
	if !w.Enabled || w.Draining || w.Rests != "" || j.Scripts && !w.Facts.Scripts || !w.Facts.Takes(j.Stage) || j.refuses(w) {
		return false
	}
	if j.NotClassic != "" && w.Facts.IsClassic() {
		return false
	}
	return j.Needs == nil || j.Needs.Suits(w.Worker)
}

// refuses tells whether the worker failed the job before and another worker could render it.
func (j *Job) refuses(w *Worker) bool {
	if j.NobodyElse || len(j.Refused) == 0 {
		return false
	}
	_, refused := j.Refused[w.ID]
	return refused
}
