package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestF12 says how long F12 takes of a frame of ten passes that the farm has, in a window: NETRENDER_TEST_F12=1920,1080,7 with
// that size, so many times. It measures, and judges only that nothing is rendered anew.
func TestF12(t *testing.T) {
	sizes := os.Getenv("NETRENDER_TEST_F12")
	if sizes == "" {
		t.Skip("not asked for: NETRENDER_TEST_F12=1920,1080,7 (make bench-f12)")
	}
	path := addonZip(t)
	for _, blender := range windowBlenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			f := startFarm(t)
			f.heartbeat(500)
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender, "--confine", "never")
			said := inWindowOf(t, f, blender, "f12.py", append([]string{path, t.TempDir()}, strings.Split(sizes, ",")...)...)
			_, text, _ := strings.Cut(said, "\nMEASURED ")
			text, _, _ = strings.Cut(text, "\n")
			var found struct {
				Frames map[string][]map[string]float64
				Jobs   int
			}
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatalf("%v\n%s", err, tail(said, 3000))
			}
			for _, one := range []struct{ frame, what string }{{"1", "mostly empty"}, {"2", "full of noise"}} {
				for _, until := range []string{"begun", "looked", "prepared", "asked", "known", "here", "loaded", "all"} {
					var ms []float64
					for _, each := range found.Frames[one.frame] {
						ms = append(ms, 1000*each[until])
					}
					slices.Sort(ms)
					if len(ms) == 0 {
						t.Fatalf("frame %s was not shown", one.frame)
					}
					t.Logf("%s: %-8s after %4.0f ms (median of %d; %.0f to %.0f)", one.what, until, ms[len(ms)/2], len(ms), ms[0], ms[len(ms)-1])
				}
			}
			if found.Jobs != 1 {
				t.Errorf("there are %d jobs: something was rendered again", found.Jobs)
			}
		})
	}
}
