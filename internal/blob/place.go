package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// How tells what a placed file shares with the store.
type How string

// The ways of placing a blob, in the order they are tried.
const (
	Cloned How = "clone" // shares blocks until one side writes (FICLONE on Linux, clonefile on macOS)
	Linked How = "link"  // the very same file, read-only
	Copied How = "copy"  // nothing shared; verified while it was copied
)

// PlaceOptions says what the file will be used for.
type PlaceOptions struct {
	// Writable asks for a file that a render may change: then it is never a hard link, and its mode is 0644.
	Writable bool
}

// Place lays the blob out as manifest path p below dir, which must exist and is trusted. p is checked like CleanPath
// does; folders on the way are made; a symbolic link on the way is refused (ErrPath), also one that is put there
// meanwhile, and one at p itself is replaced. A file at p is replaced in one step; a folder is not.
//
// A clone is tried first, then a hard link, then a copy. A hard link has mode 0444 like the blob in the store, so that
// a render cannot change the stored bytes unless it runs as root; a clone or copy is 0444 too unless Writable.
func (d *Disk) Place(ctx context.Context, ref Ref, dir, p string, o PlaceOptions) (How, error) {
	p, err := CleanPath(p)
	if err != nil {
		return "", err
	}
	src, size, err := d.open(ref)
	if err != nil {
		return "", err
	}
	defer src.Close()
	parent, err := openParent(dir, path.Dir(p))
	if err != nil {
		return "", err
	}
	defer parent.Close()
	name := path.Base(p)
	if fi, err := parent.Lstat(name); err == nil && fi.Mode().IsRegular() && !o.Writable {
		if here, err := src.Stat(); err == nil && os.SameFile(fi, here) {
			return Linked, nil // renaming a link over itself would do nothing and leave the temporary name
		}
	} else if err == nil && fi.IsDir() {
		return "", fmt.Errorf("%w: %q is a folder", ErrPath, p)
	}
	temp := ".netrender-" + rand.Text()
	how, err := d.lay(ctx, ref, src, size, dir, parent, temp, o)
	if err == nil {
		err = parent.Rename(temp, name)
	}
	if err != nil {
		parent.Remove(temp)
		return "", fmt.Errorf("laying out %q: %w", p, err)
	}
	return how, nil
}

func (d *Disk) lay(ctx context.Context, ref Ref, src *os.File, size int64, dir string, parent *os.Root, temp string, o PlaceOptions) (How, error) {
	mode := fs.FileMode(0o444)
	if o.Writable {
		mode = 0o644
	}
	// A file system that cannot clone is asked once for each folder laid out, not once for each file.
	if last := d.cloneless.Load(); last == nil || *last != dir {
		if clone(src, parent, temp) == nil {
			return Cloned, parent.Chmod(temp, mode)
		}
		parent.Remove(temp) // what a failed clone may have left
		d.cloneless.Store(&dir)
	}
	if !o.Writable && link(d.path(ref), parent, temp) == nil {
		return Linked, nil
	}
	f, err := parent.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	n, rerr, werr := pour(ctx, f, sum, io.NewSectionReader(src, 0, size), size, nil)
	if err := errors.Join(rerr, werr); err != nil {
		return "", noRoom(err, size)
	}
	if err := verdict(ref, size, sum, n); err != nil {
		return "", fmt.Errorf("%w: %s", ErrCorrupt, ref)
	}
	if err := f.Chmod(mode); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return "", err
	}
	return Copied, f.Close()
}

// openParent opens, and makes, the folders of slash path p below dir, holding each one open while the next is looked
// up, so that none can be swapped for a link in between.
func openParent(dir, p string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil || p == "." {
		return root, err
	}
	for part := range strings.SplitSeq(p, "/") {
		next, err := openFolder(root, part)
		root.Close()
		if err != nil {
			return nil, fmt.Errorf("folder %q: %w", p, err)
		}
		root = next
	}
	return root, nil
}

func openFolder(in *os.Root, name string) (*os.Root, error) {
	if err := in.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	before, err := in.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%w: %q is in the way and is not a folder", ErrPath, name)
	}
	sub, err := in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if after, err := sub.Stat("."); err != nil || !os.SameFile(before, after) {
		sub.Close()
		return nil, fmt.Errorf("%w: %q was exchanged", ErrPath, name)
	}
	return sub, nil
}
