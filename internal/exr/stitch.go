package exr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrMismatch is the kind of errors that lie in pictures which are sound but do not belong together, or not so.
var ErrMismatch = errors.New("these pictures do not belong together")

func mismatch(format string, args ...any) error {
	return &failure{ErrMismatch, fmt.Sprintf(format, args...)}
}

// Tile is a piece of a picture.
type Tile struct {
	Name string // for sentences, like "tile 3"
	File *File
	// At is the place x, y in the whole picture of the first pixel of the file's first part, for tiles that were cropped;
	// nil: the data windows say where their pixels are.
	At *[2]int32
	// Inner are the pixels that are taken, in the whole picture; nil: all. Tiles may overlap outside of them.
	Inner *Box
}

// Stitching says what tiles become.
type Stitching struct {
	// Whole are the pixels of the result, and its display window if the tiles were cropped; nil: the tiles' display window.
	Whole *Box
	// Compression packs the result; nil: that of the first tile.
	Compression *Compression
}

// Stitch joins tiles into one picture: all parts, channels and attributes, of scanline parts that are Readable. Each pixel
// of the whole must lie in one tile, and one only; the tiles must have the same parts with the same channels. Tiles that
// do not fit are refused with ErrMismatch before anything is written.
//
// Attributes that are equal in all tiles are kept. Of those that tell of the render itself, times are added up (RenderTime
// and the times of layers; of synchronization_time, which every tile spends on the same, the longest is kept), of Memory the
// most is kept, of Date and capDate the latest, of Hostname all, of File the first; a preview is left out. Others that
// differ are refused.
//
// A block of the result and the blocks of tiles that it is made of are in memory at a time for each of the goroutines that
// work on it, which are as many as processors, but no more than fit into about 1 GiB. The same tiles in the same order
// become the same bytes. What was written to w is no whole file if there was an error.
func Stitch(ctx context.Context, w io.WriterAt, tiles []Tile, s Stitching) error {
	plan, err := planStitch(tiles, s)
	if err != nil {
		return err
	}
	headers := make([][]Attribute, len(plan))
	for i := range plan {
		headers[i] = plan[i].attributes
	}
	out, err := NewWriter(w, headers...)
	if err != nil {
		return err
	}
	for i := range plan {
		plan[i].measure(out.Header(i))
	}
	return weave(ctx, out, weaving{
		make:   func(part, i int, block []byte) error { return plan[part].block(i, block) },
		raw:    func(part, i int, buf []byte) ([]byte, error) { return plan[part].copyBlock(i, buf) },
		inputs: 2,
	})
}

// stitch is how one part of the whole is put together.
type stitch struct {
	attributes []Attribute
	whole      Box
	pieces     []piece
	out        *Header // of the part that is written
	sizes      []int   // bytes of a sample of each channel
	starts     []int   // bytes of the samples of the channels before, for a pixel
	spool      spool
}

// piece is what is taken of a tile.
type piece struct {
	tile int
	name string
	part *Part
	box  Box   // the pixels that are taken, in the whole
	x, y int64 // of the first pixel of the part, in the whole
}

