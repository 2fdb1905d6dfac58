package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// smallDisk is a file system of its own of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		lacking(t, "mounting a small disk needs root on Linux")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "netrender-test", dir).CombinedOutput(); err != nil {
		lacking(t, "mounting a small disk is not allowed here: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
}

// fill takes all room that is left but for so many bytes, and returns how to give it back.
func fill(t *testing.T, dir string, but int64) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	var n int64
	for err == nil {
		_, err = f.Write(block)
		n += int64(len(block))
	}
	if but > 0 {
		err = f.Truncate(max(0, n-but))
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskOfTheClient(t *testing.T) {
	disk := smallDisk(t, "1m")
	f := startFarm(t)
	f.worker("oak", fastFake...)
	job := f.submitFake("1-10")
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(job.ID.String()).State == "done" })
	out := filepath.Join(disk, "frames")
	release := fill(t, disk, 8192)
	_, errs, code := f.run("fetch", job.ID.String(), "-o", out)
	if code != 1 || !strings.Contains(errs, "full") && !strings.Contains(errs, "no space") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	sentence(t, errs)
	t.Log(errs)
	for _, name := range filesBelow(t, out) {
		want, err := os.ReadFile(filepath.Join(f.data, "master", "outputs", f.job(job.ID.String()).Folder, name))
		got, gerr := os.ReadFile(filepath.Join(out, name))
		if err == nil && (gerr != nil || string(got) != string(want)) {
			t.Errorf("%s is here under its own name, but not whole", name)
		}
	}
	release()
	f.ok("fetch", job.ID.String(), "-o", out)
	if n := len(filesBelow(t, out)); n != 20 {
		t.Errorf("%d files came: %v", n, filesBelow(t, out))
	}
}

// A worker whose disk is full begins no frame; it goes on by itself when there is room.
func TestFullDiskOfAWorker(t *testing.T) {
	disk := smallDisk(t, "300m")
	f := startFarm(t)
	release := fill(t, disk, 1<<20)
	w := f.workerIn(filepath.Join(disk, "w"), "oak", fastFake...)
	eventually(t, time.Minute, "the worker is there", func() bool { return strings.Contains(f.ok("workers"), "oak") })
	job := f.submitFake("1-10")
	eventually(t, time.Minute, "somebody is told", func() bool {
		return strings.Contains(w.out.String(), "disk") || strings.Contains(f.ok("job", job.ID.String(), "--why"), "disk")
	})
	if s := f.job(job.ID.String()); s.Done != 0 || s.Failed != 0 || s.State == "failed" {
		t.Errorf("the job is %+v", s)
	}
	release()
	eventually(t, 2*time.Minute, "the job is done", func() bool { return f.job(job.ID.String()).State == "done" })
	f.audit(job.ID, 10)
}

// The master's disk fills up while a job is rendered: nothing that was accepted is lost, and the job is done when
// there is room again.
func TestFullDiskOfTheMaster(t *testing.T) {
	disk := smallDisk(t, "24m")
	f := startFarm(t)
	f.proc.kill()
	f.data = filepath.Join(disk, "m")
	f.start()
	f.worker("oak", "--fake-renderer", "50ms")
	f.worker("elm", "--fake-renderer", "50ms")
	job := f.submitFake("1-100")
	eventually(t, time.Minute, "some frames are done", func() bool { return f.job(job.ID.String()).Done > 5 })
	release := fill(t, disk, 0)
	eventually(t, time.Minute, "the master or a worker says so", func() bool {
		return strings.Contains(f.proc.out.String(), "full") || strings.Contains(f.proc.out.String(), "room")
	})
	t.Log(tail(f.proc.out.String(), 600))
	_, errs, code := f.run("set", job.ID.String(), "priority=2") // something that must be kept
	t.Logf("exit %d: %s", code, errs)
	if code != 0 {
		sentence(t, errs)
	}
	release()
	eventually(t, 2*time.Minute, "the job is done", func() bool {
		out, _, code := f.run("jobs", "--json", "--state", "done") // the master may still be busy with its database
		return code == 0 && out != ""
	})
	f.audit(job.ID, 100)
}
