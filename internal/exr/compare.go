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
	Text    string  // another size or type
	Pixels  int     // samples whose bits differ
	Largest float64 // largest absolute difference; NaN against a number counts as infinite
}

// Diff is what differs; none means that every channel has the same bits everywhere.
type Diff struct {
	Channels    int // compared
	Differences []Difference
}

// Equal tells whether every sample of every channel has the same bits.
func (d *Diff) Equal() bool { return len(d.Differences) == 0 }

func (d *Diff) String() string {
	if d.Equal() {
		return fmt.Sprintf("all %d channels are equal, bit by bit", d.Channels)
	}
	var lines []string
	for _, x := range d.Differences {
		switch {
		case x.OnlyIn != "":
			lines = append(lines, fmt.Sprintf("channel %s is only in the %s file", clean(x.Channel), x.OnlyIn))
		case x.Text != "":
			lines = append(lines, fmt.Sprintf("channel %s: %s", clean(x.Channel), x.Text))
		default:
			lines = append(lines, fmt.Sprintf("channel %s differs in %d samples, by up to %g", clean(x.Channel), x.Pixels, x.Largest))
		}
	}
	return strings.Join(lines, "\n")
}

// Compare compares every channel of every part bit by bit, by full names, so that a file of several parts can equal
// an interleaved one. Both files must be readable here.
func Compare(a, b *File) (Diff, error) {
	pa, err := a.planes()
	if err != nil {
		return Diff{}, err
	}
	pb, err := b.planes()
	if err != nil {
		return Diff{}, err
	}
	var d Diff
	names := map[string]bool{}
	for n := range pa {
		names[n] = true
	}
	for n := range pb {
		names[n] = true
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	for _, n := range sorted {
		x, inA := pa[n]
		y, inB := pb[n]
		switch {
		case !inB:
			d.Differences = append(d.Differences, Difference{Channel: n, OnlyIn: "first"})
		case !inA:
			d.Differences = append(d.Differences, Difference{Channel: n, OnlyIn: "second"})
		case x.Type != y.Type || x.box.Width() != y.box.Width() || x.box.Height() != y.box.Height():
			d.Differences = append(d.Differences, Difference{Channel: n, Text: "the files differ in size or kind of sample"})
		default:
			d.Channels++
			if diff := compareBytes(x.Type, x.Bytes, y.Bytes); diff.Pixels > 0 {
				diff.Channel = n
				d.Differences = append(d.Differences, diff)
			}
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

type placed struct {
	Plane
	box Box
}

// planes loads every channel by its full name: in files of several parts, the part's name stands before it unless
// the channel's name begins with it already.
func (f *File) planes() (map[string]placed, error) {
	all := make(map[string]placed)
	for _, p := range f.Parts {
		list, err := p.Load()
		if err != nil {
			return nil, err
		}
		for _, pl := range list {
			if len(f.Parts) > 1 && !strings.HasPrefix(pl.Name, p.Name+".") && p.Name != "" {
				pl.Name = p.Name + "." + pl.Name
			}
			if _, twice := all[pl.Name]; twice {
				return nil, bad("it has the channel %s twice", clean(pl.Name))
			}
			all[pl.Name] = placed{pl, p.Data}
		}
	}
	return all, nil
}

// Load reads the whole part.
func (p *Part) Load() ([]Plane, error) {
	if err := p.scanline(); err != nil {
		return nil, err
	}
	w, h := p.Data.Width(), p.Data.Height()
	planes := make([]Plane, len(p.Channels))
	var buf []byte
	seen := make([]bool, p.Chunks)
	for i := range p.offsets {
		b, err := p.ReadBlock(i, buf)
		if err != nil {
			return nil, err
		}
		buf = b.Bytes
		seen[b.Line/p.Compression.lines()] = true
		at := 0
		for y := b.Line; y < b.Line+b.Lines; y++ {
			for c, ch := range p.Channels {
				n := w * ch.Type.Size()
				if planes[c].Bytes == nil { // after a block was read: a header alone must not cost memory
					planes[c] = Plane{ch.Name, ch.Type, make([]byte, n*h)}
				}
				copy(planes[c].Bytes[y*n:], b.Bytes[at:at+n])
				at += n
			}
		}
	}
	if slices.Contains(seen, false) {
		return nil, bad("some of its lines are missing")
	}
	return planes, nil
}

func compareBytes(t PixelType, a, b []byte) Difference {
	var d Difference
	if bytes.Equal(a, b) {
		return d
	}
	n := t.Size()
	for i := 0; i < len(a); i += n {
		if bytes.Equal(a[i:i+n], b[i:i+n]) {
			continue
		}
		d.Pixels++
		diff := math.Abs(sample(t, a[i:]) - sample(t, b[i:]))
		if math.IsNaN(diff) {
			diff = math.Inf(1)
		}
		d.Largest = max(d.Largest, diff)
	}
	return d
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

// halfValue widens an IEEE 754 binary16.
func halfValue(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) / (1 << 24)
	if sign != 0 {
		return -v
	}
	return v
}
