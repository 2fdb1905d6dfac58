package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// sending is a scene that is sent over and over, each time as by another process.
type sending struct {
	t   *testing.T
	o   PlanOptions
	dir string // of what is remembered
	c   *wire.Client
}

func newSending(t *testing.T, c *wire.Client, files ...string) *sending {
	dir := studio(t, append([]string{"a.blend"}, files...)...)
	s := goodScene()
	s.Engine = ""
	for _, f := range files {
		s.Files = append(s.Files, SceneFile{Path: filepath.Join(dir, filepath.FromSlash(f))})
	}
	return &sending{t, PlanOptions{
		Blend: filepath.Join(dir, "a.blend"), Read: reads(s),
		Spec: farm.JobSpec{Frames: farm.FrameRange(1, 3, 1), Options: farm.Options{EXR: "none", Outputs: true}},
	}, filepath.Join(t.TempDir(), "sent"), c}
}

func (s *sending) plan() *Plan {
	s.t.Helper()
	p, err := NewPlan(s.t.Context(), s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	p.Sent = &Sent{Dir: s.dir, Farm: "f1", Now: time.Now}
	return p
}

func (s *sending) send() farm.Job {
	s.t.Helper()
	job, err := Submit(s.t.Context(), s.c, s.plan(), nil)
	if err != nil || job.State != farm.Queued {
		s.t.Fatalf("%s %v", job.State, err)
	}
	return job
}

// breakOff sends until the first byte of a file.
func (s *sending) breakOff() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	p := s.plan()
	p.Announced = func(farm.Job) { cancel() }
	if _, err := Submit(ctx, s.c, p, nil); !errors.Is(err, context.Canceled) {
		s.t.Fatalf("%v", err)
	}
}

func (s *sending) jobs(want int) {
	s.t.Helper()
	list, err := s.c.Jobs(s.t.Context(), farm.JobFilter{})
	if err != nil || len(list.Jobs) != want {
		s.t.Errorf("there are %d jobs, not %d (%v)", len(list.Jobs), want, err)
	}
}

