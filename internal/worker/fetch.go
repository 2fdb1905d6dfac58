package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// fetches is how many files are fetched side by side for a lease.
const fetches = 4

// fetching is the getting of a lease's files, while something else renders.
type fetching struct {
	folder *folder
	cancel context.CancelFunc
	done   chan struct{} // closed when err stands
	err    error
}

// fetch starts to get what the lease's frames need. The folder stays until release.
func (a *folders) fetch(ctx context.Context, m Master, g *farm.Grant) *fetching {
	ctx, cancel := context.WithCancel(ctx)
	t := &fetching{folder: a.pinned(g.Lease.Job), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.err = t.folder.lay(ctx, m, g.Lease.Frames)
	}()
	return t
}

// wait waits until the files are there.
func (t *fetching) wait(ctx context.Context) error {
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// release stops the getting and lets the folder go.
func (t *fetching) release() {
	t.cancel()
	<-t.done
	t.folder.unpin()
}

// inParallel does each for all items, some side by side, and stops at the first error. After is called for those that
// are done, by one goroutine at a time.
func inParallel[T any](ctx context.Context, items []T, each func(context.Context, T) error, after func(T)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	var group sync.WaitGroup
	next := 0
	for range min(fetches, len(items)) {
		group.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(items) {
					return
				}
				if err := each(ctx, items[i]); err != nil {
					stop(err)
					return
				}
				mu.Lock()
				after(items[i])
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// cache is the blobs on this machine. Slots that want the same one fetch it once.
type cache struct {
	*blob.Disk
	mu    sync.Mutex
	going map[string]chan struct{} // closed when the fetch of the blob has ended
}

func openCache(dir string, limit, reserve int64) (*cache, error) {
	d, err := blob.OpenDisk(dir, blob.DiskOptions{Reserve: max(reserve, 0)})
	if err != nil {
		return nil, err
	}
	return &cache{Disk: d, going: make(map[string]chan struct{})}, nil
}

// place lays a file of a job out below dir, fetching its blob if it is not here.
func (c *cache) place(ctx context.Context, m Master, file *farm.File, dir string) error {
	ref, err := blob.ParseRef(file.Ref)
	if err != nil {
		return &fault{text: "the job's list of files cannot be used: " + err.Error(), fatal: true, rest: true}
	}
	for {
		_, err := c.Place(ctx, ref, dir, file.Path, blob.PlaceOptions{})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, blob.ErrCorrupt):
			if err := c.Delete(ctx, ref); err != nil {
				return err
			}
		case !errors.Is(err, blob.ErrNotFound):
			return err
		}
		if err := c.get(ctx, m, ref, file); err != nil {
			return err
		}
	}
}

// get fetches a blob, or waits until somebody else has tried to.
func (c *cache) get(ctx context.Context, m Master, ref blob.Ref, file *farm.File) error {
	c.mu.Lock()
	if other := c.going[file.Ref]; other != nil {
		c.mu.Unlock()
		select {
		case <-other:
			return nil // place looks again
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	mine := make(chan struct{})
	c.going[file.Ref] = mine
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.going, file.Ref)
		c.mu.Unlock()
		close(mine)
	}()
	r, w := io.Pipe()
	go func() { w.CloseWithError(m.FetchBlob(ctx, file.Ref, w)) }()
	err := c.Put(ctx, ref, file.Size, r)
	r.CloseWithError(errEnough)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", file.Path, err)
	}
	return nil
}

var errEnough = errors.New("no more bytes are wanted")
