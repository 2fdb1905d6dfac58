package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store/salvage"
)

// RecoverOptions say what Recover cannot know.
type RecoverOptions struct {
	Jump    int64      // by how much numbers are raised that may have been given out and are lost; at least 1
	NextJob farm.JobID // the least number of the next job
	// Has tells whether a result lies below the outputs folder with its size, and if whole is set with its bytes.
	// nil: all do.
	Has func(folder string, r farm.Result, whole bool) bool
}

// Recovered tells what came out of a damaged database, and what did not.
type Recovered struct {
	Schema  int64            `json:"schema"`
	Pages   int              `json:"pages"`
	LogLost bool             `json:"log_lost,omitempty"` // the last changes are missing
	Tables  []RecoveredTable `json:"tables"`             // all that have rows or losses
	Jobs    []RecoveredJob   `json:"jobs"`               // those that lost something
	Kept    int              `json:"kept"`               // jobs that are there
	Frames  int64            `json:"frames"`             // accepted ones that are there
	NextJob farm.JobID       `json:"next_job"`
}

// RecoveredTable is what became of a table.
type RecoveredTable struct {
	Name      string `json:"name"`
	Rows      int64  `json:"rows"`                 // that are there now
	LostPages int    `json:"lost_pages,omitempty"` // that could not be read, with all that only they lead to
	LostRows  int    `json:"lost_rows,omitempty"`  // on pages that could be read
	Found     int64  `json:"found,omitempty"`      // rows on pages that nothing led to
}

// Empty tells that nothing came out of which a farm could live.
func (r *Recovered) Empty() bool {
	return !slices.ContainsFunc(r.Tables, func(t RecoveredTable) bool {
		return t.Rows > 0 && slices.Contains([]string{"jobs", "specs", "tokens", "workers"}, t.Name)
	})
}

// noOrphans are the tables of which nothing is taken that their trees do not lead to: what was revoked, deleted or
// ended must not come back with an old page.
var noOrphans = []string{"tokens", "logins", "workers", "meta", "resets", "leases", "targets", "pending"}

// Recover reads what can be read of the damaged database at from, which is not changed, into a new one at to, and makes
// that one hold together. Whatever it says is finished has its record and its results.
func Recover(ctx context.Context, from, to string, o RecoverOptions) (*Recovered, error) {
	s := &SQLite{path: from}
	s.fault = s.explain
	f, err := salvage.Open(from)
	if err != nil {
		return nil, s.cannotOpen(err)
	}
	defer f.Close()
	r := &rescue{
		file: f, out: &Recovered{Pages: f.Pages(), LogLost: f.LogLost()}, tables: map[string]*RecoveredTable{},
		stmts: map[string]*sql.Stmt{}, strays: map[[2]int64]bool{},
	}
	if err := r.pour(ctx, to); err != nil {
		return nil, s.fault(err)
	}
	made, err := openSQLite(ctx, to)
	if err != nil {
		return nil, err
	}
	m := mender{SQLite: made, rescue: r, ctx: ctx, opt: o}
	err = made.fault(m.mend())
	if closed := made.release(); err == nil {
		err = made.fault(closed)
	}
	return r.out, err
}

// rescue brings rows from the pages of a damaged database into a new one.
type rescue struct {
	file   *salvage.File
	out    *Recovered
	shapes []shape
	tables map[string]*RecoveredTable
	stmts  map[string]*sql.Stmt
	strays map[[2]int64]bool // attempts from pages that nothing led to: job, seq
}

func (r *rescue) table(name string) *RecoveredTable {
	if r.tables[name] == nil {
		r.tables[name] = &RecoveredTable{Name: name}
	}
	return r.tables[name]
}

func (r *rescue) lossy(name string) bool {
	t := r.table(name)
	return t.LostPages > 0 || t.LostRows > 0
}

