package master

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

// Balance tells what the balancer sees now: of all jobs together, and of each of the first ones; of all with 0.
func (m *Master) Balance(ctx context.Context, limit int) (farm.Balance, error) {
	return ask(ctx, m, func(e *engine) (farm.Balance, error) {
		out := farm.Balance{Slots: e.snap.Slots, Jobs: []farm.JobBalance{}, Pools: []farm.Pool{}}
		pools := make(map[int]*farm.Pool)
		for _, j := range e.jobs {
			out.Busy += j.assigned
		}
		all := 0
		wants := func(b *balance.Job) bool { return b.Queued > 0 || b.Assigned > 0 }
		for i := range e.snap.Jobs {
			if b := &e.snap.Jobs[i]; wants(b) && b.Stage != farm.StageInspect && b.Stage != farm.StageProbe {
				all += b.Priority
			}
		}
		for _, st := range balance.Standings(&e.snap, e.rules, m.opt.Now()) {
			b, j := &e.snap.Jobs[st.Index], e.order[st.Index]
			if j.Inspect {
				continue
			}
			one := farm.JobBalance{
				ID: j.ID, Name: j.Name, Owner: j.Owner, OwnerID: j.OwnerID, Priority: b.Priority, Usage: b.Usage, Rating: st.Rating, Class: st.Class, ClassName: balance.ClassName(st.Class),
				Assigned: b.Assigned, Queued: b.Queued, Running: b.Running, Most: balance.MostOf(e.rules, e.snap.Slots), Full: st.Full,
			}
			if wants(b) {
				one.Share = float64(b.Priority) / float64(all)
			}
			if out.InAll++; limit <= 0 || len(out.Jobs) < limit {
				out.Jobs = append(out.Jobs, one)
			}
			p := pools[b.Priority]
			if p == nil {
				p = &farm.Pool{Priority: b.Priority}
				pools[b.Priority] = p
			}
			p.Jobs, p.Share, p.Assigned = p.Jobs+1, p.Share+one.Share, p.Assigned+b.Assigned
		}
		for _, p := range pools {
			out.Pools = append(out.Pools, *p)
		}
		slices.SortFunc(out.Pools, func(a, b farm.Pool) int { return b.Priority - a.Priority })
		return out, nil
	})
}

// foresight is the farm at one instant, for itself: what happens to it does not happen to the engine.
type foresight struct {
	rules farm.Rules
	snap  balance.Snapshot
	slots []balance.Worker
	names []farm.JobPreview
}

// PreviewRules works out what other rules would lead to with the present jobs and workers. It is done beside the engine,
// and one at a time.
func (m *Master) PreviewRules(ctx context.Context, rules farm.Rules) (farm.RulesPreview, error) {
	if err := rules.Check(); err != nil {
		return farm.RulesPreview{}, err
	}
	select {
	case m.foreseeing <- struct{}{}:
		defer func() { <-m.foreseeing }()
	case <-ctx.Done():
		return farm.RulesPreview{}, ctx.Err()
	}
	f, err := ask(ctx, m, func(e *engine) (foresight, error) { return e.foresee(), nil })
	if err != nil {
		return farm.RulesPreview{}, err
	}
	now := m.opt.Now()
	fill := func(r farm.Rules) []int {
		s := balance.Snapshot{Jobs: slices.Clone(f.snap.Jobs), Slots: f.snap.Slots}
		return balance.Fill(&s, r, f.slots, now)
	}
	before, after := fill(f.rules), fill(rules)
	out := farm.RulesPreview{Slots: f.snap.Slots, Jobs: f.names}
	for i := range out.Jobs {
		out.Jobs[i].Before, out.Jobs[i].After = before[i], after[i]
	}
	slices.SortFunc(out.Jobs, func(a, b farm.JobPreview) int {
		return cmp.Or(b.After-a.After, b.Before-a.Before, cmp.Compare(a.ID, b.ID))
	})
	out.Says = differences(&f.rules, &rules, &f.snap, out.Jobs)
	out.Same = f.rules == rules
	return out, nil
}

