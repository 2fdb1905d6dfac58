package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func resets(t *testing.T, s Store) {
	j := newJob(1, 100)
	j.State = farm.Active
	check := func(tried []int64, finished ...int) {
		t.Helper()
		l := must(s.LoadJob(ctx, 1))(t)
		same(t, "finished", spans(finished...), l.Finished)
		same(t, "tried", tried, seqs(l.Tried))
	}
	apply(t, s, farm.JobAdd{Job: j}, done(1, 1, 0), done(1, 2, 1), done(1, 3, 2), failed(1, 4, 3), failed(1, 5, 0))
	check([]int64{4}, 0, 1, 2)
	set := spans(0, 1, 2)
	apply(t, s, mark(j, 5, &set))
	check([]int64{4}, 0, 1, 2)
	// The kept set is older than the resets: they take out of it.
	apply(t, s, farm.FrameReset{Job: 1, Positions: spans(0)}, farm.FrameReset{Job: 1, Positions: spans(2)}, farm.FrameReset{Job: 1, Positions: spans(3)}, farm.FrameReset{Job: 1, Positions: spans(50)})
	check([]int64{}, 1)
	apply(t, s, failed(1, 6, 0), failed(1, 7, 3), done(1, 8, 2))
	check([]int64{6, 7}, 1, 2)
	// What was accepted after the set is reset too, with the set of a mark before or after in the same batch.
	set = spans(1, 2)
	apply(t, s, mark(j, 8, &set), farm.FrameReset{Job: 1, Positions: spans(2)})
	check([]int64{6, 7}, 1)
	set = spans()
	apply(t, s, farm.FrameReset{Job: 1, Positions: spans(1)}, mark(j, 8, &set))
	check([]int64{6, 7})
	set = spans(4)
	apply(t, s, done(1, 9, 4), mark(j, 9, &set), farm.FrameReset{Job: 1, Positions: spans(4)}, mark(j, 9, nil), done(1, 10, 4), done(1, 11, 0))
	check([]int64{7}, 0, 4)
	// All of it is still listed, and only what counts now is accepted.
	list := func(f farm.AttemptFilter) []int64 {
		f.Job, f.Limit = 1, 99
		return seqs(must(s.Attempts(ctx, f))(t))
	}
	same(t, "all", []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, list(farm.AttemptFilter{}))
	same(t, "accepted", []int64{10, 11}, list(farm.AttemptFilter{Accepted: true}))
	same(t, "failed", []int64{4, 5, 6, 7}, list(farm.AttemptFilter{Failed: true}))
	same(t, "frame 5", []int64{9, 10}, list(farm.AttemptFilter{Frames: farm.Frames(5)}))
	same(t, "frame 5 accepted", []int64{10}, list(farm.AttemptFilter{Frames: farm.Frames(5), Accepted: true}))
	same(t, "frames 1 and 4 failed", []int64{4, 5, 6, 7}, list(farm.AttemptFilter{Frames: farm.Frames(1, 4), Failed: true}))
	same(t, "both", []int64{}, list(farm.AttemptFilter{Failed: true, Accepted: true}))

	// Only failures count as tried: what was handed back or came too late is history from the start.
	var changes []farm.Change
	for i, o := range []farm.Outcome{farm.Errored, farm.HandedBack, farm.Expired, farm.Revoked, farm.Superseded} {
		a := attempt(2, int64(20+i), i, o)
		a.Final = o == farm.Errored
		changes = append(changes, farm.FrameTried{Attempt: a})
	}
	apply(t, s, append([]farm.Change{farm.JobAdd{Job: newJob(2, 9)}}, changes...)...)
	same(t, "tried of job 2", []int64{20, 22}, seqs(must(s.LoadJob(ctx, 2))(t).Tried))
	same(t, "failed of job 2", []int64{20, 22}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 2, Failed: true, Limit: 9}))(t)))
}

