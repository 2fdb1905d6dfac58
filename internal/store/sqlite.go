package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver

	"github.com/netrender/netrender/internal/farm"
)

// readers is how many reads may run at once.
const readers = 4

// applicationID marks a file as a Netrender database ("NetR").
const applicationID = 0x4e657452

// SQLite keeps a farm in one file, with a -wal and a -shm file beside it while it is open and a .lock file.
type SQLite struct {
	db
	path string
	lock *os.File
}

// OpenSQLite opens the database at path and makes it when it is not there. The folder must exist. Only one process
// at a time has it open.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	s, err := openSQLite(ctx, path)
	if err == nil {
		s.sweep = newSweeper(s.w)
	}
	return s, err
}

// openSQLite opens the database and leaves what waits to be swept.
func openSQLite(ctx context.Context, path string) (_ *SQLite, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	s := &SQLite{path: path}
	s.fault = s.explain
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.lock, err = lockFile(path + ".lock"); errors.Is(err, errHeld) {
		return nil, held(path)
	} else if err != nil {
		return nil, s.cannotOpen(err)
	}
	// Made here and not by SQLite, so that nobody else can read it; its helper files get the same mode.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, s.cannotOpen(err)
	}
	f.Close()
	if err := s.open(ctx); err != nil {
		return nil, s.fault(err)
	}
	if err := s.check(); err != nil {
		return nil, s.fault(err)
	}
	return s, nil
}

func (s *SQLite) open(ctx context.Context) error {
	// FULL: a commit returns when it is on the disk, whatever becomes of the power; macOS needs to be told twice.
	pool, err := sql.Open("sqlite", s.name("busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "fullfsync(1)",
		"foreign_keys(1)", "cache_size(-32768)", "journal_size_limit(67108864)"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	if err := s.mine(ctx, pool); err != nil {
		pool.Close()
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, "sqlite", pool); err != nil {
		pool.Close()
		return err
	}
	if s.w, err = newWriter(ctx, pool); err != nil {
		pool.Close()
		return err
	}
	if s.reads, err = sql.Open("sqlite", s.name("busy_timeout(10000)", "query_only(1)", "cache_size(-16384)")); err != nil {
		return err
	}
	s.reads.SetMaxOpenConns(readers)
	s.reads.SetMaxIdleConns(readers)
	return nil
}

// name is the file as SQLite's URI, which can hold every path.
func (s *SQLite) name(pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: s.slashed(), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

// slashed is the file's path as it stands in a URI.
func (s *SQLite) slashed() string {
	path := filepath.ToSlash(s.path)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	return path
}

// mine refuses databases of other programs and marks an empty one as ours.
func (s *SQLite) mine(ctx context.Context, pool *sql.DB) error {
	var id, tables, versions int64
	if err := pool.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return err
	}
	if err := pool.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = 'goose_db_version') FROM sqlite_schema`).Scan(&tables, &versions); err != nil {
		return err
	}
	switch {
	case tables == 0 && (id == 0 || id == applicationID):
		_, err := pool.ExecContext(ctx, `PRAGMA application_id = 1315271762`)
		return err
	case id != applicationID:
		return farm.Errorf(farm.Invalid, "%s is a database of another program", s.path).WithHint("name another file or folder")
	case versions == 0:
		return s.damaged(errors.New("it does not say which schema it has"))
	}
	var said string // unread, it would look like a database that was never used
	if err := pool.QueryRowContext(ctx, `PRAGMA quick_check(goose_db_version)`).Scan(&said); err != nil || said == "ok" {
		return err
	}
	return s.damaged(errors.New(said))
}

// Size is the bytes of the database on the disk.
func (s *SQLite) Size(context.Context) (int64, error) {
	var size int64
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(s.path + suffix)
		if err == nil {
			size += info.Size()
		} else if suffix == "" {
			return 0, s.fault(err)
		}
	}
	return size, nil
}

// About says what the database is, and how many jobs it keeps.
func (s *SQLite) About(ctx context.Context) (about farm.StoreAbout, jobs int, err error) {
	about = farm.StoreAbout{Engine: "SQLite", Path: s.path}
	if about.Bytes, err = s.Size(ctx); err != nil {
		return about, 0, err
	}
	if about.Schema, err = schemaOf(ctx, s.reads); err == nil {
		err = s.reads.QueryRowContext(ctx, `SELECT sqlite_version(), (SELECT count(*) FROM jobs WHERE gone = 0 AND inspect = 0)`).Scan(&about.Version, &jobs)
	}
	return about, jobs, s.fault(err)
}

// Close waits for what is being written and closes the database. The store must not be used any more.
func (s *SQLite) Close() error {
	s.sweep.stop()
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.release()
}

// release gives back what was opened so far. The writer goes last: that writes the log into the file.
func (s *SQLite) release() (err error) {
	if s.reads != nil {
		err = s.reads.Close()
	}
	if s.w != nil {
		err = errors.Join(err, s.w.close())
	}
	if s.lock != nil {
		s.lock.Close()
	}
	return err
}
