package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// backup makes a backup and returns where it is.
func (f *farm) backup(args ...string) string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "farm.tar")
	out, errs, code := f.run(append([]string{"backup", "-o", file}, args...)...)
	if code != 0 || !strings.Contains(out, file+" holds the farm") {
		f.t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		f.t.Fatalf("others may read the backup: %v %v", info, err)
	}
	beside, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	left, _ := filepath.Glob(filepath.Join(f.data, "master", "backup-*"))
	if len(beside)+len(left) > 0 {
		f.t.Fatalf("%q and %q were left behind", beside, left)
	}
	return file
}

// address is what the master says of itself, with the pin of its key.
func (f *farm) address() string {
	f.t.Helper()
	var note struct{ URL string }
	text, err := os.ReadFile(filepath.Join(f.data, "master.json"))
	if err == nil {
		err = json.Unmarshal(text, &note)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return note.URL
}

// accepted is every accepted frame of a job with the hash of its EXR file.
func (f *farm) accepted(id nr.JobID) (refs map[int]string, leases map[nr.LeaseID]bool) {
	f.t.Helper()
	refs, leases = map[int]string{}, map[nr.LeaseID]bool{}
	for a, err := range f.client().FollowAttempts(context.Background(), nr.AttemptFilter{Job: id, Accepted: true}) {
		if err != nil {
			f.t.Fatal(err)
		}
		leases[a.Lease] = true
		for _, r := range a.Results {
			if r.Kind == nr.KindEXR {
				refs[a.Frame] = r.Ref
			}
		}
	}
	return refs, leases
}

// TestRestoreUnderWorkers puts an older backup back while a worker renders on: jobs that the backup knows come to
// their end, each frame once and right; what came after it is gone and is never taken for something else.
func TestRestoreUnderWorkers(t *testing.T) {
	f := startFarm(t)
	oak := f.worker("oak", "--fake-renderer", "40ms", "--slots", "2")
	job := f.submitScene("the first scene", "1-60")
	progress := func(id nr.JobID, done int) func() bool {
		return func() bool { return f.job(id.String()).Done >= done }
	}
	eventually(t, time.Minute, "some frames are done", progress(job.ID, 5))
	file := f.backup()
	// Starts and jobs that the backup does not know.
	for range 2 {
		f.proc.kill()
		f.start()
	}
	lost := f.submitScene("the second scene", "1-60", func(s *nr.JobSpec) { s.Priority = 100 })
	eventually(t, time.Minute, "frames of a lost job are done", progress(lost.ID, 5))
	_, unknown := f.accepted(lost.ID)
	token := f.token()
	f.proc.kill()

	if _, errs, code := f.run("restore", file, "--data", f.data); code != 1 || !strings.Contains(errs, "there is a farm in "+f.data) || !strings.Contains(errs, "--force") {
		t.Fatalf("exit %d: %s", code, errs)
	}
	out, errs, code := f.run("restore", file, "--data", f.data, "--force")
	if code != 0 || !strings.Contains(out, "What was there before lies in") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	f.start()
	if _, errs, code := f.run("restore", file, "--data", f.data, "--force"); code != 1 || !strings.Contains(errs, "another netrender master is using") {
		t.Fatalf("under a running master: exit %d: %s", code, errs)
	}
	if f.token() != token {
		t.Error("the admin's token is another one")
	}
	other := f.submitScene("the third scene", "1-60", func(s *nr.JobSpec) { s.Name, s.Priority = "fake", 100 })
	if other.ID <= lost.ID {
		t.Errorf("job %d has a number that was given before", other.ID)
	}
	if _, errs, code := f.run("job", lost.ID.String()); code != 1 || !strings.Contains(errs, "there is no job") {
		t.Errorf("the lost job: exit %d: %s", code, errs)
	}
	f.doneWithin(time.Minute, job.ID)
	f.doneWithin(time.Minute, other.ID)
	f.audit(job.ID, 60)
	f.audit(other.ID, 60)
	select {
	case <-oak.done:
		t.Errorf("the worker ended: %v", oak.err)
	default:
	}
	// Each picture is of its own scene, and no lease was given twice.
	first, leases := f.accepted(job.ID)
	third, more := f.accepted(other.ID)
	for l := range more {
		leases[l] = true
	}
	for l := range unknown {
		if leases[l] {
			t.Errorf("lease %d was given twice", l)
		}
	}
	for _, again := range []struct {
		scene string
		refs  map[int]string
	}{{"the first scene", first}, {"the third scene", third}} {
		clean := f.submitScene(again.scene, "1-60", func(s *nr.JobSpec) { s.Key = "again " + again.scene })
		f.doneWithin(time.Minute, clean.ID)
		refs, _ := f.accepted(clean.ID)
		for frame, ref := range refs {
			if again.refs[frame] != ref {
				t.Errorf("frame %d of %s is not its picture", frame, again.scene)
			}
		}
	}
}

// TestBackupWithFiles brings a whole farm to another data folder: the results are there, a job that was not finished
// goes on, and clients and workers that were let in still are.
func TestBackupWithFiles(t *testing.T) {
	f := startFarm(t, "--tls")
	f.url = f.address()
	dir := t.TempDir()
	oak := f.workerIn(dir, "oak", "--fake-renderer", "10ms")
	done := f.submitScene("the first scene", "1-20")
	f.doneWithin(time.Minute, done.ID)
	oak.kill()
	half := f.submitScene("the second scene", "1-20")
	short, whole := f.backup(), f.backup("--with-files")
	if out := f.ok("audit"); !strings.Contains(out, "without files") || !strings.Contains(out, "with files") {
		t.Errorf("the audit does not say who has the farm's key: %s", out)
	}
	token := f.token()
	f.proc.kill()

	spoilt := filepath.Join(t.TempDir(), "spoilt.tar")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("netrender.db")) + 4096
	text[at] ^= 1
	if err := os.WriteFile(spoilt, text, 0o600); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for path, saying := range map[string]string{spoilt: "is damaged", filepath.Join(to, "none.tar"): "cannot be read"} {
		if _, errs, code := f.run("restore", path, "--data", to); code != 1 || !strings.Contains(errs, saying) {
			t.Errorf("%s: exit %d: %s", path, code, errs)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(to, "master", "*.db")); len(left) > 0 {
		t.Errorf("a spoilt backup left %q", left)
	}
	for _, file := range []string{short, whole} { // in this order: from the other oak would have the scene
		t.Run(map[bool]string{true: "without files", false: "with files"}[file == short], func(t *testing.T) {
			g := &farm{t: t, data: t.TempDir(), port: f.port, url: f.url}
			out, errs, code := run(t, nil, "restore", file, "--data", g.data, "--json")
			var said struct {
				Jobs, Frames int
				Lost         []string
				NextJob      int64 `json:"next_job"`
			}
			if err := json.Unmarshal([]byte(out), &said); code != 0 || err != nil || said.Jobs != 2 || said.Frames != 20 || len(said.Lost) > 0 {
				t.Fatalf("exit %d: %s%s", code, out, errs)
			}
			g.start("--tls")
			if pin := g.address(); pin != f.url {
				t.Errorf("the farm shows another key: %s, not %s", pin, f.url)
			}
			if next := g.submitScene("the first scene", "1-3"); int64(next.ID) != said.NextJob {
				t.Errorf("the next job is %d, not %d", next.ID, said.NextJob)
			}
			oak := start(t, []string{"NETRENDER_MASTER=" + g.url, "NETRENDER_TOKEN=" + token}, "worker", "--data", dir, "--name", "oak", "--fake-renderer", "10ms")
			defer oak.kill()
			if file == short { // nothing but the records is there: a farm that does without can be had by sending scenes again
				eventually(t, time.Minute, "the job waits for its scene", func() bool { return g.job(half.ID.String()).State == "collecting" })
				g.submitScene("the second scene", "7", func(s *nr.JobSpec) { s.Key = "again" })
				g.run("verify", "--repair", "--rate", "0")
				g.doneWithin(time.Minute, done.ID) // whose frames are rendered again
			}
			g.doneWithin(time.Minute, half.ID)
			g.audit(half.ID, 20)
			g.audit(done.ID, 20)
		})
	}
}

// TestBackupUnderLoad makes backups while jobs come in and frames are accepted. Restored elsewhere, each has all that
// was acknowledged before it was asked for, whole, and nothing that never was.
func TestBackupUnderLoad(t *testing.T) {
	f := startFarm(t)
	for _, name := range []string{"oak", "elm"} {
		f.worker(name, "--fake-renderer", "1ms", "--slots", "2")
	}
	ctx := context.Background()
	wanted, submitted, ended := make(chan int), make(chan nr.JobID, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for n := range wanted {
			submitted <- f.submitScene(fmt.Sprint("scene ", n), "1-40").ID
		}
	}()
	defer func() {
		close(wanted)
		<-ended
	}()
	var jobs []nr.JobID // acknowledged
	known := func() map[nr.JobID]map[int]string {
		for len(submitted) > 0 {
			jobs = append(jobs, <-submitted)
		}
		all := map[nr.JobID]map[int]string{}
		for _, id := range jobs {
			all[id], _ = f.accepted(id)
		}
		return all
	}
	for round := range 3 {
		for n := range 4 {
			wanted <- 20*round + n
		}
		var before map[nr.JobID]map[int]string
		eventually(t, time.Minute, "work has been done", func() bool {
			before = known()
			frames := 0
			for _, refs := range before {
				frames += len(refs)
			}
			return frames >= 100*(round+1)
		})
		more := make(chan struct{})
		go func() { // meanwhile
			defer close(more)
			for n := range 8 {
				wanted <- 20*round + 4 + n
			}
		}()
		file := f.backup("--with-files")
		<-more
		after := known()
		g := &farm{t: t, data: t.TempDir(), port: freePort(t)}
		g.url = "http://127.0.0.1:" + strconv.Itoa(g.port)
		if out, errs, code := run(t, nil, "restore", file, "--data", g.data); code != 0 {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		g.start()
		for id, refs := range before {
			if _, err := g.client().Job(ctx, id); err != nil {
				t.Fatalf("job %d was acknowledged and is not in the backup: %v", id, err)
			}
			restored, _ := g.accepted(id)
			g.results(id)
			for frame, ref := range refs {
				if restored[frame] != ref {
					t.Errorf("frame %d of job %d was accepted as %.8s and is %.8s in the backup", frame, id, ref, restored[frame])
				}
			}
			for frame, ref := range restored {
				if after[id][frame] != ref {
					t.Errorf("frame %d of job %d is in the backup and was never accepted", frame, id)
				}
			}
		}
		if out, errs, code := g.run("verify", "--rate", "0"); code != 0 {
			t.Errorf("the restored farm: exit %d: %s%s", code, out, errs)
		}
		g.proc.kill()
	}
}

// halfway waits until a file or folder is there.
func halfway(t *testing.T, pattern string) {
	t.Helper()
	eventually(t, time.Minute, pattern+" is there", func() bool {
		found, _ := filepath.Glob(pattern)
		return len(found) > 0
	})
}

// TestBackupKilled kills the command, then the master, in the midst of a backup: the earlier backup is whole, nothing
// is left behind for long, and the farm goes on.
func TestBackupKilled(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "5ms")
	job := f.submitScene(string(bigFile(64<<20)), "1-20")
	f.doneWithin(time.Minute, job.ID)
	dir := t.TempDir()
	file := filepath.Join(dir, "farm.tar")
	f.ok("backup", "-o", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin := func() *proc {
		p := start(t, f.env(), "backup", "-o", file, "--with-files", "--data", t.TempDir())
		halfway(t, filepath.Join(dir, ".farm.tar.*"))
		halfway(t, filepath.Join(f.data, "master", "backup-*"))
		return p
	}
	same := func() {
		t.Helper()
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("the earlier backup is not what it was: %v", err)
		}
	}
	begin().kill()
	same()
	left, _ := filepath.Glob(filepath.Join(dir, ".farm.tar.*"))
	for _, path := range left { // goes a day later
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, time.Minute, "the master has noticed", func() bool {
		left, _ := filepath.Glob(filepath.Join(f.data, "master", "backup-*"))
		return len(left) == 0
	})
	p := begin()
	f.proc.kill()
	if code := p.wait(time.Minute); code != 3 {
		t.Errorf("exit %d: %s", code, p.out)
	}
	same()
	f.start()
	f.ok("backup", "-o", file, "--with-files")
	if left, _ := filepath.Glob(filepath.Join(dir, ".farm.tar.*")); len(left) > 0 {
		t.Errorf("%q were left behind", left)
	}
	if left, _ := filepath.Glob(filepath.Join(f.data, "master", "backup-*")); len(left) > 0 {
		t.Errorf("%q were left behind", left)
	}
	f.audit(job.ID, 20)
}

// TestRestoreKilled kills restores after longer and longer times. Whatever is there afterwards, no master starts on a
// half of it, the farm that was there is whole aside, and the command run once more ends well.
func TestRestoreKilled(t *testing.T) {
	f := startFarm(t, "--tls")
	f.url = f.address()
	f.worker("oak", "--fake-renderer", "1ms", "--slots", "2")
	job := f.submitScene("the first scene", "1-50")
	f.doneWithin(time.Minute, job.ID)
	file := f.backup("--with-files")
	want, _ := f.accepted(job.ID)
	f.proc.kill()

	old := startFarm(t) // another farm, which is in the way
	lost := old.submitScene("the second scene", "1-3")
	_ = old.proc.cmd.Process.Signal(syscall.SIGTERM) // so that all of it is in the one file
	old.proc.wait(time.Minute)
	began := time.Now()
	if _, errs, code := run(t, nil, "restore", file, "--data", t.TempDir()); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	step := time.Since(began) / 12
	refused, went := 0, 0
	for delay := time.Duration(0); went == 0; delay += step {
		data := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(data, os.DirFS(old.data)); err != nil {
			t.Fatal(err)
		}
		p, err := launch(t, nil, nil, "restore", file, "--force", "--data", data)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-p.done:
			went++
		case <-time.After(delay):
			p.kill()
		}
		_, stopped := os.Stat(filepath.Join(data, "master", "restore-unfinished"))
		g := &farm{t: t, data: data, port: f.port, url: f.url}
		args := []string{"master", "--data", data, "--listen", "127.0.0.1:" + strconv.Itoa(g.port), "--quiet-network", "--tls"}
		if stopped == nil {
			refused++
			if _, errs, code := run(t, nil, args...); code != 1 || !strings.Contains(errs, "was broken off") {
				t.Fatalf("after %s a master starts on a half: exit %d: %s", delay, code, errs)
			}
			if _, errs, code := run(t, nil, "restore", file, "--data", data); code != 0 { // --force is not needed any more
				t.Fatalf("after %s: exit %d: %s", delay, code, errs)
			}
		}
		aside, _ := filepath.Glob(filepath.Join(data, "aside-*"))
		if len(aside) > 1 {
			t.Errorf("after %s: %q", delay, aside)
		}
		if len(aside) == 1 && stopped == nil || went > 0 { // the farm that was there can be had back
			back := &farm{t: t, data: aside[0], port: old.port, url: old.url}
			back.start()
			if j := back.job(lost.ID.String()); j.State != "queued" {
				t.Errorf("after %s the old farm is not whole: %+v", delay, j)
			}
			back.proc.kill()
		}
		if stopped != nil && went == 0 { // it was killed before it began, or after its end
			if _, errs, code := run(t, nil, "restore", file, "--data", data, "--force"); code != 0 {
				t.Fatalf("after %s: exit %d: %s", delay, code, errs)
			}
		}
		g.start("--tls")
		if got, _ := g.accepted(job.ID); !maps.Equal(got, want) {
			t.Errorf("after %s: %d of %d frames are there", delay, len(got), len(want))
		}
		g.audit(job.ID, 50)
		g.proc.kill()
	}
	t.Logf("%d restores were killed in the midst", refused)
	if refused == 0 {
		t.Error("no restore was killed in the midst")
	}
}

