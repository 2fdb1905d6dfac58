package blender

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A zip file that is no add-on, or one that goes wrong, is told of in a sentence with its name; one of the name of an
// add-on that Blender brings is the one that is used.
func TestAddonFiles(t *testing.T) {
	in := realBlender(t)
	dir := t.TempDir()
	blend := filepath.Join(scenes(t, in), "basic.blend")
	const info = "bl_info = {'name': 'x', 'blender': (3, 0, 0)}\n"
	const plain = info + "def register(): pass\ndef unregister(): pass\n"
	for name, c := range map[string]struct{ path, text, want string }{
		"empty":   {want: "empty.zip holds no Python module"},
		"damaged": {"damaged/__init__.py", plain, "damaged.zip cannot be unpacked"},
		"name":    {"weave-1.2/__init__.py", plain, "name.zip holds a folder called weave-1.2: no module"},
		"bytes":   {"blender_manifest.toml", "id = \"\xff\"", "bytes.zip has a manifest without an id"},
		"python":  {"os/__init__.py", plain, "python.zip holds a module called os, as one that Blender needs itself"},
		"exits":   {"exits/__init__.py", info + "def register(): raise SystemExit(3)\n", "exits cannot be enabled: SystemExit: 3"},
		"brought": {"io_scene_fbx/__init__.py", info + "def register(): raise ValueError('mine')\n", "io_scene_fbx cannot be enabled: ValueError: mine"},
		"good":    {"good/__init__.py", plain, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var packed bytes.Buffer
			z := zip.NewWriter(&packed)
			if c.path != "" {
				w, err := z.Create(c.path)
				if err == nil {
					_, err = w.Write([]byte(c.text))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			b := packed.Bytes()
			if name == "damaged" { // its first byte that is packed: the kind of the first block, and there is none of that kind
				b[30+len(c.path)] = 0xff
			}
			file := filepath.Join(dir, name+".zip")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			opts := CollectOptions{Addons: []Addon{{Name: name + ".zip", Zip: file}}, Temp: t.TempDir(), Environ: os.Environ()}
			_, err := Collect(t.Context(), in, blend, opts)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var own *Error
			if !errors.As(err, &own) || own.Kind != NoAddon || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it is said: %v", err)
			}
		})
	}
}
