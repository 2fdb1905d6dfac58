package blender

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/exr"
)

// TestTilesAndSamplesOfRealBlender: what docs/blender-facts.md and docs/exr-merging.md say of borders and samples. Tiles put
// together are the whole render, bit for bit, in every channel; parts of the samples merged are it within the bounds.
func TestTilesAndSamplesOfRealBlender(t *testing.T) {
	installs := map[string]Install{"": realBlender(t)}
	if module, err := filepath.Abs("../../.cache/bpy/bin/python"); err == nil {
		if _, err := os.Stat(filepath.Join(module, "../../ready")); err == nil { // tools/setup fetches it
			installs["module"] = Install{Path: module, Kind: kindOf(module), Runner: testRunner(t)}
		}
	}
	for name, in := range installs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script, err := filepath.Abs("testdata/tiles.py")
			if err != nil {
				t.Fatal(err)
			}
			if out, err := in.Command(t.Context(), script, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			whole := filepath.Join(dir, "whole.exr")
			for _, kind := range []string{"cropped", "bordered"} {
				joined := stitchAll(t, dir, kind)
				if d, err := exr.CompareFiles(whole, joined); err != nil || !d.Equal() || d.Channels < 80 {
					t.Errorf("%s tiles, %d channels: %v %v", kind, d.Channels, err, &d)
				}
			}
			mergeAll(t, dir)
		})
	}
}

func exrFile(t *testing.T, path string) *exr.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	open, err := exr.Open(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// stitchAll puts the tiles of a kind together, whose names say where they are.
func stitchAll(t *testing.T, dir, kind string) string {
	t.Helper()
	whole := exrFile(t, filepath.Join(dir, "whole.exr")).Parts[0].Data
	paths, _ := filepath.Glob(filepath.Join(dir, kind+"-*.exr"))
	if len(paths) != 6 {
		t.Fatalf("%d %s tiles", len(paths), kind)
	}
	var tiles []exr.Tile
	for _, path := range paths {
		var left, top, right, bottom int32
		if _, err := fmt.Sscanf(filepath.Base(path), kind+"-%d-%d-%d-%d", &left, &top, &right, &bottom); err != nil {
			t.Fatal(err)
		}
		tile := exr.Tile{Name: filepath.Base(path), File: exrFile(t, path)}
		want := whole
		if kind == "cropped" {
			tile.At, want = &[2]int32{left, top}, exr.Box{MaxX: right - left - 1, MaxY: bottom - top - 1}
		} else {
			tile.Inner = &exr.Box{MinX: left, MinY: top, MaxX: right - 1, MaxY: bottom - 1}
		}
		if p := tile.File.Parts[0]; p.Data != want || p.Display != want {
			t.Errorf("%s has the pixels %v of %v, not %v", tile.Name, p.Data, p.Display, want)
		}
		tiles = append(tiles, tile)
	}
	joined := filepath.Join(dir, kind+".exr")
	create(t, joined, func(out *os.File) error {
		return exr.Stitch(context.Background(), out, tiles, exr.Stitching{Whole: &whole})
	})
	return joined
}

func create(t *testing.T, path string, write func(*os.File) error) {
	t.Helper()
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := write(out); err != nil {
		t.Fatal(err)
	}
}

func mergeAll(t *testing.T, dir string) {
	t.Helper()
	merged := filepath.Join(dir, "merged.exr")
	create(t, merged, func(out *os.File) error {
		near, err := exr.MergeSamples(context.Background(), out, []exr.Samples{
			{Name: "the first", File: exrFile(t, filepath.Join(dir, "samples-0-1.exr")), Count: 1},
			{Name: "the others", File: exrFile(t, filepath.Join(dir, "samples-1-3.exr")), Count: 3},
		}, exr.Merging{Stored: true}) // Blender reads it
		for _, name := range near {
			if !strings.Contains(name, "Shadow Catcher") {
				t.Errorf("%s could not be merged", name)
			}
		}
		return err
	})
	want, got := floatPlanes(t, filepath.Join(dir, "whole.exr")), floatPlanes(t, merged)
	if len(want) != len(got) {
		t.Fatalf("%d channels became %d", len(want), len(got))
	}
	for name, w := range want {
		g := got[name]
		if g == nil {
			t.Fatalf("%s is lacking", name)
		}
		if strings.Contains(name, ".Crypto") {
			continue
		}
		exact := strings.Contains(name, ".Depth.") || strings.Contains(name, ".Position.") || strings.Contains(name, "Index")
		seen, wrong := false, 0
		for i := range w {
			seen = seen || w[i] != 0
			bound := 2e-6 * max(1, math.Abs(float64(w[i])))
			if exact {
				bound = 0
			}
			if !(math.Abs(float64(w[i]-g[i])) <= bound) {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%s is not that of the whole in %d of %d samples", name, wrong, len(w))
		}
		if !seen && (strings.Contains(name, "Combined") || strings.Contains(name, "Depth")) {
			t.Errorf("%s shows nothing", name)
		}
	}
	for _, kind := range []string{"Object", "Material", "Asset"} {
		shares := 0
		for i := range want["ViewLayer.Combined.R"] {
			a, b := matte(want, kind, i), matte(got, kind, i)
			shares += len(a)
			for id, share := range a {
				if len(a) != len(b) || math.Abs(float64(share-b[id])) > 1e-6 {
					t.Fatalf("Crypto%s, pixel %d: %v, not %v", kind, i, b, a)
				}
			}
		}
		if shares == 0 {
			t.Errorf("Crypto%s has nothing", kind)
		}
	}
}

// matte is what the levels of a Cryptomatte say of a pixel: a share for each number of a name.
func matte(planes map[string][]float32, kind string, pixel int) map[uint32]float32 {
	shares := map[uint32]float32{}
	for level := range 3 {
		for _, pair := range []string{"rg", "ba"} {
			channel := fmt.Sprintf("ViewLayer.Crypto%s%02d.", kind, level)
			if share := planes[channel+pair[1:]][pixel]; share != 0 {
				shares[math.Float32bits(planes[channel+pair[:1]][pixel])] += share
			}
		}
	}
	return shares
}

func floatPlanes(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, part := range exrFile(t, path).Parts {
		planes, err := part.Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range planes {
			if p.Type != exr.Float {
				t.Fatalf("%s is %v", p.Name, p.Type)
			}
			v := make([]float32, len(p.Bytes)/4)
			for i := range v {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(p.Bytes[4*i:]))
			}
			all[p.Name] = v
		}
	}
	return all
}
