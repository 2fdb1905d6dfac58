package worker_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// A worker that is stopped while frames wait in its outbox sends them after its next start, and hands back what it
// had not finished.
func TestRestartSendsTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 10
		j := m.job(10)
		blocked := true
		m.before = func(ctx context.Context, call string) error {
			m.mu.Lock()
			no := blocked && (call == "put" || call == "report")
			m.mu.Unlock()
			if no {
				return errAway
			}
			return nil
		}
		o := options(t, m, fake.Options{FrameTime: time.Minute})
		w := start(t, o)
		time.Sleep(3*time.Minute + 30*time.Second)
		w.kill()
		if len(j.done) != 0 || len(entries(t, o.Dir, "out")) != 3 {
			t.Fatalf("%d frames are done, the outbox holds %v", len(j.done), entries(t, o.Dir, "out"))
		}
		m.set(func() { blocked = false })
		w = start(t, o)
		m.until("what was finished is there", func() bool { return len(j.done) == 3 && j.back == 7 })
		m.until("all are done", func() bool { return len(j.done) == 10 })
		w.drain()
		rendered := slices.DeleteFunc(slices.Clone(m.reports), func(r farm.Report) bool { return r.Outcome != farm.Rendered })
		for i, r := range rendered[:3] {
			if r.Frame != i+1 {
				t.Errorf("report %d is of frame %d", i, r.Frame)
			}
		}
	})
}

// Whatever call is the last one that takes effect before the worker is killed, with or without its answer, every frame
// is accepted exactly once in the end.
func TestKilledAroundEveryCall(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8, 12} {
		for _, lost := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				m.chunk = 2
				j := m.job(4, func(j *fakeJob) { j.grant.Options = farm.Options{EXR: "full", Preview: true} })
				dead := make(chan struct{})
				count := 0
				reach := func(ctx context.Context) error {
					m.mu.Lock()
					count++
					at := count
					m.mu.Unlock()
					if at == n {
						close(dead)
					}
					if at >= n {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}
				var life context.Context
				m.before = func(ctx context.Context, call string) error {
					if lost || call != "put" && call != "report" {
						return nil
					}
					return reach(ctx)
				}
				m.after = func(string) error {
					if !lost {
						return nil
					}
					return reach(life)
				}
				o := options(t, m, fake.Options{FrameTime: time.Second})
				w, err := worker.New(o)
				if err != nil {
					t.Fatal(err)
				}
				var stop context.CancelFunc
				life, stop = context.WithCancel(context.Background())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_ = w.Run(life)
				}()
				select {
				case <-dead:
				case <-time.After(time.Minute): // fewer calls than n
				}
				stop()
				<-ended
				m.set(func() { m.before, m.after = nil, nil })
				again := start(t, o)
				m.until("all are done", func() bool { return len(j.done) == 4 })
				again.drain()
				if len(j.failed) != 0 || len(entries(t, o.Dir, "out")) != 0 {
					t.Errorf("%d failed, the outbox holds %v", len(j.failed), entries(t, o.Dir, "out"))
				}
			})
		}
	}
}

// A full disk is the worker's fault, is said, and does not stop the worker for ever.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(3)
		o := options(t, m, fake.Options{Render: func(ctx context.Context, task blender.Task, _ io.Writer) error {
			if task.Frame == 1 {
				return &blender.Error{Kind: blender.NoSpace, Message: "the disk is full"}
			}
			return nil
		}})
		w := start(t, o)
		m.until("the others are rendered", func() bool { return len(j.done) == 2 && len(j.failed) == 1 })
		w.drain()
		if r := j.failed[1]; !r.OwnFault || r.Fatal || r.Error != "the worker's disk is full: the disk is full" {
			t.Errorf("reported as %+v", r)
		}
		if j.back != 2 {
			t.Errorf("%d frames were handed back", j.back)
		}
	})
}

func TestDiskFullInTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1)
		o := options(t, m, fake.Options{})
		w, err := worker.New(o)
		if err != nil {
			t.Fatal(err)
		}
		w.Steps(func(string) error { return &os.PathError{Op: "sync", Path: "x", Err: syscall.ENOSPC} })
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		m.until("it is told", func() bool { return len(j.failed) == 1 })
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if r := j.failed[1]; !r.OwnFault || r.Error != "the worker's disk is full, the finished frame could not be kept" {
			t.Errorf("reported as %+v", r)
		}
		if left := entries(t, o.Dir, "out"); len(left) != 0 {
			t.Errorf("the outbox holds %v", left)
		}
	})
}

// Results that change or vanish on the worker's disk before they are sent are reported, not sent.
func TestResultsSpoiltOnDisk(t *testing.T) {
	for what, spoil := range map[string]func(string) error{
		"was damaged": func(path string) error { return os.WriteFile(path, []byte("rubbish"), 0o600) },
		"vanished":    os.Remove,
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			j := m.job(1)
			o := options(t, m, fake.Options{})
			m.before = func(ctx context.Context, call string) error {
				if call != "put" {
					return nil
				}
				found, err := filepath.Glob(filepath.Join(o.Dir, "out", "*", "files", "*.exr"))
				for _, path := range found {
					err = errors.Join(err, spoil(path))
				}
				return err
			}
			w := start(t, o)
			m.until("it is told", func() bool { return len(j.failed) == 1 })
			w.drain()
			r := j.failed[1]
			if want := "the result layers_0001.exr " + what + " "; !r.OwnFault || len(r.Error) < len(want) || r.Error[:len(want)] != want {
				t.Errorf("reported as %+v", r)
			}
		})
	}
}

// A worker whose disk is nearly full asks for nothing until there is room.
func TestLowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(2)
		o := options(t, m, fake.Options{FrameTime: time.Second})
		var free atomic.Int64
		free.Store(1 << 40)
		o.MinFree, o.Free = 1<<30, func() (int64, error) { return free.Load(), nil }
		free.Store(1 << 20)
		w := start(t, o)
		time.Sleep(10 * time.Minute)
		m.mu.Lock()
		if m.calls["claim"] != 0 {
			t.Error("it asked for frames")
		}
		if idle := m.last.Load.Idle; idle != "its disk is nearly full: 1 MB are free, 1024 MB must stay free" {
			t.Errorf("it says of itself: %q", idle)
		}
		m.mu.Unlock()
		free.Store(1 << 40)
		m.until("all are done", func() bool { return len(j.done) == 2 && m.last.Load.Idle == "" })
		w.drain()
	})
}

// A job whose files do not fit on the disk is the worker's trouble.
func TestFilesDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(3, func(j *fakeJob) { j.add(m, "big", make([]byte, 2000)) })
		o := options(t, m, fake.Options{})
		o.MinFree, o.Free = 1000, func() (int64, error) { return 2500, nil }
		w := start(t, o)
		m.until("it is told", func() bool { return j.failed[1].Frame == 1 && j.back >= 2 })
		m.cancel(j)
		w.drain()
		if r := j.failed[1]; !r.OwnFault || !strings.HasPrefix(r.Error, "the worker's disk is full: ") {
			t.Errorf("%+v", r)
		}
	})
}

// While the master is away and the disk is full, rendering pauses and nothing is given up.
func TestLowDiskWhileTheMasterIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 10
		j := m.job(10)
		o := options(t, m, fake.Options{FrameTime: time.Second})
		var free atomic.Int64
		free.Store(1 << 40)
		o.MinFree, o.Free = 1<<30, func() (int64, error) { return free.Load(), nil }
		w := start(t, o)
		m.until("a frame is done", func() bool { return len(j.done) == 1 })
		away := true
		m.set(func() {
			m.before = func(context.Context, string) error {
				m.mu.Lock()
				defer m.mu.Unlock()
				if away {
					return errAway
				}
				return nil
			}
		})
		free.Store(1 << 20)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(entries(t, o.Dir, "out")); n == 0 || n > 8 { // what was rendered until the loss was noticed
			t.Errorf("the outbox holds %d frames", n)
		}
		m.set(func() { away = false })
		free.Store(1 << 40)
		m.until("all are done", func() bool { return len(j.done) == 10 && len(j.failed) == 0 && j.back == 0 })
		w.drain()
	})
}
