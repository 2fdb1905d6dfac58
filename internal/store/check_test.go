package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

// grown makes a database with rows in every table and more attempts and files of job 1 than are inspected at once.
func grown(t *testing.T, path string) {
	t.Helper()
	s := open(t, path)
	add := farm.JobAdd{Job: job(1)}
	for i := range 2500 {
		add.Files = append(add.Files, farm.File{Path: fmt.Sprintf("tex/%06d.png", i), Ref: strings.Repeat("0a", 32)})
	}
	changes := []farm.Change{
		add,
		farm.JobAdd{Job: job(2)},
		farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: 1, Worker: "w"}},
		farm.WorkerSet{Worker: farm.Worker{ID: "w"}},
		farm.TokenSet{Token: farm.Token{ID: "t"}},
		farm.RulesSet{Rules: farm.DefaultRules()},
		farm.JobMark{ID: 1, State: farm.Active, Finished: spansOf(0), Seq: 1},
	}
	for i := range 2500 {
		changes = append(changes, frame(1, i))
	}
	apply(t, s, changes...)
	s.StopSweep()
	apply(t, s, farm.FrameReset{Job: 1, Positions: farm.SpanOf(0, 600)}) // waits
	s.Close()
}

func TestInspect(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "farm.db")
	grown(t, path)
	s := open(t, path)
	if rows, err := s.Inspect(ctx); err != nil || rows != 5000 {
		t.Fatal(rows, err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := s.Inspect(ended); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for name, spoil := range map[string][2]string{
		"results":  {`UPDATE attempts SET results = '[{' WHERE job = 1 AND seq = 2222`, `UPDATE attempts SET results = NULL WHERE job = 1 AND seq = 2222`},
		"a number": {`UPDATE attempts SET started = 'x' WHERE job = 1 AND seq = 2223`, `UPDATE attempts SET started = 1 WHERE job = 1 AND seq = 2223`},
		"a size":   {`UPDATE files SET size = 'x' WHERE job = 1 AND path = 'tex/002400.png'`, `UPDATE files SET size = 1 WHERE job = 1 AND path = 'tex/002400.png'`},
	} {
		if err := s.Pragma(spoil[0]); err != nil {
			t.Fatal(err)
		}
		_, err := s.Inspect(ctx)
		var e *farm.Error
		if !errors.As(err, &e) || e.Kind != farm.Internal || !strings.Contains(e.Hint, "netrender restore") {
			t.Errorf("%s: %#v", name, err)
		}
		if err := s.Pragma(spoil[1]); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	// A page of each long table, and of the index of accepted frames.
	for _, table := range []string{"attempts", "files", "attempts_accepted"} {
		spoilt := filepath.Join(t.TempDir(), "spoilt.db")
		copyFile(t, path, spoilt)
		spoilPage(t, spoilt, table, -1)
		s := open(t, spoilt)
		if _, err := s.Inspect(ctx); farm.KindOf(err) != farm.Internal {
			t.Errorf("a spoilt page of %s: %v", table, err)
		}
		s.Close()
	}
}

// TestDamageAtStart: a spoilt page of every table that Load stands on is found by a start after a clean end.
func TestDamageAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "farm.db")
	grown(t, path)
	for _, table := range append([]string{"goose_db_version"}, store.Short...) {
		spoilt := filepath.Join(t.TempDir(), "spoilt.db")
		copyFile(t, path, spoilt)
		spoilPage(t, spoilt, table, 0)
		if s, err := store.OpenSQLite(ctx, spoilt); err == nil {
			s.Close()
			t.Errorf("a spoilt page of %s was not seen", table)
		} else if !strings.Contains(err.Error(), "damaged") {
			t.Errorf("a spoilt page of %s: %v", table, err)
		}
	}
}

// TestEveryTableIsChecked: whoever adds a table says whether it is checked at every start, which takes time for
// each of its rows, or while the master works.
func TestEveryTableIsChecked(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "farm.db"))
	defer s.Close()
	text, err := s.Text(`SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
	if err != nil {
		t.Fatal(err)
	}
	long := []string{"attempts", "audit", "departed", "files", "goose_db_version", "summed", "sums"} // the last is checked before the others
	for _, table := range strings.Fields(text) {
		if slices.Contains(store.Short, table) == slices.Contains(long, table) {
			t.Errorf("the table %s must be named in store's list of short tables, or here", table)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// spoilPage spoils the root page of a table or index in a closed database, or with leaf -1 the last leaf below it.
func spoilPage(t *testing.T, path, name string, leaf int) {
	t.Helper()
	s := open(t, path)
	text, err := s.Text(`SELECT rootpage FROM sqlite_schema WHERE name = '` + name + `'`)
	s.Close()
	if err != nil {
		t.Fatal(err)
	}
	page, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 4096
	at := (page - 1) * size
	if kind := b[at]; leaf < 0 && (kind == 2 || kind == 5) { // an interior page: its last child, https://sqlite.org/fileformat2.html#b_tree_pages
		page = int(b[at+8])<<24 | int(b[at+9])<<16 | int(b[at+10])<<8 | int(b[at+11])
		at = (page - 1) * size
	}
	copy(b[at:at+size], bytes.Repeat([]byte{0xee}, size))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