// lapses: what expired and was taken up again counts for nothing; nothing else is touched.
func lapses(t *testing.T, s Store) {
	check := func(tried ...int64) {
		t.Helper()
		l := must(s.LoadJob(ctx, 1))(t)
		same(t, "tried", tried, seqs(l.Tried))
		same(t, "finished", spans(3), l.Finished)
	}
	other := attempt(1, 6, 1, farm.Errored) // the scene's fault, of the same lease
	other.Lease = 7
	apply(t, s, farm.JobAdd{Job: newJob(1, 100)}, done(1, 1, 3), expired(1, 2, 0, 7), expired(1, 3, 1, 7), expired(1, 4, 2, 7), expired(1, 5, 0, 8),
		farm.FrameTried{Attempt: other})
	check(2, 3, 4, 5, 6)
	undo := farm.LapseUndone{Job: 1, Lease: 7, Positions: spans(0, 1, 50)}
	apply(t, s, undo)
	check(4, 5, 6)
	// It expires again, in the batch in which it was taken up.
	apply(t, s, undo, expired(1, 7, 0, 7))
	check(4, 5, 6, 7)
	apply(t, s, expired(1, 8, 1, 7), farm.LapseUndone{Job: 1, Lease: 7, Positions: farm.SpanOf(0, 90)})
	check(5, 6)
	same(t, "history", []int64{2, 3, 4, 5, 6, 7, 8}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Failed: true, Limit: 99}))(t)))
}

// resetsMuch resets more frames than a store can mark in a moment: it tells of them as if they were.
func resetsMuch(t *testing.T, s Store) {
	const n = 1200
	j := newJob(1, n)
	j.State = farm.Active
	changes := []farm.Change{farm.JobAdd{Job: j}}
	seq := int64(0)
	add := func(c farm.Change) {
		seq++
		changes = append(changes, c)
	}
	for p := range n {
		add(failed(1, seq+1, p))
		add(done(1, seq+1, p))
	}
	apply(t, s, changes...)
	changes = nil
	var odd []int
	for p := 1; p < n; p += 2 {
		odd = append(odd, p)
	}
	check := func(finished farm.Spans, tried, accepted int) {
		t.Helper()
		l := must(s.LoadJob(ctx, 1))(t)
		same(t, "finished", finished, l.Finished)
		if len(l.Tried) != tried {
			t.Fatalf("%d tries, not %d", len(l.Tried), tried)
		}
		got := 0
		for after := int64(0); ; {
			page := must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Accepted: true, After: after, Limit: 999}))(t)
			for i := range page {
				if !finished.Contains(page[i].Position) {
					t.Fatalf("position %d is accepted", page[i].Position)
				}
			}
			if got += len(page); len(page) < 999 {
				break
			}
			after = page[len(page)-1].Seq
		}
		if got != accepted {
			t.Fatalf("%d accepted, not %d", got, accepted)
		}
	}
	all := farm.SpanOf(0, n)
	check(all, 0, n)
	apply(t, s, farm.FrameReset{Job: 1, Positions: spans(odd...)})
	even := all.Clone()
	odds := spans(odd...)
	even.RemoveAll(&odds)
	check(even, 0, n/2)
	same(t, "a frame that was reset", []int64{}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Accepted: true, Frames: farm.Frames(2), Limit: 9}))(t)))
	same(t, "all of it", []int64{3, 4}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Frames: farm.Frames(2), Limit: 9}))(t)))
	same(t, "its failures", []int64{3}, seqs(must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Failed: true, Frames: farm.Frames(2), Limit: 9}))(t)))

	// One of them comes again, and all are reset once more while it waits to be carried out, with a set in between.
	add(done(1, seq+1, 1))
	add(failed(1, seq+1, 3))
	apply(t, s, changes...)
	changes = nil
	even.Add(1)
	check(even, 1, n/2+1)
	apply(t, s, mark(j, seq, &even), farm.FrameReset{Job: 1, Positions: all})
	check(farm.Spans{}, 0, 0)
	empty := farm.Spans{}
	apply(t, s, farm.FrameReset{Job: 1, Positions: all}, mark(j, seq, &empty))
	check(farm.Spans{}, 0, 0)
	// Twice in one batch, with frames that are done between and after.
	add(done(1, seq+1, 7))
	add(done(1, seq+1, 8))
	changes = append(changes, farm.FrameReset{Job: 1, Positions: all})
	add(done(1, seq+1, 8))
	apply(t, s, changes...)
	check(spans(8), 0, 1)
	apply(t, s, changes...)
	check(spans(8), 0, 1)
	// A job that is deleted and made anew has nothing to be reset.
	apply(t, s, farm.FrameReset{Job: 1, Positions: all}, farm.JobDelete{ID: 1})
	_, err := s.Job(ctx, 1)
	isKind(t, err, farm.NotFound)
}

