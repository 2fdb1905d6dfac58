package worker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// options are those of a worker of tests, in a folder of its own.
func options(t testing.TB, m worker.Master, f fake.Options) worker.Options {
	t.Helper()
	return worker.Options{
		Master: m, Dir: t.TempDir(), Name: "w", Installs: []blender.Install{fake.Install()}, NewRenderer: fake.New(f),
		Program: "test", Now: time.Now, MinFree: -1, Jitter: func() float64 { return 0.5 }, Log: testLog(t),
		Facts: func() farm.Facts { return farm.Facts{Host: "h", Cores: 4, MemoryMB: 8192} },
	}
}

func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(writer{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type writer struct{ t testing.TB }

func (w writer) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// running is a worker at work.
type running struct {
	*worker.Worker
	t    testing.TB
	stop context.CancelFunc
	err  error
	done chan struct{}
}

func start(t testing.TB, o worker.Options) *running {
	t.Helper()
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Worker: w, t: t, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = w.Run(ctx)
	}()
	return r
}

// kill ends the worker at once, as a second signal does.
func (r *running) kill() {
	r.t.Helper()
	r.stop()
	if <-r.done; !errors.Is(r.err, context.Canceled) {
		r.t.Errorf("a worker that was stopped returned %v", r.err)
	}
}

// drain ends the worker in good order.
func (r *running) drain() {
	r.t.Helper()
	r.Drain()
	if <-r.done; r.err != nil {
		r.t.Errorf("a drained worker returned %v", r.err)
	}
	r.stop()
}

// entries are the names in a folder.
func entries(t testing.TB, parts ...string) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestRendersAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 4
		j := m.job(10, func(j *fakeJob) { j.grant.Options = farm.Options{EXR: "full", Outputs: true, Preview: true} })
		o := options(t, m, fake.Options{FrameTime: 3 * time.Second, Memory: 7 << 20})
		w := start(t, o)
		m.until("all frames are done", func() bool { return len(j.done) == 10 })
		w.drain()
		for f := 1; f <= 10; f++ {
			r := j.done[f]
			if len(r.Results) != 3 || r.Seconds != 3 || r.MemoryMB != 7 || r.Install != "99.0.0" || r.LogBytes == 0 {
				t.Errorf("frame %d: %+v", f, r)
			}
			if log := string(m.logs[place(r.Lease, f)]); int64(len(log)) != r.LogBytes || !strings.Contains(log, "Saved: frame") {
				t.Errorf("frame %d has the log %q", f, log)
			}
		}
		if first := string(m.logs[place(1, 1)]); !strings.Contains(first, "Blender 99") || !strings.Contains(first, "Read blend") {
			t.Errorf("the first log lacks the start: %q", first)
		}
		for _, dir := range []string{"out", "leases"} {
			if left := entries(t, o.Dir, dir); len(left) > 0 {
				t.Errorf("%s holds %v", dir, left)
			}
		}
		reg := m.known[w.ID()]
		if reg.Name != "w" || reg.Slots != 1 || reg.Facts.Program != "test" || len(reg.Facts.Blenders) != 1 {
			t.Errorf("registered as %+v", reg)
		}
	})
}

// The frames of one slot are reported in the order they finished, and never two at once.
func TestOrderAndIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(20)
		o := options(t, m, fake.Options{FrameTime: 100 * time.Millisecond})
		w := start(t, o)
		id := w.ID()
		m.until("all frames are done", func() bool { return len(j.done) == 20 })
		w.drain()
		for i, r := range m.reports {
			if r.Frame != i+1 {
				t.Fatalf("report %d is of frame %d", i, r.Frame)
			}
		}
		again := start(t, o)
		if again.ID() != id {
			t.Errorf("the worker is %s now and was %s", again.ID(), id)
		}
		again.kill()
	})
}

func TestOneWorkerInAFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t, newMaster(t), fake.Options{})
		w := start(t, o)
		if _, err := worker.New(o); farm.KindOf(err) != farm.Conflict {
			t.Errorf("a second worker got %v", err)
		}
		w.kill()
	})
}

func TestCancelKillsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 5
		j := m.job(5)
		stopped := make(chan time.Time, 1)
		inside := make(chan struct{})
		o := options(t, m, fake.Options{Render: func(ctx context.Context, task blender.Task, log io.Writer) error {
			if task.Frame != 2 {
				return nil
			}
			close(inside)
			<-ctx.Done()
			stopped <- time.Now()
			return &blender.Error{Kind: blender.Killed, Message: "stopped"}
		}})
		w := start(t, o)
		<-inside
		time.Sleep(10 * time.Second) // of the bubble: into the rhythm of heartbeats
		began := time.Now()
		m.cancel(j)
		if took := (<-stopped).Sub(began); took > 500*time.Millisecond {
			t.Errorf("Blender was stopped after %s", took)
		}
		k := m.job(1) // the worker is of use again
		m.until("the next job is done", func() bool { return len(k.done) == 1 })
		w.drain()
		if len(j.done) != 1 || len(j.failed) != 0 || j.back != 0 {
			t.Errorf("of the canceled job: %d done, %d failed, %d back", len(j.done), len(j.failed), j.back)
		}
	})
}

func TestDrainFinishesAndHandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 10
		j := m.job(10)
		o := options(t, m, fake.Options{FrameTime: time.Minute})
		w := start(t, o)
		m.until("the second frame renders", func() bool { return len(j.done) == 1 })
		time.Sleep(20 * time.Second)
		w.drain()
		if len(j.done) != 2 || j.back != 8 || len(m.leases) != 0 {
			t.Errorf("%d done, %d handed back, leases %v", len(j.done), j.back, m.leases)
		}
		if !m.last.Leaves || len(m.last.Beats) != 0 {
			t.Errorf("its last word is %+v", m.last)
		}
	})
}

// What is handed back is told in calls of a bounded size.
func TestDrainHandsBackMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 2000
		j := m.job(2000)
		var largest int
		m.onReport = func(n int) { largest = max(largest, n) }
		w := start(t, options(t, m, fake.Options{FrameTime: time.Minute}))
		m.until("a frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
		if len(j.done) != 2 || j.back != 1998 || largest > 500 {
			t.Errorf("%d done, %d handed back, up to %d in a call", len(j.done), j.back, largest)
		}
	})
}

// The master's order to drain pauses the worker; it goes on when the order is lifted.
func TestMasterDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 4
		j := m.job(4)
		w := start(t, options(t, m, fake.Options{FrameTime: 10 * time.Second}))
		m.until("a frame is done", func() bool { return len(j.done) == 1 })
		m.set(func() { m.orders.Drain = true })
		m.until("the rest is back", func() bool { return j.back == 2 && len(j.done) == 2 })
		time.Sleep(time.Minute)
		if len(m.leases) != 0 {
			t.Error("it took frames while it should not")
		}
		m.set(func() { m.orders.Drain = false })
		m.until("all are done", func() bool { return len(j.done) == 4 })
		w.drain()
	})
}

// TestPaceChangesUnderWay: a worker follows the farm's pace without registering anew, and says which one it keeps.
func TestPaceChangesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.beat = 60_000
		w := start(t, options(t, m, fake.Options{}))
		m.until("a heartbeat is held", func() bool { return m.last.PaceMS == 60_000 && m.last.WaitMS == 60_000 })
		began := time.Now()
		m.set(func() { m.orders.HeartbeatMS = 500 })
		m.until("the new pace is kept", func() bool { return m.last.PaceMS == 500 && m.last.WaitMS <= 500 })
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		w.drain()
	})
}

func TestAheadIsAskedOnceNearTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 2
		j := m.job(6)
		began := time.Now()
		var asked []time.Duration
		m.before = func(ctx context.Context, call string) error {
			if call == "ahead" {
				asked = append(asked, time.Since(began))
			}
			return nil
		}
		w := start(t, options(t, m, fake.Options{FrameTime: 10 * time.Second}))
		m.until("all are done", func() bool { return len(j.done) == 6 })
		w.drain()
		// Leases last 20 s each; the last frame of each is at 80 % after 18, 38 and 58 s.
		want := []time.Duration{18 * time.Second, 38 * time.Second, 58 * time.Second}
		if !slices.Equal(asked, want) {
			t.Errorf("asked ahead after %v instead of %v", asked, want)
		}
	})
}

// Sub-second frames ask at once, and the time between two frames is nothing but the fake's own.
func TestNoGapBetweenLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(25)
		m.before = func(ctx context.Context, call string) error { // a slow network
			if call != "heartbeat" && call != "held heartbeat" {
				time.Sleep(20 * time.Millisecond)
			}
			return nil
		}
		var mu sync.Mutex
		var began, ended []time.Time
		render := func(ctx context.Context, task blender.Task, log io.Writer) error {
			mu.Lock()
			began = append(began, time.Now())
			mu.Unlock()
			time.Sleep(200 * time.Millisecond)
			mu.Lock()
			ended = append(ended, time.Now())
			mu.Unlock()
			return nil
		}
		w := start(t, options(t, m, fake.Options{Render: render, Quiet: true}))
		m.until("all are done", func() bool { return len(j.done) == 25 })
		w.drain()
		for i := 3; i < len(began); i++ {
			if gap := began[i].Sub(ended[i-1]); gap > 0 {
				t.Errorf("a gap of %s before frame %d", gap, i+1)
			}
		}
	})
}

