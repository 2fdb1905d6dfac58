package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/farm"
)

// tryOf is an attempt of a worker that ended so many days after noon.
func tryOf(job farm.JobID, seq int64, p int, worker farm.WorkerID, days int, outcome farm.Outcome) farm.Attempt {
	a := attempt(job, seq, p, outcome)
	a.Worker, a.Ended = worker, noon.Add(time.Duration(days)*24*time.Hour)
	return a
}

func workerAttempts(t *testing.T, s Store) {
	two := newJob(2, 9)
	two.Name = "Shot Two"
	apply(t, s, farm.JobAdd{Job: newJob(1, 9)}, farm.JobAdd{Job: two}, farm.JobAdd{Job: newJob(3, 9)})
	apply(t, s,
		farm.FrameDone{Attempt: tryOf(1, 1, 0, "oak", 0, farm.Rendered)}, farm.FrameTried{Attempt: tryOf(2, 2, 0, "oak", 0, farm.Errored)},
		farm.FrameDone{Attempt: tryOf(2, 3, 0, "elm", 0, farm.Rendered)}, farm.FrameDone{Attempt: tryOf(3, 4, 0, "oak", 0, farm.Rendered)},
		farm.FrameTried{Attempt: tryOf(1, 5, 1, "oak", 0, farm.Expired)}, farm.FrameTried{Attempt: tryOf(1, 6, 2, "oak", 0, farm.Revoked)},
	)
	apply(t, s, farm.JobDelete{ID: 3})
	read := func(f farm.WorkerAttemptFilter) (seqs []int64) {
		t.Helper()
		f.Worker = "oak"
		for _, a := range must(s.WorkerAttempts(ctx, f))(t) {
			seqs = append(seqs, a.Seq)
			if name := map[farm.JobID]string{1: "shot", 2: "Shot Two"}[a.Job]; a.JobName != name || a.Worker != "oak" {
				t.Errorf("attempt %d is of %q, worker %q", a.Seq, a.JobName, a.Worker)
			}
		}
		return seqs
	}
	same(t, "of a worker, without the deleted job", []int64{6, 5, 2, 1}, read(farm.WorkerAttemptFilter{Limit: 10}))
	same(t, "the first two", []int64{6, 5}, read(farm.WorkerAttemptFilter{Limit: 2}))
	same(t, "those before", []int64{2, 1}, read(farm.WorkerAttemptFilter{Limit: 10, Before: 5}))
	same(t, "those that failed", []int64{5, 2}, read(farm.WorkerAttemptFilter{Limit: 10, Failed: true}))
	if list := must(s.WorkerAttempts(ctx, farm.WorkerAttemptFilter{Worker: "ash", Limit: 9}))(t); len(list) > 0 {
		t.Errorf("of a worker that never worked: %+v", list)
	}
}

// sums reads statistics as text.
func sums(t *testing.T, s Store, f farm.StatFilter) (list []string) {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	if f.To == 0 {
		f.To = 1 << 30
	}
	rows, _, err := s.Statistics(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		list = append(list, fmt.Sprintf("%s|%d %s|%s|%s %s|%g %d %d %d", r.Day, r.Job, r.JobName, r.Owner, r.Worker, r.WorkerName, r.Seconds, r.Done, r.Failed, r.Expired))
	}
	return list
}

func by(keys ...farm.StatKey) farm.StatFilter { return farm.StatFilter{By: keys} }

