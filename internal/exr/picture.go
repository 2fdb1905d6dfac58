package exr

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Picture is some channels of a part as it is looked at: pixel by pixel from the top left, N samples each.
type Picture struct {
	Width, Height, N int
	Pixels           []float32
	// Min and Max are of the finite samples of the part, before it is scaled down, of the first three channels; both 0 where
	// there is none.
	Min, Max float32
}

// View says how a picture is made of a part.
type View struct {
	Channels []int   // their places in the header, 1 to 4
	Width    int     // pixels, at most; 0: those of the part. The height follows
	Most     int     // pixels in all; 0: no limit
	Nearest  bool    // samples are picked, not averaged: numbers that mean something, like an object's, have no mean
	Nothing  float32 // finite samples from here on mean that there is nothing, as in a depth; 0: all mean something
}

// Size is the pixels of the picture of the part.
func (v *View) Size(h *Header) (width, height int) {
	w, high := h.Data.Width(), h.Data.Height()
	width = int(w)
	if v.Width > 0 {
		width = min(width, v.Width)
	}
	for {
		height = max(1, int((high*int64(width)+w/2)/w))
		if v.Most <= 0 || width == 1 || width*height <= v.Most {
			return width, height
		}
		width = max(1, min(width-1, int(float64(width)*math.Sqrt(float64(v.Most)/float64(width*height)))))
	}
}

// Picture reads channels of the part and scales them down by averaging what falls into a pixel. It keeps a block for each
// of a few goroutines, and the picture.
func (p *Part) Picture(ctx context.Context, v *View) (*Picture, error) {
	if err := p.Readable(); err != nil {
		return nil, err
	}
	if len(v.Channels) < 1 || len(v.Channels) > 4 {
		return nil, fmt.Errorf("a picture has 1 to 4 channels, not %d", len(v.Channels))
	}
	if err := p.roomy(); err != nil {
		return nil, err
	}
	w, h := v.Size(&p.Header)
	pic := &Picture{Width: w, Height: h, N: len(v.Channels), Pixels: make([]float32, w*h*len(v.Channels))}
	hands := max(1, min(runtime.GOMAXPROCS(0), 4, p.Chunks))
	readers := make([]pictureReader, hands)
	errs := make([]error, hands)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			r := &readers[i]
			if *r, errs[i] = newPictureReader(p, v, pic); errs[i] == nil {
				errs[i] = r.rows(ctx, h*i/hands, h*(i+1)/hands)
			}
			if errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	var failed error
	for i := range readers {
		if errs[i] != nil && (failed == nil || failed == context.Canceled) {
			failed = errs[i]
		}
		lo, hi = min(lo, readers[i].lo), max(hi, readers[i].hi)
	}
	if lo <= hi {
		pic.Min, pic.Max = lo, hi
	}
	return pic, failed
}

// pictureReader makes rows of a picture; it belongs to one goroutine.
type pictureReader struct {
	v      *View
	pic    *Picture
	lines  *Lines
	spans  [][2]int
	types  []PixelType
	w, h   int // of the part
	line   []float32
	sum    []float32 // of a row of the picture, weighted
	left   []float32 // weight of what is left out of it
	lo, hi float32
}

func newPictureReader(p *Part, v *View, pic *Picture) (pictureReader, error) {
	r := pictureReader{
		v: v, pic: pic, lines: p.Lines(), w: int(p.Data.Width()), h: int(p.Data.Height()), lo: float32(math.Inf(1)), hi: float32(math.Inf(-1)),
		line: make([]float32, p.Data.Width()), sum: make([]float32, pic.Width*pic.N), left: make([]float32, pic.Width*pic.N),
	}
	for _, c := range v.Channels {
		if c < 0 || c >= len(p.Channels) {
			return r, fmt.Errorf("the part has no channel %d", c)
		}
		from, to := p.Span(c)
		r.spans, r.types = append(r.spans, [2]int{from, to}), append(r.types, p.Channels[c].Type)
	}
	r.lines.only = r.spans
	return r, nil
}

