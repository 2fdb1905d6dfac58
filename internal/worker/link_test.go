package worker_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/worker/fake"
)

// A call that hangs on a connection of before the loss is tried again as soon as the master answers, not when its own
// patience ends.
func TestDeadCallsAreTriedAgain(t *testing.T) {
	for _, hangs := range []string{"put", "report", "log", "files", "ahead"} {
		t.Run(hangs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				m.chunk = 1
				j := m.job(4)
				var mu sync.Mutex
				var lost time.Time
				hung, alive := false, make(chan struct{})
				m.noticed = func(what string) {
					mu.Lock()
					defer mu.Unlock()
					if hung && what == "suspect" && lost.IsZero() {
						lost = time.Now()
					}
					if what == "refresh" && !lost.IsZero() {
						close(alive)
					}
				}
				m.before = func(ctx context.Context, call string) error {
					mu.Lock()
					first := call == hangs && !hung
					hung = hung || first
					dead := hung && lost.IsZero()
					mu.Unlock()
					switch {
					case first:
						select {
						case <-alive:
						case <-ctx.Done(): // a claim is given up at the loss
						}
						return errAway
					case dead && (call == "heartbeat" || call == "held heartbeat"):
						return errAway
					}
					return nil
				}
				w := start(t, options(t, m, fake.Options{FrameTime: 2 * time.Second}))
				m.until("all frames are done", func() bool { return len(j.done) == 4 })
				if took := time.Since(lost); lost.IsZero() || took > 15*time.Second {
					t.Errorf("the rest took %v after the loss", took)
				}
				w.drain()
				if len(j.failed) != 0 || j.back != 0 {
					t.Errorf("%d failed, %d handed back", len(j.failed), j.back)
				}
			})
		})
	}
}

// A master that has moved is looked for after two heartbeats, again and again, and the frame in hand is not lost.
func TestSeeksTheMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 4
		j := m.job(4)
		var mu sync.Mutex
		gone, was := false, time.Time{}
		m.before = func(context.Context, string) error {
			mu.Lock()
			defer mu.Unlock()
			if gone {
				return errAway
			}
			return nil
		}
		o := options(t, m, fake.Options{FrameTime: 30 * time.Second})
		var sought []time.Duration
		o.Seek = func(ctx context.Context) {
			if limit, ok := ctx.Deadline(); !ok || time.Until(limit) > time.Minute {
				t.Error("the search may last for ever")
			}
			mu.Lock()
			defer mu.Unlock()
			if sought = append(sought, time.Since(was)); len(sought) == 3 {
				gone = false
			}
		}
		w := start(t, o)
		m.until("a frame is done", func() bool { return len(j.done) == 1 })
		mu.Lock()
		gone, was = true, time.Now()
		mu.Unlock()
		m.set(func() {}) // whoever waits learns it
		m.until("all frames are done", func() bool { return len(j.done) == 4 })
		w.drain()
		if len(sought) != 3 || sought[0] < 10*time.Second || sought[0] > 40*time.Second || sought[2]-sought[0] < 10*time.Second || sought[2] > time.Minute {
			t.Errorf("it was looked for after %v", sought)
		}
		if len(j.failed) != 0 || j.back != 0 {
			t.Errorf("%d failed, %d handed back", len(j.failed), j.back)
		}
	})
}
