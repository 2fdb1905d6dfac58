package master

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Heartbeat takes a worker's sign of life with all leases it holds, and returns when there are orders for it or
// its wait has passed.
func (m *Master) Heartbeat(ctx context.Context, who Identity, id farm.WorkerID, h farm.Heartbeat) (farm.Orders, error) {
	type held struct {
		orders farm.Orders
		wake   chan struct{}
	}
	take := func(first bool) (held, error) {
		return ask(ctx, m, func(e *engine) (held, error) {
			w := e.workers[id]
			if w == nil || !w.speaks(who) { // registering again says why, where it may not
				return held{orders: farm.Orders{Unknown: true}}, nil
			}
			if first {
				w.load = h.Load
				w.load.Peer = trim(w.load.Peer)
				if w.history == nil {
					w.history = &history{}
				}
				w.history.note(m.opt.Now(), &w.load, &w.Facts)
				if w.pace = h.Pace(); w.pace <= 0 {
					w.pace = e.rules.Heartbeat() // it does not say, but is told now
				}
				e.heard(w)
				w.spoke = true
				e.reschedule(w, m.opt.Now())
				for i := range h.Beats {
					e.beat(w, &h.Beats[i])
				}
				if h.Leaves {
					e.gone(w)
				}
			}
			got := held{orders: e.orders(w, h.Beats)}
			if w.wake == nil {
				w.wake = make(chan struct{})
			}
			got.wake = w.wake
			return got, nil
		})
	}
	got, err := take(true)
	before := got.orders
	if h.PaceMS > 0 {
		before.HeartbeatMS = h.PaceMS // what the worker goes by; another pace is news to it
	}
	if h.Slots > 0 {
		before.Slots = h.Slots
	}
	timer := time.NewTimer(min(time.Duration(max(h.WaitMS, 0))*time.Millisecond, time.Minute))
	defer timer.Stop()
	for {
		if err != nil {
			return farm.Orders{}, err
		}
		if h.WaitMS <= 0 || isNews(&got.orders, &before) {
			return got.orders, nil
		}
		select {
		case <-timer.C:
			return got.orders, nil
		case <-ctx.Done():
			return farm.Orders{}, ctx.Err()
		case <-m.quit:
			return farm.Orders{}, errStopped
		case <-got.wake:
		}
		got, err = take(false)
	}
}

// isNews tells whether a worker is to hear the orders at once.
func isNews(now, before *farm.Orders) bool {
	return len(now.Cancel) > 0 || now.Unknown || now.Drain != before.Drain || now.Disabled != before.Disabled ||
		now.HeartbeatMS != before.HeartbeatMS || now.Slots != before.Slots
}

// order wakes a held heartbeat of the worker.
func (w *worker) order() {
	if w.wake != nil {
		close(w.wake)
		w.wake = nil
	}
}

// orders are what the worker must be told, worked out from what it says it holds.
func (e *engine) orders(w *worker, beats []farm.Beat) farm.Orders {
	o := farm.Orders{Drain: w.Draining, HeartbeatMS: e.rules.HeartbeatMS, Slots: w.Slots}
	if !w.Enabled {
		o.Disabled = w.Reason
		if o.Disabled == "" {
			o.Disabled = "an admin disabled it"
		}
	}
	if why := w.rest(); why != "" && o.Disabled == "" {
		o.Disabled = "it rests: " + why
	}
	for i := range beats {
		if e.leases[beats[i].Lease] == nil {
			o.Cancel = append(o.Cancel, beats[i].Lease)
		}
	}
	return o
}

// patience is how long the worker may be silent. One that was not told yet of a faster pace keeps the old one.
func (e *engine) patience(w *worker) time.Duration {
	limit := e.rules.LeaseTime()
	if w != nil {
		limit = max(limit, farm.LeaseTime(w.pace))
	}
	return limit
}

// beat renews a lease. One that expired while its frames still wait is taken up again: the worker was cut off and
// went on rendering.
func (e *engine) beat(w *worker, b *farm.Beat) {
	l := e.leases[b.Lease]
	if l == nil {
		if l = e.lapsed[b.Lease]; l == nil || l.Worker != w.ID || !e.revive(w, l) {
			return
		}
	}
	if l.Worker != w.ID {
		return
	}
	l.seen = e.m.opt.Now()
	l.early = l.early || !b.Started // known of leases from before a restart
	l.started = l.started || b.Started
	e.rank(l.slot)
	changed := l.beat.Fraction != b.Fraction || l.beat.Frame != b.Frame || l.beat.Phase != b.Phase
	l.beat = *b
	if changed && b.Started {
		if _, _, bakes := l.job.Baking(b.Frame); bakes {
			e.event(farm.Event{Kind: farm.EventBeat, Job: l.Job, Worker: w.ID, Text: l.job.TaskName(b.Frame), Beat: b})
			return
		}
		frame, beat := farm.PictureOf(b.Frame), *b
		beat.Frame = frame
		e.event(farm.Event{Kind: farm.EventBeat, Job: l.Job, Worker: w.ID, Frame: &frame, Beat: &beat})
	}
}

