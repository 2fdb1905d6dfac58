package blender

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func exrTask(t testing.TB) Task { return Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull} }

// gone waits for a process to be gone; a zombie of somebody else's counts.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		p, err := os.FindProcess(pid)
		if err != nil || p.Signal(syscall.Signal(0)) != nil {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func TestRenderOverBothChannels(t *testing.T) {
	for _, channel := range []Channel{ChannelAuto, ChannelTCP} {
		s, err := startFake(t, "ok", func(o *Options) { o.Channel = channel })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), Scene{Blend: "/scene.blend"}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r, err := s.Render(t.Context(), exrTask(t), nil)
			if err != nil || len(r.Files) != 1 || r.Files[0].Size != int64(len(smallEXR())) {
				t.Fatalf("%v %v", r, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		gone(t, s.PID())
	}
}

func TestBadBlenders(t *testing.T) {
	for _, c := range []struct {
		mode  string
		kind  ErrorKind
		text  string // in the message
		alive bool
	}{
		{"crash", Crashed, "crashed (signal 11)", false},
		{"leaves", Crashed, "ended by itself without an error; its last words: Blender quit", false},
		{"nonsense", BadTalk, "no JSON object", false},
		{"endless", BadTalk, "longer than", false},
		{"stray", BadTalk, "unknown message", false},
		{"wrong", BadTalk, "request 4711", false},
		{"noframe", NoFrame, "wrote no exr file", true},
		{"outside", BadTalk, "outside its folder", true},
		{"camera", NoCamera, "no camera", true},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			if c.mode == "crash" && runtime.GOOS == "windows" {
				t.Skip("no signals on Windows")
			}
			s, err := startFake(t, c.mode)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Render(t.Context(), exrTask(t), nil)
			if !errors.Is(err, &Error{Kind: c.kind}) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want %s with %q, got %v", c.kind, c.text, err)
			}
			if c.alive {
				if _, err := s.Open(t.Context(), Scene{Blend: "/scene.blend"}); err != nil {
					t.Errorf("the session did not go on: %v", err)
				}
				return
			}
			<-s.Done()
			if _, err := s.Open(t.Context(), Scene{Blend: "/scene.blend"}); err == nil {
				t.Error("a dead session opened a scene")
			}
		})
	}
}

func TestBlendersThatDoNotStart(t *testing.T) {
	if _, err := startFake(t, "dies"); !errors.Is(err, &Error{Kind: NoStart}) || !strings.Contains(err.Error(), "status 3") || !strings.Contains(err.Error(), "shared object") {
		t.Errorf("got %v", err)
	}
	if _, err := startFake(t, "dies", func(o *Options) { o.Channel = ChannelTCP }); !errors.Is(err, &Error{Kind: NoStart}) {
		t.Errorf("got %v", err)
	}
	if _, err := startFake(t, "ok", func(o *Options) { o.Install.Path = "/nowhere/blender" }); !errors.Is(err, &Error{Kind: NoStart}) {
		t.Errorf("got %v", err)
	}
	if _, err := startFake(t, "ok", func(o *Options) { o.Home = "relative" }); !errors.Is(err, &Error{Kind: NoStart}) {
		t.Errorf("got %v", err)
	}
	for _, mode := range []string{"silent", "stranger"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		runner := testRunner(t)
		_, err := Start(ctx, Options{
			Install: Install{Path: runner[0], Kind: Executable}, Runner: runner, Home: t.TempDir(),
			Env: []string{"FAKE_BLENDER=" + mode}, Channel: ChannelTCP,
		})
		if !errors.Is(err, &Error{Kind: NoStart}) {
			t.Errorf("%s: got %v", mode, err)
		}
		cancel()
	}
}

