package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// checkEvery is how many bytes lie between two checkpoints of an upload that never pauses. A killed process loses at
// most twice that.
const checkEvery = 8 << 20

const sumSuffix = ".sum"

// pieces are files that arrive in pieces, each beside a checkpoint once there is something to come back to. A file
// that arrives whole at once costs one sync.
type pieces struct {
	room    *Room
	reserve int64

	mu   sync.Mutex
	part map[string]*part // guarded by mu; by the file in which the bytes gather; loaded when first asked for
	runs int              // guarded by mu: appends
	rest chan struct{}    // guarded by mu: closed when none runs; nil: nobody waits for that
}

func newPieces(dir string, o DiskOptions) pieces {
	if o.Room == nil {
		o.Room = NewRoom(dir, o.Free)
	}
	return pieces{room: o.Room, reserve: o.Reserve, part: map[string]*part{}}
}

// part is a file that is not whole. Its fields are guarded by pieces.mu, but while busy is set sum and last belong to
// the append that set it.
type part struct {
	have int64      // durable bytes
	sum  hash.Hash  // of those bytes; nil if another process wrote some: then the whole is read once it is complete
	last checkpoint // the newest on disk
	busy bool
}

// arrival is a file on its way.
type arrival struct {
	Info
	part  string                              // where its bytes gather
	there func() (size int64, err error)      // ErrNotFound unless the whole is in its place
	place func(f *os.File, from string) error // makes the whole, verified file durable in its place; closes f
	grown func(have int64)                    // told how many bytes are written, durable or not; may be nil
}

// load is called with mu held. A part without a good checkpoint starts again: it was never acknowledged.
func (ps *pieces) load(name string) (*part, error) {
	if p := ps.part[name]; p != nil {
		return p, nil
	}
	c, err := readCheckpoint(name + sumSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if c.at > 0 {
		if fi, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) || err == nil && fi.Size() < c.at {
			c = checkpoint{seq: c.seq}
		} else if err != nil {
			return nil, err
		}
	}
	p := &part{have: c.at, last: c}
	if c.at > 0 {
		ps.part[name] = p
	} else {
		p.sum = sha256.New()
	}
	return p, nil
}

// drop is called with mu held.
func (ps *pieces) drop(name string) error {
	delete(ps.part, name)
	for _, file := range []string{name, name + sumSuffix} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// dropIdle removes a part that nobody is adding to.
func (ps *pieces) dropIdle(name string) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.part[name]; p != nil && p.busy {
		return nil
	}
	return ps.drop(name)
}

// forget loses sight of the parts below a folder, which is removed. What is being added to ends in an error.
func (ps *pieces) forget(dir string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for name, p := range ps.part {
		if !p.busy && strings.HasPrefix(name, dir+string(filepath.Separator)) {
			delete(ps.part, name)
		}
	}
}

