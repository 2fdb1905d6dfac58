package store_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

var wrecks = flag.Int("wrecks", 1, "how often TestRecoverDamage harms a database in each way")

// A farm with jobs in several states, whose frames and files fill many pages.
const (
	wreckJobs   = 6
	wreckFrames = 900
	wreckFiles  = 300
)

// wreckFarm makes the database; its last changes are in the log alone when it is copied before it is closed.
func wreckFarm(t *testing.T, path string) *store.SQLite {
	t.Helper()
	s := open(t, path)
	s.StopSweep()
	changes := []farm.Change{
		farm.TokenSet{Token: farm.Token{ID: "t1", Name: "anna", Role: farm.RoleSubmit, Hash: "aa"}},
		farm.TokenSet{Token: farm.Token{ID: "t2", Name: "root", Role: farm.RoleAdmin, Hash: "bb"}},
		farm.RulesSet{Rules: farm.DefaultRules()},
	}
	for i := range 4 {
		changes = append(changes, farm.WorkerSet{Worker: farm.Worker{ID: farm.WorkerID(fmt.Sprint("worker-", i)), Name: fmt.Sprint("oak-", i), Facts: farm.Facts{Cores: 8}}})
	}
	seq := int64(1 << 32)
	for id := farm.JobID(1); id <= wreckJobs; id++ {
		j := job(id)
		j.Name, j.Folder, j.Blend = fmt.Sprint("shot ", id), fmt.Sprint("shot-", id), "shot.blend"
		j.JobSpec.Frames, j.Total = farm.FrameRange(1, wreckFrames, 1), wreckFrames
		j.Options.EXR = "full"
		add := farm.JobAdd{Job: j}
		for n := range wreckFiles {
			add.Files = append(add.Files, farm.File{Path: fmt.Sprintf("tex/%04d.png", n), Original: fmt.Sprintf("/home/anna/tex/%04d.png", n), Size: int64(n), Ref: fmt.Sprintf("%064x", n)})
		}
		add.Job.Scene = farm.SceneKey(&add.Job.JobSpec, add.Files)
		changes = append(changes, add)
		done := wreckFrames
		if id > 2 {
			done = 100 * int(id)
		}
		var finished farm.Spans
		for p := range done {
			seq++
			changes = append(changes, farm.FrameDone{Attempt: farm.Attempt{
				Seq: seq, Job: id, Frame: p + 1, Position: p, Number: 1, Lease: farm.LeaseID(seq), Worker: farm.WorkerID(fmt.Sprint("worker-", p%4)),
				Outcome: farm.Rendered, Install: "4.5.3", Results: []farm.Result{{Kind: farm.KindEXR, Name: fmt.Sprintf("%04d.exr", p+1), Size: 10, Ref: fmt.Sprintf("%064x", p), Frame: p + 1}},
			}})
			finished.Add(p)
		}
		m := farm.JobMark{ID: id, State: farm.Active, Finished: finished.Encode(), Seq: seq, Progress: farm.Progress{Total: wreckFrames, Done: done}}
		if id <= 2 {
			m.State = farm.Done
		}
		changes = append(changes, m, farm.LeaseAdd{Lease: farm.Lease{ID: farm.LeaseID(seq + 1), Job: id, Worker: "worker-1", Frames: []int{wreckFrames}}})
	}
	apply(t, s, changes...)
	return s
}

// kept is what a database holds, as far as a farm cares.
type kept struct {
	Jobs     map[farm.JobID]string
	Accepted map[farm.JobID][]int
	Files    map[farm.JobID]int
	Tokens   []string
	Workers  []string
	Epoch    int64
	Next     farm.JobID
}

