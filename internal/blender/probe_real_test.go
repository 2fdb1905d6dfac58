package blender

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestProbeReal(t *testing.T) {
	in := realBlender(t)
	p := Prober{Runner: in.Runner, Home: t.TempDir(), Cache: t.TempDir(), Environ: os.Environ()}
	got, err := p.Probe(t.Context(), in.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got.Facts)
	if got.Version == "" || got.Series == "" || got.Python == "" || len(got.Devices) == 0 || got.Devices[0].ID != "cpu" {
		t.Errorf("the facts lack the plainest things: %+v", got.Facts)
	}
	if !slices.Contains(got.Bakes, Cloth) || !slices.Contains(got.Bakes, RigidBody) {
		t.Errorf("it can bake %v", got.Bakes)
	}
	if ok, why := got.CanRender("CYCLES"); !ok {
		t.Error(why)
	}
	if ok, why := got.CanRender("POVRAY"); ok || why == "" {
		t.Error("an engine that is not there can render")
	}
	begun := time.Now()
	again, err := p.Probe(t.Context(), in.Path)
	if err != nil || again.Hash != got.Hash || again.Label != got.Label {
		t.Errorf("from the cache: %+v, %v", again, err)
	}
	if took := time.Since(begun); took > 100*time.Millisecond {
		t.Errorf("the cached answer took %v", took)
	}
	p.Quick = true
	if quick, err := p.Probe(t.Context(), in.Path); err != nil || quick.Hash != got.Hash {
		t.Errorf("quickly: %+v, %v", quick, err)
	}
	if kept, _ := filepath.Glob(filepath.Join(p.Cache, "*")); len(kept) != 1 {
		t.Errorf("a whole answer was there, and the install was asked again for a quick one: %v", kept)
	}
	if files, _ := filepath.Glob(filepath.Join(p.Home, "tmp", "*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}
