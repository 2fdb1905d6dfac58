package blender

import (
	"image"
	"io"
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
			t.Parallel() // each is a Blender with one thread
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
			t.Run("samples", func(t *testing.T) { realSamples(t, s, dir) })
			t.Run("unfinished", func(t *testing.T) { realUnfinished(t, s, dir) })
			t.Run("denoised", func(t *testing.T) { realDenoised(t, in, s, dir) })
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

// openEXR opens a file for as long as the test lasts.
func openEXR(t *testing.T, path string) *exr.File {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	st, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := exr.Open(in, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// made is a file that write makes.
func made(t *testing.T, write func(io.WriterAt) error) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "made.exr"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := write(out); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

func box(r image.Rectangle) exr.Box {
	return exr.Box{MinX: int32(r.Min.X), MinY: int32(r.Min.Y), MaxX: int32(r.Max.X - 1), MaxY: int32(r.Max.Y - 1)}
}

// cropped is what a window shows of a picture, as a file.
func cropped(t *testing.T, path string, window image.Rectangle) string {
	t.Helper()
	return made(t, func(w io.WriterAt) error { return exr.Crop(w, openEXR(t, path), box(window)) })
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

// realTiles cuts frames, puts them together, finishes them, and compares with what is rendered whole: the pixels before the
// finish, and every file after it.
func realTiles(t *testing.T, s *Session, dir string) {
	for _, c := range []struct {
		scene         string // that is cut
		whole         string // that is rendered whole
		columns, rows int
		overscan      int
		at            image.Point // where the picture lies in what is rendered whole: Blender leaves the rest of the frame black
	}{
		{"many adaptive", "many", 2, 2, 0, image.Point{}},
		{"passes", "passes", 3, 1, 4, image.Point{}},
		{"crop", "crop", 2, 2, 0, image.Point{}},
		{"border", "border", 2, 1, 0, image.Pt(8, 3)},
		{"views", "views", 2, 1, 0, image.Point{}},
		{"workbench", "workbench", 2, 1, 0, image.Point{}},
		{"beside", "beside", 1, 2, 0, image.Point{}},
	} {
		facts := open(t, s, Scene{Blend: filepath.Join(dir, c.whole+".blend")})
		if v := s.Version(); c.scene == "views" && v >= "4.4" && v < "5.3" { // these cannot read several views
			refused(t, s, Task{Tile: image.Rect(0, 0, 9, 9)}, "several views")
			continue
		}
		all := Task{Frame: 3, EXR: EXRFull, Outputs: true, Preview: c.scene == "passes"}
		whole := render(t, s, all)
		if c.scene != c.whole {
			open(t, s, Scene{Blend: filepath.Join(dir, c.scene+".blend")})
		}
		picture := image.Rect(0, 0, facts.PictureWidth, facts.PictureHeight)
		var tiles []exr.Tile
		for _, tile := range grid(picture.Dx(), picture.Dy(), c.columns, c.rows) {
			r := render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: tile, Overscan: c.overscan})
			if want := tile.Inset(-c.overscan).Intersect(picture); r.Window != want {
				t.Errorf("%s: the tile %v shows %v, not %v", c.scene, tile, r.Window, want)
			}
			if told := strings.Contains(strings.Join(r.Warnings, " "), "adaptive sampling is off"); told != (c.scene == "many adaptive") {
				t.Errorf("%s: the warnings are %q", c.scene, r.Warnings)
			}
			inner := box(tile)
			tiles = append(tiles, exr.Tile{File: openEXR(t, exrOf(t, r)), At: &[2]int32{int32(r.Window.Min.X), int32(r.Window.Min.Y)}, Inner: &inner})
		}
		frame := box(picture)
		stitched := made(t, func(w io.WriterAt) error {
			return exr.Stitch(t.Context(), w, tiles, exr.Stitching{Whole: &frame})
		})
		samePasses(t, c.scene+", tiles", cropped(t, exrOf(t, whole), picture.Add(c.at)), stitched, s.Version())
		all.Finish = stitched
		sameResults(t, c.scene, whole, render(t, s, all), s.Version())
		if c.scene == "passes" { // small, to learn what it takes
			r := render(t, s, Task{Frame: 3, EXR: EXRFull, Percent: 50})
			if d := openEXR(t, exrOf(t, r)).Parts[0].Display; r.Width != 30 || r.Height != 14 || d.Width() != 30 || d.Height() != 14 || r.Render <= 0 {
				t.Errorf("half as large it is %d x %d, and its file %v", r.Width, r.Height, d)
			}
			all.Finish = ""
			sameResults(t, "whole after it was small", whole, render(t, s, all), s.Version())
		}
		if c.scene == "border" { // nothing of all that is left in the scene
			all.Finish = ""
			sameResults(t, "whole after its parts", whole, render(t, s, all), s.Version())
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
		refused(t, s, Task{Tile: c.tile}, c.text)
	}
}

// refused: the open scene is not rendered in parts, and a sentence says why.
func refused(t *testing.T, s *Session, part Task, text string) {
	t.Helper()
	part.Frame, part.EXR, part.OutDir = 3, EXRFull, t.TempDir()
	if _, err := s.Render(t.Context(), part, nil); kindOfError(err) != NoParts || !strings.Contains(err.Error(), text) {
		t.Errorf("not refused because of %q, but: %v", text, err)
	}
}

// realUnfinished: what cannot be finished is said, and nothing is written for it.
func realUnfinished(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "passes.blend")})
	torn, small := filepath.Join(t.TempDir(), "torn.exr"), exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: image.Rect(0, 0, 5, 5)}))
	data, err := os.ReadFile(small)
	if err != nil || os.WriteFile(torn, data[:200], 0o600) != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]ErrorKind{small: NoParts, torn: NoFile, filepath.Join(dir, "none.exr"): NoFile} {
		if _, err := s.Render(t.Context(), Task{Frame: 3, OutDir: t.TempDir(), Outputs: true, Finish: path}, nil); kindOfError(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// realSamples renders a frame in parts of its samples and compares what they become.
func realSamples(t *testing.T, s *Session, dir string) {
	facts := open(t, s, Scene{Blend: filepath.Join(dir, "adaptive.blend")})
	var parts []exr.Samples
	for _, p := range [][2]int{{0, 1}, {1, 3}, {4, 2}} {
		r := render(t, s, Task{Frame: 3, EXR: EXRFull, Samples: Samples{Offset: p[0], Count: p[1], Total: facts.Samples}})
		parts = append(parts, exr.Samples{File: openEXR(t, exrOf(t, r)), Count: p[1]})
	}
	merged := made(t, func(w io.WriterAt) error {
		_, err := exr.MergeSamples(t.Context(), w, parts, exr.Merging{Stored: true})
		return err
	})
	open(t, s, Scene{Blend: filepath.Join(dir, "passes.blend")})
	whole := exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull}))
	diff, err := exr.CompareFiles(whole, merged)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, d := range diff.Differences {
		name := strings.Split(d.Channel, ".")
		switch pass := name[1]; {
		case d.OnlyIn == "first" && name[0] == "Composite":
		case strings.HasPrefix(pass, "Crypto"), strings.HasPrefix(pass, "Diff"), strings.HasPrefix(pass, "Gloss"), pass == "Vector":
			// docs/exr-merging.md says how near these come, which internal/exr tests
		case d.OnlyIn != "" || d.Text != "":
			t.Errorf("merged samples: %s", d)
		default:
			compared++
			if d.Largest > 2e-6 {
				t.Errorf("merged samples: %s", d)
			}
		}
	}
	if compared == 0 {
		t.Error("the parts of the samples are the whole render itself")
	}
	for scene, text := range map[string]string{"workbench": "only Cycles", "limited": "time limit"} {
		open(t, s, Scene{Blend: filepath.Join(dir, scene+".blend")})
		refused(t, s, Task{Samples: Samples{Offset: 0, Count: 3, Total: facts.Samples}}, text)
	}
}

// realDenoised: what is denoised after it was put together is what Cycles makes of the whole frame, but for rounding.
func realDenoised(t *testing.T, in Install, s *Session, dir string) {
	facts := open(t, s, Scene{Blend: filepath.Join(dir, "denoised.blend")})
	part := exrOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull, Tile: image.Rect(0, 0, facts.PictureWidth, facts.PictureHeight)}))
	task := Task{Frame: 3, EXR: EXRFull, Outputs: true, Finish: part, OutDir: t.TempDir()}
	r, err := s.Render(t.Context(), task, nil)
	if kindOfError(err) == NoDenoiser && in.Kind == Executable { // those of distributions have none
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true})
	diff, err := exr.CompareFiles(exrOf(t, whole), exrOf(t, r))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diff.Differences {
		cleaned := strings.HasPrefix(d.Channel, "ViewLayer.Combined.") || strings.HasPrefix(d.Channel, "Composite.Combined.")
		if limit := 2e-5; !cleaned || d.OnlyIn != "" || d.Text != "" || d.Largest > limit {
			t.Errorf("denoised: %s", d)
		}
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
}
