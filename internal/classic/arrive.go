package classic

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// arrived is bytes that came whole.
type arrived struct {
	file *os.File
	size int64
	ref  blob.Ref
	md5  string
	head []byte // the first bytes
}

// close removes it.
func (a *arrived) close() {
	_ = a.file.Close()
	_ = os.Remove(a.file.Name())
}

// rewind goes back to its beginning.
func (a *arrived) rewind() (io.Reader, error) {
	_, err := a.file.Seek(0, io.SeekStart)
	return a.file, err
}

// receive puts what r has on the disk and hashes it. size is what was announced; -1: unknown.
func (d *Door) receive(r io.Reader, size, limit int64) (a *arrived, err error) {
	if size > limit {
		return nil, farm.Errorf(farm.TooLarge, "the file has %s, and at most %s are taken here", farm.Bytes(size), farm.Bytes(limit))
	}
	if disk, err := d.m.Disk(); err == nil && (disk.State == farm.DiskFull || size > disk.Free-disk.ResultReserve) {
		return nil, farm.Errorf(farm.NoRoom, "the master's disk is full")
	}
	f, err := os.CreateTemp(d.arrivals(), "in-*")
	if err != nil {
		return nil, farm.Errorf(farm.Internal, "what was sent cannot be kept: %w", err)
	}
	a = &arrived{file: f}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	head := &beginning{}
	sum, old := sha256.New(), md5.New()
	src := &reading{r: io.LimitReader(r, limit+1)}
	a.size, err = io.Copy(io.MultiWriter(f, sum, old, head), src)
	switch {
	case src.err != nil:
		return nil, src.err // the sender broke off
	case err != nil:
		if blob.IsFull(err) {
			return nil, farm.Errorf(farm.NoRoom, "the master's disk is full")
		}
		return nil, farm.Errorf(farm.Internal, "what was sent cannot be kept: %w", err)
	case a.size > limit:
		return nil, farm.Errorf(farm.TooLarge, "the file has over %s", farm.Bytes(limit))
	}
	a.ref, a.md5, a.head = blob.Ref(sum.Sum(nil)), hex.EncodeToString(old.Sum(nil)), head.bytes
	return a, nil
}

// reading remembers that it was the reading that failed.
type reading struct {
	r   io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// beginning keeps the first bytes that are written to it.
type beginning struct{ bytes []byte }

func (b *beginning) Write(p []byte) (int, error) {
	if room := 512 - len(b.bytes); room > 0 {
		b.bytes = append(b.bytes, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// store hands what arrived to the farm's blobs, which keep it until unpin is called.
func (d *Door) store(ctx context.Context, a *arrived) (s storedFile, unpin func(named bool), err error) {
	s = storedFile{Ref: a.ref.String(), Size: a.size, Blender: sceneVersion(a.head)}
	unpin = func(bool) {}
	if g, ok := d.opt.Blobs.(*blob.Guard); ok {
		if unpin, err = g.Pin(ctx, a.ref); err != nil {
			return s, nil, err
		}
	}
	r, err := a.rewind()
	if err == nil {
		err = d.opt.Blobs.Put(ctx, a.ref, a.size, r)
	}
	if err == nil {
		err = d.m.BlobStored(ctx, s.Ref) // other jobs may wait for it
	}
	if err != nil {
		unpin(false)
		return s, nil, ofBlob(err)
	}
	return s, unpin, nil
}

// ofBlob is an error of the blobs in the farm's words.
func ofBlob(err error) error {
	var full *blob.NoRoomError
	if errors.As(err, &full) || blob.IsFull(err) {
		return farm.Errorf(farm.NoRoom, "the master's disk is full")
	}
	return err
}

// sceneVersion is the version of the Blender that wrote a file, by its first bytes; zero when that cannot be seen. Blender's
// doc/blender_file_format: BLENDER, the size of pointers, the byte order, three digits; packed with gzip up to 2.93.
func sceneVersion(head []byte) farm.Version {
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		if z, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
			first := make([]byte, 12)
			n, _ := io.ReadFull(z, first)
			head = first[:n]
		}
	}
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("BLENDER")) || !strings.ContainsRune("_-", rune(head[7])) || !strings.ContainsRune("vV", rune(head[8])) {
		return farm.Version{}
	}
	n, err := strconv.Atoi(string(head[9:12]))
	if err != nil || n < 200 {
		return farm.Version{}
	}
	return farm.Version{Major: n / 100, Minor: n % 100}
}

// openAnnounced opens a file that a client names by a path of this machine: a regular file below one of the roots, whatever
// links and dots are on the way. errUnknown when there is none.
func (d *Door) openAnnounced(announced string) (*os.File, string, error) {
	if len(d.opt.Roots) == 0 || !filepath.IsAbs(announced) {
		return nil, "", errUnknown
	}
	for _, dir := range d.opt.Roots {
		clean := filepath.Clean(announced)
		rel, err := filepath.Rel(dir, clean)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		f, err := openBelow(dir, rel)
		if err == nil {
			return f, clean, nil
		}
	}
	return nil, "", errUnknown
}

// openBelow opens a regular file; os.Root follows no link that leads out of dir.
func openBelow(dir, rel string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if st, err := root.Stat(rel); err != nil || !st.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, errors.Join(errUnknown, err)
	}
	f, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		_ = f.Close()
		return nil, errors.Join(errUnknown, err)
	}
	return f, nil
}

// take reads a file that was announced by its path and is right; errUnknown when it must be sent.
func (d *Door) take(ctx context.Context, file *recordFile) (unpin func(named bool), err error) {
	f, local, err := d.openAnnounced(file.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() > d.opt.MaxFile {
		return nil, errUnknown
	}
	a, err := d.receive(f, st.Size(), d.opt.MaxFile)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if file.MD5 != "" && file.MD5 != a.md5 {
		return nil, errUnknown
	}
	s, unpin, err := d.store(ctx, a)
	if err != nil {
		return nil, err
	}
	file.storedFile, file.Local = s, local
	return unpin, nil
}