func attemptLists(t *testing.T, s Store) {
	j := newJob(1, 5000)
	j.Chunk, j.Order = 3, farm.OutsideIn
	plan := j.Plan()
	changes := []farm.Change{farm.JobAdd{Job: j}, farm.JobAdd{Job: newJob(2, 10)}, done(2, 1, 3)}
	var all []farm.Attempt
	for i := range 2000 {
		a := attempt(1, int64(10+2*i), i/2, farm.Errored)
		a.Frame, _ = plan.Task(a.Position)
		a.Ended = noon.Add(time.Duration(i) * time.Millisecond)
		if i%2 == 1 {
			a.Outcome = farm.Rendered
			changes = append(changes, farm.FrameDone{Attempt: a})
		} else {
			changes = append(changes, farm.FrameTried{Attempt: a})
		}
		all = append(all, a)
	}
	apply(t, s, changes...)
	frame7, _ := plan.Task(7)
	for _, f := range []farm.AttemptFilter{
		{Limit: 3},
		{Limit: 1000},
		{Limit: 1000, After: 100},
		{Limit: 1000, After: 101},
		{Limit: 5, Accepted: true},
		{Limit: 5, Failed: true, After: 444},
		{Limit: 10, Frames: farm.Frames(frame7)},
		{Limit: 10, Frames: farm.Frames(frame7, 1, 5000, 9999)},
		{Limit: 10, Frames: farm.Frames(frame7), Accepted: true},
		{Limit: 10, Frames: farm.Frames(frame7), Failed: true},
		{Limit: 1, Frames: farm.Frames(frame7)},
		{Limit: 10, Frames: farm.Frames(frame7), After: 10 + 2*14},
		{Limit: 1000, Frames: farm.FrameRange(1, 900, 1)},
		{Limit: 1000, Frames: farm.FrameRange(1, 4000, 1), After: 77},
		{Limit: 1000, Frames: farm.FrameRange(1, 4001, 2), Accepted: true},
		{Limit: 300, Frames: farm.FrameRange(1000, 5000, 1), Failed: true},
		{Limit: 5, After: 1 << 40},
		{Limit: 3, Newest: true},
		{Limit: 5, Newest: true, Accepted: true},
		{Limit: 5, Newest: true, Failed: true, After: 444},
		{Limit: 1, Newest: true, Frames: farm.Frames(frame7)},
		{Limit: 250, Newest: true, Frames: farm.FrameRange(1, 4000, 1), After: 77},
	} {
		f.Job = 1
		all := slices.Clone(all)
		if f.Newest {
			slices.Reverse(all)
		}
		var want []farm.Attempt
		for _, a := range all {
			accepted := a.Outcome == farm.Rendered
			if a.Seq > f.After && (!f.Accepted || accepted) && (!f.Failed || !accepted) &&
				(f.Frames.Count() == 0 || f.Frames.Contains(a.Frame)) && len(want) < f.Limit {
				want = append(want, a)
			}
		}
		same(t, "attempts", want, must(s.Attempts(ctx, f))(t))
	}
}

// losses are parts of jobs that were removed.
func losses(t *testing.T, s Store) {
	apply(t, s, farm.JobAdd{Job: newJob(1, 3)}, farm.JobAdd{Job: newJob(2, 3)})
	lost := func(p farm.Part, rule string) farm.Removal { return farm.Removal{Part: p, At: noon, Rule: rule} }
	batch := []farm.Change{
		farm.JobLost{ID: 1, Removal: lost(farm.Logs, "a")},
		farm.JobLost{ID: 1, Removal: lost(farm.Outputs, "b")},
		farm.JobLost{ID: 1, Removal: lost(farm.Logs, "c")},
		farm.JobLost{ID: 7, Removal: lost(farm.Logs, "of none")},
	}
	want := []farm.Removal{lost(farm.Outputs, "b"), lost(farm.Logs, "c")}
	for range 2 {
		apply(t, s, batch...)
		same(t, "removals", want, must(s.Job(ctx, 1))(t).Removed)
	}
	same(t, "of the other", []farm.Removal(nil), must(s.Job(ctx, 2))(t).Removed)
	j := must(s.LoadJob(ctx, 1))(t).Job
	j.Regain(farm.Outputs)
	apply(t, s, farm.JobSet{Job: j}, mark(j, 0, nil))
	same(t, "after a part is there again", want[1:], must(s.Jobs(ctx, farm.JobFilter{Limit: 9}))(t)[1].Removed)
	apply(t, s, farm.JobDelete{ID: 1}, farm.JobLost{ID: 1, Removal: lost(farm.Outputs, "late")})
	isKind(t, second(s.Job(ctx, 1)), farm.NotFound)
}

func second[T any](_ T, err error) error { return err }
