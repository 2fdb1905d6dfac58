package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// writer is the one connection that changes the database. mu is held for the length of a transaction; the fields
// below it belong to whoever holds it.
type writer struct {
	pool  *sql.DB
	mu    sync.Mutex
	conn  *sql.Conn
	kept  map[string]*sql.Stmt // by text; texts are constants, or one of a few lengths of many()
	word  map[string]int64     // ids of words that were committed
	news  map[string]int64     // ids of words of the open transaction
	part  int                  // positions of a part of a reset
	held  map[farm.JobID]bool  // jobs that are being put in
	named map[farm.JobID]bool  // jobs that are in summed
	owes  map[farm.JobID]bool  // jobs that may have resets that wait; nil: not known, see owing
}

func newWriter(ctx context.Context, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{part: partSize, pool: pool, conn: conn, kept: map[string]*sql.Stmt{}, held: map[farm.JobID]bool{}, named: map[farm.JobID]bool{}, word: map[string]int64{}, news: map[string]int64{}}, nil
}

// transact runs f in one transaction: all of it is durable when transact returns nil, else nothing was done.
func (w *writer) transact(ctx context.Context, f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = w.exec("COMMIT")
	}
	if err != nil {
		// SQLite has rolled back by itself after some errors, as a full disk; then this one is refused, and harmless.
		w.exec("ROLLBACK")
		clear(w.news)
		clear(w.named)
		w.owes = nil
		return err
	}
	for text, id := range w.news {
		w.word[text] = id
	}
	clear(w.news)
	return nil
}

// A transaction that was begun is finished: it is not broken off by the context of whoever asked for it.
var unbroken = context.Background()

func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if s := w.kept[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(unbroken, query)
	if err == nil {
		w.kept[query] = s
	}
	return s, err
}

// exec returns how many rows were changed.
func (w *writer) exec(query string, args ...any) (int64, error) {
	s, err := w.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(unbroken, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row reads one row; found is false when there is none.
func (w *writer) row(query string, args []any, into ...any) (found bool, err error) {
	s, err := w.stmt(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(unbroken, args...).Scan(into...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

func (w *writer) close() error {
	for _, s := range w.kept {
		s.Close()
	}
	w.conn.Close()
	return w.pool.Close()
}

// many is a statement for several rows in its three lengths: few round trips for large batches, few kept statements.
type many struct {
	width int // arguments of a row
	texts [3]string
}

var lengths = [3]int{64, 8, 1}

// insertMany begins an INSERT of several rows. OR FAIL spares SQLite the copies of pages with which it would undo the
// single statement (a third of the time): an error undoes the whole transaction anyway.
const insertMany = `INSERT OR FAIL INTO `

// manyRows writes head, row n times with commas, and tail.
func manyRows(width int, head, row, tail string) *many {
	m := &many{width: width}
	for i, n := range lengths {
		m.texts[i] = head + strings.Repeat(row+", ", n-1) + row + tail
	}
	return m
}

// run applies the statement to all rows in args. It calls short, if given, with the rows of each call that changed
// fewer than it was given.
func (m *many) run(w *writer, args []any, short func(from, to int) error) error {
	rows, at := len(args)/m.width, 0
	for i, n := range lengths {
		for rows-at >= n {
			changed, err := w.exec(m.texts[i], args[at*m.width:(at+n)*m.width]...)
			if err != nil {
				return err
			}
			if changed < int64(n) && short != nil {
				if err := short(at, at+n); err != nil {
					return err
				}
			}
			at += n
		}
	}
	return nil
}

// marks is n question marks with commas.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
