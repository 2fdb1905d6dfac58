package worker_test

import (
	"context"
	"io"
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

func TestFaultsOfScenes(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return &blender.Error{Kind: blender.Killed, Message: "stopped"}
	}
	for _, c := range []struct {
		name       string
		open       func(context.Context) error
		render     func(context.Context) error
		text       string
		fatal, own bool
		scene      bool
		back       int // of three frames, the first of which fails
		timeout    int
	}{
		{
			name: "no camera", text: "the scene has no camera", fatal: true, scene: true, back: 2,
			render: fails(&blender.Error{Kind: blender.NoCamera, Message: "the scene has no camera"}),
		},
		{
			name: "truncated", text: "the file ends too early", fatal: true, scene: true, back: 2,
			open: fails(&blender.Error{Kind: blender.Truncated, Message: "the file ends too early"}),
		},
		{
			name: "our own part", text: "Netrender's own part in Blender failed: KeyError: x",
			open: fails(&blender.Error{Kind: blender.Agent, Message: "Netrender's own part in Blender failed: KeyError: x"}),
		},
		{
			name: "too new", text: "made by Blender 100", scene: true, back: 2,
			open: fails(&blender.Error{Kind: blender.TooNew, Message: "made by Blender 100"}),
		},
		{
			name: "no frame", text: "nothing was written",
			render: fails(&blender.Error{Kind: blender.NoFrame, Message: "nothing was written"}),
		},
		{name: "no memory", text: "out of memory", render: fails(&blender.Error{Kind: blender.NoMemory, Message: "out of memory"})},
		{
			name: "crash", text: "Blender crashed (signal 11); its last words: boom",
			render: fails(&blender.Error{Kind: blender.Crashed, Message: "Blender crashed (signal 11)", Log: []string{"boom"}}),
		},
		{
			name: "no device", text: "there is no cuda:7", own: true, back: 2,
			open: fails(&blender.Error{Kind: blender.NoDevice, Message: "there is no cuda:7"}),
		},
		{name: "hung while rendering", text: "Blender showed no sign of life for 10 minutes and was stopped; its last words: Read blend", render: hang},
		{name: "hung while opening", text: "Blender showed no sign of life for 10 minutes and was stopped", open: hang},
		{name: "too slow", text: "the frame took longer than its limit of 5 minutes", timeout: 300, render: hang},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				m.chunk = 3
				j := m.job(3, func(j *fakeJob) { j.grant.Timeout = c.timeout })
				var once, onceOpen sync.Once
				first := func(once *sync.Once, f func(context.Context) error, ctx context.Context) (err error) {
					once.Do(func() {
						if f != nil {
							err = f(ctx)
						}
					})
					return err
				}
				w := start(t, options(t, m, fake.Options{
					Open:   func(ctx context.Context, _ blender.Scene) error { return first(&onceOpen, c.open, ctx) },
					Render: func(ctx context.Context, _ blender.Task, _ io.Writer) error { return first(&once, c.render, ctx) },
				}))
				m.until("the others are rendered", func() bool { return len(j.done) == 2 && len(j.failed) == 1 })
				w.drain()
				r := j.failed[1]
				if r.Install != "99.0.0" {
					t.Errorf("the report says that Blender %q was used", r.Install)
				}
				if !strings.HasPrefix(r.Error, c.text) || r.Fatal != c.fatal || r.Scene != c.scene || r.OwnFault != c.own || j.back != c.back {
					t.Errorf("fatal %v, own %v, %d handed back: %s", r.Fatal, r.OwnFault, j.back, r.Error)
				}
			})
		})
	}
}

func fails(err error) func(context.Context) error { return func(context.Context) error { return err } }

// A session that rendered other frames before may be worn out: the frame it dies in is tried once more.
func TestCrashOfAWarmSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 4
		j := m.job(4)
		tries := map[int]int{}
		w := start(t, options(t, m, fake.Options{Render: func(_ context.Context, task blender.Task, _ io.Writer) error {
			tries[task.Frame]++
			if task.Frame == 2 && tries[2] == 1 || task.Frame == 4 {
				return &blender.Error{Kind: blender.Crashed, Message: "Blender crashed"}
			}
			return nil
		}}))
		m.until("all is told", func() bool { return len(j.done) == 3 && len(j.failed) == 1 })
		w.drain()
		if tries[1] != 1 || tries[2] != 2 || tries[3] != 1 || tries[4] != 2 || len(m.reports) != 4 {
			t.Errorf("tries %v", tries)
		}
	})
}

