package exr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestHalves(t *testing.T) {
	for h, f := range halves() {
		if f != f {
			if got := ToHalf(f); got&0x7c00 != 0x7c00 || got&0x3ff == 0 {
				t.Errorf("no number became %#x", got)
			}
			continue
		}
		if got := ToHalf(f); got != uint16(h) {
			t.Fatalf("%g became %#x, not %#x", f, got, h)
		}
		if f >= 0 && h < 0x7bff { // between two halves the nearer one, and between both the even one
			next := halves()[h+1]
			middle := f + (next-f)/2
			even := uint16(h + h&1)
			if got := ToHalf(middle); got != even {
				t.Fatalf("%g, between %#x and the next, became %#x", middle, h, got)
			}
			if lo, hi := ToHalf(math.Nextafter32(middle, f)), ToHalf(math.Nextafter32(middle, next)); lo != uint16(h) || hi != uint16(h+1) {
				t.Fatalf("beside %g: %#x and %#x", middle, lo, hi)
			}
		}
	}
	for f, want := range map[float32]uint16{1e10: 0x7bff, -1e10: 0xfbff, 65520: 0x7bff, float32(math.Inf(1)): 0x7c00, 1e-30: 0} {
		if got := ToHalf(f); got != want {
			t.Errorf("%g became %#x", f, got)
		}
	}
}

// made is a file of w x h pixels with channels A (float), B (half) and N (uint) of noise.
func made(t *testing.T, w, h int, change func(a []float32)) *Part {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	a, planes := make([]float32, w*h), []Plane{{Name: "A", Type: Float}, {Name: "B", Type: Half}, {Name: "N", Type: Uint}}
	for i := range a {
		a[i] = rnd.Float32()*4 - 1
	}
	if change != nil {
		change(a)
	}
	for _, f := range a {
		planes[0].Bytes = binary.LittleEndian.AppendUint32(planes[0].Bytes, math.Float32bits(f))
		planes[1].Bytes = binary.LittleEndian.AppendUint16(planes[1].Bytes, ToHalf(f))
		planes[2].Bytes = binary.LittleEndian.AppendUint32(planes[2].Bytes, uint32(rnd.IntN(1000)))
	}
	var b bytes.Buffer
	if err := Write(&b, &Image{Width: w, Height: h, Compression: ZIP, Planes: planes}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return f.Parts[0]
}

// TestPictureScales: a pixel is the mean of what falls into it, computed the plain way.
func TestPictureScales(t *testing.T) {
	const w, h = 97, 61
	p := made(t, w, h, nil)
	planes, err := p.Load()
	if err != nil {
		t.Fatal(err)
	}
	at := func(c, x, y int) float64 {
		switch i := y*w + x; c {
		case 0:
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(planes[0].Bytes[4*i:])))
		case 1:
			return float64(halves()[binary.LittleEndian.Uint16(planes[1].Bytes[2*i:])])
		default:
			return float64(binary.LittleEndian.Uint32(planes[2].Bytes[4*i:]))
		}
	}
	overlap := func(i, k, n, m int) float64 { // of pixel k of m with sample i of n
		lo, hi := float64(k)*float64(n)/float64(m), float64(k+1)*float64(n)/float64(m)
		return max(0, min(hi, float64(i+1))-max(lo, float64(i)))
	}
	for _, width := range []int{0, 500, 96, 50, 33, 7, 1} {
		pic, err := p.Picture(context.Background(), &View{Channels: []int{2, 0, 1}, Width: width})
		if err != nil || pic.N != 3 || len(pic.Pixels) != 3*pic.Width*pic.Height {
			t.Fatal(err)
		}
		if width > 0 && width < w && (pic.Width != width || pic.Height != max(1, (h*width+w/2)/w)) || width == 0 && (pic.Width != w || pic.Height != h) {
			t.Fatalf("width %d: %d x %d", width, pic.Width, pic.Height)
		}
		for k := range pic.Pixels {
			c, x, y := []int{2, 0, 1}[k%3], k/3%pic.Width, k/3/pic.Width
			var sum, area float64
			for sy := range h {
				wy := overlap(sy, y, h, pic.Height)
				for sx := range w {
					if weight := wy * overlap(sx, x, w, pic.Width); weight > 0 {
						sum, area = sum+weight*at(c, sx, sy), area+weight
					}
				}
			}
			if got := float64(pic.Pixels[k]); math.Abs(got-sum/area) > 1e-4*max(1, math.Abs(got)) {
				t.Fatalf("width %d, channel %d at %d,%d: %g, not %g", width, c, x, y, got, sum/area)
			}
		}
		if pic.Min < -1 || pic.Min > -.9 || pic.Max < 990 {
			t.Errorf("from %g to %g", pic.Min, pic.Max)
		}
		picked, err := p.Picture(context.Background(), &View{Channels: []int{2}, Width: width, Nearest: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range picked.Pixels {
			if s != float32(int(s)) {
				t.Fatalf("%g was not picked", s)
			}
		}
	}
}

// TestPictureLeavesOut: what is no number, and what means nothing, is not averaged.
func TestPictureLeavesOut(t *testing.T) {
	p := made(t, 4, 4, func(a []float32) {
		for i := range a {
			a[i] = 2
		}
		a[0], a[1], a[4] = 1e10, float32(math.NaN()), 1e10 // of the first of four pixels one is left
		a[2], a[3], a[6], a[7] = 1e10, 1e10, 1e10, 1e10    // of the second none
	})
	pic, err := p.Picture(context.Background(), &View{Channels: []int{0}, Width: 2, Nothing: 1e9})
	if err != nil || pic.Pixels[0] != 2 || pic.Pixels[1] != 1e10 || pic.Pixels[2] != 2 || pic.Min != 2 || pic.Max != 2 {
		t.Errorf("%+v, %v", pic, err)
	}
	all, err := p.Picture(context.Background(), &View{Channels: []int{0}})
	if err != nil || all.Pixels[0] != 1e10 || all.Pixels[1] == all.Pixels[1] || all.Max != 1e10 {
		t.Errorf("%+v, %v", all, err)
	}
	v := View{Channels: []int{0}, Most: 5}
	if w, h := v.Size(&p.Header); w*h > 5 || w < 2 {
		t.Errorf("of at most 5 pixels: %d x %d", w, h)
	}
	for _, c := range [][]int{nil, {0, 1, 2, 0, 1}, {3}, {-1}} {
		if _, err := p.Picture(context.Background(), &View{Channels: c}); err == nil {
			t.Errorf("channels %v were read", c)
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Picture(over, &v); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// BenchmarkPicture makes a picture of the first four of 20 channels of 1920 x 1080 pixels, a half as wide.
func BenchmarkPicture(b *testing.B) {
	data := frame(b, ZIP)
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.Parts[0].Picture(context.Background(), &View{Channels: []int{0, 1, 2, 3}, Width: 960}); err != nil {
			b.Fatal(err)
		}
	}
}
