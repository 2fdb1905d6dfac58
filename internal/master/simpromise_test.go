package master_test

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// What was promised to clients and workers is compared with the ledger at once.

// acknowledged is told of a report that was accepted: it must be durable.
func (g *ledger) acknowledged(r *farm.Report) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Outcome == farm.Rendered && !g.kept[place{r.Lease, r.Frame}] {
		g.fail("the result of frame %d of lease %d was acknowledged and is not kept", r.Frame, r.Lease)
	}
}

// refusal is told of a report that was not accepted: its worker throws the work away. So the frame must be done, or the
// lease be over.
func (g *ledger) refusal(r *farm.Report, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, live := g.leases[r.Lease]
	if !live || r.Outcome != farm.Rendered || !slices.Contains(l.Frames, r.Frame) {
		return
	}
	j := g.jobs[r.Job]
	p, _ := j.Plan().Position(r.Frame)
	if _, done := j.done[p]; !done && !g.kept[place{r.Lease, r.Frame}] && !g.failed[place{r.Lease, r.Frame}] {
		g.fail("the result of frame %d of job %d, lease %d, was refused, and nobody has another: %s", r.Frame, r.Job, r.Lease, why)
	}
}

// stored is told of a scene's file that was acknowledged.
func (g *ledger) stored(ref blob.Ref) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.files[ref] = true
}

// rotted is told that a scene's file was damaged.
func (g *ledger) rotted(ref blob.Ref) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.files, ref)
}

// spoil is told that a result rotted and is not going to be rendered again.
func (g *ledger) spoil(a *farm.Attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spoilt[place{a.Lease, a.Frame}] = true
}

// hold is told that a pause was acknowledged; free, that somebody asks that the job goes on.
func (g *ledger) hold(id farm.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	j := g.jobs[id]
	if j.held = j.State == farm.Paused; !j.held && !j.deleted && !j.State.Ended() {
		g.fail("the pause of job %d was acknowledged, and it is kept as %s", id, j.State)
	}
}

func (g *ledger) free(id farm.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.jobs[id].held = false
}

// promised is told of a job that was acknowledged.
func (g *ledger) promised(j *simJob) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.jobs[j.id]; k == nil || k.Key != j.key {
		g.fail("the job %s was acknowledged as %d and is not kept", j.key, j.id)
	}
}

// stopped is told that a job's cancelation was acknowledged.
func (g *ledger) stopped(id farm.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j := g.jobs[id]; !j.deleted && j.canceled == 0 {
		g.fail("the cancelation of job %d was acknowledged and is not kept", id)
	}
}

// dropped is told that somebody is about to ask for a job's deletion.
func (g *ledger) dropped(id farm.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.jobs[id].dropped = true
}

// gone is told that a job's deletion was acknowledged.
func (g *ledger) gone(id farm.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.jobs[id].deleted {
		g.fail("the deletion of job %d was acknowledged and is not kept", id)
	}
}

// someLease is one that is out.
func (g *ledger) someLease(rng *rand.Rand) (farm.Lease, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := slices.Sorted(maps.Keys(g.leases))
	if len(ids) == 0 {
		return farm.Lease{}, false
	}
	l := g.leases[ids[rng.IntN(len(ids))]]
	return l, len(l.Frames) > 0
}

// someResult is an accepted one of a job that is kept.
func (g *ledger) someResult(rng *rand.Rand) (folder string, a farm.Attempt, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(g.jobs)) {
		j := g.jobs[id]
		if j.deleted || j.dropped || !j.Options.Outputs || len(j.done) == 0 || rng.IntN(2) == 0 {
			continue
		}
		at := slices.Sorted(maps.Keys(j.done))
		a := j.done[at[rng.IntN(len(at))]]
		return j.Folder, a, len(a.Results) > 0 // a bake has none
	}
	return "", farm.Attempt{}, false
}

// agrees compares what an engine with nothing left to do remembers with what is kept.
func (g *ledger) agrees(m *master.Memory) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, j := range g.jobs {
		k, known := m.Jobs[id]
		if over := j.deleted || j.State.Ended(); known == over {
			g.fail("job %d is known to the engine: %v, and kept as %s", id, known, j.State)
			return
		}
		if known {
			g.agreesOn(j, &k)
		}
	}
	for id := range m.Jobs {
		if g.jobs[id] == nil {
			g.fail("the engine knows job %d, which is not kept", id)
			return
		}
	}
	if len(m.Leases) != len(g.leases) {
		g.fail("the engine knows %d leases, %d are kept", len(m.Leases), len(g.leases))
	}
	for id, l := range g.leases {
		j := g.jobs[l.Job]
		plan := j.Plan()
		left := make(map[int]int)
		for _, f := range l.Frames {
			p, _ := plan.Position(f)
			if _, done := j.done[p]; !done {
				left[f] = p
			}
		}
		if !maps.Equal(left, m.Leases[id]) {
			g.fail("of lease %d the engine knows %v, kept is %v", id, m.Leases[id], left)
		}
	}
}

func (g *ledger) agreesOn(j *ledgerJob, k *master.JobMemory) {
	if k.State != j.State || k.Priority != j.Priority || k.Finished.Count() != len(j.done) {
		g.fail("job %d is %s, priority %d, with %d frames done; kept is %s, priority %d, %d", j.ID, k.State, k.Priority, k.Finished.Count(),
			j.State, j.Priority, len(j.done))
	}
	for p := range j.done {
		if !k.Finished.Contains(p) {
			g.fail("position %d of job %d is done, and the engine does not know", p, j.ID)
		}
	}
	for p := range j.Plan().Positions() {
		if _, done := j.done[p]; done {
			continue
		}
		t := k.Tries[p]
		if errored, lost, final := j.tries(p); t != (master.TryMemory{Failures: errored, Lost: lost, Final: final}) {
			g.fail("position %d of job %d: the engine knows %+v, kept are %d failures and %d lapses, final %v", p, j.ID, t, errored, lost, final)
		}
	}
}

func (g *ledger) check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wrong
}
