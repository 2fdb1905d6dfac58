package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// underTest is a farm of this process: a master and workers, run by their commands as they are.
type underTest struct {
	t      *testing.T
	data   string // the master's, and that of the commands
	master *background
	ctx    context.Context
	client *wire.Client
}

// background is a command that runs beside the test.
type background struct {
	out, err lockedText
	stop     context.CancelFunc
	done     chan int // its exit code
}

type lockedText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin runs a command in the background; it is interrupted at the end of the test.
func begin(t *testing.T, ctx context.Context, args ...string) *background {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	b := &background{stop: stop, done: make(chan int, 1)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.done <- runContext(ctx, args, streams{strings.NewReader(""), &b.out, &b.err})
	}()
	t.Cleanup(func() {
		stop()
		<-over
		if t.Failed() {
			t.Logf("netrender %s:\n%s%s", strings.Join(args, " "), b.out.String(), b.err.String())
		}
	})
	return b
}

// startFarm runs a master; flags are added to its command.
func startFarm(t *testing.T, flags ...string) *underTest {
	t.Helper()
	command(t, "version") // an environment without settings but for a data folder
	f := &underTest{t: t, data: t.TempDir(), ctx: context.Background()}
	t.Setenv("NETRENDER_DATA", f.data)
	m := begin(t, f.ctx, append([]string{"master", "--listen", "127.0.0.1:0", "--quiet-network", "--json"}, flags...)...)
	waitFor(t, "the master runs", func() bool { return strings.HasSuffix(m.out.String(), "}\n") })
	var said struct{ URL string }
	if err := json.Unmarshal([]byte(m.out.String()), &said); err != nil {
		t.Fatal(err)
	}
	f.master = m
	a := &app{settings: settings{data: f.data}}
	token, err := wire.NewClient(said.URL, "", wire.Options{Heard: wire.PinIn(said.URL) == ""})
	if err != nil {
		t.Fatal(err)
	}
	info, err := token.Info(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	f.client = token.WithToken(a.adminToken(info.ID))
	return f
}

// worker runs a worker that takes so long for a frame.
func (f *underTest) worker(name string, frame time.Duration, flags ...string) *background {
	f.t.Helper()
	w := begin(f.t, f.ctx, append([]string{
		"worker", "--name", name, "--data", f.t.TempDir(), "--fake-renderer", frame.String(), "--fake-size", "4",
		"--master", f.client.Address(), "--token", f.adminToken(),
	}, flags...)...)
	waitFor(f.t, name+" is there", func() bool { return f.seen(name).Online })
	return w
}

func (f *underTest) adminToken() string {
	f.t.Helper()
	info, err := f.client.Info(f.ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	return (&app{settings: settings{data: f.data}}).adminToken(info.ID)
}

func (f *underTest) seen(name string) (none wire.WorkerView) {
	f.t.Helper()
	list, err := f.client.Workers(f.ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := range list {
		if list[i].Name == name {
			return list[i]
		}
	}
	return none
}

var sceneText = []byte("a scene for renderers that are fake")

// submit makes a job of a scene for fake renderers; without its bytes when unsent.
func (f *underTest) submit(frames string, unsent bool) farm.Job {
	f.t.Helper()
	set, err := farm.ParseFrameSet(frames)
	if err != nil {
		f.t.Fatal(err)
	}
	ref := blob.RefOf(sceneText).String()
	spec := farm.JobSpec{Name: "shot", Blend: "shot.blend", Frames: set, Options: farm.Options{EXR: "full", Outputs: true}}
	reply, err := f.client.Submit(f.ctx, spec, []farm.File{{Path: "shot.blend", Original: "/x/shot.blend", Size: int64(len(sceneText)), Ref: ref}})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(reply.Missing) > 0 && !unsent {
		err = f.client.PutBlob(f.ctx, wire.Upload{Ref: ref, Size: int64(len(sceneText)), Open: func() (io.ReadSeekCloser, error) {
			return struct {
				io.ReadSeeker
				io.Closer
			}{bytes.NewReader(sceneText), io.NopCloser(nil)}, nil
		}})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return reply.Job
}

func (f *underTest) job(id farm.JobID) farm.Job {
	f.t.Helper()
	job, err := f.client.Job(f.ctx, id)
	if err != nil {
		f.t.Fatal(err)
	}
	return job
}

func (f *underTest) until(id farm.JobID, state farm.JobState) {
	f.t.Helper()
	waitFor(f.t, "the job is "+string(state), func() bool { return f.job(id).State == state })
}

// ok runs a command that must succeed.
func (f *underTest) ok(line string) string {
	f.t.Helper()
	out, errs, code := command(f.t, strings.Fields(line)...)
	if code != exitDone {
		f.t.Fatalf("netrender %s: exit %d\n%s%s", line, code, out, errs)
	}
	return out
}

// fails runs a command that must fail with the code, and returns its error.
func (f *underTest) fails(code int, line string) string {
	f.t.Helper()
	out, errs, got := command(f.t, strings.Fields(line)...)
	if got != code {
		f.t.Fatalf("netrender %s: exit %d, not %d\n%s%s", line, got, code, out, errs)
	}
	return errs
}

// waitFor waits for a fact.
func waitFor(t *testing.T, what string, fact func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !fact(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never comes to be that %s", what)
		}
	}
}

// contains checks what a command said.
func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in\n%s", w, text)
		}
	}
}
