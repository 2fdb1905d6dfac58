package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// noise is bytes that look like chance.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// indexed is a disk with an index that runs.
func indexed(t *testing.T, dir string) (*Disk, *Index) {
	t.Helper()
	d, err := OpenDisk(dir, DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := NewIndex(d)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		d.Close()
	})
	return d, x
}

// put stores bytes and waits until they are cut.
func put(t *testing.T, d *Disk, x *Index, b []byte) Recipe {
	t.Helper()
	if err := d.Put(t.Context(), RefOf(b), int64(len(b)), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	r, err := x.Recipe(t.Context(), RefOf(b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// inChunks is the body of b for whoever says what is known.
func inChunks(b []byte, known func([]Ref) []bool) (body []byte, literal int) {
	r, err := recipeOf(bytes.NewReader(b), nil)
	if err != nil {
		panic(err)
	}
	sums := make([]Ref, len(r))
	for i := range r {
		sums[i] = r[i].Sum
	}
	at := 0
	for i, k := range known(sums) {
		if k {
			body = AppendCopy(body, sums[i])
		} else {
			body = append(AppendLiteral(body, r[i].Size), b[at:at+r[i].Size]...)
			literal += r[i].Size
		}
		at += r[i].Size
	}
	return body, literal
}

func TestExpand(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	old := noise(1, 8<<20)
	put(t, d, x, old)
	next := slices.Concat([]byte("inserted"), old[:5<<20], []byte("more"), old[5<<20:])
	body, literal := inChunks(next, x.Known)
	if literal == 0 || literal > len(next)/20 {
		t.Errorf("%d of %d bytes are sent", literal, len(next))
	}
	in := x.Expand(t.Context(), bytes.NewReader(body))
	defer in.Close()
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, next) {
		t.Errorf("%d bytes that are not those of the file: %v", len(got), err)
	}
}

// TestExpandDamaged: a chunk that is not what it was is not given; the blob it was to come from is named.
func TestExpandDamaged(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	old := noise(1, 8<<20)
	put(t, d, x, old)
	body, _ := inChunks(old, x.Known)
	name := d.path(RefOf(old))
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(old)
	damaged[6<<20] ^= 1
	if err := os.WriteFile(name, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(x.Expand(t.Context(), bytes.NewReader(body)))
	var chunk *ChunkError
	if !errors.As(err, &chunk) || chunk.Ref != RefOf(old) {
		t.Errorf("%v", err)
	}
	if len(got) == 0 || len(got) > 6<<20 || !bytes.Equal(got, old[:len(got)]) {
		t.Errorf("%d bytes were given", len(got))
	}
	if x.Any() {
		t.Error("the damaged blob is still known")
	}
}
