package worker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// realBlender is the Blender on PATH.
func realBlender(t testing.TB) blender.Install {
	t.Helper()
	if testing.Short() {
		t.Skip("a real Blender is slow: run without -short")
	}
	path, err := exec.LookPath("blender")
	if err != nil {
		t.Skip("no Blender found on PATH")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return blender.Install{Path: path, Kind: blender.Executable, Runner: []string{self, "run-tree"}, Facts: blender.Facts{Version: "99.0"}}
}

// makeScene saves the scene that Blender starts with, small, for Cycles.
const makeScene = `
import bpy, sys
path, samples, script = sys.argv[sys.argv.index("--") + 1:]
s = bpy.context.scene
s.render.engine = "CYCLES"
s.cycles.samples = int(samples)
s.cycles.use_denoising = False
s.cycles.use_adaptive_sampling = False
s.render.resolution_x = s.render.resolution_y = 64
s.render.resolution_percentage = 100
if script == "no camera":
    bpy.data.objects.remove(s.camera)
bpy.ops.wm.save_as_mainfile(filepath=path)
`

func realScene(t testing.TB, in blender.Install, samples int, what string) []byte {
	t.Helper()
	dir := t.TempDir()
	script, path := filepath.Join(dir, "make.py"), filepath.Join(dir, "scene.blend")
	if err := os.WriteFile(script, []byte(makeScene), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := in.Command(t.Context(), script, path, fmt.Sprint(samples), what)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// replace gives the job another scene file.
func (j *fakeJob) replace(m *fakeMaster, text []byte) {
	j.files = nil
	j.add(m, "scene.blend", text)
}

// A real Blender: warm frames, their files and logs, the gap between frames, a scene without a camera, and a cancel in
// the middle of a frame.
func TestRealBlender(t *testing.T) {
	in := realBlender(t)
	m := newMaster(t)
	o := options(t, m, fake.Options{})
	o.Installs = []blender.Install{in}
	o.Fenced, _ = blender.CanFence()
	sessions := worker.Sessions(blender.Options{Environ: os.Environ()}, o.Fenced)
	var mu sync.Mutex
	var last time.Time
	var gaps []time.Duration
	o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
		r, err := sessions(ctx, s)
		return timed{r, &mu, &last, &gaps}, err
	}
	small := realScene(t, in, 1, "")
	j := m.job(4, func(j *fakeJob) {
		j.replace(m, small)
		j.grant.Options = farm.Options{EXR: "full", Outputs: true, Preview: true}
	})
	w := start(t, o)
	m.until("all are done", func() bool { return len(j.done)+len(j.failed) == 4 })
	for f, r := range j.done {
		log := string(m.logs[place(r.Lease, f)])
		if len(r.Results) != 3 || r.Seconds <= 0 || r.MemoryMB == 0 || !strings.Contains(log, "Sample") {
			t.Errorf("frame %d: %+v\n%s", f, r, log)
		}
	}
	for f, r := range j.failed {
		t.Errorf("frame %d failed: %s", f, r.Error)
	}
	mu.Lock()
	t.Logf("gaps between frames: %v", gaps)
	mu.Unlock()

	none := m.job(2, func(j *fakeJob) { j.replace(m, realScene(t, in, 1, "no camera")) })
	m.until("it is told", func() bool { return len(none.failed) == 2 })
	if r := none.failed[1]; !r.Fatal || r.OwnFault || !strings.Contains(strings.ToLower(r.Error), "camera") {
		t.Errorf("without a camera: %+v", r)
	}

	long := m.job(1, func(j *fakeJob) { j.replace(m, realScene(t, in, 1_000_000, "")) })
	m.until("the long frame renders", func() bool {
		return len(m.beats) == 1 && m.leases[m.beats[0].Lease] != nil && m.leases[m.beats[0].Lease].job == long && m.beats[0].Fraction > 0
	})
	began := time.Now()
	m.cancel(long)
	next := m.job(1, func(j *fakeJob) { j.replace(m, small) })
	m.until("the next lease is granted", func() bool { return len(next.queue) == 0 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the canceled frame held the slot for %s", took)
	}
	m.until("the next job is done", func() bool { return len(next.done) == 1 })
	w.drain()
}
