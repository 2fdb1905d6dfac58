package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

// clock moves on by a second each time it is read, from a day in the past.
func clock() func() time.Time {
	t, n := time.Now().Add(-24*time.Hour), time.Duration(0)
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		n += time.Second
		return t.Add(n)
	}
}

func openCache(t testing.TB, d *blob.Disk, limit int64, now func() time.Time) *blob.Cache {
	t.Helper()
	c, err := blob.OpenCache(context.Background(), d, blob.CacheOptions{Limit: limit, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kilo makes ten blobs of 1,000 bytes and what fetches one of them.
func kilo() (refs []blob.Ref, fetch func(c *blob.Cache, i int) error, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	for i := range 10 {
		refs = append(refs, blob.RefOf(blobtest.Bytes(1000, uint64(i))))
	}
	return refs, func(c *blob.Cache, i int) error {
		return c.Fetch(context.Background(), refs[i], 1000, func(_ context.Context, at int64) (io.ReadCloser, error) {
			asked.Add(1)
			return io.NopCloser(bytes.NewReader(blobtest.Bytes(1000, uint64(i))[at:])), nil
		})
	}, asked
}

// has says which are here, without using them.
func has(d *blob.Disk, refs []blob.Ref) (s string) {
	for i, r := range refs {
		if _, err := d.Stat(context.Background(), r); err == nil {
			s += fmt.Sprint(i)
		}
	}
	return s
}

func TestCacheOrder(t *testing.T) {
	dir, now := quickDir(t), clock()
	d := openDisk(t, dir)
	c := openCache(t, d.Disk, 4000, now)
	refs, fetch, asked := kilo()
	step := func(want string, is ...int) {
		t.Helper()
		for _, i := range is {
			if err := fetch(c, i); err != nil {
				t.Fatal(err)
			}
		}
		if got := has(d.Disk, refs); got != want {
			t.Fatalf("after %v: %s instead of %s", is, got, want)
		}
	}
	step("0123", 0, 1, 2, 3)
	step("0123", 0)
	step("0234", 4)
	if n := asked.Load(); n != 5 {
		t.Errorf("asked %d times", n)
	}
	if !c.Has(refs[2]) || c.Has(refs[9]) {
		t.Error("Has")
	}
	// 3 is now the oldest, then 0, 4, 2; also after a restart.
	d.Close()
	d = openDisk(t, dir)
	c = openCache(t, d.Disk, 4000, now)
	step("0245", 5)
	release := c.Pin(refs[0], refs[7])
	step("0256", 6)
	step("0567", 7)
	step("0678", 8)
	step("0789", 9)
	all := c.Pin(refs...)
	step("01789", 1) // what is pinned may pass the limit
	release()
	release()
	if used, limit := c.Usage(); used != 5000 || limit != 4000 {
		t.Errorf("%d of %d", used, limit)
	}
	all() // 0 was used before all others, 7 was not
	step("1789")
	c = openCache(t, d.Disk, 2000, now)
	step("19")
}

func TestCacheFetch(t *testing.T) {
	ctx := context.Background()
	b := blobtest.Bytes(10_000, 1)
	ref, cable := blob.RefOf(b), errors.New("cable")
	from := func(pieces ...int) func(context.Context, int64) (io.ReadCloser, error) {
		return func(_ context.Context, at int64) (io.ReadCloser, error) {
			n := pieces[0]
			pieces = pieces[1:]
			return io.NopCloser(io.MultiReader(bytes.NewReader(b[at:at+int64(n)]), iotest.ErrReader(cable))), nil
		}
	}
	d := openDisk(t, quickDir(t))
	c := openCache(t, d.Disk, 1<<20, time.Now)
	if err := c.Fetch(ctx, ref, 10_000, from(3000, 0)); !errors.Is(err, cable) {
		t.Fatalf("a dead source: %v", err)
	}
	if at, err := d.Offset(ctx, ref); at != 3000 || err != nil {
		t.Fatalf("what came was not kept: %d, %v", at, err)
	}
	if err := c.Fetch(ctx, ref, 10_000, from(1, 2000, 4999)); err != nil {
		t.Fatal(err)
	}
	wrong := func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(make([]byte, 500))), nil
	}
	if err := c.Fetch(ctx, blob.RefOf([]byte("x")), 500, wrong); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("wrong bytes: %v", err)
	}
	if err := c.Fetch(ctx, ref, -1, wrong); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("no size: %v", err)
	}
	if used, _ := c.Usage(); used != 10_000 {
		t.Errorf("%d bytes used", used)
	}

	// Somebody writes through a link.
	name := filepath.Join(d.dir, ref.String()[:2], ref.String())
	os.Chmod(name, 0o600)
	write(t, name, bytes.Repeat([]byte("x"), 10_000))
	if c.Has(ref) {
		t.Error("a changed blob is trusted")
	}
	if err := c.Fetch(ctx, ref, 10_000, from(10_000)); err != nil {
		t.Fatal(err)
	}
	if err := blob.Check(ctx, d, ref); err != nil {
		t.Error(err)
	}
	// Only touched: it is read, not fetched.
	os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0))
	if err := c.Fetch(ctx, ref, 10_000, nil); err != nil {
		t.Error(err)
	}
	if err := c.Drop(ctx, ref); err != nil || c.Has(ref) {
		t.Error("Drop", err)
	}
}

func TestCacheFetchesOnce(t *testing.T) {
	d := openDisk(t, quickDir(t))
	c := openCache(t, d.Disk, 1<<20, time.Now)
	b := blobtest.Bytes(1000, 1)
	ref := blob.RefOf(b)
	ctx, cancel := context.WithCancel(context.Background())
	var asked atomic.Int32
	begun, gone := make(chan bool), make(chan error)
	go func() {
		gone <- c.Fetch(ctx, ref, 1000, func(ctx context.Context, _ int64) (io.ReadCloser, error) {
			close(begun)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	}()
	<-begun
	var wg sync.WaitGroup
	for range 10 { // they wait for the first, which gives up: one of them takes over
		wg.Go(func() {
			err := c.Fetch(context.Background(), ref, 1000, func(_ context.Context, at int64) (io.ReadCloser, error) {
				asked.Add(1)
				return io.NopCloser(bytes.NewReader(b[at:])), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

func TestCacheGivesWayToTheDisk(t *testing.T) {
	var d *blob.Disk
	refs, fetch, _ := kilo()
	d, err := blob.OpenDisk(quickDir(t), blob.DiskOptions{Free: func(string) (int64, error) {
		return 3500 - int64(len(has(d, refs)))*1000, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := openCache(t, d, 1<<20, clock())
	for i := range 5 {
		if err := fetch(c, i); err != nil {
			t.Fatal(err)
		}
	}
	if got := has(d, refs); got != "234" {
		t.Errorf("%s", got)
	}
	defer c.Pin(refs...)()
	if err := fetch(c, 5); !errors.Is(err, blob.ErrNoRoom) {
		t.Errorf("%v", err)
	}
}
