package worker_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// timed notes how long Blender idles between two frames.
type timed struct {
	worker.Renderer
	mu   *sync.Mutex
	last *time.Time
	gaps *[]time.Duration
}

func (r timed) Render(ctx context.Context, task blender.Task, progress func(blender.Progress)) (blender.Result, error) {
	r.mu.Lock()
	if !r.last.IsZero() {
		*r.gaps = append(*r.gaps, time.Since(*r.last))
	}
	r.mu.Unlock()
	result, err := r.Renderer.Render(ctx, task, progress)
	r.mu.Lock()
	*r.last = time.Now()
	r.mu.Unlock()
	return result, err
}

// BenchmarkGap measures the idle time between two frames of one job, one frame a lease, through HTTP on this machine.
// Run it with -benchtime 200x: one op is one frame.
func BenchmarkGap(b *testing.B) {
	for _, c := range []struct {
		name  string
		frame time.Duration
		ahead bool
		size  int // pixels a side: 500 makes 4 MB a frame
	}{
		{"20ms", 20 * time.Millisecond, true, 16},
		{"200ms", 200 * time.Millisecond, true, 16},
		{"200ms/4MB", 200 * time.Millisecond, true, 500},
		{"200ms/noahead", 200 * time.Millisecond, false, 16},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := newMaster(b)
			m.noAhead = !c.ahead
			n := max(b.N, 20)
			j := m.job(n, func(j *fakeJob) { j.grant.Options = farm.Options{EXR: "full", Preview: c.size < 100} })
			server := httptest.NewServer(m.serve())
			defer server.Close()
			client, err := wire.NewClient(server.URL, "", wire.Options{})
			if err != nil {
				b.Fatal(err)
			}
			o := options(b, client, fake.Options{FrameTime: c.frame, Width: c.size, Height: c.size})
			var mu sync.Mutex
			var last time.Time
			var gaps []time.Duration
			inner := o.NewRenderer
			o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
				r, err := inner(ctx, s)
				return timed{r, &mu, &last, &gaps}, err
			}
			w := start(b, o)
			m.until("all are done", func() bool { return len(j.done) == n })
			w.drain()
			slices.Sort(gaps)
			b.ReportMetric(float64(gaps[len(gaps)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(gaps[len(gaps)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
