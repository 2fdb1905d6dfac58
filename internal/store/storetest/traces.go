package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// tracesOf lists the traces of some positions, or of all with nil, by position and how long they took, which differs.
func tracesOf(t *testing.T, s Store, id farm.JobID, positions *farm.Spans) (list []farm.Trace, newest int64) {
	t.Helper()
	newest = must(s.Traces(ctx, id, positions, func(r *farm.Trace) { list = append(list, *r) }))(t)
	slices.SortFunc(list, func(a, b farm.Trace) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Seconds, b.Seconds))
	})
	return list, newest
}

// traces: whichever way they are looked up, they are the same, and say what the attempts say.
func traces(t *testing.T, s Store) {
	j := newJob(1, 3000)
	j.State = farm.Active
	other := newJob(2, 3)
	try := func(seq int64, p int, outcome farm.Outcome) farm.Attempt {
		a := attempt(1, seq, p, outcome)
		a.Seconds, a.MemoryMB, a.Worker, a.Started = float64(seq), int(seq)+100, "w9", noon.Add(time.Duration(seq)*time.Second)
		return a
	}
	changes := []farm.Change{farm.JobAdd{Job: j}, farm.JobAdd{Job: other}}
	for p := range 3000 {
		if p%7 != 0 {
			changes = append(changes, farm.FrameDone{Attempt: try(int64(10+p), p, farm.Rendered)})
		}
	}
	last := try(5000, 7, farm.Errored)
	last.Final, last.Worker = true, ""
	apply(t, s, append(changes, farm.FrameTried{Attempt: try(4000, 7, farm.Errored)}, farm.FrameTried{Attempt: try(4001, 7, farm.Expired)},
		farm.FrameTried{Attempt: last}, farm.FrameTried{Attempt: try(4002, 8, farm.Superseded)}, done(2, 1, 0))...)
	apply(t, s, farm.FrameReset{Job: 1, Positions: farm.SpansOf(1, 2)}, farm.FrameDone{Attempt: try(6000, 2, farm.Rendered)})

	all, newest := tracesOf(t, s, 1, nil)
	if newest != 6000 || len(all) != 3000-429+5 {
		t.Fatalf("%d traces, the newest %d", len(all), newest)
	}
	trace := func(seq int64, p int) farm.Trace {
		return farm.Trace{Position: p, Worker: "w9", Seconds: float64(seq), MemoryMB: int(seq) + 100, Started: noon.Add(time.Duration(seq) * time.Second).UnixMicro()}
	}
	reset, before, first, second, third, late, again := trace(11, 1), trace(12, 2), trace(4000, 7), trace(4001, 7), trace(5000, 7), trace(4002, 8), trace(6000, 2)
	first.Failed, second.Failed, third.Failed, third.GaveUp, third.Worker, again.Accepted = true, true, true, true, "", true
	three, eight := trace(13, 3), trace(18, 8)
	three.Accepted, eight.Accepted = true, true
	var got []farm.Trace
	for _, tr := range all {
		if p := tr.Position; p < 4 || p == 7 || p == 8 {
			got = append(got, tr)
		}
	}
	same(t, "traces", []farm.Trace{reset, before, again, three, first, second, third, eight, late}, got)

	var odd, few farm.Spans
	for p := range 3000 {
		if p%2 == 1 { // more than are looked up as runs, and much of the job
			odd.Add(p)
		}
	}
	for p := 1; p < 3000; p += 10 { // more than are looked up as runs, and little of the job
		few.Add(p)
	}
	run := farm.SpanOf(0, 10)
	for name, some := range map[string]*farm.Spans{"a run": &run, "every other": &odd, "every tenth": &few, "none": {}} {
		var part []farm.Trace
		for _, tr := range all {
			if some.Contains(tr.Position) {
				part = append(part, tr)
			}
		}
		got, _ := tracesOf(t, s, 1, some)
		same(t, name, part, got)
	}

	apply(t, s, farm.JobDelete{ID: 1})
	_, err := s.Traces(ctx, 1, nil, func(*farm.Trace) { t.Error("a deleted job has traces") })
	isKind(t, err, farm.NotFound)
}
