package blender

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRealBlender drives one session of a real Blender through everything; the subtests share it, as a worker would.
func TestRealBlender(t *testing.T) {
	in := realBlender(t)
	dir := scenes(t, in)
	log := &lockedBuffer{}
	s, err := Start(t.Context(), Options{
		Install: in, Home: t.TempDir(), Log: log, Scripts: true, Device: "cpu",
		Environ: append(os.Environ(), "NETRENDER_TOKEN=secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name   string
		scene  string
		frames []int // compared with frames rendered alone
	}{
		{"every kind of file", "basic", []int{5, 1, 3}},
		{"settings that skip frames or keep data", "plain", []int{4, 2}},
		{"two views", "stereo", []int{2, 1}},
		{"frames that depend on one another", "falling", []int{12, 3}},
		{"a driver that reads what it drives", "chasing", []int{5, 2}},
		{"libraries", "main/linked", []int{7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			blend := filepath.Join(dir, filepath.FromSlash(c.scene)+".blend")
			facts := open(t, s, Scene{Blend: blend})
			if stateful := c.scene == "falling" || c.scene == "chasing"; stateful != (facts.Stateful != "") {
				t.Errorf("stateful: %q", facts.Stateful)
			}
			for i, frame := range c.frames {
				r := render(t, s, Task{Frame: frame, EXR: EXRFull, Outputs: true, Preview: true})
				if want := i > 0 && facts.Stateful != ""; r.Reopened != want {
					t.Errorf("frame %d: reopened %v, want %v", frame, r.Reopened, want)
				}
				sameAsCold(t, in, blend, frame, r.Files)
			}
		})
	}
	t.Run("another engine", func(t *testing.T) {
		blend := filepath.Join(dir, "basic.blend")
		if facts := open(t, s, Scene{Blend: blend, Engine: "BLENDER_WORKBENCH"}); facts.Engine != "BLENDER_WORKBENCH" {
			t.Errorf("the scene is rendered with %s", facts.Engine)
		}
		for _, name := range []string{"BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"} { // a Blender has one of the two
			if facts := open(t, s, Scene{Blend: blend, Engine: name}); !strings.HasPrefix(facts.Engine, "BLENDER_EEVEE") {
				t.Errorf("the scene is rendered with %s", facts.Engine)
			}
		}
		_, err := s.Open(t.Context(), Scene{Blend: blend, Engine: "LUXCORE"})
		if kindOfError(err) != NoEngine || !strings.Contains(err.Error(), "does not have the engine LUXCORE") {
			t.Errorf("an engine that is not there: %v", err)
		}
	})
	t.Run("names", func(t *testing.T) { realNames(t, s, dir) })
	t.Run("which files are asked for", func(t *testing.T) { realKinds(t, s, dir) })
	t.Run("a movie", func(t *testing.T) {
		facts := open(t, s, Scene{Blend: filepath.Join(dir, "movie.blend")})
		if !facts.Movie {
			t.Error("the facts do not say that the output is a movie")
		}
		r := render(t, s, Task{Frame: 8, Outputs: true})
		if got := names(r.Files, KindOutput); got != "movie_0008.png" {
			t.Errorf("output is %q", got)
		}
	})
	t.Run("previews", func(t *testing.T) { realPreviews(t, s, dir) })
	t.Run("files that have moved", func(t *testing.T) { realMoved(t, s, dir) })
	t.Run("scripts", func(t *testing.T) { realScripts(t, in, s, dir) })
	t.Run("files that are not there", func(t *testing.T) {
		facts := open(t, s, Scene{Blend: filepath.Join(dir, "lost", "lost.blend")})
		if want := []string{filepath.Join(dir, "lost", "shown.png")}; !slices.Equal(facts.Missing, want) {
			t.Errorf("missing are %q, not %q", facts.Missing, want)
		}
	})
	t.Run("scripts that raise", func(t *testing.T) { realRaising(t, s, dir) })
	t.Run("trouble of our own", func(t *testing.T) { realTrouble(t, in, s, dir) })
	t.Run("scenes that cannot be opened", func(t *testing.T) { realBroken(t, s, dir) })
	t.Run("log", func(t *testing.T) { realLog(t, s, dir) })
	t.Run("a virtual display", func(t *testing.T) { realDisplay(t, in, dir) })
	t.Run("stopped in the middle", func(t *testing.T) { realCancel(t, s, dir) })
	if strings.Contains(log.String(), "secret") {
		t.Error("the token reached Blender's log")
	}
}

func open(t *testing.T, s *Session, scene Scene) SceneFacts {
	t.Helper()
	facts, err := s.Open(t.Context(), scene)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func render(t *testing.T, s *Session, task Task) Result {
	t.Helper()
	if task.OutDir == "" {
		task.OutDir = filepath.Join(t.TempDir(), "a {b} ## c")
	}
	r, err := s.Render(t.Context(), task, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameAsCold compares every file with those of a fresh process.
func sameAsCold(t *testing.T, in Install, blend string, frame int, files []File) {
	t.Helper()
	digest := map[string]bool{}
	for _, f := range files {
		if f.Kind != KindPreview {
			digest[pixelsOf(t, f.Path)] = true
		}
	}
	for _, what := range []string{"own", "exr"} {
		pictures := pictures(t, cold(t, in, blend, frame, what))
		if len(pictures) == 0 {
			t.Errorf("frame %d: the cold render wrote nothing", frame)
		}
		for _, picture := range pictures {
			_, want, _ := strings.Cut(picture, ": ")
			if !digest[want] {
				t.Errorf("frame %d: %s of the cold render is not among the warm ones %v", frame, picture, digest)
			}
		}
	}
}

func realNames(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "basic.blend")})
	for frame, want := range map[int][4]string{
		7:     {"shot_007.png", "exr/0007.exr", "preview/0007.jpg", "passes/a/image0007.png passes/a/deep/z_07.png passes/a/File Output/image0007.png"},
		12345: {"shot_12345.png", "exr/12345.exr", "preview/12345.jpg", "passes/a/image12345.png passes/a/deep/z_12345.png passes/a/File Output/image12345.png"},
		-5:    {"shot_-005.png", "exr/-0005.exr", "preview/-0005.jpg", "passes/a/image-0005.png passes/a/deep/z_-05.png passes/a/File Output/image-0005.png"},
	} {
		r := render(t, s, Task{Frame: frame, EXR: EXRHalf, Outputs: true, Preview: true})
		for i, kind := range []Kind{KindOutput, KindEXR, KindPreview, KindNode} {
			got, wanted := strings.Fields(strings.ReplaceAll(names(r.Files, kind), "File Output", "File_Output")), strings.Fields(strings.ReplaceAll(want[i], "File Output", "File_Output"))
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("frame %d: %s files are %q, want %q", frame, kind, got, wanted)
			}
		}
	}
}

func realKinds(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "basic.blend")})
	whole := render(t, s, Task{Frame: 3, EXR: EXRFull, Outputs: true})
	alone := render(t, s, Task{Frame: 3, EXR: EXRFull})
	if len(alone.Files) != 1 || names(alone.Files, KindEXR) != "exr/0003.exr" {
		t.Fatalf("asked for the EXR alone, got %v", alone.Files)
	}
	for _, f := range whole.Files {
		if f.Kind == KindEXR && pixelsOf(t, f.Path) != pixelsOf(t, alone.Files[0].Path) {
			t.Error("the EXR differs when it is the only file asked for")
		}
	}
	if r := render(t, s, Task{Frame: 3, Preview: true}); len(r.Files) != 1 || r.Files[0].Kind != KindPreview {
		t.Errorf("asked for the preview alone, got %v", r.Files)
	}
	half := render(t, s, Task{Frame: 3, EXR: EXRHalf})
	if half.Files[0].Size >= alone.Files[0].Size {
		t.Errorf("half is %d bytes, full %d", half.Files[0].Size, alone.Files[0].Size)
	}
	if r := render(t, s, Task{Frame: 3, Outputs: true}); names(r.Files, KindOutput) != "shot_003.png" || names(r.Files, KindEXR) != "" {
		t.Errorf("asked for outputs, got %v", r.Files)
	}
	if _, err := s.Render(t.Context(), Task{Frame: 3, OutDir: t.TempDir()}, nil); err == nil {
		t.Error("a task that asks for nothing was rendered")
	}
}

