package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func loads(t *testing.T, s Store) {
	var changes []farm.Change
	for i, state := range farm.JobStates() {
		j := newJob(farm.JobID(i+1), 5)
		j.State = state
		changes = append(changes, farm.JobAdd{Job: j})
	}
	apply(t, s, changes...)
	var open []farm.JobID
	for _, l := range must(s.Load(ctx, 0))(t).Jobs {
		open = append(open, l.Job.ID)
	}
	same(t, "jobs of Load", []farm.JobID{1, 2, 3, 4}, open)
	apply(t, s, done(5, 1, 2), failed(5, 2, 3))
	l := must(s.LoadJob(ctx, 5))(t) // ended
	same(t, "finished of an ended job", spans(2), l.Finished)
	same(t, "tried of an ended job", []int64{2}, seqs(l.Tried))
}

func counts(t *testing.T, s Store) {
	for want := int64(1); want <= 3; want++ {
		if st := must(s.Load(ctx, 0))(t); st.Epoch != want || st.NextJob != 1 {
			t.Fatalf("epoch %d, next job %d at start %d", st.Epoch, st.NextJob, want)
		}
	}
	apply(t, s, farm.JobAdd{Job: newJob(7, 1)}, farm.JobAdd{Job: newJob(3, 1)})
	for _, at := range [][2]int64{{3, 4}, {1000, 1000}, {7, 1001}, {1001, 1002}} { // the least asked for, and what it is
		if st := must(s.Load(ctx, at[0]))(t); st.Epoch != at[1] {
			t.Fatalf("of a start that asked for %d the epoch is %d, not %d", at[0], st.Epoch, at[1])
		}
	}
	if st := must(s.Load(ctx, 0))(t); st.NextJob != 8 {
		t.Fatalf("next job %d after job 7", st.NextJob)
	}
	apply(t, s, farm.JobDelete{ID: 7})
	if st := must(s.Load(ctx, 0))(t); st.NextJob != 8 {
		t.Fatalf("next job %d after job 7 was deleted", st.NextJob)
	}
	apply(t, s, farm.JobAdd{Job: newJob(8, 1)}, farm.JobDelete{ID: 8})
	if st := must(s.Load(ctx, 0))(t); st.NextJob != 9 {
		t.Fatalf("next job %d after job 8 came and went", st.NextJob)
	}
}

func atomicity(t *testing.T, s Store) {
	apply(t, s, farm.JobAdd{Job: newJob(1, 100)}, done(1, 1, 0))
	before := must(s.Load(ctx, 0))(t)
	newcomer := attempt(1, 2, 5, farm.Errored)
	newcomer.Worker = "new-word"
	bad := []farm.Change{
		farm.JobAdd{Job: newJob(2, 1), Files: []farm.File{{Path: "a"}}},
		farm.WorkerSet{Worker: farm.Worker{ID: "new-worker"}},
		farm.RulesSet{Rules: farm.DefaultRules()},
		farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: 1, Worker: "new-word"}},
		farm.FrameTried{Attempt: newcomer},
		done(1, 3, 1),
		farm.JobMark{ID: 1, State: farm.Failed},
		farm.TokenSet{Token: farm.Token{ID: "t"}},
		done(1, 4, 0), // a second accepted result
	}
	isKind(t, s.Apply(ctx, bad), farm.Internal)
	after := must(s.Load(ctx, 0))(t)
	before.Epoch++
	same(t, "after a batch that failed", before, after)
	_, err := s.Job(ctx, 2)
	isKind(t, err, farm.NotFound)
	apply(t, s, farm.LeaseAdd{Lease: farm.Lease{ID: 2, Job: 1, Worker: "other-word"}}, farm.LeaseEnd{ID: 2},
		farm.LeaseAdd{Lease: farm.Lease{ID: 3, Job: 1, Worker: "other-word"}})
	// The same without the fault goes in: nothing of the failed batch stuck, not even in memory.
	apply(t, s, bad[:len(bad)-1]...)
	if l := must(s.LoadJob(ctx, 1))(t); l.Finished.Count() != 2 || len(l.Tried) != 1 || l.Tried[0].Worker != "new-word" {
		t.Fatalf("after the batch without its fault: %+v", l)
	}
	if st := must(s.Load(ctx, 0))(t); st.Leases[0].Worker != "new-word" {
		t.Fatalf("lease %+v", st.Leases[0])
	}
	// Nothing is done for someone who has gone.
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Apply(gone, []farm.Change{farm.JobAdd{Job: newJob(9, 1)}}); err == nil {
		t.Fatal("a batch for a canceled context was applied")
	}
}

