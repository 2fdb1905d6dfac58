package exr

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

var benchFile = flag.String("exr", "", "a file to run the benchmarks with, instead of a made one")

// frame is like a render with 20 float channels of 1920 x 1080 pixels: of every five, two are smooth, one is smooth
// with noise, one is flat with noise in few places, one is constant.
func frame(tb testing.TB, c Compression) []byte {
	if *benchFile != "" {
		b, err := os.ReadFile(*benchFile)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	const w, h = 1920, 1080
	rnd := rand.New(rand.NewPCG(1, 2))
	im := Image{Width: w, Height: h, Compression: c}
	for n := range 20 {
		b := make([]byte, 0, 4*w*h)
		for y := range h {
			for x := range w {
				v := float32(0.5)
				switch n % 5 {
				case 0:
					v = float32(x/8+y/4) / 300
				case 1:
					v = float32(math.Sin(float64(x/4)/300) * float64(y/4) / 200)
				case 2:
					v = float32(x+y)/3000 + rnd.Float32()/8
				case 3:
					if (x/64+y/64)%4 == 0 {
						v = rnd.Float32()
					}
				}
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
		}
		im.Planes = append(im.Planes, Plane{string(rune('a' + n)), Float, b})
	}
	var out bytes.Buffer
	if err := Write(&out, &im); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func benchDecode(b *testing.B, c Compression) {
	data := frame(b, c)
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	p := f.Parts[0]
	b.SetBytes(p.LineBytes() * p.Data.Height())
	b.ReportMetric(float64(p.LineBytes()*p.Data.Height())/float64(len(data)), "ratio")
	var buf []byte
	b.ResetTimer()
	for b.Loop() {
		for i := range p.Chunks {
			block, err := p.ReadBlock(i, buf)
			if err != nil {
				b.Fatal(err)
			}
			buf = block.Bytes
		}
	}
}

func BenchmarkDecodeZIP(b *testing.B)  { benchDecode(b, ZIP) }
func BenchmarkDecodeZIPS(b *testing.B) { benchDecode(b, ZIPS) }
func BenchmarkDecodeRLE(b *testing.B)  { benchDecode(b, RLE) }
func BenchmarkDecodeNone(b *testing.B) { benchDecode(b, None) }

type nowhere struct{}

func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }

func benchEncode(b *testing.B, c Compression) {
	data := frame(b, None)
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	p := f.Parts[0]
	lines := p.Lines()
	b.SetBytes(p.LineBytes() * p.Data.Height())
	attributes := Replace(p.Attributes, NewAttribute("compression", c))
	var all []byte
	for y := range int(p.Data.Height()) {
		line, err := lines.Read(y)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, line...)
	}
	n := int(p.LineBytes())
	size := int64(0)
	b.ResetTimer()
	for b.Loop() {
		w, err := NewWriter(nowhere{}, attributes)
		if err != nil {
			b.Fatal(err)
		}
		for i := range w.Header(0).Chunks {
			first, lines := w.Header(0).BlockLines(i)
			if err := w.WriteBlock(0, i, all[first*n:(first+lines)*n]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		size = w.at
	}
	b.ReportMetric(float64(len(all))/float64(size), "ratio")
}

func BenchmarkEncodeZIP(b *testing.B) { benchEncode(b, ZIP) }
func BenchmarkEncodeRLE(b *testing.B) { benchEncode(b, RLE) }

func BenchmarkRestore(b *testing.B) {
	in, out := make([]byte, 1<<20), make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		restore(in, out)
	}
}

func BenchmarkRearrange(b *testing.B) {
	in, out := make([]byte, 1<<20), make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		rearrange(in, out)
	}
}

func BenchmarkCompare(b *testing.B) {
	data := frame(b, ZIP)
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(f.Parts[0].LineBytes() * f.Parts[0].Data.Height())
	for b.Loop() {
		if d, err := Compare(f, f); err != nil || !d.Equal() {
			b.Fatal(err, &d)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	data := frame(b, ZIP)
	r := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	for b.Loop() {
		if err := Verify(r, r.Size()); err != nil {
			b.Fatal(err)
		}
	}
}

// benchStitch puts a made 4K render with 20 float channels together that was cut into a grid.
func benchStitch(b *testing.B, columns, rows int32, c Compression) {
	p := open(b, frame(b, None)).Parts[0]
	planes, err := p.Load()
	if err != nil {
		b.Fatal(err)
	}
	const times = 2 // the frame twice beside and twice below itself
	w, h := times*int32(p.Data.Width()), times*int32(p.Data.Height())
	var tiles []Tile
	size := 0
	for j := range rows {
		for i := range columns {
			box := Box{w * i / columns, h * j / rows, w*(i+1)/columns - 1, h*(j+1)/rows - 1}
			im := Image{Width: int(box.Width()), Height: int(box.Height()), Compression: ZIP}
			for _, plane := range planes {
				var cut []byte
				for y := box.MinY; y <= box.MaxY; y++ {
					for x := box.MinX; x <= box.MaxX; x++ {
						at := 4 * (int64(y)%p.Data.Height()*p.Data.Width() + int64(x)%p.Data.Width())
						cut = append(cut, plane.Bytes[at:at+4]...)
					}
				}
				im.Planes = append(im.Planes, Plane{plane.Name, plane.Type, cut})
			}
			var out memory
			if err := im.write(&out); err != nil {
				b.Fatal(err)
			}
			size += len(out)
			tiles = append(tiles, Tile{File: open(b, out), At: &[2]int32{box.MinX, box.MinY}})
		}
	}
	b.SetBytes(p.LineBytes() * p.Data.Height() * times * times)
	b.ReportMetric(float64(size)/1e6, "MB")
	for b.Loop() {
		if err := Stitch(context.Background(), nowhere{}, tiles, Stitching{Whole: &Box{0, 0, w - 1, h - 1}, Compression: &c}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStitchGrid(b *testing.B)   { benchStitch(b, 4, 3, ZIP) }
func BenchmarkStitchStrips(b *testing.B) { benchStitch(b, 1, 12, ZIP) }

// BenchmarkStitchFinish is what a worker does that finishes a frame: Blender reads the result next, and once.
func BenchmarkStitchFinish(b *testing.B) { benchStitch(b, 4, 3, None) }
