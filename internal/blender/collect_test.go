package blender

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func TestPreCheck(t *testing.T) {
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		return b.String()
	}
	zst := func(text string) string {
		var b bytes.Buffer
		w, _ := zstd.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		return b.String()
	}
	long := strings.Repeat("\x00", 64)
	for _, c := range []struct {
		name, data string
		kind       ErrorKind // "" is none
		saved      series
	}{
		{"3.4", "BLENDER-v304" + long, "", series{3, 4}},
		{"2.79, 32 bits, big endian", "BLENDER_V279" + long, "", series{2, 79}},
		{"5.0", "BLENDER17-01v0500" + long, "", series{5, 0}},
		{"12.3", "BLENDER17-01v1203" + long, "", series{12, 3}},
		{"a head of the future", "BLENDER~~~" + long, "", series{}},
		{"gzip", zip("BLENDER-v279" + long), "", series{2, 79}},
		{"zstd", "\x28\xb5\x2f\xfd" + long, "", series{}},
		{"zstd of a scene", zst("BLENDER-v404" + long), "", series{4, 4}},
		{"zstd of a scene, cut", zst("BLENDER-v404" + long)[:20], "", series{}},
		{"zstd of a text", zst("This is a text. " + long), NotBlend, series{}},
		{"zstd behind a skippable frame", "\x5e\x2a\x4d\x18" + long, "", series{}},
		{"nothing", "", Truncated, series{}},
		{"half a magic", "BLEN", Truncated, series{}},
		{"no version", "BLENDER-v3", Truncated, series{}},
		{"gzip cut in its head", zip("BLENDER-v279" + long)[:6], Truncated, series{}},
		{"gzip cut in its data", zip("BLENDER-v279" + long)[:20], Truncated, series{}},
		{"gzip of a text", zip("This is a text. " + long), NotBlend, series{}},
		{"gzip of another method", "\x1f\x8b\x07" + long, NotBlend, series{}},
		{"text", "This is a text, whatever its name says.\n", NotBlend, series{}},
		{"short text", "a", NotBlend, series{}},
		{"picture", "\x89PNG\r\n\x1a\n" + long, NotBlend, series{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.blend")
			os.WriteFile(path, []byte(c.data), 0o600)
			saved, err := readHead(path)
			if kindOfError(err) != c.kind || saved != c.saved {
				t.Errorf("got %v, %v", saved, err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "a.blend ") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%q is no sentence about the file", err)
			}
			if kindOfError(PreCheck(path)) != c.kind {
				t.Error("PreCheck says something else")
			}
		})
	}
	for path, want := range map[string]string{"none.blend": "none.blend does not exist", ".": "is no file but a folder"} {
		err := PreCheck(filepath.Join(t.TempDir(), path))
		if kindOfError(err) != NoFile || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func kindOfError(err error) ErrorKind {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Kind
	}
	if err != nil {
		return "untyped"
	}
	return ""
}

func FuzzPreCheck(f *testing.F) {
	for _, seed := range []string{"BLENDER-v304", "BLENDER17-01v0500", "\x1f\x8b\x08\x00", "\x28\xb5\x2f\xfd", "\x50\x2a\x4d\x18", ""} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "a.blend")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		kind := kindOfError(PreCheck(path))
		if !slices.Contains([]ErrorKind{"", NotBlend, Truncated}, kind) {
			t.Errorf("kind %q", kind)
		}
		if kind == "" && len(data) < 4 {
			t.Error("too short to be anything")
		}
	})
}

func TestSeriesAfter(t *testing.T) {
	for _, c := range []struct {
		saved series
		have  string
		want  bool
	}{
		{series{4, 5}, "3.4.1", true},
		{series{4, 5}, "4.2.0", true},
		{series{4, 5}, "4.5.15", false},
		{series{4, 5}, "5.0.1", false},
		{series{2, 79}, "2.80", false},
		{series{2, 93}, "2.83.1", true},
		{series{}, "3.4.1", false},
		{series{4, 5}, "", false},
		{series{4, 5}, "nonsense", false},
	} {
		if got := c.saved.after(c.have); got != c.want {
			t.Errorf("%v after %q: %v", c.saved, c.have, got)
		}
	}
}

