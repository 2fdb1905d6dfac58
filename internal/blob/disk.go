package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// Disk is a Store and Uploads in a folder of one file system:
//
//	ab/ab12...        whole blobs, read-only, in 256 folders by the first two digits
//	partial/ab12...   bytes of an upload, and beside it ab12....sum, see checkpoint
//	chunks/ab12...    what an Index knows of whole blobs
//	temp/             what Put is writing; emptied by OpenDisk
//	lock              held while the folder is open, by one process
type Disk struct {
	dir   string
	parts pieces
	lock  *os.File

	index     atomic.Pointer[Index]  // nil: there is none
	cloneless atomic.Pointer[string] // the last folder Place could not clone to
	seq       atomic.Int64           // makes the names in temp
}

// DiskOptions are the settings of what writes to a disk.
type DiskOptions struct {
	// Room is shared with others that write to the same file system; nil: nobody else does.
	Room *Room
	// Reserve is the number of bytes of the file system that stay free: a blob that would take from them is refused
	// with ErrNoRoom before anything is written.
	Reserve int64
	// Free tells the bytes of the file system of dir that this user may still take; nil asks the system. It is not
	// looked at when there is a Room.
	Free func(dir string) (int64, error)
}

var (
	_ Store   = (*Disk)(nil)
	_ Uploads = (*Disk)(nil)
)

// OpenDisk opens or makes the folder, removes what a killed process left half written, and keeps partial uploads. It
// fails if another process has the folder open. Close it.
func OpenDisk(dir string, o DiskOptions) (*Disk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &Disk{dir: dir, parts: newPieces(dir, o)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	if d.lock, err = lockFolder(filepath.Join(dir, "lock")); err != nil {
		return nil, fmt.Errorf("blob folder %s: %w", dir, err)
	}
	if err := d.prepare(); err != nil {
		d.lock.Close()
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	return d, nil
}

func (d *Disk) prepare() error {
	if err := os.RemoveAll(filepath.Join(d.dir, "temp")); err != nil {
		return err
	}
	for _, name := range []string{"temp", "partial"} {
		if err := os.Mkdir(filepath.Join(d.dir, name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return syncDir(d.dir)
}

// Close lets another process open the folder. Open Readers stay usable.
func (d *Disk) Close() error { return d.lock.Close() }

func (d *Disk) path(ref Ref) string {
	name := ref.String()
	return filepath.Join(d.dir, name[:2], name)
}

// Stat implements Store.
func (d *Disk) Stat(_ context.Context, ref Ref) (Info, error) {
	fi, err := os.Lstat(d.path(ref))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.Mode().IsRegular() {
		return Info{}, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	if err != nil {
		return Info{}, err
	}
	return Info{ref, fi.Size()}, nil
}

// Open implements Store.
func (d *Disk) Open(_ context.Context, ref Ref) (Reader, error) {
	f, size, err := d.open(ref)
	if err != nil {
		return nil, err
	}
	return Verify(ref, size, f), nil
}

func (d *Disk) open(ref Ref) (*os.File, int64, error) {
	f, err := os.Open(d.path(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	if err != nil {
		return nil, 0, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, fi.Size(), nil
}

// Put implements Store.
func (d *Disk) Put(ctx context.Context, ref Ref, size int64, r io.Reader) (err error) {
	if _, err := d.Stat(ctx, ref); err == nil {
		return drain(ctx, r, size)
	}
	held, err := d.parts.room.hold(size, d.parts.reserve)
	if err != nil {
		return err
	}
	defer held.release()
	temp := filepath.Join(d.dir, "temp", strconv.FormatInt(d.seq.Add(1), 36))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return noRoom(err, size)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	sum := sha256.New()
	n, rerr, werr := pour(ctx, held.writing(f), sum, r, size, nil)
	switch {
	case werr != nil:
		return noRoom(werr, size)
	case rerr != nil:
		return fmt.Errorf("receiving blob %s: %w", ref, rerr)
	}
	if n == size && more(ctx, r) {
		n++
	}
	if err := verdict(ref, size, sum, n); err != nil {
		return err
	}
	if err := d.settle(f, temp, ref); err != nil {
		return err
	}
	d.parts.dropIdle(d.partPath(ref))
	return nil
}

// Take moves a file into the store whose bytes were just found to be those of ref. It must lie on the same file system.
// When the blob is there already the file is left where it is.
func (d *Disk) Take(ctx context.Context, ref Ref, path string) error {
	if _, err := d.Stat(ctx, ref); err == nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := d.settle(f, path, ref); err != nil {
		f.Close()
		return err
	}
	d.parts.dropIdle(d.partPath(ref))
	return nil
}

// settle makes a complete, verified file durable under its Ref. It closes f. The order is what makes it safe: bytes,
// then name, then folder.
func (d *Disk) settle(f *os.File, from string, ref Ref) error {
	if err := f.Chmod(0o444); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := f.Sync(); err != nil {
		return noRoom(err, 0)
	}
	if err := f.Close(); err != nil {
		return noRoom(err, 0)
	}
	to := d.path(ref)
	err := rename(from, to)
	if errors.Is(err, fs.ErrNotExist) { // the first blob of its folder
		if err := os.Mkdir(filepath.Dir(to), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return noRoom(err, 0)
		}
		if err := syncDir(d.dir); err != nil {
			return noRoom(err, 0)
		}
		err = rename(from, to)
	}
	if err != nil {
		// On Windows an open or read-only file is not replaced: then the same bytes are already there.
		if fi, e := os.Lstat(to); e != nil || !fi.Mode().IsRegular() {
			return noRoom(err, 0)
		}
		os.Remove(from)
	}
	if err := noRoom(syncDir(filepath.Dir(to)), 0); err != nil {
		return err
	}
	if x := d.index.Load(); x != nil {
		if fi, err := os.Lstat(to); err == nil {
			x.arrived(ref, fi.Size())
		}
	}
	return nil
}

// Delete implements Store.
func (d *Disk) Delete(_ context.Context, ref Ref) error {
	if err := os.Remove(d.path(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if x := d.index.Load(); x != nil {
		x.forget(ref)
	}
	return d.parts.dropIdle(d.partPath(ref))
}

// List implements Store.
func (d *Disk) List(ctx context.Context, after Ref, limit int) ([]Info, error) {
	limit = pageOf(limit)
	var infos []Info
	for i := int(after[0]); i < 256 && len(infos) < limit; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entries, err := os.ReadDir(filepath.Join(d.dir, fmt.Sprintf("%02x", i)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries { // sorted by name, which is the order of Refs
			ref, err := ParseRef(e.Name())
			if err != nil || int(ref[0]) != i || ref.Compare(after) <= 0 || !e.Type().IsRegular() {
				continue
			}
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			} else if err != nil {
				return nil, err
			}
			if infos = append(infos, Info{ref, fi.Size()}); len(infos) == limit {
				break
			}
		}
	}
	return infos, nil
}
