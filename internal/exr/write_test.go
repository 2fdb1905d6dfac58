package exr

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func grey(w, h int32, c Compression) []Attribute {
	return Basics(w, h, c, []Channel{{"Y", Half, 0, 1, 1}})
}

// TestUnfinished: a file whose writer stopped at any point is not taken for whole.
func TestUnfinished(t *testing.T) {
	var out memory
	w, err := NewWriter(&out, grey(4, 20, ZIP))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(out); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "never written") {
		t.Error(err)
	}
	if err := w.WriteBlock(0, 0, make([]byte, 16*8)); err != nil {
		t.Fatal(err)
	}
	if err := verify(out); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "only 1 of 2 blocks") {
		t.Error(err)
	}
	if err := verify(out); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

func TestWriterOrder(t *testing.T) {
	order := func(o LineOrder) *Writer {
		w, err := NewWriter(new(memory), Replace(grey(1, 3, ZIPS), NewAttribute("lineOrder", o)))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	block := []byte{1, 2}
	for _, c := range []struct {
		order LineOrder
		ok    []int
		wrong int
	}{{Increasing, []int{0}, 2}, {Decreasing, []int{2}, 0}, {Random, []int{1}, 1}, {Increasing, nil, 3}, {Random, nil, -1}} {
		w := order(c.order)
		for _, i := range c.ok {
			if err := w.WriteBlock(0, i, block); err != nil {
				t.Error(err)
			}
		}
		if err := w.WriteBlock(0, c.wrong, block); err == nil {
			t.Errorf("order %d: block %d was written after %v", c.order, c.wrong, c.ok)
		}
	}
	if err := order(Increasing).WriteBlock(0, 0, []byte{1, 2, 3}); err == nil {
		t.Error("a block of the wrong size was written")
	}
	w := order(Random)
	for _, i := range []int{1, 2, 0} {
		if err := w.WriteBlock(0, i, block); err != nil {
			t.Error(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if w.Close() == nil || w.WriteBlock(0, 0, block) == nil {
		t.Error("a closed writer goes on")
	}
}

// TestWriterRefuses what would not make a file that can be read.
func TestWriterRefuses(t *testing.T) {
	with := func(a Attribute) []Attribute { return Replace(grey(4, 4, ZIP), a) }
	named := func(n string) []Attribute { return with(NewAttribute("name", n)) }
	for _, c := range []struct {
		want    string
		headers [][]Attribute
	}{
		{"0 parts", nil},
		{"lacks the attribute", [][]Attribute{{}}},
		{"given twice", [][]Attribute{append(grey(4, 4, ZIP), NewAttribute("lineOrder", Increasing))}},
		{"cannot be named", [][]Attribute{with(Attribute{"", "int", nil})}},
		{"cannot be named", [][]Attribute{with(Attribute{"a\x00", "int", nil})}},
		{"of the type", [][]Attribute{with(Attribute{"a", strings.Repeat("x", 256), nil})}},
		{"PIZ", [][]Attribute{grey(4, 4, 4)}},
		{"samples", [][]Attribute{with(NewAttribute("channels", []Channel{{"A", Half, 0, 2, 2}}))}},
		{"name of its own", [][]Attribute{grey(4, 4, ZIP), named("b")}},
		{"name of its own", [][]Attribute{named("b"), named("b")}},
	} {
		if _, err := NewWriter(new(memory), c.headers...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
	plane := Plane{"A", Half, []byte{1, 2}}
	for want, im := range map[string]*Image{
		"0 x 1":         {Width: 0, Height: 1, Planes: []Plane{plane}},
		"instead of":    {Width: 2, Height: 1, Planes: []Plane{plane}},
		"be named":      {Width: 1, Height: 1, Planes: []Plane{{"", Half, []byte{1, 2}}}},
		"names":         {Width: 1, Height: 1, Planes: []Plane{plane, plane}},
		"another image": {Width: 1, Height: 1, Planes: []Plane{plane}, Attributes: []Attribute{NewAttribute("dataWindow", Box{0, 0, 1, 0})}},
		"DWAB":          {Width: 1, Height: 1, Planes: []Plane{plane}, Compression: 9},
	} {
		if err := Write(io.Discard, im); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestCopied: what says how the pixels were kept before is corrected when they are written otherwise.
func TestCopied(t *testing.T) {
	list := append(grey(4, 20, ZIPS), NewAttribute("chunkCount", int32(99)), NewAttribute("type", "tiledimage"))
	b := encode(t, part{list, make([]byte, 20*8)})
	p := open(t, b).Parts[0]
	var n int32
	var kind string
	if _, err := value(&p.Header, "chunkCount", &n); err != nil || n != 20 {
		t.Error(n, err)
	}
	if _, err := value(&p.Header, "type", &kind); err != nil || kind != "scanlineimage" {
		t.Error(kind, err)
	}
}

// TestLongNames: readers of old have room for 31 bytes; only a file that needs more says so.
func TestLongNames(t *testing.T) {
	for n, long := range map[int]bool{31: false, 32: true} {
		name := strings.Repeat("n", n)
		for _, list := range [][]Attribute{
			append(grey(1, 1, None), Attribute{name, "x", nil}),
			append(grey(1, 1, None), Attribute{"x", name, nil}),
			Basics(1, 1, None, []Channel{{name, Half, 0, 1, 1}}),
		} {
			b := encode(t, part{list, []byte{1, 2}})
			if got := b[5]&(flagLong>>8) != 0; got != long {
				t.Errorf("%d bytes: flags %#x", n, b[4:8])
			}
		}
	}
}

type fullDisk struct{ left int }

var errFull = errors.New("no space left")

func (d *fullDisk) WriteAt(b []byte, _ int64) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestFullDisk(t *testing.T) {
	im := &Image{Width: 300, Height: 300, Planes: []Plane{{"A", Float, make([]byte, 360000)}}}
	for _, room := range []int{0, 5000, 300000, 363000, 366000} {
		if err := im.write(&fullDisk{room}); !errors.Is(err, errFull) {
			t.Errorf("%d: %v", room, err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.exr")
	im := &Image{Width: 1, Height: 2, Compression: ZIP, Planes: []Plane{{"R", Half, []byte{1, 2, 3, 4}}, {"B", Half, []byte{5, 6, 7, 8}}}}
	if err := WriteFile(path, im); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, im); err != nil {
		t.Fatal(err)
	}
	if err := VerifyFile(path); err != nil {
		t.Error(err)
	}
	planes, err := open(t, b.Bytes()).Parts[0].Load()
	if d := cmp.Diff([]Plane{im.Planes[1], im.Planes[0]}, planes); err != nil || d != "" {
		t.Error(err, d)
	}
}

// TestAttributes: every kind of value comes back.
func TestAttributes(t *testing.T) {
	values := []any{
		"text", "",
		[]string{"a", "", "bc"},
		[]string{},
		[]float32{1, 2},
		[]Channel{{"A", Half, 1, 2, 3}, {"B", Uint, 0, 1, 1}},
		Preview{2, 1, []byte("12345678")},
		Preview{0, 9, []byte{}},
		Box{-1, 2, 3, 4},
		Box2f{1, 2, 3, 4},
		Chromaticities{1, 2, 3, 4, 5, 6, 7, 8},
		DWAB, float64(1), EnvMap(1), float32(2), int32(-3),
		Keycode{1, 2, 3, 4, 5, 6, 7},
		Decreasing,
		[9]float64{1},
		[9]float32{2},
		[16]float64{3},
		[16]float32{4},
		Rational{-24000, 1001},
		Tiles{64, 32, 0x11},
		Timecode{1, 2},
		[2]float64{1, 2},
		[2]float32{1, 2},
		[2]int32{1, 2},
		[3]float64{1, 2, 3},
		[3]float32{1, 2, 3},
		[3]int32{1, 2, 3},
	}
	known := map[string]bool{}
	for _, v := range values {
		a := NewAttribute("a", v)
		known[a.Type] = true
		got, err := a.Decode()
		if d := cmp.Diff(v, got); err != nil || d != "" {
			t.Errorf("%T: %v %s", v, err, d)
		}
		if a.Type == "string" {
			continue
		}
		for _, wrong := range [][]byte{append(bytes.Clone(a.Value), 1), a.Value[:max(1, len(a.Value))-1]} {
			if len(wrong) == len(a.Value) || len(wrong) == 0 && strings.HasSuffix(a.Type, "vector") {
				continue
			}
			if _, err := (Attribute{"a", a.Type, wrong}).Decode(); !errors.Is(err, ErrFormat) {
				t.Errorf("%s of %d bytes: %v", a.Type, len(wrong), err)
			}
		}
	}
	for name := range fixed {
		if !known[name] {
			t.Errorf("%s is not tried", name)
		}
	}
	small := Attribute{"a", "preview", []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}}
	if _, err := small.Decode(); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	if v, err := (Attribute{"a", "unheard", []byte{1}}).Decode(); err != nil || !cmp.Equal(v, []byte{1}) {
		t.Error(v, err)
	}
}

const DWAB = Compression(9)

// TestAttributeBytes: no bytes make Decode panic, and what it accepts is encoded as the same bytes.
func TestAttributeBytes(t *testing.T) {
	types := []string{"string", "stringvector", "floatvector", "chlist", "preview", "unheard"}
	for n := range fixed {
		types = append(types, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		a := Attribute{"a", rapid.SampledFrom(types).Draw(t, "type"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value")}
		v, err := a.Decode()
		if _, raw := v.([]byte); err != nil || raw || a.Type == "chlist" {
			return
		}
		if b := NewAttribute("a", v); b.Type != a.Type || !bytes.Equal(a.Value, b.Value) && !strings.Contains(a.Type, "f") {
			t.Fatalf("%v became %v", a, b)
		}
	})
}
