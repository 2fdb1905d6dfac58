package worker

import (
	"context"
	"errors"
	"sync"
)

// errFewer ends what a slot has not begun that the worker has no more.
var errFewer = errors.New("the worker has fewer slots than before")

// crew is how many slots the worker has: as many as it was started with, until the master says otherwise. Slots that are
// too many finish their frame; one comes back under its number only when it is through with that.
type crew struct {
	mu      sync.Mutex
	n       int
	changed chan struct{} // closed when n changes
}

func newCrew(n int) *crew { return &crew{n: n, changed: make(chan struct{})} }

// size is how many slots there are, and a channel that is closed when that changes.
func (c *crew) size() (n int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.changed
}

// now is how many slots there are.
func (c *crew) now() int {
	n, _ := c.size()
	return n
}

// set changes how many slots there are and tells whether that is news.
func (c *crew) set(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == n {
		return false
	}
	c.n = n
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

// has waits until there is a slot of that number (or, with there false, none); false when ctx ended.
func (c *crew) has(ctx context.Context, no int, there bool) bool {
	for ctx.Err() == nil {
		n, changed := c.size()
		if (no < n) == there {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return false
}

// work has the slots work until working ends and the last of them is through.
func (w *Worker) work(ctx, working context.Context) {
	var slots sync.WaitGroup
	defer slots.Wait()
	for begun := 0; ; {
		n, changed := w.crew.size()
		for ; begun < n; begun++ {
			no := begun
			slots.Go(func() { w.place(ctx, working, no) })
		}
		select {
		case <-changed:
		case <-working.Done():
			return
		}
	}
}

// place is where the slot of a number works, whenever there is one.
func (w *Worker) place(ctx, working context.Context, no int) {
	for w.crew.has(working, no, true) {
		here, end := context.WithCancelCause(working)
		var watch sync.WaitGroup
		watch.Go(func() {
			if w.crew.has(here, no, false) {
				w.log.Info("a slot is closed: the master wants fewer of this worker", "slot", no)
				end(errFewer)
			}
		})
		newSlot(w, no, here).run(ctx)
		end(nil)
		watch.Wait()
	}
}

// resize obeys the master's word on how many slots there are; 0: it says nothing. Devices are slots of their own, of which
// there are no more.
func (w *Worker) resize(n int) {
	if n < 1 || n > maxSlots || len(w.opt.Devices) > 0 && n > len(w.opt.Devices) {
		return
	}
	if w.crew.set(n) {
		w.log.Info("the master sets how many slots this worker has", "slots", n)
	}
}
