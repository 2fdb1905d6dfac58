package master

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

// Examine looks whether the engine agrees with itself: what it remembers for speed with what that stands for, and every
// frame in one place. It is asked between two steps of the loop. What the engine remembers is returned, to be compared
// with what is kept.
func Examine(ctx context.Context, m *Master) (Memory, error) {
	return ask(ctx, m, func(e *engine) (Memory, error) { return e.memory(), e.examine() })
}

// Memory is what an engine remembers of what is kept.
type Memory struct {
	Jobs     map[farm.JobID]JobMemory
	Leases   map[farm.LeaseID]map[int]int // frame -> position, those not settled
	Settling int                          // frames that are reserved while their results are put in place
}

// JobMemory is what it remembers of a job that has not ended.
type JobMemory struct {
	State    farm.JobState
	Priority int
	Finished farm.Spans
	Tries    map[int]TryMemory // by position
}

// TryMemory is what it remembers of a frame that is not finished.
type TryMemory struct {
	Failures, Lost int
	Final          bool
}

func (e *engine) memory() Memory {
	m := Memory{Jobs: make(map[farm.JobID]JobMemory), Leases: make(map[farm.LeaseID]map[int]int)}
	for id, j := range e.jobs {
		k := JobMemory{State: j.State, Priority: j.Priority, Finished: j.finished.Clone(), Tries: make(map[int]TryMemory)}
		for p, t := range j.tries {
			k.Tries[p] = TryMemory{Failures: t.failures, Lost: len(t.lost), Final: t.final}
		}
		m.Jobs[id] = k
	}
	for id, l := range e.leases {
		m.Leases[id] = maps.Clone(l.left)
	}
	for _, s := range e.settling {
		m.Settling += len(s)
	}
	return m
}

// Pause sets a function that is called at steps of a report between which others may come.
func Pause(m *Master, f func(step string)) { m.pause = f }

