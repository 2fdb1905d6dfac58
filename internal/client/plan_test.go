package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// studio is a folder with files of the names given, each holding its own name.
func studio(t *testing.T, names ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "studio")
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func reads(s Scene) func(context.Context, string) (Scene, error) {
	return func(context.Context, string) (Scene, error) { return s, nil }
}

func at(n int) *int { return &n }

func goodScene() Scene {
	return Scene{Frames: farm.FrameRange(1, 10, 1), Engine: "CYCLES", Camera: "Camera", Saved: farm.Version{Major: 4, Minor: 2, Patch: 3}, OutDir: "/out"}
}

func TestPlanAddons(t *testing.T) {
	dir := studio(t, "shots/a.blend", "shots/_addons/weave.zip", "tools/weave.zip", "tools/knit.zip")
	file := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	s := goodScene()
	s.Files = []SceneFile{{Path: file("shots/_addons/weave.zip")}} // a scene may read anything
	s.Unknown = []string{"Weave in Cloth"}
	spec := farm.JobSpec{Options: farm.Options{Scripts: true}}
	p, err := NewPlan(context.Background(), PlanOptions{
		Blend: file("shots/a.blend"), Read: reads(s), Spec: spec, AddonFiles: []string{file("tools/weave.zip"), file("tools/knit.zip"), file("tools/weave.zip")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"_addons/2-weave.zip", "_addons/knit.zip"}, p.Spec.Needs.AddonFiles); diff != "" {
		t.Error(diff)
	}
	if len(p.Files) != 4 || p.Files[2].Local != file("tools/weave.zip") || p.Files[2].Path != "_addons/2-weave.zip" {
		t.Errorf("files: %+v", p.Files)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "--addon") {
		t.Errorf("warnings: %q", p.Warnings)
	}
	s.Engine, s.NoEngine = "LUXCORE", true
	if _, err := NewPlan(context.Background(), PlanOptions{Blend: file("shots/a.blend"), Read: reads(s)}); err == nil || !strings.Contains(err.Error(), "LUXCORE") {
		t.Errorf("a scene whose engine is not there is planned: %v", err)
	}
}

func TestPlan(t *testing.T) {
	dir := studio(t, "shots/a.blend", "tex/1.png", "seq/0001.png", "seq/0002.png", "seq/0009.png")
	s := goodScene()
	s.Denoiser = true
	s.Files = []SceneFile{
		{Path: filepath.Join(dir, "tex", "1.png"), Kind: "image"},
		{Path: filepath.Join(dir, "tex", "1.png"), Kind: "image"}, // named twice
		{Path: filepath.Join(dir, "seq", "0001.png"), First: at(1), Last: at(1)},
		{Path: filepath.Join(dir, "seq", "0002.png"), First: at(2), Last: at(4)},
		{Path: filepath.Join(dir, "seq", "0009.png"), First: at(9), Last: at(9)},
	}
	set, err := farm.ParseFrameSet("3-5")
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "shots", "a.blend"), Read: reads(s), Spec: farm.JobSpec{Frames: set}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range p.Files {
		got[f.Path] = f.Original
	}
	want := map[string]string{
		"shots/a.blend": filepath.Join(dir, "shots", "a.blend"), "tex/1.png": filepath.Join(dir, "tex", "1.png"),
		"seq/0002.png": filepath.Join(dir, "seq", "0002.png"), // the other frames' files are not needed
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if p.Spec.Blend != "shots/a.blend" || p.Spec.Name != "a" || p.Spec.Frames.String() != "3-5" || p.Spec.Needs.Engine != "CYCLES" ||
		!p.Spec.Needs.Denoiser || p.Spec.Needs.Blender != (farm.Version{Major: 4, Minor: 2}) || p.OutDir != "/out" {
		t.Errorf("%+v", p.Spec)
	}
	if p.Bytes != int64(len("shots/a.blend")+len("tex/1.png")+len("seq/0002.png")) {
		t.Errorf("%d bytes", p.Bytes)
	}
}

func TestPlanTakesTheScenesOwnFrames(t *testing.T) {
	dir := studio(t, "a.blend")
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(goodScene())})
	if err != nil || p.Spec.Frames.String() != "1-10" {
		t.Fatalf("%v %v", p.Spec.Frames, err)
	}
}

