package master

import (
	"slices"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

// offers is what became available since those who wait were last looked at: whoever waits was refused everything else
// already. So a farm of thousands of idle workers and jobs costs nothing while nothing changes for them.
type offers struct {
	all     bool
	jobs    map[*job]struct{}          // that got waiting frames, or let more workers in
	workers map[farm.WorkerID]struct{} // that can do more
}

func (e *engine) offer(j *job) {
	if e.offers.jobs == nil {
		e.offers.jobs = make(map[*job]struct{})
	}
	e.offers.jobs[j] = struct{}{}
}

func (e *engine) offerTo(id farm.WorkerID) {
	if e.offers.workers == nil {
		e.offers.workers = make(map[farm.WorkerID]struct{})
	}
	e.offers.workers[id] = struct{}{}
}

// reach tells whether something of it may be for the slot.
func (o *offers) reach(e *engine, slot *farm.Worker) bool {
	if _, ok := o.workers[slot.ID]; ok || o.all {
		return true
	}
	bw := balance.Worker{Worker: slot}
	for j := range o.jobs {
		if j.at >= 0 && e.snap.Jobs[j.at].Queued > 0 && e.snap.Jobs[j.at].Suits(&bw) {
			return true
		}
	}
	return false
}

// suit tells whether the slot may render one of the jobs.
func (o *offers) suit(e *engine, slot *farm.Worker) bool {
	bw := balance.Worker{Worker: slot}
	for j := range o.jobs {
		if j.at >= 0 && e.snap.Jobs[j.at].Suits(&bw) {
			return true
		}
	}
	return false
}

// match hands what became available to those who wait.
func (e *engine) match() {
	o := e.offers
	if e.broken != nil || !o.all && len(o.jobs) == 0 && len(o.workers) == 0 {
		return
	}
	e.offers = offers{}
	kept := e.waiting[:0]
	for i, w := range e.waiting {
		wk := e.workers[w.wish.Worker]
		switch {
		case wk == nil: // its registration could not be kept
			e.turnAway(w)
		case !e.anyQueued():
			kept = append(kept, e.waiting[i:]...)
			clear(e.waiting[len(kept):])
			e.waiting = kept
			return
		case o.reach(e, wk.Slot(w.wish.Slot)) && e.grantTo(w, wk):
			wk.held--
		default:
			kept = append(kept, w)
		}
	}
	clear(e.waiting[len(kept):])
	e.waiting = kept
}

// turnAway answers a held claim of a worker that is not known any more.
func (e *engine) turnAway(w *waiter) {
	w.refuse(farm.Errorf(farm.NotFound, "the worker was removed").WithHint("register again"))
}

func (e *engine) anyQueued() bool {
	for i := range e.snap.Jobs {
		if e.snap.Jobs[i].Queued > 0 {
			return true
		}
	}
	return false
}

// mayRender tells whether the worker is there, or will be in a moment after a restart, and suits the job; what it
// failed does not matter.
func (w *worker) mayRender(j *job) bool { return !w.rests && w.couldRender(j) }

// couldRender is mayRender also of a worker that rests.
func (w *worker) couldRender(j *job) bool {
	return (w.online || w.awaited) && w.Enabled && !w.Draining && (w.Facts.Scripts || !j.Options.Scripts) && w.Facts.Takes(j.asks) && (j.notClassic == "" || !w.Facts.IsClassic()) && j.Needs.Suits(&w.Worker)
}

// changed is told when a worker came, went or can do other things than before.
func (e *engine) changed(wk *worker) {
	n := 0
	if wk.online && wk.Enabled && !wk.Draining && !wk.rests && e.workers[wk.ID] == wk {
		n = wk.Slots
	}
	e.snap.Slots += n - wk.counted // N of DESIGN.md section 5
	wk.counted = n
	e.alarms.fleet++
	e.offerTo(wk.ID)
	for _, j := range e.order {
		if len(j.refused) > 0 {
			e.lift(j, wk)
		}
		if len(j.tries) > 0 { // what waits for this worker to try it
			e.offer(j)
		}
	}
}

// lift works out whether nobody but the workers that failed the job could render it; then they may again. wk is the
// worker that changed; nil: the job did. It is asked of every job whenever a worker comes or goes, so it remembers
// somebody who could.
func (e *engine) lift(j *job, wk *worker) {
	if j.at < 0 {
		return
	}
	b := &e.snap.Jobs[j.at]
	could := func(w *worker) bool {
		_, refused := j.refused[w.ID]
		return !refused && e.workers[w.ID] == w && w.mayRender(j)
	}
	before := b.NobodyElse
	switch {
	case len(j.refused) == 0:
		b.NobodyElse, j.other = false, nil
	case j.other != nil && could(j.other):
		b.NobodyElse = false
	case wk != nil && could(wk):
		b.NobodyElse, j.other = false, wk
	case wk != nil && j.other == nil && b.NobodyElse:
	default:
		j.other = nil
		for _, w := range e.workers {
			if could(w) {
				j.other = w
				break
			}
		}
		b.NobodyElse = j.other == nil
	}
	if wk == nil || b.NobodyElse != before {
		e.offer(j)
	}
}

// elsewhere tells whether another worker than those that failed the position could try it.
func (e *engine) elsewhere(j *job, t *try) bool {
	could := func(w *worker) bool {
		if slices.Contains(t.workers, w.ID) || e.workers[w.ID] != w || !w.mayRender(j) {
			return false
		}
		_, refused := j.refused[w.ID]
		return !refused || e.snap.Jobs[j.at].NobodyElse
	}
	if j.fresh != nil && could(j.fresh) {
		return true
	}
	for _, w := range e.workers {
		if could(w) {
			j.fresh = w
			return true
		}
	}
	j.fresh = nil
	return false
}