func statistics(t *testing.T, s Store) {
	two := newJob(2, 99)
	two.Name, two.Owner = "Shot Two", "bert"
	apply(t, s, farm.JobAdd{Job: newJob(1, 99)}, farm.JobAdd{Job: two}, farm.WorkerSet{Worker: farm.Worker{ID: "w1", Name: "oak"}}, farm.WorkerSet{Worker: farm.Worker{ID: "w2", Name: "elm"}})
	batch := []farm.Change{
		farm.FrameDone{Attempt: tryOf(1, 1, 0, "w1", 0, farm.Rendered)},
		farm.FrameDone{Attempt: tryOf(1, 2, 1, "w1", 0, farm.Rendered)},
		farm.FrameTried{Attempt: tryOf(1, 3, 2, "w2", 0, farm.Errored)},
		farm.FrameTried{Attempt: tryOf(1, 4, 3, "w2", 1, farm.Expired)},
		farm.FrameTried{Attempt: tryOf(1, 5, 4, "w2", 1, farm.Revoked)}, // of which nobody has anything
		farm.FrameDone{Attempt: tryOf(2, 6, 0, "w2", 1, farm.Rendered)},
	}
	apply(t, s, batch...)
	byJob := []string{"|1 shot|| |2 2 1 1", "|2 Shot Two|| |0.5 1 0 0"}
	check := func(when string) {
		t.Helper()
		same(t, "by job "+when, byJob, sums(t, s, by(farm.PerJob)))
		same(t, "by day "+when, []string{"2026-11-23|0 || |1.5 2 1 0", "2026-11-24|0 || |1 1 0 1"}, sums(t, s, by(farm.PerDay)))
		same(t, "by owner "+when, []string{"|0 |artist| |2 2 1 1", "|0 |bert| |0.5 1 0 0"}, sums(t, s, by(farm.PerOwner)))
		same(t, "by worker "+when, []string{"|0 ||w2 elm|1.5 1 1 1", "|0 ||w1 oak|1 2 0 0"}, sums(t, s, by(farm.PerWorker)))
		same(t, "by day and owner "+when, []string{"2026-11-23|0 |artist| |1.5 2 1 0", "2026-11-24|0 |artist| |0.5 0 0 1", "2026-11-24|0 |bert| |0.5 1 0 0"}, sums(t, s, by(farm.PerDay, farm.PerOwner)))
	}
	check("at first")
	apply(t, s, batch...)
	check("after the batch came twice")
	apply(t, s, batch[4:]...)
	check("after a part of it came twice")
	apply(t, s, farm.LapseUndone{Job: 1, Lease: 1004, Positions: spans(3)}, farm.FrameReset{Job: 1, Positions: spans(0)})
	check("after a reset")
	day := farm.DayOf(noon)
	same(t, "of one day", []string{"|0 |artist| |1.5 2 1 0"}, sums(t, s, farm.StatFilter{By: []farm.StatKey{farm.PerOwner}, From: day, To: day}))
	rows, total, err := s.Statistics(ctx, farm.StatFilter{By: []farm.StatKey{farm.PerJob}, To: 1 << 30, Limit: 1})
	if err != nil || len(rows) != 1 || total != (farm.StatSum{Seconds: 2.5, Done: 3, Failed: 1, Expired: 1}) {
		t.Errorf("a page: %+v, %+v, %v", rows, total, err)
	}

	// A job that has another name now has one row; deleted ones stay, and workers that are not known any more.
	one := newJob(1, 99)
	one.Name = "Renamed"
	apply(t, s, farm.JobSet{Job: one})
	byJob[0] = "|1 Renamed|| |2 2 1 1"
	check("after another name")
	apply(t, s, farm.JobDelete{ID: 1}, farm.JobDelete{ID: 2}, farm.WorkerDelete{ID: "w2"})
	check("after the deletion")
	apply(t, s, farm.JobDelete{ID: 1})
	check("after another deletion")

	// What ends in the batch that deletes its job was rendered, too, and once.
	last := []farm.Change{farm.FrameDone{Attempt: tryOf(3, 9, 0, "w1", 2, farm.Rendered)}, farm.JobDelete{ID: 3}}
	apply(t, s, farm.JobAdd{Job: newJob(3, 9)})
	apply(t, s, last...)
	apply(t, s, last...)
	same(t, "of a job that was deleted at once", []string{"2026-11-25|3 shot|| |0.5 1 0 0"}, sums(t, s, farm.StatFilter{By: []farm.StatKey{farm.PerDay, farm.PerJob}, From: day + 2}))

	// What came with an archive was rendered elsewhere; what is rendered afterwards was not.
	apply(t, s, farm.JobHold{ID: 4}, farm.FrameDone{Attempt: tryOf(4, 20, 0, "w1", 3, farm.Rendered)})
	apply(t, s, farm.FrameDone{Attempt: tryOf(4, 21, 1, "w1", 3, farm.Rendered)}, farm.JobAdd{Job: newJob(4, 9)})
	later := []farm.Change{farm.FrameDone{Attempt: tryOf(4, 22, 2, "w1", 3, farm.Rendered)}, farm.FrameTried{Attempt: tryOf(4, 23, 3, "w1", 3, farm.Errored)}}
	for range 2 {
		apply(t, s, later...)
		same(t, "of an imported job", []string{"|4 shot|| |1 1 1 0"}, sums(t, s, farm.StatFilter{By: []farm.StatKey{farm.PerJob}, From: day + 3}))
	}
}

// statisticsModel applies random batches, some of them twice, and compares the sums with those of the attempts.
func statisticsModel(t *testing.T, s Store) {
	next, seq := farm.JobID(0), int64(0)
	want := map[string]farm.StatSum{}
	rapid.Check(t, func(r *rapid.T) {
		next++
		id := next
		apply(t, s, farm.JobAdd{Job: newJob(id, 1000)})
		position := 0
		for range rapid.IntRange(1, 4).Draw(r, "batches") {
			var batch []farm.Change
			for range rapid.IntRange(0, 90).Draw(r, "changes") { // more and fewer than are written together
				seq++
				position++
				outcome := rapid.SampledFrom([]farm.Outcome{farm.Rendered, farm.Errored, farm.Expired, farm.Revoked}).Draw(r, "outcome")
				worker := rapid.SampledFrom([]farm.WorkerID{"", "w1", "w2"}).Draw(r, "worker")
				a := tryOf(id, seq, position, worker, rapid.IntRange(0, 1).Draw(r, "day"), outcome)
				key := fmt.Sprintf("%s|%d|%s", a.Ended.Format(time.DateOnly), id, worker)
				sum := want[key]
				switch outcome {
				case farm.Rendered:
					batch = append(batch, farm.FrameDone{Attempt: a})
					sum.Done++
				case farm.Errored:
					sum.Failed++
				case farm.Expired:
					sum.Expired++
				}
				if outcome != farm.Rendered {
					batch = append(batch, farm.FrameTried{Attempt: a})
				}
				if outcome != farm.Revoked {
					sum.Seconds += a.Seconds
					want[key] = sum
				}
			}
			apply(t, s, batch...)
			if rapid.Bool().Draw(r, "twice") {
				apply(t, s, batch...)
			}
		}
		if rapid.Bool().Draw(r, "deleted") {
			apply(t, s, farm.JobDelete{ID: id})
		}
		rows, _, err := s.Statistics(ctx, farm.StatFilter{By: []farm.StatKey{farm.PerDay, farm.PerJob, farm.PerWorker}, To: 1 << 30, Limit: 1 << 30})
		if err != nil {
			r.Fatal(err)
		}
		got := map[string]farm.StatSum{}
		for _, row := range rows {
			got[fmt.Sprintf("%s|%d|%s", row.Day, row.Job, row.Worker)] = row.StatSum
		}
		if len(got) != len(want) {
			r.Fatalf("%d sums, not %d", len(got), len(want))
		}
		for key, sum := range want {
			if got[key] != sum {
				r.Fatalf("%s: %+v, not %+v", key, got[key], sum)
			}
		}
	})
}
