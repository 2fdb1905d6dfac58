package worker

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
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
		rest, ok := s.Below(file.Original)
		if !ok {
			continue
		}
		err := f.all.cache.Fetch(ctx, ref, file.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return unlessSilent(ctx, sharedSilence, func(w io.Writer, moved func()) error {
				return copyShared(w, s.To, rest, file.Size, offset, moved)
			}), nil
		})
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		f.all.log.Info("a file of a shared folder cannot be used", "job", f.job, "folder", s.To, "file", rest, "err", err)
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
func copyShared(w io.Writer, folder, rest string, size, offset int64, moved func()) error {
	file, err := openShared(folder, filepath.FromSlash(rest), size)
	if err != nil {
		return plainPath(err)
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

// openShared opens a file of that size below the folder. Whoever may write there could lay a link that leads out of it:
// such a link is not followed.
func openShared(folder, rest string, size int64) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	st, err := root.Stat(rest)
	if err != nil { // perhaps a link by its whole path, which may lead to another place in here
		if inside, ok := follow(folder, rest); ok {
			rest = inside
			st, err = root.Stat(rest)
		}
	}
	if err != nil {
		return nil, err
	}
	// What is no file is not even opened: a pipe would wait for its writer.
	if !st.Mode().IsRegular() || st.Size() != size {
		return nil, errOtherFile
	}
	return root.Open(rest)
}

// follow is where a path below a folder really lies below it.
func follow(folder, rest string) (inside string, ok bool) {
	base, err := filepath.EvalSymlinks(folder)
	if err != nil || !filepath.IsLocal(rest) {
		return "", false
	}
	path, err := filepath.EvalSymlinks(filepath.Join(base, rest))
	if err != nil {
		return "", false
	}
	inside, err = filepath.Rel(base, path)
	return inside, err == nil && filepath.IsLocal(inside)
}
