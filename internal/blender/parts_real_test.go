package blender

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/exr"
)

// TestRealParts renders frames in parts on every Blender that is here. What is put together equals what is rendered whole.
func TestRealParts(t *testing.T) {
	for kind, in := range partsBlenders(t) {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			script, _ := filepath.Abs("testdata/parts.py")
			cmd := in.Command(t.Context(), script, dir)
			cmd.Env = environment(os.Environ(), dir, dir, nil)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s, err := Start(t.Context(), Options{Install: in, Home: t.TempDir(), Device: "cpu", Threads: 1, Environ: os.Environ()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			t.Run("tiles", func(t *testing.T) { realTiles(t, s, dir) })
			t.Run("finish", func(t *testing.T) { realFinish(t, s, dir) })
			t.Run("denoised", func(t *testing.T) { realDenoised(t, s, dir) })
		})
	}
}

// partsBlenders are the Blender that tests render with and, where it is installed, the newest one as a module.
func partsBlenders(t *testing.T) map[string]Install {
	all := map[string]Install{"executable": realBlender(t)}
	path, _ := filepath.Abs("../../.cache/bpy/bin/python")
	if _, err := os.Stat(filepath.Join(path, "../../ready")); err == nil {
		all["module"] = Install{Path: path, Kind: kindOf(path), Runner: testRunner(t)}
	}
	return all
}

// exrOf is the EXR of a result.
func exrOf(t *testing.T, r Result) string {
	t.Helper()
	for _, f := range r.Files {
		if f.Kind == KindEXR {
			return f.Path
		}
	}
	t.Fatalf("there is no EXR in %v", r.Files)
	return ""
}

// cropped is what a window shows of a picture, as a file.
func cropped(t *testing.T, path string, window image.Rectangle) string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	st, _ := in.Stat()
	f, err := exr.Open(in, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "cropped.exr"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	box := exr.Box{MinX: int32(window.Min.X), MinY: int32(window.Min.Y), MaxX: int32(window.Max.X - 1), MaxY: int32(window.Max.Y - 1)}
	if err := exr.Crop(out, f, box); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

// samePasses compares bit by bit. What the compositor made is in whole frames alone. UV of 5.x is repeatable to its last bit only.
func samePasses(t *testing.T, what, whole, part string, version string) {
	t.Helper()
	diff, err := exr.CompareFiles(whole, part)
	if err != nil {
		t.Fatal(err)
	}
	if diff.Channels == 0 {
		t.Errorf("%s: nothing is compared", what)
	}
	for _, d := range diff.Differences {
		composite := strings.Contains(what, "tile") && d.OnlyIn == "first" && strings.HasPrefix(d.Channel, "Composite.")
		lastBit := strings.Contains(d.Channel, ".UV.") && version >= "5" && d.OnlyIn == "" && d.Text == "" && d.Largest < 2e-7
		if !composite && !lastBit {
			t.Errorf("%s: %s", what, d)
		}
	}
}

// grid cuts a picture into columns and rows.
func grid(width, height, columns, rows int) []image.Rectangle {
	var tiles []image.Rectangle
	for y := range rows {
		for x := range columns {
			tiles = append(tiles, image.Rect(x*width/columns, y*height/rows, (x+1)*width/columns, (y+1)*height/rows))
		}
	}
	return tiles
}

func realTiles(t *testing.T, s *Session, dir string) {
	for _, c := range []struct {
		scene         string // that is cut
		whole         string // that is rendered whole
		columns, rows int
		overscan      int
		at            image.Point // where the picture lies in what is rendered whole: Blender leaves the rest of the frame black
	}{
		{"adaptive", "passes", 2, 2, 0, image.Point{}},
		{"passes", "passes", 3, 1, 4, image.Point{}},
		{"crop", "crop", 2, 2, 0, image.Point{}},
		{"border", "border", 2, 1, 0, image.Pt(8, 3)},
		{"views", "views", 2, 1, 0, image.Point{}},
		{"workbench", "workbench", 2, 1, 0, image.Point{}},
	} {
		facts := open(t, s, Scene{Blend: filepath.Join(dir, c.whole+".blend")})
		whole := exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull}))
		open(t, s, Scene{Blend: filepath.Join(dir, c.scene+".blend")})
		picture := image.Rect(0, 0, facts.PictureWidth, facts.PictureHeight)
		for _, tile := range grid(picture.Dx(), picture.Dy(), c.columns, c.rows) {
			r := render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: tile, Overscan: c.overscan})
			window := tile.Inset(-c.overscan).Intersect(picture)
			if r.Window != window {
				t.Errorf("%s: the tile %v shows %v, not %v", c.scene, tile, r.Window, window)
			}
			if told := strings.Contains(strings.Join(r.Warnings, " "), "adaptive sampling is off"); told != (c.scene == "adaptive") {
				t.Errorf("%s: the warnings are %q", c.scene, r.Warnings)
			}
			samePasses(t, c.scene+", tile "+tile.String(), cropped(t, whole, window.Add(c.at)), exrOf(t, r), s.Version())
		}
		if c.scene == "border" { // nothing of the tiles is left in the scene
			samePasses(t, "whole after tiles", whole, exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull})), s.Version())
		}
	}
	for scene, c := range map[string]struct {
		tile image.Rectangle
		text string
	}{
		"passes":    {image.Rect(60, 0, 65, 29), "does not lie in the picture, which is 64 x 29"},
		"freestyle": {image.Rect(0, 0, 9, 9), "Freestyle"},
		"strips":    {image.Rect(0, 0, 9, 9), "video editor"},
	} {
		open(t, s, Scene{Blend: filepath.Join(dir, scene+".blend")})
		_, err := s.Render(t.Context(), Task{Frame: 3, EXR: EXRFull, OutDir: t.TempDir(), Tile: c.tile}, nil)
		if kindOfError(err) != NoParts || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", scene, err)
		}
	}
}

