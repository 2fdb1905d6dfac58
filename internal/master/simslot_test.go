package master_test

import (
	"context"
	"errors"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simSlot renders one lease after the other.
type simSlot struct {
	no    int
	busy  *simLease
	next  *simLease
	asks  bool
	ahead bool // it asked ahead in this frame
}

func (s *simWorker) claim(x *simSlot) {
	if !s.known || s.rests() || x.no >= s.has || x.asks || x.busy != nil {
		return
	}
	x.asks = true
	wish := farm.Wish{Worker: s.id, Slot: x.no, WaitMS: 1000 + s.w.rng.IntN(20_000)}
	ask(s.w, s.node, time.Duration(wish.WaitMS)*time.Millisecond+3*time.Second, func(ctx context.Context, m *master.Master) (*farm.Grant, error) {
		return m.Claim(ctx, root, wish)
	}, func(g *farm.Grant, err error) {
		x.asks = false
		switch {
		case g != nil && x.busy == nil:
			s.render(x, s.take(g), 0)
		case g != nil:
			s.take(g).canceled = true // nobody is there for it; it expires
		case err != nil:
			s.w.later(s.node, s.patience(), func() { s.claim(x) })
		default:
			s.claim(x)
		}
	})
}

// take enters a lease in the book and the notes.
func (s *simWorker) take(g *farm.Grant) *simLease {
	l := &simLease{Lease: g.Lease, options: g.Options, baked: g.Baked, ready: farm.MaxFrame, until: g.Until, left: make(map[int]bool), frame: g.Lease.Frames[0]}
	if g.Ready != nil {
		l.ready = *g.Ready
	}
	for _, f := range g.Lease.Frames {
		l.left[f] = true
	}
	s.book[l.ID] = l
	note := g.Lease
	s.notes[l.ID] = &note
	s.w.say("%s has lease %d of job %d: %v", s.name, l.ID, l.Job, l.Frames)
	return l
}

// render renders the lease's frames from number i on.
func (s *simWorker) render(x *simSlot, l *simLease, i int) {
	x.busy = l
	if l.canceled || i == len(l.Frames) {
		s.done(x)
		return
	}
	if s.rests() || x.no >= s.has {
		for _, f := range l.Frames[i:] {
			s.push(&simParcel{report: s.report(&l.Lease, f, farm.HandedBack)})
		}
		s.done(x)
		return
	}
	plan := s.w.ledger.plan(l.Job)
	if !s.files[plan.ref] {
		s.fetch(x, l, plan, i)
		return
	}
	frame := l.Frames[i]
	if task, _ := farm.TaskOf(frame); task.Stage == farm.StageBake {
		s.bake(x, l, plan)
		return
	} else if task.Stage == farm.StageRender && len(plan.spec.Bakes) > 0 && l.saw == nil {
		s.look(x, l, plan, frame, func(saw map[string]string) {
			if l.saw = saw; saw != nil {
				s.render(x, l, i)
				return
			}
			r := s.report(&l.Lease, frame, farm.Errored)
			r.OwnFault, r.Error = true, "a cache could not be had"
			s.push(&simParcel{report: r})
			for _, f := range l.Frames[i+1:] {
				s.push(&simParcel{report: s.report(&l.Lease, f, farm.HandedBack)})
			}
			s.done(x)
		})
		return
	}
	l.started, l.frame, l.fraction, x.ahead = true, frame, 0, false
	took := time.Duration(float64(plan.pace) * s.speed * (0.7 + 0.6*s.w.rng.Float64()))
	s.w.later(s.node, took*7/10, func() {
		if x.busy == l && l.frame == frame && !l.canceled {
			l.fraction = 0.7
			if i == len(l.Frames)-1 && s.w.rng.IntN(3) > 0 {
				s.claimAhead(x)
			}
		}
	})
	s.w.later(s.node, took, func() {
		if x.busy != l || l.canceled {
			return
		}
		l.fraction = 1
		rest := s.conclude(l, frame, plan, took)
		l.saw = nil
		if rest {
			for _, f := range l.Frames[i+1:] {
				s.push(&simParcel{report: s.report(&l.Lease, f, farm.HandedBack)})
			}
			i = len(l.Frames) - 1
		}
		s.render(x, l, i+1)
	})
}

// fetch gets the scene's file, and goes on with the lease. One that the master does not have is no fault of the worker,
// but it cannot know that.
func (s *simWorker) fetch(x *simSlot, l *simLease, plan *simJob, i int) {
	ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (there bool, err error) {
		err = blob.Check(ctx, s.w.guardOf(m), plan.ref)
		if errors.Is(err, blob.ErrCorrupt) || errors.Is(err, blob.ErrNotFound) {
			_, err = m.BlobSuspect(ctx, plan.ref)
			return false, err
		}
		return err == nil, err
	}, func(there bool, err error) {
		switch {
		case x.busy != l || l.canceled:
			return
		case err != nil:
			s.w.later(s.node, s.patience(), func() {
				if x.busy == l && !l.canceled {
					s.fetch(x, l, plan, i)
				}
			})
			return
		case !there:
			r := s.report(&l.Lease, l.Frames[i], farm.Errored)
			r.OwnFault, r.Error = true, "the scene could not be had"
			s.push(&simParcel{report: r})
			for _, f := range l.Frames[i+1:] {
				s.push(&simParcel{report: s.report(&l.Lease, f, farm.HandedBack)})
			}
			s.done(x)
			return
		}
		s.files[plan.ref] = true
		s.render(x, l, i)
	})
}

func (s *simWorker) claimAhead(x *simSlot) {
	if !s.known || s.rests() || x.no >= s.has || x.ahead || x.next != nil {
		return
	}
	x.ahead = true
	ask(s.w, s.node, 3*time.Second, func(ctx context.Context, m *master.Master) (*farm.Grant, error) {
		return m.Claim(ctx, root, farm.Wish{Worker: s.id, Slot: x.no, Ahead: true})
	}, func(g *farm.Grant, _ error) {
		if g == nil {
			return
		}
		l := s.take(g)
		if x.busy == nil {
			s.render(x, l, 0)
			return
		}
		if x.next != nil {
			l.canceled = true // two at once: one is let go
			return
		}
		x.next = l
	})
}

// done goes on with the next lease.
func (s *simWorker) done(x *simSlot) {
	next := x.next
	x.busy, x.next = nil, nil
	if next != nil {
		s.render(x, next, 0)
		return
	}
	s.claim(x)
}
