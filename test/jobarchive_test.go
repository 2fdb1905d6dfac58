package test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
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
