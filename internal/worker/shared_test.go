package worker_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// What lies in a shared folder as it was sent is not fetched; everything else is.
func TestSharedFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("same.png", "wood")
	write("other.png", "W00D")
	write("longer.png", "wood and more")
	write("free.png", "wood 4")
	if err := os.Mkdir(filepath.Join(dir, "folder.png"), 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret.png")
	if err := os.WriteFile(outside, []byte("wood 6"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link.png": "same.png", "whole.png": filepath.Join(dir, "same.png"), "out.png": outside, "up": filepath.Dir(outside)} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("this system makes no links: ", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		fetched := map[string]string{} // by name
		j := m.job(1, func(j *fakeJob) {
			j.grant.Needs.Shared = []string{"/home/artist/shared"}
			for name, text := range map[string]string{
				"shared/same.png": "wood", "shared/other.png": "wood 1", "shared/longer.png": "wood 2", "shared/gone.png": "wood 3",
				"shared/folder.png": "wood 5", "own/free.png": "wood 4", "shared/out.png": "wood 6", "shared/up/secret.png": "wood 6",
			} {
				fetched[name] = "blob " + j.add(m, name, []byte(text)).Ref[:8]
			}
			j.add(m, "shared/whole.png", []byte("wood"))
			delete(m.blobs, j.add(m, "shared/link.png", []byte("wood")).Ref) // the master has none of the three
		})
		opt := options(t, m, fake.Options{Open: func(_ context.Context, s blender.Scene) error {
			for _, name := range []string{"same.png", "link.png", "whole.png"} {
				if text, err := os.ReadFile(s.Files["/home/artist/shared/"+name]); err != nil || string(text) != "wood" {
					t.Errorf("%s: %q, %v", name, text, err)
				}
			}
			return nil
		}})
		opt.Shared = []farm.Share{{From: "/home/artist/shared", To: dir}}
		w := start(t, opt)
		m.until("the frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
		for name, call := range fetched {
			want := 1
			if name == "shared/same.png" {
				want = 0
			}
			if m.calls[call] != want {
				t.Errorf("%s was fetched %d times", name, m.calls[call])
			}
		}
	})
}

// A folder whose server is away holds nobody up for long.
func TestSilentFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, release := time.Now(), make(chan struct{})
		defer close(release)
		r := worker.UnlessSilent(t.Context(), 20*time.Second, func(w io.Writer, moved func()) error {
			for range 3 {
				time.Sleep(15 * time.Second)
				moved()
			}
			if _, err := w.Write([]byte("wood")); err != nil {
				return err
			}
			<-release
			return nil
		})
		defer r.Close()
		text, err := io.ReadAll(r)
		if string(text) != "wood" || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read %q, %v", text, err)
		}
		if took := time.Since(begun); took != 65*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
