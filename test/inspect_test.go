package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// lookedAt is what netrender inspect prints.
type lookedAt struct {
	Frames     string
	Total      int
	Engine     string
	Blender    string
	Files      int
	Missing    []struct{ Path, Kind string }
	Errors     []struct{ About, Text string }
	Warnings   []string
	Inspection struct {
		Problem string
		Scene   struct{ Camera, Blender string }
		Files   []struct {
			Path, Original, Stored, Kind string
			Missing, Needed              bool
		}
	}
}

func look(t *testing.T, f *farm, exit int, args ...string) (found lookedAt) {
	t.Helper()
	out, errs, code := f.run(append(args, "--json")...)
	if code != exit {
		t.Fatalf("netrender %s: exit %d\n%s%s", strings.Join(args, " "), code, out, tail(errs, 2000))
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return found
}

// TestInspect has a worker look at a scene that links libraries and reads pictures from all over: it says what netrender check
// says with a Blender beside the files, and misses what is taken away.
func TestInspect(t *testing.T) {
	for _, blender := range blenders(t) {
		if strings.HasPrefix(filepath.Base(blender), "python") { // it reads scenes by the same scripts
			continue
		}
		t.Run(filepath.Base(blender), func(t *testing.T) {
			f := startFarm(t)
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
			blend := scene(t, blender, "linked", "project/linked.blend")
			found := look(t, f, 0, "inspect", blend)
			want := look(t, f, 0, "check", "--offline", blend, "--blender", blender)
			if found.Frames != want.Frames || found.Engine != want.Engine || found.Blender != want.Blender || found.Files != want.Files || !slices.Equal(found.Warnings, want.Warnings) {
				t.Errorf("the worker says %+v\nthis machine %+v", found, want)
			}
			if i := &found.Inspection; i.Scene.Camera == "" || len(i.Files) != want.Files-1 {
				t.Errorf("%+v", i)
			}
			for _, lost := range []string{"project/textures/checker.png", "shared/tex/paint.png"} {
				if err := os.Remove(filepath.Join(filepath.Dir(blend), "..", lost)); err != nil {
					t.Fatal(err)
				}
			}
			found, want = look(t, f, 1, "inspect", blend), look(t, f, 1, "check", "--offline", blend, "--blender", blender)
			if len(found.Missing) != 2 || len(want.Missing) != 2 || found.Files != want.Files || !slices.Equal(found.Errors, want.Errors) || found.Errors[0].About != "missing" {
				t.Errorf("the worker says %+v\nthis machine %+v", found, want)
			}
			for _, lost := range found.Inspection.Files[:2] {
				inside := lost.Path == "textures/checker.png" && lost.Original == ""
				outside := strings.HasPrefix(lost.Path, "_outside/") && strings.HasSuffix(lost.Path, "shared/tex/paint.png")
				if !lost.Missing || !lost.Needed || !inside && !outside {
					t.Errorf("it misses %+v", lost)
				}
			}
			whole, err := os.ReadFile(blend)
			if err != nil {
				t.Fatal(err)
			}
			half := filepath.Join(t.TempDir(), "half.blend")
			if err := os.WriteFile(half, whole[:len(whole)/2], 0o600); err != nil {
				t.Fatal(err)
			}
			if found = look(t, f, 1, "inspect", half); found.Inspection.Problem == "" || len(found.Errors) != 1 {
				t.Errorf("half a scene: %+v", found)
			}
			if list := f.ok("jobs", "--inspections", "--json"); list != "" {
				t.Errorf("what was looked at is left: %s", list)
			}
		})
	}
}

// TestInspectAgain: a worker that is killed while it looks is waited for no longer than for a frame, and another one looks.
func TestInspectAgain(t *testing.T) {
	f := startFarm(t)
	f.ok("rules", "heartbeat_ms=200")
	slow := f.worker("slow", "--fake-renderer", "1h")
	blend := filepath.Join(t.TempDir(), "camera.blend")
	if err := os.WriteFile(blend, []byte("BLENDER-v405RENDH, as far as a fake worker can tell"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, append(f.env(), "NETRENDER_DATA="+t.TempDir()), "inspect", blend, "--json")
	eventually(t, 30*time.Second, "somebody looks", func() bool { return strings.Contains(f.ok("jobs", "--inspections", "--json"), `"running":1`) })
	slow.kill()
	f.worker("oak", fastFake...)
	if code := p.wait(time.Minute); code != 1 || !strings.Contains(p.stdout.String(), "the scene has no camera") {
		t.Errorf("exit %d: %s%s", code, p.stdout.String(), p.out.String())
	}
}
