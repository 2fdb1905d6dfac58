package test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAddonServes: Start runs a worker whose doing the render window tells in a sentence; Esc and Stop end it, the scene is
// as it was meanwhile, and one in the background ends by its stop file. Two scenes in two windows are not sent.
func TestAddonServes(t *testing.T) {
	screen, err := exec.LookPath("xvfb-run")
	if err != nil {
		lacking(t, "no xvfb-run to have a window in")
	}
	script, err := filepath.Abs("addonserve.py")
	if err != nil {
		t.Fatal(err)
	}
	path := addonZip(t)
	for _, blender := range blenders(t) {
		if strings.HasPrefix(filepath.Base(blender), "python") {
			continue // it has no window
		}
		f := startFarm(t)
		f.heartbeat(500)
		f.submitFake("1-1000")
		home := t.TempDir()
		cmd := exec.CommandContext(t.Context(), screen, "-a", "-s", "-screen 0 1280x800x24", blender, "--factory-startup", "--enable-event-simulate",
			"--python", script, "--", path)
		cmd.Env = append(cleanEnv(), "HOME="+home, "BLENDER_USER_RESOURCES="+filepath.Join(home, "blender"), "LIBGL_ALWAYS_SOFTWARE=1",
			"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "NETRENDER_MASTER="+f.url, "NETRENDER_TOKEN="+f.token(), "NETRENDER_DATA="+f.data)
		began := time.Now()
		said, err := cmd.CombinedOutput()
		t.Logf("%s: %s; %q", blender, time.Since(began), regexp.MustCompile(`(?m)^.*: [0-9.]+ s$`).FindAllString(string(said), -1))
		_, text, _ := strings.Cut(string(said), "\nSERVED ")
		text, _, _ = strings.Cut(text, "\n")
		var found struct {
			Texts, Refused []string
			Masters        []struct{ URL string }
		}
		if json.Unmarshal([]byte(text), &found) != nil {
			t.Fatalf("%v\n%s", err, tail(string(said), 3000))
		}
		whole := regexp.MustCompile(`^(Looks for the master|Starts|Waits for frames|(Stopping\. )?(Renders|Fetches files for) frame \d+ of fake(, \d+%)?(; \d+ frames? done)?(; ends then)?|(Stopping\. )?(Hands over what is finished|Waits for frames)(; \d+ frames? done)?(; ends then)?|(Stopping\. )?The master does not answer; asks again(; \d+ frames? done)?(; ends then)?|Has ended|Tries .*)$`)
		for _, one := range found.Texts {
			if !whole.MatchString(one) {
				t.Errorf("it tells %q", one)
			}
		}
		if len(found.Refused) != 2 || !slices.ContainsFunc(found.Masters, func(m struct{ URL string }) bool { return m.URL == f.url }) {
			t.Errorf("%+v", found)
		}
	}
}