// realPreviews compares the previews of the same picture saved as PNG, as EXR and as multilayer EXR.
func realPreviews(t *testing.T, s *Session, dir string) {
	var first image.Image
	for _, name := range []string{"byte", "float", "layers"} {
		open(t, s, Scene{Blend: filepath.Join(dir, name+".blend")})
		r := render(t, s, Task{Frame: 20, Outputs: true, Preview: true, EXR: EXRFull})
		for _, f := range r.Files {
			if f.Kind != KindPreview {
				continue
			}
			data, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			picture, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if picture.Bounds().Size() != image.Pt(640, 360) {
				t.Errorf("%s: the preview is %v", name, picture.Bounds().Size())
			}
			if first == nil {
				first = picture
			}
			if off := difference(first, picture); off > 2 {
				t.Errorf("%s: the preview differs by %.1f of 255 on average", name, off)
			}
		}
		if name == "layers" && pixelsOf(t, r.Files[0].Path) != pixelsOf(t, r.Files[1].Path) {
			t.Error("the scene's own multilayer EXR differs from ours")
		}
	}
}

func difference(a, b image.Image) float64 {
	sum := 0.0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			sum += math.Abs(float64(r1)-float64(r2)) + math.Abs(float64(g1)-float64(g2)) + math.Abs(float64(b1)-float64(b2))
		}
	}
	return sum / 257 / 3 / float64(a.Bounds().Dx()*a.Bounds().Dy())
}

