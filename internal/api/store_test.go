package api

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store/storetest"
)

// memory is a master.Store that forgets, for tests of the door alone.
type memory struct {
	mu       sync.Mutex
	rules    farm.Rules
	hasRules bool
	audit    []farm.Audit
	fail     error // of the next changes
	jobs     map[farm.JobID]farm.Job
	files    map[farm.JobID][]farm.File
	done     map[farm.JobID]*farm.Spans
	attempts map[farm.JobID][]farm.Attempt
	leases   map[farm.LeaseID]farm.Lease
	workers  map[farm.WorkerID]farm.Worker
	tokens   map[string]farm.Token

	inspected chan error // what Inspect comes to
	forget    bool       // keep no attempts, for benchmarks
}

func newMemory() *memory {
	return &memory{
		jobs: map[farm.JobID]farm.Job{}, files: map[farm.JobID][]farm.File{}, done: map[farm.JobID]*farm.Spans{},
		attempts: map[farm.JobID][]farm.Attempt{}, leases: map[farm.LeaseID]farm.Lease{},
		workers: map[farm.WorkerID]farm.Worker{}, tokens: map[string]farm.Token{}, inspected: make(chan error),
	}
}

func (s *memory) Load(context.Context, int64) (farm.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return farm.State{Epoch: 1, NextJob: 1, Tokens: slices.Collect(maps.Values(s.tokens))}, nil // of jobs it knows none
}

func (s *memory) Apply(_ context.Context, changes []farm.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for _, c := range changes {
		switch c := c.(type) {
		case farm.JobAdd:
			if s.jobs[c.Job.ID] = c.Job; s.done[c.Job.ID] == nil {
				s.done[c.Job.ID] = &farm.Spans{}
			}
			s.files[c.Job.ID] = slices.SortedFunc(slices.Values(c.Files), func(a, b farm.File) int { return strings.Compare(a.Path, b.Path) })
		case farm.JobHold:
			s.done[c.ID] = &farm.Spans{}
		case farm.JobSet:
			s.jobs[c.Job.ID] = c.Job
		case farm.JobMark:
			j := s.jobs[c.ID]
			j.State, j.Reason, j.Progress = c.State, c.Reason, c.Progress
			if j.Ended = (time.Time{}); c.Ended != 0 {
				j.Ended = time.UnixMicro(c.Ended)
			}
			s.jobs[c.ID] = j
		case farm.JobDelete:
			delete(s.jobs, c.ID)
			delete(s.files, c.ID)
			delete(s.attempts, c.ID)
		case farm.LeaseAdd:
			s.leases[c.Lease.ID] = c.Lease
		case farm.LeaseEnd:
			delete(s.leases, c.ID)
		case farm.FrameDone:
			s.done[c.Attempt.Job].Add(c.Attempt.Position)
			s.try(c.Attempt)
		case farm.FrameTried:
			s.try(c.Attempt)
		case farm.FrameReset:
			s.done[c.Job].RemoveAll(&c.Positions)
		case farm.FilesPut:
			s.files[c.Job] = slices.DeleteFunc(s.files[c.Job], func(f farm.File) bool { return f.Bake == c.Bake })
			s.files[c.Job] = append(s.files[c.Job], c.Files...)
		case farm.WorkerSet:
			s.workers[c.Worker.ID] = c.Worker
		case farm.WorkerDelete:
			delete(s.workers, c.ID)
		case farm.TokenSet:
			s.tokens[c.Token.ID] = c.Token
		case farm.TokenDelete:
			delete(s.tokens, c.ID)
		case farm.AuditAdd:
			s.audit = append(s.audit, c.Audit)
		case farm.RulesSet:
			s.rules, s.hasRules = c.Rules, true
		case farm.JobLost:
			if j, ok := s.jobs[c.ID]; ok {
				j.Lose(c.Removal)
				s.jobs[c.ID] = j
			}
		}
	}
	return nil
}

func (s *memory) try(a farm.Attempt) {
	if !s.forget {
		s.attempts[a.Job] = append(s.attempts[a.Job], a)
	}
}

func (s *memory) Job(_ context.Context, id farm.JobID) (farm.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[id]
	if !ok {
		return j, farm.Errorf(farm.NotFound, "there is no job %d", id)
	}
	return j, nil
}

