package master_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// guarded puts a guard before the bench's blobs and starts the master anew; the grace time is over.
func (b *bench) guarded() *blob.Guard {
	b.stop()
	g := blob.NewGuard(b.blobs, time.Hour, time.Now)
	b.guard = g
	b.start()
	time.Sleep(time.Hour + time.Minute) // it collects by itself at the full hour
	return g
}

// left is how many blobs a collection leaves.
func (b *bench) left() int {
	b.t.Helper()
	if _, err := b.m.Collect(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	list, err := b.blobs.List(context.Background(), blob.Ref{}, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(list)
}

func TestBlobsThatNoJobNamesAreCollected(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		first := b.submit("1")
		guard := b.guarded()
		b.file("tex.png", "a texture that was sent without a job")
		want(t, "left", b.left(), 1)
		second := b.submit("1") // names the same
		if err := b.m.Delete(ctx, root, first.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "left while another names it", b.left(), 1)
		if err := b.m.Delete(ctx, root, second.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := guard.Stat(ctx, blob.RefOf([]byte("a scene"))); err != nil { // somebody asks for it
			t.Fatal(err)
		}
		want(t, "left in its grace time", b.left(), 1)
		time.Sleep(2 * time.Hour) // by itself
		list, err := b.blobs.List(ctx, blob.Ref{}, 0)
		want(t, "left", len(list), 0)
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestCollectionRacesSubmissionsAndUploads is clients that submit, upload what they are told is missing and delete
// their jobs, against a collector that never rests: a job that has its files always has them on the disk.
func TestCollectionRacesSubmissionsAndUploads(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "collect") // thousands of syncs
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	disk, err := blob.OpenDisk(dir, blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	guard := blob.NewGuard(&dawdler{disk}, 0, time.Now)
	m, err := master.New(t.Context(), master.Options{
		Store: newMemStore(), Blobs: guard, Dir: t.TempDir(), Now: time.Now, Rand: rand.NewChaCha8([32]byte{1}), Program: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	master.Breathless(m)
	ctx, stop := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() { _ = m.Run(ctx) })
	defer func() { stop(); loops.Wait() }()
	var collected atomic.Int64
	loops.Go(func() {
		for ctx.Err() == nil {
			sum, err := m.Collect(ctx)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			collected.Add(int64(sum.Blobs))
		}
	})
	contents := make([][]byte, 40)
	for i := range contents {
		contents[i] = fmt.Appendf(nil, "content %d", i)
	}
	const clients, rounds = 6, 150
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			for range rounds {
				if !raceOnce(ctx, t, m, guard, disk, contents, r) {
					return
				}
			}
		})
	}
	all.Wait()
	if collected.Load() < clients*rounds/20 {
		t.Errorf("only %d blobs were collected meanwhile: nothing was raced", collected.Load())
	}
}

// dawdler is a disk that answers late and deletes late, so that others come in between.
type dawdler struct{ *blob.Disk }

func dawdle() {
	if rand.IntN(2) == 0 {
		time.Sleep(rand.N(200 * time.Microsecond))
	}
}

func (d *dawdler) Stat(ctx context.Context, ref blob.Ref) (blob.Info, error) {
	info, err := d.Disk.Stat(ctx, ref)
	dawdle()
	return info, err
}

func (d *dawdler) Append(ctx context.Context, ref blob.Ref, size, offset int64, r io.Reader) (int64, bool, error) {
	have, complete, err := d.Disk.Append(ctx, ref, size, offset, r)
	dawdle()
	return have, complete, err
}

func (d *dawdler) Delete(ctx context.Context, ref blob.Ref) error {
	dawdle()
	return d.Disk.Delete(ctx, ref)
}

// raceOnce is one client's round; false: it failed.
func raceOnce(ctx context.Context, t *testing.T, m *master.Master, door *blob.Guard, disk *blob.Disk, contents [][]byte, r *rand.Rand) bool {
	var files []farm.File
	local := map[string][]byte{}
	for _, i := range r.Perm(len(contents))[:1+r.IntN(3)] {
		ref := blob.RefOf(contents[i]).String()
		local[ref] = contents[i]
		files = append(files, farm.File{Path: fmt.Sprintf("file%d.blend", i), Size: int64(len(contents[i])), Ref: ref})
	}
	send := func(ref string) bool {
		b := local[ref]
		name, _ := blob.ParseRef(ref)
		if _, err := door.Stat(ctx, name); err == nil { // as a door answers
			return m.BlobStored(ctx, ref) == nil
		}
		_, complete, err := door.Append(ctx, name, int64(len(b)), 0, bytes.NewReader(b))
		if err == blob.ErrBusy || err == nil && !complete {
			return false
		}
		if err != nil {
			t.Errorf("sending: %v", err)
			return true
		}
		return m.BlobStored(ctx, ref) == nil
	}
	job, err := m.Submit(ctx, root, farm.JobSpec{Blend: files[0].Path, Frames: farm.Frames(1)}, files)
	if err != nil {
		t.Errorf("submitting: %v", err)
		return false
	}
	missing, err := m.Missing(ctx, job.ID, "", 100)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, f := range missing {
		for !send(f.Ref) {
			runtime.Gosched()
		}
	}
	if job, err = m.Job(ctx, job.ID); err != nil || job.State == farm.Collecting {
		t.Errorf("after all was sent the job is %s, %v", job.State, err)
		return false
	}
	for range r.IntN(4) {
		runtime.Gosched()
	}
	for ref := range local {
		name, _ := blob.ParseRef(ref)
		if _, err := disk.Stat(ctx, name); err != nil {
			t.Errorf("a file of a job that has its files is gone: %v", err)
			return false
		}
	}
	if err := m.Delete(ctx, root, job.ID); err != nil {
		t.Error(err)
		return false
	}
	return true
}
