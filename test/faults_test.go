package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// client speaks to the farm from within the test, patiently.
func (f *farm) client() *wire.Client {
	f.t.Helper()
	c, err := wire.NewClient(f.url, f.token(), wire.Options{Program: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	return c.Patient(time.Minute)
}

// submitFake sends a job for fake renderers: its scene is a few bytes.
func (f *farm) submitFake(frames string, edit ...func(*nr.JobSpec)) nr.Job {
	f.t.Helper()
	return f.submitScene("a scene for renderers that are fake", frames, edit...)
}

func (f *farm) submitScene(text, frames string, edit ...func(*nr.JobSpec)) nr.Job {
	f.t.Helper()
	ctx := context.Background()
	c := f.client()
	scene := []byte(text)
	ref := blob.RefOf(scene).String()
	set, err := nr.ParseFrameSet(frames)
	if err != nil {
		f.t.Fatal(err)
	}
	spec := nr.JobSpec{
		Name: "fake", Blend: "fake.blend", Frames: set, Key: blob.RefOf([]byte(f.t.Name() + frames + text)).String(),
		Options: nr.Options{EXR: "full", Outputs: true, Preview: true},
	}
	for _, e := range edit {
		e(&spec)
	}
	reply, err := c.Submit(ctx, spec, []nr.File{{Path: "fake.blend", Original: "/x/fake.blend", Size: int64(len(scene)), Ref: ref}})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(reply.Missing) > 0 {
		err := c.PutBlob(ctx, wire.Upload{Ref: ref, Size: int64(len(scene)), Open: func() (io.ReadSeekCloser, error) {
			return nopCloser{bytes.NewReader(scene)}, nil
		}})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return reply.Job
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// audit compares what the farm says of a job with what lies on the disk: every frame accepted once, every result
// there with the bytes that were announced.
func (f *farm) audit(id nr.JobID, frames int) {
	f.t.Helper()
	job, err := f.client().Job(context.Background(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	if job.State != nr.Done || job.Done != frames {
		f.t.Errorf("job %d is %s with %d of %d frames", id, job.State, job.Done, frames)
	}
	seen, files := f.results(id)
	if len(seen) != frames || files < frames {
		f.t.Errorf("%d of %d frames accepted, with %d files", len(seen), frames, files)
	}
	for frame, n := range seen {
		if n != 1 {
			f.t.Errorf("frame %d was accepted %d times", frame, n)
		}
	}
}

// results counts the accepted results of each frame of a job, and their files, which must be there and whole.
func (f *farm) results(id nr.JobID) (seen map[int]int, files int) {
	f.t.Helper()
	ctx := context.Background()
	c := f.client()
	job, err := c.Job(ctx, id)
	if err != nil {
		f.t.Fatal(err)
	}
	seen = map[int]int{}
	for a, err := range c.FollowAttempts(ctx, nr.AttemptFilter{Job: id, Accepted: true}) {
		if err != nil {
			f.t.Fatal(err)
		}
		seen[a.Frame]++
		for _, r := range a.Results {
			files++
			text, err := os.ReadFile(filepath.Join(f.data, "master", "outputs", job.Folder, filepath.FromSlash(r.Name)))
			sum := sha256.Sum256(text)
			if err != nil || hex.EncodeToString(sum[:]) != r.Ref {
				f.t.Errorf("result %s of frame %d is not what was accepted: %v", r.Name, a.Frame, err)
			}
		}
	}
	return seen, files
}

func TestFakeFarmRenders(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "20ms")
	f.worker("elm", "--fake-renderer", "20ms")
	job := f.submitFake("1-60")
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(job.ID.String()).State == "done" })
	f.audit(job.ID, 60)
}
