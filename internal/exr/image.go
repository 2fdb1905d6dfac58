package exr

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Image is a picture to write: one part, all in memory.
type Image struct {
	Width, Height int
	Compression   Compression
	Planes        []Plane     // in any order
	Attributes    []Attribute // besides those of Basics, or instead of them
}

// Write writes the image as a scanline file of one part. w gets it in one piece.
func Write(w io.Writer, im *Image) error {
	var b memory
	if err := im.write(&b); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
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
	return im.write(f)
}

func (im *Image) write(to io.WriterAt) error {
	if im.Width < 1 || im.Height < 1 || im.Width > maxSide || im.Height > maxSide {
		return fmt.Errorf("an image of %d x %d pixels cannot be written", im.Width, im.Height)
	}
	planes := slices.Clone(im.Planes)
	slices.SortFunc(planes, func(a, b Plane) int { return strings.Compare(a.Name, b.Name) })
	channels := make([]Channel, len(planes))
	for i, p := range planes {
		if p.Name == "" || strings.IndexByte(p.Name, 0) >= 0 {
			return fmt.Errorf("a channel cannot be named %q", p.Name)
		}
		if want := im.Width * im.Height * p.Type.Size(); len(p.Bytes) != want {
			return fmt.Errorf("channel %s has %d bytes instead of %d", clean(p.Name), len(p.Bytes), want)
		}
		channels[i] = Channel{Name: p.Name, Type: p.Type, XSampling: 1, YSampling: 1}
	}
	attributes := Basics(int32(im.Width), int32(im.Height), im.Compression, channels)
	for _, a := range im.Attributes {
		attributes = Replace(attributes, a)
	}
	w, err := NewWriter(to, attributes)
	if err != nil {
		return err
	}
	h := w.Header(0)
	if h.Data.Width() != int64(im.Width) || h.Data.Height() != int64(im.Height) || !slices.Equal(h.Channels, channels) {
		return fmt.Errorf("the attributes describe another image")
	}
	var lines []byte
	for n := range h.Chunks {
		i := n
		if h.LineOrder == Decreasing {
			i = h.Chunks - 1 - n
		}
		first, count := h.BlockLines(i)
		lines = lines[:0]
		for y := first; y < first+count; y++ {
			for _, p := range planes {
				row := im.Width * p.Type.Size()
				lines = append(lines, p.Bytes[y*row:(y+1)*row]...)
			}
		}
		if err := w.WriteBlock(0, i, lines); err != nil {
			return err
		}
	}
	return w.Close()
}

// memory is a file in memory.
type memory []byte

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if end := at + int64(len(b)); end > int64(len(*m)) {
		*m = append(*m, make([]byte, end-int64(len(*m)))...)
	}
	return copy((*m)[at:], b), nil
}
