package test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// nextSave is a file as it is after a small change: some bytes are inserted at its start, some others are in its middle.
func nextSave(file []byte) []byte {
	next := slices.Concat([]byte("a few bytes more than there were"), file)
	copy(next[len(next)/2:], "changed")
	return next
}

// saves are jobs whose side file is one save after another.
type saves struct {
	f      *farm
	client *wire.Client
	dir    string
}

func newSaves(f *farm, address string) *saves {
	f.t.Helper()
	client, err := wire.NewClient(address, f.token(), wire.Options{Program: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	return &saves{f, client.Patient(30 * time.Second), f.t.TempDir()}
}

// submit sends a job with the file.
func (s *saves) submit(file []byte) (nr.Job, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	frames, err := nr.ParseFrameSet("1-2")
	if err != nil {
		return nr.Job{}, err
	}
	scene := []byte("a scene")
	files := []nr.File{
		{Path: "big.blend", Original: "/x/big.blend", Size: int64(len(scene)), Ref: blob.RefOf(scene).String()},
		{Path: "big.abc", Original: "/x/big.abc", Size: int64(len(file)), Ref: blob.RefOf(file).String()},
	}
	reply, err := s.client.Submit(ctx, nr.JobSpec{Name: "big", Blend: "big.blend", Frames: frames, Options: nr.Options{EXR: "full", Outputs: true}}, files)
	if err != nil {
		return nr.Job{}, err
	}
	for i, b := range [][]byte{scene, file} {
		name := filepath.Join(s.dir, files[i].Ref)
		if err := errors.Join(os.WriteFile(name, b, 0o600), s.client.UploadFile(ctx, name, files[i].Ref, nil)); err != nil {
			return reply.Job, err
		}
	}
	return reply.Job, nil
}

// cut waits until the blobs of a folder are cut.
func (s *saves) cut(blobs string, file []byte) {
	s.f.t.Helper()
	name := filepath.Join(blobs, "chunks", blob.RefOf(file).String())
	eventually(s.f.t, time.Minute, "the file is cut in "+blobs, func() bool {
		_, err := os.Stat(name)
		return err == nil
	})
}

// stored is where a file lies among blobs.
func stored(blobs string, file []byte) string {
	ref := blob.RefOf(file).String()
	return filepath.Join(blobs, ref[:2], ref)
}

// holds checks a stored file.
func holds(t *testing.T, blobs string, file []byte) {
	t.Helper()
	f, err := os.Open(stored(blobs, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, file) {
		t.Errorf("%s does not hold the file (%v)", blobs, err)
	}
}

// TestSavesShareChunks: of a save that differs a little from the one before under 5 % go to the master, and to a worker.
func TestSavesShareChunks(t *testing.T) {
	f := startFarm(t)
	up := newCutter(t, strings.TrimPrefix(f.url, "http://"), 0)
	down := newCutter(t, strings.TrimPrefix(f.url, "http://"), 0)
	dir := t.TempDir()
	start(t, []string{"NETRENDER_MASTER=http://" + down.Addr().String(), "NETRENDER_TOKEN=" + f.token()},
		"worker", "--data", dir, "--name", "oak", "--fake-renderer", "20ms")
	s := newSaves(f, "http://"+up.Addr().String())
	onMaster, onWorker := filepath.Join(f.data, "master", "blobs"), filepath.Join(dir, "worker", "cache")
	first := bigFile(bigSize)
	job, err := s.submit(first)
	if err != nil {
		t.Fatal(err)
	}
	f.doneWithin(time.Minute, job.ID)
	s.cut(onMaster, first)
	s.cut(onWorker, first)

	second := nextSave(first)
	wasUp, wasDown := up.up.Load(), down.down.Load()
	if job, err = s.submit(second); err != nil {
		t.Fatal(err)
	}
	sent := up.up.Load() - wasUp
	f.doneWithin(time.Minute, job.ID)
	fetched := down.down.Load() - wasDown
	t.Logf("sent %.2f %%, fetched %.2f %%", 100*float64(sent)/bigSize, 100*float64(fetched)/bigSize)
	if sent > bigSize/20 || fetched > bigSize/20 {
		t.Errorf("of %d bytes %d were sent, %d fetched", bigSize, sent, fetched)
	}
	holds(t, onMaster, second)
	holds(t, onWorker, second)
	f.audit(job.ID, job.Total)
}

// TestSavesMasterKilled: the master is killed in the middle of sending what changed, and in the middle of a worker
// fetching it. Both go on, and do not begin again.
func TestSavesMasterKilled(t *testing.T) {
	f := startFarm(t)
	up := newCutter(t, strings.TrimPrefix(f.url, "http://"), 0)
	dir := t.TempDir()
	s := newSaves(f, "http://"+up.Addr().String())
	onMaster, onWorker := filepath.Join(f.data, "master", "blobs"), filepath.Join(dir, "worker", "cache")
	down := newCutter(t, strings.TrimPrefix(f.url, "http://"), 0)
	start(t, []string{"NETRENDER_MASTER=http://" + down.Addr().String(), "NETRENDER_TOKEN=" + f.token()},
		"worker", "--data", dir, "--name", "oak", "--fake-renderer", "20ms")
	first := bigFile(bigSize)
	job, err := s.submit(first)
	if err != nil {
		t.Fatal(err)
	}
	f.doneWithin(time.Minute, job.ID)
	s.cut(onMaster, first)
	s.cut(onWorker, first)

	// A quarter of the file is new, and the master goes when half of that came.
	second := slices.Clone(first)
	fresh := bigFile(bigSize + bigSize/4)[bigSize:]
	copy(second[bigSize/3:], fresh)
	killAt := func(c *cutter, bytes int64) (back chan struct{}) {
		back = make(chan struct{})
		c.act = func() {
			f.proc.kill()
			go func() {
				defer close(back)
				f.start()
			}()
		}
		c.at.Store(max(c.up.Load(), c.down.Load()) + bytes)
		return back
	}
	backUp, wasUp := killAt(up, int64(len(fresh)/2)), up.up.Load()
	if job, err = s.submit(second); err != nil {
		t.Fatal(err)
	}
	<-backUp
	sent := up.up.Load() - wasUp
	t.Logf("sent %.2f of what changed", float64(sent)/float64(len(fresh)))
	if sent > int64(len(fresh))*2 {
		t.Errorf("%d bytes were sent where %d changed", sent, len(fresh))
	}
	f.doneWithin(time.Minute, job.ID)
	s.cut(onWorker, second)

	third := slices.Clone(second)
	fresh = bigFile(bigSize + bigSize/2)[bigSize+bigSize/4:]
	copy(third[bigSize/2:], fresh)
	backDown, wasDown := killAt(down, int64(len(fresh)/2)), down.down.Load()
	if job, err = s.submit(third); err != nil {
		t.Fatal(err)
	}
	<-backDown
	f.doneWithin(time.Minute, job.ID)
	fetched := down.down.Load() - wasDown
	t.Logf("fetched %.2f of what changed", float64(fetched)/float64(len(fresh)))
	if fetched > int64(len(fresh))*2 {
		t.Errorf("%d bytes were fetched where %d changed", fetched, len(fresh))
	}
	for _, blobs := range []string{onMaster, onWorker} {
		holds(t, blobs, third)
	}
	f.audit(job.ID, job.Total)
}

// TestSavesDamaged: the blob from which the master copies, and that from which a worker does, were damaged. What is made
// of them is right all the same, and the master wants the damaged one again.
func TestSavesDamaged(t *testing.T) {
	f := startFarm(t)
	dir := t.TempDir()
	s := newSaves(f, f.url)
	onMaster, onWorker := filepath.Join(f.data, "master", "blobs"), filepath.Join(dir, "worker", "cache")
	f.workerIn(dir, "oak", "--fake-renderer", "20ms")
	first := bigFile(bigSize)
	job, err := s.submit(first)
	if err != nil {
		t.Fatal(err)
	}
	f.doneWithin(time.Minute, job.ID)
	s.cut(onMaster, first)
	s.cut(onWorker, first)
	for _, blobs := range []string{onMaster, onWorker} {
		name := stored(blobs, first)
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		damaged := slices.Clone(first)
		damaged[bigSize/5] ^= 1
		// With the time it had, for nobody shall see it.
		if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, damaged, 0o600), os.Chtimes(name, fi.ModTime(), fi.ModTime())); err != nil {
			t.Fatal(err)
		}
	}
	second := nextSave(first)
	if job, err = s.submit(second); err != nil {
		t.Fatal(err)
	}
	f.doneWithin(time.Minute, job.ID)
	holds(t, onMaster, second)
	holds(t, onWorker, second)
	f.audit(job.ID, job.Total)
	if _, err := os.Stat(stored(onMaster, first)); err == nil {
		t.Error("the damaged blob is still there")
	}
}
