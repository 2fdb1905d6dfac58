package api

import (
	"context"
	"sync"
)

// turns lets the newest sender of a result go first. A worker that sends one again has lost its connection, and what
// hangs on the other end of that would keep the file busy until it is found dead.
type turns struct {
	mu  sync.Mutex
	now map[string]*turn // by what is sent
}

type turn struct {
	cut  func()
	over chan struct{} // closed by its end
}

// take cuts off whoever sends the same now, and waits until that one has let go. end must be called.
func (t *turns) take(ctx context.Context, key string, cut func()) (end func(), err error) {
	mine := &turn{cut: cut, over: make(chan struct{})}
	for {
		t.mu.Lock()
		old := t.now[key]
		if old == nil {
			if t.now == nil {
				t.now = make(map[string]*turn)
			}
			t.now[key] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.now, key)
				t.mu.Unlock()
				close(mine.over)
			}, nil
		}
		t.mu.Unlock()
		old.cut()
		select {
		case <-old.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
