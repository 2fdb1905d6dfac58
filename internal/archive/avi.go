package archive

import (
	"encoding/binary"
	"io"
)

// A Motion JPEG in an AVI file: JPEGs one after the other, each a frame. Laid out as in Microsoft's "AVI RIFF File Reference",
// of the first version: one RIFF with an index at its end.

// MaxAVI bounds an AVI file, in bytes: some programs take offsets of more for negative ones.
const MaxAVI = 1<<31 - 1

const (
	aviHead  = 12 + 8 + 4 + 64 + 8 + 4 + 64 + 48 + 12 // bytes before the first frame
	aviIndex = 8                                      // bytes of the index besides 16 for each frame
)

// AVI is what a film of JPEGs looks like.
type AVI struct {
	Width, Height int // pixels of each
	Rate, Scale   uint32
	Sizes         []int64 // bytes of each frame, in their order; Rate/Scale of them are shown in a second
}

// Size is how many bytes the file has.
func (a *AVI) Size() int64 { return aviHead + a.movie() + aviIndex + 16*int64(len(a.Sizes)) }

// movie is how many bytes the frames have with their heads.
func (a *AVI) movie() (n int64) {
	for _, size := range a.Sizes {
		n += 8 + size + size%2
	}
	return n
}

// Write writes the file. open is asked for the bytes of one frame after the other; one that has not as many as was said is
// an error. Size must be MaxAVI at most.
func (a *AVI) Write(w io.Writer, open func(i int) (io.ReadCloser, error)) error {
	if _, err := w.Write(a.head()); err != nil {
		return err
	}
	for i, size := range a.Sizes {
		if err := a.frame(w, size, i, open); err != nil {
			return err
		}
	}
	index := make([]byte, 0, aviIndex+16*len(a.Sizes))
	index = le32(append(index, "idx1"...), uint32(16*len(a.Sizes)))
	at := int64(4) // from the word movi on
	for _, size := range a.Sizes {
		index = le32(append(index, "00dc"...), 0x10, uint32(at), uint32(size)) // a key frame
		at += 8 + size + size%2
	}
	_, err := w.Write(index)
	return err
}

func (a *AVI) frame(w io.Writer, size int64, i int, open func(i int) (io.ReadCloser, error)) error {
	in, err := open(i)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := w.Write(le32([]byte("00dc"), uint32(size))); err != nil {
		return err
	}
	if n, err := io.Copy(w, io.LimitReader(in, size)); err != nil {
		return err
	} else if n != size {
		return ErrChanged
	}
	if size%2 > 0 {
		_, err = w.Write([]byte{0})
	}
	return err
}

func (a *AVI) head() []byte {
	var largest int64
	for _, size := range a.Sizes {
		largest = max(largest, size)
	}
	n, width, height := uint32(len(a.Sizes)), uint32(a.Width), uint32(a.Height)
	b := make([]byte, 0, aviHead)
	b = le32(append(b, "RIFF"...), uint32(a.Size()-8))
	b = le32(append(b, "AVI LIST"...), 4+64+8+4+64+48)
	b = le32(append(b, "hdrlavih"...), 56,
		uint32(1e6*uint64(a.Scale)/uint64(max(a.Rate, 1))), 0, 0, 0x10, n, 0, 1, uint32(largest), width, height, 0, 0, 0, 0) // 0x10: it has an index
	b = le32(append(b, "LIST"...), 4+64+48)
	b = le32(append(b, "strlstrh"...), 56)
	b = le32(append(b, "vidsMJPG"...), 0, 0, 0, a.Scale, a.Rate, 0, n, uint32(largest), 0xffffffff, 0, 0, width|height<<16)
	b = le32(append(b, "strf"...), 40, 40, width, height, 1|24<<16)
	b = le32(append(b, "MJPG"...), 3*width*height, 0, 0, 0, 0)
	b = le32(append(b, "LIST"...), uint32(4+a.movie()))
	return append(b, "movi"...)
}

func le32(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
