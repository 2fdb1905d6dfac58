package test

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
)

// TestAddons renders a scene whose engine is an add-on's: one that the worker has, one that travels as a file. Without it
// nothing is rendered, and who asks is told why.
func TestAddons(t *testing.T) {
	for _, blender := range blenders(t) {
		name, addon := "executable", "flat_engine.zip"
		if strings.HasPrefix(filepath.Base(blender), "python") {
			name, addon = "module", "flat_extension.zip"
		}
		t.Run(name, func(t *testing.T) { addons(t, blender, addon) })
	}
}

func addons(t *testing.T, blender, addon string) {
	file := scene(t, blender, "addon", "addon.blend")
	studio := filepath.Dir(file)
	f := startFarm(t)
	env := func(more ...string) []string {
		return append(append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender)), more...)
	}
	// What a user's own add-ons lie in, as Blender itself is told.
	resources := t.TempDir()
	if err := os.Mkdir(filepath.Join(resources, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(resources, "scripts", "addons"), os.DirFS(filepath.Join(studio, "addons"))); err != nil {
		t.Fatal(err)
	}
	unzip(t, filepath.Join(studio, "flat_extension.zip"), filepath.Join(resources, "extensions", "user_default", "flat_extension"))
	own := "BLENDER_USER_RESOURCES=" + resources

	out, _, code := run(t, env(), "check", file, "--offline", "--json", "--blender", blender)
	var found struct {
		Engine   string
		Errors   []struct{ Text, Hint string }
		Warnings []string
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code != 1 || found.Engine != "FLAT" || len(found.Errors) != 1 || !strings.Contains(found.Errors[0].Text, "FLAT, which an add-on holds") ||
		!strings.Contains(found.Errors[0].Hint, "--addon") || len(found.Warnings) != 1 || !strings.Contains(found.Warnings[0], "Flat in Odd") {
		t.Errorf("a scene of an add-on is checked without it: exit %d, %+v", code, found)
	}
	if _, errs, code := run(t, env(), "submit", file, "--blender", blender); code != 1 || !strings.Contains(errs, "FLAT") {
		t.Errorf("it is sent: exit %d, %s", code, errs)
	}
	if out, _, code := run(t, env(own), "check", file, "--offline", "--blender", blender, "--addon", "flat_engine"); code != 0 || strings.Contains(out, "warning") {
		t.Errorf("with the add-on it is checked: exit %d\n%s", code, out)
	}
	if _, errs, code := run(t, env(), "submit", file, "--blender", blender, "--addon", filepath.Join(studio, addon)); code != 2 || !strings.Contains(errs, "--scripts") {
		t.Errorf("an add-on travels with a job that runs no Python: exit %d, %s", code, errs)
	}

	submit := func(args ...string) string {
		out, errs, code := run(t, env(own), append([]string{"submit", file, "-f", "2-4", "--blender", blender}, args...)...)
		if code != 0 {
			t.Fatalf("submit %v: exit %d\n%s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	installed := submit("--addon", "flat_engine")
	sent := submit("--addon", filepath.Join(studio, addon), "--scripts")
	start(t, env(), "worker", "--name", "bare", "--blender", blender)
	eventually(t, time.Minute, "it is said why a worker without the add-on gets no frame", func() bool {
		return strings.Contains(f.ok("job", installed, "--why"), "its Blender lacks the add-on flat_engine")
	})
	start(t, env(own), "worker", "--name", "has", "--blender", blender)
	start(t, env(), "worker", "--name", "trusts", "--blender", blender, "--scripts")
	homes := map[string]string{}
	jobs := map[string]string{installed: "has", sent: "trusts"}
	if addon == "flat_extension.zip" {
		jobs[submit("--addon", "bl_ext.user_default.flat_extension")] = "has"
	}
	for id, worker := range jobs {
		eventually(t, 3*time.Minute, "the job ends", func() bool { s := f.job(id).State; return s == "done" || s == "failed" })
		if s := f.job(id); s.State != "done" {
			t.Fatalf("the job for the worker %s is %s\n%s\n%s", worker, s.State, f.ok("job", id), tail(f.ok("logs", id), 3000))
		}
		homes[id] = filepath.Join(t.TempDir(), "home")
		f.ok("fetch", id, "-o", homes[id])
		im := picture(t, filepath.Join(homes[id], "addon_0004.png"))
		r, g, b, _ := im.At(5, 5).RGBA() // sRGB of (0.25, 0.25, 0.5), IEC 61966-2-1
		if r>>8 != 137 || g>>8 != 137 || b>>8 != 188 {
			t.Errorf("frame 4 of the worker %s has the colour %d %d %d", worker, r>>8, g>>8, b>>8)
		}
	}
	diff, err := exr.CompareFiles(filepath.Join(homes[installed], "exr", "0003.exr"), filepath.Join(homes[sent], "exr", "0003.exr"))
	if err != nil || !diff.Equal() {
		t.Errorf("the add-on that travelled makes another picture: %v %s", err, &diff)
	}
}

func unzip(t *testing.T, file, dir string) {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
}
