package blender

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTry(t *testing.T) {
	in := realBlender(t)
	dir := scenes(t, in)
	log := &lockedBuffer{}
	s, err := Start(t.Context(), Options{Install: in, Home: t.TempDir(), Log: log, Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"basic", "plain", "movie", "stereo", "falling", "main/linked", "workbench", "nocam"} {
		blend := filepath.Join(dir, name+".blend")
		facts, err := s.Open(t.Context(), Scene{Blend: blend})
		if err != nil {
			t.Error(name, err)
			continue
		}
		t.Logf("%+v", facts)
		for _, i := range []int{5, 2, -1, 1} {
			res, err := s.Render(t.Context(), Task{Frame: i, OutDir: t.TempDir(), EXR: EXRFull, Outputs: true, Preview: true}, nil)
			if err != nil {
				t.Error(name, err)
				continue
			}
			for _, f := range res.Files {
				t.Log(f.Name, pixelsOf(t, f.Path))
			}
			res.Files = nil
			if name == "movie" {
				continue
			}
			t.Log("own", pictures(t, cold(t, in, blend, i, "own")))
			t.Log("exr", pictures(t, cold(t, in, blend, i, "exr")))
		}
	}
}