// Output counts as a sign of life, also without progress.
func TestSlowButAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1)
		w := start(t, options(t, m, fake.Options{Render: func(_ context.Context, _ blender.Task, log io.Writer) error {
			for range 8 {
				time.Sleep(9 * time.Minute)
				_, _ = io.WriteString(log, "compiling kernels\n")
			}
			return nil
		}}))
		m.until("the frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
	})
}

func TestSessionsAreKeptWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		var mu sync.Mutex
		starts, opens := 0, 0
		o := options(t, m, fake.Options{Open: func(context.Context, blender.Scene) error {
			mu.Lock()
			defer mu.Unlock()
			opens++
			return nil
		}})
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			mu.Lock()
			defer mu.Unlock()
			starts++
			return inner(ctx, s)
		}
		w := start(t, o)
		check := func(what string, j *fakeJob, wantStarts, wantOpens int) {
			t.Helper()
			m.until(what, func() bool { return len(j.done) == 3 })
			mu.Lock()
			defer mu.Unlock()
			if starts != wantStarts || opens != wantOpens {
				t.Errorf("%s: %d starts and %d opens instead of %d and %d", what, starts, opens, wantStarts, wantOpens)
			}
		}
		check("a job", m.job(3), 1, 1)
		check("another scene", m.job(3), 1, 2)
		check("the same scene again", m.job(3, func(j *fakeJob) { j.grant.Scene = "scene-2" }), 1, 2)
		check("other threads", m.job(3, func(j *fakeJob) { j.grant.Options.Threads = 2 }), 2, 3)
		w.drain()
	})
}

func TestSessionMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(3)
		starts := 0
		o := options(t, m, fake.Options{Memory: 7 << 30}) // of a machine with 8 GB
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			starts++
			return inner(ctx, s)
		}
		w := start(t, o)
		m.until("all are done", func() bool { return len(j.done) == 3 })
		w.drain()
		if starts != 3 {
			t.Errorf("the session was started %d times", starts)
		}
		for _, r := range m.reports {
			if r.Install != "99.0.0" {
				t.Errorf("frame %d was rendered with Blender %q", r.Frame, r.Install)
			}
		}
	})
}

func TestScriptsAndInstalls(t *testing.T) {
	for text, change := range map[string]func(*fakeJob){
		"this worker does not let scenes run their Python":                            func(j *fakeJob) { j.grant.Options.Scripts = true },
		"the worker has no Blender for this scene: its Blender is older than 100.0.0": func(j *fakeJob) { j.grant.Needs.Blender = farm.Version{Major: 100} },
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			j := m.job(1, change)
			w := start(t, options(t, m, fake.Options{}))
			m.until("it is told", func() bool { return len(j.failed) == 1 })
			w.drain()
			if r := j.failed[1]; r.Error != text || !r.OwnFault {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Heartbeats say what is rendered, and name every lease that is held.
func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(2)
		w := start(t, options(t, m, fake.Options{FrameTime: 40 * time.Second}))
		time.Sleep(25 * time.Second)
		m.mu.Lock()
		if len(m.beats) != 1 {
			t.Fatalf("beats %+v", m.beats)
		}
		b := m.beats[0]
		m.mu.Unlock()
		if b.Frame != 1 || !b.Started || b.Fraction != 0.5 || b.LeftS != 20 || b.Phase != "Scene, ViewLayer | Sample 2/4" {
			t.Errorf("the heartbeat said %+v", b)
		}
		m.until("all are done", func() bool { return len(j.done) == 2 })
		w.drain()
	})
}

func TestIdleSessionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1)
		starts := 0
		o := options(t, m, fake.Options{})
		o.IdleSession = 5 * time.Minute
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			starts++
			return inner(ctx, s)
		}
		w := start(t, o)
		for i, pause := range []time.Duration{0, time.Minute, 10 * time.Minute} {
			time.Sleep(pause)
			m.set(func() { j.queue = append(j.queue, 10+i) })
			m.until("the frame is done", func() bool { return len(j.done) == 2+i })
		}
		w.drain()
		if starts != 2 {
			t.Errorf("Blender was started %d times", starts)
		}
	})
}
