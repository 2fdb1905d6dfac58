// Package blobtest is the conformance test of blob.Store and blob.Uploads: every implementation passes it.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/netrender/netrender/internal/blob"
)

// Bytes makes n repeatable bytes that do not compress.
func Bytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// Recipe cuts bytes, as an index does.
func Recipe(t testing.TB, whole []byte) (r blob.Recipe) {
	t.Helper()
	for c := blob.NewCutter(bytes.NewReader(whole)); ; {
		b, err := c.Next()
		if err == io.EOF {
			return r
		}
		if err != nil {
			t.Fatal(err)
		}
		r = append(r, blob.Chunk{Sum: blob.RefOf(b), Size: len(b)})
	}
}

// Store runs the test of a Store; fresh makes an empty one.
func Store(t *testing.T, fresh func(t *testing.T) blob.Store) {
	ctx := context.Background()
	t.Run("put and read", func(t *testing.T) {
		s := fresh(t)
		for _, n := range []int{0, 1, 511, 512, 256<<10 - 1, 256 << 10, 256<<10 + 1, 2<<20 + 7} {
			b := Bytes(n, uint64(n))
			ref := blob.RefOf(b)
			must(t, s.Put(ctx, ref, int64(n), iotest.HalfReader(bytes.NewReader(b))))
			if info, err := s.Stat(ctx, ref); err != nil || info != (blob.Info{Ref: ref, Size: int64(n)}) {
				t.Fatalf("Stat of %d bytes: %v, %v", n, info, err)
			}
			if got := read(t, s, ref); !bytes.Equal(got, b) {
				t.Fatalf("%d bytes came back different", n)
			}
			must(t, blob.Check(ctx, s, ref))
		}
	})
	t.Run("reader", func(t *testing.T) {
		s := fresh(t)
		b := Bytes(300_000, 1)
		ref := blob.RefOf(b)
		must(t, s.Put(ctx, ref, int64(len(b)), bytes.NewReader(b)))
		r, err := s.Open(ctx, ref)
		must(t, err)
		defer r.Close()
		if r.Size() != int64(len(b)) {
			t.Fatalf("Size %d", r.Size())
		}
		must(t, iotest.TestReader(r, b))
		part := make([]byte, 100)
		if n, err := r.ReadAt(part, 1000); n != 100 || err != nil || !bytes.Equal(part, b[1000:1100]) {
			t.Fatalf("ReadAt: %d, %v", n, err)
		}
		if n, err := r.ReadAt(part, int64(len(b))-50); n != 50 || err != io.EOF {
			t.Fatalf("ReadAt over the end: %d, %v", n, err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		s := fresh(t)
		ref := blob.RefOf([]byte("nothing"))
		if _, err := s.Stat(ctx, ref); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Stat: %v", err)
		}
		if _, err := s.Open(ctx, ref); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open: %v", err)
		}
		must(t, s.Delete(ctx, ref))
	})
	t.Run("wrong bytes are refused", func(t *testing.T) {
		s := fresh(t)
		for _, n := range []int{10, 600_000} {
			b := Bytes(n, 2)
			ref := blob.RefOf(b)
			wrong := slices.Clone(b)
			wrong[n-1]++
			var m *blob.MismatchError
			err := s.Put(ctx, ref, int64(n), bytes.NewReader(wrong))
			if !errors.Is(err, blob.ErrMismatch) || !errors.As(err, &m) || m.Want != ref || m.Got != blob.RefOf(wrong) {
				t.Errorf("changed byte: %v", err)
			}
			if err := s.Put(ctx, ref, int64(n), bytes.NewReader(b[:n-1])); !errors.Is(err, blob.ErrMismatch) {
				t.Errorf("too short: %v", err)
			}
			if err := s.Put(ctx, ref, int64(n)-1, bytes.NewReader(b)); !errors.Is(err, blob.ErrMismatch) {
				t.Errorf("size too small: %v", err)
			}
			if err := s.Put(ctx, ref, int64(n), io.MultiReader(bytes.NewReader(b), bytes.NewReader([]byte{0}))); !errors.Is(err, blob.ErrMismatch) {
				t.Errorf("too long: %v", err)
			}
			broken := errors.New("cable")
			err = s.Put(ctx, ref, int64(n), io.MultiReader(bytes.NewReader(b[:n/2]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, blob.ErrMismatch) {
				t.Errorf("broken stream: %v", err)
			}
			if _, err := s.Stat(ctx, ref); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("something was kept: %v", err)
			}
			must(t, s.Put(ctx, ref, int64(n), bytes.NewReader(b)))
		}
	})
	t.Run("known blobs are drained", func(t *testing.T) {
		s := fresh(t)
		b := Bytes(1000, 3)
		ref := blob.RefOf(b)
		must(t, s.Put(ctx, ref, 1000, bytes.NewReader(b)))
		r := bytes.NewReader(b)
		must(t, s.Put(ctx, ref, 1000, r))
		if r.Len() != 0 {
			t.Errorf("%d bytes were left", r.Len())
		}
	})
	t.Run("many at once", func(t *testing.T) {
		s := fresh(t)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				b := Bytes(10_000, uint64(i%4))
				if err := s.Put(ctx, blob.RefOf(b), 10_000, bytes.NewReader(b)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if infos, err := s.List(ctx, blob.Ref{}, 0); len(infos) != 4 || err != nil {
			t.Errorf("List: %v, %v", infos, err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		s := fresh(t)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		b := Bytes(1000, 4)
		if err := s.Put(gone, blob.RefOf(b), 1000, bytes.NewReader(b)); !errors.Is(err, context.Canceled) {
			t.Errorf("Put: %v", err)
		}
	})
	t.Run("list and delete", func(t *testing.T) {
		s := fresh(t)
		var want []blob.Info
		for i := range 23 {
			b := Bytes(i+1, uint64(i)+100)
			must(t, s.Put(ctx, blob.RefOf(b), int64(len(b)), bytes.NewReader(b)))
			want = append(want, blob.Info{Ref: blob.RefOf(b), Size: int64(len(b))})
		}
		slices.SortFunc(want, func(a, b blob.Info) int { return a.Ref.Compare(b.Ref) })
		for _, page := range []int{1, 7, 23, 0} {
			if got := list(t, s, page); !slices.Equal(got, want) {
				t.Fatalf("pages of %d: %d of %d blobs", page, len(got), len(want))
			}
		}
		must(t, s.Delete(ctx, want[5].Ref))
		if got := list(t, s, 4); !slices.Equal(got, slices.Delete(want, 5, 6)) {
			t.Fatal("deleting one changed the others")
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s blob.Store, ref blob.Ref) []byte {
	t.Helper()
	r, err := s.Open(context.Background(), ref)
	must(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}

func list(t *testing.T, s blob.Store, page int) (all []blob.Info) {
	t.Helper()
	for after := (blob.Ref{}); ; after = all[len(all)-1].Ref {
		infos, err := s.List(context.Background(), after, page)
		must(t, err)
		all = append(all, infos...)
		if page <= 0 || len(infos) < page {
			return all
		}
	}
}