// revive takes a lapsed lease up again when none of its frames was given to somebody else.
func (e *engine) revive(w *worker, l *lease) bool {
	j := l.job
	if l.rested || j.State.Ended() {
		return false
	}
	for _, p := range l.left {
		if j.held[p] != nil {
			return false
		}
	}
	maps.DeleteFunc(l.left, func(_, p int) bool { return j.finished.Contains(p) || j.gaveUp(p) })
	if len(l.left) == 0 {
		return false
	}
	delete(e.lapsed, l.ID)
	var undone []int
	for _, p := range l.left {
		j.held[p] = l
		j.again.Remove(p)
		if j.notLost(p, l.ID) {
			undone = append(undone, p)
		}
	}
	e.hold(w, l)
	e.change(farm.LeaseAdd{Lease: l.rest()})
	if len(undone) > 0 {
		e.change(farm.LapseUndone{Job: j.ID, Lease: l.ID, Positions: farm.SpansOf(undone...)})
	}
	e.mark(j)
	e.sync(j)
	return true
}

// expire ends leases whose workers fell silent. Their frames wait again; that is no failure of the scene.
func (e *engine) expire(now time.Time) {
	var silent []*lease
	for _, l := range e.leases {
		if now.Sub(l.seen) >= e.patience(e.workers[l.Worker]) {
			silent = append(silent, l)
		}
	}
	slices.SortFunc(silent, func(a, b *lease) int { return cmp.Compare(a.ID, b.ID) })
	for _, l := range silent {
		e.expired++
		e.m.peers.leave(l.Worker) // it may be out of others' reach, too
		e.drop(l)
		e.lapsed[l.ID] = l
		for f, p := range l.left {
			e.loseFrame(l, f, p, now)
		}
		e.mark(l.job)
		e.sync(l.job)
		e.endIfOver(l.job)
	}
}

// loseFrame notes that the lease's worker fell silent over the frame.
func (e *engine) loseFrame(l *lease, frame, p int, now time.Time) {
	j := l.job
	t := j.try(p)
	t.lost = append(t.lost, l.ID)
	e.seq++
	a := farm.Attempt{
		Seq: e.seq, Job: j.ID, Frame: frame, Position: p, Number: l.Attempt, Lease: l.ID, Worker: l.Worker,
		Outcome: farm.Expired, Error: "the worker fell silent", Started: l.Issued, Ended: now,
	}
	if len(t.lost) >= j.attemptLimit(e.rules)*lostFactor {
		a.Error = "every worker that tried it fell silent"
		e.giveUp(j, p, &a)
	} else {
		e.putBack(j, p)
	}
	e.change(farm.FrameTried{Attempt: a})
	e.frameEvent(j, frame, l.Worker, string(farm.Expired), a.Error, a.Seq)
}

// notLost takes back that the lease was lost at the position, and tells whether it was.
func (j *job) notLost(p int, id farm.LeaseID) bool {
	t := j.tries[p]
	if t == nil {
		return false
	}
	before := len(t.lost)
	t.lost = slices.DeleteFunc(t.lost, func(lost farm.LeaseID) bool { return lost == id })
	if t.failures == 0 && len(t.lost) == 0 {
		delete(j.tries, p)
	}
	return len(t.lost) < before
}

// rest is the lease as it is kept once frames of it were settled: after a restart they must not be taken for being
// rendered.
func (l *lease) rest() farm.Lease {
	rest := l.Lease
	rest.Frames = slices.DeleteFunc(slices.Clone(l.Frames), func(f int) bool { _, left := l.left[f]; return !left })
	return rest
}

// forgive gives every lease and worker a new lease time.
func (e *engine) forgive(now time.Time) {
	for _, l := range e.leases {
		l.seen = now
	}
	for _, w := range e.workers {
		if w.online {
			w.seen = now
		}
	}
	e.began = now
	for _, j := range e.jobs {
		if j.lastSent.After(now) {
			j.lastSent = now
			e.sync(j)
		}
	}
}
