package exr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Difference is how a channel differs between two files.
type Difference struct {
	Channel string
	OnlyIn  string  // "first" or "second": the other file lacks the channel
	Text    string  // another window or type, so that the samples were not compared
	Samples int     // whose bits differ
	Largest float64 // greatest absolute difference; infinite between a number and what is none
}

func (d Difference) String() string {
	switch {
	case d.OnlyIn != "":
		return fmt.Sprintf("channel %s is only in the %s file", clean(d.Channel), d.OnlyIn)
	case d.Text != "":
		return fmt.Sprintf("channel %s is %s", clean(d.Channel), d.Text)
	}
	return fmt.Sprintf("channel %s differs in %d samples, by up to %g", clean(d.Channel), d.Samples, d.Largest)
}

// Diff is what differs; none means that every channel has the same bits everywhere.
type Diff struct {
	Channels    int          // compared sample by sample
	Differences []Difference // sorted by channel
}

// Equal tells whether both files have the same channels, and the same bits in every sample of each.
func (d *Diff) Equal() bool { return len(d.Differences) == 0 }

func (d *Diff) String() string {
	if d.Equal() {
		return fmt.Sprintf("all %d channels are equal, bit by bit", d.Channels)
	}
	lines := make([]string, len(d.Differences))
	for i, x := range d.Differences {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// Compare compares every channel of every part, sample by sample and bit by bit: a NaN equals only the same NaN, and
// 0 differs from -0. Channels are matched by their full names, so that a file of several parts can equal one that has
// them all in one. Other attributes than windows and channels do not count. It fails if the pixels of either file
// cannot be read. One block of each part is in memory at a time.
func Compare(a, b *File) (Diff, error) {
	var d Diff
	as, bs := a.channels(), b.channels()
	names := make([]string, 0, len(as))
	for n := range as {
		names = append(names, n)
	}
	for n := range bs {
		if _, ok := as[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	type pair struct {
		a, b stream
		Difference
	}
	var pairs []*pair
	height := 0
	for _, n := range names {
		x, inA := as[n]
		y, inB := bs[n]
		p := &pair{x, y, Difference{Channel: n}}
		pairs = append(pairs, p)
		switch {
		case !inB:
			p.OnlyIn = "first"
		case !inA:
			p.OnlyIn = "second"
		case x.kind != y.kind:
			p.Text = fmt.Sprintf("%v in the first file and %v in the second", x.kind, y.kind)
		case x.lines.part.Data != y.lines.part.Data:
			p.Text = fmt.Sprintf("%v in the first file and %v in the second", x.lines.part.Data, y.lines.part.Data)
		default:
			d.Channels++
			height = max(height, int(x.lines.part.Data.Height()))
		}
	}
	for which, f := range map[string]*File{"first": a, "second": b} {
		for _, p := range f.Parts {
			if err := p.Readable(); err != nil {
				return Diff{}, fmt.Errorf("the %s file: %w", which, err)
			}
		}
	}
	for y := range height {
		for _, p := range pairs {
			if p.OnlyIn != "" || p.Text != "" || int64(y) >= p.a.lines.part.Data.Height() {
				continue
			}
			rowA, err := p.a.lines.Read(y)
			if err != nil {
				return Diff{}, fmt.Errorf("the first file: %w", err)
			}
			rowB, err := p.b.lines.Read(y)
			if err != nil {
				return Diff{}, fmt.Errorf("the second file: %w", err)
			}
			p.compare(p.a.kind, rowA[p.a.from:p.a.to], rowB[p.b.from:p.b.to])
		}
	}
	for _, p := range pairs {
		if p.OnlyIn != "" || p.Text != "" || p.Samples > 0 {
			d.Differences = append(d.Differences, p.Difference)
		}
	}
	return d, nil
}

// CompareFiles compares two files on disk.
func CompareFiles(first, second string) (Diff, error) {
	var d Diff
	err := withFile(first, func(ra io.ReaderAt, sa int64) error {
		return withFile(second, func(rb io.ReaderAt, sb int64) error {
			a, err := Open(ra, sa)
			if err != nil {
				return fmt.Errorf("%s: %w", first, err)
			}
			b, err := Open(rb, sb)
			if err != nil {
				return fmt.Errorf("%s: %w", second, err)
			}
			d, err = Compare(a, b)
			return err
		})
	})
	return d, err
}

// stream is where the samples of a channel come from.
type stream struct {
	lines    *Lines // of the part
	kind     PixelType
	from, to int // in a line
}

// channels finds every channel by its full name: in files of several parts, the part's name stands before it unless
// the channel's own begins with it. Where two parts would have the same channel, its number tells the later apart.
func (f *File) channels() map[string]stream {
	all := make(map[string]stream)
	for _, p := range f.Parts {
		lines := p.Lines()
		for i, c := range p.Channels {
			full := c.Name
			if len(f.Parts) > 1 && p.Name != "" && !strings.HasPrefix(full, p.Name+".") {
				full = p.Name + "." + full
			}
			if _, twice := all[full]; twice {
				full = fmt.Sprintf("%s (part %d)", full, p.index+1)
			}
			s := stream{lines: lines, kind: c.Type}
			s.from, s.to = p.Span(i)
			all[full] = s
		}
	}
	return all
}

// compare counts the differences of a line.
func (d *Difference) compare(t PixelType, a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	n := t.Size()
	for i := 0; i < len(a); i += n {
		if bytes.Equal(a[i:i+n], b[i:i+n]) {
			continue
		}
		d.Samples++
		x, y := sample(t, a[i:]), sample(t, b[i:])
		diff := math.Abs(x - y)
		switch {
		case math.IsNaN(x) && math.IsNaN(y): // other bits, but no distance
			diff = 0
		case math.IsNaN(diff):
			diff = math.Inf(1)
		}
		d.Largest = max(d.Largest, diff)
	}
}

// sample is a sample's value.
func sample(t PixelType, b []byte) float64 {
	switch t {
	case Half:
		return float64(halfValue(binary.LittleEndian.Uint16(b)))
	case Float:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return float64(binary.LittleEndian.Uint32(b))
}

// halfValue widens an IEEE 754 binary16, which it can do exactly ("Floating-Point Numbers").
func halfValue(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) / (1 << 24)
	return math.Float32frombits(math.Float32bits(v) | sign)
}