// pour fills a new database with all rows that can be read.
func (r *rescue) pour(ctx context.Context, to string) error {
	objects, lost := r.file.Schema()
	version, err := versionOf(ctx, objects, lost == salvage.Loss{})
	if err != nil {
		return err
	}
	r.out.Schema = version
	pool, err := sql.Open("sqlite", (&SQLite{path: to}).name("synchronous(off)", "journal_mode(memory)", "foreign_keys(0)"))
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := buildSchema(ctx, pool, version); err != nil {
		return err
	}
	if r.shapes, err = shapesOf(ctx, pool); err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	if err := r.fill(ctx, conn, objects, lost); err != nil {
		return err
	}
	for _, s := range r.stmts {
		s.Close()
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}

// fill brings the rows: first those that their tables' trees lead to.
func (r *rescue) fill(ctx context.Context, conn *sql.Conn, objects []salvage.Object, lost salvage.Loss) (err error) {
	roots := map[string]uint32{}
	for _, o := range objects {
		if o.Kind == "table" {
			roots[o.Name] = o.Root
		}
	}
	for i := range r.shapes {
		s := &r.shapes[i]
		t := r.table(s.name)
		root, ok := roots[s.name]
		if !ok { // the part of the schema that could be read does not have it
			t.LostPages += max(1, lost.Pages)
			continue
		}
		l := r.file.Walk(root, s.index, func(rows []salvage.Cell) bool {
			if !slices.ContainsFunc(rows, s.fits) {
				return false
			}
			err = r.putAll(ctx, conn, s, rows, false, err)
			return true
		})
		if t.LostPages, t.LostRows = t.LostPages+l.Pages, t.LostRows+l.Cells; err != nil {
			return err
		}
	}
	for _, o := range objects {
		if o.Kind == "index" {
			r.file.Walk(o.Root, true, func([]salvage.Cell) bool { return true })
		}
	}
	r.file.Free()
	r.file.Orphans(func(index bool, rows []salvage.Cell) bool {
		s := r.match(index, rows)
		if s == nil || err != nil {
			return false
		}
		err = r.putAll(ctx, conn, s, rows, true, err)
		return true
	})
	return err
}

// putAll adds rows, unless there was an error before.
func (r *rescue) putAll(ctx context.Context, conn *sql.Conn, s *shape, rows []salvage.Cell, stray bool, err error) error {
	for i := 0; i < len(rows) && err == nil; i++ {
		err = r.put(ctx, conn, s, rows[i], stray)
	}
	return err
}

// added is the most columns that a table got since the first schema.
const added = 4

// match finds the one table that lost rows and whose rows look like these.
func (r *rescue) match(index bool, rows []salvage.Cell) (found *shape) {
	for i := range r.shapes {
		s := &r.shapes[i]
		if s.index != index || !r.lossy(s.name) || slices.Contains(noOrphans, s.name) {
			continue
		}
		// Rows from before a column was added are shorter, but not by much.
		if !slices.ContainsFunc(rows, func(c salvage.Cell) bool { return len(c.Values)+added < len(s.columns) || !s.fits(c) }) {
			if found != nil {
				return nil
			}
			found = s
		}
	}
	return found
}

// put adds a row. One that does not fit its table, or is there already, is left out.
func (r *rescue) put(ctx context.Context, conn *sql.Conn, s *shape, c salvage.Cell, stray bool) error {
	t := r.table(s.name)
	if !s.fits(c) {
		t.LostRows++
		return nil
	}
	args := make([]any, 0, len(c.Values))
	names := make([]string, 0, len(c.Values))
	for i, v := range c.Values { // a row from before a column was added ends early
		if s.columns[i].rowid {
			v = c.Rowid
		}
		args, names = append(args, v), append(names, s.columns[i].name)
	}
	text := fmt.Sprintf(`INSERT OR IGNORE INTO %s (%s) VALUES (%s)`, s.name, strings.Join(names, ", "), marks(len(names)))
	stmt := r.stmts[text]
	if stmt == nil {
		var err error
		if stmt, err = conn.PrepareContext(ctx, text); err != nil {
			return err
		}
		r.stmts[text] = stmt
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return err
	}
	switch n, _ := result.RowsAffected(); {
	case n == 0 && !stray:
		t.LostRows++
	case n > 0 && stray:
		t.Found++
		if s.name == "attempts" {
			r.strays[[2]int64{args[0].(int64), args[1].(int64)}] = true
		}
	}
	return nil
}