func planStitch(tiles []Tile, s Stitching) ([]stitch, error) {
	if len(tiles) == 0 {
		return nil, mismatch("there are no tiles to be put together")
	}
	cropped := slices.ContainsFunc(tiles, func(t Tile) bool { return t.At != nil })
	if cropped && s.Whole == nil {
		return nil, mismatch("of cropped tiles the size of the whole picture must be given")
	}
	first := &tiles[0]
	plan := make([]stitch, len(first.File.Parts))
	for i := range plan {
		of := first.File.Parts[i]
		p := &plan[i]
		p.whole = of.Display
		if s.Whole != nil {
			p.whole = *s.Whole
		}
		if p.whole.Width() < 1 || p.whole.Height() < 1 {
			return nil, mismatch("a whole picture of %v has no pixels", p.whole)
		}
		var same []sibling
		for n := range tiles {
			t := &tiles[n]
			if a, b := len(first.File.Parts), len(t.File.Parts); a != b {
				return nil, mismatch("%s has %d parts and %s %d", first.name(), a, t.name(), b)
			}
			part := t.File.Parts[i]
			if err := cmp.Or(part.Readable(), part.roomy()); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name(), err)
			}
			if !cropped && part.Display != of.Display {
				return nil, mismatch("the whole picture is %v by %s and %v by %s", of.Display, first.name(), part.Display, t.name())
			}
			piece, err := t.piece(part, p.whole)
			if err != nil {
				return nil, err
			}
			piece.tile = n
			p.pieces = append(p.pieces, piece)
			same = append(same, sibling{t.name(), &part.Header})
		}
		if err := sameChannels(same); err != nil {
			return nil, err
		}
		if err := cover(p.pieces, p.whole); err != nil {
			return nil, err
		}
		list, err := joinAttributes(same, tileAttributes)
		if err != nil {
			return nil, err
		}
		list = Replace(list, NewAttribute("dataWindow", p.whole))
		if cropped {
			list = Replace(list, NewAttribute("displayWindow", p.whole))
		}
		list = Replace(list, NewAttribute("lineOrder", Increasing))
		if s.Compression != nil {
			list = Replace(list, NewAttribute("compression", *s.Compression))
		}
		p.attributes = list
	}
	return plan, nil
}

func (t *Tile) name() string {
	if t.Name == "" {
		return "a tile"
	}
	return clean(t.Name)
}

// piece says what is taken of a part of the tile.
func (t *Tile) piece(part *Part, whole Box) (piece, error) {
	d := part.Data
	p := piece{name: t.name(), part: part, x: int64(d.MinX), y: int64(d.MinY)}
	if t.At != nil {
		head := t.File.Parts[0].Data
		p.x += int64(t.At[0]) - int64(head.MinX)
		p.y += int64(t.At[1]) - int64(head.MinY)
	}
	if p.x+d.Width()-1 != int64(int32(p.x+d.Width()-1)) || p.y+d.Height()-1 != int64(int32(p.y+d.Height()-1)) || p.x != int64(int32(p.x)) || p.y != int64(int32(p.y)) {
		return p, mismatch("%s lies beyond what a picture can have", p.name)
	}
	p.box = Box{int32(p.x), int32(p.y), int32(p.x + d.Width() - 1), int32(p.y + d.Height() - 1)}
	switch {
	case t.Inner != nil && !p.box.contains(*t.Inner):
		return p, mismatch("%s has the pixels %v, not all of %v that should be taken of it", p.name, p.box, *t.Inner)
	case t.Inner != nil:
		p.box = *t.Inner
	}
	if !whole.contains(p.box) {
		return p, mismatch("%s has the pixels %v, which are not all in the whole picture of %v", p.name, p.box, whole)
	}
	return p, nil
}

// contains tells whether a box that is not empty lies in b.
func (b Box) contains(in Box) bool {
	return in.MinX <= in.MaxX && in.MinY <= in.MaxY && in.MinX >= b.MinX && in.MinY >= b.MinY && in.MaxX <= b.MaxX && in.MaxY <= b.MaxY
}

// cover is nil if each pixel of the whole lies in one piece.
func cover(pieces []piece, whole Box) error {
	edges := []int64{int64(whole.MinY), int64(whole.MaxY) + 1}
	order := make([]*piece, 0, len(pieces)) // by their left edges
	for i := range pieces {
		p := &pieces[i]
		edges = append(edges, int64(p.box.MinY), int64(p.box.MaxY)+1)
		order = append(order, p)
	}
	slices.SortStableFunc(order, func(a, b *piece) int { return cmp.Compare(a.box.MinX, b.box.MinX) })
	slices.Sort(edges)
	edges = slices.Compact(edges)
	for _, y := range edges[:len(edges)-1] { // all lines down to the next edge are like this one
		end, last := int64(whole.MinX), (*piece)(nil)
		for _, p := range order {
			if y < int64(p.box.MinY) || y > int64(p.box.MaxY) {
				continue
			}
			switch x := int64(p.box.MinX); {
			case x < end:
				return mismatch("%s and %s both have the pixel %d, %d", last.name, p.name, x, y)
			case x > end:
				return mismatch("no tile has the pixel %d, %d", end, y)
			}
			end, last = int64(p.box.MaxX)+1, p
		}
		if end <= int64(whole.MaxX) {
			return mismatch("no tile has the pixel %d, %d", end, y)
		}
	}
	return nil
}

