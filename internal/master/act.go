package master

import (
	"context"
	"slices"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// Action is something to be done to many jobs.
type Action struct {
	Do       farm.JobAction
	Priority int  // with farm.ActPriority
	All      bool // with farm.ActRetry: all frames, not the failed ones alone
}

// Acted is what became of it for one job.
type Acted struct {
	ID    farm.JobID
	State string // afterwards; "deleted" when it is gone
	Err   error
}

// actTogether is how many jobs of an action wait for the loop and for their batch at a time: enough for batches to be
// worth their writing, and no more than the loop does between two other questions without anybody noticing.
const actTogether = 32

// Act does something to each of the jobs, as far as who may, and tells what became of each. What is refused for one does
// not keep it from the others. The jobs are taken one by one, so that the farm goes on meanwhile; when ctx ends, what is
// not done yet is left.
func (m *Master) Act(ctx context.Context, who Identity, ids []farm.JobID, a Action) ([]Acted, error) {
	one, err := m.action(a)
	if err != nil {
		return nil, err
	}
	done := make([]Acted, len(ids))
	next := make(chan int)
	var hands sync.WaitGroup
	for range min(actTogether, len(ids)) {
		hands.Go(func() {
			for i := range next {
				done[i].ID = ids[i]
				done[i].State, done[i].Err = one(ctx, who, ids[i])
			}
		})
	}
	for i := range ids {
		next <- i
	}
	close(next)
	hands.Wait()
	return done, ctx.Err()
}

func (m *Master) action(a Action) (func(ctx context.Context, who Identity, id farm.JobID) (string, error), error) {
	type call = func(context.Context, Identity, farm.JobID) (farm.Job, error)
	state := func(f call) (func(context.Context, Identity, farm.JobID) (string, error), error) {
		return func(ctx context.Context, who Identity, id farm.JobID) (string, error) {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			j, err := f(ctx, who, id)
			return string(j.State), err
		}, nil
	}
	if !slices.Contains(farm.JobActions(), a.Do) {
		return nil, farm.Errorf(farm.Invalid, "%q is not something to be done to jobs", clip(string(a.Do), 40)).
			WithHint("use pause, resume, cancel, retry, delete or priority")
	}
	switch a.Do {
	case farm.ActPause:
		return state(m.Pause)
	case farm.ActResume:
		return state(m.Resume)
	case farm.ActCancel:
		return state(m.Cancel)
	case farm.ActRetry:
		return state(func(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
			return m.Retry(ctx, who, id, RetryWhich{Failed: !a.All, All: a.All})
		})
	case farm.ActDelete:
		return state(func(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
			return farm.Job{State: "deleted"}, m.Delete(ctx, who, id)
		})
	case farm.ActPriority:
		if a.Priority < 1 || a.Priority > farm.MaxPriority {
			return nil, farm.Errorf(farm.Invalid, "a priority is a whole number from 1 to %d, not %d", farm.MaxPriority, a.Priority)
		}
		return state(func(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
			return m.Change(ctx, who, id, func(s *farm.JobSpec) { s.Priority = a.Priority })
		})
	}
	return nil, farm.Errorf(farm.Internal, "nobody does %s", a.Do)
}

// Select lists the jobs that a filter selects, newest first; it is an error when they are more than most.
func (m *Master) Select(ctx context.Context, f farm.JobFilter, most int) ([]farm.JobID, error) {
	f.Sort, f.Rising, f.Behind, f.Before, f.Limit = farm.ByID, false, nil, 0, 1000
	ids := []farm.JobID{}
	for {
		page, err := m.opt.Store.JobPage(ctx, f)
		if err != nil {
			return nil, err
		}
		if page.Total > most {
			return nil, farm.Errorf(farm.TooLarge, "%d jobs are selected, %d may be at a time", page.Total, most).WithHint("select fewer")
		}
		for i := range page.Jobs {
			ids = append(ids, page.Jobs[i].ID)
		}
		if f.Behind = page.After; f.Behind == nil || len(ids) > most {
			return ids[:min(len(ids), most)], nil
		}
	}
}
