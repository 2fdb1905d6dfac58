package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

func job(id farm.JobID) farm.Job {
	return farm.Job{ID: id, State: farm.Active, JobSpec: farm.JobSpec{Frames: farm.FrameRange(1, 1e6, 1), Chunk: 1}}
}

func frame(job farm.JobID, n int) farm.Change {
	return farm.FrameDone{Attempt: farm.Attempt{Seq: int64(n + 1), Job: job, Frame: n + 1, Position: n, Lease: farm.LeaseID(n), Outcome: farm.Rendered}}
}

func apply(t *testing.T, s *store.SQLite, changes ...farm.Change) {
	t.Helper()
	if err := s.Apply(ctx, changes); err != nil {
		t.Fatal(err)
	}
}

// refused checks that the file is refused with a sentence and a way out, and is left as it was.
func refused(t *testing.T, path string, kind farm.Kind, saying string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(ctx, path)
	if err == nil {
		_, err = s.Load(ctx, 0)
		s.Close()
	}
	var e *farm.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Hint == "" || !strings.Contains(e.Text, saying) || strings.ContainsAny(e.Text, "\n") {
		t.Fatalf("%#v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Fatal("the refused file was changed")
	}
}

func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	refused(t, path, farm.Conflict, "another netrender master")
	s.Close()
	open(t, path).Close() // free again
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "a%20b#c.db", "a&b=c;d.db", "ä'\".db", "q?x=1.db"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, `?"`) {
			continue // no such names there
		}
		dir := t.TempDir()
		s := open(t, filepath.Join(dir, name))
		apply(t, s, farm.JobAdd{Job: job(1)})
		s.Close()
		found, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(found) != 2 || found[0] != filepath.Join(dir, name) { // and its lock
			t.Errorf("%s made %q", name, found)
		}
	}
	_, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "no", "such", "folder.db"))
	if err == nil || !strings.Contains(err.Error(), "cannot be opened") {
		t.Error(err)
	}
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("certainly not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, farm.Internal, "damaged or not a database")
}

func TestDamaged(t *testing.T) {
	for _, part := range []struct {
		name  string
		spoil func([]byte) []byte
	}{
		{"cut", func(b []byte) []byte { return b[:len(b)/3] }},
		{"schema", func(b []byte) []byte { copy(b[100:4096], make([]byte, 3996)); return b }},
		{"pages", func(b []byte) []byte {
			for i := 4096; i < len(b); i += 4096 {
				copy(b[i:i+64], bytes.Repeat([]byte{0xff}, 64))
			}
			return b
		}},
	} {
		t.Run(part.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "farm.db")
			s := open(t, path)
			apply(t, s, farm.JobAdd{Job: job(1)})
			s.Close()
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, part.spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, farm.Internal, "damaged or not a database")
		})
	}
}

func TestForeignAndNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	if err := s.Pragma(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	refused(t, path, farm.Outdated, "newer netrender")
	// Without our mark it might be anybody's.
	path = filepath.Join(t.TempDir(), "other.db")
	s = open(t, path)
	if err := s.Pragma(`PRAGMA application_id = 0`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	refused(t, path, farm.Invalid, "another program")
}

// TestMarkedOnly opens what a master leaves that was killed while it made its database.
func TestMarkedOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	if err := s.Pragma(`PRAGMA writable_schema = 1`); err != nil {
		t.Fatal(err)
	}
	if err := s.Pragma(`DELETE FROM sqlite_schema`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, path)
	defer s.Close()
	apply(t, s, farm.JobAdd{Job: job(1)})
}

