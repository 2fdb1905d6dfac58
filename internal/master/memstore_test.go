package master_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store/storetest"
)

// memStore is a Store in memory: for tests that run the engine thousands of times. What is kept can be handed to
// another engine, as a database survives a kill.
type memStore struct {
	mu       sync.Mutex
	epoch    int64
	audit    []farm.Audit
	nextJob  farm.JobID
	jobs     map[farm.JobID]farm.Job
	files    map[farm.JobID][]farm.File
	leases   map[farm.LeaseID]farm.Lease
	done     map[farm.JobID]map[int]farm.Attempt // by position
	history  map[farm.JobID][]farm.Attempt
	resets   map[farm.JobID]map[int]int64 // position -> length of history at its last reset
	refused  map[farm.JobID][]farm.WorkerID
	undone   map[farm.JobID]map[int64]bool // attempts that count for nothing, by Seq
	workers  map[farm.WorkerID]farm.Worker
	tokens   map[string]farm.Token
	logins   map[string]farm.Login
	rules    *farm.Rules
	cleaning farm.Cleaning
	targets  map[string]farm.Target
	pending  []farm.Pending
	fail     error // Apply fails with it
	wait     func()
	damage   error // Inspect finds it

	onLoadJob func() // is called by LoadJob; nil: nothing
	applied   int    // batches
	changes   int
}

func newMemStore() *memStore {
	return &memStore{
		nextJob: 1, jobs: map[farm.JobID]farm.Job{}, files: map[farm.JobID][]farm.File{}, leases: map[farm.LeaseID]farm.Lease{},
		done: map[farm.JobID]map[int]farm.Attempt{}, history: map[farm.JobID][]farm.Attempt{}, resets: map[farm.JobID]map[int]int64{},
		undone: map[farm.JobID]map[int64]bool{}, refused: map[farm.JobID][]farm.WorkerID{},
		workers: map[farm.WorkerID]farm.Worker{}, tokens: map[string]farm.Token{}, logins: map[string]farm.Login{},
		targets: map[string]farm.Target{},
	}
}

func (s *memStore) Load(_ context.Context, least int64) (farm.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return farm.State{}, s.fail
	}
	s.epoch = max(s.epoch+1, least)
	st := farm.State{Epoch: s.epoch, NextJob: s.nextJob}
	st.Cleaning = s.cleaning
	if s.rules != nil {
		st.Rules, st.HasRule = *s.rules, true
	}
	for id, j := range s.jobs {
		if !j.State.Ended() {
			st.Jobs = append(st.Jobs, s.load(id))
		}
	}
	slices.SortFunc(st.Jobs, func(a, b farm.JobLoad) int { return cmp.Compare(a.Job.ID, b.Job.ID) })
	st.Leases = slices.SortedFunc(maps.Values(s.leases), func(a, b farm.Lease) int { return cmp.Compare(a.ID, b.ID) })
	st.Workers = slices.SortedFunc(maps.Values(s.workers), func(a, b farm.Worker) int { return cmp.Compare(a.ID, b.ID) })
	st.Tokens = slices.Collect(maps.Values(s.tokens))
	st.Logins = slices.Collect(maps.Values(s.logins))
	st.Targets = slices.SortedFunc(maps.Values(s.targets), func(a, b farm.Target) int { return cmp.Compare(a.ID, b.ID) })
	st.Pending = slices.Clone(s.pending)
	return st, nil
}

func (s *memStore) Inspect(context.Context) (int64, error) { return 0, s.damage }

func (s *memStore) load(id farm.JobID) farm.JobLoad {
	l := farm.JobLoad{Job: s.jobs[id], Refused: slices.Clone(s.refused[id])}
	for p := range s.done[id] {
		l.Finished.Add(p)
	}
	for i, a := range s.history[id] {
		_, done := s.done[id][a.Position]
		if !done && !s.undone[id][a.Seq] && (a.Outcome == farm.Errored || a.Outcome == farm.Expired) && int64(i) >= s.resets[id][a.Position] {
			l.Tried = append(l.Tried, a)
		}
	}
	return l
}

