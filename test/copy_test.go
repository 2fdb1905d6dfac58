package test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestSentAsCopy sends a scene packed, and with changes that were not saved: the pictures are those that the artist's own
// Blender makes, and no file of theirs is touched.
func TestSentAsCopy(t *testing.T) {
	for _, blender := range blenders(t) {
		name := "executable"
		if strings.HasPrefix(filepath.Base(blender), "python") {
			name = "module"
		}
		t.Run(name, func(t *testing.T) { sentAsCopy(t, blender) })
	}
}

func sentAsCopy(t *testing.T, blender string) {
	file := scene(t, blender, "linked", "project/linked.blend", "--samples", "1", "--size", "64x36")
	studio := filepath.Dir(filepath.Dir(file))
	before := sums(t, studio)
	work := t.TempDir()
	unsaved := filepath.Join(work, "autosaves", "anything.blend")
	if err := os.Mkdir(filepath.Dir(unsaved), 0o700); err != nil {
		t.Fatal(err)
	}
	python(t, blender, file, "scenes/unsaved.py", unsaved)
	saved, changed := filepath.Join(work, "saved"), filepath.Join(work, "changed")
	python(t, blender, file, "outputs.py", saved, "3-4")
	python(t, blender, unsaved, "outputs.py", changed, "3-4")

	f := startFarm(t)
	env := append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender))
	submit := func(args ...string) string {
		t.Helper()
		out, errs, code := run(t, env, append([]string{"submit", file, "-f", "3-4", "--threads", "1", "--exr", "none", "--blender", blender}, args...)...)
		if code != 0 {
			t.Fatalf("submit %v: exit %d\n%s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	packed := submit("--pack")
	both := submit("--pack", "--unsaved", unsaved)
	plain := submit("--unsaved", unsaved)
	after := sums(t, studio)
	if len(before) != len(after) {
		t.Errorf("the studio had %d files and has %d", len(before), len(after))
	}
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("%s was changed", name)
		}
	}
	count := func(id string) int {
		n := 0
		for file, err := range f.client().Files(t.Context(), jobNumber(t, id)) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file.Path, ".blend") && strings.Contains(file.Path, "anything") {
				t.Errorf("the scene lies at %s", file.Path)
			}
			n++
		}
		return n
	}
	if a, b := count(packed), count(plain); a >= b { // the pictures of libraries stay beside them
		t.Errorf("packed, the scene has %d files, and %d else", a, b)
	}

	if err := os.Rename(studio, studio+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(unsaved)); err != nil {
		t.Fatal(err)
	}
	f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
	for id, local := range map[string]string{packed: saved, both: changed, plain: changed} {
		home := filepath.Join(work, "home-"+id)
		f.ok("fetch", id, "-o", home, "--follow")
		if text := f.ok("job", id); strings.Contains(text, "\nwarning") {
			t.Errorf("job %s has warnings:\n%s", id, text)
		}
		compareFolders(t, local, home, func(int) string { t.Fatal("the frames differ"); return "" })
	}
}

// sums are the hashes of the files in a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, name := range filesBelow(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		list[name] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return list
}

func jobNumber(t *testing.T, id string) nr.JobID {
	t.Helper()
	n, err := nr.ParseJobID(id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
