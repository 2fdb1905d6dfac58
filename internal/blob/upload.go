package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func (d *Disk) partPath(ref Ref) string { return filepath.Join(d.dir, "partial", ref.String()) }

func (d *Disk) arrival(ctx context.Context, ref Ref, size int64) *arrival {
	return &arrival{
		Info: Info{ref, size}, part: d.partPath(ref),
		there: func() (int64, error) {
			info, err := d.Stat(ctx, ref)
			return info.Size, err
		},
		place: func(f *os.File, from string) error { return d.settle(f, from, ref) },
	}
}

// Offset implements Uploads.
func (d *Disk) Offset(ctx context.Context, ref Ref) (int64, error) {
	return d.parts.offset(d.arrival(ctx, ref, 0))
}

// Append implements Uploads.
func (d *Disk) Append(ctx context.Context, ref Ref, size, offset int64, r io.Reader) (int64, bool, error) {
	return d.parts.append(ctx, d.arrival(ctx, ref, size), offset, r)
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
		freed += d.parts.sweep(d.partPath(ref), before)
	}
	return freed, ctx.Err()
}

func (ps *pieces) sweep(name string, before time.Time) int64 {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.part[name]; p != nil && p.busy {
		return 0
	}
	var size int64
	for _, file := range []string{name, name + sumSuffix} {
		fi, err := os.Lstat(file)
		if err == nil && !fi.ModTime().Before(before) {
			return 0
		}
		if err == nil {
			size += fi.Size()
		}
	}
	if ps.drop(name) != nil {
		return 0
	}
	return size
}

// Inbox takes files that arrive in pieces into folders of its caller, who chooses their names and removes them. Its
// methods are those of Uploads, with the path of the whole file in place of a store. What one process began, the next
// goes on with.
type Inbox struct{ parts pieces }

// NewInbox makes an Inbox for folders on the file system of dir.
func NewInbox(dir string, o DiskOptions) *Inbox { return &Inbox{newPieces(dir, o)} }

// partSuffix marks the file in which the bytes of an Inbox's file gather.
const partSuffix = ".part"

func landing(path string, info Info) *arrival {
	return &arrival{
		Info: info, part: path + partSuffix,
		there: func() (int64, error) {
			fi, err := os.Lstat(path)
			if err != nil || !fi.Mode().IsRegular() || fi.Size() != info.Size {
				return 0, ErrNotFound // another one is replaced
			}
			return fi.Size(), nil
		},
		place: func(f *os.File, from string) error { return land(f, from, path) },
	}
}

// Offset is where the file goes on: its size when it is whole.
func (b *Inbox) Offset(path string, info Info) (int64, error) {
	return b.parts.offset(landing(path, info))
}

// Append adds bytes of r, from offset up to info.Size, as Uploads.Append does. The folder of path must be there. The
// whole file is synced and under its name when complete is true; that the name is durable too is the caller's to see
// to, who moves the file on.
func (b *Inbox) Append(ctx context.Context, path string, info Info, offset int64, r io.Reader) (have int64, complete bool, err error) {
	return b.parts.append(ctx, landing(path, info), offset, r)
}

// Restart drops what has come of a file that is not whole.
func (b *Inbox) Restart(path string) error { return b.parts.dropIdle(path + partSuffix) }

// Forget loses sight of what gathers below a folder; it is called when that was removed.
func (b *Inbox) Forget(dir string) { b.parts.forget(dir) }

// land makes a whole file durable and puts it in its place. It closes f.
func land(f *os.File, from, to string) error {
	if err := f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := rename(from, to); err != nil {
		return fmt.Errorf("putting a file in its place: %w", err)
	}
	return nil
}
