package master

import (
	"context"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Heartbeat takes a worker's sign of life with all leases it holds, and returns when there are orders for it or
// wait has passed.
func (m *Master) Heartbeat(ctx context.Context, id farm.WorkerID, beats []farm.Beat, load farm.Load, wait time.Duration) (farm.Orders, error) {
	type held struct {
		orders farm.Orders
		wake   chan struct{}
	}
	take := func(first bool) (held, error) {
		return ask(ctx, m, func(e *engine) (held, error) {
			w := e.workers[id]
			if w == nil {
				return held{orders: farm.Orders{Unknown: true}}, nil
			}
			if first {
				w.load = load
				e.heard(w)
				for i := range beats {
					e.beat(w, &beats[i])
				}
			}
			h := held{orders: e.orders(w, beats)}
			if w.wake == nil {
				w.wake = make(chan struct{})
			}
			h.wake = w.wake
			return h, nil
		})
	}
	h, err := take(true)
	if err != nil || h.orders.Unknown || len(h.orders.Cancel) > 0 || wait <= 0 {
		return h.orders, err
	}
	before := h.orders
	timer := time.NewTimer(min(wait, time.Minute))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return before, nil
		case <-ctx.Done():
			return farm.Orders{}, ctx.Err()
		case <-m.quit:
			return farm.Orders{}, errStopped
		case <-h.wake:
		}
		if h, err = take(false); err != nil {
			return farm.Orders{}, err
		}
		if len(h.orders.Cancel) > 0 || h.orders.Unknown || h.orders.Drain != before.Drain || h.orders.Disabled != before.Disabled {
			return h.orders, nil
		}
	}
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
	o := farm.Orders{Drain: w.Draining}
	if !w.Enabled {
		o.Disabled = w.Reason
		if o.Disabled == "" {
			o.Disabled = "an admin disabled it"
		}
	}
	for i := range beats {
		if e.leases[beats[i].Lease] == nil {
			o.Cancel = append(o.Cancel, beats[i].Lease)
		}
	}
	return o
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
	l.started = l.started || b.Started
	changed := l.beat.Fraction != b.Fraction || l.beat.Frame != b.Frame || l.beat.Phase != b.Phase
	l.beat = *b
	if changed && b.Started {
		frame, beat := b.Frame, *b
		e.event(farm.Event{Kind: farm.EventBeat, Job: l.Job, Worker: w.ID, Frame: &frame, Beat: &beat})
	}
}

// revive takes a lapsed lease up again when none of its frames was given to somebody else.
func (e *engine) revive(w *worker, l *lease) bool {
	j := l.job
	if j.State.Ended() {
		return false
	}
	for f, p := range l.left {
		if j.finished.Contains(p) || j.gaveUp(p) {
			delete(l.left, f)
			continue
		}
		if j.held[p] != nil {
			return false
		}
	}
	if len(l.left) == 0 {
		return false
	}
	delete(e.lapsed, l.ID)
	for _, p := range l.left {
		j.held[p] = l
	}
	e.hold(w, l)
	e.change(farm.LeaseAdd{Lease: l.Lease})
	e.mark(j)
	e.sync(j)
	return true
}

// expire ends leases whose workers fell silent. Their frames wait again; that is no failure of the scene.
func (e *engine) expire(now time.Time) {
	limit := e.rules.LeaseTime()
	for _, l := range e.leases {
		if now.Sub(l.seen) < limit {
			continue
		}
		j := l.job
		e.expired++
		left := make(map[int]int, len(l.left))
		for f, p := range l.left {
			left[f] = p
		}
		e.drop(l)
		for f, p := range left {
			t := j.try(p)
			t.lost++
			e.seq++
			a := farm.Attempt{
				Seq: e.seq, Job: j.ID, Frame: f, Position: p, Number: l.Attempt, Lease: l.ID, Worker: l.Worker,
				Outcome: farm.Expired, Error: "the worker fell silent", Started: l.Issued, Ended: now,
			}
			if t.lost >= j.attemptLimit(e.rules)*lostFactor {
				a.Error = "every worker that tried it fell silent"
				e.giveUp(j, p, &a)
			} else {
				j.putBack(p)
			}
			e.change(farm.FrameTried{Attempt: a})
			e.frameEvent(j, f, l.Worker, string(farm.Expired), a.Error, a.Seq)
		}
		e.lapsed[l.ID] = l
		e.mark(j)
		e.sync(j)
		e.offered = true
		e.endIfOver(j)
	}
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
}
