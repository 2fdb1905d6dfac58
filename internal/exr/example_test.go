package exr_test

import (
	"bytes"
	"fmt"
	"os"

	"github.com/netrender/netrender/internal/exr"
)

// Two tiles become one picture, beside one another, with a line of each in memory at a time.
func ExampleWriter() {
	tile := func(value byte) *exr.Part {
		var b bytes.Buffer
		im := exr.Image{Width: 2, Height: 40, Compression: exr.ZIP, Planes: []exr.Plane{
			{Name: "ViewLayer.Combined.R", Type: exr.Half, Bytes: bytes.Repeat([]byte{0, value}, 80)},
			{Name: "ViewLayer.Depth.Z", Type: exr.Float, Bytes: bytes.Repeat([]byte{0, 0, 0, value}, 80)},
		}}
		if err := exr.Write(&b, &im); err != nil {
			panic(err)
		}
		f, err := exr.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			panic(err)
		}
		return f.Parts[0]
	}
	tiles := []*exr.Part{tile(0x3c), tile(0x40)}
	out, err := os.CreateTemp("", "*.exr")
	if err != nil {
		panic(err)
	}
	defer os.Remove(out.Name())
	defer out.Close()

	whole := exr.Box{MaxX: 3, MaxY: 39}
	attributes := exr.Replace(tiles[0].Attributes, exr.NewAttribute("dataWindow", whole))
	attributes = exr.Replace(attributes, exr.NewAttribute("displayWindow", whole))
	w, err := exr.NewWriter(out, attributes)
	if err != nil {
		panic(err)
	}
	sources := []*exr.Lines{tiles[0].Lines(), tiles[1].Lines()}
	var block []byte
	for i := range w.Header(0).Chunks {
		first, n := w.Header(0).BlockLines(i)
		block = block[:0]
		for y := first; y < first+n; y++ {
			for c := range w.Header(0).Channels {
				for t, source := range sources {
					line, err := source.Read(y)
					if err != nil {
						panic(err)
					}
					from, to := tiles[t].Span(c)
					block = append(block, line[from:to]...)
				}
			}
		}
		if err := w.WriteBlock(0, i, block); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}

	fmt.Println(exr.VerifyFile(out.Name()))
	st, err := out.Stat()
	if err != nil {
		panic(err)
	}
	f, err := exr.Open(out, st.Size())
	if err != nil {
		panic(err)
	}
	line, err := f.Parts[0].Lines().Read(39)
	fmt.Println(f.Parts[0].Data, line, err)
	// Output:
	// <nil>
	// (0 0)-(3 39) [0 60 0 60 0 64 0 64 0 0 0 60 0 0 0 60 0 0 0 64 0 0 0 64] <nil>
}