func keptIn(t *testing.T, s *store.SQLite) kept {
	t.Helper()
	k := kept{Jobs: map[farm.JobID]string{}, Accepted: map[farm.JobID][]int{}, Files: map[farm.JobID]int{}}
	st, err := s.Load(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	k.Epoch, k.Next = st.Epoch, st.NextJob
	for _, token := range st.Tokens {
		k.Tokens = append(k.Tokens, token.ID)
	}
	for _, w := range st.Workers {
		k.Workers = append(k.Workers, string(w.ID))
	}
	jobs, err := s.Jobs(ctx, farm.JobFilter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		k.Jobs[j.ID] = j.Name
		l, err := s.LoadJob(ctx, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		k.Accepted[j.ID] = slices.Collect(l.Finished.All())
		list, err := s.Attempts(ctx, farm.AttemptFilter{Job: j.ID, Accepted: true, Limit: wreckFrames + 1})
		if err != nil || len(list) != len(k.Accepted[j.ID]) {
			t.Fatalf("job %d: %d of %d finished frames have a record, %v", j.ID, len(list), len(k.Accepted[j.ID]), err)
		}
		files, err := s.Manifest(ctx, j.ID, "", wreckFiles+1)
		if err != nil {
			t.Fatal(err)
		}
		k.Files[j.ID] = len(files)
	}
	return k
}

var everything = store.RecoverOptions{Jump: 1000, Has: func(string, farm.Result, bool) bool { return true }}

// recovered recovers the database, and wants what came out to be sound, to lie within what was there, and to be all of
// it but for what is said to be lost. invented is how many frames a change of bytes may have made up.
func recovered(t *testing.T, path string, was kept, invented int) (*store.Recovered, kept) {
	t.Helper()
	before, _ := os.ReadFile(path)
	to := filepath.Join(t.TempDir(), "fresh.db")
	out, err := store.Recover(ctx, path, to, everything)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Fatal("the damaged database was changed")
	}
	if err := store.Sound(ctx, to); err != nil {
		t.Fatalf("what came out is not sound: %v", err)
	}
	s := open(t, to)
	defer s.Close()
	is := keptIn(t, s)
	if is.Epoch <= was.Epoch || is.Next <= was.Next {
		t.Errorf("the numbers went back: epoch %d to %d, next job %d to %d", was.Epoch, is.Epoch, was.Next, is.Next)
	}
	lost := map[farm.JobID]store.RecoveredJob{}
	for _, j := range out.Jobs {
		lost[j.ID] = j
	}
	made := 0
	for id := range was.Jobs {
		said, named := lost[id]
		if _, there := is.Jobs[id]; !there {
			if (!named || said.Gone == "") && !out.LogLost && !slices.ContainsFunc(out.Tables, func(x store.RecoveredTable) bool { return x.Name == "jobs" && x.LostPages+x.LostRows > 0 }) {
				t.Errorf("job %d is gone and nobody says so", id)
			}
			continue
		}
		if n := is.Files[id]; n != was.Files[id] && !(said.Files && n == 0) {
			t.Errorf("job %d has %d of %d files: %+v", id, n, was.Files[id], said)
		}
		gone := 0
		for _, p := range was.Accepted[id] {
			if _, ok := slices.BinarySearch(is.Accepted[id], p); !ok {
				if gone++; !said.Frames.Contains(p + 1) {
					said.Unknown--
				}
			}
		}
		if said.Unknown < -invented && !said.Found { // of a job whose state is lost, who knows
			t.Errorf("job %d: %d frames are lost that are not named", id, -said.Unknown)
		}
		made += len(is.Accepted[id]) + gone - len(was.Accepted[id])
	}
	if made > invented {
		t.Errorf("%d frames are finished that were not", made)
	}
	for _, id := range is.Tokens {
		if invented == 0 && !slices.Contains(was.Tokens, id) {
			t.Errorf("the token %s came from nowhere", id)
		}
	}
	return out, is
}

// TestRecoverWhole: nothing is lost of a database that is whole, also with its last changes in the log alone.
func TestRecoverWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "farm.db")
	s := wreckFarm(t, path)
	was := keptIn(t, s)
	copied := filepath.Join(dir, "copied.db")
	copyFile(t, path, copied)
	copyFile(t, path+"-wal", copied+"-wal")
	s.Close()
	for _, path := range []string{copied, path} {
		out, is := recovered(t, path, was, 0)
		was.Epoch, was.Next = is.Epoch, is.Next
		if d := diff.Diff(was, is); d != "" || len(out.Jobs) > 0 || out.LogLost {
			t.Errorf("%+v\n%s", out, d)
		}
		was.Epoch, was.Next = 1, 1
	}
	if err := store.Sound(ctx, path); err != nil {
		t.Error(err)
	}
	var e *farm.Error
	if err := store.Sound(ctx, filepath.Join(dir, "none.db")); !errors.As(err, &e) || e.Kind != farm.NotFound {
		t.Error(err)
	}
}

