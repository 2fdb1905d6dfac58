package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/blob"
)

// Both is what most implementations are.
type Both interface {
	blob.Store
	blob.Uploads
}

// Uploads runs the test of Uploads; fresh makes an empty one. reopen gives the same as after a restart, or nil if a
// restart loses everything.
func Uploads(t *testing.T, fresh func(t *testing.T) Both, reopen func(t *testing.T, u Both) Both) {
	ctx := context.Background()
	t.Run("in pieces", func(t *testing.T) {
		u := fresh(t)
		rapid.Check(t, func(rt *rapid.T) {
			b := Bytes(rapid.IntRange(0, 700_000).Draw(rt, "size"), uint64(rapid.Uint8().Draw(rt, "seed")))
			ref, size := blob.RefOf(b), int64(len(b))
			for complete := false; !complete; {
				at, err := u.Offset(ctx, ref)
				if err != nil {
					rt.Fatal(err)
				}
				n := rapid.IntRange(0, 400_000).Draw(rt, "piece")
				piece := b[at:min(at+int64(n), size)]
				var have int64
				have, complete, err = u.Append(ctx, ref, size, at, bytes.NewReader(piece))
				if err != nil || have != at+int64(len(piece)) || complete != (have == size) {
					rt.Fatalf("at %d + %d of %d: %d, %v, %v", at, len(piece), size, have, complete, err)
				}
			}
			if r, err := u.Open(ctx, ref); err != nil {
				rt.Fatal(err)
			} else if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b) {
				rt.Fatalf("other bytes came back: %v", err)
			} else {
				r.Close()
			}
			if err := u.Delete(ctx, ref); err != nil {
				rt.Fatal(err)
			}
		})
	})
	b := Bytes(600_000, 7)
	ref, size := blob.RefOf(b), int64(len(b))
	appendAt := func(t *testing.T, u Both, at, to int64) (int64, bool, error) {
		t.Helper()
		return u.Append(ctx, ref, size, at, bytes.NewReader(b[at:to]))
	}
	t.Run("a broken stream keeps what came", func(t *testing.T) {
		u := fresh(t)
		cable := errors.New("cable")
		have, complete, err := u.Append(ctx, ref, size, 0, io.MultiReader(bytes.NewReader(b[:400_000]), iotest.ErrReader(cable)))
		if have != 400_000 || complete || !errors.Is(err, cable) {
			t.Fatalf("%d, %v, %v", have, complete, err)
		}
		if _, err := u.Stat(ctx, ref); !errors.Is(err, blob.ErrNotFound) {
			t.Fatalf("a part is seen as the whole: %v", err)
		}
		if infos, err := u.List(ctx, blob.Ref{}, 0); len(infos) != 0 || err != nil {
			t.Fatalf("a part is listed: %v, %v", infos, err)
		}
		if have, complete, err := appendAt(t, u, 400_000, size); have != size || !complete || err != nil {
			t.Fatalf("%d, %v, %v", have, complete, err)
		}
		if !bytes.Equal(read(t, u, ref), b) {
			t.Fatal("other bytes came back")
		}
	})
	t.Run("wrong offset", func(t *testing.T) {
		u := fresh(t)
		_, _, err := appendAt(t, u, 0, 1000)
		must(t, err)
		for _, at := range []int64{0, 999, 1001, size} {
			var o *blob.OffsetError
			have, _, err := appendAt(t, u, at, size)
			if !errors.Is(err, blob.ErrOffset) || !errors.As(err, &o) || o.Have != 1000 || have != 1000 {
				t.Errorf("at %d: %d, %v", at, have, err)
			}
		}
	})
	t.Run("wrong bytes", func(t *testing.T) {
		u := fresh(t)
		_, _, err := appendAt(t, u, 0, 300_000)
		must(t, err)
		wrong := slices.Clone(b[300_000:])
		wrong[0]++
		have, complete, err := u.Append(ctx, ref, size, 300_000, bytes.NewReader(wrong))
		if !errors.Is(err, blob.ErrMismatch) || complete || have != 0 {
			t.Fatalf("%d, %v, %v", have, complete, err)
		}
		if at, err := u.Offset(ctx, ref); at != 0 || err != nil {
			t.Fatalf("the partial is still there: %d, %v", at, err)
		}
		if _, complete, err := appendAt(t, u, 0, size); !complete || err != nil {
			t.Fatalf("%v, %v", complete, err)
		}
	})
	t.Run("one at a time", func(t *testing.T) {
		u := fresh(t)
		pr, pw := io.Pipe()
		done := make(chan error)
		go func() {
			_, _, err := u.Append(ctx, ref, size, 0, pr)
			done <- err
		}()
		_, err := pw.Write(b[:10]) // returns when the first Append reads
		must(t, err)
		if _, _, err := appendAt(t, u, 0, size); !errors.Is(err, blob.ErrBusy) {
			t.Errorf("second: %v", err)
		}
		pw.Close()
		must(t, <-done)
		if at, err := u.Offset(ctx, ref); at != 10 || err != nil {
			t.Errorf("%d, %v", at, err)
		}
	})
	t.Run("already whole", func(t *testing.T) {
		u := fresh(t)
		must(t, u.Put(ctx, ref, size, bytes.NewReader(b)))
		if at, err := u.Offset(ctx, ref); at != size || err != nil {
			t.Errorf("%d, %v", at, err)
		}
		if have, complete, err := appendAt(t, u, 0, size); have != size || !complete || err != nil {
			t.Errorf("%d, %v, %v", have, complete, err)
		}
	})
	t.Run("a Put overtakes an upload, Delete ends one", func(t *testing.T) {
		u := fresh(t)
		_, _, err := appendAt(t, u, 0, 1000)
		must(t, err)
		must(t, u.Put(ctx, ref, size, bytes.NewReader(b)))
		must(t, u.Delete(ctx, ref))
		if at, err := u.Offset(ctx, ref); at != 0 || err != nil {
			t.Errorf("%d, %v", at, err)
		}
	})
	t.Run("bytes past the size are left", func(t *testing.T) {
		u := fresh(t)
		r := bytes.NewReader(append(slices.Clone(b), 1, 2, 3))
		if _, complete, err := u.Append(ctx, ref, size, 0, r); !complete || err != nil || r.Len() != 3 {
			t.Errorf("%v, %v, %d left", complete, err, r.Len())
		}
	})
	if reopen == nil {
		return
	}
	t.Run("survives a restart", func(t *testing.T) {
		u := fresh(t)
		_, _, err := appendAt(t, u, 0, 1000)
		must(t, err)
		u = reopen(t, u)
		_, _, err = appendAt(t, u, 1000, 450_001)
		must(t, err)
		u = reopen(t, u)
		if at, err := u.Offset(ctx, ref); at != 450_001 || err != nil {
			t.Fatalf("%d, %v", at, err)
		}
		if _, complete, err := appendAt(t, u, 450_001, size); !complete || err != nil {
			t.Fatalf("%v, %v", complete, err)
		}
		u = reopen(t, u)
		if !bytes.Equal(read(t, u, ref), b) {
			t.Fatal("other bytes came back")
		}
	})
}
