package blender

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/exr"
)

// bakedScenes are those of testdata/bakes.py, with what is in them.
var bakedScenes = []struct {
	name  string
	bakes []Simulation
}{
	{"cloth", []Simulation{{Kind: Cloth, Owner: "Shirt", Name: "Cloth"}}},
	{"soft_body", []Simulation{{Kind: SoftBody, Owner: "Jelly", Name: "Soft"}}},
	{"particles", []Simulation{{Kind: Particles, Owner: "Source", Name: "Sparks"}}},
	{"killed", []Simulation{{Kind: Particles, Owner: "Source", Name: "Sparks"}}},
	{"hair", []Simulation{{Kind: Hair, Owner: "Head", Name: "Fur"}}},
	{"dynamic_paint", []Simulation{{Kind: DynamicPaint, Owner: "Pond", Name: "Paint/Surface"}}},
	{"rigid_body", []Simulation{{Kind: RigidBody, Owner: "Scene"}, {Kind: Cloth, Owner: "Shirt", Name: "Cloth"}}},
	{"smoke", []Simulation{{Kind: Fluid, Owner: "Tank", Name: "Fluid"}}},
	{"liquid", []Simulation{{Kind: Fluid, Owner: "Tank", Name: "Fluid"}}},
	{"mixed", []Simulation{{Kind: Fluid, Owner: "Tank", Name: "Fluid"}, {Kind: RigidBody, Owner: "Scene"}, {Kind: Cloth, Owner: "Shirt", Name: "Cloth"}}},
	{"zone", []Simulation{{Kind: GeometryNodes, Owner: "Grow", Name: "Nodes"}, {Kind: GeometryNodes, Owner: "Follow", Name: "Nodes"}}},
}

const lastBaked = 6 // frame of those scenes

// TestRealBakes bakes every kind of simulation and renders frames from what was baked, in any order: they equal those of
// their artist, who has played the animation once.
func TestRealBakes(t *testing.T) {
	for kind, in := range partsBlenders(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := Start(t.Context(), Options{Install: in, Home: t.TempDir(), Device: "cpu", Threads: 1, Environ: os.Environ()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			fluids := realCanBake(t, in, s.Version())
			var names []string
			for _, c := range bakedScenes {
				switch c.bakes[0].Kind {
				case Fluid:
					if !fluids {
						continue
					}
				case GeometryNodes:
					if s.Version() < "4.1" {
						continue
					}
				}
				names = append(names, c.name)
			}
			names = append(names, "listed")
			script, _ := filepath.Abs("testdata/bakes.py")
			cmd := runnerCommand(t.Context(), in.Runner, 0, "", in.argv(script, false, "1", append([]string{dir}, names...)...))
			cmd.Env = environment(os.Environ(), dir, dir, nil)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, c := range bakedScenes {
				if slices.Contains(names, c.name) {
					t.Run(c.name, func(t *testing.T) { realBake(t, s, dir, c.name, c.bakes) })
				}
			}
			t.Run("which there are", func(t *testing.T) { realSimulations(t, in, dir) })
			t.Run("no more than is wanted", func(t *testing.T) { realUntil(t, s, dir) })
			t.Run("refused", func(t *testing.T) { realRefused(t, s, dir) })
			t.Run("stopped", func(t *testing.T) { realStopped(t, s, dir) })
		})
	}
}

