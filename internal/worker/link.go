package worker

import (
	"context"
	"sync"
	"time"
)

// gate is something that is open or shut; whoever waits is woken when that changes. The zero gate is shut.
type gate struct {
	mu      sync.Mutex
	open    bool
	changed chan struct{}
}

// set opens or shuts it and tells whether that was a change.
func (g *gate) set(open bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == open {
		return false
	}
	g.open = open
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
	return true
}

// state is whether it is open, and a channel that is closed when that changes.
func (g *gate) state() (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.open, g.changed
}

// isOpen is whether it is open now.
func (g *gate) isOpen() bool {
	open, _ := g.state()
	return open
}

// await waits until it is open (or, with open false, shut); false when ctx ended.
func (g *gate) await(ctx context.Context, open bool) bool {
	for {
		is, changed := g.state()
		if ctx.Err() != nil {
			return false
		}
		if is == open {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// link is open while the master answers: the heartbeat opens and shuts it, everybody else waits for it.
type link struct{ gate }

// during returns a context that ends with ctx, and also when the link is lost: a call that is held open by a master
// that is gone would wait for nothing.
func (l *link) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	open, changed := l.state()
	if !open {
		return ctx, cancel
	}
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Waits between tries grow from the first to the last.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 15 * time.Second
)

// backoff waits longer each time, with jitter so that a thousand workers do not come back at once.
type backoff struct {
	jitter func() float64
	next   time.Duration
}

// wait waits for between half of and the whole of the next time; less when wake is closed or ctx ends.
func (b *backoff) wait(ctx context.Context, wake <-chan struct{}) {
	if b.next == 0 {
		b.next = firstWait
	}
	d := b.next/2 + time.Duration(b.jitter()*float64(b.next/2))
	b.next = min(2*b.next, lastWait)
	pause(ctx, d, wake)
}

// reset starts anew after a success.
func (b *backoff) reset() { b.next = 0 }
