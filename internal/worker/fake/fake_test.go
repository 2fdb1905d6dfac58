package fake_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// render has a fake render a frame of a scene of two files.
func render(t *testing.T, blend, texture string, frame, edge int) (map[string][]byte, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	scene := blender.Scene{Blend: filepath.Join(dir, "a"), Original: "/x/a.blend", Files: map[string]string{}}
	hashes := map[string]string{}
	for original, text := range map[string]string{"/x/a.blend": blend, "/x/b.png": texture} {
		path := filepath.Join(dir, filepath.Base(original)[:1])
		scene.Files[original] = path
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		hashes[original] = hex.EncodeToString(sum[:])
	}
	r, err := fake.New(fake.Options{Width: edge, Height: edge})(t.Context(), worker.Setup{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Open(t.Context(), scene); err != nil {
		t.Fatal(err)
	}
	task := blender.Task{Frame: frame, OutDir: filepath.Join(dir, "out"), EXR: blender.EXRFull, Outputs: true, Preview: true}
	result, err := r.Render(t.Context(), task, func(blender.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range result.Files {
		if files[f.Name], err = os.ReadFile(f.Path); err != nil {
			t.Fatal(err)
		}
	}
	return files, hashes
}

// What a fake paints can be known beforehand, and tells scenes, frames and workers apart.
func TestPictures(t *testing.T) {
	first, hashes := render(t, "scene", "texture", 7, 24)
	want, err := fake.Picture{Scene: fake.MarkOf(hashes), Frame: 7, Width: 24, Height: 24}.Files(true, true, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 3 || len(want) != 3 {
		t.Fatalf("%d files, not %d", len(first), len(want))
	}
	for _, f := range want {
		if !bytes.Equal(first[f.Name], f.Bytes) {
			t.Errorf("%s is not what was foretold", f.Name)
		}
	}
	layers := first["layers_0007.exr"]
	if err := exr.Verify(bytes.NewReader(layers), int64(len(layers))); err != nil {
		t.Error(err)
	}
	for what, other := range map[string]func() (map[string][]byte, map[string]string){
		"a texture": func() (map[string][]byte, map[string]string) { return render(t, "scene", "texturf", 7, 24) },
		"the frame": func() (map[string][]byte, map[string]string) { return render(t, "scene", "texture", 7+256, 24) },
		"the size":  func() (map[string][]byte, map[string]string) { return render(t, "scene", "texture", 7, 25) },
	} {
		files, _ := other()
		for name, text := range files {
			for mine, same := range first {
				if bytes.Equal(text, same) {
					t.Errorf("with another %s %s shows the same as %s", what, name, mine)
				}
			}
		}
	}
}