// TestRecoverDamage harms copies of a database in many ways, each with a seed.
func TestRecoverDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "farm.db")
	s := wreckFarm(t, path)
	was := keptIn(t, s)
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	pages := len(whole) / page
	for _, c := range []struct {
		name     string
		invented int
		harm     func(b []byte, r *rand.Rand) []byte
	}{
		{"a page of nothing", 0, func(b []byte, r *rand.Rand) []byte {
			n := 1 + r.IntN(pages-1)
			clear(b[n*page : (n+1)*page])
			return b
		}},
		{"many pages of noise", 0, func(b []byte, r *rand.Rand) []byte {
			for range 1 + r.IntN(pages/4) {
				n := 1 + r.IntN(pages-1)
				for i := n * page; i < (n+1)*page; i++ {
					b[i] = byte(r.Uint32())
				}
				b[n*page] = 0xee // no kind of page
			}
			return b
		}},
		{"cut off", 0, func(b []byte, r *rand.Rand) []byte { return b[:page+r.IntN(len(b)-page)] }},
		{"no header", 0, func(b []byte, _ *rand.Rand) []byte { clear(b[:100]); return b }},
		{"no first page", 0, func(b []byte, _ *rand.Rand) []byte { clear(b[:page]); return b }},
		{"flipped bits", 40, func(b []byte, r *rand.Rand) []byte {
			for range 40 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			return b
		}},
		{"pages that changed places", 40, func(b []byte, r *rand.Rand) []byte {
			for range 3 {
				x, y := 1+r.IntN(pages-1), 1+r.IntN(pages-1)
				kept := bytes.Clone(b[x*page : (x+1)*page])
				copy(b[x*page:(x+1)*page], b[y*page:(y+1)*page])
				copy(b[y*page:(y+1)*page], kept)
			}
			return b
		}},
	} {
		for seed := range uint64(*wrecks) {
			t.Run(fmt.Sprintf("%s/%d", c.name, seed), func(t *testing.T) {
				spoilt := filepath.Join(t.TempDir(), "spoilt.db")
				if err := os.WriteFile(spoilt, c.harm(bytes.Clone(whole), rand.New(rand.NewPCG(seed, 7))), 0o600); err != nil {
					t.Fatal(err)
				}
				out, is := recovered(t, spoilt, was, c.invented)
				t.Logf("%d of %d jobs, %d frames; %+v", len(is.Jobs), len(was.Jobs), out.Frames, out.Tables)
			})
		}
	}
}

// TestRecoverLog: without its log, or with one that is spoilt, the last changes are missing and no others.
func TestRecoverLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "farm.db")
	s := wreckFarm(t, path)
	defer s.Close()
	if err := s.Pragma(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	was := keptIn(t, s) // this start is in the log
	j := job(wreckJobs + 1)
	j.Name = "in the log"
	apply(t, s, farm.JobAdd{Job: j})
	with := filepath.Join(dir, "with.db")
	copyFile(t, path, with)
	copyFile(t, path+"-wal", with+"-wal")
	without := filepath.Join(dir, "without.db")
	copyFile(t, path, without)
	was.Epoch = 0
	if _, is := recovered(t, with, was, 0); is.Jobs[j.ID] != j.Name {
		t.Error("the change in the log is lost")
	}
	if _, is := recovered(t, without, was, 0); is.Jobs[j.ID] != "" || len(is.Jobs) != wreckJobs {
		t.Errorf("%v", is.Jobs)
	}
	b, err := os.ReadFile(with + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]byte){"its head": func(b []byte) { clear(b[:32]) }, "a frame": func(b []byte) { b[32+24+100] ^= 1 }} {
		spoilt := bytes.Clone(b)
		spoil(spoilt)
		if err := os.WriteFile(with+"-wal", spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		out, is := recovered(t, with, was, 0)
		if is.Jobs[j.ID] != "" || len(is.Jobs) != wreckJobs || out.LogLost != (name == "its head") {
			t.Errorf("%s: %v, log lost %v", name, is.Jobs, out.LogLost)
		}
	}
}

