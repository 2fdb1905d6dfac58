package master

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	glanceFor      = 500 * time.Millisecond // as long one answer serves all who ask
	glanceJobs     = 60
	glanceEnded    = 6
	glanceWorkers  = 2000
	glancePictures = 12
)

// glances keeps the last answer.
type glances struct {
	mu   sync.Mutex
	last *farm.Glance // guarded by mu
}

// Glance is the farm at a glance, at most half a second old, however many ask. It is shared: nobody changes it.
func (m *Master) Glance(ctx context.Context) (*farm.Glance, error) {
	m.glances.mu.Lock()
	defer m.glances.mu.Unlock()
	now := m.opt.Now()
	if g := m.glances.last; g != nil && now.Sub(g.Now) < glanceFor && !now.Before(g.Now) {
		return g, nil
	}
	g, err := m.lookAround(ctx, now)
	if err != nil {
		return nil, err
	}
	m.glances.last = g
	return g, nil
}

func (m *Master) lookAround(ctx context.Context, now time.Time) (*farm.Glance, error) {
	g := &farm.Glance{Now: now.UTC(), Jobs: []farm.JobGlance{}, Ended: []farm.JobGlance{}, Workers: []farm.WorkerGlance{}, Latest: []farm.FrameGlance{}}
	open, err := m.JobPage(ctx, farm.JobFilter{
		States: []farm.JobState{farm.Active, farm.Queued, farm.Collecting, farm.Paused}, Sort: farm.ByState, Rising: true, Limit: glanceJobs,
	})
	if err != nil {
		return nil, err
	}
	ended, err := m.JobPage(ctx, farm.JobFilter{States: []farm.JobState{farm.Done, farm.Failed, farm.Canceled}, Sort: farm.ByEnded, Lean: true, Limit: glanceEnded})
	if err != nil {
		return nil, err
	}
	g.InAll = open.Total
	for i := range open.Jobs {
		g.Jobs = append(g.Jobs, glanceOf(&open.Jobs[i]))
	}
	for i := range ended.Jobs {
		g.Ended = append(g.Ended, glanceOf(&ended.Jobs[i]))
	}
	workers, err := m.Workers(ctx)
	if err != nil {
		return nil, err
	}
	g.More = max(0, len(workers)-glanceWorkers)
	for i := range workers[:len(workers)-g.More] {
		g.Workers = append(g.Workers, workerGlance(&workers[i]))
	}
	g.Latest, err = m.latest(ctx, slices.Concat(open.Jobs[:min(len(open.Jobs), glancePictures)], ended.Jobs))
	return g, err
}

// latest are the newest frames of some jobs that have a picture.
func (m *Master) latest(ctx context.Context, jobs []farm.Job) ([]farm.FrameGlance, error) {
	list := []farm.FrameGlance{}
	for i := range jobs {
		j := &jobs[i]
		if j.Done == 0 || slices.ContainsFunc(j.Removed, func(r farm.Removal) bool { return r.Part == farm.Outputs }) {
			continue
		}
		attempts, err := m.Attempts(ctx, farm.AttemptFilter{Job: j.ID, Accepted: true, Newest: true, Limit: glancePictures})
		if err != nil {
			if farm.KindOf(err) == farm.NotFound { // deleted meanwhile
				continue
			}
			return nil, err
		}
		for k := range attempts {
			if file := Picture(attempts[k].Results); file != "" {
				list = append(list, farm.FrameGlance{Job: j.ID, Name: j.Name, Frame: attempts[k].Frame, File: file, Ended: attempts[k].Ended})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b farm.FrameGlance) int { return b.Ended.Compare(a.Ended) })
	return list[:min(len(list), glancePictures)], nil
}

// Picture is the name of the result that a browser can show: the preview of a frame, else what the scene itself writes;
// "" when there is none.
func Picture(results []farm.Result) string {
	for _, kind := range []farm.ResultKind{farm.KindPreview, farm.KindOutput} {
		for _, r := range results {
			switch strings.ToLower(path.Ext(r.Name)) {
			case ".jpg", ".jpeg", ".png", ".webp", ".bmp":
				if r.Kind == kind {
					return r.Name
				}
			}
		}
	}
	return ""
}

func glanceOf(j *farm.Job) farm.JobGlance {
	return farm.JobGlance{
		ID: j.ID, Name: j.Name, Owner: j.Owner, State: j.State, Priority: j.Priority, Total: j.Total, Done: j.Done, Failed: j.Failed,
		Running: j.Running, Missing: j.Missing, LeftS: j.LeftS, Ended: j.Ended, Stages: j.Stages, Staged: j.Plan().Staged(),
	}
}

// State is what a worker does, in a word: working, idle, resting (it is not its time), draining, disabled or
// offline.
func (v *WorkerView) State() string {
	switch {
	case !v.Online:
		return "offline"
	case !v.Worker.Enabled:
		return "disabled"
	case v.Worker.Draining:
		return "draining"
	case len(v.Running) > 0:
		return "working"
	case v.Schedule != nil && !v.Schedule.Open:
		return "resting"
	}
	return "idle"
}

func workerGlance(v *WorkerView) farm.WorkerGlance {
	g := farm.WorkerGlance{ID: v.Worker.ID, Name: v.Worker.Name, State: v.State()}
	if len(v.Running) > 0 {
		r := slices.MinFunc(v.Running, func(a, b farm.Running) int { return cmp.Compare(a.ID, b.ID) })
		g.Job = r.Job
		if r.Beat.Started {
			frame := r.Beat.Frame
			g.Frame, g.Fraction = &frame, min(max(r.Beat.Fraction, 0), 1)
		}
	}
	return g
}
