package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEngine renders a scene whose own engine workers do not have, as that of our add-on: the frames are those of the
// engine that is named.
func TestEngine(t *testing.T) {
	for _, blender := range blenders(t) {
		name := "executable"
		if strings.HasPrefix(filepath.Base(blender), "python") {
			name = "module"
		}
		t.Run(name, func(t *testing.T) { engine(t, blender) })
	}
}

func engine(t *testing.T, blender string) {
	plain := scene(t, blender, "plain", "plain.blend", "--samples", "4", "--size", "160x90")
	ours := filepath.Join(filepath.Dir(plain), "ours.blend")
	python(t, blender, plain, "scenes/ours.py", ours)
	local := filepath.Join(t.TempDir(), "local")
	python(t, blender, plain, "outputs.py", local, "2-3")
	for frame := 2; frame <= 3; frame++ {
		python(t, blender, plain, "multilayer.py", filepath.Join(local, "exr"), fmt.Sprint(frame))
	}
	collected, wrong := filepath.Join(t.TempDir(), "collected.json"), filepath.Join(t.TempDir(), "wrong.json")
	python(t, blender, ours, "scenes/collected.py", collected, "CYCLES")
	python(t, blender, ours, "scenes/collected.py", wrong, "NETRENDER")

	f := startFarm(t)
	data := knownBlender(t, blender)
	do := func(words ...string) (out, errs string, code int) {
		return run(t, append(f.env(), "NETRENDER_DATA="+data, "NETRENDER_BLENDER="+blender), words...)
	}
	for _, words := range [][]string{{}, {"--pack"}, {"--collected", wrong}} {
		_, errs, code := do(append([]string{"submit", ours, "-f", "2-3"}, words...)...)
		if code != 1 || !strings.Contains(errs, "the scene's engine is Network Render, which sends to the farm\n") || !strings.Contains(errs, "say with --engine which engine renders") {
			t.Errorf("submit %v without an engine: exit %d, %s", words, code, errs)
		}
	}
	for _, c := range []struct {
		words []string
		code  int
		says  string
	}{
		{[]string{"--engine", "NETRENDER"}, 2, "renders nothing"},
		{[]string{"--engine", "cycles engine"}, 2, "is not an engine's name"},
		{[]string{"--engine", "CYCLES", "--collected", wrong}, 1, "was collected for the engine NETRENDER, not CYCLES"},
	} {
		if _, errs, code := do(append([]string{"submit", ours}, c.words...)...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("submit %v: exit %d, %s", c.words, code, errs)
		} else {
			sentence(t, errs)
		}
	}
	if out, _, code := do("check", ours, "--engine", "CYCLES", "--offline", "--json"); code != 0 || !strings.Contains(out, `"engine":"CYCLES"`) || strings.Contains(out, "warnings") {
		t.Errorf("check: exit %d, %s", code, out)
	}

	ids := map[string]string{}
	for name, words := range map[string][]string{"read": {}, "collected": {"--collected", collected}} {
		out, errs, code := do(append([]string{"submit", ours, "-f", "2-3", "--threads", "1", "--engine", "CYCLES", "--json"}, words...)...)
		var j struct {
			ID    int
			Needs struct {
				Engine   string
				Denoiser bool
			}
		}
		lines := strings.Split(strings.TrimSpace(out), "\n") // that nobody is online comes first
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &j); err != nil || code != 0 || j.Needs.Engine != "CYCLES" {
			t.Fatalf("submit: exit %d, %+v\n%s", code, j, errs)
		}
		ids[name] = fmt.Sprint(j.ID)
	}
	out, errs, code := do("submit", ours, "-f", "2", "--engine", "LUXCORE")
	if code != 0 || !strings.Contains(errs, "no worker is online") {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	lost := strings.TrimSpace(out)
	f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
	for _, id := range ids {
		eventually(t, 5*time.Minute, "the job ends", func() bool { s := f.job(id).State; return s == "done" || s == "failed" })
		if s := f.job(id); s.State != "done" {
			t.Fatalf("the job is %s\n%s\n%s", s.State, f.ok("job", id), tail(f.ok("logs", id), 3000))
		}
		if text := f.ok("job", id); strings.Contains(text, "\nwarning") { // that the scene's own engine is not there is none
			t.Errorf("there are warnings:\n%s", text)
		}
		home := filepath.Join(t.TempDir(), "home")
		f.ok("fetch", id, "-o", home)
		compareFolders(t, local, home, func(frame int) string {
			dir := t.TempDir()
			python(t, blender, plain, "multilayer.py", dir, fmt.Sprint(frame))
			return filepath.Join(dir, fmt.Sprintf("%04d.exr", frame))
		})
	}
	if out := f.ok("job", lost, "--why"); !strings.Contains(out, "cannot render with LUXCORE") {
		t.Errorf("nobody has the engine, and it is said:\n%s", out)
	}
}
