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

// recipeSums are the names of a recipe's chunks.
func knownOf(x *Index, r Recipe) (known int) {
	for _, k := range x.Known(sumsOf(r)) {
		if k {
			known++
		}
	}
	return known
}

// TestIndexRestart: what was cut is known again by another process, and is not cut again; what belongs to no blob goes.
func TestIndexRestart(t *testing.T) {
	dir := t.TempDir()
	b, late := noise(1, 6<<20), noise(2, 5<<20)
	t.Run("before", func(t *testing.T) {
		d, x := indexed(t, dir)
		put(t, d, x, b)
		d.index.Store(nil) // as if the process were killed before this one was cut
		if err := d.Put(t.Context(), RefOf(late), int64(len(late)), bytes.NewReader(late)); err != nil {
			t.Fatal(err)
		}
	})
	d, err := OpenDisk(dir, DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	x := NewIndex(d)
	before, err := os.Stat(x.path(RefOf(b)))
	if err != nil {
		t.Fatal(err)
	}
	nobodys := []string{x.path(Ref{1}), x.path(Ref{2}) + ".new"}
	for _, name := range nobodys {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x.load(t.Context())
	r, _ := recipeOf(bytes.NewReader(b), nil)
	if n := knownOf(x, r); n != len(r) {
		t.Errorf("%d of %d chunks are known", n, len(r))
	}
	if after, err := os.Stat(x.path(RefOf(b))); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was cut again (%v)", err)
	}
	if !slices.Equal(x.queue, []Ref{RefOf(late)}) {
		t.Errorf("to be cut: %v", x.queue)
	}
	for _, name := range nobodys {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestIndexDelete: chunks go with their blob, unless another has them.
func TestIndexDelete(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	first := noise(1, 6<<20)
	second := slices.Concat([]byte("more"), first)
	r := put(t, d, x, first)
	put(t, d, x, second)
	if err := d.Delete(t.Context(), RefOf(second)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(x.path(RefOf(second))); err == nil {
		t.Error("the recipe outlived its blob")
	}
	if n := knownOf(x, r); n != len(r) {
		t.Errorf("%d of %d chunks of the other are known", n, len(r))
	}
	if err := d.Delete(t.Context(), RefOf(first)); err != nil {
		t.Fatal(err)
	}
	if n := knownOf(x, r); n != 0 || x.Any() {
		t.Errorf("%d chunks of nothing are known", n)
	}
	if _, err := x.Recipe(t.Context(), RefOf(first)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a recipe of nothing: %v", err)
	}
}

// TestIndexDamagedRecipe: a recipe that was damaged on the disk is as good as none, and is made again.
func TestIndexDamagedRecipe(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	b := noise(1, 6<<20)
	want := put(t, d, x, b)
	text, err := os.ReadFile(x.path(RefOf(b)))
	if err != nil {
		t.Fatal(err)
	}
	text[100] ^= 1
	if err := os.WriteFile(x.path(RefOf(b)), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := x.Recipe(t.Context(), RefOf(b)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d chunks, %v", len(got), err)
	}
}

// TestIndexBounds: what is in memory stays within its limits; the newest blobs are known.
func TestIndexBounds(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	x.mostHooks, x.mostHeld = 40, 300
	var last Recipe
	for i := range byte(12) {
		last = put(t, d, x, noise(i, ChunkFrom))
		knownOf(x, last)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	held := 0
	for _, l := range x.held {
		held += len(l.recipe)
	}
	if len(x.hooks) > x.mostHooks || held > x.mostHeld || len(x.refs) != len(x.nums) {
		t.Errorf("%d hooks, %d chunks, %d and %d blobs", len(x.hooks), held, len(x.refs), len(x.nums))
	}
	if l, _ := x.find(last[0].Sum); l == nil {
		t.Error("the newest blob is not known")
	}
}

// TestIndexYields: cutting waits for uploads, unless somebody waits for it.
func TestIndexYields(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	slow, feed := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, _, err := d.Append(context.Background(), Ref{1}, 1000, 0, slow)
		sent <- err
	}()
	if _, err := feed.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	calm := d.parts.calm()
	if calm == nil {
		t.Fatal("an upload that runs is not seen")
	}
	put(t, d, x, noise(1, 20<<20)) // returns though the upload runs
	feed.Close()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	<-calm
	if d.parts.calm() != nil {
		t.Error("an upload that ended is still seen")
	}
}

// TestIndexHurries: a blob that somebody waits for is cut before one that arrived earlier, also when that was begun.
func TestIndexHurries(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	slow, feed := io.Pipe()
	ended := make(chan struct{})
	go func() { // so that cutting takes its time
		defer close(ended)
		_, _, _ = d.Append(context.Background(), Ref{1}, 1000, 0, slow)
	}()
	defer func() {
		feed.Close()
		<-ended
	}()
	if _, err := feed.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	large := noise(1, 64<<20)
	if err := d.Put(t.Context(), RefOf(large), int64(len(large)), bytes.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	put(t, d, x, noise(2, 5<<20))
	if _, err := os.Stat(x.path(RefOf(large))); err == nil {
		t.Error("nobody waited for the large one")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.todo[RefOf(large)] == nil {
		t.Error("the large one is not to be cut any more")
	}
}

// TestCompose: of a blob that shares most bytes with another only the rest is fetched, from any offset on.
func TestCompose(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	old := noise(1, 8<<20)
	put(t, d, x, old)
	next := slices.Concat([]byte("inserted"), old[:5<<20], []byte("more"), old[5<<20:])
	recipe, _ := recipeOf(bytes.NewReader(next), nil)
	if share := x.Share(recipe); share < int64(len(next))*9/10 {
		t.Errorf("%d bytes are shared", share)
	}
	var fetched int64
	remote := func(_ context.Context, offset, n int64) (io.ReadCloser, error) {
		fetched += n
		return io.NopCloser(bytes.NewReader(next[offset:][:n])), nil
	}
	for _, offset := range []int64{0, 1, 6<<20 + 77, int64(len(next)) - 1, int64(len(next))} {
		in := x.Compose(t.Context(), recipe, offset, remote)
		got, err := io.ReadAll(in)
		if in.Close(); err != nil || !bytes.Equal(got, next[offset:]) {
			t.Errorf("from %d on: %d bytes, %v", offset, len(got), err)
		}
	}
	if fetched > int64(len(next))/4 {
		t.Errorf("%d bytes were fetched", fetched)
	}
	none := (*Index)(nil).Compose(t.Context(), recipe, 0, remote)
	if got, err := io.ReadAll(none); err != nil || !bytes.Equal(got, next) {
		t.Errorf("without an index: %d bytes, %v", len(got), err)
	}
}

// TestComposeDistrusts: a damaged blob costs a fetch, and of what somebody gives who lies nothing is passed on.
func TestComposeDistrusts(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	old := noise(1, 8<<20)
	recipe := put(t, d, x, old)
	name := d.path(RefOf(old))
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(old)
	damaged[6<<20] ^= 1
	if err := os.WriteFile(name, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	from := func(b []byte) Remote {
		return func(_ context.Context, offset, n int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(b[offset:][:n])), nil
		}
	}
	if got, err := io.ReadAll(x.Compose(t.Context(), recipe, 0, from(old))); err != nil || !bytes.Equal(got, old) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	got, err := io.ReadAll(x.Compose(t.Context(), recipe, 0, from(damaged)))
	var chunk *ChunkError
	if !errors.As(err, &chunk) || len(got) > 6<<20 || !bytes.Equal(got, old[:len(got)]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestLearn: a blob whose recipe came before it is not cut.
func TestLearn(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	b := bytes.Repeat([]byte("0123456789abcdef"), ChunkFrom/16)
	var other Recipe // cut as no cutter would
	for at := 0; at < len(b); at += 1 << 16 {
		other = append(other, Chunk{RefOf(b[at : at+1<<16]), 1 << 16})
	}
	if err := x.Learn(RefOf(b), other); err != nil {
		t.Fatal(err)
	}
	if got := put(t, d, x, b); len(got) != len(other) || got[0] != other[0] {
		t.Errorf("it has %d chunks, not %d", len(got), len(other))
	}
}

// TestComposeWhileDeleted: blobs that are removed while others are made of their chunks cost a fetch, and no wrong byte.
func TestComposeWhileDeleted(t *testing.T) {
	d, x := indexed(t, t.TempDir())
	parts := [][]byte{noise(1, 6<<20), noise(2, 6<<20), noise(3, 6<<20)}
	for _, b := range parts {
		put(t, d, x, b)
	}
	next := slices.Concat(parts...)
	recipe, _ := recipeOf(bytes.NewReader(next), nil)
	var fetched int64
	in := x.Compose(t.Context(), recipe, 0, func(_ context.Context, offset, n int64) (io.ReadCloser, error) {
		fetched += n
		return io.NopCloser(bytes.NewReader(next[offset:][:n])), nil
	})
	defer in.Close()
	got := make([]byte, 7<<20) // into the second one
	if _, err := io.ReadFull(in, got); err != nil {
		t.Fatal(err)
	}
	before := fetched
	for _, b := range parts {
		if err := d.Delete(t.Context(), RefOf(b)); err != nil {
			t.Fatal(err)
		}
	}
	rest, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(append(got, rest...), next) {
		t.Errorf("%d bytes, %v", len(got)+len(rest), err)
	}
	if fetched-before < 5<<20 {
		t.Errorf("%d bytes of what was removed were fetched", fetched-before)
	}
}
