package farm

import (
	"image"
	"strconv"
	"strings"
)

// Tiles is into how many parts a frame is cut, across and down, written `4x3`. The zero value: not at all.
type Tiles struct{ X, Y int }

// maxTiles bounds the tiles in one direction.
const maxTiles = 256

// ParseTiles reads the written form.
func ParseTiles(text string) (Tiles, error) {
	x, y, both := strings.Cut(strings.TrimSpace(text), "x")
	t := Tiles{}
	var err, err2 error
	t.X, err = strconv.Atoi(x)
	t.Y, err2 = strconv.Atoi(y)
	if !both || err != nil || err2 != nil || t.X < 1 || t.Y < 1 || !t.ok() {
		return Tiles{}, Errorf(Invalid, "%q is not a number of tiles", clip(text, 40)).
			WithHint("write it as 4x3: 4 across and 3 down, at most %d in a direction and %d in all", maxTiles, MaxParts)
	}
	return t, nil
}

func (t Tiles) ok() bool {
	return t == Tiles{} || t.X >= 1 && t.Y >= 1 && t.X <= maxTiles && t.Y <= maxTiles && t.X*t.Y <= MaxParts
}

// Count is how many tiles there are; 0: the frame is not cut.
func (t Tiles) Count() int { return max(0, t.X) * max(0, t.Y) }

// Of is the tile with a number, 1..Count, of a picture that is so wide and high, in whole pixels from its upper left corner.
// Tiles are numbered from there, line by line; their sizes differ by one pixel at most in each direction. Of a picture
// with fewer pixels than tiles some are empty.
func (t Tiles) Of(part, width, height int) image.Rectangle {
	x, y := (part-1)%t.X, (part-1)/t.X
	return image.Rect(x*width/t.X, y*height/t.Y, (x+1)*width/t.X, (y+1)*height/t.Y)
}

// SamplesOf are the samples of a part, 1..parts, of a frame that has so many: from one to before another. Parts differ by
// one at most; the first has the frame's first sample.
func SamplesOf(part, parts, samples int) (from, to int) {
	return (part - 1) * samples / parts, part * samples / parts
}

func (t Tiles) String() string {
	if t == (Tiles{}) {
		return ""
	}
	return strconv.Itoa(t.X) + "x" + strconv.Itoa(t.Y)
}

// MarshalText writes the tiles as String does; none are empty text.
func (t Tiles) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseTiles does, and empty text as none.
func (t *Tiles) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Tiles{}
		return nil
	}
	v, err := ParseTiles(string(text))
	if err == nil {
		*t = v
	}
	return err
}
