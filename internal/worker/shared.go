package worker

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// sharedSilence is how long a shared folder may bring nothing before the master is asked instead.
const sharedSilence = 20 * time.Second

var (
	errSilentShare = errors.New("the shared folder brings nothing")
	errOtherFile   = errors.New("the file there is another")
)

// fromShare takes a file's bytes from a folder that this worker sees for itself. It tells whether they are in the cache
// now: verified like any others, so that what changes in the folder later changes nothing here.
func (f *folder) fromShare(ctx context.Context, ref blob.Ref, file *farm.File) bool {
	if !f.needs.Shares(file) {
		return false
	}
	for _, s := range f.all.shares {
		path := s.Find(file.Original)
		if path == "" {
			continue
		}
		err := f.all.cache.Fetch(ctx, ref, file.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return unlessSilent(ctx, sharedSilence, func(w io.Writer, moved func()) error {
				return copyShared(w, path, file.Size, offset, moved)
			}), nil
		})
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		f.all.log.Info("a file of a shared folder cannot be used", "job", f.job, "path", path, "err", err)
	}
	return false
}

// unlessSilent is what read writes. A folder whose server is away may hold it up for ever: when nothing moves for so long,
// who reads here goes on without it.
func unlessSilent(ctx context.Context, silence time.Duration, read func(w io.Writer, moved func()) error) io.ReadCloser {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancelCause(ctx)
	stall := time.AfterFunc(silence, func() { cancel(errSilentShare) })
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() { w.CloseWithError(read(w, func() { stall.Reset(silence) })) }()
	return &stream{r, func() {
		stall.Stop()
		cancel(context.Canceled)
	}}
}

// copyShared writes a file's bytes from offset on, if it is a file of that size.
func copyShared(w io.Writer, path string, size, offset int64, moved func()) error {
	// What is no file is not even opened: a pipe would wait for its writer.
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() != size {
		return errOtherFile
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for left := size - offset; left > 0; {
		n, err := file.Read(buf[:min(int64(len(buf)), left)])
		moved()
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			left -= int64(n)
		}
		if err != nil {
			return err
		}
		moved()
	}
	return nil
}
