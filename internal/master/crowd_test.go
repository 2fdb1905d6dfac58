package master_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// crowd is a master with many jobs and many workers, in real time.
type crowd struct {
	*bench
	ids []farm.WorkerID
}

func newCrowd(b *testing.B, jobs, workers int, edit func(*farm.JobSpec)) *crowd {
	c := &crowd{bench: &bench{store: newMemStore(), blobs: &shelf{}, dir: b.TempDir()}}
	text := "a scene"
	ref := blob.RefOf([]byte(text))
	if err := c.blobs.Put(context.Background(), ref, int64(len(text)), strings.NewReader(text)); err != nil {
		b.Fatal(err)
	}
	file := farm.File{Path: "a.blend", Original: "/a.blend", Size: int64(len(text)), Ref: ref.String()}
	var changes []farm.Change
	for n := range jobs {
		spec := farm.JobSpec{Name: fmt.Sprint("job ", n), Blend: "a.blend", Frames: farm.FrameRange(1, 1000, 1)}
		spec.Options.EXR = "none"
		if spec.Defaults(); edit != nil {
			edit(&spec)
		}
		changes = append(changes, farm.JobAdd{Files: []farm.File{file}, Job: farm.Job{
			ID: farm.JobID(n + 1), State: farm.Queued, Created: time.Now(), Scene: fmt.Sprint(n), Folder: fmt.Sprint(n), JobSpec: spec,
			Progress: farm.Progress{Total: 1000},
		}})
	}
	if err := c.store.Apply(context.Background(), changes); err != nil {
		b.Fatal(err)
	}
	for n := range workers {
		c.ids = append(c.ids, farm.WorkerID(fmt.Sprintf("worker-%05d", n)))
	}
	c.open(b)
	return c
}

// open starts a master on what is kept.
func (c *crowd) open(b *testing.B) {
	m, err := master.New(context.Background(), master.Options{
		Store: c.store, Blobs: c.blobs, Dir: c.dir, Now: time.Now, Rand: rand.NewChaCha8([32]byte{1}), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	c.m, c.stop = m, func() {
		cancel()
		<-done
	}
}

// all calls f for every worker, 64 at a time.
func (c *crowd) all(b *testing.B, f func(id farm.WorkerID) error) {
	next := make(chan farm.WorkerID)
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for id := range next {
				if err := f(id); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, id := range c.ids {
		next <- id
	}
	close(next)
	callers.Wait()
}

func (c *crowd) register(id farm.WorkerID) error {
	_, err := c.m.Register(context.Background(), root, farm.Registration{
		Protocol: farm.Protocol,
		ID:       id, Name: string(id), Slots: 1, Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}},
	})
	return err
}

// BenchmarkReturn: 5,000 workers register anew and ask for work while 1,000 jobs wait, as after a restart of the
// master. An operation is all of them.
func BenchmarkReturn(b *testing.B) {
	claim := func(c *crowd, id farm.WorkerID) error {
		if err := c.register(id); err != nil {
			return err
		}
		_, err := c.m.Claim(context.Background(), root, farm.Wish{Worker: id})
		return err
	}
	run := func(name string, edit func(*farm.JobSpec), before func(c *crowd)) {
		b.Run(name, func(b *testing.B) {
			c := newCrowd(b, 1000, 5000, edit)
			c.all(b, c.register)
			if before != nil {
				before(c)
			}
			for b.Loop() {
				b.StopTimer()
				c.stop()
				c.open(b)
				b.StartTimer()
				c.all(b, func(id farm.WorkerID) error { return claim(c, id) })
			}
			c.stop()
		})
	}
	gpu := func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} }
	run("plain", nil, nil)
	run("nothing-for-them", gpu, nil)
	run("refused", nil, func(c *crowd) { // every job has been failed by some workers
		var marks []farm.Change
		for n := range 1000 {
			j := c.store.jobs[farm.JobID(n+1)]
			marks = append(marks, farm.JobMark{ID: j.ID, State: j.State, Progress: j.Progress, Refused: c.ids[n : n+5]})
		}
		if err := c.store.Apply(context.Background(), marks); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkIdleCrowd: one worker reports a frame and gets the next while 5,000 others, for whom there is nothing, hold
// their claims open and 1,000 jobs wait for workers that are not there. An operation is one frame.
func BenchmarkIdleCrowd(b *testing.B) {
	c := newCrowd(b, 1000, 5000, func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} })
	c.all(b, c.register)
	ctx, cancel := context.WithCancel(context.Background())
	var idle sync.WaitGroup
	for _, id := range c.ids {
		idle.Go(func() { _, _ = c.m.Claim(ctx, root, farm.Wish{Worker: id, WaitMS: 60_000}) })
	}
	id := farm.WorkerID("worker-gpu")
	_, err := c.m.Register(ctx, root, farm.Registration{
		Protocol: farm.Protocol,
		ID:       id, Name: "gpu", Slots: 1, Tags: []string{"gpu"}, Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	wish := farm.Wish{Worker: id}
	g, err := c.m.Claim(ctx, root, wish)
	n := 0
	for b.Loop() {
		if err != nil || g == nil {
			b.Fatal(g, err)
		}
		r := reportOf(g, g.Lease.Frames[0], farm.Rendered)
		if n++; n%2 == 0 {
			r.Outcome = farm.HandedBack // what comes back is offered to everybody
		}
		_, g, err = c.m.Report(ctx, root, []farm.Report{r}, &wish)
	}
	cancel()
	idle.Wait()
	c.stop()
}
