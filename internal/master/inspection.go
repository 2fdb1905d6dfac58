package master

import (
	"context"
	"io"

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
