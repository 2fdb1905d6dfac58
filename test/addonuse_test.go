package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
)

// refusal is what the add-on says of a scene that it cannot render, and after how many seconds.
type refusal struct {
	text    string
	seconds float64
}

func (r *refusal) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&r.text, &r.seconds})
}

// TestAddonUse: the add-on's operators as scripts call them, from a scene that was never saved on: an animation writes the
// scene's own files, a frame that the farm has makes no job, a job is sent, and what does not work is told in a sentence.
func TestAddonUse(t *testing.T) {
	path := addonZip(t)
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			f := startFarm(t)
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
			out := t.TempDir()
			said := inBlender(t, f, blender, "addonuse.py", path, out)
			var found struct {
				Animation, First, Again, Changed, Last int
				Sent                                   [][3]int
				Offered                                map[string]string
				NoCamera                               refusal `json:"no camera"`
				Missing                                refusal
				NoMaster                               refusal `json:"no master"`
				NoProgram                              refusal `json:"no program"`
				Results                                struct{ Resolution, Layer string }
				Token                                  string
				Away                                   int
				Renamed, Both                          []string
			}
			_, text, _ := strings.Cut(said, "\nUSED ")
			text, _, _ = strings.Cut(text, "\n")
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatalf("%v\n%s", err, tail(said, 3000))
			}
			for frame := 1; frame <= 3; frame++ {
				here, there := filepath.Join(out, fmt.Sprintf("here-%04d.exr", frame)), filepath.Join(out, fmt.Sprintf("farm-%04d.exr", frame))
				diff, err := exr.CompareFiles(here, there)
				if err != nil || len(diff.Differences) > 0 || diff.Channels < 3 {
					t.Errorf("frame %d: %v %+v", frame, err, diff)
				}
			}
			if same, err := exr.CompareFiles(filepath.Join(out, "here-0001.exr"), filepath.Join(out, "here-0003.exr")); err != nil || len(same.Differences) == 0 {
				t.Errorf("the frames do not differ from one another: %v", err)
			}
			if found.Animation != 1 || found.First != 2 || found.Again != 2 || found.Changed != 3 {
				t.Errorf("jobs after each step: %+v", found)
			}
			if found.Last == 0 || fmt.Sprint(found.Sent) != fmt.Sprintf("[[%d 2 7]]", found.Last) {
				t.Errorf("job %d was sent; the farm has %v", found.Last, found.Sent)
			}
			for what, words := range map[string]string{
				"cycles":    "tiles samples_split film simulations",
				"words":     "--samples-split=2 --film=webm --bake",
				"workbench": "tiles film simulations",
				"fitting":   "--film=webm --bake",
				"order":     "film simulations",
				"in order":  "--film=webm --in-order",
			} {
				if found.Offered[what] != words {
					t.Errorf("of parts, films and simulations, %s: %q", what, found.Offered[what])
				}
			}
			eventually(t, time.Minute, "the job is done", func() bool { return f.job(fmt.Sprint(found.Last)).State == "done" })
			for text, words := range map[string]string{
				found.Results.Resolution: "the farm's frame has 160 x 90 pixels, the scene 176 x 90",
				found.Results.Layer:      "the farm's frame has no view layer Renamed",
				found.Token:              "does not know this token",
			} {
				t.Log(text)
				if strings.Count(text, words) != 1 || strings.Contains(text, "Traceback") || strings.Contains(text, " --") {
					t.Errorf("%q does not say %q", text, words)
				}
			}
			if found.Away != 2 {
				t.Errorf("the master that was away was asked %d times before it came again", found.Away)
			}
			if diff, err := exr.CompareFiles(found.Renamed[0], found.Renamed[1]); err != nil || len(diff.Differences) == 0 {
				t.Errorf("the job of the file that was renamed, and that of the changed one: %v %+v", err, diff)
			}
			for frame := 1; frame <= 3; frame++ {
				one, other := fmt.Sprintf("%s%04d.exr", found.Both[0], frame), fmt.Sprintf("%s%04d.exr", found.Both[1], frame)
				if diff, err := exr.CompareFiles(one, other); err != nil || len(diff.Differences) > 0 || diff.Channels < 3 {
					t.Errorf("two Blenders at once, frame %d: %v %+v", frame, err, diff)
				}
			}
			for what, one := range map[string]struct {
				refusal
				words string
			}{
				"no camera":  {found.NoCamera, "the scene has no camera"},
				"missing":    {found.Missing, "floor.png"},
				"no master":  {found.NoMaster, "127.0.0.1:1"},
				"no program": {found.NoProgram, "the netrender program was not found"},
			} {
				t.Logf("%s, %.1f s: %s", what, one.seconds, one.text)
				if !strings.Contains(one.text, one.words) || strings.Contains(one.text, "Traceback") || strings.Count(one.text, one.words) != 1 || strings.Contains(one.text, " --") {
					t.Errorf("%s: %q", what, one.text)
				}
				if what == "no master" && strings.Contains(one.text, "floor.png") {
					t.Errorf("it is told of files where the master is what is missing: %s", one.text)
				}
				if one.seconds > 8 {
					t.Errorf("%s is told after %.0f s", what, one.seconds)
				}
			}
		})
	}
}