// slow has every batch wait for the function first; nil ends that.
func (s *memStore) slow(wait func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = wait
}

// breaks has the store neither be written nor read anew; nil mends it.
func (s *memStore) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *memStore) Apply(_ context.Context, changes []farm.Change) error {
	s.mu.Lock()
	wait := s.wait
	s.mu.Unlock()
	if wait != nil {
		wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.applied++
	s.changes += len(changes)
	for _, c := range changes {
		switch c := c.(type) {
		case farm.JobAdd:
			s.jobs[c.Job.ID], s.files[c.Job.ID] = c.Job, slices.Clone(c.Files)
			s.nextJob = max(s.nextJob, c.Job.ID+1)
		case farm.JobHold:
			s.nextJob = max(s.nextJob, c.ID+1)
		case farm.JobSet:
			s.jobs[c.Job.ID] = c.Job
		case farm.JobMark:
			j := s.jobs[c.ID]
			j.State, j.Reason, j.Progress = c.State, c.Reason, c.Progress
			j.Started, j.Ended = unmicros(c.Started), unmicros(c.Ended)
			s.jobs[c.ID] = j
			if c.Refused != nil {
				s.refused[c.ID] = slices.Clone(c.Refused)
			}
		case farm.JobDelete:
			delete(s.jobs, c.ID)
			delete(s.done, c.ID)
			delete(s.history, c.ID)
			delete(s.refused, c.ID)
			maps.DeleteFunc(s.leases, func(_ farm.LeaseID, l farm.Lease) bool { return l.Job == c.ID })
		case farm.LeaseAdd:
			s.leases[c.Lease.ID] = c.Lease
		case farm.LeaseEnd:
			delete(s.leases, c.ID)
		case farm.FrameDone:
			a := c.Attempt
			if s.done[a.Job] == nil {
				s.done[a.Job] = map[int]farm.Attempt{}
			}
			if old, twice := s.done[a.Job][a.Position]; twice && old.Lease != a.Lease {
				return errors.New("a frame has two accepted results")
			}
			s.done[a.Job][a.Position] = a
			s.history[a.Job] = append(s.history[a.Job], a)
		case farm.FrameTried:
			s.history[c.Attempt.Job] = append(s.history[c.Attempt.Job], c.Attempt)
		case farm.LapseUndone:
			if s.undone[c.Job] == nil {
				s.undone[c.Job] = map[int64]bool{}
			}
			for _, a := range s.history[c.Job] {
				if a.Lease == c.Lease && a.Outcome == farm.Expired && c.Positions.Contains(a.Position) {
					s.undone[c.Job][a.Seq] = true
				}
			}
		case farm.FrameReset:
			if s.resets[c.Job] == nil {
				s.resets[c.Job] = map[int]int64{}
			}
			for p := range c.Positions.All() {
				delete(s.done[c.Job], p)
				s.resets[c.Job][p] = int64(len(s.history[c.Job]))
			}
		case farm.FilesPut:
			if _, ok := s.jobs[c.Job]; !ok {
				continue
			}
			kept := slices.DeleteFunc(slices.Clone(s.files[c.Job]), func(f farm.File) bool {
				return c.Whole && f.Bake == c.Bake || slices.ContainsFunc(c.Files, func(n farm.File) bool { return n.Path == f.Path })
			})
			s.files[c.Job] = append(kept, c.Files...)
			slices.SortFunc(s.files[c.Job], func(a, b farm.File) int { return strings.Compare(a.Path, b.Path) })
		case farm.WorkerSet:
			s.workers[c.Worker.ID] = c.Worker
		case farm.WorkerDelete:
			delete(s.workers, c.ID)
		case farm.TokenSet:
			s.tokens[c.Token.ID] = c.Token
		case farm.TokenDelete:
			delete(s.tokens, c.ID)
		case farm.LoginSet:
			s.logins[c.Login.ID] = c.Login
		case farm.LoginDelete:
			delete(s.logins, c.ID)
		case farm.AuditAdd:
			s.audit = append(s.audit, c.Audit)
		case farm.AuditTrim:
			s.audit = slices.DeleteFunc(s.audit, func(a farm.Audit) bool { return a.Time.Before(c.Before) })
			s.audit = s.audit[max(0, len(s.audit)-c.Keep):]
		case farm.RulesSet:
			s.rules = &c.Rules
		case farm.CleaningSet:
			s.cleaning = c.Cleaning
		case farm.TargetSet:
			s.targets[c.Target.ID] = c.Target
		case farm.TargetDelete:
			delete(s.targets, c.ID)
			s.pending = slices.DeleteFunc(s.pending, func(p farm.Pending) bool { return p.Target == c.ID })
		case farm.PendingAdd:
			s.pending = append(s.pending, c.Pending)
		case farm.PendingEnd:
			s.pending = slices.DeleteFunc(s.pending, func(p farm.Pending) bool { return p.Target == c.Target && slices.Contains(c.Messages, p.Message.ID) })
		case farm.JobLost:
			if j, ok := s.jobs[c.ID]; ok {
				j.Lose(c.Removal)
				s.jobs[c.ID] = j
			}
		}
	}
	return nil
}

func unmicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

func (s *memStore) Job(_ context.Context, id farm.JobID) (farm.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[id]
	if !ok {
		return j, farm.Errorf(farm.NotFound, "there is no job %d", id)
	}
	return j, nil
}

func (s *memStore) LoadJob(ctx context.Context, id farm.JobID) (farm.JobLoad, error) {
	if _, err := s.Job(ctx, id); err != nil {
		return farm.JobLoad{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onLoadJob != nil {
		s.onLoadJob()
	}
	return s.load(id), nil
}

func (s *memStore) JobByKey(_ context.Context, key string) (farm.JobID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.jobs {
		if j.Key == key {
			return id, nil
		}
	}
	return 0, farm.Errorf(farm.NotFound, "there is no such job")
}

func (s *memStore) Jobs(_ context.Context, f farm.JobFilter) ([]farm.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.SortedFunc(maps.Values(s.jobs), func(a, b farm.Job) int { return cmp.Compare(b.ID, a.ID) })
	list = slices.DeleteFunc(list, func(j farm.Job) bool { return j.Inspect != f.Inspect })
	return list[:min(len(list), f.Limit)], nil
}

func (s *memStore) JobPage(_ context.Context, f farm.JobFilter) (farm.JobPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return storetest.Page(slices.Collect(maps.Values(s.jobs)), f), nil
}

func (s *memStore) Manifest(_ context.Context, id farm.JobID, after string, limit int) ([]farm.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.SortedFunc(slices.Values(s.files[id]), func(a, b farm.File) int { return strings.Compare(a.Path, b.Path) })
	list = slices.DeleteFunc(list, func(f farm.File) bool { return f.Path <= after })
	return list[:min(len(list), limit)], nil
}

func (s *memStore) BakesOf(_ context.Context, id farm.JobID, ref string) (bakes []int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files[id] {
		if f.Ref == ref && !slices.Contains(bakes, f.Bake) {
			bakes = append(bakes, f.Bake)
		}
	}
	slices.Sort(bakes)
	return bakes, nil
}

func (s *memStore) PathOf(_ context.Context, id farm.JobID, ref string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files[id] {
		if f.Ref == ref {
			return f.Path, nil
		}
	}
	return "", nil
}

func (s *memStore) Attempts(_ context.Context, f farm.AttemptFilter) ([]farm.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []farm.Attempt
	for _, a := range s.history[f.Job] {
		now, done := s.done[f.Job][a.Position]
		accepted := done && now.Lease == a.Lease && a.Outcome == farm.Rendered
		if a.Seq > f.After && (!f.Accepted || accepted) && (!f.Failed || a.Outcome != farm.Rendered) && len(list) < f.Limit &&
			(f.Frames.Count() == 0 || farm.Names(f.Frames, a.Frame)) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (s *memStore) Traces(_ context.Context, id farm.JobID, positions *farm.Spans, each func(*farm.Trace)) (newest int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.jobs[id]; !ok {
		return 0, farm.Errorf(farm.NotFound, "there is no job %d", id)
	}
	for _, a := range s.history[id] {
		newest = max(newest, a.Seq)
		if positions == nil || positions.Contains(a.Position) {
			each(&farm.Trace{
				Position: a.Position, Worker: a.Worker, Accepted: s.done[id][a.Position].Seq == a.Seq, GaveUp: a.Final,
				Failed: a.Outcome == farm.Errored || a.Outcome == farm.Expired, Started: a.Started.UnixMicro(), Seconds: a.Seconds, MemoryMB: a.MemoryMB,
			})
		}
	}
	return newest, nil
}

func (s *memStore) Warnings(_ context.Context, id farm.JobID) (list []farm.Warning, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.history[id] {
		for _, text := range a.Warnings {
			list = append(list, farm.Warning{Text: text, Frames: 1, Frame: a.Frame})
		}
	}
	return list, nil
}

func (s *memStore) Audit(_ context.Context, f farm.AuditFilter) (list []farm.Audit, _ error) {
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

func (s *memStore) Size(context.Context) (int64, error) { return 0, nil }

func (s *memStore) WorkerAttempts(_ context.Context, f farm.WorkerAttemptFilter) (list []farm.WorkerAttempt, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, tries := range s.history {
		for _, a := range tries {
			if a.Worker == f.Worker && (f.Before == 0 || a.Seq < f.Before) && (!f.Failed || a.Outcome == farm.Errored || a.Outcome == farm.Expired) {
				list = append(list, farm.WorkerAttempt{Attempt: a, JobName: s.jobs[id].Name})
			}
		}
	}
	slices.SortFunc(list, func(a, b farm.WorkerAttempt) int { return cmp.Compare(b.Seq, a.Seq) })
	return list[:min(len(list), f.Limit)], nil
}

func (s *memStore) Statistics(_ context.Context, f farm.StatFilter) (rows []farm.StatRow, total farm.StatSum, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, tries := range s.history { // by job alone
		r := farm.StatRow{Job: id, JobName: s.jobs[id].Name}
		for _, a := range tries {
			if day := farm.DayOf(a.Ended); a.Outcome == farm.Rendered && day >= f.From && day <= f.To {
				r.Seconds += a.Seconds
				r.Done++
			}
		}
		total.Done += r.Done
		rows = append(rows, r)
	}
	return rows[:min(len(rows), f.Limit)], total, nil
}

func (s *memStore) About(context.Context) (farm.StoreAbout, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return farm.StoreAbout{Engine: "memory", Version: "1", Path: "nowhere"}, len(s.jobs), nil
}
func (s *memStore) Close() error { return nil }

func (s *memStore) Snapshot(_ context.Context, path string) (farm.Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return farm.Kept{Jobs: int64(len(s.jobs))}, os.WriteFile(path, []byte("a snapshot"), 0o600)
}

func (s *memStore) Contents(_ context.Context, _ string, each func(farm.Stored) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.files)) {
		for _, f := range s.files[id] {
			if err := each(farm.Stored{Ref: f.Ref, Size: f.Size}); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.done)) {
		for _, p := range slices.Sorted(maps.Keys(s.done[id])) {
			a := s.done[id][p]
			for _, r := range a.Results {
				if err := each(farm.Stored{Output: s.jobs[id].Folder + "/" + r.Name, Ref: r.Ref, Size: r.Size}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
