package master

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// Parts of frames lie among their job's results, in a folder of the master's own, until the frame that they make is
// accepted. Whoever holds the lease that finishes the frame may read them.

// Parts are the results that the task of a lease is made of, in the order of their parts. It is an error when one is not
// done: then the lease is taken back in a moment.
func (m *Master) Parts(ctx context.Context, who Identity, lease farm.LeaseID) ([]farm.Result, error) {
	tasks, j, err := m.standsOn(ctx, who, lease)
	if err != nil {
		return nil, err
	}
	list := make([]farm.Result, 0, len(tasks))
	for _, no := range tasks {
		a, err := m.acceptedNow(ctx, j.ID, no)
		if err != nil {
			return nil, err
		}
		if a == nil || len(a.Results) != 1 || a.Results[0].Kind != farm.KindPart {
			return nil, farm.Errorf(farm.Conflict, "%s of job %d is not there", farm.TaskName(no), j.ID)
		}
		list = append(list, a.Results[0])
	}
	return list, nil
}

// OpenPart opens one of them by its task.
func (m *Master) OpenPart(ctx context.Context, who Identity, lease farm.LeaseID, task int) (*os.File, error) {
	j, err := m.partOf(ctx, who, lease, task)
	if err != nil {
		return nil, err
	}
	f, err := m.openOutput(j.Folder, farm.PartName(task))
	if err != nil {
		return nil, farm.Errorf(farm.NotFound, "%s of job %d is not there", farm.TaskName(task), j.ID)
	}
	return f, nil
}

// PartSuspect is told by who finishes a frame that a part is not what it should be. Where that is so, it is rendered again.
func (m *Master) PartSuspect(ctx context.Context, who Identity, lease farm.LeaseID, task int) (farm.Suspicion, error) {
	j, err := m.partOf(ctx, who, lease, task)
	if err != nil {
		return farm.Suspicion{}, err
	}
	return m.ResultSuspect(ctx, j.ID, task, farm.PartName(task))
}

func (m *Master) partOf(ctx context.Context, who Identity, lease farm.LeaseID, task int) (farm.Job, error) {
	tasks, j, err := m.standsOn(ctx, who, lease)
	if err == nil && !slices.Contains(tasks, task) {
		err = farm.Errorf(farm.NotFound, "the lease does not need %s", farm.TaskName(task))
	}
	return j, err
}

// standsOn are the parts that the first task of a lease is made of.
func (m *Master) standsOn(ctx context.Context, who Identity, id farm.LeaseID) (tasks []int, of farm.Job, err error) {
	_, err = ask(ctx, m, func(e *engine) (struct{}, error) {
		l := e.leases[id]
		if l == nil {
			l = e.lapsed[id]
		}
		if l == nil || len(l.Frames) == 0 || !e.speaks(who, l.Worker) {
			return struct{}{}, farm.Errorf(farm.Conflict, "the lease is over")
		}
		of = l.job.Job
		p, ok := l.job.plan.Position(l.Frames[0])
		lo, hi, _ := l.job.plan.Needs(p)
		for q := lo; ok && q < hi; q++ {
			if no, is := l.job.plan.Task(q); is && farm.IsPart(no) {
				tasks = append(tasks, no)
			}
		}
		return struct{}{}, nil
	})
	return tasks, of, err
}

// removeParts removes what a finished frame was made of.
func (m *Master) removeParts(folder string, no int) {
	t, _ := farm.TaskOf(no)
	if t.Stage != farm.StageFinish {
		return
	}
	dir := filepath.Join(m.outputs(folder), filepath.FromSlash(farm.PartsFolder(t.Frame)))
	if err := os.RemoveAll(dir); err != nil {
		m.opt.Log.Warn("the parts of a finished frame cannot be removed", "folder", dir, "err", err)
	}
	_ = os.Remove(filepath.Dir(dir)) // goes only when it is empty
}
