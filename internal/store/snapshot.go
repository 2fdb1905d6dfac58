package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/farm"
)

// Snapshot writes the database as it is at this moment to a file, which must be empty or not there, and has SQLite
// check it. Others read and write meanwhile.
func (s *SQLite) Snapshot(ctx context.Context, path string) (k farm.Kept, err error) {
	pool, err := sql.Open("sqlite", s.name("busy_timeout(10000)"))
	if err != nil {
		return k, s.fault(err)
	}
	defer pool.Close()
	if _, err = pool.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return k, s.fault(err)
	}
	return Examine(ctx, path)
}

const (
	storedBlobs = `SELECT f.ref, f.size, min(EXISTS (SELECT 1 FROM json_each(s.removed) WHERE json_extract(value, '$.part') = 'inputs'))
		FROM files f JOIN jobs j ON j.id = f.job AND j.gone = 0 JOIN specs s ON s.job = f.job GROUP BY f.ref, f.size ORDER BY f.ref`
	storedFiles = `SELECT position, ended, results FROM attempts WHERE job = ? AND standing = 1 AND results IS NOT NULL ORDER BY seq`
	jobsKept    = jobSelect + `1 ORDER BY j.id`
)

// Contents tells of every file that the records of a snapshot refer to: inputs by their hash, each once, then the
// results of the accepted frames.
func (s *SQLite) Contents(ctx context.Context, path string, each func(farm.Stored) error) error {
	f := &SQLite{path: path}
	f.fault = f.explain
	pool, err := f.lookAt()
	if err != nil {
		return f.fault(err)
	}
	defer pool.Close()
	return f.fault(contents(ctx, pool, each))
}

func contents(ctx context.Context, q querier, each func(farm.Stored) error) error {
	err := forEach(ctx, q, storedBlobs, nil, func(rows *sql.Rows) error {
		var one farm.Stored
		if err := rows.Scan(&one.Ref, &one.Size, &one.Removed); err != nil {
			return err
		}
		return each(one)
	})
	if err != nil {
		return err
	}
	jobs, err := collect(ctx, q, jobsKept, nil, scanJob)
	if err != nil {
		return err
	}
	for i := range jobs {
		if err := outputs(ctx, q, &jobs[i], each); err != nil {
			return err
		}
	}
	return nil
}

// outputs tells of the results of a job's accepted frames.
func outputs(ctx context.Context, q querier, j *farm.Job, each func(farm.Stored) error) error {
	waits, err := postponed(ctx, q, j.ID)
	if err != nil {
		return err
	}
	lost := j.Lost(farm.Outputs)
	return forEach(ctx, q, storedFiles, []any{int64(j.ID)}, func(rows *sql.Rows) error {
		var position int
		var ended int64
		var text []byte
		var results []farm.Result
		if err := rows.Scan(&position, &ended, &text); err != nil {
			return err
		}
		if waits.Contains(position) {
			return nil
		}
		if err := decodeJSON(text, &results, "list of results of job %d", j.ID); err != nil {
			return err
		}
		removed := lost != nil && !lost.At.Before(moment(ended))
		for _, r := range results {
			if err := each(farm.Stored{Output: j.Folder + "/" + r.Name, Ref: r.Ref, Size: r.Size, Removed: removed}); err != nil {
				return err
			}
		}
		return nil
	})
}

// lookAt opens a database that nobody writes, without changing it.
func (s *SQLite) lookAt() (*sql.DB, error) {
	if _, err := os.Stat(s.path); err != nil { // SQLite says that it cannot be opened, and no more
		return nil, err
	}
	how := url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)"}}
	if log, err := os.Stat(s.path + "-wal"); err != nil || log.Size() == 0 {
		how.Set("immutable", "1") // nothing is put beside it either
	}
	u := url.URL{Scheme: "file", Path: s.slashed(), RawQuery: how.Encode()}
	return sql.Open("sqlite", u.String())
}

// Examine has SQLite check a database that nobody has open, whole, and tells what it is. One of a newer netrender, of
// another program or with any damage is an error. It is not changed, nor is its log.
func Examine(ctx context.Context, path string) (k farm.Kept, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return k, err
	}
	s := &SQLite{path: path}
	s.fault = s.explain
	pool, err := s.lookAt()
	if err != nil {
		return k, s.cannotOpen(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	k, err = s.examine(ctx, pool)
	return k, s.fault(err)
}

func (s *SQLite) examine(ctx context.Context, pool *sql.DB) (k farm.Kept, err error) {
	var id int64
	if err := pool.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return k, err
	}
	if id != applicationID {
		return k, s.damaged(errors.New("it has no mark of ours"))
	}
	var said string
	if err := pool.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return k, err
	}
	if said != "ok" {
		return k, s.damaged(errors.New(said))
	}
	if k.Schema, err = schemaOf(ctx, pool); err != nil {
		return k, err
	}
	know, err := newestSchema("sqlite")
	if err != nil {
		return k, err
	}
	if k.Schema > know {
		return k, tooNew(k.Schema, know)
	}
	for name, into := range map[string]*int64{metaEpoch: &k.Epoch, metaNextJob: (*int64)(&k.NextJob)} {
		if err := pool.QueryRowContext(ctx, metaGet, name).Scan(into); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return k, err
		}
	}
	return k, pool.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(done), 0) FROM jobs WHERE gone = 0`).
		Scan(&k.Jobs, &k.Frames)
}

// MoveOn raises the numbers of the next start and the next job in a database that nobody has open, where they are
// lower: what was given out and this copy does not know of must not come twice.
func MoveOn(ctx context.Context, path string, epoch int64, next farm.JobID) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	s := &SQLite{path: path}
	s.fault = s.explain
	pool, err := sql.Open("sqlite", s.name("busy_timeout(10000)", "synchronous(full)", "fullfsync(1)"))
	if err != nil {
		return s.fault(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	w, err := newWriter(ctx, pool)
	if err != nil {
		return s.fault(err)
	}
	defer w.close()
	return s.fault(w.transact(ctx, func() error {
		for name, least := range map[string]int64{metaEpoch: epoch, metaNextJob: int64(next)} {
			n, err := w.metaNumber(name)
			if err == nil && n < least {
				err = w.metaSetNumber(name, least)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// Hold keeps every master away from the database at path, as an open one does, until release is called.
func Hold(path string) (release func(), err error) {
	lock, err := lockFile(path + ".lock")
	if errors.Is(err, errHeld) {
		return nil, held(path)
	}
	if err != nil {
		return nil, (&SQLite{path: path}).cannotOpen(err)
	}
	return func() { lock.Close() }, nil
}

func held(path string) *farm.Error {
	return farm.Errorf(farm.Conflict, "another netrender master is using the database %s", path).
		WithHint("stop it first, or give this one another folder with --data")
}

// Sound tells whether everything in a database that nobody has open can be read and makes sense. If SQLite finds no
// fault in it, it is opened as a master does.
func Sound(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		if os.IsNotExist(err) {
			return farm.Errorf(farm.NotFound, "there is no database %s", path).WithHint("netrender restore puts back a backup")
		}
		return (&SQLite{path: path}).cannotOpen(err)
	}
	if _, err := Examine(ctx, path); err != nil {
		return err
	}
	s, err := OpenSQLite(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Load(ctx, 0); err != nil {
		return err
	}
	_, err = s.Inspect(ctx)
	return err
}
