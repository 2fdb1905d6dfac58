package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/api"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/store"
	"github.com/netrender/netrender/internal/wire"
)

// realMaster runs a master behind a real server; its clock is off by so much.
func realMaster(t *testing.T, off time.Duration) (c *wire.Client, blobs *blob.Memory) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	now := func() time.Time { return time.Now().Add(off) }
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	blobs = new(blob.Memory)
	m, err := master.New(ctx, master.Options{Store: db, Blobs: blobs, Dir: t.TempDir(), Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	// The door's clock sets deadlines of connections, which the system measures by its own.
	door := api.New(api.Options{Master: m, Blobs: blobs, Uploads: blobs, Now: time.Now, Log: slog.New(slog.DiscardHandler), Open: true, Info: wire.Info{ID: "x", Protocol: wire.Version, Open: true}})
	server := httptest.NewServer(door)
	t.Cleanup(func() {
		door.Stop()
		server.CloseClientConnections()
		server.Close()
		cancel()
		<-done
		_ = db.Close()
	})
	c, err = wire.NewClient(server.URL, "", wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, blobs
}

// renderAll does all of a job's frames as a worker would: each result is its own name.
func renderAll(t *testing.T, c *wire.Client, frames int) {
	t.Helper()
	ctx := t.Context()
	_, err := c.Register(ctx, farm.Registration{Protocol: farm.Protocol, ID: "worker-01", Name: "oak", Slots: 1, Facts: farm.Facts{
		Cores: 4, MemoryMB: 8000, Blenders: []farm.Blender{{Version: farm.Version{Major: 4, Minor: 5}, Denoiser: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range frames {
		g, err := c.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: 10_000})
		if err != nil || g == nil {
			t.Fatalf("no lease: %v", err)
		}
		l := g.Lease
		frame := l.Frames[0]
		name := "out/" + time.Duration(frame).String() + ".png"
		r := farm.Result{Kind: farm.KindOutput, Name: name, Size: int64(len(name)), Ref: blob.RefOf([]byte(name)).String(), Frame: frame}
		if err := c.PutResult(ctx, l.ID, "worker-01", r, func() (io.ReadSeekCloser, error) {
			return struct {
				io.ReadSeeker
				io.Closer
			}{strings.NewReader(name), io.NopCloser(nil)}, nil
		}); err != nil {
			t.Fatal(err)
		}
		rep := farm.Report{Lease: l.ID, Worker: "worker-01", Job: l.Job, Frame: frame, Attempt: l.Attempt, Outcome: farm.Rendered, Results: []farm.Result{r}, Seconds: 1}
		reply, err := c.Report(ctx, wire.ReportRequest{Reports: []farm.Report{rep}})
		if err != nil || len(reply.Verdicts) != 1 || !reply.Verdicts[0].Accepted {
			t.Fatalf("%+v %v", reply, err)
		}
	}
}

// TestSubmitAndFetch goes there and back, with masters whose clock is right, an hour ahead and an hour behind: times are
// the master's alone, and nothing compares them with another machine's.
func TestSubmitAndFetch(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			dir := studio(t, "a.blend", "tex/1.png")
			s := goodScene()
			s.Engine = ""
			s.Files = []SceneFile{{Path: filepath.Join(dir, "tex", "1.png")}}
			set := farm.FrameRange(1, 3, 1)
			o := PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s), Spec: farm.JobSpec{Frames: set, Options: farm.Options{EXR: "none", Outputs: true}}}
			c, _ := realMaster(t, off)
			var sent Sending
			submit := func() farm.Job {
				sent = Sending{}
				p, err := NewPlan(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				job, err := Submit(t.Context(), c, p, func(s Sending) { sent = s })
				if err != nil || job.State != farm.Queued {
					t.Fatalf("%v %v", job.State, err)
				}
				return job
			}
			job := submit()
			if sent.Files != 2 || sent.FilesSent != 2 || sent.BytesSent != sent.Bytes {
				t.Errorf("%+v", sent)
			}
			renderAll(t, c, 3)
			home := t.TempDir()
			fetch := func() (kept, fresh int) {
				err := Fetch(t.Context(), c, FetchOptions{Job: job.ID, Dir: home, Follow: true, Frame: func(f FetchedFrame) {
					if f.Kept {
						kept++
					} else {
						fresh++
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				return kept, fresh
			}
			if kept, fresh := fetch(); kept != 0 || fresh != 3 {
				t.Errorf("%d kept, %d fetched", kept, fresh)
			}
			one := filepath.Join(home, "out", "2ns.png")
			if text, err := os.ReadFile(one); err != nil || string(text) != "out/2ns.png" {
				t.Errorf("%q %v", text, err)
			}
			if err := os.WriteFile(one, []byte("out/zzz.png"), 0o600); err != nil { // same length, other bytes
				t.Fatal(err)
			}
			if kept, fresh := fetch(); kept != 2 || fresh != 1 {
				t.Errorf("%d kept, %d fetched", kept, fresh)
			}
			if submit(); sent.Files != 0 {
				t.Errorf("nothing changed, and %+v was sent", sent)
			}
		})
	}
}

// A file that changes after it was hashed is refused with its name, and the job that waits for it is ended.
func TestFileChangedBeforeItIsSent(t *testing.T) {
	dir := studio(t, "a.blend", "tex/1.png")
	s := goodScene()
	s.Files = []SceneFile{{Path: filepath.Join(dir, "tex", "1.png")}}
	p, err := NewPlan(t.Context(), PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tex", "1.png"), []byte("something longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, blobs := realMaster(t, 0)
	job, err := Submit(t.Context(), c, p, nil)
	if farm.KindOf(err) != farm.Conflict || !strings.Contains(err.Error(), "1.png was changed while it was sent") {
		t.Fatalf("%v", err)
	}
	if now, err := c.Job(t.Context(), job.ID); err != nil || now.State != farm.Canceled {
		t.Errorf("%v %v", now.State, err)
	}
	if info, err := blobs.Stat(t.Context(), blob.RefOf([]byte("something longer"))); err == nil {
		t.Errorf("bytes that were not announced are kept: %v", info)
	}
}

// A master that names results outside the folder is not obeyed.
func TestResultsStayInTheFolder(t *testing.T) {
	for _, name := range []string{"../evil.png", "/etc/evil.png", "a/../../evil.png", `..\evil.png`, "C:/evil.png", "CON", ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.Errorf("%q was asked for", r.URL)
			_, _ = io.Copy(w, bytes.NewReader(nil))
		}))
		c, err := wire.NewClient(server.URL, "", wire.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		var n counter
		_, err = fetchFrame(t.Context(), c, &FetchOptions{Job: 1, Dir: dir}, &farm.Attempt{Results: []farm.Result{{Name: name, Size: 1}}}, &n)
		if farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), "no safe name") {
			t.Errorf("%q: %v", name, err)
		}
		c.Close()
		server.Close()
	}
}

func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	if err := CheckFolder(filepath.Join(dir, "new", "folder")); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "new", "folder")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder(filepath.Join(file, "x")); farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("%v", err)
	}
}