func oneAccepted(t *testing.T, s Store) {
	apply(t, s, farm.JobAdd{Job: newJob(1, 100)}, farm.JobAdd{Job: newJob(2, 100)})
	apply(t, s, done(1, 1, 0), done(2, 2, 0), failed(1, 3, 0))
	isKind(t, s.Apply(ctx, []farm.Change{done(1, 4, 0)}), farm.Internal)
	isKind(t, s.Apply(ctx, []farm.Change{done(1, 5, 7), done(1, 6, 7)}), farm.Internal)
	// The same lease told twice is the same work.
	again := attempt(1, 7, 0, farm.Rendered)
	again.Lease = attempt(1, 1, 0, farm.Rendered).Lease
	apply(t, s, farm.FrameDone{Attempt: again})
	same(t, "accepted", []int64{1}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Accepted: true, Limit: 9}))(t)))
	// One number for two attempts is an error too.
	isKind(t, s.Apply(ctx, []farm.Change{failed(1, 1, 9)}), farm.Internal)
}

func twice(t *testing.T, s Store) {
	j := newJob(1, 100)
	j.State = farm.Active
	first := []farm.Change{
		farm.JobAdd{Job: j, Files: []farm.File{{Path: "a"}, {Path: "b"}}},
		farm.LeaseAdd{Lease: farm.Lease{ID: 5, Job: 1}},
		done(1, 1, 0), failed(1, 2, 1),
		farm.FrameReset{Job: 1, Positions: spans(0)},
		farm.FrameReset{Job: 1, Positions: spans(1)},
		done(1, 3, 0), failed(1, 4, 1),
		farm.JobAdd{Job: newJob(2, 5)},
		done(2, 5, 0),
		farm.LeaseAdd{Lease: farm.Lease{ID: 6, Job: 2}},
		farm.JobMark{ID: 2, State: farm.Active},
		farm.JobDelete{ID: 2},
		farm.LeaseEnd{ID: 6},
	}
	finished := spans(0)
	first = append(first, mark(j, 4, &finished))
	read := func() []any {
		st := must(s.Load(ctx, 0))(t)
		st.Epoch = 0
		return []any{
			st, must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Limit: 99}))(t), must(s.Manifest(ctx, 1, "", 9))(t),
			must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Accepted: true, Limit: 99}))(t),
		}
	}
	apply(t, s, first...)
	want := read()
	apply(t, s, first...)
	same(t, "after the first batch came twice", want, read())
	second := []farm.Change{farm.FrameReset{Job: 1, Positions: spans(0)}, farm.LeaseEnd{ID: 5}, done(1, 6, 1), farm.JobDelete{ID: 77}}
	apply(t, s, second...)
	want = read()
	apply(t, s, second...)
	same(t, "after the second batch came twice", want, read())
	if st := want[0].(farm.State); st.Jobs[0].Finished.Count() != 1 || !st.Jobs[0].Finished.Contains(1) {
		t.Fatalf("finished %v", st.Jobs[0].Finished)
	}
}

