package worker_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
)

var errCrash = errors.New("the machine crashed here")

// frameFolder is a frame that has just been rendered.
func frameFolder(t *testing.T, o *worker.Outbox, frame int) (string, farm.Report) {
	t.Helper()
	dir, err := o.Folder()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Appendf(nil, "pixels of %d", frame)
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "files", "a.exr"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, farm.Report{
		Lease: 1, Worker: "w", Job: 1, Frame: frame, Attempt: 1, Outcome: farm.Rendered,
		Results: []farm.Result{{Kind: farm.KindEXR, Name: "a.exr", Size: int64(len(text)), Ref: refOf(text), Frame: frame}},
	}
}

// Stopped at any step, an outbox has after a restart either nothing of the frame or all of it; what was in it before
// is there in both cases, in order.
func TestOutboxStoppedAtEveryStep(t *testing.T) {
	for stopAt := 0; ; stopAt++ {
		dir := t.TempDir()
		count, crash := 0, false
		o, err := worker.OpenOutbox(dir, func(name string) error {
			if crash {
				if count++; count > stopAt {
					return errCrash
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for frame := 1; frame <= 2; frame++ {
			parcel, r := frameFolder(t, o, frame)
			if err := o.Keep(parcel, r, "files/a.exr"); err != nil {
				t.Fatal(err)
			}
		}
		o.RemoveFirst()
		crash = true
		parcel, r := frameFolder(t, o, 3)
		kept := o.Keep(parcel, r, "files/a.exr")
		if kept != nil && !errors.Is(kept, errCrash) {
			t.Fatal(kept)
		}
		again, err := worker.OpenOutbox(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		var frames []int
		for _, r := range again.Reports() {
			frames = append(frames, r.Frame)
			if len(r.Results) != 1 || r.Results[0].Ref == "" {
				t.Errorf("stopped at step %d: frame %d has results %v", stopAt, r.Frame, r.Results)
			}
		}
		whole := slices.Equal(frames, []int{2, 3})
		if !whole && !slices.Equal(frames, []int{2}) || kept == nil && !whole {
			t.Errorf("stopped at step %d: the outbox holds %v", stopAt, frames)
		}
		if n := len(entries(t, dir)); n != len(frames) {
			t.Errorf("stopped at step %d: %d folders for %d frames", stopAt, n, len(frames))
		}
		if kept == nil {
			if stopAt < 6 {
				t.Errorf("keeping a frame took only %d steps", stopAt)
			}
			return
		}
	}
}

func TestOutboxSetsDamagedRecordsAside(t *testing.T) {
	dir := t.TempDir()
	bad := map[string]string{
		"p1": "{", "p2": `{"reports":[]}`, "p3": `{"reports":[{"results":[{"name":"a"}]}]}`,
		"p4": `{"reports":[{"results":[{"name":"a"}]}],"paths":["../../x"]}`,
	}
	for name, text := range bad {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "report.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := worker.OpenOutbox(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Reports()) != 0 {
		t.Errorf("it took %v", o.Reports())
	}
	if names := entries(t, dir); len(names) != 4 || names[0] != "broken-p1" {
		t.Errorf("the folder holds %v", names)
	}
}