// foresee copies what balancing knows of jobs and workers.
func (e *engine) foresee() foresight {
	f := foresight{rules: e.rules, snap: balance.Snapshot{Jobs: slices.Clone(e.snap.Jobs), Slots: e.snap.Slots}, names: make([]farm.JobPreview, len(e.order))}
	for i, j := range e.order {
		b := &f.snap.Jobs[i]
		needs := j.Needs
		b.Needs, b.Refused = &needs, maps.Clone(j.refused)
		f.names[i] = farm.JobPreview{ID: j.ID, Name: j.Name, Priority: j.Priority, Now: j.assigned}
		chunk := max(1, j.Chunk) // what a slot takes at a time
		b.Queued = (b.Queued + b.Running + chunk - 1) / chunk
	}
	var there []*worker
	most := 0
	for _, w := range e.workers {
		if w.counted > 0 {
			there, most = append(there, w), max(most, w.Slots)
		}
	}
	slices.SortFunc(there, func(a, b *worker) int { return cmp.Compare(a.Name, b.Name) })
	copies := make([]farm.Worker, len(there))
	for i, w := range there {
		copies[i] = w.view()
	}
	for no := range most { // the first slots of all, then the second ones
		for i := range copies {
			if no < copies[i].Slots {
				f.slots = append(f.slots, balance.Worker{Worker: copies[i].Slot(no)})
			}
		}
	}
	return f
}

// mostSaid bounds the jobs that are spoken of.
const mostSaid = 10

// differences says in sentences what the other rules change.
func differences(old, next *farm.Rules, s *balance.Snapshot, jobs []farm.JobPreview) []string {
	says := []string{}
	say := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	if old.Cap != next.Cap {
		now := "."
		if s.Slots > 0 {
			now = fmt.Sprintf(": %d of %s instead of %d.", balance.MostOf(*next, s.Slots), plural(s.Slots, "slot"), balance.MostOf(*old, s.Slots))
		}
		say("No job holds more than %.4g %% of the workers while another could use them, instead of %.4g %%%s", 100*next.Cap, 100*old.Cap, now)
	}
	if old.NewFrames != next.NewFrames {
		say("A new job goes before all others until %s of it were handed out, instead of %d.", plural(next.NewFrames, "frame"), old.NewFrames)
	}
	if old.StaleMins != next.StaleMins {
		say("A job that got no worker for %g minutes goes before the others, instead of %g minutes.", next.StaleMins, old.StaleMins)
	}
	if old.Attempts != next.Attempts {
		say("A frame is given up after %s, instead of %d, unless its job says otherwise.", plural(next.Attempts, "failed attempt"), old.Attempts)
	}
	switch {
	case old.OutAfter == next.OutAfter:
	case next.OutAfter == 0:
		say("No worker is taken out for failing.")
	case old.OutAfter == 0:
		say("A worker is taken out when it failed %s in a row; until now none is.", plural(next.OutAfter, "job"))
	default:
		say("A worker is taken out when it failed %s in a row, instead of %d.", plural(next.OutAfter, "job"), old.OutAfter)
	}
	if old.HeartbeatMS != next.HeartbeatMS {
		say("What a worker holds is given to another after %s without a word of it, instead of %s.", next.LeaseTime(), old.LeaseTime())
	}
	changed := 0
	for i := range jobs {
		j := &jobs[i]
		if j.Before == j.After {
			continue
		}
		if changed++; changed <= mostSaid {
			say("Job %d (%s) would come to hold %s instead of %d.", j.ID, clip(j.Name, 60), plural(j.After, "slot"), j.Before)
		}
	}
	switch {
	case changed > mostSaid:
		say("%s would hold other numbers of slots, too.", plural(changed-mostSaid, "more job"))
	case changed == 0 && *old != *next && len(jobs) > 0:
		say("With the present jobs and workers every job would hold as many slots as under the rules in force.")
	}
	return says
}