func unknown(t *testing.T, s Store) {
	_, err := s.Job(ctx, 1)
	isKind(t, err, farm.NotFound)
	_, err = s.LoadJob(ctx, 1)
	isKind(t, err, farm.NotFound)
	_, err = s.JobByKey(ctx, "no")
	isKind(t, err, farm.NotFound)
	if list, err := s.Manifest(ctx, 1, "", 9); len(list) > 0 || err != nil {
		t.Fatal(list, err)
	}
	for _, f := range []farm.AttemptFilter{{Job: 1, Limit: 9}, {Job: 1, Frames: farm.Frames(1), Limit: 9}, {Job: 1, Frames: farm.FrameRange(1, 9999, 1), Limit: 9}} {
		if list, err := s.Attempts(ctx, f); len(list) > 0 || err != nil {
			t.Fatal(list, err)
		}
	}
	// Settings and marks of a job that is gone make no job; what it would own is an error of the engine.
	apply(t, s, farm.JobSet{Job: newJob(1, 1)}, farm.JobMark{ID: 1, State: farm.Active, Finished: []byte{}}, farm.JobDelete{ID: 1}, farm.FrameReset{Job: 1}, farm.FrameReset{Job: 1, Positions: farm.SpanOf(0, 5000)},
		farm.LapseUndone{Job: 1, Lease: 1, Positions: spans(0)})
	_, err = s.Job(ctx, 1)
	isKind(t, err, farm.NotFound)
	for _, c := range []farm.Change{done(1, 1, 0), failed(1, 1, 0), farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: 1}}} {
		isKind(t, s.Apply(ctx, []farm.Change{c}), farm.Internal)
	}
	if st := must(s.Load(ctx, 0))(t); len(st.Jobs)+len(st.Leases) > 0 {
		t.Fatal(st)
	}
}

func marks(t *testing.T, s Store) {
	j := newJob(1, 100)
	j.State, j.Started = farm.Active, noon
	finished := func(want ...int) {
		t.Helper()
		same(t, "finished", spans(want...), must(s.LoadJob(ctx, 1))(t).Finished)
	}
	apply(t, s, farm.JobAdd{Job: j}, done(1, 1, 10), done(1, 2, 20))
	finished(10, 20)
	// The set as far as 2 says 10 alone: what came by then is not read again.
	set := spans(10)
	apply(t, s, mark(j, 2, &set), done(1, 3, 30))
	finished(10, 30)
	// No set leaves the last one; of several marks of a batch the last counts, and the last set.
	j.Progress.Done, j.Reason = 3, "busy"
	other := spans(10, 20, 30)
	first := mark(j, 3, &other)
	j.Progress.Done, j.State, j.Ended = 4, farm.Paused, noon.Add(time.Minute)
	apply(t, s, first, done(1, 4, 40), mark(j, 0, nil))
	finished(10, 20, 30, 40)
	same(t, "job", j, must(s.Job(ctx, 1))(t))
	set = spans()
	apply(t, s, mark(j, 4, &set))
	finished()
	j.Progress.Done, j.Name = 7, "renamed"
	k := j
	k.Progress.Done, k.State = 8, farm.Active
	apply(t, s, mark(j, 0, nil), farm.JobSet{Job: k})
	same(t, "a setting after a mark", k, must(s.Job(ctx, 1))(t))
	j.State = farm.Paused
	apply(t, s, farm.JobSet{Job: k}, mark(j, 0, nil))
	same(t, "a mark after a setting", j, must(s.Job(ctx, 1))(t))
	refused := func(want ...farm.WorkerID) {
		t.Helper()
		same(t, "refused", want, must(s.LoadJob(ctx, 1))(t).Refused)
	}
	refuses := func(ids ...farm.WorkerID) farm.Change {
		m := mark(j, 0, nil)
		m.Refused = append([]farm.WorkerID{}, ids...)
		return m
	}
	refused()
	apply(t, s, refuses("oak", "elm"), mark(j, 0, nil))
	refused("oak", "elm")
	apply(t, s, mark(j, 0, nil))
	refused("oak", "elm")
	apply(t, s, refuses("ash"), refuses("elm"))
	same(t, "refused at a start", []farm.WorkerID{"elm"}, must(s.Load(ctx, 0))(t).Jobs[0].Refused)
	apply(t, s, refuses())
	refused()
	apply(t, s, refuses("oak"), farm.JobDelete{ID: 1}, farm.JobAdd{Job: j})
	refused()
}