func realBake(t *testing.T, s *Session, dir, name string, bakes []Simulation) {
	blend := filepath.Join(dir, name+".blend")
	bakes = slices.Clone(bakes)
	for i := range bakes {
		bakes[i].Start, bakes[i].End = 1, lastBaked
	}
	// What is not baked depends on the frames before, and jumped to it is another picture: else the rest says nothing.
	if facts := open(t, s, Scene{Blend: blend}); facts.Stateful == "" {
		t.Error("the scene does not depend on the frames before")
	}
	if name != "killed" && same(t, filepath.Join(dir, name, "0004.exr"), exrOf(t, render(t, s, Task{Frame: 4, EXR: EXRFull}))) {
		t.Error("the simulation is not seen")
	}

	if name == "cloth" || name == "rigid_body" || name == "smoke" || name == "zone" {
		open(t, s, Scene{Blend: blend, InOrder: true, Until: 4})
		for _, frame := range []int{2, 4, 6} {
			r := render(t, s, Task{Frame: frame, EXR: EXRFull})
			if r.Reopened != (frame == 6) {
				t.Errorf("frame %d in order: opened anew: %v", frame, r.Reopened)
			}
			samePasses(t, fmt.Sprintf("frame %d in order", frame), filepath.Join(dir, name, fmt.Sprintf("%04d.exr", frame)), exrOf(t, r), s.Version())
		}
	}

	var all []CacheFile
	for _, group := range Bakes(bakes) {
		open(t, s, Scene{Blend: blend})
		all = append(all, bakeAll(t, s, dir, name, group)...)
	}
	if _, err := s.Render(t.Context(), Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull}, nil); kindOfError(err) != NotOpened {
		t.Errorf("rendered in the middle of a bake: %v", err)
	}
	facts := open(t, s, Scene{Blend: blend, Baked: bakes})
	if facts.Stateful != "" {
		t.Errorf("frames depend on others: %s", facts.Stateful)
	}
	for _, frame := range []int{2, 6, 2, 4} {
		r := render(t, s, Task{Frame: frame, EXR: EXRFull})
		if r.Reopened {
			t.Errorf("frame %d: the scene was opened anew", frame)
		}
		artist := filepath.Join(dir, name, fmt.Sprintf("%04d.exr", frame))
		if name == "mixed" {
			nearly(t, fmt.Sprintf("frame %d", frame), artist, exrOf(t, r))
			continue
		}
		samePasses(t, fmt.Sprintf("frame %d", frame), artist, exrOf(t, r), s.Version())
	}
	if name == "cloth" || name == "particles" || name == "smoke" || name == "zone" {
		realFew(t, s, dir, name, bakes, all)
	}
}

