package api

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestDamagedBlobIsSentAgain spoils a file on the master's disk in every way: who reads it gets no wrong bytes and is
// told that it is not there, the job waits for it, and whoever submits again sends it.
func TestDamagedBlobIsSentAgain(t *testing.T) {
	pattern := bytes.Repeat([]byte("vertices; "), 30_000) // travels packed
	for name, c := range map[string]struct {
		content []byte
		spoil   func(path string) error
	}{
		"a flipped bit": {noise(1<<20, 5), func(p string) error { return flip(p, 1<<19) }},
		"of a packed":   {pattern, func(p string) error { return flip(p, 100) }},
		"of a small":    {[]byte("BLENDER"), func(p string) error { return flip(p, 3) }},
		"a lost end":    {noise(1<<20, 6), func(p string) error { return os.Truncate(p, 1<<19) }},
		"nothing left":  {noise(1<<20, 7), func(p string) error { return os.Truncate(p, 0) }},
		"no file":       {noise(1<<20, 8), os.Remove},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			disk, err := blob.OpenDisk(dir, blob.DiskOptions{})
			if err != nil {
				t.Fatal(err)
			}
			h := open(t, func(o *Options) { o.Blobs, o.Uploads = disk, disk })
			t.Cleanup(func() { disk.Close() })
			h.blobs = disk
			artist, machine := h.client(farm.RoleSubmit), h.far(farm.RoleWorker)
			local := filepath.Join(t.TempDir(), "shot.blend")
			if err := os.WriteFile(local, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			spec, files := h.scene("1-9", c.content)
			ref := files[0].Ref
			send := func() farm.JobID {
				t.Helper()
				reply, err := artist.Submit(within(t), spec, files)
				if err != nil || reply.Job.State != farm.Collecting || !slices.Equal(reply.Missing, []string{ref}) {
					t.Fatal(reply, err)
				}
				if err := artist.UploadFile(within(t), local, ref, nil); err != nil {
					t.Fatal(err)
				}
				return reply.Job.ID
			}
			id := send()
			h.worker(machine, "worker-01", 1)
			grant, err := machine.Claim(within(t), farm.Wish{Worker: "worker-01"})
			if err != nil || grant == nil {
				t.Fatal(grant, err)
			}
			stored := filepath.Join(dir, ref[:2], ref)
			if err := os.Chmod(stored, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(stored); err != nil {
				t.Fatal(err)
			}
			wantKind(t, machine.FetchBlob(within(t), ref, io.Discard), farm.NotFound)
			if _, err := os.Stat(stored); !errors.Is(err, os.ErrNotExist) {
				t.Fatal("the damaged file is still there", err)
			}
			job, err := artist.Job(within(t), id)
			if err != nil || job.State != farm.Collecting || job.Missing != 1 || job.Reason == "" {
				t.Fatalf("%+v, %v", job, err)
			}
			reply, err := machine.Report(within(t), wire.ReportRequest{Reports: []farm.Report{{
				Lease: grant.Lease.ID, Worker: "worker-01", Job: id, Frame: 1, Attempt: 1, Outcome: farm.Errored, OwnFault: true,
				Error: "the worker could not render: fetching shot.blend: blob not found",
			}}})
			if err != nil || !reply.Verdicts[0].Accepted {
				t.Fatal(reply, err)
			}
			second := send()
			var got bytes.Buffer
			if err := h.far(farm.RoleAdmin).FetchBlob(within(t), ref, &got); err != nil || !bytes.Equal(got.Bytes(), c.content) {
				t.Fatal(got.Len(), err)
			}
			for want, id := range map[farm.JobState]farm.JobID{farm.Active: id, farm.Queued: second} {
				if job, err = artist.Job(within(t), id); err != nil || job.State != want || job.Missing != 0 {
					t.Fatalf("%+v, %v", job, err)
				}
			}
		})
	}
}

func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var one [1]byte
	if _, err := f.ReadAt(one[:], at); err != nil {
		return err
	}
	one[0] ^= 4
	_, err = f.WriteAt(one[:], at)
	return err
}

// TestCutBlobDoesNotRefuseItsSender: the size of what is there is wrong, not that of what comes.
func TestCutBlobDoesNotRefuseItsSender(t *testing.T) {
	dir := t.TempDir()
	disk, err := blob.OpenDisk(dir, blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, func(o *Options) { o.Blobs, o.Uploads = disk, disk })
	t.Cleanup(func() { disk.Close() })
	content := noise(1<<16, 9)
	ref := blob.RefOf(content)
	if err := disk.Put(within(t), ref, int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	stored := filepath.Join(dir, ref.String()[:2], ref.String())
	if err := os.Chmod(stored, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(stored, 7); err != nil {
		t.Fatal(err)
	}
	resp, text := h.send(farm.RoleSubmit, "PUT", wire.BlobPath(ref.String()), content)
	if resp.StatusCode != 201 {
		t.Fatal(resp.Status, string(text))
	}
	if info, err := disk.Stat(within(t), ref); err != nil || info.Size != int64(len(content)) {
		t.Fatal(info, err)
	}
}