// The rate of the scene's film goes with the job; one that nobody can look at is left out, and does not refuse the job.
func TestPlanTakesTheScenesRate(t *testing.T) {
	dir := studio(t, "a.blend")
	for of, want := range map[float64]float64{24000.0 / 1001: 24000.0 / 1001, farm.MaxFPS: farm.MaxFPS, 32767: 0, 0: 0, -1: 0} {
		s := SceneOf(&blender.Collection{Scene: blender.CollectedScene{Camera: "Camera", Engine: "CYCLES", FrameEnd: 1, SavedBy: "4.2.0", FPS: of}})
		p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s)})
		if err != nil || p.Spec.FPS != want {
			t.Errorf("of %g frames a second: %v, %v", of, p, err)
		}
	}
}

// A scene that was copied from Windows names files by paths that lead nowhere here; Blender lists some of them twice.
func TestMissingFilesOfAnotherSystem(t *testing.T) {
	dir := studio(t, "a.blend")
	lost := func(path, kind string) blender.CollectedFile {
		return blender.CollectedFile{Path: path, Kind: kind, Users: []string{"Image x"}, Missing: true, Needed: true}
	}
	s := SceneOf(&blender.Collection{
		Scene: blender.CollectedScene{Camera: "Camera", Engine: "CYCLES", FrameEnd: 1, SavedBy: "4.2.0"},
		Files: []blender.CollectedFile{lost("/c/Film/x.png", "other"), lost("/d/y.png", "other"), lost("C:/Film/x.png", "image"), lost(`\\server/share/z.png`, "image")},
	})
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s)})
	if err == nil || p == nil {
		t.Fatalf("%v %v", p, err)
	}
	far := []string{}
	for _, m := range p.Missing {
		if m.Foreign == (filepath.VolumeName(dir) == "") { // Windows' paths are at home on Windows
			far = append(far, m.Path)
		}
	}
	if diff := cmp.Diff([]string{"C:/Film/x.png", `\\server/share/z.png`}, far); diff != "" || len(p.Missing) != 3 {
		t.Errorf("missing are %v: %s", p.Missing, diff)
	}
	var fault *farm.Error
	if !errors.As(err, &fault) || !strings.Contains(fault.Text, "3 of") || !strings.Contains(fault.Hint, "another system") {
		t.Errorf("%v", err)
	}
}

func TestMissingFiles(t *testing.T) {
	dir := studio(t, "a.blend")
	s := goodScene()
	s.Files = []SceneFile{{Path: filepath.Join(dir, "gone.png"), Kind: "image", Users: []string{"Image gone"}, Missing: true}}
	o := PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s)}
	p, err := NewPlan(context.Background(), o)
	if farm.KindOf(err) != farm.NotFound || p == nil || len(p.Missing) != 1 || len(p.Files) != 0 {
		t.Fatalf("%+v %v", p, err)
	}
	o.AllowMissing = true
	if p, err = NewPlan(context.Background(), o); err != nil || len(p.Files) != 1 || len(p.Missing) != 1 {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	dir := studio(t, "a.blend")
	blend := filepath.Join(dir, "a.blend")
	for name, c := range map[string]struct {
		o    PlanOptions
		want string
	}{
		"no camera":  {PlanOptions{Blend: blend, Read: reads(Scene{Frames: farm.Frames(1)})}, "no camera"},
		"no EXR":     {PlanOptions{Blend: blend, Read: reads(SceneOf(&blender.Collection{Scene: blender.CollectedScene{Camera: "Camera", Engine: "CYCLES", FrameEnd: 1, Sequencer: true, Views: []string{"_L", "_R"}}}))}, "for several views"},
		"no file":    {PlanOptions{Blend: filepath.Join(dir, "b.blend"), Read: reads(goodScene())}, "there is no file"},
		"a folder":   {PlanOptions{Blend: dir, Read: reads(goodScene())}, "is a folder"},
		"unreadable": {PlanOptions{Blend: blend, Read: func(context.Context, string) (Scene, error) { return Scene{}, errors.New("odd") }}, "odd"},
		"saved": {PlanOptions{Blend: blend, Read: func(context.Context, string) (Scene, error) {
			return goodScene(), os.WriteFile(blend, []byte("other bytes"), 0o600)
		}}, "was changed while it was read"},
		"vanished":    {PlanOptions{Blend: blend, Read: reads(func() Scene { s := goodScene(); s.Files = []SceneFile{{Path: dir + "/x.png"}}; return s }())}, "there is no file"},
		"bad setting": {PlanOptions{Blend: blend, Read: reads(goodScene()), Spec: farm.JobSpec{Priority: 500}}, "priority"},
	} {
		if _, err := NewPlan(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	dir := studio(t, "a.blend")
	s := goodScene()
	s.Scripts, s.Movie = true, true
	o := PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s)}
	p, err := NewPlan(context.Background(), o)
	if err != nil || len(p.Warnings) != 2 {
		t.Fatalf("%q %v", p.Warnings, err)
	}
	o.Spec.Options.Scripts = true
	if p, err = NewPlan(context.Background(), o); err != nil || len(p.Warnings) != 1 {
		t.Fatalf("%q %v", p.Warnings, err)
	}
}

