package storetest

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/farm"
)

// modelJob is what a store should know of a job, written as plainly as can be.
type modelJob struct {
	job      farm.Job
	attempts map[int64]farm.Attempt
	stands   map[int64]byte // a: accepted, f: a failure that counts
}

func (m *modelJob) clone() *modelJob {
	return &modelJob{job: m.job, attempts: maps.Clone(m.attempts), stands: maps.Clone(m.stands)}
}

func (m *modelJob) at(p int, stand byte) (found []int64) {
	for seq, a := range m.attempts {
		if a.Position == p && m.stands[seq] == stand {
			found = append(found, seq)
		}
	}
	return found
}

func (m *modelJob) finished() farm.Spans {
	var s farm.Spans
	for seq, a := range m.attempts {
		if m.stands[seq] == 'a' {
			s.Add(a.Position)
		}
	}
	return s
}

// apply makes the change; ok is false when a store must refuse it.
func (m *modelJob) apply(c farm.Change) (ok bool) {
	switch c := c.(type) {
	case farm.JobMark:
		m.job.State, m.job.Progress = c.State, c.Progress
	case farm.FrameDone:
		if len(m.at(c.Attempt.Position, 'a')) > 0 {
			return false
		}
		m.attempts[c.Attempt.Seq], m.stands[c.Attempt.Seq] = c.Attempt, 'a'
	case farm.FrameTried:
		m.attempts[c.Attempt.Seq], m.stands[c.Attempt.Seq] = c.Attempt, 'f'
	case farm.LapseUndone:
		for seq, a := range m.attempts {
			if a.Lease == c.Lease && a.Outcome == farm.Expired && c.Positions.Contains(a.Position) {
				delete(m.stands, seq)
			}
		}
	case farm.FrameReset:
		for p := range c.Positions.All() {
			for _, stand := range []byte{'a', 'f'} {
				for _, seq := range m.at(p, stand) {
					delete(m.stands, seq)
				}
			}
		}
	}
	return true
}

// model applies random batches of changes, some of them twice and some with a fault, and compares with the model.
func model(t *testing.T, s Store) {
	nextJob, seq := farm.JobID(0), int64(0)
	rapid.Check(t, func(r *rapid.T) {
		nextJob++
		m := &modelJob{job: newJob(nextJob, 8), attempts: map[int64]farm.Attempt{}, stands: map[int64]byte{}}
		batches := rapid.IntRange(1, 4).Draw(r, "batches")
		for i := range batches {
			var changes []farm.Change
			if i == 0 {
				changes = append(changes, farm.JobAdd{Job: m.job})
			}
			next, whole := m.clone(), true
			for range rapid.IntRange(1, 8).Draw(r, "changes") {
				p := rapid.IntRange(0, 7).Draw(r, "position")
				var c farm.Change
				switch rapid.IntRange(0, 8).Draw(r, "kind") {
				case 0, 1, 2:
					if len(next.at(p, 'a')) > 0 && rapid.IntRange(0, 9).Draw(r, "fault") > 0 {
						continue
					}
					seq++
					c = done(nextJob, seq, p)
				case 3:
					seq++
					c = failed(nextJob, seq, p)
				case 4:
					seq++
					c = expired(nextJob, seq, p, rapid.IntRange(0, 2).Draw(r, "lease"))
				case 5:
					of := rapid.IntRange(0, 2).Draw(r, "lease")
					c = farm.LapseUndone{Job: nextJob, Lease: farm.LeaseID(of), Positions: spans(p, p+1)}
				case 6:
					c = farm.FrameReset{Job: nextJob, Positions: spans(rapid.SliceOfN(rapid.IntRange(0, 7), 1, 8).Draw(r, "positions")...)}
				default:
					next.job.State = rapid.SampledFrom(farm.JobStates()).Draw(r, "state")
					next.job.Progress.Done = p
					mk := mark(next.job, 0, nil)
					if rapid.Bool().Draw(r, "set") {
						set := next.finished()
						mk = mark(next.job, seq, &set)
					}
					c = mk
				}
				whole = next.apply(c) && whole
				changes = append(changes, c)
			}
			if err := s.Apply(ctx, changes); (err == nil) != whole {
				r.Fatalf("Apply: %v, of a batch that is whole: %v", err, whole)
			}
			if !whole {
				if i == 0 {
					return
				}
				next = m
			} else if rapid.Bool().Draw(r, "twice") {
				if err := s.Apply(ctx, changes); err != nil {
					r.Fatalf("Apply again: %v", err)
				}
			}
			m = next
			m.compare(r, s)
		}
	})
}

func (m *modelJob) compare(r *rapid.T, s Store) {
	l, err := s.LoadJob(ctx, m.job.ID)
	if err != nil {
		r.Fatal(err)
	}
	var all, accepted, counted []int64
	finished := m.finished()
	for _, seq := range slices.Sorted(maps.Keys(m.attempts)) {
		all = append(all, seq)
		if m.stands[seq] == 'a' {
			accepted = append(accepted, seq)
		}
		if m.stands[seq] == 'f' && !finished.Contains(m.attempts[seq].Position) {
			counted = append(counted, seq)
		}
	}
	list, err1 := s.Attempts(ctx, farm.AttemptFilter{Job: m.job.ID, Limit: 1000})
	good, err2 := s.Attempts(ctx, farm.AttemptFilter{Job: m.job.ID, Limit: 1000, Accepted: true})
	if err1 != nil || err2 != nil {
		r.Fatal(err1, err2)
	}
	if l.Job.State != m.job.State || !reflect.DeepEqual(l.Job.Progress, m.job.Progress) {
		r.Fatalf("job %+v, not %+v", l.Job, m.job)
	}
	if !slices.Equal(l.Finished.Encode(), finished.Encode()) {
		r.Fatalf("finished %v, not %v", l.Finished, finished)
	}
	for _, x := range []struct {
		what      string
		want, got []int64
	}{{"all", all, seqs(list)}, {"accepted", accepted, seqs(good)}, {"tried", counted, seqs(l.Tried)}} {
		if !slices.Equal(x.want, x.got) {
			r.Fatalf("%s: %v, not %v", x.what, x.got, x.want)
		}
	}
}
