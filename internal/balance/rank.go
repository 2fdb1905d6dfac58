package balance

import (
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// The classes of first priorities: lower ones go first.
const (
	classAwaited = iota - 1 // somebody waits at a page for the answer

	classNew   = iota - 1 // fewer than NewFrames ever dispatched: errors show early
	classStale            // nothing running, and long since the last dispatch
	classRest
	classes // how many there are
)

// rule is what decided between two jobs.
type rule int

const (
	byClass rule = iota
	byRating
	byWarmth
	byWait
	byAge
)

// slack keeps rounding from deciding: 3/9 is the same however it was computed.
const slack = 1e-9

// contest is one question for work with what is the same for all jobs.
type contest struct {
	s     *Snapshot
	rules farm.Rules
	w     *Worker
	now   time.Time

	slots  float64  // N, at least 1
	most   float64  // workers a job may hold while others want them
	lifted bool     // the cap does not count
	kept   bool     // a job with waiting frames was kept from the worker by the cap
	best   standing // of the candidates
}

func newContest(s *Snapshot, rules farm.Rules, w *Worker, now time.Time) contest {
	n := float64(max(s.Slots, 1))
	return contest{s: s, rules: rules, w: w, now: now, slots: n, most: rules.Cap*n + slack}
}

// standing is how good a job's claim is before ties are looked at.
type standing struct {
	class    int
	rating   float64
	priority int
}

// leads orders standings. The priority only makes the best one unique: it bounds who is about as good.
func (a standing) leads(b standing) bool {
	if a.class != b.class {
		return a.class < b.class
	}
	if a.rating != b.rating {
		return a.rating < b.rating
	}
	return a.priority > b.priority
}

// entry is a job in the contest.
type entry struct {
	*Job
	standing
	near bool // about as good as the best
}

func (c *contest) standing(j *Job) standing {
	p := max(j.Priority, 1)
	return standing{class: c.class(j), rating: c.rating(j, p), priority: p}
}

func (c *contest) entry(j *Job) entry {
	st := c.standing(j)
	return entry{Job: j, standing: st, near: c.near(st)}
}

// near tells whether a job is within one worker's share of the best. Of the two jobs the greater priority says how
// much a worker's share is: with the smaller one a job of priority 1 would be as good as one of priority 100 while
// either holds many workers too many, and a farm of many small jobs would forget priorities.
func (c *contest) near(st standing) bool {
	share := 1 / (c.slots * float64(max(st.priority, c.best.priority)))
	return st.class == c.best.class && !(st.rating > c.best.rating+share+slack)
}

// compare tells whether a goes before b, and what decided. While best stands still it is a strict total order of
// jobs of different ids: being near is a property of each job alone, not of the pair.
func (c *contest) compare(a, b *entry) (before bool, by rule) {
	if a.class != b.class {
		return a.class < b.class, byClass
	}
	if a.near != b.near {
		return a.near, byRating
	}
	if !a.near && a.rating != b.rating {
		return a.rating < b.rating, byRating
	}
	if warm := c.warm(a.Job); warm != c.warm(b.Job) {
		return warm, byWarmth
	}
	if !a.LastDispatch.Equal(b.LastDispatch) { // never is longest ago
		return a.LastDispatch.Before(b.LastDispatch), byWait
	}
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created), byAge
	}
	return a.ID < b.ID, byAge
}

// warm tells whether the worker has the job's scene open.
func (c *contest) warm(j *Job) bool { return c.w.Scene != "" && j.Scene == c.w.Scene }

// assigned is the job's workers but the one that asks: by asking it leaves the job it has.
func (c *contest) assigned(j *Job) int {
	if c.w.Holds == j.ID && j.Assigned > 0 {
		return j.Assigned - 1
	}
	return j.Assigned
}

// rating is the usage the job would have with this worker, divided by its priority.
func (c *contest) rating(j *Job, priority int) float64 {
	return (0.5*j.Usage + 0.5*float64(c.assigned(j)+1)/c.slots) / float64(priority)
}

// full tells whether one worker more would take the job over the cap. One worker is always allowed.
func (c *contest) full(j *Job) bool {
	n := c.assigned(j)
	return n > 0 && float64(n+1) > c.most
}

// class is the job's class of first priorities. A job that never got a frame though new ones do not go first is
// waiting since it was created, so that it cannot starve either.
func (c *contest) class(j *Job) int {
	if j.Stage == farm.StageInspect || j.Stage == farm.StageProbe {
		return classAwaited
	}
	if j.Dispatched < c.rules.NewFrames {
		return classNew
	}
	if j.Running > 0 {
		return classRest
	}
	last := j.LastDispatch
	if last.IsZero() {
		last = j.Created
	}
	if c.now.Sub(last).Minutes() > c.rules.StaleMins { // in minutes: any setting fits a float, not a Duration
		return classStale
	}
	return classRest
}