// A master that takes results slowly holds the slot back after four frames; one that is away does not.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 20
		j := m.job(20)
		free := make(chan struct{})
		m.before = func(ctx context.Context, call string) error {
			if call == "put" {
				select {
				case <-free:
				case <-ctx.Done():
				}
			}
			return nil
		}
		var mu sync.Mutex
		rendered := 0
		render := func(context.Context, blender.Task, io.Writer) error {
			mu.Lock()
			defer mu.Unlock()
			rendered++
			return nil
		}
		o := options(t, m, fake.Options{FrameTime: time.Second, Render: render})
		w := start(t, o)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		mu.Lock()
		if rendered != 4 {
			t.Errorf("%d frames were rendered while none could be uploaded", rendered)
		}
		mu.Unlock()
		close(free)
		m.until("all are done", func() bool { return len(j.done) == 20 })
		w.drain()
	})
}

func TestMasterAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 30
		j := m.job(40)
		w := start(t, options(t, m, fake.Options{FrameTime: time.Second}))
		m.until("a frame is done", func() bool { return len(j.done) >= 2 })
		registered := m.calls["register"]
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
		time.Sleep(10 * time.Minute)
		m.mu.Lock()
		tries := m.calls["register"] - registered
		m.mu.Unlock()
		if tries < 30 || tries > 100 { // 10 minutes by 15 s at most, with jitter
			t.Errorf("the master was asked %d times in 10 minutes", tries)
		}
		began := time.Now()
		m.set(func() { away = false })
		m.until("what was rendered meanwhile is there", func() bool { return len(j.done) >= 30 })
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s to come back", took)
		}
		m.until("all are done", func() bool { return len(j.done) == 40 })
		w.drain()
	})
}

func TestRevokedAndOutdated(t *testing.T) {
	for _, kind := range []farm.Kind{farm.Denied, farm.Outdated} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			j := m.job(3)
			w := start(t, options(t, m, fake.Options{FrameTime: time.Minute}))
			m.until("a frame is done", func() bool { return len(j.done) == 1 })
			m.set(func() {
				m.before = func(context.Context, string) error { return farm.Errorf(kind, "go away") }
			})
			<-w.done
			if farm.KindOf(w.err) != kind || w.err.Error() != "go away" {
				t.Errorf("the worker ended with %v", w.err)
			}
		})
	}
}

// A master of another protocol that takes every worker is left all the same.
func TestMasterOfAnotherProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.speak = farm.Protocol + 1
		w := start(t, options(t, m, fake.Options{}))
		<-w.done
		if farm.KindOf(w.err) != farm.Outdated || !strings.Contains(w.err.Error(), "the worker is netrender test (protocol 1)") {
			t.Errorf("the worker ended with %v", w.err)
		}
	})
}

// A worker that the master forgot registers again and goes on. Only its first registration says that it is new.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		fresh := func() (n int) {
			for _, r := range m.known {
				if r.Fresh && r.Protocol == farm.Protocol {
					n++
				}
			}
			return n
		}
		j := m.job(3)
		w := start(t, options(t, m, fake.Options{FrameTime: 10 * time.Second}))
		m.until("a frame is done", func() bool { return len(j.done) == 1 && fresh() == 1 })
		m.set(func() { clear(m.known) })
		m.until("all are done", func() bool { return len(j.done) == 3 && len(m.known) == 1 && fresh() == 0 })
		w.drain()
	})
}

func TestSeveralSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(24)
		o := options(t, m, fake.Options{FrameTime: time.Minute})
		o.Devices = []string{"cpu", "cuda:0", "cuda:1"}
		var mu sync.Mutex
		devices := map[string]bool{}
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			mu.Lock()
			devices[s.Device] = true
			mu.Unlock()
			return inner(ctx, s)
		}
		began := time.Now()
		w := start(t, o)
		m.until("all are done", func() bool { return len(j.done) == 24 })
		if took := time.Since(began); took > 8*time.Minute+time.Second {
			t.Errorf("24 minutes of work on 3 slots took %s", took)
		}
		w.drain()
		if len(devices) != 3 || m.calls["blob "+j.files[0].Ref[:8]] != 1 {
			t.Errorf("devices %v; the scene was fetched %d times", devices, m.calls["blob "+j.files[0].Ref[:8]])
		}
	})
}
