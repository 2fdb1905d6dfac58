package blender

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBrokenUSD: a scene whose USD layers are cut off or overwritten is read all the same; they are sent as they are, and
// each costs a sentence.
func TestBrokenUSD(t *testing.T) {
	in, there := tracedBlenders(t)["module"]
	if !there {
		t.Skip("it takes a Blender that reads USD")
	}
	dir := t.TempDir()
	script, _ := filepath.Abs("../../test/scenes/imports.py")
	cmd := in.Command(t.Context(), script, dir)
	cmd.Env = environment(os.Environ(), dir, dir, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	layers, _ := filepath.Glob(filepath.Join(dir, "project/usd/parts/*.usdc"))
	if len(layers) == 0 {
		t.Fatal("there is no binary layer")
	}
	whole := map[string][]byte{}
	for _, layer := range layers {
		whole[layer], _ = os.ReadFile(layer)
	}
	for name, broken := range map[string]func([]byte) []byte{
		"cut":         func(b []byte) []byte { return b[:len(b)/2] },
		"overwritten": func(b []byte) []byte { return append(b[:80:80], slices.Repeat([]byte{0xff}, len(b)-80)...) },
	} {
		for _, layer := range layers {
			if err := os.WriteFile(layer, broken(whole[layer]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Collect(t.Context(), in, filepath.Join(dir, "project/imports.blend"), CollectOptions{Frames: []int{1}, Environ: os.Environ(), Temp: t.TempDir()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, layer := range layers {
			if !slices.ContainsFunc(c.Files, func(f CollectedFile) bool { return f.Path == layer && !f.Missing }) {
				t.Errorf("%s: %s is not in the list", name, layer)
			}
			if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, layer+" refers to cannot be found out: it is damaged") }) {
				t.Errorf("%s: nothing is said of %s: %q", name, layer, c.Warnings)
			}
		}
	}
}