// TestDiskFull lets the database grow no further.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	apply(t, s, farm.JobAdd{Job: job(1)})
	if err := s.Pragma(`PRAGMA max_page_count = 40`); err != nil {
		t.Fatal(err)
	}
	var full []farm.Change
	for i := range 20_000 {
		full = append(full, frame(1, i))
	}
	for range 2 {
		err := s.Apply(ctx, full)
		var e *farm.Error
		if !errors.As(err, &e) || e.Kind != farm.NoRoom || e.Hint == "" {
			t.Fatalf("%#v", err)
		}
	}
	apply(t, s, full[0]) // small things go on
	if l, err := s.LoadJob(ctx, 1); err != nil || l.Finished.Count() != 1 {
		t.Fatal(l.Finished.Count(), err)
	}
	if err := s.Pragma(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	apply(t, s, full...)
	s.Close()
}

func TestStatesOfTheSchema(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "farm.db"))
	defer s.Close()
	schema, err := s.Text(`SELECT sql FROM sqlite_schema WHERE name = 'jobs'`)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, state := range farm.JobStates() {
		list = append(list, "'"+string(state)+"'")
	}
	if want := "CHECK (state IN (" + strings.Join(list, ", ") + "))"; !strings.Contains(schema, want) {
		t.Fatalf("the table of jobs lacks %s", want)
	}
	j := job(1)
	j.State = "dreaming"
	if err := s.Apply(ctx, []farm.Change{farm.JobAdd{Job: j}}); farm.KindOf(err) != farm.Internal {
		t.Fatal(err)
	}
}

// TestSweep closes the store in the middle of the sweep: the next start goes on with it, to the last row.
func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	add := farm.JobAdd{Job: job(1)}
	for i := range 3500 {
		add.Files = append(add.Files, farm.File{Path: string(rune('a'+i%26)) + strings.Repeat("x", i/26)})
	}
	changes := []farm.Change{add, farm.JobAdd{Job: job(2), Files: add.Files[:1]}, farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: 1}}}
	for i := range 10_000 {
		changes = append(changes, frame(1, i))
	}
	apply(t, s, changes...)
	apply(t, s, frame(2, 20_000), farm.JobDelete{ID: 1})
	s.Close()
	s = open(t, path)
	defer s.Close()
	if n, err := s.Rows("attempts"); err != nil || n < 5000 {
		t.Fatalf("%d rows were there to be swept by the second start, %v", n, err)
	}
	deadline := time.After(20 * time.Second)
	for {
		jobs, err := s.Rows("jobs")
		if err != nil {
			t.Fatal(err)
		}
		if jobs == 1 {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the deleted job is still there")
		case <-time.After(5 * time.Millisecond):
		}
	}
	for table, want := range map[string]int{"attempts": 1, "files": 1, "leases": 0, "specs": 1, "finished": 0} {
		if n, err := s.Rows(table); err != nil || n != want {
			t.Errorf("%d rows in %s, not %d, %v", n, table, want, err)
		}
	}
}

// TestHeldJobIsForgotten: what was put in of a job that was not made before the store was closed goes, to the last row;
// while the store is open it stays, whatever else is deleted.
func TestHeldJobIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	apply(t, s, farm.JobHold{ID: 1}, frame(1, 0), frame(1, 1), farm.JobAdd{Job: job(2)}, frame(2, 2))
	apply(t, s, farm.JobDelete{ID: 2})
	rows := func(s *store.SQLite, want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
			jobs, err := s.Rows("jobs")
			attempts, err2 := s.Rows("attempts")
			if err != nil || err2 != nil || time.Now().After(deadline) {
				t.Fatalf("%d jobs and %d attempts, not of %d jobs; %v, %v", jobs, attempts, want, err, err2)
			}
			if jobs == want && attempts == 2*want {
				return
			}
		}
	}
	rows(s, 1)
	s.Close()
	s = open(t, path)
	defer s.Close()
	rows(s, 0)
}

