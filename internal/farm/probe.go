package farm

import (
	"fmt"
	"math"
)

// A probe is an inspection that renders: a worker makes a few small pictures of a job's first frame and says what the whole
// one would take. From that, and from how many slots could render now, follows into how many parts frames are to be cut.

// StageProbe is among the stages that a worker takes when it makes probes.
const StageProbe Stage = "probe"

// Probe is what a worker found out by rendering small pictures of a frame, as parts of it are rendered: without adaptive
// sampling, compositing and denoising.
type Probe struct {
	Frame   int     `json:"frame"`
	Engine  string  `json:"engine"`
	Width   int     `json:"width"`    // pixels of the whole picture
	Height  int     `json:"height"`   // pixels
	Samples int     `json:"samples"`  // of the scene; 0 when the engine has none
	Fixed   float64 `json:"fixed_s"`  // seconds that every part takes, however small it is
	Render  float64 `json:"render_s"` // seconds that all pixels take besides, on one slot
}

// Seconds is what the frame takes on one slot.
func (p *Probe) Seconds() float64 { return p.Fixed + p.Render }

// Check refuses a report that cannot be one.
func (p *Probe) Check() error {
	good := func(s float64) bool { return s >= 0 && s < 1e9 }
	if p.Width < 1 || p.Height < 1 || p.Width > 1<<20 || p.Height > 1<<20 || p.Samples < 0 || !good(p.Fixed) || !good(p.Render) {
		return Errorf(Mismatch, "the report of the probe makes no sense")
	}
	return nil
}

const (
	worthSplitting = 10.0 // seconds of a frame below which it is rendered whole
	shortestPart   = 2.0  // seconds of its pixels
	tilesPerSlot   = 3.0  // they take unequally long
	partsPerSlot   = 2.0  // parts of the samples take equally long, machines do not
	leastTile      = 64   // pixels in a direction
	leastSamples   = 8    // of a part
)

// WorthProbing tells whether frames may gain by being cut into parts, with so many slots that could take them now; why is a
// sentence when they cannot.
func WorthProbing(slots, frames int) (why string, ok bool) {
	switch {
	case slots == 0:
		return "no worker could take parts of it now", false
	case slots == 1:
		return "only one slot could take it now", false
	case frames >= 2*slots:
		return fmt.Sprintf("there are %d of them for %d slots", frames, slots), false
	}
	return "", true
}

// parts is how many parts of each frame would be right, and why not more than one, as a sentence.
func (p *Probe) parts(slots, frames int, perSlot float64) (n int, why string) {
	if why, ok := WorthProbing(slots, frames); !ok {
		return 1, why
	}
	if p.Seconds() < 1 {
		return 1, "one takes less than a second"
	}
	if p.Seconds() < worthSplitting {
		return 1, fmt.Sprintf("one takes about %.2g s", p.Seconds())
	}
	wanted := perSlot * float64(slots) / float64(max(1, frames))
	if most := p.Render / max(shortestPart, p.Fixed); most < wanted {
		wanted = most
	}
	if n = int(math.Ceil(wanted - 1e-9)); n < 2 {
		return 1, fmt.Sprintf("getting ready takes %.2g s of the %.2g s of one, and each part would take it again", p.Fixed, p.Seconds())
	}
	return n, ""
}

// Tiles is into how many tiles each of so many frames is cut for so many slots; none, and why as a sentence, when frames
// are better left whole.
func (p *Probe) Tiles(slots, frames int) (t Tiles, why string) {
	n, why := p.parts(slots, frames, tilesPerSlot)
	if n < 2 {
		return Tiles{}, why
	}
	n = min(n, MaxParts)
	// The grid whose tiles are most nearly squares, of those with about as many; one whose tiles leave slots idle in the last
	// round counts as worse by so much.
	mostX, mostY := max(1, min(maxTiles, p.Width/leastTile)), max(1, min(maxTiles, p.Height/leastTile))
	best := math.Inf(1)
	for y := 1; y <= mostY; y++ {
		x := min(mostX, MaxParts/y, max(1, int(math.Round(float64(n)/float64(y)))))
		shape := float64(p.Width) / float64(x) / (float64(p.Height) / float64(y))
		rounds := (x*y*frames + slots - 1) / slots
		idle := float64(rounds*slots) / float64(x*y*frames)
		if off := math.Abs(math.Log(shape)) + 2*math.Abs(math.Log(float64(x*y)/float64(n))) + 3*math.Log(idle); off < best {
			best, t = off, Tiles{x, y}
		}
	}
	if t.Count() < 2 {
		return Tiles{}, fmt.Sprintf("tiles of the %d x %d pixels would be too small", p.Width, p.Height)
	}
	return t, ""
}

// SampleParts is into how many parts of its samples each of so many frames is split for so many slots; 0, and why as a
// sentence, when frames are better left whole.
func (p *Probe) SampleParts(slots, frames int) (n int, why string) {
	if p.Engine != "CYCLES" {
		return 0, "only Cycles renders parts of the samples, and this scene is rendered with " + clip(p.Engine, 40)
	}
	n, why = p.parts(slots, frames, partsPerSlot)
	if n < 2 {
		return 0, why
	}
	if n = min(n, MaxSampleParts, p.Samples/leastSamples); n < 2 {
		return 0, fmt.Sprintf("it has only %d samples", p.Samples)
	}
	return n, ""
}
