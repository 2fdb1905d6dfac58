package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
)

// TestViews: scenes, cameras and view layers of a file, as tasks of one job, come out as somebody would render them one by one.
func TestViews(t *testing.T) {
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "studio")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "shot.blend")
			python(t, blender, "", "views.py", "build", file)
			local := t.TempDir()
			type view struct{ folder, scene, camera, layer, frames string }
			cameras := []view{
				{"Main-Left", "Main", "Left", "", "1 2"}, {"Main-Right", "Main", "Right", "", "1 2"}, {"Close_up-Near", "Close/up", "Near", "", "5 6"},
			}
			layers := []view{{"Both", "Main", "", "Both", "2"}, {"Alone", "Main", "", "Alone", "2"}}
			words := []string{"render"}
			for _, v := range append(layers, cameras...) {
				words = append(words, strings.Join([]string{filepath.Join(local, v.folder), v.scene, v.camera, v.layer, v.frames}, "|"))
			}
			python(t, blender, file, "views.py", words...)

			f := startFarm(t)
			submit := func(args ...string) string {
				out, errs, code := run(t, append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender)), append([]string{"submit", file, "--blender", blender}, args...)...)
				if code != 0 {
					t.Fatalf("submit %v: exit %d\n%s", args, code, errs)
				}
				return strings.TrimSpace(out)
			}
			film := "--film=webm"
			if _, err := exec.LookPath("ffprobe"); err != nil || strings.HasPrefix(filepath.Base(blender), "python") { // the module has no encoders
				film = "--no-film"
			}
			byCamera := submit("--scenes", "all", "--cameras", "all", film)
			byLayer := submit("--view-layers", "all", "-f", "2", "--tiles", "2x1")
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Fatal(err)
			}
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
			for _, id := range []string{byCamera, byLayer} {
				eventually(t, 5*time.Minute, "the job ends", func() bool {
					s := f.job(id).State
					return s == "done" || s == "failed"
				})
				if errs := f.get("/jobs/" + id + "/attempts"); strings.Contains(errs, `"outcome":"failed"`) {
					t.Errorf("something failed on the way: %s", errs)
				}
				if s := f.job(id); s.State != "done" {
					t.Fatalf("the job is %s\n%s\n%s", s.State, f.ok("job", id), tail(f.ok("logs", id), 3000))
				}
			}
			home := filepath.Join(t.TempDir(), "home")
			f.ok("fetch", byCamera, "-o", home)
			f.ok("fetch", byLayer, "-o", home)
			pictures := 0
			for _, v := range append(cameras, layers...) {
				for frame := range strings.FieldsSeq(v.frames) {
					name := fmt.Sprintf("000%s.exr", frame)
					diff, err := exr.CompareFiles(filepath.Join(local, v.folder, name), filepath.Join(home, v.folder, "exr", name))
					if err != nil || !diff.Equal() {
						t.Errorf("%s of %s: %v, %v", name, v.folder, &diff, err)
					}
					pictures++
				}
			}
			// what they are must differ, or it is not seen which is which
			if diff, err := exr.CompareFiles(filepath.Join(home, "Main-Left/exr/0001.exr"), filepath.Join(home, "Main-Right/exr/0001.exr")); err != nil || diff.Equal() {
				t.Errorf("two cameras see the same: %v", err)
			}
			if text := f.ok("job", byCamera); !strings.Contains(text, "Main-Left:1-2,Main-Right:1-2") || !strings.Contains(text, "Close_up-Near:5-6") {
				t.Errorf("the job does not say what its views are:\n%s", text)
			}
			some := filepath.Join(t.TempDir(), "some")
			f.ok("fetch", byCamera, "-o", some, "-f", "main-right:2")
			if got := filesBelow(t, some); strings.Join(got, " ") != "Main-Right/0002.png Main-Right/exr/0002.exr" {
				t.Errorf("one frame of one view is %v", got)
			}
			every := filepath.Join(t.TempDir(), "every")
			f.ok("fetch", byCamera, "-o", every, "-f", "2") // a scene without a frame 2 is left out
			if got := filesBelow(t, every); len(got) != 4 {
				t.Errorf("frame 2 of every view is %v", got)
			}
			if logs := f.ok("logs", byCamera, "-f", "Close_up-Near:6"); !strings.Contains(logs, "Fra:6") && !strings.Contains(logs, "ender") {
				t.Errorf("its log:\n%s", logs)
			}
			f.ok("retry", byCamera, "-f", "Main-Left:1")
			eventually(t, 2*time.Minute, "the frame is rendered again", func() bool { return f.job(byCamera).State == "done" })
			var grid struct {
				Total  int    `json:"total"`
				Frames string `json:"frames"`
				States []int  `json:"states"`
			}
			if err := json.Unmarshal([]byte(f.get("/jobs/"+byCamera+"/grid")), &grid); err != nil || grid.Total != 6 || len(grid.States) != 6 {
				t.Errorf("the grid: %+v, %v", grid, err)
			}
			if film == "--no-film" {
				return
			}
			for _, v := range cameras {
				found, _ := filepath.Glob(filepath.Join(home, v.folder, "*.webm"))
				if len(found) != 1 {
					t.Errorf("%s has the films %v; all: %v", v.folder, found, filesBelow(t, home))
					continue
				}
				if video, _ := streams(t, found[0]); video.Frames != "2" {
					t.Errorf("the film of %s is %+v", v.folder, video)
				}
			}
		})
	}
}
