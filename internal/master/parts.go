package master

import (
	"context"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/farm"
)

// Parts of frames lie among their job's results, in a folder of the master's own, until the frame that they make is
// accepted. Whoever holds the lease that finishes the frame may read them.

// Parts are the results that the task of a lease is made of, in the order of their parts. It is an error when one is not
// done: then the lease is taken back in a moment.
func (m *Master) Parts(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID) ([]farm.Result, error) {
	tasks, j, err := m.stands(ctx, who, lease, worker)
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

// OpenPart opens one of them by its name.
func (m *Master) OpenPart(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, name string) (*os.File, error) {
	tasks, j, err := m.stands(ctx, who, lease, worker)
	if err != nil {
		return nil, err
	}
	for _, no := range tasks {
		if farm.PartName(no) == name {
			f, err := m.openOutput(j.Folder, name)
			if err != nil {
				return nil, farm.Errorf(farm.NotFound, "%s of job %d is not there", farm.TaskName(no), j.ID)
			}
			return f, nil
		}
	}
	return nil, farm.Errorf(farm.NotFound, "the lease needs no %s", clip(name, 100))
}

// PartSuspect is told by who finishes a frame that a part is not what it should be.
func (m *Master) PartSuspect(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, name string) (farm.Suspicion, error) {
	tasks, j, err := m.stands(ctx, who, lease, worker)
	if err != nil {
		return farm.Suspicion{}, err
	}
	for _, no := range tasks {
		if farm.PartName(no) == name {
			return m.ResultSuspect(ctx, j.ID, no, name)
		}
	}
	return farm.Suspicion{}, farm.Errorf(farm.NotFound, "the lease needs no %s", clip(name, 100))
}

// stands are the tasks that the first task of a lease is made of.
func (m *Master) stands(ctx context.Context, who Identity, id farm.LeaseID, worker farm.WorkerID) (tasks []int, of farm.Job, err error) {
	err = m.withLease(ctx, who, id, worker, func(l *lease) {
		of = l.job.Job
		p, ok := l.job.plan.Position(l.Frames[0])
		if !ok {
			return
		}
		lo, hi, _ := l.job.plan.Needs(p)
		for q := lo; q < hi; q++ {
			if no, ok := l.job.plan.Task(q); ok && farm.IsPart(no) {
				tasks = append(tasks, no)
			}
		}
	})
	return tasks, of, err
}

// withLease calls f in the loop with a lease that the worker holds.
func (m *Master) withLease(ctx context.Context, who Identity, id farm.LeaseID, worker farm.WorkerID, f func(*lease)) error {
	_, err := ask(ctx, m, func(e *engine) (struct{}, error) {
		l := e.leases[id]
		if l == nil {
			l = e.lapsed[id]
		}
		if l == nil || l.Worker != worker || len(l.Frames) == 0 || !e.speaks(who, worker) {
			return struct{}{}, farm.Errorf(farm.Conflict, "the lease is over")
		}
		f(l)
		return struct{}{}, nil
	})
	return err
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
