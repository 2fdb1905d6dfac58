package exr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func floats(list ...float32) []byte {
	var b []byte
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func image(t *testing.T, planes ...Plane) *File {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, &Image{Width: 3, Height: 2, Compression: ZIP, Planes: planes}); err != nil {
		t.Fatal(err)
	}
	return open(t, b.Bytes())
}

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	otherNaN := math.Float32frombits(math.Float32bits(nan) ^ 1)
	a := image(t,
		Plane{"same", Float, floats(1, nan, inf, -inf, 0, -1)},
		Plane{"zero", Float, floats(0, 0, 0, 0, 0, 0)},
		Plane{"far", Float, floats(1, 2, 3, 4, 5, 6)},
		Plane{"nan", Float, floats(nan, 2, 3, 4, 5, 6)},
		Plane{"half", Half, []byte{0, 0x3c, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}},
		Plane{"uint", Uint, bytes.Repeat([]byte{0, 0, 0, 0x80}, 6)},
		Plane{"kind", Uint, floats(1, 2, 3, 4, 5, 6)},
		Plane{"gone", Uint, floats(1, 2, 3, 4, 5, 6)},
	)
	b := image(t,
		Plane{"same", Float, floats(1, nan, inf, -inf, 0, -1)},
		Plane{"zero", Float, floats(0, 0, 0, 0, 0, float32(math.Copysign(0, -1)))},
		Plane{"far", Float, floats(1, 2.5, 3, 4, 5, 5.25)},
		Plane{"nan", Float, floats(otherNaN, 2, 3, 4, 5, nan)},
		Plane{"half", Half, []byte{0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		Plane{"uint", Uint, bytes.Repeat([]byte{1, 0, 0, 0x80}, 6)},
		Plane{"kind", Float, floats(1, 2, 3, 4, 5, 6)},
		Plane{"new", Uint, floats(1, 2, 3, 4, 5, 6)},
	)
	got, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := Diff{6, []Difference{
		{Channel: "far", Samples: 2, Largest: 0.75},
		{Channel: "gone", OnlyIn: "first"},
		{Channel: "half", Samples: 2, Largest: 1},
		{Channel: "kind", Text: "uint in the first file and float in the second"},
		{Channel: "nan", Samples: 2, Largest: math.Inf(1)},
		{Channel: "new", OnlyIn: "second"},
		{Channel: "uint", Samples: 6, Largest: 1},
		{Channel: "zero", Samples: 1, Largest: 0},
	}}
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
	for _, text := range []string{"channel far differs in 2 samples, by up to 0.75", "channel gone is only in the first file", "channel kind is uint in"} {
		if !strings.Contains(got.String(), text) {
			t.Errorf("%q is not said in %q", text, &got)
		}
	}
	if d, err := Compare(a, a); err != nil || !d.Equal() || d.String() != "all 8 channels are equal, bit by bit" {
		t.Error(&d, err)
	}
}

// TestCompareWindows: the same pixels elsewhere are not the same picture.
func TestCompareWindows(t *testing.T) {
	p := Plane{"A", Float, floats(1, 2, 3, 4, 5, 6)}
	a := image(t, p)
	var b bytes.Buffer
	at := NewAttribute("dataWindow", Box{1, 0, 3, 1})
	if err := Write(&b, &Image{Width: 3, Height: 2, Planes: []Plane{p}, Attributes: []Attribute{at}}); err != nil {
		t.Fatal(err)
	}
	d, err := Compare(a, open(t, b.Bytes()))
	if err != nil || len(d.Differences) != 1 || !strings.Contains(d.String(), "(0 0)-(2 1) in the first file and (1 0)-(3 1)") {
		t.Error(&d, err)
	}
}

// TestCompareParts: parts whose channels have short names, of the same name, and of other sizes.
func TestCompareParts(t *testing.T) {
	multi := func(height int32, names ...string) *File {
		var parts []part
		for i, n := range names {
			h := height + int32(i)
			list := Basics(3, h, RLE, []Channel{{"Z", Half, 0, 1, 1}})
			parts = append(parts, part{append(list, NewAttribute("name", n)), bytes.Repeat([]byte{byte(i), 1}, 3*int(h))})
		}
		return open(t, encode(t, parts...))
	}
	a := multi(4, "near", "far")
	if d, err := Compare(a, multi(4, "near", "far")); err != nil || !d.Equal() || d.Channels != 2 {
		t.Error(&d, err)
	}
	d, err := Compare(a, multi(3, "far", "near", "else"))
	if err != nil || len(d.Differences) != 3 || d.Differences[0].Channel != "else.Z" {
		t.Error(&d, err)
	}
	// A file may have parts of one name all the same; none may hide another.
	f := multi(4, "near", "far")
	f.Parts[1].Name = "near"
	if d, err := Compare(a, f); err != nil || d.Equal() || d.Channels != 1 || len(d.Differences) != 2 {
		t.Error(&d, err)
	}
}

func TestCompareFiles(t *testing.T) {
	if _, err := CompareFiles("testdata/half.exr", filepath.Join(t.TempDir(), "none.exr")); err == nil {
		t.Error("a file that is not there was compared")
	}
	if _, err := CompareFiles("testdata/half.exr", "testdata/half.raw"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "half.raw") {
		t.Error(err)
	}
	if err := VerifyFile("testdata"); err == nil {
		t.Error("a folder was verified")
	}
	if err := VerifyFile("testdata/half.exr"); err != nil {
		t.Error(err)
	}
	// Damage is found by comparing, too, and it is said in which file.
	a, b := read(t, "multilayer.exr")
	b = bytes.Clone(b)
	b[len(b)-1]++
	if _, err := Compare(a, open(t, b)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "second file") {
		t.Error(err)
	}
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 1: 0x1p-24, 0x3ff: 0x1p-14 - 0x1p-24, 0x400: 0x1p-14, 0x3c00: 1, 0x3c01: 1 + 0x1p-10, 0xc000: -2,
		0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0x8001: -0x1p-24,
	} {
		if got := float64(halfValue(h)); got != want {
			t.Errorf("%#x is %g, not %g", h, got, want)
		}
	}
	if v := float64(halfValue(0x7e00)); !math.IsNaN(v) {
		t.Error(v)
	}
	if v := float64(halfValue(0x8000)); !math.Signbit(v) {
		t.Error(v)
	}
}
