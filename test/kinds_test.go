package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kindScenes read many kinds of files, by their whole paths, and each file changes the picture: internal/blender proves that
// under a tracer, for more scenes than these. only names the Blender that renders it here, executable or module; "": both.
var kindScenes = []struct{ name, only, paths string }{
	{"caches", "", "--absolute"},
	{"pictures", "", "--absolute"},
	{"stereo", "", "--absolute"},
	{"strips", "", "--absolute"},
	{"fluids", "executable", "--absolute"},
	{"imports", "module", "--absolute"},
	{"geometry", "module", "--absolute"},
	{"colours", "", ""},
	{"eyes", "", "--absolute"},
}

// TestEveryKindOfFile renders scenes that read caches of every kind on two workers that have nothing but what was sent to
// them. Every picture equals the local one, and each worker has the files of its own frames alone.
func TestEveryKindOfFile(t *testing.T) {
	for _, blender := range blenders(t) {
		kind := "executable"
		if strings.HasPrefix(filepath.Base(blender), "python") {
			kind = "module"
		}
		for _, s := range kindScenes {
			if s.only == "" || s.only == kind {
				t.Run(s.name+"/"+kind, func(t *testing.T) { everyKindOfFile(t, blender, s.name, s.paths) })
			}
		}
	}
}

func everyKindOfFile(t *testing.T, blender, name, paths string) {
	var args []string
	if paths != "" {
		args = append(args, paths)
	}
	file := scene(t, blender, name, "project/"+name+".blend", args...)
	studio := filepath.Dir(filepath.Dir(file))
	if config := filepath.Join(filepath.Dir(file), "colour", "config.ocio"); name == "colours" { // the artist's, not the workers'
		os.Setenv("OCIO", config)
		defer os.Unsetenv("OCIO")
	}
	local := filepath.Join(t.TempDir(), "local")
	python(t, blender, file, "outputs.py", local, "1-4")
	kept := "full"
	if name == "eyes" { // Blender cannot write that
		kept = "none"
	} else {
		python(t, blender, file, "multilayer.py", filepath.Join(local, "exr"), "1", "2", "3", "4")
	}

	f := startFarm(t)
	workers := map[string]string{}
	for _, name := range []string{"oak", "elm"} {
		workers[name] = knownBlender(t, blender)
	}
	client := append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender))
	out, errs, code := run(t, client, "submit", file, "-f", "1-4", "--chunk", "2", "--threads", "1", "--exr", kept, "--blender", blender)
	if code != 0 {
		t.Fatalf("submit: exit %d\n%s", code, errs)
	}
	id := strings.TrimSpace(out)
	if err := os.Rename(studio, studio+"-away"); err != nil {
		t.Fatal(err)
	}
	os.Unsetenv("OCIO")
	for name, dir := range workers {
		f.workerIn(dir, name, "--blender", blender)
	}
	eventually(t, 5*time.Minute, "the job ends", func() bool {
		s := f.job(id).State
		return s == "done" || s == "failed"
	})
	if s := f.job(id); s.State != "done" {
		t.Fatalf("the job is %s\n%s\n%s", s.State, f.ok("job", id), tail(f.ok("logs", id), 3000))
	}
	if text := f.ok("job", id); strings.Contains(text, "\nwarning") {
		t.Errorf("there are warnings:\n%s", text)
	}
	home := filepath.Join(t.TempDir(), "home")
	f.ok("fetch", id, "-o", home)
	own := ownFiles(t, f, id)
	for name, dir := range workers {
		have, _ := filepath.Glob(filepath.Join(dir, "worker", "jobs", "*", "src"))
		if len(have) == 0 { // it came too late to get a frame
			continue
		}
		if got := filesBelow(t, have[0]); !slices.Equal(got, own[name]) {
			t.Errorf("%s has\n  %s\nits frames need\n  %s", name, strings.Join(got, "\n  "), strings.Join(own[name], "\n  "))
		}
	}
	if err := os.Rename(studio+"-away", studio); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, local, home, func(frame int) string {
		dir := t.TempDir()
		python(t, blender, file, "multilayer.py", dir, fmt.Sprint(frame))
		return filepath.Join(dir, fmt.Sprintf("%04d.exr", frame))
	})
}

// ownFiles are the files of the job that the frames of each worker need.
func ownFiles(t *testing.T, f *farm, id string) map[string][]string {
	t.Helper()
	var attempts struct {
		Attempts []struct {
			Frame  int    `json:"frame"`
			Worker string `json:"worker"`
		} `json:"attempts"`
	}
	var known struct {
		Workers []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"workers"`
	}
	var manifest struct {
		Files []struct {
			Path  string `json:"path"`
			First *int   `json:"first"`
			Last  *int   `json:"last"`
		} `json:"files"`
	}
	for path, into := range map[string]any{
		"/jobs/" + id + "/attempts?limit=1000": &attempts, "/jobs/" + id + "/files?limit=1000": &manifest, "/workers?limit=1000": &known,
	} {
		request, _ := http.NewRequest(http.MethodGet, f.url+"/api/v1"+path, nil)
		request.Header.Set("Authorization", "Bearer "+f.token())
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(reply.Body).Decode(into)
		_ = reply.Body.Close()
		if err != nil {
			t.Fatalf("%s: %s, %v", path, reply.Status, err)
		}
	}
	names := map[string]string{}
	for _, w := range known.Workers {
		names[w.ID] = w.Name
	}
	own := map[string][]string{}
	for _, file := range manifest.Files {
		for _, a := range attempts.Attempts {
			covered := (file.First == nil || *file.First <= a.Frame) && (file.Last == nil || a.Frame <= *file.Last)
			if name := names[a.Worker]; covered && !slices.Contains(own[name], file.Path) {
				own[name] = append(own[name], file.Path)
			}
		}
	}
	for _, files := range own {
		slices.Sort(files)
	}
	return own
}
