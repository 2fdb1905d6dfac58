package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// longShot writes the archive of a job with so many frames: all are done, and their results are listed but not in it
// where it says so.
func longShot(t *testing.T, path string, frames int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	set, _ := nr.ParseFrameSet(fmt.Sprintf("1-%d", frames))
	job := master.ArchivedJob{State: nr.Done, Total: frames, Done: frames, Spec: nr.JobSpec{
		Name: "long", Blend: "shot.blend", Frames: set, Chunk: 1, Priority: 1, Order: nr.Linear, Attempts: 3, Options: nr.Options{EXR: "none"},
	}}
	scene := []byte("a scene")
	z := blob.CompressTo(f)
	w, err := archive.NewWriter(z, archive.Head{Kind: master.JobArchiveKind, Made: time.Now(), About: text(master.ArchiveAbout{Job: 1, Name: "long", Files: true, Results: true, Done: frames})})
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, b []byte) {
		err = errors.Join(err, w.Add(archive.Entry{Name: name, Size: int64(len(b))}, bytes.NewReader(b)))
	}
	add("job.json", text(job))
	add("manifest/000001.jsonl", append(text(nr.File{Path: "shot.blend", Original: "/x/shot.blend", Size: int64(len(scene)), Ref: blob.RefOf(scene).String()}), '\n'))
	add("files/shot.blend", scene)
	var page bytes.Buffer
	pages := 0
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := 1; n <= frames; n++ {
		page.Write(text(master.ArchivedFrame{
			Frame: n, Attempt: 1, Outcome: nr.Rendered, Worker: "oak", Blender: "4.5.3", Started: at.Add(time.Duration(n) * time.Second), Ended: at.Add(time.Duration(n+9) * time.Second), Seconds: 8.25,
		}))
		page.WriteByte('\n')
		if page.Len() > 1<<20 || n == frames {
			pages++
			add(fmt.Sprintf("frames/%06d.jsonl", pages), page.Bytes())
			page.Reset()
		}
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestImportOfLongJob: the farm answers while a job of many frames is imported. NETRENDER_TEST_IMPORT=1000000 makes them
// so many.
func TestImportOfLongJob(t *testing.T) {
	frames := 150_000
	if text := os.Getenv("NETRENDER_TEST_IMPORT"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		frames = n
	}
	f := startFarm(t)
	file := filepath.Join(t.TempDir(), "long.nrz")
	longShot(t, file, frames)
	before := f.proc.memory(t)
	began := time.Now()
	p := start(t, f.env(), "import", file, "--data", t.TempDir())
	longest, asked := time.Duration(0), 0
	for over := false; !over; {
		select {
		case <-p.done:
			over = true
		case <-time.After(5 * time.Millisecond):
			at := time.Now()
			if _, err := f.client().CreateToken(context.Background(), fmt.Sprintf("t%d", asked), nr.RoleView); err != nil { // it is durable when it is answered
				t.Fatal(err)
			}
			asked++
			longest = max(longest, time.Since(at))
		}
	}
	took := time.Since(began)
	if code := p.wait(time.Minute); code != 0 {
		t.Fatalf("exit %d: %s", code, p.out)
	}
	id, err := nr.ParseJobID(strings.TrimSpace(p.stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames: %.1f s, of %d writes the slowest %.2f s, the master's memory %d MB, before %d MB, processor time %.1f s",
		frames, took.Seconds(), asked, longest.Seconds(), f.proc.memory(t)>>20, before>>20, f.proc.processorTime())
	job, err := f.client().Job(context.Background(), id)
	if err != nil || job.Done != frames || job.State != nr.Done {
		t.Errorf("%+v, %v", job, err)
	}
	if after := f.proc.memory(t); after > before+160<<20 {
		t.Errorf("the master held %d MB", after>>20)
	}
	began = time.Now()
	again := start(t, f.env(), "archive", id.String(), "-o", filepath.Join(t.TempDir(), "again.nrz"), "--json", "--data", t.TempDir())
	if code := again.wait(5 * time.Minute); code != 0 || !strings.Contains(again.stdout.String(), fmt.Sprintf(`"done":%d`, frames)) {
		t.Fatalf("exit %d: %s", code, again.out)
	}
	t.Logf("archived again in %.1f s, the master's memory %d MB", time.Since(began).Seconds(), f.proc.memory(t)>>20)
	if asked < frames/5000 { // all of them at once would let nobody write meanwhile
		t.Errorf("only %d others wrote meanwhile", asked)
	}
}

// TestImportKilledWhilePutIn kills the master while the frames of an imported job are being put into its database: there
// is no job then, nor anything of one, and importing again makes it. A master that was quicker than the kill has the
// whole job, and is given one of twice the frames.
func TestImportKilledWhilePutIn(t *testing.T) {
	for frames := 60_000; ; frames *= 2 {
		f := startFarm(t)
		file := filepath.Join(t.TempDir(), "long.nrz")
		longShot(t, file, frames)
		p := start(t, f.env(), "import", file, "--data", t.TempDir())
		scene := filepath.Join(f.data, "master", "blobs", "*", blob.RefOf([]byte("a scene")).String()+"*")
		eventually(t, time.Minute, "all has come, and its file is in its place", func() bool {
			found, _ := filepath.Glob(scene)
			return len(found) > 0
		})
		f.proc.kill()
		p.kill()
		f.start()
		f.nothingStaged()
		if job, err := f.client().Job(context.Background(), 1); err == nil && job.Done == frames && job.State == nr.Done && frames < 1_000_000 {
			f.proc.kill()
			continue
		}
		if out := f.ok("jobs", "--json"); out != "" {
			t.Errorf("there is a job: %s", out)
		}
		for _, pattern := range []string{"outputs/*", "logs/*"} {
			if left, _ := filepath.Glob(filepath.Join(f.data, "master", pattern)); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		}
		id, err := nr.ParseJobID(f.imported(file))
		if err != nil {
			t.Fatal(err)
		}
		if job, err := f.client().Job(context.Background(), id); err != nil || job.Done != frames || id < 2 {
			t.Errorf("%+v, %v", job, err)
		}
		return
	}
}

// TestArchiveOfManyFrames takes a job with many results to another farm, whole. NETRENDER_TEST_ARCHIVE=10000 makes its
// frames so many.
func TestArchiveOfManyFrames(t *testing.T) {
	frames := 300
	if text := os.Getenv("NETRENDER_TEST_ARCHIVE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		frames = n
	}
	f, g := startFarm(t), startFarm(t)
	f.worker("oak", "--fake-renderer", "1ms", "--slots", "4")
	job := f.submitScene(string(bigFile(64<<20)), fmt.Sprintf("1-%d", frames))
	f.doneWithin(20*time.Minute, job.ID)
	file := filepath.Join(t.TempDir(), "shot.nrz")
	timed := func(farm *farm, args ...string) (out string, took time.Duration) {
		began := time.Now()
		p := start(t, farm.env(), append(args, "--data", t.TempDir())...)
		if code := p.wait(10 * time.Minute); code != 0 {
			t.Fatalf("exit %d: %s", code, p.out)
		}
		return p.stdout.String(), time.Since(began)
	}
	_, wrote := timed(f, "archive", job.ID.String(), "-o", file)
	number, read := timed(g, "import", file)
	id, err := nr.ParseJobID(strings.TrimSpace(number))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames, %d MB packed: archived in %.1f s, imported in %.1f s; the masters held %d and %d MB",
		frames, sizeOf(t, file)/1e6, wrote.Seconds(), read.Seconds(), f.proc.memory(t)>>20, g.proc.memory(t)>>20)
	g.audit(id, frames)
	count := func(farm *farm, id nr.JobID) (files int, bytes int64) {
		j, err := farm.client().Job(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(farm.data, "master", "outputs", j.Folder)
		for _, name := range filesBelow(t, folder) {
			files++
			bytes += sizeOf(t, filepath.Join(folder, name))
		}
		return files, bytes
	}
	was, wasBytes := count(f, job.ID)
	is, isBytes := count(g, id)
	t.Logf("%d results of %d MB", is, isBytes/1e6)
	if was != is || wasBytes != isBytes || is < frames {
		t.Errorf("%d results of %d bytes became %d of %d", was, wasBytes, is, isBytes)
	}
}

// memory is the most that the process ever held, in bytes (proc(5), status).
func (p *proc) memory(t *testing.T) int64 {
	t.Helper()
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}
