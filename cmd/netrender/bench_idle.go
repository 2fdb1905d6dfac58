package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// put uploads bytes and returns their name.
func (s *subject) put(ctx context.Context, text []byte) (string, error) {
	ref := blob.RefOf(text).String()
	return ref, s.client.PutBlob(ctx, wire.Upload{
		Ref: ref, Size: int64(len(text)),
		Open: func() (io.ReadSeekCloser, error) { return nopCloser{bytes.NewReader(text)}, nil },
	})
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

type idleResult struct {
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"master_cpu_percent_of_a_core"`
	RSS     float64 `json:"master_rss_mb"`
	FirstMS float64 `json:"new_job_to_lease_ms"`
}

func (a *app) benchIdle() *cobra.Command {
	var workers int
	var length time.Duration
	c := &cobra.Command{
		Use: "idle", Short: "Workers wait for work: what that costs the master, and how soon a new job's frame is leased", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.startSubject(cmd.Context(), "")
			if err != nil {
				return err
			}
			r := idleResult{Workers: workers, Seconds: length.Seconds()}
			err = s.idle(cmd.Context(), &r, length)
			s.stop()
			if err != nil {
				return err
			}
			if a.json {
				return a.print(r)
			}
			fmt.Fprintf(a.out, "%d waiting workers for %s: %.2f %% of a core, %.0f MB; a new job's first frame was leased after %.1f ms\n",
				r.Workers, length, r.CPU, r.RSS, r.FirstMS)
			return nil
		},
	}
	c.Flags().IntVar(&workers, "workers", 5000, "waiting workers")
	c.Flags().DurationVar(&length, "for", 30*time.Second, "how long to watch")
	return c
}

func (s *subject) idle(ctx context.Context, r *idleResult, length time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	granted := make(chan time.Time, r.Workers)
	failed := make(chan error, r.Workers)
	next := make(chan int)
	for range 64 { // register without a thousand calls at once
		wg.Go(func() {
			for n := range next {
				if _, err := s.register(ctx, n); err != nil {
					failed <- err
				}
			}
		})
	}
	for n := range r.Workers {
		next <- n
	}
	close(next)
	wg.Wait()
	for n := range r.Workers {
		wish := farm.Wish{Worker: farm.WorkerID(fmt.Sprintf("bench-worker-%05d", n)), WaitMS: wire.MaxWaitMS}
		wg.Go(func() {
			for ctx.Err() == nil {
				g, err := s.client.Claim(ctx, wish)
				if err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
				if g != nil {
					granted <- time.Now()
					return
				}
			}
		})
	}
	for waiting := 0; waiting < r.Workers; { // until the master holds them all
		n, err := s.waiting(ctx)
		if err != nil {
			return err
		}
		waiting = n
		select {
		case err := <-failed:
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
	before, err := usageOf(s.proc.Pid)
	if err != nil {
		return err
	}
	select {
	case <-time.After(length):
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := usageOf(s.proc.Pid)
	if err != nil {
		return err
	}
	r.CPU = 100 * (after.cpu - before.cpu).Seconds() / length.Seconds()
	r.RSS = float64(after.rss) / 1e6
	began := time.Now()
	if _, _, err := s.job(ctx, 1); err != nil {
		return err
	}
	r.FirstMS = float64((<-granted).Sub(began).Microseconds()) / 1000
	cancel()
	wg.Wait()
	return nil
}
