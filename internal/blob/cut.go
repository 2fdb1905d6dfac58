package blob

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/bits"
	"strconv"
)

// A chunk is a part of a blob whose ends are found by looking at the bytes around them, so that two blobs that share
// bytes share chunks, wherever those lie. The ends are found by FastCDC with normalised chunking of level 2 (W. Xia et
// al., "FastCDC", USENIX ATC 2016; "The Design of Fast Content-Defined Chunking", IEEE TPDS 31(9), 2020). Unlike
// there, the window of the rolling hash is full when the first end may come.
const (
	// CutName names the way chunks are cut: those of another name are not the same. A test pins that.
	CutName  = "fastcdc-32k-1"
	minChunk = 8 << 10
	midChunk = 32 << 10
	// MaxChunk is the most bytes of a chunk. Only the last one of a blob has less than a sixteenth of it.
	MaxChunk = 128 << 10
	// ChunkFrom is the size in bytes from which blobs are cut, and ChunkUpTo the one up to which they are.
	ChunkFrom = 4 << 20
	ChunkUpTo = 60 << 30
)

// cutSizes are the bounds of chunks: an end is looked for by strict from least to mid, and by loose from mid to most.
type cutSizes struct {
	least, mid, most int
	strict, loose    uint64 // where the hash has none of these bits, a chunk ends
}

// sizesOf makes bounds; mid is a power of two.
func sizesOf(least, mid, most int) cutSizes {
	n := bits.TrailingZeros(uint(mid))
	top := func(n int) uint64 { return ^uint64(0) << (64 - n) } // the high bits depend on the whole window of 64 bytes
	return cutSizes{least, mid, most, top(n + 2), top(n - 2)}
}

var chunkSizes = sizesOf(minChunk, midChunk, MaxChunk)

// gear gives each byte a number that looks like chance and never changes.
var gear = func() (g [256]uint64) {
	for i := 0; i < len(g); i += 4 {
		sum := sha256.Sum256([]byte("fastcdc gear " + strconv.Itoa(i)))
		for k := range 4 {
			g[i+k] = binary.BigEndian.Uint64(sum[8*k:])
		}
	}
	return g
}()

// cut returns the length of the first chunk of b, which holds most bytes or all that there are.
func (s *cutSizes) cut(b []byte) int {
	if len(b) <= s.least {
		return len(b)
	}
	b = b[:min(len(b), s.most)]
	mid := min(len(b), s.mid)
	var hash uint64
	for _, c := range b[max(0, s.least-64):s.least] {
		hash = hash<<1 + gear[c]
	}
	for i, c := range b[s.least:mid] {
		if hash = hash<<1 + gear[c]; hash&s.strict == 0 {
			return s.least + i + 1
		}
	}
	for i, c := range b[mid:] {
		if hash = hash<<1 + gear[c]; hash&s.loose == 0 {
			return mid + i + 1
		}
	}
	return len(b)
}

// Cutter cuts what it reads into chunks. It belongs to one goroutine.
type Cutter struct {
	r        io.Reader
	sizes    *cutSizes
	buf      []byte
	from, to int // of buf: read and not given
	err      error
}

// NewCutter cuts the bytes of r.
func NewCutter(r io.Reader) *Cutter { return newCutter(r, &chunkSizes) }

func newCutter(r io.Reader, s *cutSizes) *Cutter {
	return &Cutter{r: r, sizes: s, buf: make([]byte, 8*s.most)}
}

// Next returns the next chunk, which holds until it is called again, or io.EOF after the last. When reading fails that
// is said at once: what was read before has no end yet.
func (c *Cutter) Next() ([]byte, error) {
	if c.to-c.from < c.sizes.most && c.err == nil {
		c.to = copy(c.buf, c.buf[c.from:c.to])
		c.from = 0
		idle := 0
		for c.to < len(c.buf) && c.err == nil {
			var n int
			n, c.err = c.r.Read(c.buf[c.to:])
			if n == 0 && c.err == nil {
				if idle++; idle == 100 {
					c.err = io.ErrNoProgress
				}
				continue
			}
			c.to, idle = c.to+n, 0
		}
	}
	if c.err != nil && c.err != io.EOF {
		return nil, c.err
	}
	if c.from == c.to {
		return nil, io.EOF
	}
	n := c.sizes.cut(c.buf[c.from:c.to])
	c.from += n
	return c.buf[c.from-n : c.from], nil
}
