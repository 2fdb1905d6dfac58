package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/netrender/netrender/internal/farm"
)

// explain turns an error of the driver into a sentence. Errors that are sentences already pass.
func (s *SQLite) explain(err error) error {
	var said *farm.Error
	if err == nil || errors.As(err, &said) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if strings.HasPrefix(err.Error(), "sql: Scan error") { // database/sql has no type for a value that is none of its column's
			return s.damaged(err)
		}
		return farm.Errorf(farm.Internal, "the database failed: %w", err)
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL:
		return s.full(err)
	case lib.SQLITE_IOERR:
		if s.noRoom() {
			return s.full(err)
		}
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return s.damaged(err)
	case lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_READONLY, lib.SQLITE_AUTH:
		return s.cannotOpen(err)
	case lib.SQLITE_CONSTRAINT:
		return farm.Errorf(farm.Internal, "a change does not fit what the database holds: %w", err)
	}
	return farm.Errorf(farm.Internal, "the database failed: %w", err)
}

func (s *SQLite) full(cause error) error {
	e := farm.Errorf(farm.NoRoom, "the disk of the database %s is full", s.path).WithHint("make room on it; nothing that was accepted is lost")
	e.Err = cause
	return e
}

// noRoom tries whether a small file can be written beside the database. SQLite has one error for a faulty disk, a
// quota that is used up and a log that could not grow.
func (s *SQLite) noRoom() bool {
	f, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".room-*")
	if err == nil {
		defer os.Remove(f.Name())
		_, err = f.Write(make([]byte, 64<<10))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	return slices.ContainsFunc(diskFull, func(full error) bool { return errors.Is(err, full) })
}

func (s *SQLite) damaged(cause error) error {
	e := farm.Errorf(farm.Internal, "the database %s is damaged or not a database", s.path).
		WithHint(wayOut)
	e.Err = cause
	return e
}

func (s *SQLite) cannotOpen(cause error) error {
	e := farm.Errorf(farm.Internal, "the database %s cannot be opened", s.path)
	if errors.Is(cause, fs.ErrPermission) || errors.As(cause, new(*sqlite.Error)) {
		e = e.WithHint("the folder and the file must be writable for this user")
	} else {
		e.Text += ": " + cause.Error()
	}
	e.Err = cause
	return e
}