// bakeAll bakes simulations, and has their files brought where renders look for them as soon as frames can be rendered.
func bakeAll(t *testing.T, s *Session, dir, name string, bakes []Simulation) []CacheFile {
	t.Helper()
	var all []CacheFile
	out, early := t.TempDir(), false
	result, err := s.Bake(t.Context(), Bake{Simulations: bakes, OutDir: out, Until: lastBaked}, nil, func(list []CacheFile, ready int) error {
		all = append(all, list...)
		early = early || ready >= 1 && ready < lastBaked
		for frame := 1; frame <= ready; frame++ {
			lay(t, dir, all, frame) // each is moved once
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Files != len(all) || len(all) < lastBaked || result.Bytes == 0 || len(result.Warnings) != 0 {
		t.Errorf("%d files were named: %+v", len(all), result)
	}
	if late := bakes[0].Kind == GeometryNodes || name == "killed"; early == late {
		t.Errorf("files were handed on while it baked: %v", early)
	}
	if left := leftBelow(t, out); len(left) != 0 {
		t.Errorf("not handed on: %v", left)
	}
	return all
}

// realFew renders frames of which no more files are there than they are said to need, and some that lack theirs.
func realFew(t *testing.T, s *Session, dir, name string, bakes []Simulation, all []CacheFile) {
	far := t.TempDir()
	blend := filepath.Join(far, name+".blend")
	copyFile(t, filepath.Join(dir, name+".blend"), blend)
	there := 0
	bring := func(frame int) {
		for _, f := range all {
			place := filepath.Join(far, filepath.FromSlash(f.Name))
			if _, err := os.Stat(place); err == nil || f.First != nil && frame < *f.First || f.Last != nil && frame > *f.Last {
				continue
			}
			copyFile(t, filepath.Join(dir, filepath.FromSlash(f.Name)), place)
			there++
		}
	}
	_, err := s.Open(t.Context(), Scene{Blend: blend, Baked: bakes})
	if kindOfError(err) != NoFile || !strings.Contains(err.Error(), "cache of "+bakes[0].String()+" is not there") {
		t.Errorf("without any file: %v", err)
	}
	bring(4)
	if there == 0 || there >= len(all) {
		t.Fatalf("frame 4 is said to need %d of %d files", there, len(all))
	}
	open(t, s, Scene{Blend: blend, Baked: bakes})
	equal := func(frame int) {
		t.Helper()
		r := render(t, s, Task{Frame: frame, EXR: EXRFull})
		samePasses(t, fmt.Sprintf("frame %d with its own files", frame), filepath.Join(dir, name, fmt.Sprintf("%04d.exr", frame)), exrOf(t, r), s.Version())
	}
	equal(4)
	_, err = s.Render(t.Context(), Task{Frame: 6, OutDir: t.TempDir(), EXR: EXRFull}, nil)
	if kindOfError(err) != NoFile || !strings.Contains(err.Error(), "lacks frame 6") {
		t.Errorf("without the files of the frame: %v", err)
	}
	bring(6) // into the folder of a scene that is open
	equal(6)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// realSimulations: the collector lists what is to be baked, and says of the rest why it is not.
func realSimulations(t *testing.T, in Install, dir string) {
	c, err := Collect(t.Context(), in, filepath.Join(dir, "listed.blend"), CollectOptions{Environ: os.Environ(), Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range c.Simulations {
		why, _, _ := strings.Cut(k.Refused, ":")
		got = append(got, fmt.Sprintf("%s, %s, %d to %d, %s", k, k.Name, k.Start, k.End, why))
	}
	want := []string{
		"soft body on Early, Soft, -5 to 6, its cache begins before frame 1, and such frames have no files",
		"cloth on Shirt, Cloth, 3 to 250, ",
		"cloth on Shown by another, Cloth, 1 to 250, ",
		"soft body on Jelly, Soft, 1 to 6, it is linked from a library",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("simulations (-want +got):\n%s", d)
	}
	if groups := Bakes(c.Simulations); len(groups) != 1 || len(groups[0]) != 2 {
		t.Errorf("groups are %v", groups)
	}
}

// realUntil: what comes after the last frame that is wanted is not computed, but the one that its picture looks at.
func realUntil(t *testing.T, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "soft_body.blend")})
	jelly := Simulation{Kind: SoftBody, Owner: "Jelly", Name: "Soft", Start: 1, End: lastBaked}
	var got []string
	_, err := s.Bake(t.Context(), Bake{Simulations: []Simulation{jelly}, OutDir: t.TempDir(), Until: 2}, nil, func(list []CacheFile, _ int) error {
		for _, f := range list {
			got = append(got, strings.Split(filepath.Base(f.Path), "_")[2])
		}
		return nil
	})
	if want := []string{"000001", "000002", "000003"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("frames %v: %v", got, err)
	}
	// One that begins later has nothing to read, and the scene can be opened all the same.
	open(t, s, Scene{Blend: filepath.Join(dir, "soft_body.blend")})
	away := t.TempDir()
	copyFile(t, filepath.Join(dir, "soft_body.blend"), filepath.Join(away, "soft_body.blend"))
	jelly.Start = 5
	_, err = s.Bake(t.Context(), Bake{Simulations: []Simulation{jelly}, OutDir: t.TempDir(), Until: 2}, nil, func(list []CacheFile, _ int) error {
		for _, f := range list {
			copyFile(t, f.Path, filepath.Join(away, filepath.FromSlash(f.Name)))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if facts := open(t, s, Scene{Blend: filepath.Join(away, "soft_body.blend"), Baked: []Simulation{jelly}}); facts.Stateful == "" {
		t.Error("a simulation that was not baked counts as baked")
	}
	render(t, s, Task{Frame: 1, EXR: EXRFull})
}

// realRefused: what cannot be baked is said in a sentence, and the session goes on.
func realRefused(t *testing.T, s *Session, dir string) {
	for says, k := range map[string]Simulation{
		"no soft body on Jelly": {Kind: SoftBody, Owner: "Jelly", Name: "Soft", Start: 1, End: 6}, // linked
		"begins before frame 1": {Kind: SoftBody, Owner: "Early", Name: "Soft", Start: -5, End: 6},
		"no cloth on Nobody":    {Kind: Cloth, Owner: "Nobody", Name: "Cloth", Start: 1, End: 6},
	} {
		open(t, s, Scene{Blend: filepath.Join(dir, "listed.blend")})
		_, err := s.Bake(t.Context(), Bake{Simulations: []Simulation{k}, OutDir: t.TempDir(), Until: 6}, nil, nil)
		if kindOfError(err) != NoBake || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// realCanBake: a Blender whose fluids abort is known before it is given any, and is not asked twice.
func realCanBake(t *testing.T, in Install, version string) bool {
	p := Prober{Runner: in.Runner, Home: t.TempDir(), Cache: t.TempDir(), Environ: os.Environ()}
	in.Version, in.Bakes = version, []string{Cloth, Fluid}
	fluids, why := p.CanBake(t.Context(), in, Fluid)
	if strings.HasPrefix(version, "3.") != fluids && (in.Kind == Module || strings.HasPrefix(version, "3.")) || fluids != (why == "") {
		t.Errorf("fluids: %v, %s", fluids, why) // the module's abort; other builds do as they are built
	}
	if left := leftBelow(t, filepath.Join(p.Home, "tmp")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.Home = "nowhere" // where nothing can be asked
	if again, said := p.CanBake(t.Context(), in, Fluid); again != fluids || said != why {
		t.Errorf("asked again: %v, %s", again, said)
	}
	if can, why := p.CanBake(t.Context(), in, Cloth); !can {
		t.Error(why)
	}
	if can, why := p.CanBake(t.Context(), in, GeometryNodes); can || !strings.Contains(why, "cannot bake this kind") {
		t.Errorf("what it does not have: %v, %s", can, why)
	}
	return fluids
}

// realStopped: a bake ends with its context, and nothing of it stays but its folder.
func realStopped(t *testing.T, s *Session, dir string) {
	before := leftBelow(t, dir)
	open(t, s, Scene{Blend: filepath.Join(dir, "particles.blend")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless := Simulation{Kind: Particles, Owner: "Source", Name: "Sparks", Start: 1, End: 100000}
	var seen atomic.Int64
	_, err := s.Bake(ctx, Bake{Simulations: []Simulation{endless}, OutDir: t.TempDir(), Until: 100000}, func(p Progress) { seen.Store(int64(p.Frame)) }, func(list []CacheFile, ready int) error {
		if seen.Load() > 0 && ready > 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || kindOfError(err) != Killed {
		t.Errorf("want killed by the context, got %v", err)
	}
	<-s.Done()
	if left := leftBelow(t, s.tmp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if after := leftBelow(t, dir); !slices.Equal(after, before) {
		t.Errorf("beside the scene there are %d files now, not %d", len(after), len(before))
	}
}

// nearly: smoke of a thing that another simulation moves is not quite the same baked and played, by up to 7e-4 of what shines
// up to 3; what is solid is.
func nearly(t *testing.T, what, one, other string) {
	t.Helper()
	diff, err := exr.CompareFiles(one, other)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diff.Differences {
		if !strings.Contains(d.Channel, ".Combined.") || d.OnlyIn != "" || d.Text != "" || d.Largest > 2e-3 {
			t.Errorf("%s: %s", what, d)
		}
	}
}

// lay puts the files that a frame needs where renders look for them.
func lay(t *testing.T, dir string, files []CacheFile, frame int) {
	t.Helper()
	for _, f := range files {
		if f.First != nil && frame < *f.First || f.Last != nil && frame > *f.Last {
			continue
		}
		place := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			t.Error(err)
		}
		if err := os.Rename(f.Path, place); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}

func leftBelow(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

func same(t *testing.T, one, other string) bool {
	t.Helper()
	diff, err := exr.CompareFiles(one, other)
	if err != nil {
		t.Fatal(err)
	}
	return len(diff.Differences) == 0
}
