package exr

import (
	"encoding/binary"
	"errors"
)

// chunk is where a block's packed bytes are ("Chunk Layout").
type chunk struct {
	start, end int64 // with its head
	data       int64 // where the packed bytes begin; they reach to the end
	line       int32 // y of the first line, for scanline parts
}

// heads are the lengths of what precedes the packed bytes, without the part number.
var heads = map[Kind]int64{Scanline: 8, Tiled: 20, DeepScanline: 28, DeepTiled: 40}

// locate finds the part's i-th chunk and checks that it lies within the file.
func (p *Part) locate(i int) (chunk, error) {
	f := p.file
	if p.table != nil {
		return chunk{}, p.table
	}
	c := chunk{start: p.offsets[i]}
	if c.start == 0 {
		return c, cutOff("%s was never written", p.block(i))
	}
	if c.start < f.body {
		return c, damaged("the table of blocks says that %s lies within the header", p.block(i))
	}
	c.data = heads[p.Kind]
	if f.multi {
		c.data += 4
	}
	if c.start > f.size-c.data {
		return c, cutOff("%s lies beyond its end", p.block(i))
	}
	var room [44]byte
	head := room[:c.data]
	c.data += c.start
	if err := f.read(head, c.start); err != nil {
		return c, err
	}
	if f.multi {
		if n := binary.LittleEndian.Uint32(head); int64(n) != int64(p.index) {
			return c, damaged("where %s should be there is something else", p.block(i))
		}
		head = head[4:]
	}
	var sizes []uint64 // of what follows, one after the other
	switch p.Kind {
	case Scanline, Tiled:
		sizes = []uint64{uint64(binary.LittleEndian.Uint32(head[len(head)-4:]))}
	case DeepScanline, DeepTiled:
		n := len(head) - 24 // then the packed sizes of two tables, and the unpacked size of the second
		sizes = []uint64{binary.LittleEndian.Uint64(head[n:]), binary.LittleEndian.Uint64(head[n+8:])}
	}
	if p.Kind == Scanline {
		c.line = int32(binary.LittleEndian.Uint32(head))
	}
	c.end = c.data
	for _, n := range sizes {
		if n > uint64(f.size-c.end) {
			return c, cutOff("%s reaches beyond its end", p.block(i))
		}
		c.end += int64(n)
	}
	return c, nil
}

// block names a block in sentences.
func (p *Part) block(i int) string {
	s := "block " + itoa(i+1) + " of " + itoa(p.Chunks)
	if p.file.multi {
		s += " of part " + itoa(p.index+1) + " (" + clean(p.Name) + ")"
	}
	return s
}

// Block is a run of lines of a part.
type Block struct {
	First int    // line, counted from the top of the data window
	Lines int    // how many
	Bytes []byte // of the lines, one after the other
}

// ReadBlock reads and unpacks the part's i-th block from the top, 0 <= i < Chunks. The memory of buf, which may be
// nil, is used for the block if it suffices.
func (p *Part) ReadBlock(i int, buf []byte) (Block, error) { return p.readBlock(i, buf, nil) }

// readBlock reads only some bytes of each line, where some are named; then it does not find all that may be wrong.
func (p *Part) readBlock(i int, buf []byte, only [][2]int) (Block, error) {
	if err := p.Readable(); err != nil {
		return Block{}, err
	}
	c, err := p.locate(i)
	if err != nil {
		return Block{}, err
	}
	first, lines := p.BlockLines(i)
	if int64(c.line) != int64(p.Data.MinY)+int64(first) {
		return Block{}, damaged("%s holds line %d instead of %d", p.block(i), c.line, int64(p.Data.MinY)+int64(first))
	}
	size, want := c.end-c.data, int64(lines)*p.LineBytes()
	if size > want || want > p.Compression.unpacked(size) {
		return Block{}, damaged("%s cannot have %d bytes", p.block(i), size)
	}
	if int64(cap(buf)) < want {
		buf = make([]byte, want)
	}
	b := Block{first, lines, buf[:want]}
	if size == want { // blocks that packing would not make smaller are stored as they are
		return b, p.file.read(b.Bytes, c.data)
	}
	packed := scratch(int(size))
	defer free(packed)
	if err := p.file.read(*packed, c.data); err != nil {
		return Block{}, err
	}
	if only == nil {
		err = unpack(p.Compression, *packed, b.Bytes)
	} else {
		err = unpackSome(p.Compression, *packed, b.Bytes, func(yield func(from, to int) bool) {
			for at, line := 0, int(p.LineBytes()); at < len(b.Bytes); at += line {
				for _, span := range only {
					if !yield(at+span[0], at+span[1]) {
						return
					}
				}
			}
		})
	}
	if err != nil {
		if errors.Is(err, errPacked) {
			err = damaged("%s cannot be unpacked", p.block(i))
		}
		return Block{}, err
	}
	return b, nil
}

