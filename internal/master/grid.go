package master

import (
	"context"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// Grid is a page of what became of a job's frames: those after a frame, or from the first on with nil; at most limit.
// The loop is asked for what workers have now, and the store for the rest.
func (m *Master) Grid(ctx context.Context, id farm.JobID, after *int, limit int) (farm.Grid, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return farm.Grid{}, err
	}
	from, all := 0, j.Pictures()
	if after != nil {
		i, ok := all.Index(*after)
		if !ok {
			return farm.Grid{}, farm.Errorf(farm.Invalid, "job %d has no frame %d", id, *after)
		}
		from = i + 1
	}
	g := farm.MakeGrid(&j, from, min(from+min(max(limit, 1), farm.MaxGrid), all.Count()))
	plan := j.Plan()
	var some *farm.Spans // nil: all
	if g.Count < g.Total {
		list := make([]int, 0, g.Count)
		for f := range g.Frames.All() {
			found, _ := plan.Find(f)
			list = slices.AppendSeq(list, found.All())
		}
		spans := farm.SpansOf(list...)
		some = &spans
	}
	held, err := m.heldNow(ctx, id, some)
	if err != nil {
		return farm.Grid{}, err
	}
	row := func(position int) (int, bool) {
		f, ok := plan.Frame(position)
		if !ok {
			return 0, false
		}
		return g.Frames.Index(f)
	}
	workers := make(map[farm.WorkerID]int)
	place := func(id farm.WorkerID) int {
		if id == "" {
			return -1
		}
		at, known := workers[id]
		if !known {
			at = len(g.WorkerList)
			workers[id] = at
			g.WorkerList = append(g.WorkerList, farm.GridWorker{ID: id})
		}
		return at
	}
	g.Seq, err = m.opt.Store.Traces(ctx, id, some, func(t *farm.Trace) {
		if i, ok := row(t.Position); ok {
			if last, _ := plan.Picture(g.Frames.At(i)); t.Accepted && last != t.Position {
				t.Accepted = false // a part is not the frame
				if g.Parts != nil {
					g.Parts[i]++
				}
			}
			g.Add(i, t, place(t.Worker))
		}
	})
	if err != nil {
		return farm.Grid{}, err
	}
	for _, h := range held {
		if i, ok := row(h.position); ok {
			g.Hold(i, h.state, h.issued, place(h.worker))
		}
	}
	_, err = ask(ctx, m, func(e *engine) (struct{}, error) {
		if j := e.jobs[id]; j != nil && plan.Staged() && j.Failed > 0 {
			for _, f := range j.lostFrames() { // though parts of them are rendered, or nothing of them was tried
				if i, ok := g.Frames.Index(f); ok && g.States[i] != farm.GridDone {
					g.States[i] = farm.GridFailed
				}
			}
		}
		for i := range g.WorkerList {
			if w := e.workers[g.WorkerList[i].ID]; w != nil {
				g.WorkerList[i].Name = w.Name
			}
		}
		return struct{}{}, nil
	})
	return g, err
}

// holding is a position that a worker has.
type holding struct {
	position int
	worker   farm.WorkerID
	issued   int64 // Unix milliseconds
	state    farm.FrameState
}

// heldNow lists what workers have of some positions of the job, or of all with nil. It takes time for the fewer of the
// positions that are asked for and those that are held.
func (m *Master) heldNow(ctx context.Context, id farm.JobID, some *farm.Spans) ([]holding, error) {
	return ask(ctx, m, func(e *engine) (list []holding, _ error) {
		j := e.jobs[id]
		if j == nil {
			return nil, nil
		}
		now := make(map[*lease]int) // position that is rendered; -1: none
		add := func(p int, l *lease) {
			at, known := now[l]
			if !known {
				at = -1
				if f, ok := l.at(); ok {
					at = l.left[f]
				}
				now[l] = at
			}
			h := holding{p, l.Worker, l.Issued.UnixMilli(), farm.GridAhead}
			if p == at {
				h.state = farm.GridRenders
			}
			list = append(list, h)
		}
		if some != nil && some.Count() < len(j.held) {
			for p := range some.All() {
				if l := j.held[p]; l != nil {
					add(p, l)
				}
			}
			return list, nil
		}
		for p, l := range j.held {
			if some == nil || some.Contains(p) {
				add(p, l)
			}
		}
		return list, nil
	})
}

// at is the frame of the lease that its worker renders; ok is false when it renders none of it yet.
func (l *lease) at() (frame int, ok bool) {
	if l.ahead > 0 {
		return 0, false
	}
	if _, left := l.left[l.beat.Frame]; left && l.beat.Started {
		return l.beat.Frame, true
	}
	for _, f := range l.Frames { // in the order to render them
		if _, left := l.left[f]; left {
			return f, true
		}
	}
	return 0, false
}
