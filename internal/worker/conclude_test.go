package worker_test

import (
	"context"
	"os"
	"testing"
	"testing/synctest"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// A frame whose EXR is cut off is a failure of the frame, not a result.
func TestCutOffEXR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1)
		o := options(t, m, fake.Options{})
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			r, err := inner(ctx, s)
			return cutting{r}, err
		}
		w := start(t, o)
		m.until("it is told", func() bool { return len(j.failed) == 1 })
		w.drain()
		if r := j.failed[1]; r.OwnFault || r.Fatal || len(r.Results) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// cutting truncates the files that it renders.
type cutting struct{ worker.Renderer }

func (c cutting) Render(ctx context.Context, task blender.Task, progress func(blender.Progress)) (blender.Result, error) {
	result, err := c.Renderer.Render(ctx, task, progress)
	for _, f := range result.Files {
		if e := os.Truncate(f.Path, f.Size-1); err == nil {
			err = e
		}
	}
	return result, err
}
