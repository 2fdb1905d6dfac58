package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// cutting is a blob that is to be cut.
type cutting struct {
	hurry chan struct{} // closed when somebody waits for it
	done  chan struct{} // closed when it was tried
	eager bool          // guarded by Index.mu: hurry is closed
	off   bool          // guarded by Index.mu: the blob went
}

const (
	// yieldEvery is how many bytes are cut between two looks at whether uploads run, and
	yieldEvery = 8 << 20
	// yieldFor is how long one look waits for them: transfers go first, but they do not stop the cutting for ever.
	yieldFor = time.Second
	// yieldLeast is how long it rests there in any case, about as long as the cutting takes: others render and send.
	yieldLeast = 15 * time.Millisecond
)

// Run reads what was known before, and cuts blobs as they arrive, one at a time, until ctx ends. It gives way to
// uploads, and takes half a core at most.
func (x *Index) Run(ctx context.Context) {
	x.load(ctx)
	for ctx.Err() == nil {
		ref, c := x.next(ctx)
		if c == nil {
			return
		}
		err := x.cut(ctx, ref, c)
		x.mu.Lock()
		if err == errLater {
			x.queue = append(x.queue, ref)
			x.mu.Unlock()
			continue
		}
		delete(x.todo, ref)
		close(c.done)
		off := c.off
		x.mu.Unlock()
		if off || errors.Is(err, ErrNotFound) {
			x.forget(ref)
		}
	}
}

// next waits for a blob to be cut; nil: ctx ended. What is waited for comes first.
func (x *Index) next(ctx context.Context) (Ref, *cutting) {
	for {
		x.mu.Lock()
		if len(x.queue) > 0 {
			i := max(0, slices.IndexFunc(x.queue, x.hurried))
			ref := x.queue[i]
			x.queue = slices.Delete(x.queue, i, i+1)
			c := x.todo[ref]
			x.mu.Unlock()
			return ref, c
		}
		x.mu.Unlock()
		select {
		case <-x.wake:
		case <-ctx.Done():
			return Ref{}, nil
		}
	}
}

// hurried is called with mu held.
func (x *Index) hurried(ref Ref) bool { return x.todo[ref].eager }

// errLater ends the cutting of a blob for which nobody waits, while somebody waits for another.
var errLater = errors.New("another blob goes first")

func isCut(size int64) bool { return size >= ChunkFrom && size <= ChunkUpTo }

// arrived is told of every blob that came to the disk.
func (x *Index) arrived(ref Ref, size int64) {
	if isCut(size) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.plan(ref)
	}
}

// plan is called with mu held.
func (x *Index) plan(ref Ref) *cutting {
	c := x.todo[ref]
	if c == nil {
		c = &cutting{hurry: make(chan struct{}), done: make(chan struct{})}
		x.todo[ref] = c
		x.queue = append(x.queue, ref)
	}
	c.off = false
	select {
	case x.wake <- struct{}{}:
	default:
	}
	return c
}

// Recipe tells the chunks of a blob. One that is not cut yet is cut at once, as long as ctx lasts. ErrNotFound if the
// blob is not here, or too small or too large to have one.
func (x *Index) Recipe(ctx context.Context, ref Ref) (Recipe, error) {
	r, err := x.read(ref)
	if err == nil || errors.Is(err, ErrNotFound) {
		return r, err
	}
	if info, err := x.disk.Stat(ctx, ref); err != nil {
		return nil, err
	} else if !isCut(info.Size) {
		return nil, fmt.Errorf("%w: the recipe of %s, which is too small or too large", ErrNotFound, ref)
	}
	x.mu.Lock()
	c := x.plan(ref)
	if !c.eager {
		c.eager = true
		close(c.hurry)
	}
	x.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: the recipe of %s is not made yet: %w", ErrNotFound, ref, ctx.Err())
	}
	if r, err = x.read(ref); err != nil {
		return nil, fmt.Errorf("%w: the recipe of %s: %w", ErrNotFound, ref, err)
	}
	return r, nil
}

// yield rests, and waits a while for uploads to end, unless somebody waits for the blob.
func (x *Index) yield(ctx context.Context, c *cutting) error {
	rest := time.NewTimer(yieldLeast)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-c.hurry:
	case <-ctx.Done():
	}
	if calm := x.disk.parts.calm(); calm != nil {
		rest.Reset(yieldFor)
		select {
		case <-calm:
		case <-c.hurry:
		case <-rest.C:
		case <-ctx.Done():
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !c.eager && slices.ContainsFunc(x.queue, x.hurried) {
		return errLater
	}
	return ctx.Err()
}

// cut cuts a blob and keeps its recipe. ErrNotFound, ErrCorrupt as reading it has them.
func (x *Index) cut(ctx context.Context, ref Ref, c *cutting) error {
	if r, err := x.read(ref); err == nil {
		x.add(ref, r)
		return nil
	}
	in, err := x.disk.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer in.Close()
	since := yieldEvery
	r, err := recipeOf(struct{ io.Reader }{in}, func(n int) error {
		if since += n; since >= yieldEvery {
			since = 0
			return x.yield(ctx, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := x.keep(ref, r); err != nil {
		return err
	}
	if _, err := x.disk.Stat(ctx, ref); err != nil { // it was removed meanwhile, and the recipe comes too late
		return err
	}
	x.add(ref, r)
	return nil
}

// Learn takes the recipe of a blob that is about to arrive from somebody who has cut it: then it is not cut here. It is
// trusted no more than others are.
func (x *Index) Learn(ref Ref, r Recipe) error { return x.keep(ref, r) }

// keep writes a recipe. It is not synced: a torn one is found out by its sum and made again.
func (x *Index) keep(ref Ref, r Recipe) error {
	to := x.path(ref)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	temp := to + ".new"
	if err := os.WriteFile(temp, r.Encode(), 0o600); err != nil {
		os.Remove(temp)
		return err
	}
	return os.Rename(temp, to)
}

// load reads the recipes that are kept, those of the oldest blobs first, plans the cutting of the rest, and removes
// what belongs to no blob.
func (x *Index) load(ctx context.Context) {
	type known struct {
		ref Ref
		at  time.Time
	}
	var all []known
	here := map[string]bool{}
	for after, more := (Ref{}), true; more && ctx.Err() == nil; {
		infos, err := x.disk.List(ctx, after, 1000)
		if err != nil {
			return
		}
		for _, i := range infos {
			after = i.Ref
			if !isCut(i.Size) {
				continue
			}
			if fi, err := os.Lstat(x.disk.path(i.Ref)); err == nil {
				all = append(all, known{i.Ref, fi.ModTime()})
				here[i.Ref.String()] = true
			}
		}
		more = len(infos) == 1000
	}
	slices.SortFunc(all, func(a, b known) int { return a.at.Compare(b.at) })
	for _, k := range all {
		if ctx.Err() != nil {
			return
		}
		if r, err := x.read(k.ref); err == nil {
			x.add(k.ref, r)
		} else {
			x.arrived(k.ref, ChunkFrom)
		}
	}
	kept, _ := os.ReadDir(filepath.Join(x.disk.dir, "chunks"))
	for _, e := range kept {
		ref, err := ParseRef(e.Name())
		if here[e.Name()] {
			continue
		}
		if err == nil {
			if _, err := x.disk.Stat(ctx, ref); err == nil { // it came since
				continue
			}
		}
		os.Remove(filepath.Join(x.disk.dir, "chunks", e.Name()))
	}
}