// packed reads the part's i-th block as it is packed. ReadBlock tells whether it is sound.
func (p *Part) packed(i int, buf []byte) ([]byte, error) {
	c, err := p.locate(i)
	if err != nil {
		return nil, err
	}
	_, lines := p.BlockLines(i)
	if c.end-c.data > int64(lines)*p.LineBytes() {
		return nil, damaged("%s cannot have %d bytes", p.block(i), c.end-c.data)
	}
	buf = sized(buf, int(c.end-c.data))
	return buf, p.file.read(buf, c.data)
}

// Lines reads single lines of a part, in any order but best from the top or the bottom, keeping one block in memory.
// It belongs to one goroutine.
type Lines struct {
	part  *Part
	only  [][2]int // bytes of each line that are wanted; nil: all
	block Block
	buf   []byte
}

// Lines returns a reader of the part's lines.
func (p *Part) Lines() *Lines { return &Lines{part: p} }

// Read returns line y, counted from the top of the data window, 0 <= y < Data.Height(). It holds until the next call.
func (l *Lines) Read(y int) ([]byte, error) {
	n := int(l.part.LineBytes())
	if y < l.block.First || y >= l.block.First+l.block.Lines {
		if err := l.part.Readable(); err != nil {
			return nil, err
		}
		b, err := l.part.readBlock(y/l.part.Compression.Lines(), l.buf, l.only)
		if err != nil {
			l.block = Block{}
			return nil, err
		}
		l.block, l.buf = b, b.Bytes
	}
	at := (y - l.block.First) * n
	return l.block.Bytes[at : at+n : at+n], nil
}

// roomy is nil if the file can hold the part's pixels: those it cannot hold must not cost memory.
func (p *Part) roomy() error {
	if p.LineBytes()*p.Data.Height() > p.Compression.unpacked(p.file.size) {
		return cutOff("it is too short for its %d x %d pixels", p.Data.Width(), p.Data.Height())
	}
	return nil
}

// Plane is a channel with its samples: little-endian, line by line from the top.
type Plane struct {
	Name  string
	Type  PixelType
	Bytes []byte
}

// Load reads a whole part, a plane for each of its channels.
func (p *Part) Load() ([]Plane, error) {
	if err := p.Readable(); err != nil {
		return nil, err
	}
	w, h := p.Data.Width(), p.Data.Height()
	if all := p.LineBytes() * h; all > maxLoad {
		return nil, unsupported("a part of %d bytes is too large to be read whole", all)
	}
	if err := p.roomy(); err != nil {
		return nil, err
	}
	planes := make([]Plane, len(p.Channels))
	for c, ch := range p.Channels {
		planes[c] = Plane{ch.Name, ch.Type, make([]byte, 0, w*h*int64(ch.Type.Size()))}
	}
	var buf []byte
	for i := range p.Chunks {
		b, err := p.ReadBlock(i, buf)
		if err != nil {
			return nil, err
		}
		buf = b.Bytes
		for rest := b.Bytes; len(rest) > 0; {
			for c := range planes {
				n := int(w) * planes[c].Type.Size()
				planes[c].Bytes = append(planes[c].Bytes, rest[:n]...)
				rest = rest[n:]
			}
		}
	}
	return planes, nil
}