// realMoved renders a scene whose libraries and pictures, all named by absolute paths, lie elsewhere now.
func realMoved(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "main", "linked.blend")})
	want := pixelsOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull}).Files[0].Path)
	away := t.TempDir()
	files := map[string]string{}
	for now, was := range map[string]string{
		"x/linked.blend": "main/linked.blend", "x/files/1/mid.blend": "lib/mid.blend",
		"x/files/2/deep.blend": "lib/inner/deep.blend", "x/files/3/green.png": "lib/tex/green.png",
	} {
		data, err := os.ReadFile(filepath.Join(dir, was))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(away, now)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(dir, was)] = path
	}
	hidden := dir + "-hidden"
	if err := os.Rename(filepath.Join(dir, "lib"), hidden); err != nil {
		t.Fatal(err)
	}
	defer os.Rename(hidden, filepath.Join(dir, "lib"))
	blend := filepath.Join(away, "x", "linked.blend")
	if facts := open(t, s, Scene{Blend: blend}); len(facts.Missing) == 0 {
		t.Error("the files that are gone were not reported")
	}
	facts := open(t, s, Scene{Blend: blend, Original: filepath.Join(dir, "main", "linked.blend"), Files: files})
	if len(facts.Missing) != 0 || facts.Mapped < 3 {
		t.Errorf("%d paths mapped, still missing %v", facts.Mapped, facts.Missing)
	}
	if got := pixelsOf(t, render(t, s, Task{Frame: 3, EXR: EXRFull}).Files[0].Path); got != want {
		t.Errorf("the moved scene renders %s, want %s", got, want)
	}
}

func realScripts(t *testing.T, in Install, s *Session, dir string) {
	blend := filepath.Join(dir, "scripted.blend")
	log := &lockedBuffer{}
	s.SetLog(log)
	open(t, s, Scene{Blend: blend})
	without := pixelsOf(t, render(t, s, Task{Frame: 1, EXR: EXRFull}).Files[0].Path)
	s.SetLog(log)
	if strings.Contains(log.String(), "the scene ran its script") {
		t.Error("a script ran that was not allowed to")
	}
	open(t, s, Scene{Blend: blend, Scripts: true})
	with := pixelsOf(t, render(t, s, Task{Frame: 1, EXR: EXRFull}).Files[0].Path)
	s.SetLog(nil)
	if !strings.Contains(log.String(), "the scene ran its script") || with == without {
		t.Error("the scene's script did not run")
	}
}

