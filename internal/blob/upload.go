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
	"time"
)

// checkEvery is how many bytes a killed process may lose of an upload that never paused.
const checkEvery = 16 << 20

// diskPart is a partial blob of a Disk. Its fields are guarded by Disk.mu, but while busy is set sum and last
// belong to the Append that set it.
type diskPart struct {
	have int64      // durable bytes
	sum  hash.Hash  // of those bytes; nil if another process wrote some: then the whole is read once it is complete
	last checkpoint // the newest on disk
	busy bool
}

func (d *Disk) partPath(ref Ref) string { return filepath.Join(d.dir, "partial", ref.String()) }

const sumSuffix = ".sum"

// loadPart is called with mu held. A partial without a good checkpoint starts again: it was never acknowledged.
func (d *Disk) loadPart(ref Ref) (*diskPart, error) {
	if p := d.part[ref]; p != nil {
		return p, nil
	}
	c, err := readCheckpoint(d.partPath(ref) + sumSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if c.at > 0 {
		if fi, err := os.Stat(d.partPath(ref)); errors.Is(err, fs.ErrNotExist) || err == nil && fi.Size() < c.at {
			c = checkpoint{seq: c.seq}
		} else if err != nil {
			return nil, err
		}
	}
	p := &diskPart{have: c.at, last: c}
	if c.at > 0 {
		d.part[ref] = p
	} else {
		p.sum = sha256.New()
	}
	return p, nil
}

// dropPart is called with mu held.
func (d *Disk) dropPart(ref Ref) error {
	delete(d.part, ref)
	for _, name := range []string{d.partPath(ref), d.partPath(ref) + sumSuffix} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Offset implements Uploads.
func (d *Disk) Offset(ctx context.Context, ref Ref) (int64, error) {
	if info, err := d.Stat(ctx, ref); err == nil {
		return info.Size, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.loadPart(ref)
	if err != nil {
		return 0, err
	}
	return p.have, nil
}

// take makes the partial the caller's until give; it is nil, without an error, if the blob is whole.
func (d *Disk) take(ctx context.Context, ref Ref, size, offset int64) (*diskPart, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if info, err := d.Stat(ctx, ref); err == nil {
		return nil, info.Size, sameSize(ref, info.Size, size)
	} else if !errors.Is(err, ErrNotFound) {
		return nil, 0, err
	}
	p, err := d.loadPart(ref)
	if err != nil {
		return nil, 0, err
	}
	if p.busy {
		return nil, p.have, ErrBusy
	}
	if err := mayAppend(ref, size, offset, p.have); err != nil {
		return nil, p.have, err
	}
	p.busy = true
	d.part[ref] = p
	return p, p.have, nil
}

// Append implements Uploads.
func (d *Disk) Append(ctx context.Context, ref Ref, size, offset int64, r io.Reader) (int64, bool, error) {
	p, have, err := d.take(ctx, ref, size, offset)
	if p == nil {
		return have, err == nil, err
	}
	have, stale, err := d.extend(ctx, ref, p, size, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	p.have, p.busy = have, false
	complete := err == nil && have == size
	switch {
	case have == 0 || complete: // nothing to come back to
		if e := d.dropPart(ref); err == nil && !complete {
			err = e
		}
	case stale:
		delete(d.part, ref) // the next call reads from disk what holds
	}
	return have, complete, err
}

// extend appends to the partial, which is the caller's, and settles it if that makes it whole. It returns the bytes
// that are durable; stale says that p is no longer what is on disk.
func (d *Disk) extend(ctx context.Context, ref Ref, p *diskPart, size int64, r io.Reader) (durable int64, stale bool, err error) {
	start, name := p.have, d.partPath(ref)
	held, err := d.room.hold(size - start)
	if err != nil {
		return start, false, err
	}
	defer held.release()
	f, err := openPart(name)
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
	k := &keeper{data: f, name: name + sumSuffix, last: p.last}
	defer k.close()
	if start == 0 {
		if err := k.create(); err != nil {
			return start, false, noRoom(err, size)
		}
	}
	mark := int64(checkEvery)
	sum := p.sum
	if sum == nil {
		sum = crc32.NewIEEE() // counts for nothing
	}
	moved, rerr, werr := pour(ctx, held.writing(f), sum, r, size-start, func(done int64) {
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
			if err := rehash(ctx, name, sum); err != nil {
				if k.save(have) != nil {
					have = start
				}
				return have, true, err
			}
		}
		if err := verdict(ref, size, sum, have); err != nil {
			return 0, true, err
		}
		if werr = d.settle(f, name, ref); werr == nil {
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
		return start, true, fmt.Errorf("storing blob %s: %w", ref, noRoom(werr, size-start))
	}
	p.last = k.last
	if rerr != nil {
		return have, false, fmt.Errorf("receiving blob %s: %w", ref, rerr)
	}
	return have, false, nil
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

// openPart opens for writing, also a partial that a crash left read-only an instant before it was whole.
func openPart(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(name, 0o600) == nil {
		f, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	return f, err
}

// create makes the names of a new partial durable.
func (k *keeper) create() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.write(checkpoint{seq: k.last.seq + 1}); err != nil {
		return err
	}
	return syncDir(filepath.Dir(k.name))
}

// Sweep removes the partials that nobody added to since before, and returns how many bytes that freed.
func (d *Disk) Sweep(ctx context.Context, before time.Time) (freed int64, err error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, "partial"))
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		ref, err := ParseRef(strings.TrimSuffix(e.Name(), sumSuffix))
		if err != nil || ctx.Err() != nil {
			continue
		}
		freed += d.sweepOne(ref, before)
	}
	return freed, ctx.Err()
}

func (d *Disk) sweepOne(ref Ref, before time.Time) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.part[ref]; p != nil && p.busy {
		return 0
	}
	var size int64
	for _, name := range []string{d.partPath(ref), d.partPath(ref) + sumSuffix} {
		fi, err := os.Lstat(name)
		if err == nil && !fi.ModTime().Before(before) {
			return 0
		}
		if err == nil {
			size += fi.Size()
		}
	}
	if d.dropPart(ref) != nil {
		return 0
	}
	return size
}
