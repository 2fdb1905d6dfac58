//go:build unix

package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/worker/fake"
)

// A folder whose server is away costs the first frame a moment, and the frames after it nothing.
func TestCopyingToASilentFolder(t *testing.T) {
	m := newMaster(t)
	all := t.TempDir()
	if err := os.Mkdir(filepath.Join(all, "shot-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	// Whoever opens a pipe that nobody reads waits, as for a server that is away.
	pipe := filepath.Join(all, "shot-1", ".netrender-1-1-0.part")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	j := m.job(3, func(j *fakeJob) { j.grant.Folder = "shot-1" })
	opt := options(t, m, fake.Options{})
	opt.CopyTo = all
	w := start(t, opt)
	w.CopySilence(100 * time.Millisecond)
	m.until("the frames are done", func() bool { return len(j.done) == 3 })
	w.drain()
	for f := 1; f <= 3; f++ {
		if text := j.done[f].Warnings; len(text) != 1 || !strings.Contains(text[0], "takes nothing") {
			t.Errorf("frame %d: warnings %q", f, text)
		}
	}
	if r, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil { // let who waits there go
		r.Close()
	}
}