// Whoever looks at a scene sees all its faults at once, and what it would send.
func TestPlanOfAFaultyScene(t *testing.T) {
	dir := studio(t, "a.blend")
	s := goodScene()
	s.Camera = ""
	s.Files = []SceneFile{{Path: filepath.Join(dir, "gone.png"), Kind: "image", Missing: true}}
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "a.blend"), Read: reads(s), Anyway: true})
	if err != nil || len(p.Faults) != 2 || len(p.Missing) != 1 || len(p.Files) != 1 {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestColours(t *testing.T) {
	dir := studio(t, "film/a.blend", "film/colour/config.ocio")
	s := goodScene()
	s.Files = []SceneFile{{Path: filepath.Join(dir, "film", "colour", "config.ocio"), Kind: blender.ColourConfiguration}}
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "film", "a.blend"), Read: reads(s)})
	if err != nil || p.Spec.Options.Colours != "colour/config.ocio" {
		t.Fatalf("%q %v", p.Spec.Options.Colours, err)
	}
}

func TestPlanShares(t *testing.T) {
	dir := studio(t, "shots/a.blend", "tex/1.png", "own/2.png")
	s := goodScene()
	s.Files = []SceneFile{{Path: filepath.Join(dir, "tex", "1.png")}, {Path: filepath.Join(dir, "own", "2.png")}}
	shared := []string{filepath.Join(dir, "tex"), filepath.Join(dir, "shots"), filepath.Join(dir, "empty")}
	p, err := NewPlan(context.Background(), PlanOptions{Blend: filepath.Join(dir, "shots", "a.blend"), Read: reads(s), Shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shared[:2], p.Spec.Needs.Shared); diff != "" {
		t.Error(diff)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "shared folder "+shared[2]) {
		t.Errorf("warnings: %q", p.Warnings)
	}
	worker := func(name string, online bool, sees ...string) wire.WorkerView {
		w := wire.WorkerView{Worker: farm.Worker{Name: name, Enabled: true}, Online: online}
		w.Facts.Blenders = []farm.Blender{{Version: farm.Version{Major: 5}, Engines: []string{"CYCLES"}}}
		w.Facts.Shared = sees
		return w
	}
	old := worker("old", true)
	old.Facts.Blenders[0].Version.Major = 3 // it cannot render the scene
	seeing := []wire.WorkerView{worker("oak", true, dir), worker("elm", true, shared...), worker("away", false), old}
	if blind := p.Unshare(seeing); len(blind) != 0 || len(p.Spec.Needs.Shared) != 2 {
		t.Errorf("all see it, but %v", blind)
	}
	blind := p.Unshare(append(seeing, worker("ash", true, shared[0])))
	if diff := cmp.Diff(map[string][]string{shared[1]: {"ash"}}, blind); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(shared[:1], p.Spec.Needs.Shared); diff != "" {
		t.Error(diff)
	}
	if blind := p.Unshare(nil); len(blind) != 0 || len(p.Spec.Needs.Shared) != 1 {
		t.Errorf("nobody is there, but %v", blind)
	}
}
