package wire

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxBackoff is the longest wait between tries.
const maxBackoff = 10 * time.Second

// backoff waits longer each time, with jitter so that a thousand workers do not come back at once.
type backoff struct {
	first time.Duration
	next  time.Duration
}

// wait waits, or returns ctx's error at once when it ends.
func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = b.first
	}
	d := b.next/2 + rand.N(b.next/2+1)
	b.next = min(2*b.next, maxBackoff)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset starts anew after a success.
func (b *backoff) reset() { b.next = 0 }
