package master

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// A backup is an archive of the kind BackupKind with these entries, in this order. Whoever puts it back reads it in one
// pass.
const (
	BackupKind     = "backup"
	BackupDatabase = "farm/netrender.db"
	BackupKeep     = "farm/"             // and the name of a Kept
	BackupContents = "contents.jsonl.gz" // farm.Stored, one a line: what the database refers to
	BackupBlobs    = "blobs/"            // and the hash; with files only
	BackupOutputs  = "outputs/"          // and the place below the outputs folder; with files only
	BackupMissing  = "missing.jsonl"     // BackupLack, one a line: what could not be put in; with files only
)

// Kept is a file of the farm besides its database that a backup holds, if it is there.
type Kept struct {
	Name string // in the backup
	Path string
}

// BackupAbout is what a backup says of itself.
type BackupAbout struct {
	Farm  string `json:"farm"` // the farm's id
	Name  string `json:"name"` // of the master's machine
	Files bool   `json:"files"`

	Jobs   int64 `json:"jobs"`
	Frames int64 `json:"frames"` // accepted
}

// BackupLack is a file that a backup with files lacks.
type BackupLack struct {
	farm.Stored
	Why string `json:"why"`
}

const backupDir = "backup-*" // below Dir, while one is made

// Backup writes the farm as it is at this moment: its records, what must be kept with them, and a list of the files
// they refer to; with files also those. Others work on meanwhile. Until the first byte is written an error changes
// nothing; after it the archive lacks its end.
func (m *Master) Backup(ctx context.Context, about BackupAbout, w io.Writer) error {
	if !m.backing.TryLock() {
		return farm.Errorf(farm.Conflict, "a backup is being made already").WithHint("wait until it is done")
	}
	defer m.backing.Unlock()
	if err := m.roomForBackup(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(m.opt.Dir, backupDir) // 0700: the copy is as secret as the database
	if err != nil {
		return plainDisk(err, "the backup cannot be prepared")
	}
	defer os.RemoveAll(dir)
	b := backup{m: m, ctx: ctx, about: about, dir: dir, database: filepath.Join(dir, "netrender.db")}
	if err := os.WriteFile(b.database, nil, 0o600); err != nil {
		return plainDisk(err, "the backup cannot be prepared")
	}
	kept, err := m.opt.Store.Snapshot(ctx, b.database)
	if err != nil {
		return err
	}
	b.about.Jobs, b.about.Frames = kept.Jobs, kept.Frames
	if err := b.list(); err != nil {
		return err
	}
	if err := b.write(w); err != nil {
		return err
	}
	m.noteBackup()
	return nil
}

// roomForBackup leaves to the farm's work what it may need: the copy of the database lies on the same disk for a while.
func (m *Master) roomForBackup(ctx context.Context) error {
	size, err := m.opt.Store.Size(ctx)
	if err != nil {
		return err
	}
	left, err := m.opt.Room.Left()
	if err != nil {
		return plainDisk(err, "the backup cannot be prepared")
	}
	if need := size + size/4 + m.opt.Reserve; left < need { // the list of files comes beside it
		return farm.Errorf(farm.NoRoom, "the backup needs a copy of the database, for which the master's disk has no room: %s are free of %s", farm.Bytes(left), farm.Bytes(need)).
			WithHint("make room on it, with netrender clean for example")
	}
	return nil
}

// sweepBackups removes what a killed process left of one.
func (m *Master) sweepBackups() {
	left, _ := filepath.Glob(filepath.Join(m.opt.Dir, backupDir))
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
}

type backup struct {
	m        *Master
	ctx      context.Context
	about    BackupAbout
	dir      string
	database string
	out      *archive.Writer
	lacks    *json.Encoder
}

// list writes the names of all files that the snapshot refers to. There may be millions.
func (b *backup) list() error {
	f, err := os.OpenFile(filepath.Join(b.dir, BackupContents), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return plainDisk(err, "the backup cannot be prepared")
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	buf := bufio.NewWriterSize(z, 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := b.m.opt.Store.Contents(b.ctx, b.database, func(s farm.Stored) error { return enc.Encode(&s) }); err != nil {
		return err
	}
	return plainDisk(errors.Join(buf.Flush(), z.Close(), f.Close()), "the backup cannot be prepared")
}

func (b *backup) write(w io.Writer) error {
	about, err := json.Marshal(b.about)
	if err != nil {
		return err
	}
	b.out, err = archive.NewWriter(w, archive.Head{Kind: BackupKind, Made: b.m.opt.Now().UTC(), Program: b.m.opt.Program, About: about})
	if err != nil {
		return err
	}
	if err := b.file(archive.Entry{Name: BackupDatabase, Private: true}, b.database); err != nil {
		return err
	}
	for _, k := range b.m.opt.Keep {
		if err := b.file(archive.Entry{Name: BackupKeep + k.Name, Private: true}, k.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := b.file(archive.Entry{Name: BackupContents}, filepath.Join(b.dir, BackupContents)); err != nil {
		return err
	}
	if b.about.Files {
		if err := b.files(); err != nil {
			return err
		}
	}
	return b.out.Close()
}

func (b *backup) file(e archive.Entry, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	e.Size = st.Size()
	return b.out.Add(e, f)
}

// files puts in what the snapshot refers to. What is not there, or damaged, is named.
func (b *backup) files() error {
	lacks, err := os.OpenFile(filepath.Join(b.dir, BackupMissing), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return plainDisk(err, "the backup cannot be written")
	}
	defer lacks.Close()
	b.lacks = json.NewEncoder(lacks)
	outputs, err := os.OpenRoot(filepath.Join(b.m.opt.Dir, "outputs"))
	if err != nil {
		return plainDisk(err, "the results cannot be read")
	}
	defer outputs.Close()
	err = b.m.opt.Store.Contents(b.ctx, b.database, func(s farm.Stored) error {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		open := func() (io.ReadCloser, int64, error) { return b.m.openBlob(b.ctx, s.Ref) }
		name := BackupBlobs + s.Ref
		if s.Output != "" {
			open = func() (io.ReadCloser, int64, error) { return openOutput(outputs, s.Output) }
			name = BackupOutputs + s.Output
		}
		return b.stored(s, name, open)
	})
	if err == nil {
		err = b.file(archive.Entry{Name: BackupMissing}, lacks.Name())
	}
	return err
}

func (m *Master) openBlob(ctx context.Context, text string) (io.ReadCloser, int64, error) {
	ref, err := blob.ParseRef(text)
	if err != nil {
		return nil, 0, err
	}
	r, err := m.opt.Blobs.Open(ctx, ref)
	if err != nil {
		return nil, 0, err
	}
	return r, r.Size(), nil
}

func openOutput(root *os.Root, name string) (io.ReadCloser, int64, error) {
	clean, err := blob.CleanPath(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := root.Open(filepath.FromSlash(clean))
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

func (b *backup) stored(s farm.Stored, name string, open func() (io.ReadCloser, int64, error)) error {
	why, absent, err := addStored(b.ctx, b.out, archive.Entry{Name: name, Size: s.Size}, s.Ref, open)
	if err != nil || why == "" || absent && s.Removed {
		return err
	}
	b.m.opt.Log.Warn("a file is not in the backup", "name", strings.TrimPrefix(name, BackupOutputs), "why", why)
	return b.lacks.Encode(BackupLack{s, why})
}

// addStored puts a file into an archive whose size and SHA-256 are known. why says what is wrong with it, if anything
// is; then the archive has no such entry, or one with other bytes. absent: it is not there.
func addStored(ctx context.Context, out *archive.Writer, e archive.Entry, ref string, open func() (io.ReadCloser, int64, error)) (why string, absent bool, err error) {
	r, size, err := open()
	switch {
	case errors.Is(err, fs.ErrNotExist), isNotFound(err):
		return "it is not there", true, nil
	case err != nil:
		return cause(err), false, nil
	}
	defer r.Close()
	if size != e.Size {
		return fmt.Sprintf("it has %d bytes, not %d", size, e.Size), false, nil
	}
	body := &padded{r: r, left: size}
	sum := sha256.New()
	if err := out.Add(e, io.TeeReader(body, sum)); err != nil {
		return "", false, err
	}
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case body.err != nil:
		return "it cannot be read: " + cause(body.err), false, nil
	case hex.EncodeToString(sum.Sum(nil)) != ref:
		return "its bytes have changed on the disk", false, nil
	}
	return "", false, nil
}

// padded gives zeros in place of what cannot be read: the size of the entry has been written.
type padded struct {
	r    io.Reader
	left int64
	err  error
}

func (p *padded) Read(b []byte) (n int, err error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.left)]
	if p.err == nil {
		if n, err = p.r.Read(b); n == 0 && err != nil {
			if p.err = err; err == io.EOF {
				p.err = io.ErrUnexpectedEOF
			}
		}
	}
	if p.err != nil {
		clear(b)
		n = len(b)
	}
	p.left -= int64(n)
	return n, nil
}