// TestSendingAgainIsTheSameJob: a job whose upload was broken off gets the rest; what was sent whole is another job the
// next time.
func TestSendingAgainIsTheSameJob(t *testing.T) {
	c, _ := realMaster(t, 0)
	s := newSending(t, c, "tex/1.png")
	s.breakOff()
	s.breakOff()
	if job := s.send(); job.ID != 1 {
		t.Errorf("it became job %d", job.ID)
	}
	s.jobs(1)
	if job := s.send(); job.ID != 2 {
		t.Errorf("a second submission is job %d", job.ID)
	}
	s.jobs(2)

	// Another scene, and the same with other settings, are other jobs.
	other := newSending(t, c, "tex/2.png")
	other.dir = s.dir
	other.breakOff()
	other.o.Spec.Priority = 7
	if job := other.send(); job.ID != 4 || job.Priority != 7 {
		t.Errorf("job %d", job.ID)
	}
	s.jobs(4)

	// A job that was canceled or deleted meanwhile is not gone on with.
	third := newSending(t, c, "tex/3.png")
	third.breakOff()
	if _, err := c.CancelJob(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if job := third.send(); job.ID != 6 {
		t.Errorf("job %d", job.ID)
	}
	fourth := newSending(t, c, "tex/4.png")
	fourth.breakOff()
	if err := c.DeleteJob(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if job := fourth.send(); job.ID != 8 {
		t.Errorf("job %d", job.ID)
	}
}

// The answer to a submission was not heard: the job is found by its key, unless it is long over.
func TestAnswerThatWasNotHeard(t *testing.T) {
	c, _ := realMaster(t, 0)
	s := newSending(t, c)
	forget := func() {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(s.dir, "*"))
		if err != nil || len(list) != 1 {
			t.Fatalf("%q %v", list, err)
		}
		text, err := os.ReadFile(list[0])
		if err != nil {
			t.Fatal(err)
		}
		key, _, _ := strings.Cut(string(text), ",")
		if err := os.WriteFile(list[0], []byte(key+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.send()
	forget()
	if job := s.send(); job.ID != 1 {
		t.Errorf("job %d", job.ID)
	}
	forget()
	if _, err := c.CancelJob(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if job := s.send(); job.ID != 2 {
		t.Errorf("job %d", job.ID)
	}
}

// TestDamagedFileIsSentToItsJob: the master lost a file of a job; sending the scene again gives it to that job.
func TestDamagedFileIsSentToItsJob(t *testing.T) {
	c, blobs := realMaster(t, 0)
	s := newSending(t, c, "tex/1.png")
	s.send()
	renderAll(t, c, 1)
	ref := blob.RefOf([]byte("tex/1.png"))
	if err := blobs.Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if err := c.FetchBlobFrom(t.Context(), ref.String(), 0, io.Discard); err == nil {
		t.Fatal("a file that is gone can be fetched")
	}
	if job, err := c.Job(t.Context(), 1); err != nil || job.State != farm.Collecting {
		t.Fatalf("the job is %s, %v", job.State, err)
	}
	job, err := Submit(t.Context(), c, s.plan(), nil)
	if err != nil || job.ID != 1 || job.State != farm.Active {
		t.Errorf("job %d is %s, %v", job.ID, job.State, err)
	}
	s.jobs(1)
	renderAll(t, c, 2)
	if job, err := c.Job(t.Context(), 1); err != nil || job.State != farm.Done {
		t.Errorf("the job is %s, %v", job.State, err)
	}
}

// What is remembered may be nonsense, or not be writable.
func TestDamagedMemory(t *testing.T) {
	c, _ := realMaster(t, 0)
	s := newSending(t, c)
	s.breakOff()
	list, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	if len(list) != 1 {
		t.Fatalf("%q", list)
	}
	if err := os.WriteFile(list[0], []byte("\x00nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if job := s.send(); job.ID != 2 {
		t.Errorf("job %d", job.ID)
	}
	s.dir = filepath.Join(s.o.Blend, "no folder")
	if job := s.send(); job.ID != 3 {
		t.Errorf("job %d", job.ID)
	}
}

func TestMemoryIsTidied(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i := range sentMost + 20 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := now.Add(-time.Duration(i) * time.Minute)
		if i < 5 {
			at = now.Add(-sentLives - time.Hour)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := &Sent{Dir: dir, Now: func() time.Time { return now }}
	s.tidy()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != sentMost {
		t.Errorf("%d notes are left, %v", len(left), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "3")); err == nil {
		t.Error("an old note is left")
	}
}

// stale makes what is known of a file wrong, as it is where a system has no change times: nothing shows it.
func stale(t *testing.T, s *sending, name string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hashes")
	later := func() time.Time { return time.Now().Add(time.Minute) } // the files count as old
	s.o.Hashes = blob.OpenHashCache(file, later)
	s.plan()
	if err := s.o.Hashes.Save(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := blob.RefOf([]byte(name)).String(), blob.RefOf([]byte("something else")).String()
	if !strings.Contains(string(text), right) {
		t.Fatalf("%s is not known:\n%s", name, text)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), right, wrong)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.o.Hashes = blob.OpenHashCache(file, later)
}

// TestFileThatIsKnownWrongly: it is hashed again, and the job is announced with what it is; the next time it is known.
func TestFileThatIsKnownWrongly(t *testing.T) {
	c, _ := realMaster(t, 0)
	s := newSending(t, c, "tex/1.png")
	stale(t, s, "tex/1.png")
	job := s.send()
	if job.ID != 2 {
		t.Errorf("job %d", job.ID)
	}
	if first, err := c.Job(t.Context(), 1); err != nil || first.State != farm.Canceled {
		t.Errorf("the job that was announced wrongly is %s, %v", first.State, err)
	}
	for f, err := range c.Files(t.Context(), job.ID) {
		if err != nil || f.Ref != blob.RefOf([]byte(f.Path)).String() {
			t.Errorf("%+v %v", f, err)
		}
	}
	p := s.plan()
	if p.Files[1].Ref != blob.RefOf([]byte("tex/1.png")).String() {
		t.Error("it is still known wrongly")
	}
}

// TestFileChangedBetweenHashingAndStat: the file is another by the time it is sent, and says so by its name.
func TestFileChangedWhileThePlanWasMade(t *testing.T) {
	c, _ := realMaster(t, 0)
	s := newSending(t, c, "tex/1.png")
	path := filepath.Join(filepath.Dir(s.o.Blend), "tex", "1.png")
	s.o.Hashing = func(done, total int64) {
		if done == total { // all are hashed
			if err := os.WriteFile(path, []byte("tex/2.png"), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := Submit(t.Context(), c, s.plan(), nil)
	if farm.KindOf(err) != farm.Conflict || !strings.Contains(err.Error(), "1.png was changed while it was sent") {
		t.Errorf("%v", err)
	}
	s.o.Hashing = nil
	s.send()
}
