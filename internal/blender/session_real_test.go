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
		facts, err := s.Open(t.Context(), Scene{Blend: filepath.Join(dir, name+".blend")})
		if err != nil {
			t.Error(name, err)
			continue
		}
		t.Logf("%+v", facts)
		for i := 3; i > -6; i -= 4 {
			res, err := s.Render(t.Context(), Task{Frame: i, OutDir: t.TempDir(), EXR: EXRFull, Outputs: true, Preview: true}, func(p Progress) { t.Log(p) })
			if err != nil {
				t.Error(name, err)
			}
			for _, f := range res.Files {
				t.Log(f)
			}
			res.Files = nil
			t.Logf("%+v", res)
		}
	}
	t.Log(log.String())
}
