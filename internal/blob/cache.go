package blob

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Cache is what a worker keeps of a farm's blobs: a Disk with a limit. When a new blob would pass the limit those go
// that were not used for longest, but never a pinned one: what is pinned at once may pass the limit, because a job must
// be able to render; only the reserve of the disk is never passed. The order of use is kept in the modification times
// of the files, so it survives a restart. A blob whose time or size is no longer what the Cache left it at was changed
// by somebody (a render as root, through a hard link) and is read and checked before it is used again.
type Cache struct {
	disk  *Disk
	limit int64
	now   func() time.Time

	mu      sync.Mutex // guards all below
	known   map[Ref]*list.Element
	order   *list.List // of *cached, most recently used first
	total   int64      // bytes of known
	coming  int64      // bytes that running downloads will add
	pins    map[Ref]int
	flights map[Ref]*flight
}

type cached struct {
	ref   Ref
	size  int64
	mtime time.Time // as the file system returns it
}

// flight is one download; err is set before done is closed.
type flight struct {
	done chan struct{}
	err  error
	size int64

	// Guarded by Cache.mu.
	have  int64         // bytes that may be read
	grown chan struct{} // closed when have changes; nil: nobody waits for that
}

// CacheOptions are the settings of a Cache.
type CacheOptions struct {
	Limit int64            // bytes
	Now   func() time.Time // the real clock; it only orders uses
}

// staleUpload is how long a broken download is kept to be resumed.
const staleUpload = 7 * 24 * time.Hour

// OpenCache takes over a Disk. It looks at the size and time of every blob, not at the bytes.
func OpenCache(ctx context.Context, d *Disk, o CacheOptions) (*Cache, error) {
	c := &Cache{
		disk: d, limit: o.Limit, now: o.Now, known: map[Ref]*list.Element{}, order: list.New(),
		pins: map[Ref]int{}, flights: map[Ref]*flight{},
	}
	if _, err := d.Sweep(ctx, c.now().Add(-staleUpload)); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	var found []*cached
	for after, more := (Ref{}), true; more; {
		infos, err := d.List(ctx, after, 1000)
		if err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
		for _, i := range infos {
			if fi, err := os.Lstat(d.path(i.Ref)); err == nil {
				found = append(found, &cached{i.Ref, fi.Size(), fi.ModTime()})
			}
			after = i.Ref
		}
		more = len(infos) == 1000
	}
	slices.SortFunc(found, func(a, b *cached) int {
		return cmp.Or(b.mtime.Compare(a.mtime), a.ref.Compare(b.ref))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range found {
		c.known[e.ref] = c.order.PushBack(e)
		c.total += e.size
	}
	c.evict()
	return c, nil
}

// Usage tells the bytes that are kept and the limit.
func (c *Cache) Usage() (used, limit int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total, c.limit
}

// Has says whether the blob is here, and counts as a use.
func (c *Cache) Has(ref Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use(ref)
}

// Holds is Has without counting as a use, and without a look at the file.
func (c *Cache) Holds(ref Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[ref] != nil
}

// Open reads a blob that is here, for another worker say.
func (c *Cache) Open(ctx context.Context, ref Ref) (Reader, error) {
	c.Has(ref)
	return c.disk.Open(ctx, ref)
}

// Place is Disk.Place. Fetch the blob before, and keep it pinned while the file is in use if it may be needed again.
func (c *Cache) Place(ctx context.Context, ref Ref, dir, p string, o PlaceOptions) (How, error) {
	return c.disk.Place(ctx, ref, dir, p, o)
}

// Pin keeps blobs from being removed until release is called, once or more; they need not be here yet. Pin before
// Fetch: between a Fetch and a Pin the blob may go. Pins end with the process.
func (c *Cache) Pin(refs ...Ref) (release func()) {
	refs = slices.Clone(refs)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range refs {
		c.pins[r]++
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range refs {
			if c.pins[r]--; c.pins[r] == 0 {
				delete(c.pins, r)
			}
		}
		c.evict()
	})
}

// Drop removes a blob that turned out to be damaged.
func (c *Cache) Drop(ctx context.Context, ref Ref) error {
	c.mu.Lock()
	c.forget(ref)
	c.mu.Unlock()
	return c.disk.Delete(ctx, ref)
}

// use is called with mu held. It is false also if the file is not as it was left.
func (c *Cache) use(ref Ref) bool {
	e := c.known[ref]
	if e == nil {
		return false
	}
	have := e.Value.(*cached)
	fi, err := os.Lstat(c.disk.path(ref))
	if err != nil || fi.Size() != have.size || !fi.ModTime().Equal(have.mtime) {
		return false
	}
	c.stampUse(have)
	c.order.MoveToFront(e)
	return true
}

// stampUse is called with mu held. It asks for the time again, because file systems round it.
func (c *Cache) stampUse(e *cached) {
	name, now := c.disk.path(e.ref), c.now()
	os.Chtimes(name, now, now) // without it the order is that of the last one that worked
	if fi, err := os.Lstat(name); err == nil {
		e.mtime = fi.ModTime()
	}
}

// forget is called with mu held.
func (c *Cache) forget(ref Ref) {
	if e := c.known[ref]; e != nil {
		c.total -= e.Value.(*cached).size
		c.order.Remove(e)
		delete(c.known, ref)
	}
}

// evict is called with mu held. It removes what is over the limit.
func (c *Cache) evict() {
	for c.total+c.coming > c.limit && c.evictOne() {
	}
}

// evictOne is called with mu held. It says whether anything could go.
func (c *Cache) evictOne() bool {
	for e := c.order.Back(); e != nil; e = e.Prev() {
		ref := e.Value.(*cached).ref
		if c.pins[ref] > 0 {
			continue
		}
		if c.disk.Delete(context.Background(), ref) == nil { // Windows does not remove what is open
			c.forget(ref)
			return true
		}
	}
	return false
}

// Fetch sees to it that the blob is here. If it is not, from is asked for its bytes from offset on, and asked again
// each time the stream breaks after it brought some; what came is kept for the next Fetch if none does. Calls for one
// Ref at a time share one download; if the one who runs it gives up, another takes over. ErrMismatch if the source
// gave other bytes.
func (c *Cache) Fetch(ctx context.Context, ref Ref, size int64, from func(ctx context.Context, offset int64) (io.ReadCloser, error)) error {
	if size < 0 {
		return &MismatchError{Want: ref, WantSize: size}
	}
	for {
		c.mu.Lock()
		if c.flights[ref] == nil && c.use(ref) {
			c.mu.Unlock()
			return nil
		}
		f := c.flights[ref]
		if f == nil {
			f = &flight{done: make(chan struct{}), size: size}
			c.flights[ref] = f
			c.mu.Unlock()
			return c.fly(ctx, f, ref, size, from)
		}
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.done:
		}
		if f.err != nil && !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return f.err
		}
	}
}

