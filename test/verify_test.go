package test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
)

// harm flips a bit in the middle of a file.
func harm(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// resultOf is where a result of a frame lies on the master's disk.
func (f *farm) resultOf(id nr.JobID, frame int, kind nr.ResultKind) string {
	f.t.Helper()
	list, err := f.client().Attempts(context.Background(), nr.AttemptFilter{Job: id, Accepted: true, Frames: nr.Frames(frame), Limit: 9}, 0)
	if err != nil || len(list.Attempts) != 1 {
		f.t.Fatal(list, err)
	}
	for _, r := range list.Attempts[0].Results {
		if r.Kind == kind {
			return filepath.Join(f.data, "master", "outputs", f.job(id.String()).Folder, filepath.FromSlash(r.Name))
		}
	}
	f.t.Fatal("frame", frame, "has no result of the kind", kind)
	return ""
}

// TestDamagedResultsComeBack spoils real bytes under a running master: who fetches gets no wrong ones, the frames are
// rendered again, and they come.
func TestDamagedResultsComeBack(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	job := f.submitFake("1-6")
	id := job.ID.String()
	f.doneWithin(time.Minute, job.ID)
	harm(t, f.resultOf(job.ID, 2, nr.KindEXR))
	if err := os.Remove(f.resultOf(job.ID, 5, nr.KindOutput)); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "frames")
	_, errs, code := f.run("fetch", id, "-o", out)
	t.Log(errs)
	if code != 1 || !strings.Contains(errs, "frames 2,5 were damaged or lost on the master's disk and will be rendered again") {
		t.Errorf("exit %d: %s", code, errs)
	}
	f.ok("fetch", id, "-o", out, "--follow")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 6)
	// Found while they are followed they come in the same run.
	harm(t, f.resultOf(job.ID, 1, nr.KindEXR))
	_, errs, code = f.run("fetch", id, "-o", filepath.Join(t.TempDir(), "again"), "--follow")
	if code != 0 || !strings.Contains(errs, "frame 1 was damaged or lost") {
		t.Errorf("exit %d: %s", code, errs)
	}
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 6)
}

func TestVerify(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	job := f.submitFake("1-6")
	f.doneWithin(time.Minute, job.ID)
	out, errs, code := f.run("verify")
	if code != 0 || out != "" || !strings.Contains(errs, "0 harmed") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	harm(t, f.resultOf(job.ID, 3, nr.KindEXR))
	ref := blob.RefOf([]byte("a scene for renderers that are fake")).String()
	out, _, code = f.run("verify", "--json")
	if code != 1 || strings.Count(out, `"damage"`) != 1 || !strings.Contains(out, `"frame":3`) {
		t.Errorf("exit %d: %s", code, out)
	}
	out, errs, code = f.run("verify", "--repair", "--rate", "0")
	t.Log(out, errs)
	if code != 0 || !strings.Contains(out, "job 1 frame 3: ") || !strings.Contains(out, "is damaged: the frame is rendered again") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 6)
	harm(t, filepath.Join(f.data, "master", "blobs", ref[:2], ref))
	out, _, code = f.run("verify")
	if code != 1 || !strings.Contains(out, "file fake.blend of job 1 is damaged") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, _, code = f.run("verify", "--repair"); code != 0 || !strings.Contains(out, "it was taken out") {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(f.data, "master", "blobs", ref[:2], ref)); !os.IsNotExist(err) {
		t.Error("the damaged file is still there", err)
	}
}
