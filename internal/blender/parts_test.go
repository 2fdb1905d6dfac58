package blender

import (
	"image"
	"strings"
	"testing"
)

// TestTilesThatAreNone: what no tile can be is refused before Blender is asked.
func TestTilesThatAreNone(t *testing.T) {
	s, err := startFake(t, "ok")
	if err != nil {
		t.Fatal(err)
	}
	tile := image.Rect(8, 4, 16, 8)
	for text, task := range map[string]Task{
		"":                     {EXR: EXRFull, Tile: tile},
		"no tile of a picture": {EXR: EXRFull, Tile: image.Rect(-1, 0, 4, 4)},
		"overscan of -1":       {EXR: EXRFull, Tile: tile, Overscan: -1},
		"(8,4)-(8,8)":          {EXR: EXRFull, Tile: image.Rectangle{image.Pt(8, 4), image.Pt(8, 8)}},
		"task is none":         {EXR: EXRFull, Overscan: 2},
		"3 samples from 6 on":  {EXR: EXRFull, Samples: Samples{6, 3, 8}},
		"0 samples":            {EXR: EXRFull, Samples: Samples{0, 0, 8}},
		"-1 on":                {EXR: EXRFull, Samples: Samples{-1, 3, 8}},
		"finished as a whole":  {EXR: EXRFull, Samples: Samples{0, 3, 8}, Finish: "/merged.exr"},
		"a 32-bit":             {EXR: EXRFull, Samples: Samples{0, 3, 8}, Outputs: true},
		"32-bit EXR":           {EXR: EXRHalf, Tile: tile},
		"100 % of a":           {EXR: EXRFull, Percent: 100},
		"-5 % of a":            {EXR: EXRFull, Percent: -5},
		"5 % of a":             {EXR: EXRFull, Percent: 5, Tile: tile},
		"not in parts":         {EXR: EXRFull, Tile: tile, Finish: "/merged.exr"},
		"and nothing else":     {EXR: EXRFull, Tile: tile, Preview: true},
	} {
		task.Frame, task.OutDir = 1, t.TempDir()
		r, err := s.Render(t.Context(), task, nil)
		if text == "" {
			if err != nil || r.Window != tile {
				t.Errorf("%v %v", r.Window, err)
			}
		} else if kindOfError(err) != NoParts || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestWindowsThatAreNone: an agent is believed no window that the tile is not in, or that is larger than the overscan.
func TestWindowsThatAreNone(t *testing.T) {
	for window, good := range map[string]bool{
		"[8,4,16,8]": true, "[6,4,18,10]": true, "[5,4,16,8]": false, "[9,4,16,8]": false, "[8,4,16]": false, "[1,1,2,2]": false, "null": false,
	} {
		s, err := startFake(t, "elsewhere", func(o *Options) { o.Env = append(o.Env, "FAKE_WINDOW="+window) })
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Render(t.Context(), Task{Frame: 1, OutDir: t.TempDir(), EXR: EXRFull, Tile: image.Rect(8, 4, 16, 8), Overscan: 2}, nil)
		if good && err != nil || !good && kindOfError(err) != BadTalk {
			t.Errorf("%s: %v", window, err)
		}
	}
}
