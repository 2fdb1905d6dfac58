package blob

import (
	"context"
	"io"
	"sync"
	"time"
)

// Guard stands before a store whose blobs may be collected, and sees to it that nobody is told that a blob is there
// which is then taken away. Whoever asks for a blob announces it, and so does whoever stores one: it is not collected
// for a grace time. Whoever needs blobs until something names them pins them. A collection is made in three steps:
// Begin, find out which blobs are named, Delete those that are not. What was announced or pinned since Begin is left
// alone, for what names it may have come behind the back of the second step.
type Guard struct {
	store   Store
	uploads Uploads
	grace   time.Duration
	now     func() time.Time
	start   time.Time // what was announced before is not known

	mu    sync.Mutex // guards all below
	pins  map[Ref]int
	told  map[Ref]time.Time     // when it was last announced
	since map[Ref]struct{}      // announced or pinned since the collection that runs began; nil: none runs
	dying map[Ref]chan struct{} // being deleted; closed when that is done
	sweep int                   // size of told at which old entries are dropped
}

var (
	_ Store   = (*Guard)(nil)
	_ Uploads = (*Guard)(nil)
)

// NewGuard makes a guard of a store; grace is how long an announced blob is not collected.
func NewGuard(s interface {
	Store
	Uploads
}, grace time.Duration, now func() time.Time,
) *Guard {
	return &Guard{
		store: s, uploads: s, grace: grace, now: now, start: now(),
		pins: map[Ref]int{}, told: map[Ref]time.Time{}, dying: map[Ref]chan struct{}{},
	}
}

// Under is the store itself, for those who announce nothing to anybody.
func (g *Guard) Under() Store { return g.store }

// Pin keeps blobs from being collected until unpin is called, whether they are here or not. It waits while one of them
// is being deleted, so that what is asked after it is true. named says that from now on something names them; else they
// have their grace time.
func (g *Guard) Pin(ctx context.Context, refs ...Ref) (unpin func(named bool), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := 0; i < len(refs); i++ {
		gone := g.dying[refs[i]]
		if gone == nil {
			continue
		}
		g.mu.Unlock()
		select {
		case <-gone:
		case <-ctx.Done():
		}
		g.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		i = -1 // others may be by now
	}
	for _, r := range refs {
		g.pins[r]++
		if g.since != nil {
			g.since[r] = struct{}{}
		}
	}
	return func(named bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, r := range refs {
			if g.pins[r]--; g.pins[r] == 0 {
				delete(g.pins, r)
			}
			if !named {
				g.tell(r)
			}
		}
	}, nil
}

// tell is called with mu held.
func (g *Guard) tell(r Ref) {
	now := g.now()
	if len(g.told) >= g.sweep {
		for ref, at := range g.told {
			if now.Sub(at) >= g.grace {
				delete(g.told, ref)
			}
		}
		g.sweep = max(1024, 2*len(g.told))
	}
	g.told[r] = now
}

// announced runs f while the blob is pinned, and announces it.
func announced[T any](ctx context.Context, g *Guard, ref Ref, f func() (T, error)) (T, error) {
	unpin, err := g.Pin(ctx, ref)
	if err != nil {
		var none T
		return none, err
	}
	defer unpin(false)
	return f()
}

// Stat implements Store.
func (g *Guard) Stat(ctx context.Context, ref Ref) (Info, error) {
	return announced(ctx, g, ref, func() (Info, error) { return g.store.Stat(ctx, ref) })
}

// Open implements Store.
func (g *Guard) Open(ctx context.Context, ref Ref) (Reader, error) {
	return announced(ctx, g, ref, func() (Reader, error) { return g.store.Open(ctx, ref) })
}

// Put implements Store.
func (g *Guard) Put(ctx context.Context, ref Ref, size int64, r io.Reader) error {
	_, err := announced(ctx, g, ref, func() (struct{}, error) { return struct{}{}, g.store.Put(ctx, ref, size, r) })
	return err
}

// Delete implements Store. It asks nobody: a damaged blob goes whoever needs it.
func (g *Guard) Delete(ctx context.Context, ref Ref) error { return g.store.Delete(ctx, ref) }

// List implements Store. It announces nothing.
func (g *Guard) List(ctx context.Context, after Ref, limit int) ([]Info, error) {
	return g.store.List(ctx, after, limit)
}

// Offset implements Uploads.
func (g *Guard) Offset(ctx context.Context, ref Ref) (int64, error) {
	return announced(ctx, g, ref, func() (int64, error) { return g.uploads.Offset(ctx, ref) })
}

// Append implements Uploads.
func (g *Guard) Append(ctx context.Context, ref Ref, size, offset int64, r io.Reader) (have int64, complete bool, err error) {
	have, err = announced(ctx, g, ref, func() (n int64, err error) {
		n, complete, err = g.uploads.Append(ctx, ref, size, offset, r)
		return n, err
	})
	return have, complete, err
}

// Collection is one in progress.
type Collection struct{ g *Guard }

// Begin begins a collection, which must be ended. It returns nil while another is in progress, and within the grace
// time after the start: what was announced to whom by an earlier process is not known.
func (g *Guard) Begin() *Collection {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.since != nil || g.now().Sub(g.start) < g.grace {
		return nil
	}
	g.since = make(map[Ref]struct{}, len(g.pins))
	for r := range g.pins {
		g.since[r] = struct{}{}
	}
	return &Collection{g}
}

// Delete removes a blob that nothing named after Begin, unless it was announced or pinned since, or its grace time is
// not over.
func (c *Collection) Delete(ctx context.Context, ref Ref) (gone bool, err error) {
	g := c.g
	g.mu.Lock()
	_, since := g.since[ref] // what is pinned is among them
	at, told := g.told[ref]
	if since || told && g.now().Sub(at) < g.grace {
		g.mu.Unlock()
		return false, nil
	}
	done := make(chan struct{})
	g.dying[ref] = done
	g.mu.Unlock()
	err = g.store.Delete(ctx, ref)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.dying, ref)
	close(done)
	return err == nil, err
}

// End ends the collection.
func (c *Collection) End() {
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	c.g.since = nil
}
