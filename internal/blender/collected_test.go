package blender

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const collectedScene = `{"name": "Scene", "engine": "CYCLES", "frame_start": 1, "frame_end": 9, "frame_step": 2, "saved_by": "3.0.40", "camera": "Camera"}`

// TestReadCollection reads what somebody else's Blender collected, and believes nothing of it.
func TestReadCollection(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	blend := write("copy.blend", "BLENDER-v404"+strings.Repeat(" ", 32))
	place := filepath.Join(dir, "shot.blend") // it was never saved
	image := filepath.Join(dir, "a.png")
	good := fmt.Sprintf(`{"scene": %s, "files": [{"path": %q, "kind": "image", "users": ["Image a"], "needed": true, "first": 2, "last": 2}], "warnings": ["w"]`, collectedScene, image)
	two := 2
	want := Collection{
		Blend: blend, Warnings: []string{"w"}, Files: []CollectedFile{{Path: image, Kind: "image", Users: []string{"Image a"}, Needed: true, First: &two, Last: &two}},
		Scene: CollectedScene{Name: "Scene", Engine: "CYCLES", FrameStart: 1, FrameEnd: 9, FrameStep: 2, SavedBy: "4.4", Camera: "Camera"},
	}
	for _, text := range []string{good + "}", good + fmt.Sprintf(`, "blend": %q}`, place)} {
		got, err := ReadCollection(write("good.json", text), blend, place)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, d)
		}
	}

	st, err := os.Stat(blend)
	if err != nil {
		t.Fatal(err)
	}
	of := func(changed, size int64) string {
		return good + fmt.Sprintf(`, "file": {"mtime_ns": %d, "size": %d}}`, st.ModTime().UnixNano()+changed, st.Size()+size)
	}
	if _, err := ReadCollection(write("good.json", of(0, 0)), blend, place); err != nil {
		t.Error(err)
	}

	with := func(old, new string) string { return strings.Replace(good, old, new, 1) + "}" }
	for name, c := range map[string]struct {
		text, says string
		kind       ErrorKind
	}{
		"another scene": {good + fmt.Sprintf(`, "blend": %q}`, filepath.Join(dir, "other.blend")), "is of another scene", BadTalk},
		"nothing":       {"", "is not what the collector writes", BadTalk},
		"cut":           {good, "is not what the collector writes", BadTalk},
		"two":           {good + "}{}", "is not what the collector writes", BadTalk},
		"no simulation": {good + `, "simulations": [{"kind": "cloth", "owner": "Shirt", "start": 5, "end": 4}]}`, "cloth on Shirt cannot be", BadTalk},
		"list":          {"[1, 2]", "is not what the collector writes", BadTalk},
		"null":          {"null", "names no scene and files", BadTalk},
		"no files":      {`{"scene": ` + collectedScene + `}`, "names no scene and files", BadTalk},
		"no scene":      {`{"files": []}`, "names no scene and files", BadTalk},
		"failure":       {`{"error": {"kind": "script", "message": "oops"}}`, "says why: oops", BadTalk},
		"relative":      {with(fmt.Sprintf("%q", image), `"../a.png"`), "no absolute path", BadTalk},
		"engine":        {with("CYCLES", "CYCLES; rm"), "has no engine", BadTalk},
		"frames":        {with(`"frame_end": 9`, `"frame_end": 1048575`), "frames 1 to 1048575", BadTalk},
		"backwards":     {with(`"frame_end": 9`, `"frame_end": 0`), "frames 1 to 0", BadTalk},
		"huge":          {with(`"frame_end": 9`, `"frame_end": 1e300`), "is not what the collector writes", BadTalk},
		"step":          {with(`"frame_step": 2`, `"frame_step": -1`), "in steps of -1", BadTalk},
		"no frame":      {with(`"last": 2`, `"last": 1`), "is for no frame", BadTalk},
		"saved since":   {of(1, 0), "copy.blend was saved after it was collected", Stale},
		"longer":        {of(0, 1), "copy.blend was saved after it was collected", Stale},
		"wide":          {with(`"name"`, `"width": 4294967296, "name"`), "4294967296", BadTalk},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadCollection(write("bad.json", c.text), blend, place)
			if kindOfError(err) != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
	big := filepath.Join(dir, "big.json")
	if f, err := os.Create(big); err != nil || f.Truncate(collectedLimit+1) != nil || f.Close() != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{big: "has over 256 MB", dir: "is no file but a folder", filepath.Join(dir, "none"): "does not exist"} {
		if _, err := ReadCollection(path, blend, place); kindOfError(err) != NoFile || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if _, err := ReadCollection(write("good.json", good+"}"), write("text.blend", "a text"), place); kindOfError(err) != NotBlend {
		t.Errorf("a text is no scene: got %v", err)
	}
}
