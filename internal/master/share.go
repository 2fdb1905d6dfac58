package master

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	shareRoom = 360 // samples: an hour
	shareJobs = 50  // that a sample and an answer tell apart; the others are one
)

// shares is how the slots were shared out during the last hour, a sample every usageEvery. It belongs to the engine.
// What is in a sample never changes, so that readers may have it.
type shares struct {
	samples []shareSample // the oldest first; no time is left out
	names   map[farm.JobID]*shareName
}

type shareSample struct {
	at     time.Time
	online int
	held   []jobHeld // the largest first
	others int       // what all that are not in held hold
}

type jobHeld struct {
	job   farm.JobID
	slots int
}

// shareName is what a job in some samples is called, also when it is deleted.
type shareName struct {
	name     string
	priority int
	samples  int // that it is in
}

// sample notes what every job holds at this moment. A time that nothing was noted for, for the machine slept, counts as
// one in which nobody was there.
func (e *engine) sample(now time.Time) {
	s := &e.shares
	if n := len(s.samples); n > 0 {
		last := s.samples[n-1].at
		gap := int(now.Sub(last).Round(usageEvery) / usageEvery)
		if gap < 1 { // the clock was set back: what was is older than it seems
			for i := range s.samples {
				s.samples[i].at = now.Add(time.Duration(i-n) * usageEvery)
			}
		}
		for k := min(gap, shareRoom+1) - 1; k > 0; k-- {
			s.add(shareSample{at: now.Add(-time.Duration(k) * usageEvery)})
		}
	}
	one := shareSample{at: now, online: e.snap.Slots}
	for _, j := range e.jobs {
		if j.assigned > 0 && !j.Inspect {
			one.held = append(one.held, jobHeld{j.ID, j.assigned})
		}
	}
	slices.SortFunc(one.held, func(a, b jobHeld) int { return cmp.Or(b.slots-a.slots, cmp.Compare(a.job, b.job)) })
	if len(one.held) > shareJobs {
		for _, h := range one.held[shareJobs:] {
			one.others += h.slots
		}
		one.held = slices.Clone(one.held[:shareJobs])
	}
	if s.names == nil {
		s.names = make(map[farm.JobID]*shareName)
	}
	for _, h := range one.held {
		n := s.names[h.job]
		if n == nil {
			n = &shareName{}
			s.names[h.job] = n
		}
		n.samples++
		n.name, n.priority = e.jobs[h.job].Name, e.jobs[h.job].Priority
	}
	s.add(one)
}

// add keeps a sample, and forgets the one that is too old.
func (s *shares) add(one shareSample) {
	if s.samples = append(s.samples, one); len(s.samples) <= shareRoom {
		return
	}
	for _, h := range s.samples[0].held {
		if n := s.names[h.job]; n != nil {
			if n.samples--; n.samples == 0 {
				delete(s.names, h.job)
			}
		}
	}
	s.samples[0] = shareSample{}
	s.samples = s.samples[1:]
}

// Share tells how the farm was shared out during the last minutes, at most 60 of them.
func (m *Master) Share(ctx context.Context, minutes int) (farm.Sharing, error) {
	most := min(max(minutes, 1), 60) * int(time.Minute/usageEvery)
	type part struct {
		samples []shareSample
		names   map[farm.JobID]shareName
	}
	p, err := ask(ctx, m, func(e *engine) (part, error) {
		s := e.shares.samples
		p := part{samples: slices.Clone(s[max(0, len(s)-most):]), names: make(map[farm.JobID]shareName, len(e.shares.names))}
		for id, n := range e.shares.names {
			p.names[id] = *n
			if j := e.jobs[id]; j != nil {
				p.names[id] = shareName{name: j.Name, priority: j.Priority}
			}
		}
		return p, nil
	})
	if err != nil {
		return farm.Sharing{}, err
	}
	out := farm.Sharing{StepMS: int(usageEvery / time.Millisecond), End: m.opt.Now().UTC(), Online: make([]int, len(p.samples)), Jobs: []farm.JobShare{}}
	if n := len(p.samples); n > 0 {
		out.End = p.samples[n-1].at.UTC()
	}
	sums := make(map[farm.JobID]int)
	for i := range p.samples {
		out.Online[i] = p.samples[i].online
		for _, h := range p.samples[i].held {
			sums[h.job] += h.slots
		}
	}
	var order []jobHeld
	for id, sum := range sums {
		order = append(order, jobHeld{id, sum})
	}
	slices.SortFunc(order, func(a, b jobHeld) int { return cmp.Or(b.slots-a.slots, cmp.Compare(a.job, b.job)) })
	place := make(map[farm.JobID]int, shareJobs)
	for i, o := range order[:min(len(order), shareJobs)] {
		place[o.job] = i
		out.Jobs = append(out.Jobs, farm.JobShare{
			ID: o.job, Name: p.names[o.job].name, Priority: p.names[o.job].priority, Held: make([]int, len(p.samples)),
		})
	}
	rest, any := make([]int, len(p.samples)), false
	for i := range p.samples {
		rest[i] = p.samples[i].others
		for _, h := range p.samples[i].held {
			if at, named := place[h.job]; named {
				out.Jobs[at].Held[i] = h.slots
			} else {
				rest[i] += h.slots
			}
		}
		any = any || rest[i] > 0
	}
	if any {
		out.Jobs = append(out.Jobs, farm.JobShare{Name: "others", Held: rest})
	}
	return out, nil
}
