package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// short are the tables that Load stands on. They are checked at every start, before anything is read from them. All
// others grow with what a farm has done; Inspect goes through those while the master works.
var short = []string{"meta", "jobs", "specs", "finished", "resets", "refusals", "leases", "words", "workers", "tokens", "logins", "targets", "pending"}

// slow is how Inspect goes: some rows, then a pause in which others have the processor and the disk. A million frames
// take about a minute and a half.
const inspectRows = 1000

var inspectPause = 50 * time.Millisecond // shorter in tests

// check has SQLite look over the short tables.
func (s *SQLite) check() error {
	for _, table := range short {
		var said string
		if _, err := s.w.row(`PRAGMA quick_check(`+table+`)`, nil, &said); err != nil {
			return err
		}
		if said != "ok" {
			return s.damaged(errors.New(said))
		}
	}
	return nil
}

const (
	tablesList = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	jobsAll    = `SELECT id FROM jobs WHERE gone = 0 ORDER BY id`
	// The two ways to the accepted frames of a job, which must lead to as many.
	attemptsBoth = `SELECT (SELECT count(*) FROM attempts NOT INDEXED WHERE job = ? AND standing = 1),
		(SELECT count(*) FROM attempts INDEXED BY attempts_accepted WHERE job = ? AND standing = 1)`
	attemptsAfter = attemptSelect + `a.job = ? AND a.seq > ? ORDER BY a.seq LIMIT ?`
)

// Inspect reads what check leaves out, whole and with its meaning, at a bounded rate, until ctx ends. rows is how many
// were read. An error is of the damage it found, or of ctx.
func (s *SQLite) Inspect(ctx context.Context) (rows int64, err error) {
	jobs, err := collect(ctx, s.reads, jobsAll, nil, func(r *sql.Rows) (id farm.JobID, err error) { return id, r.Scan(&id) })
	if err != nil {
		return 0, s.fault(err)
	}
	for _, id := range jobs {
		for _, part := range []func(context.Context, farm.JobID) (int64, error){s.inspectAttempts, s.inspectFiles} {
			n, err := part(ctx, id)
			if rows += n; err != nil {
				return rows, s.fault(err)
			}
		}
	}
	tables, err := collect(ctx, s.reads, tablesList, nil, func(r *sql.Rows) (name string, err error) { return name, r.Scan(&name) })
	if err != nil {
		return rows, s.fault(err)
	}
	for _, table := range tables {
		if slices.Contains(short, table) || table == "attempts" || table == "files" {
			continue
		}
		var said string
		if err := s.reads.QueryRowContext(ctx, `PRAGMA quick_check(`+table+`)`).Scan(&said); err != nil {
			return rows, s.fault(err)
		}
		if said != "ok" {
			return rows, s.damaged(errors.New(said))
		}
	}
	return rows, nil
}

func (s *SQLite) inspectAttempts(ctx context.Context, id farm.JobID) (rows int64, err error) {
	for after := int64(-1 << 63); ; {
		page, err := collect(ctx, s.reads, attemptsAfter, []any{int64(id), after, inspectRows}, anAttempt)
		if err != nil {
			return rows, err
		}
		rows += int64(len(page))
		if len(page) < inspectRows {
			break
		}
		after = page[len(page)-1].Seq
		if err := pause(ctx); err != nil {
			return rows, err
		}
	}
	var kept, listed int64
	if err := s.reads.QueryRowContext(ctx, attemptsBoth, int64(id), int64(id)).Scan(&kept, &listed); err != nil {
		return rows, err
	}
	if kept != listed {
		return rows, unreadable(nil, "the index of finished frames of job %d has %d of %d", id, listed, kept)
	}
	return rows, nil
}

func (s *SQLite) inspectFiles(ctx context.Context, id farm.JobID) (rows int64, err error) {
	for after := ""; ; {
		page, err := s.Manifest(ctx, id, after, inspectRows)
		if err != nil {
			return rows, err
		}
		rows += int64(len(page))
		if len(page) < inspectRows {
			return rows, nil
		}
		after = page[len(page)-1].Path
		if err := pause(ctx); err != nil {
			return rows, err
		}
	}
}

func pause(ctx context.Context) error {
	t := time.NewTimer(inspectPause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
