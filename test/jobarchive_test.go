package test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// archived makes the archive of a job and returns where it is.
func (f *farm) archived(id string, args ...string) string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "shot.nrz")
	f.ok(append([]string{"archive", id, "-o", file}, args...)...)
	beside, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if len(beside) > 0 {
		f.t.Fatalf("%q were left behind", beside)
	}
	return file
}

// imported brings a job back and returns its number.
func (f *farm) imported(file string, args ...string) string {
	f.t.Helper()
	out := f.ok(append([]string{"import", file}, args...)...)
	f.nothingStaged()
	return strings.TrimSpace(out)
}

func (f *farm) nothingStaged() {
	f.t.Helper()
	if left, _ := filepath.Glob(filepath.Join(f.data, "master", "import-*")); len(left) > 0 {
		f.t.Fatalf("%q were left behind", left)
	}
}

// told is what a farm tells of a job that must survive its way through an archive.
type told struct {
	State    string
	Frames   nr.FrameStates
	Files    []nr.File
	Attempts []nr.Attempt
	Warnings []nr.Warning
	Outputs  map[string]string // hashes by name
	Logs     map[int]string
}

func (f *farm) told(id string) told {
	f.t.Helper()
	ctx := context.Background()
	number, err := nr.ParseJobID(id)
	if err != nil {
		f.t.Fatal(err)
	}
	client := f.client()
	job, err := client.Job(ctx, number)
	if err != nil {
		f.t.Fatal(err)
	}
	x := told{State: string(job.State), Outputs: map[string]string{}, Logs: map[int]string{}}
	if x.Frames, err = client.Frames(ctx, number); err != nil {
		f.t.Fatal(err)
	}
	if x.Warnings, err = client.Warnings(ctx, number); err != nil {
		f.t.Fatal(err)
	}
	for file, err := range client.Files(ctx, number) {
		if err != nil {
			f.t.Fatal(err)
		}
		x.Files = append(x.Files, file)
	}
	for a, err := range client.FollowAttempts(ctx, nr.AttemptFilter{Job: number, Accepted: true}) {
		if err != nil {
			f.t.Fatal(err)
		}
		a.Seq, a.Job, a.Lease, a.Worker = 0, 0, 0, ""
		x.Attempts = append(x.Attempts, a)
	}
	folder := filepath.Join(f.data, "master", "outputs", job.Folder)
	err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		text, err := os.ReadFile(path)
		x.Outputs[name] = blob.RefOf(text).String()
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	for n := range job.JobSpec.Frames.All() {
		if out, _, code := f.run("logs", id, "-f", nr.Frames(n).String()); code == 0 {
			x.Logs[n] = out
		}
	}
	return x
}

// TestArchive takes a job from one farm to another: everything is the same there, and it can be worked on.
func TestArchive(t *testing.T) {
	f, g := startFarm(t), startFarm(t)
	f.worker("oak", "--fake-renderer", "5ms", "--slots", "2")
	g.submitScene("another scene", "1") // numbers differ
	job := f.submitScene("a scene", "1-12", func(s *nr.JobSpec) { s.Priority = 7 })
	f.doneWithin(time.Minute, job.ID)
	file := f.archived(job.ID.String())

	if out, err := exec.Command("sh", "-c", "zstd -dc < '"+file+"' | tar tv").CombinedOutput(); err != nil || !strings.Contains(string(out), "netrender.end") {
		t.Errorf("other programs cannot read it: %v\n%s", err, out)
	}
	id := g.imported(file)
	if id == job.ID.String() {
		t.Fatalf("the number is %s again", id)
	}
	before, after := f.told(job.ID.String()), g.told(id)
	long := f.submitScene("a long shot", "1-450") // pages of lists
	f.doneWithin(time.Minute, long.ID)
	many := g.imported(f.archived(long.ID.String()))
	number, err := nr.ParseJobID(many)
	if err != nil {
		t.Fatal(err)
	}
	g.audit(number, 450)
	if len(before.Outputs) < 12 || len(before.Logs) < 12 || len(before.Attempts) != 12 {
		t.Fatalf("there is little to compare: %+v", before)
	}
	if d := cmp.Diff(before, after, cmp.Comparer(func(a, b nr.FrameSet) bool { return a.String() == b.String() })); d != "" {
		t.Errorf("the job has changed on its way:\n%s", d)
	}
	// It is a job as any other.
	again := g.archived(id)
	if third := g.imported(again); third == id {
		t.Errorf("two imports are one job")
	}
	g.worker("elm", "--fake-renderer", "5ms")
	g.ok("retry", id, "-f", "3-4")
	n, _ := nr.ParseJobID(id)
	g.doneWithin(time.Minute, n)
	if d := cmp.Diff(before.Outputs, g.told(id).Outputs); d != "" {
		t.Errorf("frames that were rendered again differ:\n%s", d)
	}
	dir := t.TempDir()
	g.ok("fetch", id, "-o", dir)
	g.ok("verify", "--rate", "0")
	g.ok("delete", id, "--yes")
	if left, _ := filepath.Glob(filepath.Join(g.data, "master", "outputs", "*-"+id)); len(left) > 0 {
		t.Errorf("%q was left behind", left)
	}
	if out, errs, code := f.run("archive", job.ID.String(), "-o", file); code != 1 || !strings.Contains(errs, "is there already") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	f.ok("archive", job.ID.String(), "-o", file, "--force")
	var said struct{ Done, Results, Files, Logs int }
	out := f.ok("archive", job.ID.String(), "-o", file, "--force", "--json")
	if err := json.Unmarshal([]byte(out), &said); err != nil || said.Done != 12 || said.Files != 1 || said.Logs != 12 || said.Results < 12 {
		t.Errorf("%v: %s", err, out)
	}
	text, _, _ := f.run("archive", job.ID.String(), "-o", "-")
	if !bytes.HasPrefix([]byte(text), []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		t.Error("the standard output is no archive")
	}
}

