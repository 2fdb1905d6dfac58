package worker_test

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// stage is what a worker renders just now, by the folder of the slot.
type stage struct {
	mu      sync.Mutex
	now     map[string]int
	threads map[string]int // of the newest session
	twice   bool           // two frames were rendered in one slot at a time
}

func (s *stage) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.now)
}

// most is how many frames are rendered at a time, when those that are under way now have ended.
func (s *stage) most() (n int) {
	time.Sleep(1100 * time.Millisecond)
	for range 200 {
		n = max(n, s.count())
		time.Sleep(10 * time.Millisecond)
	}
	return n
}

// newStage is a worker of slots that a master sets, which renders a second a frame.
func newStage(t *testing.T, m worker.Master) (*stage, worker.Options) {
	s := &stage{now: map[string]int{}, threads: map[string]int{}}
	o := options(t, m, fake.Options{})
	o.NewRenderer = func(ctx context.Context, setup worker.Setup) (worker.Renderer, error) {
		s.mu.Lock()
		s.threads[setup.Out] = setup.Threads
		s.mu.Unlock()
		return fake.New(fake.Options{FrameTime: time.Second, Render: func(_ context.Context, task blender.Task, _ io.Writer) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.twice = s.twice || s.now[setup.Out] != 0
			s.now[setup.Out] = task.Frame
			time.AfterFunc(time.Second-time.Millisecond, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.now, setup.Out)
			})
			return nil
		}})(ctx, setup)
	}
	return s, o
}

// TestSlotsFollowTheMaster: slots that come ask for frames at once; those that go finish the frame they render and hand
// back the others. One that comes back does so when it is through with that. Threads are shared anew.
func TestSlotsFollowTheMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 5
		j := m.job(200)
		s, o := newStage(t, m)
		w := start(t, o)
		many := func(n int) {
			t.Helper()
			m.set(func() { m.orders.Slots = n })
			if got := s.most(); got != n {
				t.Errorf("told %d slots it renders %d frames at a time", n, got)
			}
		}
		m.until("it renders", func() bool { return s.count() == 1 })
		if m.last.Slots != 1 || m.known[w.ID()].Facts.Slots != 1 {
			t.Errorf("it says %d slots, started with %d", m.last.Slots, m.known[w.ID()].Facts.Slots)
		}
		many(3)
		many(4)
		if n := len(j.failed); n > 0 || j.back > 0 {
			t.Errorf("growing cost %d frames, and %d were handed back", n, j.back)
		}
		back := j.back
		many(1)
		if j.back == back {
			t.Error("the slots that went handed nothing back")
		}
		for _, why := range m.reports {
			if why.Outcome == farm.HandedBack && why.Error != "the worker has fewer slots than before" {
				t.Errorf("a frame is handed back: %s", why.Error)
			}
		}
		for range 9 { // before the slot is through with its frame
			m.set(func() { m.orders.Slots = 2 })
			time.Sleep(150 * time.Millisecond)
			m.set(func() { m.orders.Slots = 1 })
			time.Sleep(150 * time.Millisecond)
		}
		many(2)
		for _, n := range []int{-1, 0, 257} { // no order at all
			m.set(func() { m.orders.Slots = n })
			time.Sleep(2 * time.Second)
		}
		if got := s.most(); got != 2 {
			t.Errorf("an order that cannot be has it render %d frames", got)
		}
		if s.twice {
			t.Error("a slot rendered two frames at once")
		}
		if half := max(1, runtime.NumCPU()/2); !slices.Contains(values(s.threads), half) {
			t.Errorf("two slots render with %v threads, not %d", values(s.threads), half)
		}

		// The master's word counts at the next start.
		w.kill()
		m.set(func() { m.orders.Slots = 3 })
		again := start(t, o)
		m.until("three slots render", func() bool { return s.count() == 3 })
		again.drain()
		m.set(func() {
			clear(m.asked)
			m.orders.Slots = 1
		})
		o.Slots = 3
		fewer := start(t, o)
		m.until("one slot renders", func() bool { return s.count() == 1 })
		fewer.drain()
		if m.asked[1] || m.asked[2] {
			t.Error("slots that it does not have ask for work")
		}
		if len(j.failed) > 0 {
			t.Errorf("%d frames failed", len(j.failed))
		}
	})
}

// TestSlotsOfDevices: there is one for each device and no more; of fewer slots the first devices render.
func TestSlotsOfDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.orders.Slots = 3
		m.job(50)
		s, o := newStage(t, m)
		o.Devices = []string{"cuda:0", "cuda:1"}
		w := start(t, o)
		m.until("both render", func() bool { return s.count() == 2 })
		if m.known[w.ID()].Facts.Slots != 2 {
			t.Errorf("it says it was started with %d slots", m.known[w.ID()].Facts.Slots)
		}
		m.set(func() { m.orders.Slots = 1 })
		if got := s.most(); got != 1 {
			t.Errorf("of one slot %d frames are rendered", got)
		}
		w.drain()
	})
}

func values(m map[string]int) (list []int) {
	for _, n := range m {
		list = append(list, n)
	}
	return list
}
