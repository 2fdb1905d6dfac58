package master

import (
	"slices"
	"time"

	"github.com/netrender/netrender/internal/balance"
)

// Leases held ahead keep workers from idling while much waits. At a job's end they would do the opposite: frames would
// lie with a slow worker while fast ones idle. So what a slot has not begun is taken back for one that waits.

// worthwhile is what must be gained by giving a lease to another slot: its first worker may have begun it just now, and
// stops its Blender then.
const worthwhile = 2 * time.Second

// never bounds what a frame is thought to take.
const never = 30 * 24 * time.Hour

// took notes how long a frame took in the slot.
func (s *slot) took(j *job, d time.Duration, now time.Time) {
	if s != nil {
		s.pace, s.of, s.since = d, j.ID, now
	}
}

// gain estimates how much sooner the lease, which its slot has not begun, would be done by the slot that asks.
func (s *slot) gain(l *lease, asks *slot, now time.Time) time.Duration {
	frames := 0 // before it
	for _, o := range s.leases {
		if o == l {
			break
		}
		frames += len(o.left)
	}
	if frames == 0 {
		return 0
	}
	pace, left := s.present(now)
	faster := time.Duration(0)
	if asks.of == l.Job {
		faster = pace - asks.pace
	}
	return left + times(frames-1, pace) + times(len(l.left), faster)
}

func times(n int, d time.Duration) time.Duration {
	return time.Duration(min(n, 1000)) * min(max(d, -never), never)
}

// present estimates what a frame takes in the slot, and what is left of the present one: by the progress that Blender
// tells, else by the last frame of the job. Of a frame of which nothing is known, and of one that is overdue, as much
// is left as it took so far.
func (s *slot) present(now time.Time) (pace, left time.Duration) {
	l := s.leases[0]
	begun := l.Issued
	if s.since.After(begun) {
		begun = s.since
	}
	so := min(max(now.Sub(begun), 0), never)
	switch f := l.beat.Fraction; {
	case f >= 0.05:
		pace = time.Duration(float64(l.seen.Sub(begun)) / min(f, 1))
		return min(pace, never), max(min(pace, never)-so, 0)
	case s.of == l.Job && so <= s.pace:
		return s.pace, s.pace - so
	case s.of == l.Job:
		return so, so - s.pace
	}
	return so, so
}

// rank keeps the list of what is held ahead after the slot's leases changed.
func (e *engine) rank(s *slot) {
	for i, l := range s.leases {
		if i > 0 && l.early && !l.started {
			e.ahead[l] = struct{}{}
		} else {
			delete(e.ahead, l)
		}
	}
}

// atEnd tells whether the lease may be taken back at all: nothing else of its job waits.
func (l *lease) atEnd() bool { return l.job.at >= 0 && l.job.waiting() == 0 }

// takeBackFor gives the slot that waits a lease that another one holds ahead: the one that gains most.
func (e *engine) takeBackFor(w *waiter, wk *worker) bool {
	bw := balance.Worker{Worker: wk.Slot(w.wish.Slot), Rests: wk.rest()}
	now := e.m.opt.Now()
	asks := wk.slot(w.wish.Slot)
	var best *lease
	var most time.Duration
	for l := range e.ahead {
		if !l.atEnd() || l.slot == asks || !e.snap.Jobs[l.job.at].Suits(&bw) {
			continue
		}
		gain := l.slot.gain(l, asks, now)
		if gain >= worthwhile && (best == nil || gain > most || gain == most && l.ID < best.ID) {
			best, most = l, gain
		}
	}
	if best == nil {
		return false
	}
	e.revoke(best)
	return e.grantTo(w, wk)
}

// revoke takes a lease back. Should its worker have begun it just now, its result counts all the same when nobody else
// is faster.
func (e *engine) revoke(l *lease) {
	e.drop(l)
	e.lapsed[l.ID] = l
	for _, p := range l.left {
		e.putBack(l.job, p)
	}
	if owner := e.workers[l.Worker]; owner != nil {
		owner.order()
	}
	e.mark(l.job)
	e.sync(l.job)
}

// takeBack looks, now and then, whether those who wait can be given what others hold ahead.
func (e *engine) takeBack() {
	if len(e.waiting) == 0 || len(e.ahead) == 0 || e.broken != nil {
		return
	}
	jobs := make(map[*job]struct{})
	for l := range e.ahead {
		if l.atEnd() {
			jobs[l.job] = struct{}{}
		}
	}
	if len(jobs) == 0 {
		return
	}
	o := offers{jobs: jobs}
	e.waiting = slices.DeleteFunc(e.waiting, func(w *waiter) bool {
		wk := e.workers[w.wish.Worker]
		if wk == nil || !o.suit(e, wk.Slot(w.wish.Slot)) || !e.takeBackFor(w, wk) {
			return false
		}
		wk.held--
		return true
	})
}