// TestLargeReset is kept at once, without touching a frame's row, and carried out by and by, over a restart.
func TestLargeReset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	s.StopSweep()
	const n = 3000
	changes := []farm.Change{farm.JobAdd{Job: job(1)}, farm.JobAdd{Job: job(2)}, frame(2, n)}
	for i := range n {
		changes = append(changes, frame(1, i))
	}
	apply(t, s, changes...)
	accepted := func(want string) {
		t.Helper()
		if got, err := s.Text(`SELECT count(*) FROM attempts WHERE standing = 1`); err != nil || got != want {
			t.Fatalf("%s frames are marked as accepted, not %s, %v", got, want, err)
		}
	}
	apply(t, s, farm.FrameReset{Job: 1, Positions: farm.SpanOf(0, n)})
	accepted("3001")
	if more, err := s.Piece(); !more || err != nil {
		t.Fatal(more, err)
	}
	accepted("2501")
	// A batch that fails undoes what it carried out.
	bad := frame(1, 2000).(farm.FrameDone)
	bad.Attempt.Seq, bad.Attempt.Lease = 9999, 9999
	if err := s.Apply(ctx, []farm.Change{bad, farm.FrameDone{Attempt: farm.Attempt{Job: 77}}}); err == nil {
		t.Fatal("a frame of no job was kept")
	}
	accepted("2501")
	apply(t, s, bad)
	accepted("2002")
	if l, err := s.LoadJob(ctx, 1); err != nil || l.Finished.Count() != 1 || !l.Finished.Contains(2000) {
		t.Fatal(l.Finished, err)
	}
	s.Close()
	s = open(t, path) // sweeps
	defer s.Close()
	deadline := time.After(20 * time.Second)
	for {
		left, err := s.Rows("resets")
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d parts wait", left)
		case <-time.After(5 * time.Millisecond):
		}
	}
	accepted("2") // of both jobs
	if l, err := s.LoadJob(ctx, 1); err != nil || l.Finished.Count() != 1 {
		t.Fatal(l.Finished, err)
	}
}

func TestFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no file modes on Windows")
	}
	path := filepath.Join(t.TempDir(), "farm.db")
	s := open(t, path)
	defer s.Close()
	apply(t, s, farm.JobAdd{Job: job(1)})
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info.Mode(), err)
		}
	}
}

// TestPlans guards the indices: no hot statement reads a whole table or sorts.
func TestPlans(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "farm.db"))
	defer s.Close()
	for name, query := range store.Queries {
		plan, err := s.Plan(query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for line := range strings.Lines(plan) {
			// The subqueries of a sweep are read whole, and hold at most a thousand rows.
			if strings.HasSuffix(strings.TrimSpace(line), "SEARCH a USING PRIMARY KEY (job=?)") || strings.Contains(line, "SCAN") && !strings.Contains(line, "SCAN part") && !strings.Contains(line, "jobs_gone") || strings.Contains(line, "TEMP B-TREE") {
				t.Errorf("%s:\n%s", name, plan)
			}
		}
	}
}

// TestUncleanEnd takes the files of a store that is not closed, as a cut of the power leaves them, once whole and
// once with a page spoilt: what was applied is there, and the spoilt page is found before anything is read from it.
func TestUncleanEnd(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "farm.db"))
	defer s.Close()
	apply(t, s, farm.JobAdd{Job: job(1)}, farm.TokenSet{Token: farm.Token{ID: "t"}})
	if err := s.Pragma(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	apply(t, s, frame(1, 0)) // in the log alone
	text, err := s.Text(`SELECT rootpage FROM sqlite_schema WHERE name = 'tokens'`)
	if err != nil {
		t.Fatal(err)
	}
	page, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, spoilt := range []bool{false, true} {
		copied := filepath.Join(dir, fmt.Sprint("copy", spoilt, ".db"))
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, "farm.db"+suffix))
			if err != nil {
				t.Fatal(err)
			}
			if spoilt && suffix == "" {
				copy(b[(page-1)*4096:page*4096], bytes.Repeat([]byte{0xee}, 4096))
			}
			if err := os.WriteFile(copied+suffix, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := store.OpenSQLite(ctx, copied)
		if spoilt {
			if err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if l, err := c.LoadJob(ctx, 1); err != nil || l.Finished.Count() != 1 {
			t.Fatal(l.Finished.Count(), err)
		}
		c.Close()
	}
}
