package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

// waiting asks how many claims the master holds open.
func (s *subject) waiting(ctx context.Context) (int, error) {
	return s.metric(ctx, "netrender_claims_waiting")
}

func (a *app) benchStart() *cobra.Command {
	var jobs, frames int
	c := &cobra.Command{
		Use: "start", Short: "How long a master takes to start on a database with many jobs and frames", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "netrender-bench-*")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if err := fillDatabase(cmd.Context(), dir, jobs, frames); err != nil {
				return err
			}
			began := time.Now()
			s, err := a.startSubject(cmd.Context(), dir)
			if err != nil {
				return err
			}
			took := time.Since(began)
			s.stop()
			if a.json {
				return a.print(map[string]any{"jobs": jobs, "frames": frames, "start_seconds": took.Seconds()})
			}
			fmt.Fprintf(a.out, "a master with %d jobs and %d frames answers %.2f s after it was started\n", jobs, frames, took.Seconds())
			return nil
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 1000, "jobs, one in ten of them under way")
	c.Flags().IntVar(&frames, "frames", 1_000_000, "finished frames in all")
	return c
}

// fillDatabase writes jobs with finished frames straight into a store.
func fillDatabase(ctx context.Context, dir string, jobs, frames int) error {
	if err := os.MkdirAll(filepath.Join(dir, masterDir), 0o700); err != nil {
		return err
	}
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, masterDir, databaseFile))
	if err != nil {
		return err
	}
	defer db.Close()
	per := frames / jobs
	seq := int64(1)
	for n := 1; n <= jobs; n++ {
		spec := farm.JobSpec{Name: fmt.Sprintf("job %d", n), Blend: "a.blend", Frames: farm.FrameRange(1, per+1, 1)}
		spec.Defaults()
		j := farm.Job{ID: farm.JobID(n), State: farm.Active, Owner: "bench", Created: time.Now(), Folder: fmt.Sprint(n), JobSpec: spec}
		j.Total = per + 1
		batch := []farm.Change{farm.JobAdd{Job: j, Files: []farm.File{{Path: "a.blend", Ref: fmt.Sprintf("%064d", 1)}}}}
		var done farm.Spans
		for f := 1; f <= per; f++ {
			seq++
			batch = append(batch, farm.FrameDone{Attempt: farm.Attempt{
				Seq: seq, Job: j.ID, Frame: f, Position: f - 1, Number: 1, Lease: farm.LeaseID(seq), Worker: "bench-worker",
				Outcome: farm.Rendered, Started: time.Now(), Ended: time.Now(), Seconds: 1,
			}})
			done.Add(f - 1)
		}
		state := farm.Done
		if n%10 == 0 {
			state = farm.Active
		}
		j.Progress.Done = per
		batch = append(batch, farm.JobMark{ID: j.ID, State: state, Progress: j.Progress, Finished: done.Encode(), Seq: seq})
		if err := db.Apply(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
