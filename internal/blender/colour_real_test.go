package blender

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealColours: a colour configuration is listed with the tables that it names, wherever it has them looked for.
func TestRealColours(t *testing.T) {
	in := realBlender(t)
	dir := t.TempDir()
	script, _ := filepath.Abs("../../test/scenes/colours.py")
	cmd := in.Command(t.Context(), script, dir)
	cmd.Env = environment(os.Environ(), dir, dir, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	blend, elsewhere := filepath.Join(dir, "project", "colours.blend"), t.TempDir()
	config := filepath.Join(dir, "project", "colour", "config.ocio")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	more := "  - !<ColorSpace>\n    name: More\n    to_reference: !<FileTransform> {src: \"two words.cube\"}\n" +
		"  - !<ColorSpace>\n    name: Gone\n    to_reference: !<FileTransform> {src: gone.cube, interpolation: best}\n" +
		"  - !<ColorSpace>\n    name: Far\n    to_reference: !<FileTransform>\n      src: far.cube\n"
	changed := strings.Replace(string(text), "search_path: tables/none:tables\n", "search_path:\n  - tables\n  - "+elsewhere+"\n", 1) + more
	for _, write := range []struct{ path, text string }{
		{config, changed},
		{filepath.Join(dir, "project", "colour", "tables", "two words.cube"), "x"},
		{filepath.Join(elsewhere, "far.cube"), "x"},
	} {
		if err := os.WriteFile(write.path, []byte(write.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Collect(t.Context(), in, blend, CollectOptions{Temp: t.TempDir(), Environ: append(os.Environ(), "OCIO="+config)})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range c.Files {
		if strings.HasPrefix(f.Kind, "colour ") {
			names = append(names, f.Kind+" "+filepath.Base(f.Path))
		}
	}
	warnings := strings.Join(c.Warnings, "\n")
	for _, want := range []string{ColourConfiguration + " config.ocio", "colour table odd.spi1d", "colour table two words.cube", "colour table far.cube"} {
		if !strings.Contains(strings.Join(names, "\n"), want) {
			t.Errorf("%s is not among %q", want, names)
		}
	}
	if len(names) != 4 || strings.Count(warnings, "whole path") != 1 || !strings.Contains(warnings, "far.cube") {
		t.Errorf("%q, warnings %q", names, warnings)
	}
}