// A Blender that does not exist shows that none was started.
func TestCollectAsksNoBlender(t *testing.T) {
	dir := t.TempDir()
	in := Install{Path: filepath.Join(dir, "no-blender"), Kind: Executable, Facts: Facts{Version: "3.4.1"}}
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		os.WriteFile(path, []byte(data), 0o600)
		return path
	}
	for path, want := range map[string]ErrorKind{
		write("text.blend", "This is a text, whatever its name says.\n"): NotBlend,
		write("empty.blend", ""): Truncated,
		write("new.blend", "BLENDER17-01v0500"+strings.Repeat(" ", 32)): TooNew,
		write("good.blend", "BLENDER-v304"+strings.Repeat(" ", 32)):     NoStart, // here it is wanted
		filepath.Join(dir, "none.blend"):                                NoFile,
	} {
		_, err := Collect(t.Context(), in, path, CollectOptions{Temp: t.TempDir()})
		if kindOfError(err) != want {
			t.Errorf("%s: got %v, want %s", filepath.Base(path), err, want)
		}
		if want == TooNew && err.Error() != "new.blend was made by Blender 5.0; this is Blender 3.4.1" {
			t.Errorf("got %q", err)
		}
	}
}

// TestCollectBadBlender stands in a shell script for Blender; its last argument is the request.
func TestCollectBadBlender(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no POSIX shell to stand in for Blender")
	}
	dir := t.TempDir()
	blend := filepath.Join(dir, "scene.blend")
	os.WriteFile(blend, []byte("BLENDER-v304"+strings.Repeat(" ", 32)), 0o600)
	started := filepath.Join(dir, "started")
	answer := func(text string) string {
		return "for last; do :; done\ncat > \"$(dirname \"$last\")/result.json\" <<'END'\n" + text + "\nEND\n"
	}
	for _, c := range []struct {
		name, script string
		kind         ErrorKind
		says         string
		limit        time.Duration
		cancel       bool
	}{
		{name: "crash", script: "echo Segment fault here\nkill -SEGV $$", kind: Crashed, says: "its last words: Segment fault here"},
		{name: "exception", script: "echo 'NameError: oops'\nexit 70", kind: Agent, says: "NameError: oops"},
		{name: "silence", script: "exit 0", kind: BadTalk, says: "makes no sense"},
		{name: "nonsense", script: answer("Blender 3.4.1"), kind: BadTalk, says: "makes no sense"},
		{name: "relative path", script: answer(`{"files": [{"path": "../secret"}]}`), kind: BadTalk, says: "makes no sense"},
		{name: "error", script: answer(`{"error": {"kind": "truncated", "message": "it ends too early"}}`), kind: Truncated, says: "it ends too early"},
		{name: "canceled", script: "touch '" + started + "'\nexec sleep 1000", kind: Killed, says: "was stopped", cancel: true},
		{name: "endless", script: "exec sleep 1000", kind: Killed, says: "took longer than 100ms", limit: 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "blender")
			os.WriteFile(program, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700)
			temp := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				go func() {
					for ctx.Err() == nil {
						if _, err := os.Stat(started); err == nil {
							cancel()
						}
						runtime.Gosched()
					}
				}()
			}
			in := Install{Path: program, Kind: Executable, Facts: Facts{Version: "3.4.1"}}
			_, err := Collect(ctx, in, blend, CollectOptions{Temp: temp, Environ: os.Environ(), Limit: c.limit})
			if kindOfError(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if c.cancel && !errors.Is(err, context.Canceled) || c.limit > 0 && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v hides its cause", err)
			}
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestRealCollect has a real Blender make the scenes of test/scenes and collect them.
func TestRealCollect(t *testing.T) {
	in := realBlender(t)
	dir := t.TempDir()
	for _, name := range []string{"linked", "traps", "broken", "nodes"} {
		script, _ := filepath.Abs("../../test/scenes/" + name + ".py")
		cmd := in.Command(t.Context(), script, filepath.Join(dir, "Ein Ördner 木"))
		cmd.Env = environment(os.Environ(), dir, dir, nil)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	dir = filepath.Join(dir, "Ein Ördner 木")
	collect := func(t *testing.T, name string, opts CollectOptions) (Collection, error) {
		t.Helper()
		opts.Environ, opts.Temp = os.Environ(), t.TempDir()
		blend := filepath.Join(dir, filepath.FromSlash(name)+".blend")
		before, _ := os.ReadFile(blend)
		c, err := Collect(t.Context(), in, blend, opts)
		if after, _ := os.ReadFile(blend); !bytes.Equal(before, after) {
			t.Error("the .blend has changed")
		}
		if left, _ := os.ReadDir(opts.Temp); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		return c, err
	}
	t.Run("linked", func(t *testing.T) {
		c, err := collect(t, "project/linked", CollectOptions{Frames: []int{3, 4}})
		if err != nil {
			t.Fatal(err)
		}
		odd := "project/textures/Größe mit Leerzeichen 木 #1.png"
		diff(t, lines(dir, c.Files), []string{
			"image | outside/floor.png | " + filepath.Join(dir, "outside", "floor.png"),
			"image sequence | project/frames/wave_0003.png | //frames/wave_0003.png | 3-3",
			"image sequence | project/frames/wave_0004.png | //frames/wave_0004.png | 4-4",
			"library | project/lib/props.blend | //lib/props.blend",
			"image | project/lib/tex/prop.png | //tex/prop.png",
			"image | " + odd + " | //textures/Größe mit Leerzeichen 木 #1.png",
			"image | project/textures/checker.png | //textures/checker.png",
			"library | shared/paint.blend | " + filepath.Join(dir, "shared", "paint.blend"),
			"image | shared/tex/paint.png | //tex/paint.png",
		})
		s := c.Scene
		facts := fmt.Sprint(s.Name, s.Engine, s.Camera, s.Width, s.Height, s.FrameStart, s.FrameEnd, s.FrameStep, s.FPS, s.Samples, s.Format, s.Movie, s.ViewLayers)
		if want := "SceneCYCLESCamera320 180 1 24 1 24 8PNGfalse [ViewLayer]"; facts != want {
			t.Errorf("facts: %s, want %s", facts, want)
		}
		if got, _ := filepath.Rel(dir, s.OutputPath); filepath.ToSlash(got) != "project/render/linked_####" {
			t.Errorf("output path %q", s.OutputPath)
		}
		for _, f := range c.Files {
			if strings.HasSuffix(f.Path, "paint.png") && !slices.Equal(f.Users, []string{"Image paint.png [paint.blend]", "Material Paint [paint.blend]"}) {
				t.Errorf("users of paint.png: %q", f.Users)
			}
		}
	})
	t.Run("traps", func(t *testing.T) { realTraps(t, dir, collect) })
	t.Run("a copy", func(t *testing.T) { // its caches lie where the original is
		data, err := os.ReadFile(filepath.Join(dir, "project", "traps.blend"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "copied.blend"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := collect(t, "copied", CollectOptions{Frames: []int{4}, Place: filepath.Join(dir, "project", "traps.blend")})
		if err != nil {
			t.Fatal(err)
		}
		var caches []string
		for _, f := range c.Files {
			if rel, _ := filepath.Rel(dir, f.Path); f.Kind == "point cache" {
				caches = append(caches, fmt.Sprintf("%s %v", filepath.ToSlash(rel), f.Missing))
			}
		}
		diff(t, caches, []string{
			"project/blendcache_traps/426F78_000001_00.bphys false", "project/blendcache_traps/426F78_000004_00.bphys false",
			"project/blendcache_traps/426F78_000007_00.bphys false",
		})
	})
	t.Run("clashes", func(t *testing.T) {
		c, err := Collect(t.Context(), in, filepath.Join(scenes(t, in), "basic.blend"), CollectOptions{Environ: os.Environ(), Temp: t.TempDir()})
		if err != nil || len(c.Scene.Clashes) != 1 || !strings.Contains(c.Scene.Clashes[0], "write the same file, //passes/a/image") {
			t.Errorf("clashes: %q, %v", c.Scene.Clashes, err)
		}
	})
	t.Run("missing", func(t *testing.T) {
		c, err := collect(t, "missing", CollectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		diff(t, lines(dir, c.Files), []string{
			"library | lib/gone.blend | //lib/gone.blend | missing",
			"image | textures/gone.png | //textures/gone.png | missing",
		})
	})
	t.Run("scripts stay off", func(t *testing.T) {
		c, err := collect(t, "raises", CollectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Scene.Scripts) != 3 || !strings.Contains(c.Scene.Scripts[0], "start.py") {
			t.Errorf("scripts: %q", c.Scene.Scripts)
		}
	})
	t.Run("nodes", func(t *testing.T) {
		c, err := collect(t, "nodes", CollectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !c.Scene.Compositor || c.Scene.OutputNodes != 1 || len(c.Files) != 0 || len(c.Scene.Scripts) != 0 {
			t.Errorf("got %+v", c)
		}
	})
	for name, kind := range map[string]ErrorKind{"truncated": Truncated, "newer": TooNew, "notblend": NotBlend, "empty": Truncated} {
		t.Run(name, func(t *testing.T) {
			if _, err := collect(t, name, CollectOptions{}); kindOfError(err) != kind {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no such scene", func(t *testing.T) {
		_, err := collect(t, "nocamera", CollectOptions{Scene: "Other"})
		if kindOfError(err) != NoScene || !strings.Contains(err.Error(), "it has Scene") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no camera", func(t *testing.T) {
		c, err := collect(t, "nocamera", CollectOptions{Scene: "Scene"})
		if err != nil || c.Scene.Camera != "" {
			t.Errorf("got %q, %v", c.Scene.Camera, err)
		}
	})
}

func realTraps(t *testing.T, dir string, collect func(*testing.T, string, CollectOptions) (Collection, error)) {
	c, err := collect(t, "project/traps", CollectOptions{Frames: []int{4, 5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "project")
	var got []string
	for _, line := range lines(dir, c.Files) {
		if !strings.HasPrefix(line, "geometry nodes bake") && !strings.HasPrefix(line, "imported geometry") { // not in every version
			got = append(got, line)
		}
	}
	font := slices.IndexFunc(got, func(line string) bool { return strings.HasPrefix(line, "font") })
	if font < 0 || !strings.HasPrefix(got[font], "font | letters.") {
		t.Fatalf("no font in %q", got)
	}
	got = slices.Delete(got, font, font+1)
	diff(t, got, []string{
		"sound | bell.wav | //bell.wav",
		"point cache | blendcache_traps/426F78_000001_00.bphys | //blendcache_traps/426F78_000001_00.bphys | to 4",
		"point cache | blendcache_traps/426F78_000004_00.bphys | //blendcache_traps/426F78_000004_00.bphys | 1-7",
		"point cache | blendcache_traps/426F78_000007_00.bphys | //blendcache_traps/426F78_000007_00.bphys | from 4",
		"mesh cache | box.mdd | //box.mdd",
		"fluid cache | cache_fluid/config/config_0001.uni | //cache_fluid/config/config_0001.uni | to 2",
		"fluid cache | cache_fluid/config/config_0002.uni | //cache_fluid/config/config_0002.uni | from 1",
		"fluid cache | cache_fluid/data/fluid_data_0001.vdb | //cache_fluid/data/fluid_data_0001.vdb | to 2",
		"fluid cache | cache_fluid/data/fluid_data_0002.vdb | //cache_fluid/data/fluid_data_0002.vdb | from 1",
		"movie clip | clip/shot0001.png | //clip/shot0001.png",
		"movie clip | clip/shot0002.png | //clip/shot0002.png | 4-4",
		"movie clip | clip/shot0003.png | //clip/shot0003.png | 5-5",
		"movie clip | clip/shot0004.png | //clip/shot0004.png | 6-6",
		"volume | cloud.vdb | //cloud.vdb",
		"IES light | lamp.ies | //lamp.ies",
		"image sequence | loop/loop_011.png | //loop/loop_011.png | 5-5",
		"image sequence | loop/loop_012.png | //loop/loop_012.png | 6-6",
		"image sequence | loop/loop_014.png | //loop/loop_014.png | 4-4",
		"volume sequence | smoke/smoke_01.vdb | //smoke/smoke_01.vdb | 5-5",
		"volume sequence | smoke/smoke_02.vdb | //smoke/smoke_02.vdb | 6-6",
		"OSL script | stripes.osl | //stripes.osl",
		"strip | strips/title_2.png | //strips/title_2.png | 4-4",
		"image tile | tiles/skin.1001.png | //tiles/skin.1001.png",
		"image tile | tiles/skin.1002.png | //tiles/skin.1002.png",
		"image tile | tiles/skin.1011.png | //tiles/skin.1011.png | missing",
		"image | unused.png | //unused.png | missing | not needed",
	})
	if want := []string{"cloth on Box", "fluid in Tank"}; !slices.Equal(c.Scene.Unbaked, want) || !c.Scene.Sequencer {
		t.Errorf("unbaked %q, sequencer %v", c.Scene.Unbaked, c.Scene.Sequencer)
	}
}

// lines spells files, their paths relative to dir.
func lines(dir string, files []CollectedFile) []string {
	var all []string
	for _, f := range files {
		path, err := filepath.Rel(dir, f.Path)
		if err != nil {
			path = f.Path
		}
		line := fmt.Sprintf("%s | %s | %s", f.Kind, filepath.ToSlash(path), f.Original)
		switch {
		case f.First != nil && f.Last != nil:
			line += fmt.Sprintf(" | %d-%d", *f.First, *f.Last)
		case f.First != nil:
			line += fmt.Sprintf(" | from %d", *f.First)
		case f.Last != nil:
			line += fmt.Sprintf(" | to %d", *f.Last)
		}
		if f.Missing {
			line += " | missing"
		}
		if !f.Needed {
			line += " | not needed"
		}
		all = append(all, line)
	}
	return all
}

func diff(t *testing.T, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}
