package blender

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// Bounds of a thumbnail. Blender writes 128 pixels on the longer edge, or 256.
const (
	thumbnailEdge   = 1024    // pixels
	thumbnailWithin = 8 << 20 // bytes of the unpacked file; it stands near the beginning
)

// Thumbnail is the picture that a .blend carries, as PNG; nil when it carries none, or one that cannot be read. Blender
// writes one where it has a window. Source: blenloader/intern/readfile.cc, read_file_thumbnail, and BLO_core_bhead.hh.
func Thumbnail(blend string) []byte {
	file, err := os.Open(blend)
	if err != nil {
		return nil
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	in := bufio.NewReader(file)
	var plain io.Reader = in
	switch head, _ := in.Peek(4); {
	case isZstd(head):
		unpack, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackLimit))
		if err != nil {
			return nil
		}
		defer unpack.Close()
		plain = unpack
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		if plain, err = gzip.NewReader(in); err != nil {
			return nil
		}
	}
	return thumbnail(io.LimitReader(plain, thumbnailWithin))
}

// thumbnail reads the blocks of a .blend up to the one that holds the picture: those of the render settings may be before it.
func thumbnail(in io.Reader) []byte {
	block, ok := blocksOf(in)
	if !ok {
		return nil
	}
	for {
		code, size, ok := block()
		switch {
		case !ok || size < 0:
			return nil
		case code == "REND":
			if _, err := io.CopyN(io.Discard, in, size); err != nil {
				return nil
			}
		case code == "TEST" && size >= 8:
			return picture(in, size)
		default:
			return nil
		}
	}
}

// blocksOf reads the head of a .blend; what it returns reads the head of the next block. Files of machines that store numbers
// the other way round, as none does since 2.5, are not read.
func blocksOf(in io.Reader) (next func() (code string, size int64, ok bool), ok bool) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(in, head); err != nil || !bytes.HasPrefix(head, []byte(magic)) {
		return nil, false
	}
	long, at, wide := 24, 4, false // bytes of a block's head, and where in it the size is
	switch {
	case oldHead.Match(head):
		if head[7] == '_' {
			long = 20
		}
		if head[8] != 'v' {
			return nil, false
		}
	default: // its own length is the first number: "BLENDER17-01v0500"
		n := int(head[7]-'0')*10 + int(head[8]-'0')
		if n < len(head) || n > headSize {
			return nil, false
		}
		rest := make([]byte, n-len(head))
		if _, err := io.ReadFull(in, rest); err != nil || !newHead.Match(append(head, rest...)) || rest[0] != 'v' {
			return nil, false
		}
		long, at, wide = 32, 16, true
	}
	return func() (string, int64, bool) {
		b := make([]byte, long)
		if _, err := io.ReadFull(in, b); err != nil {
			return "", 0, false
		}
		if wide {
			return string(b[:4]), int64(binary.LittleEndian.Uint64(b[at:])), true
		}
		return string(b[:4]), int64(int32(binary.LittleEndian.Uint32(b[at:]))), true
	}, true
}

// picture makes a PNG of a block: width, height, and the pixels from the bottom up.
func picture(in io.Reader, size int64) []byte {
	edges := make([]byte, 8)
	if _, err := io.ReadFull(in, edges); err != nil {
		return nil
	}
	width, height := int64(int32(binary.LittleEndian.Uint32(edges))), int64(int32(binary.LittleEndian.Uint32(edges[4:])))
	if width < 1 || height < 1 || width > thumbnailEdge || height > thumbnailEdge || size-8 < 4*width*height {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, int(width), int(height)))
	for y := int(height) - 1; y >= 0; y-- {
		if _, err := io.ReadFull(in, img.Pix[y*img.Stride:y*img.Stride+4*int(width)]); err != nil {
			return nil
		}
	}
	var out bytes.Buffer
	if png.Encode(&out, img) != nil {
		return nil
	}
	return out.Bytes()
}
