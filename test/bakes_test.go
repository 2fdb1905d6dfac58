package test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// simulated is a scene of fake renderers with two simulations that no artist baked.
func simulated(t *testing.T) (blend, collected string, mark fake.SceneMark, sims []blender.Simulation) {
	t.Helper()
	blend, collected = collectedScene(t, "CYCLES")
	sims = []blender.Simulation{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 6}, {Kind: "fluid", Owner: "Tank", Name: "Fluid", Start: 2, End: 100}}
	text, err := os.ReadFile(collected)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Replace(string(text), `"frame_end": 3`, `"frame_end": 8, "unbaked": ["cloth on Shirt", "fluid in Tank"]`, 1)
	var list []string
	for _, s := range sims {
		list = append(list, fmt.Sprintf(`{"kind": %q, "owner": %q, "name": %q, "start": %d, "end": %d}`, s.Kind, s.Owner, s.Name, s.Start, s.End))
	}
	write(t, collected, []byte(strings.TrimSuffix(strings.TrimSpace(said), "}")+`, "simulations": [`+strings.Join(list, ", ")+"]}"))
	files := map[string]string{}
	for _, path := range []string{blend, filepath.Join(filepath.Dir(blend), "tex", "a.png")} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = hex.EncodeToString(func() []byte { r := blob.RefOf(b); return r[:] }())
	}
	return blend, collected, fake.MarkOf(files), sims
}

// baker is the worker that bakes something of the job now.
func (f *farm) baker(id string) string {
	list, err := f.client().Running(context.Background(), must(nr.ParseJobID(id)))
	if err != nil {
		return ""
	}
	for _, r := range list {
		if strings.HasPrefix(r.Task, "bake of") {
			return r.WorkerName
		}
	}
	return ""
}

// TestBakes: the farm bakes a scene's simulations, while the worker that bakes is killed, and the master; every frame shows
// what was baked; another job takes the caches; they come home.
func TestBakes(t *testing.T) {
	f := startFarm(t)
	blend, collected, mark, sims := simulated(t)
	out, _, code := f.runBare("check", blend, "--collected", collected)
	for _, want := range []string{"cloth on Shirt is not baked: --bake computes it on the farm first, --in-order renders the frames one after the other", "fluid in Tank is not baked"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d: it does not say %q in\n%s", code, want, out)
		}
	}
	dirs, procs := map[string]string{"oak": t.TempDir(), "elm": t.TempDir()}, map[string]*proc{}
	for name, dir := range dirs {
		procs[name] = f.workerIn(dir, name, "--fake-renderer", "250ms")
	}
	out, errs, code := f.runBare("submit", blend, "--collected", collected, "--bake")
	id := strings.TrimSpace(out)
	if code != 0 || !strings.Contains(errs, "cloth on Shirt is baked by the farm first") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	var who string
	eventually(t, time.Minute, "something is baked", func() bool { who = f.baker(id); return who != "" })
	procs[who].kill()
	procs[who] = f.workerIn(dirs[who], who, "--fake-renderer", "250ms")
	eventually(t, time.Minute, "something is baked again", func() bool { return f.baker(id) != "" })
	f.proc.kill()
	f.start()
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(id).State == "done" })
	dir := t.TempDir()
	f.ok("fetch", id, "-o", dir)
	f.showsBaked(dir, mark, sims)

	// Another job of the scene bakes nothing.
	began := time.Now()
	dir = t.TempDir()
	if out, errs, code := f.runBare("render", blend, "--collected", collected, "--bake", "-f", "3-8", "-o", dir); code != 0 || strings.Contains(errs, ": begun") {
		t.Fatalf("exit %d after %s\n%s%s", code, time.Since(began), out, errs)
	}
	f.showsBaked(dir, mark, sims)

	home := t.TempDir()
	f.ok("fetch", id, "--caches", "-o", home)
	for _, s := range sims {
		for n := s.Start; n <= min(s.End, 8); n++ {
			path := filepath.Join(home, "netrender_cache", fmt.Sprintf("%s-%s-%s", s.Kind, s.Owner, s.Name), fmt.Sprintf("%06d.cache", n))
			if text, err := os.ReadFile(path); err != nil || string(text) != fake.CacheOf(mark, &s, n) {
				t.Errorf("frame %d of %s: %v", n, s, err)
			}
		}
	}
	f.ok("fetch", id, "--caches") // beside the .blend
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(blend), "netrender_cache", "*", "*")); len(found) != 13 {
		t.Errorf("%d caches lie beside the .blend", len(found))
	}

	// In order: one worker, one frame after the other.
	out, errs, code = f.runBare("submit", blend, "--collected", collected, "--in-order")
	if code != 0 || strings.Contains(errs, "not baked") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	id = strings.TrimSpace(out)
	eventually(t, time.Minute, "it is done", func() bool { return f.job(id).State == "done" })
	page, err := f.client().Attempts(context.Background(), nr.AttemptFilter{Job: must(nr.ParseJobID(id)), Accepted: true, Limit: 100}, 0)
	if err != nil || len(page.Attempts) != 8 {
		t.Fatalf("%d attempts, %v", len(page.Attempts), err)
	}
	for i, a := range page.Attempts {
		if a.Frame != i+1 || a.Worker != page.Attempts[0].Worker {
			t.Errorf("number %d is frame %d, by %s", i, a.Frame, a.Worker)
		}
	}
}

// showsBaked checks that the frames in a folder are those of the baked scene.
func (f *farm) showsBaked(dir string, mark fake.SceneMark, sims []blender.Simulation) {
	f.t.Helper()
	found, _ := filepath.Glob(filepath.Join(dir, "*.png"))
	if len(found) < 6 {
		f.t.Errorf("only %d frames are there", len(found))
	}
	for _, path := range found {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(path), "%04d.png", &n); err != nil {
			f.t.Fatal(path, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			f.t.Fatal(err)
		}
		want, err := fake.Picture{Scene: fake.Baked(mark, sims, n), Frame: n, Width: 16, Height: 16}.Files(false, true, false)
		if err != nil {
			f.t.Fatal(err)
		}
		if !bytes.Equal(text, want[0].Bytes) {
			f.t.Errorf("frame %d does not show what was baked", n)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
