package farm

import (
	"encoding/json"
	"image"
	"testing"

	"pgregory.net/rapid"
)

func TestTilesAsText(t *testing.T) {
	for text, want := range map[string]Tiles{"4x3": {4, 3}, " 1x1 ": {1, 1}, "256x16": {256, 16}} {
		if got, err := ParseTiles(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "4", "x", "4x", "0x1", "1x0", "-1x2", "257x1", "65x64", "4x3x2", "4X3", "99999999999999999999x1"} {
		if got, err := ParseTiles(text); KindOf(err) != Invalid || got != (Tiles{}) {
			t.Errorf("%q is taken for %v, %v", text, got, err)
		}
	}
	for _, tiles := range []Tiles{{}, {4, 3}} {
		text, err := json.Marshal(struct{ T Tiles }{tiles})
		var back struct{ T Tiles }
		if err != nil || json.Unmarshal(text, &back) != nil || back.T != tiles {
			t.Errorf("%v is %s, which is %v", tiles, text, back.T)
		}
	}
	kept := Tiles{2, 2}
	if err := kept.UnmarshalText([]byte("9")); err == nil || kept != (Tiles{2, 2}) {
		t.Errorf("nonsense is taken: %v", kept)
	}
}

// TestTilesCoverThePicture: each pixel is in one tile.
func TestTilesCoverThePicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiles := Tiles{rapid.IntRange(1, 9).Draw(t, "x"), rapid.IntRange(1, 9).Draw(t, "y")}
		width, height := rapid.IntRange(1, 60).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height")
		all, pixels := image.Rect(0, 0, width, height), 0
		var list []image.Rectangle
		for part := 1; part <= tiles.Count(); part++ {
			r := tiles.Of(part, width, height)
			if !r.In(all) {
				t.Fatalf("tile %d is %v", part, r)
			}
			for _, o := range list {
				if r.Overlaps(o) {
					t.Fatalf("tiles %v and %v overlap", r, o)
				}
			}
			list = append(list, r)
			pixels += r.Dx() * r.Dy()
			if d := r.Dx() - width/tiles.X; d < 0 || d > 1 {
				t.Fatalf("tile %d of %d wide pictures is %v", part, width, r)
			}
		}
		if pixels != width*height {
			t.Fatalf("%v of %dx%d cover %d pixels", tiles, width, height, pixels)
		}
	})
}
