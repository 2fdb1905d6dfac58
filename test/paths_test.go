package test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/layout"
	nr "github.com/netrender/netrender/internal/farm"
)

// TestSceneFromWindows renders a scene that was made and submitted on Windows: what a client there would send is made
// here, from files whose folders stand for its drives. The frame equals that of the same scene with local paths.
func TestSceneFromWindows(t *testing.T) {
	for _, blender := range blenders(t) {
		name := "executable"
		if strings.HasPrefix(filepath.Base(blender), "python") {
			name = "module"
		}
		t.Run(name, func(t *testing.T) { sceneFromWindows(t, blender) })
	}
}

func sceneFromWindows(t *testing.T, blender string) {
	const shot = `C:\film\shots\shot.blend`
	file := scene(t, blender, "windows", "plain/shot.blend", "--samples", "4", "--size", "160x90")
	local := filepath.Join(t.TempDir(), "local")
	python(t, blender, file, "outputs.py", local, "2-2")
	python(t, blender, file, "multilayer.py", filepath.Join(local, "exr"), "2")

	copied := filepath.Join(filepath.Dir(filepath.Dir(file)), "C", "film", "shots", "shot.blend")
	copiedFromWindows(t, blender, copied)

	f := startFarm(t)
	c := f.client()
	ctx := context.Background()
	here := windowsFiles(t, filepath.Dir(filepath.Dir(file)))
	paths := make([]string, 0, len(here))
	for path := range here {
		if path != shot {
			paths = append(paths, path)
		}
	}
	places := layout.Of(shot, paths, `C:\Users\Ann`)
	manifest := make([]nr.File, 0, len(here))
	refs := map[string]string{} // place -> bytes
	for path, local := range here {
		data, err := os.ReadFile(local)
		if err != nil {
			t.Fatal(err)
		}
		ref := blob.RefOf(data).String()
		refs[places[path]] = ref
		manifest = append(manifest, nr.File{Path: places[path], Original: path, Size: int64(len(data)), Ref: ref})
	}
	spec := nr.JobSpec{Name: "shot", Blend: places[shot], Frames: nr.FrameRange(2, 2, 1), Needs: nr.Needs{Engine: "CYCLES"}, Options: nr.Options{Outputs: true, Threads: 1}}
	spec.Defaults()
	reply, err := c.Submit(ctx, spec, manifest)
	if err != nil {
		t.Fatal(err)
	}
	for path, local := range here {
		if err := c.UploadFile(ctx, local, refs[places[path]], nil); err != nil {
			t.Fatal(err)
		}
	}
	studio := filepath.Dir(filepath.Dir(file))
	if err := os.Rename(studio, studio+"-away"); err != nil {
		t.Fatal(err)
	}
	data := knownBlender(t, blender)
	f.workerIn(data, "oak", "--blender", blender)
	id := reply.Job.ID.String()
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
	unchanged(t, data, refs)
	home := filepath.Join(t.TempDir(), "home")
	f.ok("fetch", id, "-o", home)
	if err := os.Rename(studio+"-away", studio); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, local, home, func(int) string {
		dir := t.TempDir()
		python(t, blender, file, "multilayer.py", dir, "2")
		return filepath.Join(dir, "0002.exr")
	})
}

// copiedFromWindows looks at a scene of Windows as it lies here: relative paths lead to their files, absolute ones nowhere.
func copiedFromWindows(t *testing.T, blender, file string) {
	t.Helper()
	out, errs, code := run(t, []string{"NETRENDER_DATA=" + knownBlender(t, blender)}, "check", file, "--offline", "--blender", blender)
	if code != 1 {
		t.Errorf("check: exit %d\n%s", code, errs)
	}
	for _, want := range []string{
		"3 files,", "5 of the scene's files are missing", "the paths of 5 are of another system",
		"C:/stock/rock.png (image of Image rock.png", "D:/scans/moss.png", `\\server/Share/sky.png`, "C:/studio/lib.blend (library of",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
}

// windowsFiles are the files of windows.py as Windows names them -> where they lie.
func windowsFiles(t *testing.T, studio string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range filesBelow(t, studio) {
		top, rest, _ := strings.Cut(name, "/")
		prefix := map[string]string{"C": `C:\`, "D": `D:\`, "server": `\\server\`}[top]
		if prefix != "" {
			files[prefix+strings.ReplaceAll(rest, "/", `\`)] = filepath.Join(studio, filepath.FromSlash(name))
		}
	}
	return files
}

// unchanged wants the files of a worker's only job to have the bytes that were sent.
func unchanged(t *testing.T, worker string, refs map[string]string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(worker, func(path string, d fs.DirEntry, err error) error {
		_, place, in := strings.Cut(filepath.ToSlash(path), "/src/")
		if err != nil || !in || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found++; blob.RefOf(data).String() != refs[place] {
			t.Errorf("%s is not what was sent", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != len(refs) {
		t.Errorf("%d files were sent, the worker has %d", len(refs), found)
	}
}
