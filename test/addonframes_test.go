package test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/exr"
)

// TestAddonFrames: what the add-on brings into the Render Result is what a render in the same Blender makes, in every pass:
// with our engine and with the artist's, of regions, several views, view layers and scenes.
func TestAddonFrames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "netrender.zip")
	if _, errs, code := run(t, nil, "addon", "-o", path, "--no-master"); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	script, err := filepath.Abs("addonframes.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			f := startFarm(t)
			f.worker("oak", "--blender", blender)
			home, out := t.TempDir(), t.TempDir()
			argv := []string{"-b", "--factory-startup", "--python-exit-code", "1", "--python", script, "--", path, out}
			if strings.HasPrefix(filepath.Base(blender), "python") {
				argv = []string{script, "--", path, out}
			}
			cmd := exec.Command(blender, argv...)
			cmd.Env = append(cleanEnv(), "HOME="+home, "BLENDER_USER_RESOURCES="+filepath.Join(home, "blender"),
				"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "NETRENDER_MASTER="+f.url, "NETRENDER_TOKEN="+f.token())
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, tail(string(text), 3000))
			}
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
