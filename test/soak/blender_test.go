//go:build linux

package soak

import (
	"context"
	"fmt"
	"image"
	_ "image/png" // to decode outputs
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
	nr "github.com/netrender/netrender/internal/farm"
)

// TestNothingIsLostBlender does harm to a farm of real Blenders in the midst of frames, and compares every frame with
// a local render.
func TestNothingIsLostBlender(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders")
	}
	r := newRun(t)
	blender := r.findBlender()
	if blender == "" {
		t.Skip("no Blender was found: tools/setup installs one")
	}
	const frames = 12
	studio := filepath.Join(r.dir, "studio")
	r.python(blender, "", "scenes/tiny.py", studio, "--size", "160x90", "--samples", "160")
	blend := filepath.Join(studio, "tiny.blend")
	u := r.users["ada"]
	r.probe(u.data(), blender)
	for _, name := range []string{"oak", "elm"} {
		r.copyProbe(r.workerData(name))
		r.hire(name, "--blender", blender)
	}
	oak, elm := r.actors["oak"], r.actors["elm"]
	out, errs, code := r.exec(u, "submit", blend, "-f", fmt.Sprintf("1-%d", frames), "--chunk", "2", "--threads", "1", "--blender", blender, "--json")
	var job nr.Job
	if code != 0 || lastJSON(out, &job) != nil {
		t.Fatalf("exit %d: %s", code, errs)
	}
	began := time.Now()
	for _, h := range []struct {
		what  string
		whose *actor
		do    func()
	}{
		{"kill -9 of a worker", oak, func() { r.killWithBlenders(oak) }},
		{"kill -9 of the master", nil, func() { r.master.kill(300 * time.Millisecond) }},
		{"kill -9 of Blender itself", elm, func() {
			for _, p := range blendersOf(elm.pid()) {
				_ = syscall.Kill(p, syscall.SIGKILL)
			}
		}},
		{"a worker that is stopped until its leases are over", oak, func() {
			oak.freeze()
			time.Sleep(2500 * time.Millisecond) // more than three heartbeats
			oak.thaw()
		}},
		{"kill -9 of both workers", elm, func() {
			r.killWithBlenders(elm)
			r.killWithBlenders(oak)
		}},
	} {
		if !r.renders(job.ID, h.whose) {
			r.say("the job was done before: %s", h.what)
			break
		}
		r.say("%s", h.what)
		h.do()
		r.count(h.what, 1)
	}
	r.wait(4*time.Minute, "the job is done", func() bool {
		_ = r.call(func(ctx context.Context) error {
			now, err := r.admin.Job(ctx, job.ID)
			if err == nil {
				job = now
			}
			return err
		})
		return job.State.Ended()
	})
	r.say("the job is %s after %s, with %d of %d frames", job.State, time.Since(began).Round(time.Second), job.Done, job.Total)
	if job.State != nr.Done {
		t.Fatal(job.Reason)
	}
	r.wait(time.Minute, "the outboxes are empty", func() bool { return r.leftInWorkers() == "" })
	home := filepath.Join(r.dir, "home")
	if _, errs, code := r.exec(u, "fetch", job.ID.String(), "-o", home); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	r.seed = 0
	if err := r.onceEach(job.ID, frames); err != nil {
		t.Fatal(err)
	}
	r.equalsLocal(blender, blend, home, frames)
	r.finish()
	r.report(time.Since(began))
}

// killWithBlenders kills a worker in the midst of a frame: its Blenders must go as well.
func (r *run) killWithBlenders(a *actor) {
	had := blendersOf(a.pid())
	a.kill(200 * time.Millisecond)
	if !r.waited(20*time.Second, func() bool {
		return !slices.ContainsFunc(had, func(pid int) bool { return syscall.Kill(pid, 0) == nil && !zombie(pid) })
	}) {
		r.failf("20 s after its worker was killed a Blender of %s still runs", a.name)
	}
	r.count("Blenders that went with their worker", len(had))
}

