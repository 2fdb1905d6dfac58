package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noBlender is the environment of a machine where none may be started.
var noBlender = []string{"NETRENDER_BLENDER=/nowhere/blender", "PATH=/nowhere"}

// collectedScene makes a file that passes for a scene, with a texture, and what a Blender would have collected of it.
func collectedScene(t *testing.T, engine string) (blend, collected string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "film")
	blend, collected = filepath.Join(dir, "shot.blend"), filepath.Join(dir, "shot.json")
	write(t, blend, []byte("BLENDER-v304"+strings.Repeat(" ", 100)+dir))
	texture := filepath.Join(dir, "tex", "a.png")
	write(t, texture, []byte("not read by anybody"))
	write(t, collected, fmt.Appendf(nil, `{"blend": %q, "scene": {"name": "Scene", "engine": %q, "camera": "Camera", "frame_start": 1, "frame_end": 3, "frame_step": 1,
		"output_path": "/tmp/", "saved_by": "2.93.0"}, "files": [{"path": %q, "kind": "image", "users": ["Image a"], "needed": true}], "warnings": []}`, blend, engine, texture))
	return blend, collected
}

// runBare runs a command where no Blender may be started.
func (f *farm) runBare(args ...string) (stdout, stderr string, code int) {
	f.t.Helper()
	return run(f.t, append(append(f.env(), "NETRENDER_DATA="+filepath.Join(f.data, "client")), noBlender...), args...)
}

// TestCollected sends a scene that an open Blender has collected: no Blender is started here.
func TestCollected(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	blend, collected := collectedScene(t, "CYCLES")
	out := t.TempDir()
	if _, errs, code := f.runBare("render", blend, "-o", out); code == 0 || !strings.Contains(errs, "Blender") {
		t.Fatalf("without it a Blender would be needed: %d %s", code, errs)
	}
	said, errs, code := f.runBare("render", blend, "-o", out, "--collected", collected, "--json")
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, said, errs)
	}
	for _, frame := range []string{"0001", "0002", "0003"} {
		if found, _ := filepath.Glob(filepath.Join(out, "*"+frame+"*")); len(found) == 0 {
			t.Errorf("frame %s did not come", frame)
		}
	}
	said, _, code = f.runBare("check", blend, "--collected", collected, "--json")
	var p map[string]any
	if err := json.Unmarshal([]byte(said), &p); err != nil || code != 0 {
		t.Fatalf("exit %d, %v in %s", code, err, said)
	}
	if p["engine"] != "CYCLES" || p["blender"] != "3.4" || p["files"] != 2.0 || p["total"] != 3.0 {
		t.Errorf("check says %v", p)
	}

	// A list of other bytes is not taken: the scene was saved since. Then a Blender is needed here.
	text, err := os.ReadFile(collected)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(blend)
	if err != nil {
		t.Fatal(err)
	}
	for since, want := range map[int64]int{0: 0, 1: 1} {
		dated := filepath.Join(t.TempDir(), "dated.json")
		write(t, dated, fmt.Appendf(nil, `%s, "file": {"mtime_ns": %d, "size": %d}}`, bytes.TrimSuffix(text, []byte("}")), st.ModTime().UnixNano()+since, st.Size()))
		if said, errs, code := f.runBare("check", blend, "--collected", dated); code != want || strings.Contains(said+errs, "/nowhere/blender") != (want != 0) {
			t.Errorf("saved %d ns later: exit %d, %s%s", since, code, said, errs)
		}
	}

	// A copy with what was not saved, of a scene that lies nowhere yet.
	copied := filepath.Join(t.TempDir(), "autosave.blend")
	if err := os.Rename(blend, copied); err != nil {
		t.Fatal(err)
	}
	said, errs, code = f.runBare("submit", blend, "--unsaved", copied, "--collected", collected, "--json")
	var j struct {
		Name, Blend string
	}
	if err := json.Unmarshal([]byte(said), &j); err != nil || code != 0 || j.Name != "shot" || filepath.Base(j.Blend) != "shot.blend" {
		t.Errorf("exit %d, %v: %+v\n%s", code, err, j, errs)
	}

	bad := filepath.Join(t.TempDir(), "bad.json")
	write(t, bad, []byte(`{"scene": {}, "files": []}`))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--collected", collected, "--pack"}, 2, "do not go together"},
		{[]string{"--collected", bad}, 1, "is not what the collector writes"},
		{[]string{"--collected", bad + "x"}, 1, "does not exist"},
		{[]string{"--collected", filepath.Dir(bad)}, 1, "is no file but a folder"},
	} {
		_, errs, code := f.runBare(append([]string{"submit", copied}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit %d, %s", c.args, code, errs)
		}
		sentence(t, errs)
	}
	if _, errs, code := f.runBare("submit", copied, "--collected", collected); code != 1 || !strings.Contains(errs, "is of another scene") {
		t.Errorf("the collection of another scene: exit %d, %s", code, errs)
	}
}

// TestCollectedInOpenBlender: what an open Blender collects is what one that is started for it reads.
func TestCollectedInOpenBlender(t *testing.T) {
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			blend := scene(t, blender, "linked", "project/linked.blend")
			collected := filepath.Join(t.TempDir(), "collected.json")
			python(t, blender, blend, "scenes/collected.py", collected)
			check := func(args ...string) (p map[string]any) {
				t.Helper()
				out, errs, code := run(t, []string{"NETRENDER_BLENDER=" + blender}, append([]string{"check", blend, "--offline", "--json", "--data", knownBlender(t, blender)}, args...)...)
				if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
					t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
				}
				return p
			}
			want, got := check(), check("--collected", collected)
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if fmt.Sprint(want[key]) != fmt.Sprint(got[key]) {
					t.Errorf("%s: started %v, open %v", key, want[key], got[key])
				}
			}
			if want["files"].(float64) < 3 {
				t.Errorf("the scene has %v files only", want["files"])
			}
		})
	}
}
