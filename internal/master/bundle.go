package master

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/farm"
)

// maxBundle is how many files one zip has at most: its list is in memory until the end.
const maxBundle = 250_000

// BundleOptions say which results a bundle has.
type BundleOptions struct {
	Frames       farm.FrameSet // empty: all
	Kinds        []farm.ResultKind
	AllowMissing bool // leave out what is not on the disk any more; else that is an error
}

// Bundle is results of a job on their way into one zip. It must be closed.
type Bundle struct {
	Name  string // of the job's folder
	Size  int64  // bytes of the zip
	Files int
	root  *os.Root
	list  []archive.ZipEntry
}

// Bundle finds the results of a job's accepted frames. It is an error when there are none, and, unless that is allowed,
// when some are not on the disk.
func (m *Master) Bundle(ctx context.Context, id farm.JobID, o BundleOptions) (_ *Bundle, err error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	none := func() error {
		if lost := j.Lost(farm.Outputs); lost != nil {
			return farm.Errorf(farm.NotFound, "job %d has no such results: %s", id, lost.Sentence()).WithHint("netrender retry %d --all renders its frames again", id)
		}
		return farm.Errorf(farm.NotFound, "job %d has no such results", id)
	}
	b := &Bundle{Name: j.Folder}
	if st, err := os.Lstat(m.outputs(j.Folder)); err != nil || !st.IsDir() { // a link that somebody put there
		return nil, none()
	}
	if b.root, err = os.OpenRoot(m.outputs(j.Folder)); err != nil {
		return nil, plainDisk(err, "the results cannot be read")
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	seen := make(map[string]struct{}) // a node may write the same file for many frames
	missing, first := 0, ""
	for after := int64(0); ; {
		page, err := m.opt.Store.Attempts(ctx, farm.AttemptFilter{Job: id, After: after, Accepted: true, Frames: o.Frames, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for i := range page {
			after = page[i].Seq
			for _, r := range page[i].Results {
				if _, twice := seen[r.Name]; twice || r.Kind == farm.KindPart || len(o.Kinds) > 0 && !slices.Contains(o.Kinds, r.Kind) {
					continue
				}
				seen[r.Name] = struct{}{}
				st, err := b.root.Lstat(filepath.FromSlash(r.Name))
				switch {
				case err == nil && st.Mode().IsRegular():
					b.list = append(b.list, archive.ZipEntry{Name: r.Name, Size: st.Size(), Modified: st.ModTime()})
				case err == nil || errors.Is(err, fs.ErrNotExist):
					if missing++; first == "" {
						first = r.Name
					}
				default:
					return nil, plainDisk(err, "the results cannot be read")
				}
				if len(b.list) > maxBundle {
					return nil, farm.Errorf(farm.TooLarge, "these are over %d files", maxBundle).WithHint("ask for some frames or kinds at a time")
				}
			}
		}
		if len(page) == 0 {
			break
		}
	}
	switch {
	case len(b.list) == 0:
		return nil, none()
	case missing > 0 && !o.AllowMissing:
		return nil, farm.Errorf(farm.Conflict, "%s of job %d are not on the master's disk any more: %s", plural(missing, "result"), id, clip(first, 200)).
			WithHint("with allow_missing=1 they are left out")
	}
	b.Size, b.Files = archive.ZipSize(b.list), len(b.list)
	return b, nil
}

// Send writes the zip. Each file is read twice: for its sum, which stands before it, and then for its bytes. When one is
// not what it was any more, what was written is cut off in the middle of it.
func (b *Bundle) Send(ctx context.Context, w io.Writer) error {
	z := archive.NewZip(w)
	for _, e := range b.list {
		if err := b.add(ctx, z, e); err != nil {
			return err
		}
	}
	return z.Close()
}

func (b *Bundle) add(ctx context.Context, z *archive.Zip, e archive.ZipEntry) error {
	name := filepath.FromSlash(e.Name)
	if st, err := b.root.Lstat(name); err != nil || !st.Mode().IsRegular() { // opening a pipe would wait for ever
		return errors.Join(archive.ErrChanged, err)
	}
	f, err := b.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() != e.Size || !st.Mode().IsRegular() {
		return errors.Join(archive.ErrChanged, err)
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, &untilDone{ctx, f}); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	e.Sum = sum.Sum32()
	return z.Add(e, &untilDone{ctx, f})
}

// Close lets the folder go.
func (b *Bundle) Close() {
	if b.root != nil {
		_ = b.root.Close()
	}
}
