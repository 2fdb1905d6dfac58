package farm

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestProbeDecides(t *testing.T) {
	hd := Probe{Engine: "CYCLES", Width: 1920, Height: 1080, Samples: 512, Fixed: 1, Render: 119}
	with := func(change func(*Probe)) Probe {
		p := hd
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		p             Probe
		slots, frames int
		tiles         Tiles
		samples       int
		why           string // part of the sentence about tiles
	}{
		"a still on 8 slots":      {hd, 8, 1, Tiles{6, 4}, 16, ""},
		"a still on 2 slots":      {hd, 2, 1, Tiles{3, 2}, 4, ""},
		"a still on 100 slots":    {hd, 100, 1, Tiles{10, 6}, 60, ""}, // parts of 2 seconds
		"4 frames on 8 slots":     {hd, 8, 4, Tiles{3, 2}, 4, ""},
		"one slot":                {hd, 1, 1, Tiles{}, 0, "only one slot"},
		"no slot":                 {hd, 0, 1, Tiles{}, 0, "no worker"},
		"many frames":             {hd, 8, 16, Tiles{}, 0, "16 of them for 8 slots"},
		"a short frame":           {with(func(p *Probe) { p.Render = 8 }), 8, 1, Tiles{}, 0, "about 9 s"},
		"mostly getting ready":    {with(func(p *Probe) { p.Fixed, p.Render = 60, 50 }), 8, 1, Tiles{}, 0, "getting ready takes 60 s"},
		"much getting ready":      {with(func(p *Probe) { p.Fixed, p.Render = 30, 100 }), 8, 1, Tiles{2, 2}, 4, ""},
		"a tall picture":          {with(func(p *Probe) { p.Width, p.Height = 1080, 1920 }), 8, 1, Tiles{4, 6}, 16, ""},
		"a strip":                 {with(func(p *Probe) { p.Width, p.Height = 4000, 100 }), 8, 1, Tiles{24, 1}, 16, ""},
		"a stamp":                 {with(func(p *Probe) { p.Width, p.Height = 100, 100 }), 8, 1, Tiles{}, 16, "too small"},
		"few samples":             {with(func(p *Probe) { p.Samples = 20 }), 8, 1, Tiles{6, 4}, 2, ""},
		"too few samples":         {with(func(p *Probe) { p.Samples = 15 }), 8, 1, Tiles{6, 4}, 0, ""},
		"parts of another engine": {with(func(p *Probe) { p.Engine = "BLENDER_EEVEE" }), 8, 1, Tiles{6, 4}, 0, ""},
	} {
		tiles, why := c.p.Tiles(c.slots, c.frames)
		if tiles != c.tiles || !strings.Contains(why, c.why) || (why == "") != (c.tiles.Count() > 0) {
			t.Errorf("%s: tiles %v, %q", name, tiles, why)
		}
		if n, why := c.p.SampleParts(c.slots, c.frames); n != c.samples || (why == "") != (n > 0) {
			t.Errorf("%s: parts of samples %d, %q", name, n, why)
		}
	}
}

// TestProbeDecidesWhatAJobMayHave, whatever was found out.
func TestProbeDecidesWhatAJobMayHave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Probe{
			Engine: "CYCLES", Width: rapid.IntRange(1, 1<<20).Draw(t, "width"), Height: rapid.IntRange(1, 1<<20).Draw(t, "height"),
			Samples: rapid.IntRange(0, 1<<20).Draw(t, "samples"), Fixed: rapid.Float64Range(0, 1e8).Draw(t, "fixed"), Render: rapid.Float64Range(0, 1e8).Draw(t, "render"),
		}
		if p.Check() != nil {
			t.Fatal("a probe that is right is refused")
		}
		slots, frames := rapid.IntRange(0, 100_000).Draw(t, "slots"), rapid.IntRange(1, 1000).Draw(t, "frames")
		for _, s := range []JobSpec{aSpec(), aSpec()} {
			s.Frames = Frames(1)
			s.Tiles, _ = p.Tiles(slots, frames)
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			s.Tiles = Tiles{}
			s.Samples, _ = p.SampleParts(slots, frames)
			if err := s.Check(); err != nil || s.Samples > p.Samples {
				t.Fatal(s.Samples, err)
			}
		}
	})
}