func (s *memory) LoadJob(ctx context.Context, id farm.JobID) (farm.JobLoad, error) {
	j, err := s.Job(ctx, id)
	if err != nil {
		return farm.JobLoad{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	load := farm.JobLoad{Job: j, Finished: s.done[id].Clone()}
	for _, a := range s.attempts[id] {
		if a.Outcome != farm.Rendered {
			load.Tried = append(load.Tried, a)
		}
	}
	return load, nil
}

func (s *memory) JobByKey(_ context.Context, key string) (farm.JobID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.jobs {
		if j.Key == key {
			return id, nil
		}
	}
	return 0, farm.Errorf(farm.NotFound, "there is no such key")
}

func (s *memory) Jobs(_ context.Context, f farm.JobFilter) ([]farm.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []farm.Job
	for _, j := range s.jobs {
		if (f.Before == 0 || j.ID < f.Before) && (len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
			(f.Owner == "" || f.Owner == j.Owner) && strings.Contains(j.Name, f.Text) {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b farm.Job) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), f.Limit)], nil
}

func (s *memory) JobPage(_ context.Context, f farm.JobFilter) (farm.JobPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return storetest.Page(slices.Collect(maps.Values(s.jobs)), f), nil
}

func (s *memory) Manifest(_ context.Context, id farm.JobID, after string, limit int) ([]farm.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []farm.File
	for _, f := range s.files[id] {
		if f.Path > after && len(list) < limit {
			list = append(list, f)
		}
	}
	return list, nil
}

func (s *memory) PathOf(_ context.Context, id farm.JobID, ref string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files[id] {
		if f.Ref == ref {
			return f.Path, nil
		}
	}
	return "", nil
}

func (s *memory) BakesOf(_ context.Context, id farm.JobID, ref string) (bakes []int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files[id] {
		if f.Ref == ref && !slices.Contains(bakes, f.Bake) {
			bakes = append(bakes, f.Bake)
		}
	}
	return bakes, nil
}

func (s *memory) Attempts(_ context.Context, f farm.AttemptFilter) ([]farm.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []farm.Attempt
	for _, a := range s.attempts[f.Job] {
		if a.Seq > f.After && len(list) < f.Limit && (!f.Accepted || a.Outcome == farm.Rendered) &&
			(!f.Failed || a.Outcome == farm.Errored) && (f.Frames.Count() == 0 || f.Frames.Contains(a.Frame)) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (s *memory) Traces(_ context.Context, id farm.JobID, positions *farm.Spans, each func(*farm.Trace)) (newest int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.jobs[id]; !ok {
		return 0, farm.Errorf(farm.NotFound, "there is no job %d", id)
	}
	for _, a := range s.attempts[id] {
		newest = max(newest, a.Seq)
		if positions == nil || positions.Contains(a.Position) {
			each(&farm.Trace{
				Position: a.Position, Worker: a.Worker, Accepted: a.Outcome == farm.Rendered && s.done[id].Contains(a.Position), GaveUp: a.Final,
				Failed: a.Outcome == farm.Errored || a.Outcome == farm.Expired, Started: a.Started.UnixMicro(), Seconds: a.Seconds, MemoryMB: a.MemoryMB,
			})
		}
	}
	return newest, nil
}

func (s *memory) Warnings(_ context.Context, id farm.JobID) (list []farm.Warning, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.attempts[id] {
		for _, text := range a.Warnings {
			list = append(list, farm.Warning{Text: text, Frames: 1, Frame: a.Frame})
		}
	}
	return list, nil
}

func (s *memory) Inspect(ctx context.Context) (int64, error) {
	select {
	case err := <-s.inspected:
		return 0, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s *memory) Audit(_ context.Context, f farm.AuditFilter) (list []farm.Audit, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.audit {
		a := s.audit[i]
		if f.After == 0 {
			a = s.audit[len(s.audit)-1-i]
		}
		if (f.Who == "" || f.Who == a.Who || f.Who == a.Token) && a.Seq > f.After && (f.Before == 0 || f.After > 0 || a.Seq < f.Before) && len(list) < f.Limit {
			list = append(list, a)
		}
	}
	return list, nil
}

func (s *memory) Size(context.Context) (int64, error) { return 0, nil }

func (s *memory) WorkerAttempts(_ context.Context, f farm.WorkerAttemptFilter) ([]farm.WorkerAttempt, error) {
	var list []farm.WorkerAttempt
	for seq := f.Before - 1; seq > 0 && len(list) < f.Limit; seq-- {
		list = append(list, farm.WorkerAttempt{Attempt: farm.Attempt{Seq: seq, Worker: f.Worker, Outcome: farm.Rendered}, JobName: "shot"})
	}
	return list, nil
}

func (s *memory) Statistics(_ context.Context, f farm.StatFilter) ([]farm.StatRow, farm.StatSum, error) {
	sum := farm.StatSum{Seconds: 1.5, Done: 1, Failed: 2, Expired: 3}
	return []farm.StatRow{{Day: farm.DayText(f.To), Job: 7, JobName: "=shot", Owner: "anna, of course", Worker: "w1", WorkerName: "oak", StatSum: sum}}, sum, nil
}

func (s *memory) About(context.Context) (farm.StoreAbout, int, error) {
	return farm.StoreAbout{Engine: "memory", Version: "1", Path: "nowhere"}, 1, nil
}
func (s *memory) Close() error { return nil }

func (s *memory) Snapshot(_ context.Context, path string) (farm.Kept, error) {
	return farm.Kept{}, os.WriteFile(path, []byte("a snapshot"), 0o600)
}

func (s *memory) Contents(_ context.Context, _ string, each func(farm.Stored) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.files)) {
		for _, f := range s.files[id] {
			if err := each(farm.Stored{Ref: f.Ref, Size: f.Size}); err != nil {
				return err
			}
		}
	}
	return nil
}
