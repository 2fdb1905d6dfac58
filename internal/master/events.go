package master

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/netrender/netrender/internal/farm"
)

// watchRoom is how many events a watcher may be behind before it is told that it lost some.
const watchRoom = 1024

// hub hands events to watchers. It never waits for one.
type hub struct {
	heard atomic.Uint32 // the kinds that somebody watches, as kindBit has them
	mu    sync.Mutex
	seq   int64
	all   map[*watch]struct{}
}

type watch struct {
	ch    chan farm.Event
	kinds uint32
}

// kindBit is a kind's place in a set of kinds.
func kindBit(k farm.EventKind) uint32 { return 1 << (slices.Index(kinds, k) + 1) }

var kinds = farm.EventKinds()

// wanted tells whether somebody watches events of the kind: the others need not be made.
func (h *hub) wanted(k farm.EventKind) bool {
	heard := h.heard.Load()
	return heard != 0 && heard&kindBit(k) != 0
}

// listen is called with mu held, when watchers came or went.
func (h *hub) listen() {
	heard := uint32(0)
	for w := range h.all {
		heard |= w.kinds
	}
	h.heard.Store(heard)
}

func (h *hub) publish(events []farm.Event) {
	if len(events) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ev := range events {
		h.seq++
		ev.Seq = h.seq
		bit := kindBit(ev.Kind)
		for w := range h.all {
			if w.kinds&bit == 0 {
				continue
			}
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

// Watch returns the events of some kinds, or of all when none is named, from now on until ctx ends. A watcher that falls behind gets an event of kind lost and
// should read the state again. Events are given out only when what they tell is durable.
func (m *Master) Watch(ctx context.Context, which ...farm.EventKind) <-chan farm.Event {
	if len(which) == 0 {
		which = kinds
	}
	w := &watch{ch: make(chan farm.Event, watchRoom)}
	for _, k := range which {
		w.kinds |= kindBit(k)
	}
	h := &m.hub
	h.mu.Lock()
	if h.all == nil {
		h.all = make(map[*watch]struct{})
	}
	h.all[w] = struct{}{}
	h.listen()
	h.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-m.quit:
		}
		h.mu.Lock()
		delete(h.all, w)
		h.listen()
		close(w.ch)
		h.mu.Unlock()
	}()
	return w.ch
}
