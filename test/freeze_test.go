package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// froze is how long Blender stood still in one case, in seconds.
type froze struct {
	Gap     float64 // between two calls of a timer; 0 without a window
	Ours    float64 // what of that the add-on had
	Busy    float64 // time of the processor that Blender's main thread had in it
	Idle    float64 // the same as gap, before anything was sent
	Beside  float64 // the same, while another program reads the project's files and nothing is sent; 0: not measured
	Step    float64 // the longest thing the add-on did at once
	Of      string  // what that was
	Work    float64 // the most time of the processor that one of those things took
	Seconds float64 // until the job was on the farm
	Read    string  // who looked for the scene's files: Blender or program
	Copied  bool    // unsaved changes were sent
}

// TestAddonFreezes: while a project is sent, the add-on does a little at a time; where the artist changes the scene
// meanwhile, its files are looked for in the bytes that are sent. NETRENDER_TEST_FREEZE=OBJECTS,TEXTURES,MEGABYTES, as
// 5000,500,2048, measures a large one and prints figures; NETRENDER_TEST_WINDOW=BLENDER does it in a window of that Blender.
func TestAddonFreezes(t *testing.T) {
	sizes := os.Getenv("NETRENDER_TEST_FREEZE")
	if sizes == "" {
		sizes = "60,20,1"
	}
	windowed := os.Getenv("NETRENDER_TEST_WINDOW")
	if windowed == "" {
		windowed = blenders(t)[0]
	}
	path := addonZip(t)
	list := []string{"window of " + windowed}
	if os.Getenv("NETRENDER_TEST_FREEZE") != "" {
		list = append(list, blenders(t)...)
	}
	for _, blender := range list {
		t.Run(strings.ReplaceAll(filepath.Base(blender), "/", "-"), func(t *testing.T) {
			name, inWindow := strings.CutPrefix(blender, "window of ")
			if strings.HasPrefix(filepath.Base(blender), "python") && inWindow {
				t.Skip("this Blender has no window")
			}
			t.Setenv("TMPDIR", t.TempDir())
			f := startFarm(t)
			args := append([]string{path, t.TempDir()}, strings.Split(sizes, ",")...)
			var said string
			if inWindow {
				said = inWindowOf(t, f, name, "freeze.py", args...)
			} else {
				said = inBlender(t, f, name, "freeze.py", args...)
			}
			_, text, _ := strings.Cut(said, "\nMEASURED ")
			text, _, _ = strings.Cut(text, "\n")
			var found map[string]froze
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatalf("%v\n%s", err, tail(said, 3000))
			}
			for _, what := range []string{"saved", "again", "unsaved", "changed meanwhile"} {
				one, ok := found[what]
				if !ok && (inWindow || what != "changed meanwhile") {
					t.Errorf("%s was not measured", what)
				}
				if ok {
					t.Logf("%-18s longest gap %3.0f ms, of it the add-on's %.0f ms, the processor's %.0f ms (before: %3.0f ms; beside another program: %3.0f ms), longest step %3.0f ms, %s, most work %3.0f ms; sent in %.1f s, files found by %s; unsaved changes: %v",
						what, 1000*one.Gap, 1000*one.Ours, 1000*one.Busy, 1000*one.Idle, 1000*one.Beside, 1000*one.Step, one.Of, 1000*one.Work, one.Seconds, one.Read, one.Copied)
				}
				if ok && os.Getenv("NETRENDER_TEST_FREEZE") == "" && one.Work > 0.1 { // twice the goal: where others use the caches this grows a little, too
					t.Errorf("%s: a step took %.0f ms of the processor", what, 1000*one.Work)
				}
				want := "Blender"
				if what == "changed meanwhile" {
					want = "program"
				}
				if ok && one.Read != want {
					t.Errorf("%s: the files were found by %s", what, one.Read)
				}
				if changed := what == "unsaved" || what == "changed meanwhile"; ok && changed && !one.Copied {
					t.Errorf("%s: unsaved changes were not sent", what)
				}
			}
			if out := f.ok("jobs", "--json"); strings.Count(out, `"id"`) < len(found) {
				t.Errorf("not all jobs are on the farm: %s", out)
			}
		})
	}
}

// inWindowOf is inBlender for a Blender with a window, on a virtual display of its own. The script ends it.
func inWindowOf(t *testing.T, f *farm, blender, script string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("xvfb-run"); err != nil {
		lacking(t, "no xvfb-run to make a display")
	}
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"-a", "-s", "-screen 0 1280x720x24", blender, "--factory-startup", "--python", script, "--"}, args...)
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "xvfb-run", argv...)
	cmd.Env = append(cleanEnv(), "HOME="+home, "BLENDER_USER_RESOURCES="+filepath.Join(home, "blender"),
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), fmt.Sprint("NETRENDER_MASTER=", f.url), "NETRENDER_TOKEN="+f.token())
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(string(text), 3000))
	}
	return string(text)
}