// renders waits until a frame of the job is being rendered, by the worker if one is named; false when it has ended.
func (r *run) renders(id nr.JobID, by *actor) (yes bool) {
	r.wait(3*time.Minute, "a frame is being rendered", func() bool {
		ended := false
		_ = r.call(func(ctx context.Context) error {
			job, err := r.admin.Job(ctx, id)
			if err != nil {
				return err
			}
			ended = job.State.Ended()
			running, err := r.admin.Running(ctx, id)
			for _, l := range running {
				yes = yes || l.Beat.Started && l.Beat.Fraction > 0 && l.Beat.Fraction < 1 && (by == nil || l.WorkerName == by.name)
			}
			return err
		})
		return yes || ended
	})
	return yes
}

// onceEach: every frame has one accepted result. A Blender that was killed may be blamed once or twice.
func (r *run) onceEach(id nr.JobID, frames int) error {
	return r.call(func(ctx context.Context) error {
		page, err := r.admin.Attempts(ctx, nr.AttemptFilter{Job: id, Limit: 1000}, 0)
		count := map[int]int{}
		for _, a := range page.Attempts {
			r.count("attempts: "+string(a.Outcome), 1)
			if a.Outcome == nr.Rendered {
				count[a.Frame]++
			}
			if a.Outcome == nr.Errored && !strings.Contains(a.Error, "Blender") {
				r.failf("frame %d was blamed on its scene: %s", a.Frame, a.Error)
			}
		}
		for f := 1; f <= frames; f++ {
			if count[f] != 1 {
				r.failf("frame %d has %d accepted results", f, count[f])
			}
		}
		return err
	})
}

// equalsLocal compares every file with a local render: pixels of pictures, every channel of EXRs.
func (r *run) equalsLocal(blender, blend, home string, frames int) {
	local := filepath.Join(r.dir, "local")
	r.python(blender, blend, "outputs.py", local, fmt.Sprintf("1-%d", frames))
	numbers := []string{filepath.Join(local, "exr")}
	for f := 1; f <= frames; f++ {
		numbers = append(numbers, strconv.Itoa(f))
	}
	r.python(blender, blend, "multilayer.py", numbers...)
	want, got := hashesBelow(local), hashesBelow(home)
	for name := range got {
		if _, ok := want[name]; !ok {
			r.failf("the farm brought %s, which a local render does not write", name)
		}
	}
	for name := range want {
		a, b := filepath.Join(local, name), filepath.Join(home, name)
		if _, ok := got[name]; !ok {
			r.failf("the farm did not bring %s", name)
			continue
		}
		r.count("files compared with a local render", 1)
		if strings.HasSuffix(name, ".exr") {
			diff, err := exr.CompareFiles(a, b)
			if err != nil {
				r.failf("%s: %v", name, err)
				continue
			}
			for _, d := range diff.Differences {
				// Blender's own renders are not always repeatable to the last bit (docs/blender-facts.md).
				if d.Largest > 1e-6 || !strings.Contains(d.Channel, ".UV.") {
					r.failf("%s differs from a local render: %s", name, &diff)
				}
			}
			continue
		}
		if !samePixels(a, b) {
			r.failf("%s differs from a local render", name)
		}
	}
}

func samePixels(a, b string) bool {
	x, errX := picture(a)
	y, errY := picture(b)
	if errX != nil || errY != nil || x.Bounds() != y.Bounds() {
		return false
	}
	for py := x.Bounds().Min.Y; py < x.Bounds().Max.Y; py++ {
		for px := x.Bounds().Min.X; px < x.Bounds().Max.X; px++ {
			if x.At(px, py) != y.At(px, py) {
				return false
			}
		}
	}
	return true
}

func picture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	im, _, err := image.Decode(f)
	return im, err
}

// blendersOf are the processes below one whose program is Blender.
func blendersOf(top int) (list []int) {
	parents := map[int]int{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		parents[pid] = parentOf(pid)
	}
	for pid := range parents {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if !strings.HasPrefix(filepath.Base(exe), "blender") {
			continue
		}
		for p := pid; p > 1; p = parents[p] {
			if p == top {
				list = append(list, pid)
			}
		}
	}
	return list
}

// stat are the fields of /proc/PID/stat from the state on.
func stat(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may be anything
	return strings.Fields(rest)
}

func parentOf(pid int) int {
	if f := stat(pid); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

func zombie(pid int) bool {
	f := stat(pid)
	return len(f) > 0 && f[0] == "Z"
}
