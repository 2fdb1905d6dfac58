package blender

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

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
			var names []string
			for _, c := range bakedScenes {
				if bakesHere(c.bakes[0].Kind, s.Version()) {
					names = append(names, c.name)
				}
			}
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
		})
	}
}

// bakesHere tells which kinds the Blenders of the tests can bake: the module's fluids do not work.
func bakesHere(kind, version string) bool {
	switch kind {
	case Fluid:
		return version < "4"
	case GeometryNodes:
		return version >= "4.1"
	}
	return true
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

	open(t, s, Scene{Blend: blend})
	out := t.TempDir()
	var all []CacheFile
	early := false
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
		samePasses(t, fmt.Sprintf("frame %d", frame), filepath.Join(dir, name, fmt.Sprintf("%04d.exr", frame)), exrOf(t, r), s.Version())
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