// TestRecover spoils the database of a farm at work: the master says what to do, recovery says what is lost, and the
// farm goes on from there, with the worker that rendered on meanwhile.
func TestRecover(t *testing.T) {
	f := startFarm(t)
	oak := f.worker("oak", "--fake-renderer", "5ms", "--slots", "2")
	done := f.submitScene("the first scene", "1-300")
	f.doneWithin(time.Minute, done.ID)
	job := f.submitScene("the second scene", "1-2000")
	eventually(t, time.Minute, "some frames are done", func() bool { return f.job(job.ID.String()).Done >= 700 })
	if out, _, code := f.run("recover", "--data", t.TempDir()); code != 1 {
		t.Errorf("of no database: exit %d: %s", code, out)
	}
	if _, errs, code := f.run("recover", "--data", f.data); code != 1 || !strings.Contains(errs, "another netrender master is using") {
		t.Errorf("under a running master: exit %d: %s", code, errs)
	}
	f.proc.kill()
	if out := f.ok("recover", "--data", f.data); !strings.Contains(out, "there is nothing to recover") {
		t.Errorf("of a whole database: %s", out)
	}
	// The pages of the table of jobs, and some others.
	path := filepath.Join(f.data, "master", "netrender.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := page; at+page <= len(b); at += page {
		if at/page%17 == 5 || bytes.Contains(b[at:at+page], []byte("the second scene")) {
			copy(b[at:at+page], bytes.Repeat([]byte{0xee}, page))
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := run(t, nil, "master", "--data", f.data, "--listen", "127.0.0.1:0", "--quiet-network")
	if code != 1 || !strings.Contains(errs, "is damaged") || !strings.Contains(errs, "netrender recover") || strings.Contains(errs, "goroutine") {
		t.Fatalf("a master of a damaged database: exit %d: %s", code, errs)
	}
	out := f.ok("recover", "--data", f.data)
	t.Log(out)
	if !strings.Contains(out, "is sound again") || !strings.Contains(out, "could not be read") {
		t.Error(out)
	}
	f.start()
	for _, id := range []nr.JobID{done.ID, job.ID} {
		switch j := f.job(id.String()); j.State {
		case "failed", "canceled", "paused":
			f.ok("retry", id.String(), "--all")
		}
	}
	f.doneWithin(2*time.Minute, done.ID)
	f.doneWithin(2*time.Minute, job.ID)
	f.audit(done.ID, 300)
	f.audit(job.ID, 2000)
	select {
	case <-oak.done:
		t.Errorf("the worker ended: %v", oak.err)
	default:
	}
}
