package farm

import (
	"reflect"
	"slices"
	"testing"
)

// TestServes: each field of a job's options and needs that differs keeps its frames from being taken for another's, but
// for those that no picture shows.
func TestServes(t *testing.T) {
	full := func() JobSpec {
		s := aSpec()
		s.Options = Options{Scripts: true, EXR: "full", Outputs: true, Preview: true, Threads: 2, FailOnScriptError: true, Engine: "CYCLES", Colours: "c/config.ocio", CopyTo: "/a", Overscan: 8, KeepAdaptive: true}
		s.Needs = Needs{
			Allow: []string{"oak", "elm"}, Deny: []string{"ash"}, Tags: []string{"fast"}, Blender: Version{4, 5, 0}, Engine: "CYCLES", Denoiser: true,
			MemoryMB: 1, GPU: "cuda", Addons: []string{"a"}, AddonFiles: []string{"a.zip"}, Shared: []string{"/s"},
			Exact: Version{4, 5, 1}, Bakes: []string{"cloth"}, Cores: 4, OS: []string{"linux"}, Arch: []string{"arm64"},
		}
		return s
	}
	a, b := full(), full()
	b.Name, b.Priority, b.Chunk, b.Order, b.Attempts, b.Timeout, b.FPS, b.Key, b.Frames = "x", 9, 9, Reverse, 9, 9, 25, "k", Frames(99)
	slices.Reverse(b.Needs.Allow)
	if !a.Serves(&b) {
		t.Error("what no picture shows matters")
	}
	b.Blend = "y.blend"
	if a.Serves(&b) {
		t.Error("another .blend does not matter")
	}
	// That the engine is the scene's own or was asked for shows in no picture either: here one of the two fields is empty.
	unseen := []string{"MemoryMB", "Shared", "Engine", "Exact", "Bakes", "Cores"}
	for _, part := range []string{"Options", "Needs"} {
		kind := reflect.TypeOf(a).FieldByName
		field, _ := kind(part)
		for i := range field.Type.NumField() {
			name := field.Type.Field(i).Name
			asked := full()
			reflect.ValueOf(&asked).Elem().FieldByName(part).Field(i).SetZero()
			has := full()
			// One of the two asks for less: fewer files, no failure, no copy. Then the other may have more.
			if got, want := has.Serves(&asked), slices.Contains([]string{"Outputs", "Preview", "FailOnScriptError", "CopyTo", "Overscan"}, name) || slices.Contains(unseen, name); got != want {
				t.Errorf("%s.%s is not asked for: %v", part, name, got)
			}
			if got, want := asked.Serves(&has), slices.Contains(unseen, name); got != want {
				t.Errorf("%s.%s is lacking: %v", part, name, got)
			}
		}
	}
	a, b = full(), full()
	if b.Options.Engine = "BLENDER_EEVEE"; a.Serves(&b) || b.Serves(&a) {
		t.Error("another engine does not matter")
	}
	if a.Options.Engine, b.Options.Engine, b.Needs.Engine = "", "", "BLENDER_EEVEE"; a.Serves(&b) || b.Serves(&a) {
		t.Error("another engine of the scene does not matter")
	}
	a, b = full(), full()
	if b.Options.EXR = "none"; !a.Serves(&b) || b.Serves(&a) {
		t.Error("a job that keeps no EXR asks for less")
	}
	if b.Options.EXR = "half"; a.Serves(&b) || b.Serves(&a) {
		t.Error("half is not full")
	}
	whole, tiles, samples := full(), full(), full()
	tiles.Tiles, samples.Samples = Tiles{4, 3}, 8
	if !whole.Serves(&tiles) || !whole.Serves(&samples) || !tiles.Serves(&samples) || !tiles.Serves(&tiles) || !samples.Serves(&samples) {
		t.Error("frames that are nearer to those of a local render do not do for frames in parts")
	}
	if tiles.Serves(&whole) || samples.Serves(&whole) || samples.Serves(&tiles) {
		t.Error("frames of parts do for frames that are nearer to those of a local render")
	}
}

func TestKinds(t *testing.T) {
	all := []ResultKind{KindEXR, KindOutput, KindNode, KindPreview}
	for _, c := range []struct {
		o    Options
		want []ResultKind
	}{
		{Options{EXR: "full", Outputs: true, Preview: true}, all},
		{Options{EXR: "half"}, all[:1]},
		{Options{EXR: "none", Outputs: true}, all[1:3]},
		{Options{EXR: "none", Preview: true}, all[3:]},
	} {
		if got := c.o.Kinds(all); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c.o, got)
		}
	}
}
