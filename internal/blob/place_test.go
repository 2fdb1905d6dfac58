package blob_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/netrender/netrender/internal/blob"
)

func put(t testing.TB, s blob.Store, b []byte) blob.Ref {
	t.Helper()
	ref := blob.RefOf(b)
	if err := s.Put(context.Background(), ref, int64(len(b)), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestPlace(t *testing.T) {
	ctx, top := context.Background(), t.TempDir()
	d := openDisk(t, filepath.Join(top, "store"))
	one, two := put(t, d, []byte("one")), put(t, d, []byte("two"))
	job := filepath.Join(top, "job")
	if err := os.Mkdir(job, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		ref  blob.Ref
		o    blob.PlaceOptions
		want string
	}{
		{one, blob.PlaceOptions{}, "one"},
		{one, blob.PlaceOptions{}, "one"}, // again
		{two, blob.PlaceOptions{}, "two"}, // over another
		{one, blob.PlaceOptions{Writable: true}, "one"},
		{one, blob.PlaceOptions{}, "one"},
		{one, blob.PlaceOptions{Writable: true}, "one"}, // a link becomes a copy
	} {
		how, err := d.Place(ctx, step.ref, job, "a/b/c.txt", step.o)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(job, "a", "b", "c.txt")
		got, err := os.ReadFile(name)
		if err != nil || string(got) != step.want {
			t.Fatalf("%q, %v", got, err)
		}
		fi, _ := os.Stat(name)
		if writable := fi.Mode().Perm()&0o200 != 0; writable != step.o.Writable || step.o.Writable && how == blob.Linked {
			t.Errorf("%s, mode %v", how, fi.Mode())
		}
		if entries, _ := os.ReadDir(filepath.Dir(name)); len(entries) != 1 {
			t.Errorf("left behind: %v", entries)
		}
	}
	// What a render writes stays out of the store.
	if err := os.WriteFile(filepath.Join(job, "a", "b", "c.txt"), []byte("changed"), 0); err != nil {
		t.Fatal(err)
	}
	if err := blob.Check(ctx, d, one); err != nil {
		t.Error(err)
	}
	if _, err := d.Place(ctx, one, job, "../x", blob.PlaceOptions{}); !errors.Is(err, blob.ErrPath) {
		t.Errorf("outside: %v", err)
	}
	if _, err := d.Place(ctx, one, job, "a/b", blob.PlaceOptions{}); !errors.Is(err, blob.ErrPath) {
		t.Errorf("over a folder: %v", err)
	}
	if _, err := d.Place(ctx, one, job, "a/b/c.txt/d", blob.PlaceOptions{}); !errors.Is(err, blob.ErrPath) {
		t.Errorf("below a file: %v", err)
	}
	if _, err := d.Place(ctx, blob.RefOf(nil), job, "x", blob.PlaceOptions{}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("not there: %v", err)
	}
}

func TestPlaceNeverFollowsLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a right of their own on Windows")
	}
	ctx, top := context.Background(), t.TempDir()
	d := openDisk(t, filepath.Join(top, "store"))
	ref := put(t, d, []byte("one"))
	job, out := filepath.Join(top, "job"), filepath.Join(top, "out")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(job, "real"), 0o700), os.Mkdir(out, 0o700),
		os.WriteFile(filepath.Join(out, "f"), []byte("mine"), 0o600), os.Symlink(out, filepath.Join(job, "outside")),
		os.Symlink("real", filepath.Join(job, "inside")), os.Symlink(filepath.Join(out, "f"), filepath.Join(job, "f")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []blob.PlaceOptions{{}, {Writable: true}} {
		for _, p := range []string{"outside/f", "inside/f", "outside/deeper/f"} {
			if how, err := d.Place(ctx, ref, job, p, o); !errors.Is(err, blob.ErrPath) {
				t.Errorf("%s: %s, %v", p, how, err)
			}
		}
		if _, err := d.Place(ctx, ref, job, "f", o); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Lstat(filepath.Join(job, "f")); err != nil || !fi.Mode().IsRegular() {
			t.Errorf("the link is still there: %v", err)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(out, "f")); string(got) != "mine" {
		t.Errorf("a file outside was changed to %q", got)
	}
	if entries, _ := os.ReadDir(out); len(entries) != 1 {
		t.Errorf("outside: %v", entries)
	}
}

// On two file systems neither clone nor link is possible, and a copy sees damage.
func TestPlaceCopies(t *testing.T) {
	ctx := context.Background()
	far, near := quickDir(t), t.TempDir()
	d := openDisk(t, far)
	ref := put(t, d, []byte("one"))
	how, err := d.Place(ctx, ref, near, "x", blob.PlaceOptions{})
	if how == blob.Linked {
		t.Skip("needs two file systems: /dev/shm and the folder for temporary files")
	}
	if how != blob.Copied || err != nil {
		t.Fatalf("%s, %v", how, err)
	}
	name := filepath.Join(far, ref.String()[:2], ref.String())
	os.Chmod(name, 0o600)
	if err := os.WriteFile(name, []byte("two"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Place(ctx, ref, near, "y", blob.PlaceOptions{}); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(near); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