func (e *engine) examine() error {
	for _, look := range []func() error{e.examineLeases, e.examineWorkers, e.examineJobs, e.examineWaiting} {
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) examineLeases() error {
	frames := make(map[*job]int)
	for id, l := range e.leases {
		w := e.workers[l.Worker]
		switch {
		case id != l.ID || w == nil || w.leases[id] != l || e.jobs[l.Job] != l.job:
			return fmt.Errorf("lease %d is not where it belongs", id)
		case len(l.left) == 0:
			return fmt.Errorf("lease %d lives without frames", id)
		case e.lapsed[id] == l:
			return fmt.Errorf("lease %d lives and has lapsed", id)
		case l.slot != w.slots[l.Slot] || !slices.Contains(l.slot.leases, l):
			return fmt.Errorf("lease %d is not in its slot", id)
		}
		i := slices.Index(l.slot.leases, l)
		if _, ahead := e.ahead[l]; ahead != (i > 0 && l.early && !l.started) {
			return fmt.Errorf("lease %d, number %d of its slot, is listed ahead: %v", id, i, ahead)
		}
		for f, p := range l.left {
			if at, ok := l.job.plan.Position(f); !ok || at != p || l.job.held[p] != l {
				return fmt.Errorf("frame %d of lease %d is leased twice or is none", f, id)
			}
		}
		frames[l.job] += len(l.left)
	}
	for _, j := range e.jobs {
		if len(j.held) != frames[j] {
			return fmt.Errorf("job %d holds %d frames, its leases %d", j.ID, len(j.held), frames[j])
		}
	}
	for l := range e.ahead {
		if e.leases[l.ID] != l {
			return fmt.Errorf("lease %d is over and listed ahead", l.ID)
		}
	}
	return nil
}

func (e *engine) examineWorkers() error {
	slots, waiting := 0, make(map[farm.WorkerID]int)
	assigned := make(map[*job]int)
	for _, w := range e.waiting {
		waiting[w.wish.Worker]++
		if wk := e.workers[w.wish.Worker]; wk != nil && w.wish.Slot >= wk.Slots {
			return fmt.Errorf("a claim waits for slot %d of %s, which has %d", w.wish.Slot, wk.ID, wk.Slots)
		}
		if w.gone {
			return fmt.Errorf("a claim of %s waits though it was answered", w.wish.Worker)
		}
	}
	for id, w := range e.workers {
		if w.online && w.Enabled && !w.Draining {
			slots += w.Slots
		}
		if own := w.Facts.Slots; own > 0 && w.Slots != w.SlotsOf(own) {
			return fmt.Errorf("worker %s has %d slots: it was started with %d and set to %d", id, w.Slots, own, w.SetSlots)
		}
		if w.held != waiting[id] {
			return fmt.Errorf("worker %s holds %d claims open, not %d", id, waiting[id], w.held)
		}
		leases := 0
		for _, s := range w.slots {
			leases += len(s.leases)
			if l := s.latest(); l != nil {
				assigned[l.job]++
			}
			if !slices.IsSortedFunc(s.leases, func(a, b *lease) int { return int(a.ID - b.ID) }) {
				return fmt.Errorf("the leases of a slot of %s are out of order", id)
			}
		}
		if leases != len(w.leases) {
			return fmt.Errorf("worker %s has %d leases, its slots %d", id, len(w.leases), leases)
		}
		if e.names[w.Name] != id {
			return fmt.Errorf("the name %s is not the worker's", w.Name)
		}
	}
	if slots != e.snap.Slots {
		return fmt.Errorf("there are %d slots, not %d", slots, e.snap.Slots)
	}
	for _, j := range e.jobs {
		if j.assigned != assigned[j] {
			return fmt.Errorf("job %d has %d slots, not %d", j.ID, assigned[j], j.assigned)
		}
	}
	return nil
}

func (e *engine) examineJobs() error {
	if len(e.order) != len(e.snap.Jobs) {
		return fmt.Errorf("%d jobs are listed as %d", len(e.order), len(e.snap.Jobs))
	}
	for id, j := range e.jobs {
		if id != j.ID || j.State.Ended() || (j.at >= 0) != j.State.Dispatches() || j.at >= 0 && e.order[j.at] != j {
			return fmt.Errorf("job %d, %s, is not where it belongs", id, j.State)
		}
		if err := e.examineFrames(j); err != nil {
			return fmt.Errorf("job %d: %w", id, err)
		}
		if j.at < 0 {
			continue
		}
		want := balance.Job{
			ID: id, Priority: j.Priority, Usage: j.usage, Assigned: j.assigned, Running: len(j.held), Queued: j.waiting(),
			Dispatched: j.Dispatched, LastDispatch: j.lastSent, Created: j.Created, Scene: j.Scene, Needs: &j.Needs,
			Scripts: j.Options.Scripts, NotClassic: j.notClassic, Stage: j.asks, Refused: j.refused, NobodyElse: len(j.refused) > 0,
		}
		for _, w := range e.workers {
			if _, refused := j.refused[w.ID]; !refused && w.mayRender(j) {
				want.NobodyElse = false
			}
		}
		if got := e.snap.Jobs[j.at]; !reflect.DeepEqual(got, want) {
			return fmt.Errorf("job %d is shown to the balancer as %+v, not %+v", id, got, want)
		}
	}
	return nil
}

// examineFrames looks that every frame that was handed out is in one place.
func (e *engine) examineFrames(j *job) error {
	ahead := 0
	for p := range j.plan.Positions() {
		_, is := j.plan.Task(p)
		places := 0
		untouched := p >= j.next && p < j.plan.TurnsEnd()
		closed := !untouched && !j.ready(p) // what it waits for is not done
		if first, end := j.plan.Bakes, j.plan.TurnsEnd(); closed && p >= first && p < end && (j.finished.Contains(p) || j.held[p] != nil) {
			closed = false // a bake is done again, or after a restart it is not known how far it is; its frames stay
		}
		if closed && (j.finished.Contains(p) || j.held[p] != nil) {
			return fmt.Errorf("position %d is not ready: done %v, held %v", p, j.finished.Contains(p), j.held[p] != nil)
		}
		for _, in := range [...]bool{j.finished.Contains(p), j.held[p] != nil, j.gaveUp(p), j.again.Contains(p), untouched, closed && !j.gaveUp(p)} {
			if in {
				places++
			}
		}
		switch {
		case !is && (j.finished.Contains(p) || j.held[p] != nil):
			return fmt.Errorf("position %d has no frame", p)
		case !is, j.settling[p] != nil && places == 0:
		case places != 1:
			return fmt.Errorf("position %d is in %d places: done %v, held %v, failed %v, waiting %v, untouched %v", p, places,
				j.finished.Contains(p), j.held[p] != nil, j.gaveUp(p), j.again.Contains(p), untouched)
		}
	}
	for _, l := range e.leases {
		if l.job == j {
			ahead += l.ahead
		}
	}
	if j.Done != j.finished.Count() || j.Failed != j.givenUp() || j.Progress.Running != len(j.held) || j.ahead != ahead {
		return fmt.Errorf("done %d, failed %d, running %d, ahead %d do not count %d, %d, %d, %d", j.Done, j.Failed, j.Progress.Running, j.ahead,
			j.finished.Count(), j.givenUp(), len(j.held), ahead)
	}
	if j.plan.Staged() {
		var sum farm.StageProgress
		for _, s := range j.stages() {
			if s.Total != s.Done+s.Failed+s.Running+s.Queued || s.Queued < 0 {
				return fmt.Errorf("the stages do not add up: %+v", s)
			}
			sum.Total, sum.Done, sum.Failed, sum.Running = sum.Total+s.Total, sum.Done+s.Done, sum.Failed+s.Failed, sum.Running+s.Running
		}
		if sum.Total != j.Total || sum.Done != j.Done || sum.Failed != j.Failed || sum.Running != j.Progress.Running-j.ahead {
			return fmt.Errorf("stages add up to %+v, the job is %+v", sum, j.Progress)
		}
	}
	if j.Done+j.Failed == j.Total {
		return fmt.Errorf("it is over and goes on")
	}
	return nil
}

// examineWaiting looks that nobody waits for what is there.
func (e *engine) examineWaiting() error {
	if e.broken != nil || e.offers.all || len(e.offers.jobs)+len(e.offers.workers) > 0 {
		return nil // they are about to be looked at
	}
	for _, w := range e.waiting {
		wk := e.workers[w.wish.Worker]
		bw := balance.Worker{Worker: wk.Slot(w.wish.Slot)}
		for i, j := range e.order {
			if e.snap.Jobs[i].Queued > 0 && e.snap.Jobs[i].Suits(&bw) && e.hasFor(j, wk) {
				return fmt.Errorf("slot %d of %s waits though job %d has frames for it", w.wish.Slot, wk.ID, j.ID)
			}
		}
	}
	return nil
}

// hasFor tells whether a frame of the job waits that the worker may have now.
func (e *engine) hasFor(j *job, wk *worker) bool {
	for p := j.next; p < j.free(); p++ {
		if j.waits(p) {
			return true
		}
	}
	for p := range j.again.All() {
		t := j.tries[p]
		if j.waits(p) && j.canBake(wk, p) && (t == nil || !slices.Contains(t.workers, wk.ID) || !e.elsewhere(j, t)) {
			return true
		}
	}
	return false
}