func (ps *pieces) offset(a *arrival) (int64, error) {
	if size, err := a.there(); err == nil {
		return size, nil
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, err := ps.load(a.part)
	if err != nil {
		return 0, err
	}
	return p.have, nil
}

// take makes the part the caller's; it is nil, without an error, if the file is whole.
func (ps *pieces) take(a *arrival, offset int64) (*part, int64, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if size, err := a.there(); err == nil {
		return nil, size, sameSize(a.Ref, size, a.Size)
	} else if !errors.Is(err, ErrNotFound) {
		return nil, 0, err
	}
	p, err := ps.load(a.part)
	if err != nil {
		return nil, 0, err
	}
	if p.busy {
		return nil, p.have, ErrBusy
	}
	if err := mayAppend(a.Ref, a.Size, offset, p.have); err != nil {
		return nil, p.have, err
	}
	p.busy = true
	ps.runs++
	ps.part[a.part] = p
	return p, p.have, nil
}

// calm is closed when no append runs; nil: none does.
func (ps *pieces) calm() <-chan struct{} {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.runs > 0 && ps.rest == nil {
		ps.rest = make(chan struct{})
	}
	return ps.rest
}

// append is Uploads.Append.
func (ps *pieces) append(ctx context.Context, a *arrival, offset int64, r io.Reader) (int64, bool, error) {
	p, have, err := ps.take(a, offset)
	if p == nil {
		return have, err == nil, err
	}
	have, stale, err := ps.extend(ctx, a, p, r)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.have, p.busy = have, false
	if ps.runs--; ps.runs == 0 && ps.rest != nil {
		close(ps.rest)
		ps.rest = nil
	}
	complete := err == nil && have == a.Size
	switch {
	case have == 0 || complete: // nothing to come back to
		if e := ps.drop(a.part); err == nil && !complete {
			err = e
		}
	case stale:
		delete(ps.part, a.part) // the next call reads from disk what holds
	}
	return have, complete, err
}

// extend appends to the part, which is the caller's, and puts the file in its place if that makes it whole. It returns
// the bytes that are durable; stale says that p is no longer what is on disk.
func (ps *pieces) extend(ctx context.Context, a *arrival, p *part, r io.Reader) (durable int64, stale bool, err error) {
	start, size := p.have, a.Size
	held, err := ps.room.hold(size-start, ps.reserve)
	if err != nil {
		return start, false, err
	}
	defer held.release()
	f, err := openPart(a.part)
	if err != nil {
		return start, false, noRoom(err, size-start)
	}
	defer f.Close()
	// Behind what is known to be good there may be the torn tail of a crash.
	if err := f.Truncate(start); err != nil {
		return start, false, err
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return start, false, err
	}
	k := &keeper{data: f, name: a.part + sumSuffix, last: p.last}
	defer k.close()
	if start == 0 && p.last.seq > 0 {
		if err := k.restart(); err != nil {
			return start, false, noRoom(err, size)
		}
	}
	mark := int64(checkEvery)
	sum := p.sum
	if sum == nil {
		sum = crc32.NewIEEE() // counts for nothing
	}
	moved, rerr, werr := pour(ctx, a.watching(held.writing(f), start), sum, r, size-start, func(done int64) {
		if done >= mark && start+done < size {
			mark = done + checkEvery
			k.later(start + done)
		}
	})
	werr = errors.Join(werr, k.wait())
	have := start + moved
	if werr == nil && have == size {
		if p.sum == nil {
			sum = sha256.New()
			if err := rehash(ctx, a.part, sum); err != nil {
				if k.save(have) != nil {
					have = start
				}
				return have, true, err
			}
		}
		if err := verdict(a.Ref, size, sum, have); err != nil {
			return 0, true, err
		}
		if werr = a.place(f, a.part); werr == nil {
			return have, false, nil
		}
	}
	if werr == nil && moved > 0 {
		werr = k.save(have)
	}
	if werr != nil {
		// A disk that is full or failing: give back the room that this call took.
		if f.Truncate(start) == nil {
			k.save(start) // if that fails too, the older records decide after a restart
		}
		return start, true, fmt.Errorf("storing blob %s: %w", a.Ref, noRoom(werr, size-start))
	}
	p.last = k.last
	if rerr != nil {
		return have, false, fmt.Errorf("receiving blob %s: %w", a.Ref, rerr)
	}
	return have, false, nil
}

// watching tells grown of what is written to w, from a start on.
func (a *arrival) watching(w io.Writer, start int64) io.Writer {
	if a.grown == nil {
		return w
	}
	return &watchedWriter{w, start, a.grown}
}

type watchedWriter struct {
	w     io.Writer
	have  int64
	grown func(have int64)
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.have += int64(n)
	w.grown(w.have)
	return n, err
}

func rehash(ctx context.Context, name string, h hash.Hash) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = hashAll(ctx, h, f)
	return err
}

// openPart opens for writing, also a part that a crash left read-only an instant before it was whole.
func openPart(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(name, 0o600) == nil {
		f, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	return f, err
}
