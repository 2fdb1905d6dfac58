package test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/exr"
)

// addonZip is the add-on with the program, as it is handed out.
func addonZip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "netrender.zip")
	if _, errs, code := run(t, nil, "addon", "-o", path, "--no-master"); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	return path
}

// inBlender runs a script in a Blender that has settings of its own and knows the farm, and returns what it printed.
func inBlender(t *testing.T, f *farm, blender, script string, args ...string) string {
	t.Helper()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"-b", "--factory-startup", "--python-exit-code", "1", "--python", script, "--"}, args...)
	if strings.HasPrefix(filepath.Base(blender), "python") {
		argv = append([]string{script, "--"}, args...)
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), blender, argv...)
	cmd.Env = append(cleanEnv(), "HOME="+home, "BLENDER_USER_RESOURCES="+filepath.Join(home, "blender"),
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "NETRENDER_MASTER="+f.url, "NETRENDER_TOKEN="+f.token())
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(string(text), 3000))
	}
	return string(text)
}

// TestAddonFrames: what the add-on brings into the Render Result is what a render in the same Blender makes, in every pass:
// with our engine and with the artist's, of regions, several views, view layers and scenes.
func TestAddonFrames(t *testing.T) {
	path := addonZip(t)
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			f := startFarm(t)
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
			out := t.TempDir()
			inBlender(t, f, blender, "addonframes.py", path, out)
			here, err := filepath.Glob(filepath.Join(out, "*-here*.exr"))
			if err != nil || len(here) != 9 { // a file for each eye
				t.Fatalf("%d pictures were made here: %v %v", len(here), here, err)
			}
			for _, one := range here {
				diff, err := exr.CompareFiles(one, strings.Replace(one, "-here", "-farm", 1))
				if err != nil || len(diff.Differences) > 0 || diff.Channels < 5 {
					t.Errorf("%s: %v %+v", filepath.Base(one), err, diff)
				}
			}
		})
	}
}
