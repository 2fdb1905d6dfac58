package master

import (
	"context"
	"errors"

	"github.com/netrender/netrender/internal/farm"
)

// A frame with results is settled in steps, between which others may come: it is reserved, the files are put in place,
// the report is settled and made durable. So it is one report's at a time.

// reportOne settles a report. While another report of the frame puts its results in place it waits: what becomes of that
// one decides, and a worker that is told that its work is not taken throws it away.
func (m *Master) reportOne(ctx context.Context, who Identity, r *farm.Report) (farm.Verdict, error) {
	if why := unusable(r); why != "" {
		r = failedOf(r, why)
	}
	for {
		v, other, err := m.reportAlone(ctx, who, r)
		if err != nil || other == nil {
			return v, err
		}
		select {
		case <-other:
		case <-ctx.Done():
			return farm.Verdict{}, ctx.Err()
		case <-m.quit:
			return farm.Verdict{}, errStopped
		}
	}
}

// reportAlone reserves the frame, puts the results in place and then settles. When the frame is reserved for another
// report, other is closed when that is over.
func (m *Master) reportAlone(ctx context.Context, who Identity, r *farm.Report) (v farm.Verdict, other <-chan struct{}, err error) {
	if r.Outcome != farm.Rendered || len(r.Results) == 0 {
		v, err = keep(ctx, m, func(e *engine) (farm.Verdict, error) {
			if err := e.incomplete(who, r); err != nil {
				return farm.Verdict{}, err
			}
			return e.settle(who, r), nil
		})
		return v, nil, err
	}
	if missing := m.notArrived(ctx, r); len(missing) > 0 {
		// Settled before, perhaps, and its results long in place: then the lease is gone and settle says so.
		other, err = ask(ctx, m, func(e *engine) (<-chan struct{}, error) {
			v = farm.Verdict{Lease: r.Lease, Frame: r.Frame}
			l, p, why := e.find(who, r)
			switch {
			case l == nil:
				v.Reason = why
			case l.job.settling[p] != nil:
				return l.job.settling[p], nil
			default:
				v.Missing = missing
			}
			return nil, nil
		})
		return v, other, err
	}
	end := m.folders.share(r.Job)
	defer end()
	type reserved struct {
		v      farm.Verdict
		other  <-chan struct{}
		folder string
		plan   *farm.Plan
		spec   farm.JobSpec
	}
	// From here on it is done to its end, whatever becomes of the caller: the frame must not stay reserved.
	ctx = context.WithoutCancel(ctx)
	got, err := ask(ctx, m, func(e *engine) (reserved, error) {
		if err := e.incomplete(who, r); err != nil {
			return reserved{}, err
		}
		v, j, other := e.reserve(who, r)
		if j == nil {
			return reserved{v: v, other: other}, nil
		}
		return reserved{v, nil, j.Folder, j.plan, j.JobSpec}, nil
	})
	if err != nil || got.folder == "" {
		return got.v, got.other, err
	}
	m.step("reserved")
	var way *inTheWayError
	var differs bool
	unpin := func(bool) {}
	if _, _, bakes := got.spec.Baking(r.Frame); bakes {
		var kept keptCaches
		if kept, err = m.keepCaches(ctx, &got.spec, r, true, true); err == nil {
			unpin, differs = kept.unpin, kept.other
		}
	} else {
		err = m.publish(got.folder, r)
	}
	if errors.As(err, &way) {
		r = failedOf(r, "a result cannot be put in place: "+way.text)
	} else if err != nil {
		m.post(func(e *engine) { e.release(got.plan, r) })
		return farm.Verdict{}, nil, err
	}
	m.step("published")
	released := false
	v, err = keep(ctx, m, func(e *engine) (farm.Verdict, error) {
		if j := e.jobs[r.Job]; j != nil && differs {
			j.unlike, _ = got.plan.Position(r.Frame)
			j.unlike++
			defer func() { j.unlike = 0 }()
		}
		v := e.settle(who, r)
		e.release(got.plan, r)
		released = true
		return v, nil
	})
	if !released { // the store could not be written; the frame must not stay reserved when it can be again
		m.post(func(e *engine) { e.release(got.plan, r) })
	}
	unpin(err == nil && v.Accepted)
	if err == nil {
		m.clearIncoming(r.Lease, r.Frame)
		if v.Accepted && r.Outcome == farm.Rendered {
			m.removeParts(got.folder, r.Frame)
			m.removeOldFilm(ctx, got.folder, r)
		}
	}
	return v, nil, err
}

// failedOf is the report of a frame whose results can never be taken: trying again would bring the same.
func failedOf(r *farm.Report, why string) *farm.Report {
	f := *r
	f.Outcome, f.Error, f.Fatal, f.Results = farm.Errored, why, true, nil
	return &f
}

// reserve keeps other reports from the frame while its results are put in place. other is closed when it is not
// reserved any more for the report that has it.
func (e *engine) reserve(who Identity, r *farm.Report) (v farm.Verdict, j *job, other <-chan struct{}) {
	v = farm.Verdict{Lease: r.Lease, Frame: r.Frame}
	l, p, why := e.find(who, r)
	if l == nil {
		v.Reason = why
		return v, nil, nil
	}
	j = l.job
	if over := j.settling[p]; over != nil {
		return v, nil, over
	}
	j.settling[p] = make(chan struct{})
	e.settling[r.Job] = j.settling
	return v, j, nil
}

// release ends what reserve began. A frame that came to nothing may be handed out again.
func (e *engine) release(plan *farm.Plan, r *farm.Report) {
	p, ok := plan.Position(r.Frame)
	over := e.settling[r.Job][p]
	if !ok || over == nil {
		return
	}
	close(over)
	delete(e.settling[r.Job], p)
	if len(e.settling[r.Job]) == 0 {
		delete(e.settling, r.Job)
	}
	if j := e.jobs[r.Job]; j != nil && (p < j.next || p >= j.plan.TurnsEnd()) && j.waits(p) {
		e.putBack(j, p)
		e.sync(j)
	}
}
