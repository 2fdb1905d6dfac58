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