func realBroken(t *testing.T, s *Session, dir string) {
	whole, err := os.ReadFile(filepath.Join(dir, "plain.blend"))
	if err != nil {
		t.Fatal(err)
	}
	future := append([]byte("BLENDER-v999"), whole[12:]...)
	if whole[7] == '1' { // the header of 5.0 and up
		future = append([]byte("BLENDER17-01v9900"), whole[17:]...)
	}
	for kind, data := range map[ErrorKind][]byte{
		NotBlend: []byte("#!/bin/sh\n"), Truncated: whole[:len(whole)/2], TooNew: future, NoFile: nil,
	} {
		path := filepath.Join(t.TempDir(), "scene.blend")
		if data != nil {
			os.WriteFile(path, data, 0o600)
		}
		if _, err := s.Open(t.Context(), Scene{Blend: path}); !errors.Is(err, &Error{Kind: kind}) {
			t.Errorf("want %s, got %v", kind, err)
		}
		if _, err := s.Render(t.Context(), Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull}, nil); !errors.Is(err, &Error{Kind: NotOpened}) {
			t.Errorf("after %s: want not-opened, got %v", kind, err)
		}
	}
	if _, err := s.Open(t.Context(), Scene{Blend: filepath.Join(dir, "plain.blend"), Name: "None"}); !errors.Is(err, &Error{Kind: NoScene}) {
		t.Errorf("want no-scene, got %v", err)
	}
	open(t, s, Scene{Blend: filepath.Join(dir, "nocam.blend")})
	if _, err := s.Render(t.Context(), Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull}, nil); !errors.Is(err, &Error{Kind: NoCamera}) {
		t.Errorf("want no-camera, got %v", err)
	}
	open(t, s, Scene{Blend: filepath.Join(dir, "plain.blend")})
	render(t, s, Task{Frame: 1, EXR: EXRFull})
}

// realLog cuts the log exactly between two frames.
func realLog(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "plain.blend")})
	for _, frame := range []string{"11", "12"} {
		log := &lockedBuffer{}
		s.SetLog(log)
		number := map[string]int{"11": 11, "12": 12}[frame]
		render(t, s, Task{Frame: number, Outputs: true})
		s.SetLog(nil)
		other := map[string]string{"11": "plain_0012", "12": "plain_0011"}[frame]
		if text := log.String(); !strings.Contains(text, "plain_00"+frame+".png") || strings.Contains(text, other) {
			t.Errorf("the log of frame %s is %q", frame, text)
		}
	}
}

// realDisplay lets a session draw on a virtual display of its own, as if the probe had found that it must.
func realDisplay(t *testing.T, in Install, dir string) {
	if !displayWanted(os.Environ()) {
		t.Skip("there is a display already")
	}
	if _, err := exec.LookPath("Xvfb"); err != nil {
		if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
			t.Fatal("no Xvfb to make a display")
		}
		t.Skip("no Xvfb to make a display")
	}
	in.Engines = []Engine{{ID: "BLENDER_WORKBENCH", Display: true, Works: true, Virtual: true}}
	home := t.TempDir()
	s, err := Start(t.Context(), Options{Install: in, Home: home, Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	facts := open(t, s, Scene{Blend: filepath.Join(dir, "workbench.blend")})
	if len(facts.Warnings) != 0 || s.display == nil {
		t.Fatalf("no display: %v", facts.Warnings)
	}
	render(t, s, Task{Frame: 1, Outputs: true, EXR: EXRFull, Preview: true})
	s.Close()
	gone(t, s.display.cmd.Process.Pid)
	if left, _ := os.ReadDir(filepath.Join(home, "tmp")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func realCancel(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "slow.blend")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []Progress
	_, err := s.Render(ctx, Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull}, func(p Progress) {
		seen = append(seen, p)
		if p.Sample > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, &Error{Kind: Killed}) {
		t.Errorf("want killed by the context, got %v", err)
	}
	if len(seen) == 0 || seen[len(seen)-1].Samples != 100000 || seen[len(seen)-1].Frame != 1 {
		t.Errorf("progress was %v", seen)
	}
	select {
	case <-s.Done():
	case <-time.After(10 * time.Second):
		t.Error("Blender is still there")
	}
}