// TestArchiveKilled kills the commands and the master in the midst of an archive and of an import: what has a name is
// whole, nothing half made is seen, and nothing is left behind.
func TestArchiveKilled(t *testing.T) {
	f, g := startFarm(t), startFarm(t)
	f.worker("oak", "--fake-renderer", "5ms")
	job := f.submitScene(string(bigFile(96<<20)), "1-20")
	f.doneWithin(time.Minute, job.ID)
	dir := t.TempDir()
	file := filepath.Join(dir, "shot.nrz")
	begin := func(f *farm, args ...string) *proc {
		return start(t, f.env(), append(args, "--data", t.TempDir())...)
	}
	left := func(pattern string) []string {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	p := begin(f, "archive", job.ID.String(), "-o", file)
	halfway(t, filepath.Join(dir, ".shot.nrz.*"))
	p.kill()
	p = begin(f, "archive", job.ID.String(), "-o", file)
	halfway(t, filepath.Join(dir, ".shot.nrz.*"))
	f.proc.kill()
	if code := p.wait(time.Minute); code != 3 {
		t.Errorf("exit %d: %s", code, p.out)
	}
	if found := left(file); len(found) > 0 {
		t.Fatalf("half an archive has a name")
	}
	f.start()
	f.ok("archive", job.ID.String(), "-o", file)

	empty := func() {
		t.Helper()
		eventually(t, time.Minute, "nothing is staged", func() bool { return len(left(filepath.Join(g.data, "master", "import-*"))) == 0 })
		if out := g.ok("jobs", "--json"); out != "" {
			t.Errorf("there is a job: %s", out)
		}
		for _, pattern := range []string{"outputs/*", "logs/*", "blobs/??/*", "blobs/temp/*"} {
			if found := left(filepath.Join(g.data, "master", pattern)); len(found) > 0 {
				t.Errorf("%q were left behind", found)
			}
		}
	}
	p = begin(g, "import", file)
	halfway(t, filepath.Join(g.data, "master", "import-*"))
	p.kill()
	empty()
	p = begin(g, "import", file)
	halfway(t, filepath.Join(g.data, "master", "import-*"))
	g.proc.kill()
	p.kill()
	g.start()
	empty()
	// A master that is back in time gets it all, once.
	p = begin(g, "import", file)
	halfway(t, filepath.Join(g.data, "master", "import-*"))
	g.proc.kill()
	g.start()
	if code := p.wait(time.Minute); code != 0 {
		t.Fatalf("exit %d: %s", code, p.out)
	}
	if n := strings.Count(g.ok("jobs", "--json"), "\n"); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
	id, err := nr.ParseJobID(strings.TrimSpace(p.stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	g.audit(id, 20)
	g.nothingStaged()
}

// TestBrokenArchive: what is no whole archive of a job is refused with a sentence, by the client, and by the master when
// it comes past the client.
func TestBrokenArchive(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	job := f.submitFake("1-4")
	f.doneWithin(time.Minute, job.ID)
	whole, err := os.ReadFile(f.archived(job.ID.String()))
	if err != nil {
		t.Fatal(err)
	}
	spoilt := bytes.Clone(whole)
	spoilt[len(whole)/2] ^= 0x10
	backup, err := os.ReadFile(f.backup())
	if err != nil {
		t.Fatal(err)
	}
	packed := func(plain []byte) []byte {
		var b bytes.Buffer
		z := blob.CompressTo(&b)
		if _, err := z.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"cut":             {whole[:len(whole)-1], "ends too early"},
		"cut at half":     {whole[:len(whole)/2], "ends too early"},
		"spoilt":          {spoilt, "is damaged"},
		"nothing":         {nil, "is not the archive of a job"},
		"a backup":        {backup, "is not the archive of a job"},
		"a packed backup": {packed(backup), "is not the archive of a job"},
		"zeros":           {packed(make([]byte, 1<<30)), "is not the archive of a job"},
	} {
		file := filepath.Join(t.TempDir(), "shot.nrz")
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, errs, code := f.run("import", file)
		if code != 1 || !strings.Contains(errs, file+" "+c.says) {
			t.Errorf("%s: exit %d: %s", name, code, errs)
		}
		sentence(t, errs)
		_, err := f.client().Import(context.Background(), wire.Archive{
			Size: int64(len(c.text)), Open: func() (io.ReadSeekCloser, error) { return os.Open(file) },
		})
		if err == nil || !strings.Contains(err.Error(), "the archive "+c.says) {
			t.Errorf("%s, past the client: %v", name, err)
		}
	}
	f.nothingStaged()
	if n := strings.Count(f.ok("jobs", "--json"), "\n"); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
}

// TestArchiveOnFullDisks: an archive that does not fit where it should go leaves nothing there.
func TestArchiveOnFullDisks(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	job := f.submitScene(string(bigFile(40<<20)), "1-4")
	f.doneWithin(time.Minute, job.ID)
	small := smallDisk(t, "8m")
	_, errs, code := f.run("archive", job.ID.String(), "-o", filepath.Join(small, "shot.nrz"))
	if code != 1 || !strings.Contains(errs, "the disk is full; ") {
		t.Errorf("exit %d: %s", code, errs)
	}
	sentence(t, errs)
	if left := filesBelow(t, small); len(left) > 0 {
		t.Errorf("%q were left behind", left)
	}
	file := f.archived(job.ID.String())
	g := startFarm(t)
	g.proc.kill()
	g.data = filepath.Join(smallDisk(t, "32m"), "m")
	g.start()
	for _, announced := range []int64{41 << 20, 0} { // refused at once, and when it is found out
		_, err := g.client().Import(context.Background(), wire.Archive{Size: sizeOf(t, file), Unpacked: announced, Open: func() (io.ReadSeekCloser, error) { return os.Open(file) }})
		if nr.KindOf(err) != nr.NoRoom {
			t.Errorf("%d announced: %v", announced, err)
		}
		g.nothingStaged()
	}
	_, errs, code = g.run("import", file)
	if code != 1 || !strings.Contains(errs, "the master's disk has") {
		t.Errorf("exit %d: %s", code, errs)
	}
	sentence(t, errs)
	if out := g.ok("jobs", "--json"); out != "" {
		t.Errorf("there is a job: %s", out)
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// TestArchiveOfDeletedJob: a job that is deleted while its archive is on its way leaves no archive, and a sentence.
func TestArchiveOfDeletedJob(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "5ms")
	job := f.submitScene(string(bigFile(64<<20)), "1-30")
	f.doneWithin(time.Minute, job.ID)
	line := newCutter(t, strings.TrimPrefix(f.url, "http://"), 1<<20)
	deleted := make(chan struct{})
	line.act = func() {
		defer close(deleted)
		f.ok("delete", job.ID.String(), "--yes")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "shot.nrz")
	p := start(t, append(f.env(), "NETRENDER_MASTER=http://"+line.Addr().String()), "archive", job.ID.String(), "-o", file)
	code := p.wait(time.Minute)
	<-deleted
	if said := p.out.String(); code != 1 || !strings.Contains(said, "was deleted while it was archived") || strings.Contains(said, "connection") {
		t.Errorf("exit %d: %s", code, said)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
