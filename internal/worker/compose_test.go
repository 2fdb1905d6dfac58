package worker_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
	"github.com/netrender/netrender/internal/worker/fake"
)

// TestNextSave: of a file that is mostly in the cache only the rest is fetched; where that goes wrong, all of it.
func TestNextSave(t *testing.T) {
	first := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(first)
	second := slices.Concat([]byte("inserted"), first)
	ref := blob.RefOf(second).String()
	for name, c := range map[string]struct {
		recipe func(blob.Recipe) blob.Recipe
		whole  []int64 // where fetches of all the rest began
		ranged int64   // bytes that were asked for beside them, at most
	}{
		"a good recipe": {func(r blob.Recipe) blob.Recipe { return r }, nil, 256 << 10},
		"no recipe":     {nil, []int64{0}, 0},
		"a recipe of other bytes": {func(r blob.Recipe) blob.Recipe {
			r[0], r[1] = r[1], r[0]
			return r
		}, []int64{0}, 256 << 10},
		"a recipe of bytes that nobody has": {func(r blob.Recipe) blob.Recipe {
			r[0].Sum[5] ^= 1
			return r
		}, []int64{0}, 256 << 10},
		"a recipe of another file": {func(blob.Recipe) blob.Recipe { return blobtest.Recipe(t, make([]byte, len(second))) }, []int64{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaster(t)
			o := options(t, m, fake.Options{})
			disk, err := blob.OpenDisk(filepath.Join(o.Dir, "cache"), blob.DiskOptions{})
			if err != nil {
				t.Fatal(err)
			}
			index := blob.NewIndex(disk)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				index.Run(ctx)
			}()
			if err := disk.Put(ctx, blob.RefOf(first), int64(len(first)), bytes.NewReader(first)); err != nil {
				t.Fatal(err)
			}
			if _, err := index.Recipe(ctx, blob.RefOf(first)); err != nil {
				t.Fatal(err)
			}
			stop()
			<-ended
			if err := disk.Close(); err != nil {
				t.Fatal(err)
			}
			if c.recipe != nil {
				m.recipes[ref] = c.recipe(blobtest.Recipe(t, second))
			}
			w := start(t, o)
			// The first frame shows that the worker is up; its index is read by then or soon.
			known := m.job(1)
			m.until("the worker is up", func() bool { return len(known.done) == 1 })
			j := m.job(1, func(j *fakeJob) { j.add(m, "big.abc", second) })
			m.until("the frame is done", func() bool { return len(j.done) == 1 || len(j.failed) == 1 })
			w.drain()
			if len(j.done) != 1 || !slices.Equal(m.offsets[ref], c.whole) || m.ranged > c.ranged {
				t.Errorf("%s; fetched from %v on, want %v; %d bytes beside", j.failed[1].Error, m.offsets[ref], c.whole, m.ranged)
			}
		})
	}
}