func (r *pictureReader) rows(ctx context.Context, from, to int) error {
	scale := float64(r.h) / float64(r.pic.Height)
	for row := from; row < to; row++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		top, end := float64(row)*scale, float64(row+1)*scale
		first, last := int(top), min(int(math.Ceil(end-1e-9)), r.h)
		middle := min(int((top+end)/2), r.h-1)
		clear(r.sum)
		clear(r.left)
		out := r.pic.Pixels[row*r.pic.Width*r.pic.N : (row+1)*r.pic.Width*r.pic.N]
		for y := first; y < last; y++ {
			bytes, err := r.lines.Read(y)
			if err != nil {
				return err
			}
			weight := float32(min(end, float64(y+1)) - max(top, float64(y)))
			for c, span := range r.spans {
				r.decode(bytes[span[0]:span[1]], r.types[c])
				r.extremes(c)
				switch {
				case r.pic.Width == r.w && r.pic.Height == r.h:
					for x, s := range r.line {
						out[x*r.pic.N+c] = s
					}
				case !r.v.Nearest:
					r.add(c, weight, out)
				case y == middle:
					for x := range r.pic.Width {
						out[x*r.pic.N+c] = r.line[min((2*x+1)*r.w/(2*r.pic.Width), r.w-1)]
					}
				}
			}
		}
		if !r.v.Nearest && (r.pic.Width != r.w || r.pic.Height != r.h) {
			area := float32(scale * float64(r.w) / float64(r.pic.Width))
			for i, s := range r.sum {
				if rest := area - r.left[i]; rest > area/1e4 { // else out has what there is
					out[i] = s / rest
				}
			}
		}
	}
	return nil
}

// add adds a line of a channel to the row. What is no number, and what means that there is nothing, is left out; it
// stands where a pixel has nothing else.
func (r *pictureReader) add(c int, weight float32, out []float32) {
	n, scale := r.pic.N, float64(r.w)/float64(r.pic.Width)
	for x := range r.pic.Width {
		from, end := float64(x)*scale, float64(x+1)*scale
		first, last := int(from), min(int(math.Ceil(end-1e-9)), r.w)
		var sum, left float32
		for i := first; i < last; i++ {
			part := float32(1)
			if i == first || i == last-1 {
				part = float32(min(end, float64(i+1)) - max(from, float64(i)))
			}
			s := r.line[i]
			if s-s != 0 || r.v.Nothing > 0 && s >= r.v.Nothing {
				left += part
				out[x*n+c] = s
				continue
			}
			sum += s * part
		}
		r.sum[x*n+c] += sum * weight
		r.left[x*n+c] += left * weight
	}
}

func (r *pictureReader) extremes(c int) {
	if c > 2 {
		return
	}
	lo, hi := r.lo, r.hi
	for _, s := range r.line {
		if s-s != 0 || r.v.Nothing > 0 && s >= r.v.Nothing {
			continue
		}
		if s < lo {
			lo = s
		}
		if s > hi {
			hi = s
		}
	}
	r.lo, r.hi = lo, hi
}

// decode reads a line of a channel into line.
func (r *pictureReader) decode(b []byte, t PixelType) { decodeFloats(b, t, r.line) }

// decodeFloats reads samples.
func decodeFloats(b []byte, t PixelType, to []float32) {
	switch t {
	case Half:
		table := halves()
		for x := range to {
			to[x] = table[binary.LittleEndian.Uint16(b[2*x:])]
		}
	case Uint:
		for x := range to {
			to[x] = float32(binary.LittleEndian.Uint32(b[4*x:]))
		}
	default:
		for x := range to {
			to[x] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*x:]))
		}
	}
}

// halves are the values of all halves.
var halves = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		t[i] = halfValue(uint16(i))
	}
	return t
})

// ToHalf is the nearest half (IEEE 754 binary16), ties to even. What is too large for one becomes the largest that is
// finite, so that only what was infinite is.
func ToHalf(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, abs := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs == 0x7f800000:
		return sign | 0x7c00
	case abs >= 0x477fe000: // 65504
		return sign | 0x7bff
	case abs < 0x33000001: // half of the smallest
		return sign
	case abs < 0x38800000: // subnormal
		shift := 126 - abs>>23
		m := abs&0x7fffff | 0x800000
		return sign | uint16((m+1<<(shift-1)-1+m>>shift&1)>>shift)
	}
	return sign | uint16((abs-0x38000000+0xfff+abs>>13&1)>>13)
}
