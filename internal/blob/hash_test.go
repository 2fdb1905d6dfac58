package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestHashFiles(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	want := map[string]blob.Info{}
	names := []string{filepath.Join(dir, "missing"), dir}
	for i := range 20 {
		b := blobtest.Bytes(i*100_000, uint64(i))
		name := write(t, filepath.Join(dir, fmt.Sprint(i)), b)
		names, want[name] = append(names, name), blob.Info{Ref: blob.RefOf(b), Size: int64(len(b))}
	}
	err := blob.HashFiles(ctx, names, 3, nil, func(h blob.Hashed) {
		w, ok := want[h.Name]
		if ok && (h.Err != nil || h.Info != w) || !ok && h.Err == nil {
			t.Errorf("%s: %v, %v", h.Name, h.Info, h.Err)
		}
		delete(want, h.Name)
	})
	if err != nil || len(want) != 0 {
		t.Errorf("%d files were not answered, %v", len(want), err)
	}
	if _, err := blob.HashFile(ctx, names[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := blob.HashFile(gone, names[5]); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// changing is done once, when the first chunk was read.
type changing struct {
	context.Context
	do   func()
	asks int
}

func (c *changing) Err() error {
	if c.asks++; c.asks == 2 {
		c.do()
	}
	return nil
}

func TestHashFileSeesChanges(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	other := write(t, name+".new", blobtest.Bytes(3<<20, 2))
	for what, do := range map[string]func(){
		"grew":      func() { f, _ := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0); f.WriteString("x"); f.Close() },
		"shrank":    func() { os.Truncate(name, 2<<20) },
		"exchanged": func() { os.Rename(other, name) },
		"removed":   func() { os.Remove(name) },
		"touched":   func() { os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)) },
	} {
		write(t, name, blobtest.Bytes(3<<20, 1))
		if _, err := blob.HashFile(&changing{Context: context.Background(), do: do}, name); !errors.Is(err, blob.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestHashCache(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	file := filepath.Join(dir, "sub", "hashes")
	later := func() time.Time { return time.Now().Add(time.Minute) } // the files below count as old
	name := write(t, filepath.Join(dir, "with \"odd\"\nname"), []byte("one"))
	hash := func(c *blob.HashCache) (blob.Ref, bool) {
		t.Helper()
		info, known, err := c.Hash(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Ref, known
	}
	c := blob.OpenHashCache(file, time.Now)
	for range 2 {
		if ref, known := hash(c); ref != blob.RefOf([]byte("one")) || known {
			t.Fatalf("a file that was just written is trusted: %v, %v", ref, known)
		}
	}
	c = blob.OpenHashCache(file, later)
	if _, known := hash(c); known {
		t.Fatal("known from nowhere")
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	c = blob.OpenHashCache(file, later)
	if ref, known := hash(c); ref != blob.RefOf([]byte("one")) || !known {
		t.Fatalf("forgotten: %v", known)
	}
	fi, _ := os.Stat(name)
	write(t, name, []byte("two"))
	if runtime.GOOS == "linux" || runtime.GOOS == "darwin" { // elsewhere there is no change time that tells
		os.Chtimes(name, fi.ModTime(), fi.ModTime())
	}
	if ref, known := hash(c); ref != blob.RefOf([]byte("two")) || known {
		t.Fatalf("the change was not seen: %v, %v", ref, known)
	}
	if _, known := hash(c); !known {
		t.Error("forgotten")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, b[:len(b)-9], b[:30], append(b[:40:40], "garbage\n\xff"...)} {
		write(t, file, damaged)
		if ref, known := hash(blob.OpenHashCache(file, later)); ref != blob.RefOf([]byte("two")) || known {
			t.Errorf("%q: %v, %v", damaged, ref, known)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
