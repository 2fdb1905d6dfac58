package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// backupFile is a backup that was read through and is whole.
type backupFile struct {
	path    string
	size    int64
	head    archive.Head
	about   master.BackupAbout
	files   int   // scenes' files and results that the database refers to
	bytes   int64 // of these
	missing int   // of a backup with files: those that it lacks
}

// readBackup reads a backup through. What the farm stands on is kept in parts, unless that is nil.
func readBackup(ctx context.Context, path string, parts *backupParts, tell func(bytes int64)) (*backupFile, error) {
	f, err := openBackup(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := &backupFile{path: path}
	if st, err := f.Stat(); err == nil {
		b.size = st.Size()
	}
	database := false
	b.head, err = archive.Read(&countedReader{ctx: ctx, r: f, tell: tell}, master.BackupKind, func(e archive.Entry, r io.Reader) error {
		database = database || e.Name == master.BackupDatabase
		switch {
		case parts != nil && parts.wants(e):
			return parts.keep(e, r)
		case e.Name == master.BackupContents:
			return readContents(r, b.count)
		case e.Name == master.BackupMissing:
			lines := bufio.NewScanner(r)
			for lines.Buffer(nil, 1<<20); lines.Scan(); b.missing++ {
			}
			return lines.Err()
		}
		return nil
	})
	if err == nil && parts != nil {
		err = parts.contents(b.count)
	}
	if err == nil && (!database || json.Unmarshal(b.head.About, &b.about) != nil) {
		err = archive.ErrDamaged
	}
	if err != nil {
		return nil, archiveError(path, err)
	}
	return b, nil
}

func (b *backupFile) count(s farm.Stored) error {
	if !s.Removed {
		b.files++
		b.bytes += s.Size
	}
	return nil
}

func openBackup(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the backup %s cannot be read: %s", path, reasonOf(err)).WithHint("name a file that netrender backup wrote")
	}
	return f, nil
}

// backupParts is a private folder below the data folder with the short parts of a backup.
type backupParts struct{ dir string }

const partsPattern = ".backup-*"

// newParts makes the folder below dir, and removes what a killed command left of one. The caller has dir to itself.
func newParts(dir string) (*backupParts, error) {
	left, _ := filepath.Glob(filepath.Join(dir, partsPattern))
	for _, parts := range left {
		_ = os.RemoveAll(parts)
	}
	made, err := os.MkdirTemp(dir, partsPattern) // mode 0700
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the folder %s cannot be written: %s", dir, reasonOf(err))
	}
	return &backupParts{made}, nil
}

func (p *backupParts) drop() { _ = os.RemoveAll(p.dir) }

// path is where a part lies.
func (p *backupParts) path(name string) string { return filepath.Join(p.dir, filepath.Base(name)) }

// maxKept bounds keys and settings in a backup, in bytes.
const maxKept = 1 << 20

// wants tells whether an entry is one of the short parts.
func (p *backupParts) wants(e archive.Entry) bool {
	switch e.Name {
	case master.BackupDatabase, master.BackupContents:
		return true
	}
	for _, name := range keptFiles {
		if e.Name == master.BackupKeep+name {
			return true
		}
	}
	return false
}

// keep writes a short part to its place.
func (p *backupParts) keep(e archive.Entry, r io.Reader) error {
	if e.Name != master.BackupDatabase && e.Name != master.BackupContents && e.Size > maxKept {
		return fmt.Errorf("%w: %s has %d bytes", archive.ErrDamaged, e.Name, e.Size)
	}
	out, err := os.OpenFile(p.path(e.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %s is in it twice", archive.ErrDamaged, e.Name)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Sync(), out.Close())
}

// contents reads the list of what the database refers to.
func (p *backupParts) contents(each func(farm.Stored) error) error {
	f, err := os.Open(p.path(master.BackupContents))
	if err != nil {
		return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
	}
	defer f.Close()
	return readContents(f, each)
}

func readContents(r io.Reader, each func(farm.Stored) error) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
	}
	dec := json.NewDecoder(z)
	for {
		var s farm.Stored
		switch err := dec.Decode(&s); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
		}
		if err := each(s); err != nil {
			return err
		}
	}
}

// archiveError says what is wrong with a backup.
func archiveError(path string, err error) error {
	var said *farm.Error
	switch {
	case errors.As(err, &said), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, archive.ErrOther):
		return farm.Errorf(farm.Invalid, "%s is not a backup of a farm", path).WithHint("netrender backup -o FILE makes one")
	case errors.Is(err, archive.ErrNewer):
		return farm.Errorf(farm.Outdated, "%s was made by a newer version of Netrender", path).WithHint("update this one")
	case errors.Is(err, archive.ErrCut):
		return farm.Errorf(farm.Mismatch, "the backup %s ends too early: it was not written, or not copied, to its end", path).WithHint("use another copy")
	case errors.Is(err, archive.ErrDamaged):
		return &farm.Error{Kind: farm.Mismatch, Text: "the backup " + path + " is damaged", Hint: "use another copy", Err: err}
	}
	var file *fs.PathError
	if errors.Is(err, blob.ErrNoRoom) || errors.As(err, &file) && file.Path != path { // it is not the backup that is at fault
		return cannotWriteData(err)
	}
	return farm.Errorf(farm.Internal, "the backup %s cannot be read: %s", path, reasonOf(err)).WithHint("use another copy")
}
