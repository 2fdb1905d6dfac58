package master

import (
	"context"
	"io"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Inspection is what a worker's Blender found in a scene. It is NotFound, with a sentence, of a job that is no inspection and
// of one whose report is not there.
func (m *Master) Inspection(ctx context.Context, who Identity, id farm.JobID) (*farm.Inspection, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := mine(who, &j); err != nil {
		return nil, err
	}
	if !j.Inspect {
		return nil, farm.Errorf(farm.NotFound, "job %d is no inspection", id).WithHint("submit the scene with inspect set")
	}
	if j.State != farm.Done {
		return nil, notInspected(&j)
	}
	f, err := m.OpenResult(ctx, id, farm.InspectionName)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, farm.MaxInspection+1))
	if err != nil {
		return nil, plainDisk(err, "the report cannot be read")
	}
	return farm.ParseInspection(text)
}

// inspectionFor is how long an inspection is kept after it ended, and how long one waits for files that nobody sends.
const inspectionFor = time.Hour

// dropInspections removes the inspections that nobody needs any more.
func (m *Master) dropInspections(ctx context.Context) error {
	list, err := m.opt.Store.Jobs(ctx, farm.JobFilter{
		Inspect: true, States: []farm.JobState{farm.Collecting, farm.Done, farm.Failed, farm.Canceled}, Limit: 1000,
	})
	if err != nil {
		return err
	}
	now := m.opt.Now()
	for i := range list {
		j := &list[i]
		if j.State.Ended() && now.Sub(j.Ended) < inspectionFor || now.Sub(j.Created) < inspectionFor {
			continue
		}
		over, err := m.abandoned(ctx, j.ID, now)
		if err != nil {
			return err
		}
		if !over {
			continue
		}
		err = m.erase(ctx, Identity{Name: "master", Role: farm.RoleAdmin}, j, func(*engine, *job) {}) // no record: nobody did it
		if err != nil && farm.KindOf(err) != farm.NotFound {                                          // somebody else deleted it
			return err
		}
	}
	return nil
}

// abandoned tells whether nothing more is expected of an inspection: it ended, or nobody sends its files any more.
func (m *Master) abandoned(ctx context.Context, id farm.JobID, now time.Time) (bool, error) {
	return ask(ctx, m, func(e *engine) (bool, error) {
		j := e.jobs[id]
		return j == nil || j.State == farm.Collecting && j.coming == 0 && now.Sub(e.quietSince(j)) >= inspectionFor, nil
	})
}

// notInspected says why there is no report.
func notInspected(j *farm.Job) error {
	err := farm.Errorf(farm.NotFound, "no worker has looked at the scene yet")
	switch {
	case j.State == farm.Failed:
		err = farm.Errorf(farm.NotFound, "the scene could not be looked at")
	case j.State == farm.Canceled:
		err = farm.Errorf(farm.NotFound, "looking at the scene was canceled")
	case j.State == farm.Paused:
		err = farm.Errorf(farm.NotFound, "looking at the scene is paused")
	case j.State == farm.Collecting:
		err = farm.Errorf(farm.NotFound, "the scene's files are not all there yet")
	case j.Running > 0:
		err = farm.Errorf(farm.NotFound, "a worker is looking at the scene")
	}
	if j.Reason != "" {
		err = err.WithHint("%s", j.Reason)
	}
	return err
}