// fly runs the one download of ref.
func (c *Cache) fly(ctx context.Context, f *flight, ref Ref, size int64, from func(context.Context, int64) (io.ReadCloser, error)) error {
	c.mu.Lock()
	suspect := c.known[ref] != nil
	c.forget(ref)
	c.coming += size
	c.evict()
	c.mu.Unlock()

	err := error(nil)
	if suspect && Check(ctx, c.disk, ref) != nil && ctx.Err() == nil {
		err = c.disk.Delete(ctx, ref)
	}
	if err == nil {
		err = c.download(ctx, f, ref, from)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.coming -= size
	if err == nil {
		e := &cached{ref: ref, size: size}
		c.stampUse(e)
		c.known[ref] = c.order.PushFront(e)
		c.total += size
		f.grow(size)
	}
	delete(c.flights, ref)
	f.err = err
	close(f.done)
	return err
}

func (c *Cache) download(ctx context.Context, f *flight, ref Ref, from func(context.Context, int64) (io.ReadCloser, error)) error {
	size := f.size
	a := c.disk.arrival(ctx, ref, size)
	a.grown = func(have int64) { c.grew(f, have) }
	for {
		at, err := c.disk.Offset(ctx, ref)
		if err != nil {
			return err
		}
		c.grew(f, at)
		body := io.NopCloser(bytes.NewReader(nil))
		if at < size {
			if body, err = from(ctx, at); err != nil {
				return err
			}
		}
		have, complete, err := c.disk.parts.append(ctx, a, at, body)
		body.Close()
		switch {
		case complete && err == nil:
			return nil
		case errors.Is(err, ErrNoRoom):
			c.mu.Lock()
			freed := c.evictOne()
			c.mu.Unlock()
			if !freed {
				return err
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrMismatch) || have <= at && err != nil:
			return err
		case have <= at:
			return fmt.Errorf("fetching blob %s at byte %d of %d: %w", ref, at, size, io.ErrUnexpectedEOF)
		}
	}
}
