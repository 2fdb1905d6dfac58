// Package storetest is the conformance test of stores: every dialect passes it.
package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netrender/netrender/internal/farm"
)

// Store is what package master asks of a store.
type Store interface {
	Load(ctx context.Context, least int64) (farm.State, error)
	Apply(ctx context.Context, changes []farm.Change) error
	Job(ctx context.Context, id farm.JobID) (farm.Job, error)
	LoadJob(ctx context.Context, id farm.JobID) (farm.JobLoad, error)
	JobByKey(ctx context.Context, key string) (farm.JobID, error)
	Jobs(ctx context.Context, f farm.JobFilter) ([]farm.Job, error)
	JobPage(ctx context.Context, f farm.JobFilter) (farm.JobPage, error)
	Manifest(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.File, error)
	PathOf(ctx context.Context, id farm.JobID, ref string) (string, error)
	BakesOf(ctx context.Context, id farm.JobID, ref string) ([]int, error)
	Attempts(ctx context.Context, f farm.AttemptFilter) ([]farm.Attempt, error)
	Traces(ctx context.Context, id farm.JobID, positions *farm.Spans, each func(*farm.Trace)) (newest int64, err error)
	WorkerAttempts(ctx context.Context, f farm.WorkerAttemptFilter) ([]farm.WorkerAttempt, error)
	Statistics(ctx context.Context, f farm.StatFilter) (rows []farm.StatRow, total farm.StatSum, err error)
	Warnings(ctx context.Context, id farm.JobID) ([]farm.Warning, error)
	Audit(ctx context.Context, f farm.AuditFilter) ([]farm.Audit, error)
	Size(ctx context.Context) (int64, error)
	About(ctx context.Context) (about farm.StoreAbout, jobs int, err error)
	Inspect(ctx context.Context) (rows int64, err error)
	Snapshot(ctx context.Context, path string) (farm.Kept, error)
	Contents(ctx context.Context, path string, each func(farm.Stored) error) error
	Close() error
}

// Run runs the test; open makes an empty store that is closed when its test ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, part := range []struct {
		name string
		f    func(*testing.T, Store)
	}{
		{"every field comes back", everyField},
		{"zero values come back", zeroValues},
		{"load", loads},
		{"epoch and next job", counts},
		{"a batch is whole or not there", atomicity},
		{"one accepted result", oneAccepted},
		{"a batch twice", twice},
		{"unknown jobs", unknown},
		{"marks", marks},
		{"lapses undone", lapses},
		{"reset", resets},
		{"reset much", resetsMuch},
		{"losses", losses},
		{"delete", deletes},
		{"delete much", deletesMuch},
		{"hold", held},
		{"jobs filtered and paged", jobLists},
		{"jobs sorted and paged", jobPages},
		{"jobs of a scene", scenes},
		{"inspections", inspections},
		{"keys", keys},
		{"manifest paged", manifests},
		{"attempts filtered and paged", attemptLists},
		{"traces", traces},
		{"attempts of a worker", workerAttempts},
		{"statistics", statistics},
		{"statistics of any batches", statisticsModel},
		{"warnings", warnings},
		{"leases, workers, tokens, rules", small},
		{"audit", audits},
		{"targets and what waits for them", targets},
		{"model", model},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel() // most of the time goes to waiting for the disk
			part.f(t, open(t))
		})
	}
}

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 123000, time.UTC)
)

// same compares what was kept with what came back: sets by their members, nil and empty lists alike.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b farm.FrameSet) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b farm.Spans) bool { return bytes.Equal(a.Encode(), b.Encode()) }),
	); d != "" {
		t.Fatalf("%s (-kept +read):\n%s", what, d)
	}
}

func apply(t *testing.T, s Store, changes ...farm.Change) {
	t.Helper()
	if err := s.Apply(ctx, changes); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func isKind(t *testing.T, err error, kind farm.Kind) {
	t.Helper()
	if farm.KindOf(err) != kind {
		t.Fatalf("the error %v is of kind %q, not %q", err, farm.KindOf(err), kind)
	}
}

// newJob is a job of frames 1 to n, in order, so that position p is frame p+1.
func newJob(id farm.JobID, n int) farm.Job {
	return farm.Job{
		ID: id, Owner: "artist", State: farm.Queued, Created: noon, Scene: "scene", Folder: "shot",
		JobSpec: farm.JobSpec{
			Name: "shot", Blend: "shot.blend", Frames: farm.FrameRange(1, n, 1), Chunk: 1, Priority: 1, Order: farm.Linear,
			Options: farm.Options{EXR: "full"},
		},
		Progress: farm.Progress{Total: n},
	}
}

// attempt is a try at position p of such a job.
func attempt(job farm.JobID, seq int64, p int, outcome farm.Outcome) farm.Attempt {
	return farm.Attempt{
		Seq: seq, Job: job, Frame: p + 1, Position: p, Number: 1, Lease: farm.LeaseID(1000 + seq), Worker: "worker-1", Outcome: outcome,
		Started: noon, Ended: noon.Add(time.Second), Seconds: 0.5,
	}
}

func done(job farm.JobID, seq int64, p int) farm.Change {
	return farm.FrameDone{Attempt: attempt(job, seq, p, farm.Rendered)}
}

func failed(job farm.JobID, seq int64, p int) farm.Change {
	return farm.FrameTried{Attempt: attempt(job, seq, p, farm.Errored)}
}

// expired is an attempt at position p whose worker fell silent.
func expired(job farm.JobID, seq int64, p, lease int) farm.Change {
	a := attempt(job, seq, p, farm.Expired)
	a.Lease = farm.LeaseID(lease)
	return farm.FrameTried{Attempt: a}
}

func spans(list ...int) farm.Spans { return farm.SpansOf(list...) }

func mark(j farm.Job, seq int64, finished *farm.Spans) farm.JobMark {
	m := farm.JobMark{ID: j.ID, State: j.State, Reason: j.Reason, Progress: j.Progress, Seq: seq}
	if !j.Started.IsZero() {
		m.Started = j.Started.UnixMicro()
	}
	if !j.Ended.IsZero() {
		m.Ended = j.Ended.UnixMicro()
	}
	if finished != nil {
		m.Finished = append([]byte{}, finished.Encode()...)
	}
	return m
}

func seqs(list []farm.Attempt) []int64 {
	out := []int64{}
	for i := range list {
		out = append(out, list[i].Seq)
	}
	return out
}

func ids(list []farm.Job) []farm.JobID {
	out := []farm.JobID{}
	for i := range list {
		out = append(out, list[i].ID)
	}
	return out
}