// TestRecoverResults: a finished frame whose results are not on the disk is rendered again; what a rule removed is not
// missed; of what came from pages that nothing leads to, the bytes are looked at.
func TestRecoverResults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "farm.db")
	s := wreckFarm(t, path)
	s.Close()
	var whole, plain int
	o := everything
	o.Has = func(folder string, r farm.Result, w bool) bool {
		if plain++; w {
			whole++
		}
		return folder != "shot-1" || r.Frame != 7 && r.Frame != 8
	}
	to := filepath.Join(t.TempDir(), "fresh.db")
	out, err := store.Recover(ctx, path, to, o)
	if err != nil || len(out.Jobs) != 1 || out.Jobs[0].ID != 1 || out.Jobs[0].Frames.String() != "7-8" || out.Jobs[0].State != farm.Failed || whole != 0 {
		t.Fatalf("%+v, %d looked at whole, %v", out, whole, err)
	}
	s = open(t, to)
	l, err := s.LoadJob(ctx, 1)
	if err != nil || l.Finished.Count() != wreckFrames-2 || l.Job.Done != wreckFrames-2 || l.Job.Reason == "" {
		t.Errorf("%+v, %v", l.Job.Progress, err)
	}
	s.Close()
	spoilPage(t, path, "attempts", 0) // the root: all its leaves are orphans
	whole, plain = 0, 0
	out, err = store.Recover(ctx, path, filepath.Join(t.TempDir(), "again.db"), o)
	if err != nil || whole == 0 || whole != plain {
		t.Errorf("%+v: %d of %d looked at whole, %v", out, whole, plain, err)
	}
}

// TestRecoverTokens: a token that was revoked does not come back from an old page, also when its table is damaged.
func TestRecoverTokens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "farm.db")
	s := wreckFarm(t, path)
	var many []farm.Change
	for i := range 200 {
		many = append(many, farm.TokenSet{Token: farm.Token{ID: fmt.Sprintf("revoked-%03d", i), Name: "bert", Hash: fmt.Sprintf("%064d", i), Role: farm.RoleAdmin}})
	}
	apply(t, s, many...)
	var gone []farm.Change
	for _, c := range many {
		gone = append(gone, farm.TokenDelete{ID: c.(farm.TokenSet).Token.ID})
	}
	apply(t, s, gone...)
	s.Close()
	spoilPage(t, path, "tokens", 0)
	to := filepath.Join(t.TempDir(), "fresh.db")
	out, err := store.Recover(ctx, path, to, everything)
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, to)
	defer s.Close()
	st, err := s.Load(ctx, 0)
	if err != nil || len(st.Tokens) > 0 {
		t.Errorf("%d tokens, %v", len(st.Tokens), err)
	}
	if !slices.ContainsFunc(out.Tables, func(x store.RecoveredTable) bool { return x.Name == "tokens" && x.LostPages > 0 }) {
		t.Errorf("nobody says that tokens are lost: %+v", out.Tables)
	}
}

// TestRecoverOldSchemas: a database of every schema that was damaged before it could be migrated.
func TestRecoverOldSchemas(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		if _, err := os.Stat(schemaFile(n)); err != nil {
			break
		}
		for what, harm := range map[string]func(b []byte){"no header": func(b []byte) { clear(b[:100]) }, "no first page": func(b []byte) { clear(b[:4096]) }} {
			path := ofSchema(t, n)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			harm(b)
			write(t, path, b)
			to := filepath.Join(t.TempDir(), "fresh.db")
			out, err := store.Recover(ctx, path, to, everything)
			if err != nil {
				t.Fatalf("schema %d, %s: %v", n, what, err)
			}
			if err := store.Sound(ctx, to); err != nil {
				t.Errorf("schema %d, %s: %v", n, what, err)
			}
			s := open(t, to)
			jobs, err := s.Jobs(ctx, farm.JobFilter{Limit: 10})
			if err != nil || len(jobs) != 3 || out.Kept != 3 || jobs[2].Name != "Shot 1" || jobs[1].Done != 2 || what == "no header" && int(out.Schema) != n {
				t.Errorf("schema %d, %s: %+v, %+v, %v", n, what, out, jobs, err)
			}
			s.Close()
		}
	}
}
