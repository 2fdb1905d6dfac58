// Package exr reads, writes, verifies, compares, stitches and merges OpenEXR images: single-part and multi-part scanline files,
// uncompressed or with RLE, ZIPS or ZIP compression, of half, float and uint channels. The headers of all other files
// (tiled, deep, PIZ, DWA and the like) can be read and their outer shape verified; their pixels are refused with
// ErrUnsupported.
//
// A *part* is one image of a file; its *header* is a list of *attributes*. A *block* is the run of 1 or 16 lines that
// is packed together, a *chunk* its bytes in the file. A *line* is a row of pixels: channel by channel in the order of
// their names, little-endian samples from left to right. A *plane* is all samples of one channel.
//
// Reading and writing keep one block of a part in memory unless a whole part is asked for. Nothing that a file says is
// believed before it was held against the size of the file and the limits below.
//
// The format is described in "OpenEXR File Layout" and "Technical Introduction to OpenEXR", openexr.com; comments
// below name sections of the former.
package exr

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of errors that lie in a file, for errors.Is; the errors themselves are plain sentences. Errors of reading
// from the disk are passed on as they are.
var (
	ErrFormat      = errors.New("this is no OpenEXR file, or a damaged one")
	ErrUnsupported = errors.New("the pixels of this kind of OpenEXR file cannot be read or written here")
)

// Limits on what a file may ask for. A block may moreover not claim to be larger than its chunk can unpack to.
const (
	maxHeader   = 64 << 20 // bytes of all headers
	maxParts    = 1 << 10
	maxChannels = 1 << 12 // of a part
	maxSide     = 1 << 17 // pixels
	maxPixels   = 1 << 30 // of a part
	maxChunks   = 1 << 22 // of a file
	maxBlock    = 1 << 30 // bytes, unpacked
	maxLoad     = 1 << 34 // bytes of a part that is loaded whole
)

// PixelType is how a channel's samples are kept.
type PixelType int32

// The pixel types.
const (
	Uint  PixelType = 0 // 32 bits
	Half  PixelType = 1 // IEEE 754 binary16
	Float PixelType = 2 // IEEE 754 binary32
)

// Size is the bytes of a sample.
func (t PixelType) Size() int {
	if t == Half {
		return 2
	}
	return 4
}

func (t PixelType) String() string {
	switch t {
	case Uint:
		return "uint"
	case Half:
		return "half"
	case Float:
		return "float"
	}
	return fmt.Sprintf("pixel type %d", int32(t))
}

// Compression is how blocks are packed.
type Compression byte

// The compressions that can be read and written here.
const (
	None Compression = 0
	RLE  Compression = 1 // run lengths, a line at a time
	ZIPS Compression = 2 // deflate, a line at a time
	ZIP  Compression = 3 // deflate, 16 lines at a time
)

// compressions are the names and block heights by number ("Regular Scan Line Blocks", and the library for the newer).
var compressions = [...]struct {
	name  string
	lines int
}{
	{"NONE", 1},
	{"RLE", 1},
	{"ZIPS", 1},
	{"ZIP", 16},
	{"PIZ", 32},
	{"PXR24", 16},
	{"B44", 32},
	{"B44A", 32},
	{"DWAA", 32},
	{"DWAB", 256},
	{"HTJ2K256", 256},
	{"HTJ2K32", 32},
}

func (c Compression) known() bool { return int(c) < len(compressions) }

func (c Compression) String() string {
	if c.known() {
		return compressions[c].name
	}
	return fmt.Sprintf("number %d", byte(c))
}

// Lines is the number of lines in a block, the last of a part excepted; 0 if the compression is not known.
func (c Compression) Lines() int {
	if c.known() {
		return compressions[c].lines
	}
	return 0
}

// LineOrder is the order of the blocks in the file. The table of offsets is always from top to bottom.
type LineOrder byte

// The line orders.
const (
	Increasing LineOrder = 0 // from the top
	Decreasing LineOrder = 1
	Random     LineOrder = 2
)

// Kind is the type of a part ("Multi-Part and Deep Data Header Attributes").
type Kind string

// The kinds; only scanline parts have pixels that can be read and written here.
const (
	Scanline     Kind = "scanlineimage"
	Tiled        Kind = "tiledimage"
	DeepScanline Kind = "deepscanline"
	DeepTiled    Kind = "deeptile"
)

// Channel is one channel of a part.
type Channel struct {
	Name                 string // like ViewLayer.Combined.R
	Type                 PixelType
	Linear               byte // perceptually linear: a hint for lossy compressions, kept as it is
	XSampling, YSampling int32
}

// Box is a window in pixels, y downwards; both corners belong to it.
type Box struct{ MinX, MinY, MaxX, MaxY int32 }

// Width is the pixels of a line.
func (b Box) Width() int64 { return int64(b.MaxX) - int64(b.MinX) + 1 }

// Height is the number of lines.
func (b Box) Height() int64 { return int64(b.MaxY) - int64(b.MinY) + 1 }

func (b Box) String() string {
	return fmt.Sprintf("(%d %d)-(%d %d)", b.MinX, b.MinY, b.MaxX, b.MaxY)
}

// failure is a sentence of a kind.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// damaged finishes the sentence "the OpenEXR file is damaged: ..."
func damaged(format string, args ...any) error {
	return &failure{ErrFormat, "the OpenEXR file is damaged: " + fmt.Sprintf(format, args...)}
}

func cutOff(format string, args ...any) error {
	return &failure{ErrFormat, "the OpenEXR file is cut off: " + fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &failure{ErrUnsupported, fmt.Sprintf(format, args...)}
}

// clean makes a name from a file printable and short.
func clean(s string) string {
	if len(s) > 100 {
		s = s[:97] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