// realFinish compares what is finished with what is rendered whole: every file by its name.
func realFinish(t *testing.T, s *Session, dir string) {
	for _, scene := range []string{"passes", "border", "crop", "views", "workbench"} {
		facts := open(t, s, Scene{Blend: filepath.Join(dir, scene+".blend")})
		whole := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true, Preview: true})
		part := exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: image.Rect(0, 0, facts.PictureWidth, facts.PictureHeight)}))
		finished := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true, Preview: true, Finish: part})
		sameResults(t, scene, whole, finished, s.Version())
		if again := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true}); scene == "passes" {
			sameResults(t, "whole after a finish", whole, again, s.Version())
		}
	}
}

// realDenoised: what is denoised after it was put together is what Cycles makes of the whole frame, but for rounding.
func realDenoised(t *testing.T, s *Session, dir string) {
	facts := open(t, s, Scene{Blend: filepath.Join(dir, "denoised.blend")})
	part := exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: image.Rect(0, 0, facts.PictureWidth, facts.PictureHeight)}))
	task := Task{Frame: 3, EXR: EXRFull, Outputs: true, Finish: part, OutDir: t.TempDir()}
	if s.Version() < "4" { // Debian's has no denoiser
		if _, err := s.Render(t.Context(), task, nil); kindOfError(err) != NoDenoiser {
			t.Errorf("without a denoiser: %v", err)
		}
		return
	}
	finished := render(t, s, task)
	whole := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true})
	diff, err := exr.CompareFiles(exrOf(t, whole), exrOf(t, finished))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diff.Differences {
		cleaned := strings.HasPrefix(d.Channel, "ViewLayer.Combined.") || strings.HasPrefix(d.Channel, "Composite.Combined.")
		if limit := 2e-5; !cleaned || d.OnlyIn != "" || d.Text != "" || d.Largest > limit {
			t.Errorf("denoised: %s", d)
		}
		t.Log(d)
	}
	noise, err := exr.CompareFiles(exrOf(t, whole), part)
	if err != nil || noise.Equal() {
		t.Errorf("the part is denoised already, or cannot be compared: %v", err)
	}
}

// sameResults compares the files of two results by their names, pixel by pixel.
func sameResults(t *testing.T, what string, want, got Result, version string) {
	t.Helper()
	have := map[string]string{}
	for _, f := range got.Files {
		have[f.Name] = f.Path
	}
	for _, f := range want.Files {
		path, there := have[f.Name]
		switch {
		case !there && f.Kind == KindPreview:
		case !there:
			t.Errorf("%s: there is no %s", what, f.Name)
		case filepath.Ext(path) != ".exr":
			if a, b := pixelsOf(t, f.Path), pixelsOf(t, path); a != b {
				t.Errorf("%s: %s is %s, not %s", what, f.Name, b, a)
			}
		default:
			samePasses(t, what+" "+f.Name, f.Path, path, version)
		}
	}
	t.Logf("%s: %d files", what, len(want.Files))
}
