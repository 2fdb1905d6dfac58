package test

import (
	"context"
	"os"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestBenchStills measures how much faster a still is on several workers (make bench-stills): fake renderers that take their time
// by the pixels, so that nothing but the farm itself is in the way. NETRENDER_BENCH_STILLS is what the frame takes on one.
func TestBenchStills(t *testing.T) {
	text := os.Getenv("NETRENDER_BENCH_STILLS")
	if text == "" {
		t.Skip("a benchmark: make bench-stills")
	}
	takes, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	probe := nr.Probe{Engine: "CYCLES", Width: 1024, Height: 1024, Samples: 4096, Render: takes.Seconds()}
	for _, how := range []string{"tiles", "samples"} {
		for _, n := range []int{2, 4, 8} {
			f := startFarm(t)
			for range n {
				f.worker("bench", "--fake-renderer", takes.String(), "--fake-size", "240")
			}
			eventually(t, time.Minute, "the workers are there", func() bool {
				list, err := f.client().Workers(context.Background())
				return err == nil && len(list) == n
			})
			began := time.Now()
			job := f.submitFake("1", func(s *nr.JobSpec) {
				if how == "tiles" {
					s.Tiles, _ = probe.Tiles(n, 1)
				} else {
					s.Samples, _ = probe.SampleParts(n, 1)
				}
			})
			c := f.client()
			for after := int64(0); ; {
				page, err := c.Attempts(context.Background(), nr.AttemptFilter{Job: job.ID, After: after, Limit: 1000}, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				for i := range page.Attempts {
					after = page.Attempts[i].Seq
				}
				if job, err = c.Job(context.Background(), job.ID); err != nil || job.State.Ended() {
					break
				}
			}
			if job.State != nr.Done {
				t.Fatalf("the job is %s: %s", job.State, job.Reason)
			}
			took := time.Since(began)
			ratio := takes.Seconds() / took.Seconds() / float64(n)
			t.Logf("%s, %d workers, %d parts: %.1f s instead of %.0f, %.2f x %d faster", how, n, job.Parts(), took.Seconds(), takes.Seconds(), ratio, n)
			f.proc.kill()
		}
	}
}
