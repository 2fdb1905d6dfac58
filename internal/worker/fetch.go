package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/peer"
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
		t.err = t.folder.lay(ctx, m, g)
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

// openCache opens the blobs of this machine.
func openCache(dir string, opt *Options) (*blob.Disk, *blob.Cache, error) {
	d, err := blob.OpenDisk(dir, blob.DiskOptions{
		Reserve: max(opt.MinFree, 0), Free: func(string) (int64, error) { return opt.Free() },
	})
	if err != nil {
		return nil, nil, err
	}
	c, err := blob.OpenCache(context.Background(), d, blob.CacheOptions{Limit: opt.CacheBytes, Now: opt.Now})
	if err != nil {
		_ = d.Close()
		return nil, nil, err
	}
	return d, c, nil
}

// place lays a file of the job out below dir, fetching its blob if it is not here. The caller has pinned it.
func (f *folder) place(ctx context.Context, m Master, file *farm.File, dir string) error {
	ref, err := blob.ParseRef(file.Ref)
	if err != nil {
		return &fault{text: "the job's list of files cannot be used: " + err.Error(), fatal: true, rest: true}
	}
	for cache, again := f.all.cache, false; ; again = true {
		if !f.fromShare(ctx, ref, file) && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !again {
			if err := f.all.compose(ctx, m, ref, file); err != nil {
				return err
			}
		}
		err := f.all.fetchBlob(ctx, ref, file.Size, peer.Origin{
			Open: func(ctx context.Context, offset int64) io.ReadCloser { return download(ctx, m, file.Ref, offset) },
			Recipe: func(ctx context.Context) (blob.Recipe, error) {
				r, err := m.FetchRecipe(ctx, file.Ref, file.Size)
				if err == nil {
					_ = f.all.index.Learn(ref, r) // it only saves work
				}
				return r, err
			},
		})
		if errors.Is(err, blob.ErrMismatch) && !again {
			continue // what was there of it before may have been wrong
		}
		if err != nil {
			return fmt.Errorf("fetching %s: %w", file.Path, err)
		}
		_, err = cache.Place(ctx, ref, dir, file.Path, blob.PlaceOptions{Writable: isBakeIndex(file.Path)})
		damaged := errors.Is(err, blob.ErrCorrupt)
		if damaged {
			_ = cache.Drop(ctx, ref)
		}
		if again || !damaged && !errors.Is(err, blob.ErrNotFound) { // else somebody removed or changed it: fetch it once more
			return err
		}
	}
}

// fetchBlob brings a blob into the cache, from other workers where there are some.
func (a *folders) fetchBlob(ctx context.Context, ref blob.Ref, size int64, master peer.Origin) error {
	if a.peers != nil {
		return a.peers.Fetch(ctx, ref, size, master)
	}
	return a.cache.Fetch(ctx, ref, size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return master.Open(ctx, offset), nil
	})
}

// download is the bytes of a blob from offset on.
func download(ctx context.Context, m Master, ref string, offset int64) io.ReadCloser {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	go func() { w.CloseWithError(m.FetchBlobFrom(ctx, ref, offset, w)) }()
	return &stream{r, cancel}
}

// stream ends its transfer when it is closed.
type stream struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (s *stream) Close() error {
	s.cancel()
	return s.PipeReader.Close()
}
