package exr

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Plane is a channel with its pixels: little-endian samples, line by line from the top.
type Plane struct {
	Name  string
	Type  PixelType
	Bytes []byte
}

// Image is a picture to write: one part, all in memory.
type Image struct {
	Width, Height int
	Compression   Compression
	Planes        []Plane
	Attributes    []Attribute // besides those every file has
}

// Write writes the image as a scanline file of one part.
func Write(w io.Writer, im *Image) error {
	if im.Width < 1 || im.Height < 1 || im.Width > maxSide || im.Height > maxSide {
		return fmt.Errorf("an image of %d x %d pixels cannot be written", im.Width, im.Height)
	}
	if im.Compression > ZIP {
		return fmt.Errorf("%w: it cannot be written", ErrUnsupported)
	}
	planes := slices.Clone(im.Planes)
	// The format wants channels in the order of their names.
	slices.SortFunc(planes, func(a, b Plane) int { return strings.Compare(a.Name, b.Name) })
	var channels []byte
	line := 0
	for i, p := range planes {
		if p.Name == "" || len(p.Name) > 255 || strings.IndexByte(p.Name, 0) >= 0 || i > 0 && planes[i-1].Name == p.Name {
			return fmt.Errorf("a channel cannot be named %q, or not twice", p.Name)
		}
		if len(p.Bytes) != im.Width*im.Height*p.Type.Size() {
			return fmt.Errorf("channel %s has %d bytes instead of %d", p.Name, len(p.Bytes), im.Width*im.Height*p.Type.Size())
		}
		channels = append(append(channels, p.Name...), 0)
		channels = words(uint32(p.Type), 0, 1, 1)(channels)
		line += p.Type.Size() * im.Width
	}
	channels = append(channels, 0)
	box := words(0, 0, uint32(im.Width-1), uint32(im.Height-1))(nil)
	attributes := append([]Attribute{
		{"channels", "chlist", channels},
		{"compression", "compression", []byte{byte(im.Compression)}},
		{"dataWindow", "box2i", box},
		{"displayWindow", "box2i", box},
		{"lineOrder", "lineOrder", []byte{0}},
		{"pixelAspectRatio", "float", words(0x3f800000)(nil)},
		{"screenWindowCenter", "v2f", words(0, 0)(nil)},
		{"screenWindowWidth", "float", words(0x3f800000)(nil)},
	}, im.Attributes...)
	head := words(magic, 2|flagLong)(nil)
	for _, a := range attributes {
		head = append(append(append(append(head, a.Name...), 0), a.Type...), 0)
		head = append(words(uint32(len(a.Value)))(head), a.Value...)
	}
	head = append(head, 0)
	lines := im.Compression.lines()
	chunks := (im.Height + lines - 1) / lines
	// The table of offsets comes before the blocks, so these are packed first.
	var table, body []byte
	var k packer
	at := uint64(len(head) + 8*chunks)
	block := make([]byte, 0, lines*line)
	for y := 0; y < im.Height; y += lines {
		block = block[:0]
		for row := y; row < min(y+lines, im.Height); row++ {
			for _, p := range planes {
				n := im.Width * p.Type.Size()
				block = append(block, p.Bytes[row*n:(row+1)*n]...)
			}
		}
		packed, err := k.pack(im.Compression, block)
		if err != nil {
			return err
		}
		table = binary.LittleEndian.AppendUint64(table, at+uint64(len(body)))
		body = append(words(uint32(y), uint32(len(packed)))(body), packed...)
	}
	for _, b := range [][]byte{head, table, body} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// words appends little-endian 32-bit words.
func words(list ...uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		for _, w := range list {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		return b
	}
}

// WriteFile writes the image to a file.
func WriteFile(path string, im *Image) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	w := bufio.NewWriter(f)
	if err := Write(w, im); err != nil {
		return err
	}
	return w.Flush()
}
