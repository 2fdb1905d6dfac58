// Package exr reads, writes, verifies and compares OpenEXR images: single-part and multi-part scanline files,
// uncompressed or with RLE, ZIPS or ZIP compression, of half, float and uint channels. Headers of other files (tiled,
// deep, PIZ and the like) can be read; their pixels are refused with ErrUnsupported.
//
// A *part* is an image of a file; a *block* is the run of 1 or 16 lines that is compressed together; a *plane* is all
// the pixels of one channel. Reading keeps one block in memory unless a whole part is asked for. Nothing a file says
// is believed before it was checked against the file's size and the limits below.
//
// The format is described in "OpenEXR File Layout" and "Technical Introduction to OpenEXR", openexr.com.
package exr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The errors of reading, for errors.Is; their texts are sentences.
var (
	ErrFormat      = errors.New("not an OpenEXR image") // no EXR at all, or damaged
	ErrUnsupported = errors.New("an OpenEXR image of a kind that cannot be read here")
)

// Limits on what a file may ask for.
const (
	maxHeader   = 16 << 20 // bytes of all headers
	maxParts    = 1024
	maxChannels = 4096
	maxSide     = 1 << 17 // pixels
	maxPixels   = 1 << 30 // of a part
	maxBlock    = 1 << 30 // bytes of a block, uncompressed
)

// PixelType is how a channel's samples are kept.
type PixelType int32

// The pixel types.
const (
	Uint  PixelType = 0
	Half  PixelType = 1
	Float PixelType = 2
)

// Size is the bytes of a sample.
func (t PixelType) Size() int {
	if t == Half {
		return 2
	}
	return 4
}

// Compression is how blocks are packed.
type Compression byte

// The compressions; those after ZIP are only recognised.
const (
	None Compression = 0
	RLE  Compression = 1
	ZIPS Compression = 2 // deflate, a line at a time
	ZIP  Compression = 3 // deflate, 16 lines at a time
)

// lines is the number of lines in a block.
func (c Compression) lines() int {
	switch c {
	case None, RLE, ZIPS:
		return 1
	case ZIP, 5: // PXR24
		return 16
	case 8: // DWAB
		return 256
	}
	return 32 // PIZ, B44, B44A, DWAA
}

// Attribute is an entry of a header as it stands in the file.
type Attribute struct {
	Name, Type string
	Value      []byte
}

// Channel is one channel of a part.
type Channel struct {
	Name                 string
	Type                 PixelType
	Linear               byte // perceptually linear; kept as it is
	XSampling, YSampling int32
}

// Box is a window in pixels; both corners belong to it.
type Box struct{ MinX, MinY, MaxX, MaxY int32 }

// Width and Height are the window's sides in pixels.
func (b Box) Width() int  { return int(b.MaxX) - int(b.MinX) + 1 }
func (b Box) Height() int { return int(b.MaxY) - int(b.MinY) + 1 }

// Header is a part's header: all attributes in their order, and what they say.
type Header struct {
	Attributes  []Attribute
	Name        string // of the part; empty in files of one part
	Kind        string // scanlineimage, tiledimage, deepscanline, deeptile; empty in old files
	Channels    []Channel
	Data        Box // data window
	Compression Compression
	LineOrder   byte // 0 increasing, 1 decreasing, 2 random
	Chunks      int  // blocks, or tiles
}

