package store_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

var writeSchema = flag.Bool("write-schema", false, "TestSchemas writes testdata/schemas of the newest schema: the one before, migrated; add rows for what is new by hand")

// schemaFile is a database as the program of that schema wrote it, with something in every table.
func schemaFile(n int) string { return fmt.Sprintf("testdata/schemas/%05d.sql", n) }

// TestSchemas opens databases of every schema there ever was.
func TestSchemas(t *testing.T) {
	migrations, err := filepath.Glob("migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	newest := len(migrations)
	if *writeSchema {
		path := ofSchema(t, newest-1)
		open(t, path).Close()
		write(t, schemaFile(newest), []byte(dump(t, path)))
	}
	for n := 1; n <= newest; n++ {
		if _, err := os.Stat(schemaFile(n)); err != nil {
			t.Fatalf("schema %d has no test: go test ./internal/store -run TestSchemas -write-schema begins one", n)
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			path := ofSchema(t, n)
			k, err := store.Examine(ctx, path) // as a backup of that time is
			want := farm.Kept{Schema: int64(n), Epoch: 1, NextJob: 5, Jobs: 3, Frames: 4}
			if n == 1 {
				want.Frames = 5
			}
			if err != nil || k != want {
				t.Fatalf("from outside it is %+v, %v", k, err)
			}
			s := open(t, path)
			holdsAll(t, s, n)
			apply(t, s, farm.JobAdd{Job: job(5)}, farm.FrameDone{Attempt: farm.Attempt{Seq: 9 << 32, Job: 2, Frame: 3, Position: 5, Lease: 9 << 32, Outcome: farm.Rendered}})
			s.Close()
			if k, err := store.Examine(ctx, path); err != nil || int(k.Schema) != newest || k.NextJob != 6 || k.Epoch != 2 {
				t.Errorf("migrated it is %+v, %v", k, err)
			}
			s = open(t, path)
			defer s.Close()
			if l, err := s.LoadJob(ctx, 2); err != nil || l.Finished.Count() != 3 {
				t.Errorf("job 2 has %d finished frames, %v", l.Finished.Count(), err)
			}
			if _, err := s.Inspect(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// holdsAll checks what the database of schema n holds.
func holdsAll(t *testing.T, s *store.SQLite, n int) {
	t.Helper()
	s.StopSweep()
	at := func(n int64) time.Time { return time.Unix(1_790_000_000+n, 0).UTC() }
	since := func(schema int, text string) string {
		if n >= schema {
			return text
		}
		return ""
	}
	st, err := s.Load(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	say := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	say("epoch %d, next job %d, own rules %v, cleaning %v", st.Epoch, st.NextJob, st.HasRule, st.Cleaning != farm.Cleaning{})
	for _, x := range st.Tokens {
		say("token %s of %s, a %s, %s, made %v, used %v", x.ID, x.Name, x.Role, x.Hash[60:], x.Created.Equal(at(1)) || x.Created.Equal(at(0)), x.Used.Equal(at(5)))
	}
	for _, x := range st.Workers {
		say("worker %s %s, %d slots, %v, %d cores, enabled %v, at %s, seen %v, by %q", x.ID, x.Name, x.Slots, x.Tags, x.Facts.Cores, x.Enabled, x.Address, x.Seen.Equal(at(30)), x.Token)
		if x.SetSlots > 0 {
			say("  set to %d slots", x.SetSlots)
		}
	}
	for _, x := range st.Leases {
		say("lease %x of job %d to %s, slot %d, frames %v, try %d, %v", int64(x.ID), x.Job, x.Worker, x.Slot, x.Frames, x.Attempt, x.Issued.Equal(at(22)))
	}
	for _, x := range st.Logins {
		say("login %s by %s from %s with %s", x.ID, x.Token, x.Address, x.Browser)
	}
	for _, x := range st.Targets {
		say("target %s %s at %s (%s, %s) is told %v of %q, enabled %v, failing %v: %s", x.ID, x.Name, x.Where, x.URL, x.Secret, x.Kinds, x.Owner, x.Enabled, x.Failing.Equal(at(40)), x.Error)
	}
	for _, x := range st.Pending {
		say("%s waits for %s: %s", x.Message.ID, x.Target, x.Message.Text)
	}
	jobs, err := s.Jobs(ctx, farm.JobFilter{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.JobPage(ctx, farm.JobFilter{Sort: farm.ByPriority, Limit: 1}); err != nil || p.Total != 3 || len(p.Jobs) != 1 || p.Jobs[0].ID != 3 {
		t.Errorf("the job of the highest priority: %+v, %v", p, err)
	}
	for i := range jobs {
		j := &jobs[i]
		l, err := s.LoadJob(ctx, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		say("job %d %s in %s, %s, of %s (%s), frames %s, priority %d, needs %v, exr %s, key %s, %d of %d in %g s, removed %d", j.ID, j.Name, j.Folder, j.State,
			j.Owner, j.OwnerID, j.Frames, j.Priority, j.Needs.Tags, j.Options.EXR, j.Key, j.Done, j.Total, j.Machine, len(j.Removed))
		say("  finished %v, refused %v", slices.Collect(l.Finished.All()), l.Refused)
		files, err := s.Manifest(ctx, j.ID, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if at := slices.IndexFunc(files, func(f farm.File) bool { return f.Path == j.Blend }); at >= 0 {
			same, err := s.Jobs(ctx, farm.JobFilter{Scene: files[at].Ref, Before: j.ID + 1, Limit: 1})
			if err != nil || len(same) != 1 || same[0].ID != j.ID {
				t.Errorf("job %d is not found by its scene: %+v, %v", j.ID, same, err)
			}
		}
		for _, f := range files {
			if f.Bake > 0 {
				say("  the next one is of bake %d", f.Bake)
			}
			say("  file %s from %s, %d bytes, %s, for some %v", f.Path, f.Original, f.Size, f.Ref[60:], f.First != nil && *f.First == 1 && *f.Last == 2)
		}
		tries, err := s.Attempts(ctx, farm.AttemptFilter{Job: j.ID, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range tries {
			text := fmt.Sprintf("  frame %d %s by %s with %q", a.Frame, a.Outcome, a.Worker, a.Install)
			for _, r := range a.Results {
				text += fmt.Sprintf(", %s of %d bytes, %s", r.Name, r.Size, r.Ref[60:])
			}
			say("%s %s %s", text, a.Error, strings.Join(a.Warnings, ""))
		}
	}
	audit, err := s.Audit(ctx, farm.AuditFilter{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range audit {
		say("%s by %s from %s: %s %s", a.Action, a.Who, a.Address, a.Subject, a.Text)
	}
	state, done, finished := farm.Done, 3, "[0 1 2]"
	if n >= 2 { // frame 2 is to be rendered again, and its attempt does not know yet
		state, done, finished = farm.Active, 2, "[0 2]"
	}
	want := []string{
		"epoch 2, next job 5, own rules true, cleaning false",
		"token t-anna of anna, a submit, 0008, made true, used false",
		"token t-root of root, a admin, 0007, made true, used true",
		fmt.Sprintf("worker worker-oak oak, 2 slots, [fast], 8 cores, enabled true, at 10.0.0.7, seen true, by %q", since(6, "t-root")),
		since(14, "  set to 2 slots"),
		"lease 100000007 of job 2 to worker-oak, slot 1, frames [1 2], try 1, true",
		since(3, "login l1 by t-root from 10.0.0.9 with Firefox"),
		since(12, "target chat Chat at https://chat.studio (https://chat.studio/x, whsec_x) is told [job.done job.failed] of \"anna\", enabled true, failing true: no answer"),
		since(12, "msg_1 waits for chat: Shot 1 is done"),
		"job 3 Shot 3 in Shot-3, collecting, of anna (t-anna), frames 1, priority 3, needs [fast], exr full, key key3, 0 of 1 in 0 s, removed 0",
		"  finished [], refused []",
		"  file shot.blend from /home/anna/shot.blend, 1000 bytes, 0001, for some false",
		"job 2 Shot 2 in Shot-2, active, of anna (t-anna), frames -2-3, priority 2, needs [fast], exr full, key key2, 2 of 6 in 19 s, removed 0",
		fmt.Sprintf("  finished [0 1], refused [%s]", since(5, "worker-oak")),
		"  file shot.blend from /home/anna/shot.blend, 1000 bytes, 0001, for some false",
		since(15, "  the next one is of bake 3"),
		"  file tex/ä.png from //tex/ä.png, 20 bytes, 0002, for some true",
		`  frame -2 done by worker-oak with "4.5.3", exr/-002.exr of 10 bytes, 03e6  `,
		`  frame -1 done by worker-oak with "4.5.3", exr/-001.exr of 10 bytes, 03e7  ` + since(4, "a texture is missing"),
		`  frame 0 failed by worker-oak with "" no camera `,
		fmt.Sprintf("job 1 Shot 1 in Shot-1, %s, of anna (t-anna), frames 1-3, priority 1, needs [fast], exr full, key key1, %d of 3 in 28.5 s, removed %d", state, done, len(since(7, "1"))),
		"  finished " + finished + ", refused []",
		"  file shot.blend from /home/anna/shot.blend, 1000 bytes, 0001, for some false",
		"  file tex/ä.png from //tex/ä.png, 20 bytes, 0002, for some true",
		`  frame 1 done by worker-oak with "4.5.3", exr/0001.exr of 10 bytes, 03e9  `,
		`  frame 2 done by worker-oak with "4.5.3", exr/0002.exr of 10 bytes, 03ea  `,
		`  frame 3 done by worker-oak with "4.5.3", exr/0003.exr of 10 bytes, 03eb  `,
		since(8, "job.submit by anna from 10.0.0.8: 1 Shot 1"),
	}
	var there []string
	for _, line := range want {
		if line != "" {
			there = append(there, line)
		}
	}
	if d := diff.Diff(there, got); d != "" {
		t.Error(d)
	}
}

// ofSchema makes the database of a schema.
func ofSchema(t *testing.T, n int) (path string) {
	t.Helper()
	text, err := os.ReadFile(schemaFile(n))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "farm.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA foreign_keys = 0;\nBEGIN;\n" + string(text) + "\nCOMMIT;"); err != nil {
		t.Fatal(err)
	}
	return path
}

// dump writes a database as SQL.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lines := func(query string) (list []string) {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			list = append(list, line)
		}
		return list
	}
	out := []string{lines(`SELECT 'PRAGMA application_id = ' || application_id || ';' FROM pragma_application_id`)[0]}
	const ours = ` FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND type = `
	out = append(out, lines(`SELECT sql || ';'`+ours+`'table' ORDER BY name`)...)
	for _, table := range lines(`SELECT name` + ours + `'table' ORDER BY name`) {
		values := lines(`SELECT group_concat('quote("' || name || '")', ' || '', '' || ') FROM pragma_table_info('` + table + `')`)[0]
		out = append(out, lines(`SELECT 'INSERT INTO "`+table+`" VALUES(' || `+values+` || ');' FROM `+table)...)
	}
	out = append(out, lines(`SELECT sql || ';'`+ours+`'index' ORDER BY name`)...)
	return strings.Join(out, "\n") + "\n"
}
