package master

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/netrender/netrender/internal/farm"
)

// watchRoom is how many events a watcher may be behind before it is told that it lost some.
const watchRoom = 1024

// hub hands events to watchers. It never waits for one.
type hub struct {
	count atomic.Int32
	mu    sync.Mutex
	seq   int64
	all   map[*watch]struct{}
}

type watch struct{ ch chan farm.Event }

func (h *hub) wanted() bool { return h.count.Load() > 0 }

func (h *hub) publish(events []farm.Event) {
	if len(events) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ev := range events {
		h.seq++
		ev.Seq = h.seq
		for w := range h.all {
			select {
			case w.ch <- ev:
			default:
				// It fell behind. What waits for it is worth nothing now: it is told to read the state again.
				for len(w.ch) > 0 {
					select {
					case <-w.ch:
					default:
					}
				}
				w.ch <- farm.Event{Seq: ev.Seq, Time: ev.Time, Kind: farm.EventLost}
			}
		}
	}
}

// Watch returns the events from now on, until ctx ends. A watcher that falls behind gets an event of kind lost and
// should read the state again. Events are given out only when what they tell is durable.
func (m *Master) Watch(ctx context.Context) <-chan farm.Event {
	w := &watch{ch: make(chan farm.Event, watchRoom)}
	h := &m.hub
	h.mu.Lock()
	if h.all == nil {
		h.all = make(map[*watch]struct{})
	}
	h.all[w] = struct{}{}
	h.count.Add(1)
	h.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-m.quit:
		}
		h.mu.Lock()
		delete(h.all, w)
		h.count.Add(-1)
		close(w.ch)
		h.mu.Unlock()
	}()
	return w.ch
}