func (s *stitch) measure(out *Header) {
	s.out = out
	start := 0
	for _, c := range out.Channels {
		s.sizes = append(s.sizes, c.Type.Size())
		s.starts = append(s.starts, start)
		start += c.Type.Size()
	}
}

// lines are the first and the last line of the whole that the i-th block holds.
func (s *stitch) lines(i int) (top, bottom int64) {
	first, n := s.out.BlockLines(i)
	top = int64(s.whole.MinY) + int64(first)
	return top, top + int64(n) - 1
}

// block fills the i-th block of the whole.
func (s *stitch) block(i int, block []byte) error {
	top, bottom := s.lines(i)
	for n := range s.pieces {
		p := &s.pieces[n]
		from, to := max(top, int64(p.box.MinY)), min(bottom, int64(p.box.MaxY))
		if from > to {
			continue
		}
		high := int64(p.part.Compression.Lines())
		for k := (from - p.y) / high; k <= (to-p.y)/high; k++ {
			err := s.use(p, k, func(b *Block) {
				for y := max(from, p.y+int64(b.First)); y <= min(to, p.y+int64(b.First+b.Lines)-1); y++ {
					s.copyLine(p, b, y, block[(y-top)*s.out.LineBytes():])
				}
			})
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// use reads the k-th block of a piece, which as many blocks of the whole want as its lines reach into.
func (s *stitch) use(p *piece, k int64, read func(*Block)) error {
	first, n := p.part.BlockLines(int(k))
	high := int64(s.out.Compression.Lines())
	from := max(p.y+int64(first), int64(p.box.MinY)) - int64(s.whole.MinY)
	to := min(p.y+int64(first+n)-1, int64(p.box.MaxY)) - int64(s.whole.MinY)
	b, err := s.spool.take(p.tile, p.part, int(k), int(to/high-from/high)+1)
	defer s.spool.give(p.tile, p.part, int(k))
	if err == nil {
		read(b)
	}
	return err
}

// copyLine copies what a piece has of line y, channel by channel.
func (s *stitch) copyLine(p *piece, b *Block, y int64, to []byte) {
	wide, whole := int(p.part.Data.Width()), int(s.whole.Width())
	line := b.Bytes[(y-p.y-int64(b.First))*p.part.LineBytes():]
	left, at, n := int(int64(p.box.MinX)-p.x), int(int64(p.box.MinX)-int64(s.whole.MinX)), int(p.box.Width())
	for c, size := range s.sizes {
		start := s.starts[c]
		copy(to[start*whole+at*size:][:n*size], line[start*wide+left*size:])
	}
}

// copyBlock returns the i-th block of the whole as it is packed already, if it is just a block of one tile: where tiles
// are as wide as the whole, most are. It was unpacked all the same, so that no damage is passed on.
func (s *stitch) copyBlock(i int, buf []byte) ([]byte, error) {
	top, bottom := s.lines(i)
	for n := range s.pieces {
		p := &s.pieces[n]
		if top < int64(p.box.MinY) || bottom > int64(p.box.MaxY) {
			continue
		}
		high := int64(s.out.Compression.Lines())
		if p.part.Compression != s.out.Compression || p.part.Data.Width() != s.whole.Width() || p.box.Width() != s.whole.Width() || (top-p.y)%high != 0 {
			continue
		}
		k := (top - p.y) / high
		if first, lines := p.part.BlockLines(int(k)); p.y+int64(first+lines)-1 != bottom {
			continue
		}
		packed, err := p.part.packed(int(k), buf)
		if err == nil {
			err = s.use(p, k, func(*Block) {})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		return packed, nil
	}
	return nil, nil
}