// Get returns an attribute's value.
func (h *Header) Get(name string) (Attribute, bool) {
	for _, a := range h.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// parse fills the fields from the attributes and checks them.
func (h *Header) parse(tiled, deep bool) error {
	need := map[string]bool{"channels": true, "dataWindow": true, "compression": true, "lineOrder": true}
	for _, a := range h.Attributes {
		var err error
		switch a.Name {
		case "channels":
			h.Channels, err = parseChannels(a.Value)
		case "dataWindow":
			if len(a.Value) != 16 {
				return bad("its data window cannot be read")
			}
			for i, p := range []*int32{&h.Data.MinX, &h.Data.MinY, &h.Data.MaxX, &h.Data.MaxY} {
				*p = int32(binary.LittleEndian.Uint32(a.Value[4*i:]))
			}
		case "compression", "lineOrder":
			if len(a.Value) != 1 {
				return bad("its attribute %s cannot be read", a.Name)
			}
			if a.Name == "compression" {
				h.Compression = Compression(a.Value[0])
			} else {
				h.LineOrder = a.Value[0]
			}
		case "type":
			h.Kind = string(a.Value)
		case "name":
			h.Name = string(a.Value)
		}
		if err != nil {
			return err
		}
		delete(need, a.Name)
	}
	for name := range need {
		return bad("its header has no %s", name)
	}
	w, ht := h.Data.Width(), h.Data.Height()
	if w < 1 || ht < 1 || w > maxSide || ht > maxSide || w*ht > maxPixels {
		return bad("its size of %d x %d pixels makes no sense", w, ht)
	}
	if h.Compression > 9 {
		return bad("its compression %d is not known", h.Compression)
	}
	if h.Kind == "tiledimage" || h.Kind == "deeptile" || h.Kind == "" && tiled || deep || h.Kind == "deepscanline" {
		a, ok := h.Get("chunkCount")
		if ok && len(a.Value) == 4 {
			h.Chunks = int(int32(binary.LittleEndian.Uint32(a.Value)))
		}
		if h.Kind == "" {
			h.Kind = "tiledimage"
		}
		return nil
	}
	h.Chunks = (ht + h.Compression.lines() - 1) / h.Compression.lines()
	return nil
}

// scanline tells whether the pixels can be read here, and if not, why.
func (h *Header) scanline() error {
	switch {
	case h.Kind != "" && h.Kind != "scanlineimage":
		return fmt.Errorf("%w: it is a %s", ErrUnsupported, clean(h.Kind))
	case h.Compression > ZIP:
		return fmt.Errorf("%w: its compression is number %d", ErrUnsupported, h.Compression)
	}
	for _, c := range h.Channels {
		if c.XSampling != 1 || c.YSampling != 1 {
			return fmt.Errorf("%w: its channel %s is subsampled", ErrUnsupported, clean(c.Name))
		}
	}
	if h.lineBytes()*h.Compression.lines() > maxBlock {
		return fmt.Errorf("%w: its lines are too long", ErrUnsupported)
	}
	return nil
}

// lineBytes is the size of a line, uncompressed.
func (h *Header) lineBytes() int {
	n := 0
	for _, c := range h.Channels {
		n += c.Type.Size()
	}
	return n * h.Data.Width()
}

func parseChannels(b []byte) ([]Channel, error) {
	var list []Channel
	for {
		name, rest, ok := cutZero(b, 255)
		if !ok {
			return nil, bad("its list of channels cannot be read")
		}
		if name == "" {
			if len(rest) != 0 {
				return nil, bad("its list of channels cannot be read")
			}
			return list, nil
		}
		if len(rest) < 16 || len(list) >= maxChannels {
			return nil, bad("its list of channels cannot be read")
		}
		c := Channel{
			Name: name, Type: PixelType(int32(binary.LittleEndian.Uint32(rest))), Linear: rest[4],
			XSampling: int32(binary.LittleEndian.Uint32(rest[8:])), YSampling: int32(binary.LittleEndian.Uint32(rest[12:])),
		}
		if c.Type < Uint || c.Type > Float || c.XSampling < 1 || c.YSampling < 1 {
			return nil, bad("its channel %s cannot be read", clean(name))
		}
		list = append(list, c)
		b = rest[16:]
	}
}

// cutZero splits b after its first zero byte; the text before it has at most limit bytes.
func cutZero(b []byte, limit int) (text string, rest []byte, ok bool) {
	for i := 0; i < len(b) && i <= limit; i++ {
		if b[i] == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return "", nil, false
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

// clean makes a name from a file printable.
func clean(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s), "?")
}