func TestHangIsSeenAndKilled(t *testing.T) {
	s, err := startFake(t, "hangs")
	if err != nil {
		t.Fatal(err)
	}
	var last Progress
	_, err = s.Render(t.Context(), exrTask(t), func(p Progress) {
		last = p
		s.Kill()
	})
	if !errors.Is(err, &Error{Kind: Killed}) {
		t.Errorf("got %v", err)
	}
	if last.Sample != 3 || last.Samples != 64 || last.Elapsed != 1500*time.Millisecond || last.Peak != 3<<20 {
		t.Errorf("the last report was %+v", last)
	}
	gone(t, s.PID())
}

func TestCloseKillsTheStubborn(t *testing.T) {
	s, err := startFake(t, "stubborn", func(o *Options) { o.quitLimit = 50 * time.Millisecond })
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	gone(t, s.PID())
}

func TestKillTakesTheWholeTree(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a sub-reaper")
	}
	for _, how := range []string{"kill", "context", "orphan"} {
		t.Run(how, func(t *testing.T) {
			s, err := startFake(t, "grandchild")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			task := Task{Frame: 1, OutDir: filepath.Join(t.TempDir(), how), EXR: EXRFull}
			ended := make(chan error, 1)
			go func() {
				_, err := s.Render(ctx, task, nil)
				ended <- err
			}()
			pid := awaitPID(t, filepath.Join(task.OutDir, "pid"))
			begun := time.Now()
			want := Killed
			switch how {
			case "kill":
				s.Kill()
			case "context":
				cancel()
			case "orphan":
				want = Crashed // it left by itself, the grandchild did not
			}
			if err := <-ended; !errors.Is(err, &Error{Kind: want}) {
				t.Errorf("got %v", err)
			}
			gone(t, pid)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func awaitPID(t *testing.T, path string) int {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if text, err := os.ReadFile(path); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal("the grandchild did not start")
	return 0
}

func TestLogOfAnyBytes(t *testing.T) {
	log := &lockedBuffer{}
	s, err := startFake(t, "bytes", func(o *Options) { o.Log = log })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Render(t.Context(), exrTask(t), nil); err != nil {
		t.Fatal(err)
	}
	s.SetLog(nil)
	text := log.String()
	if !strings.HasPrefix(text, "caf\uFFFD \uFFFD\nplain\nlong long") || !strings.HasSuffix(text, "(41808 bytes of this line were cut)\n") {
		t.Errorf("the log is %.40q ... %.60q", text, text[max(0, len(text)-60):])
	}
}

// stuck is a writer that takes nothing.
type stuck struct{}

func (stuck) Write([]byte) (int, error) { select {} }

func TestGigabytesOfLog(t *testing.T) {
	megabytes := "50"
	if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
		megabytes = "1024"
	}
	for name, w := range map[string]io.Writer{
		"noisy, taken": &lockedBuffer{}, "noisy, not taken": stuck{}, "endless line, not taken": stuck{}, "counts up, not taken": stuck{},
	} {
		mode, _, _ := strings.Cut(name, ",")
		s, err := startFake(t, mode, func(o *Options) {
			o.Log = w
			o.Env = append(o.Env, "FAKE_MEGABYTES="+megabytes)
		})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := s.Render(t.Context(), exrTask(t), nil); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s MB of log, %s: %v", megabytes, name, time.Since(begun))
		var heap runtime.MemStats
		runtime.ReadMemStats(&heap)
		if heap.HeapAlloc > 100<<20 {
			t.Errorf("%s: %d bytes of heap", name, heap.HeapAlloc)
		}
		if b, ok := w.(*lockedBuffer); ok {
			s.SetLog(nil)
			text := b.String()
			if len(text) > headBytes+2*tailBytes+1000 || !strings.HasPrefix(text, "first words\n") || !strings.HasSuffix(text, "last words\n") {
				t.Errorf("%d bytes of log, %.20q ... %.20q", len(text), text, text[len(text)-20:])
			}
			if !strings.Contains(text, "bytes of the log were dropped here") {
				t.Error("the log does not say that its middle is missing")
			}
		}
	}
}
