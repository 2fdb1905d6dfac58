package worker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// Index files of bakes can be written where they lie, which changes nothing elsewhere; nothing else can.
func TestBakesCanBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1, func(j *fakeJob) {
			j.add(m, "bakes/meta/00001_00000.json", []byte("{}"))
			j.add(m, "bakes/meta/00002_00000.json", []byte("{}")) // the same bytes
			j.add(m, "bakes/blobs/00001_00000.blob", []byte("blob"))
			j.add(m, "meta/notes.json", []byte("notes"))
		})
		opt := options(t, m, fake.Options{Open: func(_ context.Context, s blender.Scene) error {
			for name, want := range map[string]bool{
				"bakes/meta/00001_00000.json": true, "bakes/meta/00002_00000.json": true, "bakes/blobs/00001_00000.blob": false, "meta/notes.json": false,
			} {
				info, err := os.Stat(s.Files["/home/artist/"+name])
				if err != nil || info.Mode().Perm()&0o200 != 0 != want {
					t.Errorf("%s can be written: %v, %v", name, info.Mode(), err)
				}
			}
			if err := os.WriteFile(s.Files["/home/artist/bakes/meta/00001_00000.json"], []byte("changed"), 0); err != nil {
				t.Error(err)
			}
			if text, _ := os.ReadFile(s.Files["/home/artist/bakes/meta/00002_00000.json"]); string(text) != "{}" {
				t.Errorf("the other one is %q", text)
			}
			return nil
		}})
		var writes []string
		starts := opt.NewRenderer
		opt.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			writes = s.Writes
			return starts(ctx, s)
		}
		w := start(t, opt)
		m.until("the frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
		if len(writes) != 1 || !strings.HasSuffix(filepath.ToSlash(writes[0]), "/src/bakes/meta") {
			t.Errorf("Blender may write in %v", writes)
		}
	})
}
