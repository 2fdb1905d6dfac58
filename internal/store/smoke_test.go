package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a b?c%#.db")
	for range 3 {
		began := time.Now()
		s, err := store.OpenSQLite(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Log("open", time.Since(began))
		st, err := s.Load(ctx)
		t.Log(st.Epoch, st.NextJob, len(st.Jobs), err)
		if _, err := store.OpenSQLite(ctx, path); err == nil {
			t.Fatal("twice")
		} else {
			t.Log(err)
		}
		job := farm.Job{ID: st.NextJob, State: farm.Queued, JobSpec: farm.JobSpec{Name: "Hello", Frames: farm.FrameRange(1, 10, 1), Chunk: 1}}
		err = s.Apply(ctx, []farm.Change{
			farm.JobAdd{Job: job, Files: []farm.File{{Path: "a"}}},
			farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: job.ID, Worker: "w1", Frames: []int{3, 2}}},
			farm.FrameDone{Attempt: farm.Attempt{Seq: int64(job.ID) * 10, Job: job.ID, Frame: 1, Outcome: farm.Rendered, Worker: "w1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(s.Jobs(ctx, farm.JobFilter{Limit: 10, Text: "ELL", States: []farm.JobState{farm.Queued, farm.Active}}))
		t.Log(s.Attempts(ctx, farm.AttemptFilter{Job: job.ID, Frames: farm.Frames(1), Limit: 10}))
		l, err := s.LoadJob(ctx, job.ID)
		t.Log(l.Finished, err)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
