package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSharedFolder renders a scene whose files the workers see for themselves: nothing of it is sent. Where a worker sees
// another file than the artist's, that one alone is asked for and sent. Where a worker sees no folder, all is.
func TestSharedFolder(t *testing.T) {
	blender := blenders(t)[0]
	file := scene(t, blender, "linked", "project/linked.blend", "--samples", "1", "--size", "64x36")
	studio := filepath.Dir(filepath.Dir(file))
	elsewhere := filepath.Join(t.TempDir(), "mounted")
	if err := os.CopyFS(elsewhere, os.DirFS(studio)); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join("project", "textures", "checker.png")
	data, err := os.ReadFile(filepath.Join(elsewhere, damaged))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1 // of the same size
	if err := os.WriteFile(filepath.Join(elsewhere, damaged), data, 0o600); err != nil {
		t.Fatal(err)
	}
	render := func(f *farm, args ...string) (dir, said string) {
		t.Helper()
		dir = filepath.Join(t.TempDir(), "home")
		env := append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender))
		_, said, code := run(t, env, append([]string{"render", file, "-f", "3-4", "-o", dir, "--threads", "1", "--blender", blender}, args...)...)
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, said)
		}
		return dir, said
	}

	f := startFarm(t)
	f.workerIn(knownBlender(t, blender), "oak", "--blender", blender, "--shared", studio)
	f.atWork(1)
	first, said := render(f, "--shared", studio)
	if n := f.blobs(); n != 0 || strings.Contains(said, "are sent") {
		t.Errorf("the master has %d files of a scene that the worker sees for itself\n%s", n, said)
	}

	g := startFarm(t)
	g.workerIn(knownBlender(t, blender), "elm", "--blender", blender, "--shared", studio+"="+elsewhere)
	g.atWork(1)
	second, said := render(g, "--shared", studio)
	if n := g.blobs(); n != 1 || !strings.Contains(said, "asks for 1 file") {
		t.Errorf("the master has %d files where the worker sees one that is another\n%s", n, said)
	}

	g.workerIn(knownBlender(t, blender), "ash", "--blender", blender)
	g.atWork(2)
	third, said := render(g, "--shared", studio)
	if n := g.blobs(); n < 9 || !strings.Contains(said, "are sent: ash cannot read them there") {
		t.Errorf("the master has %d files where one worker does not see the folder\n%s", n, said)
	}
	for _, dir := range []string{second, third} {
		compareFolders(t, first, dir, func(int) string { t.Fatal("the frames differ"); return "" })
	}
}

// atWork waits until so many workers are online.
func (f *farm) atWork(n int) {
	f.t.Helper()
	eventually(f.t, time.Minute, "the workers are online", func() bool {
		return strings.Count(f.ok("workers", "--json"), `"online":true`) == n
	})
}

// blobs counts the files that the master has of scenes.
func (f *farm) blobs() (n int) {
	f.t.Helper()
	err := filepath.WalkDir(f.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && len(d.Name()) == 64 {
			n++
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}
