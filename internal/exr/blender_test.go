package exr

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestBlenderPixels holds the pixels against what Blender reads from the same files: RGBA floats from the bottom.
func TestBlenderPixels(t *testing.T) {
	for _, name := range []string{"half", "cropped"} {
		f, _ := read(t, name+".exr")
		raw, err := os.ReadFile("testdata/" + name + ".raw")
		if err != nil {
			t.Fatal(err)
		}
		p := f.Parts[0]
		planes, err := p.Load()
		if err != nil {
			t.Fatal(err)
		}
		w, h := int(p.Data.Width()), int(p.Data.Height())
		if len(planes) != 4 || len(raw) != 16*w*h {
			t.Fatalf("%s has %d channels of %d x %d", name, len(planes), w, h)
		}
		seen := map[float64]bool{}
		for c, plane := range planes { // A, B, G, R
			for i := range w * h {
				x, y := i%w, i/w
				want := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*(4*((h-1-y)*w+x)+3-c):])))
				got := sample(plane.Type, plane.Bytes[i*plane.Type.Size():])
				if got != want {
					t.Fatalf("%s: %s at %d, %d is %g, Blender reads %g", name, plane.Name, x, y, got, want)
				}
				seen[got] = true
			}
		}
		if len(seen) < 20 {
			t.Errorf("%s shows nothing", name)
		}
	}
}

// TestBlenderCompressions: the same render, written with each compression and, by Blender 5, in one part and in many.
func TestBlenderCompressions(t *testing.T) {
	for _, pair := range [][2]string{
		{"none", "rle"},
		{"none", "zips"},
		{"none", "multilayer"},
		{"half", "decreasing"},
		{"multipart", "interleaved"},
		{"interleaved", "multipart"},
	} {
		d, err := CompareFiles("testdata/"+pair[0]+".exr", "testdata/"+pair[1]+".exr")
		if err != nil {
			t.Fatal(err)
		}
		want := 12
		if pair[0] == "half" {
			want = 4
		}
		if !d.Equal() || d.Channels != want {
			t.Errorf("%v: %v (%d channels)", pair, &d, d.Channels)
		}
	}
	f, _ := read(t, "decreasing.exr")
	if p := f.Parts[0]; p.LineOrder != Decreasing || p.offsets[0] < p.offsets[1] {
		t.Error("decreasing.exr is not what its name says")
	}
}

func TestBlenderHeader(t *testing.T) {
	f, _ := read(t, "multipart.exr")
	if len(f.Parts) != 5 || !f.multi {
		t.Fatalf("%d parts", len(f.Parts))
	}
	p := f.Parts[0]
	if p.Name != "ViewLayer.Combined" || p.Kind != Scanline || p.Compression != ZIP || p.Chunks != 2 || p.Data != (Box{0, 0, 19, 17}) {
		t.Errorf("%+v", p.Header)
	}
	a, ok := p.Get("BlenderMultiChannel")
	if v, err := a.Decode(); !ok || err != nil || v != "Blender V2.55.1 and newer" {
		t.Errorf("%v %v", v, err)
	}
	for _, p := range f.Parts {
		for _, a := range p.Attributes {
			if v, err := a.Decode(); err != nil {
				t.Error(err)
			} else if _, raw := v.([]byte); raw {
				t.Errorf("%s of type %s is not known", a.Name, a.Type)
			} else if back := NewAttribute(a.Name, v); back.Type != a.Type || !slices.Equal(back.Value, a.Value) {
				t.Errorf("%v became %v", a, back)
			}
		}
	}
}

// TestRewrite: what Blender wrote comes back byte for byte where nothing is packed, and with the same header and
// pixels otherwise.
func TestRewrite(t *testing.T) {
	for _, name := range []string{"none", "rle", "zips", "multilayer", "half", "decreasing", "cropped", "multipart"} {
		f, b := read(t, name+".exr")
		var parts []part
		for _, p := range f.Parts {
			lines := p.Lines()
			var all []byte
			for y := range int(p.Data.Height()) {
				line, err := lines.Read(y)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, line...)
			}
			parts = append(parts, part{p.Attributes, all})
		}
		again := encode(t, parts...)
		g := open(t, again)
		if g.body != f.body || !slices.Equal(again[8:g.body-8*int64(g.Parts[0].Chunks)], b[8:f.body-8*int64(f.Parts[0].Chunks)]) && !f.multi {
			t.Errorf("%s: the header was changed", name)
		}
		if d, err := Compare(f, g); err != nil || !d.Equal() {
			t.Errorf("%s: %v %v", name, err, &d)
		}
		if name == "none" && !slices.Equal(again[8:], b[8:]) { // flags may differ: Blender always allows long names
			t.Errorf("%s was not written as it was", name)
		}
	}
}

// TestOtherKinds: headers of what cannot be read here can be read, the files verified, and the pixels are refused.
func TestOtherKinds(t *testing.T) {
	for _, c := range []struct {
		name, why string
		part      int
		kind      Kind
		c         Compression
		chunks    int
	}{
		{"piz", "PIZ", 0, Scanline, 4, 1},
		{"dwaa", "DWAA", 0, Scanline, 8, 1},
		{"tiled", "tiledimage", 0, Tiled, ZIP, 9},
		{"mip", "tiledimage", 0, Tiled, ZIP, 25},
		{"rip", "tiledimage", 0, Tiled, 4, 117},
		{"mixed", "tiledimage", 1, Tiled, ZIP, 25},
	} {
		f, b := read(t, c.name+".exr")
		p := f.Parts[c.part]
		if p.Kind != c.kind || p.Compression != c.c || p.Chunks != c.chunks {
			t.Errorf("%s: %+v", c.name, p.Header)
		}
		if err := verify(b); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		_, one := p.ReadBlock(0, nil)
		_, all := p.Load()
		_, line := p.Lines().Read(0)
		_, diff := Compare(f, f)
		for _, err := range []error{one, all, line, diff} {
			if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if err := verify(b[:len(b)-1]); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%s without its end: %v", c.name, err)
		}
	}
}
