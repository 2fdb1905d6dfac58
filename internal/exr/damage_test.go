package exr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
)

// TestCutOff: a file that ends early at any byte is refused, and read again once it is whole.
func TestCutOff(t *testing.T) {
	for _, name := range []string{"multilayer", "multipart", "dwaa", "tiled", "mixed"} {
		_, b := read(t, name+".exr")
		for n := range b {
			err := verify(b[:n])
			if !errors.Is(err, ErrFormat) || n > 4 && !strings.Contains(err.Error(), "cut off") {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(b), err)
			}
		}
		if err := verify(b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeaderOfCutOff: the headers of a file that is damaged behind them can be read.
func TestHeaderOfCutOff(t *testing.T) {
	f, b := read(t, "multipart.exr")
	g := open(t, b[:f.body-1])
	if len(g.Parts) != 5 || g.Parts[4].Name != f.Parts[4].Name {
		t.Errorf("%d parts", len(g.Parts))
	}
	if _, err := g.Parts[4].Load(); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// TestDamage spoils single places of sound files; each must be found and named.
func TestDamage(t *testing.T) {
	word := func(b []byte, at int64, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	offset := func(b []byte, at int64, v int64) { binary.LittleEndian.PutUint64(b[at:], uint64(v)) }
	type spoil func(f *File, b []byte)
	for _, c := range []struct {
		name, file, want string
		spoil            spoil
	}{
		{"no image", "half", "not an OpenEXR file", func(_ *File, b []byte) { b[0]++ }},
		{"version", "half", "version 3", func(_ *File, b []byte) { b[4] = 3 }},
		{"flags", "half", "flags", func(_ *File, b []byte) { b[7] = 1 }},
		{"flags of two kinds", "half", "contradict", func(_ *File, b []byte) { b[5] |= 0x1a }},
		{"never written", "multilayer", "block 2 of 2 was never written", func(f *File, b []byte) { offset(b, f.body-8, 0) }},
		{"never written, tiled", "tiled", "block 9 of 9 was never written", func(f *File, b []byte) { offset(b, f.body-8, 0) }},
		{"within the header", "multilayer", "block 2 of 2 lies within", func(f *File, b []byte) { offset(b, f.body-8, f.body-1) }},
		{"negative", "multilayer", "within the header", func(f *File, b []byte) { offset(b, f.body-8, -1) }},
		{"beyond", "multilayer", "lies beyond", func(f *File, b []byte) { offset(b, f.body-8, math.MaxInt64) }},
		{"long chunk", "multilayer", "reaches beyond", func(f *File, b []byte) { word(b, f.Parts[0].offsets[1]+4, math.MaxUint32) }},
		{"long tile", "tiled", "reaches beyond", func(f *File, b []byte) { word(b, f.Parts[0].offsets[8]+16, 1<<30) }},
		{"other part", "multipart", "something else", func(f *File, b []byte) { word(b, f.Parts[2].offsets[0], 1) }},
		{"same block twice", "multilayer", "overlap", func(f *File, b []byte) { offset(b, f.body-8, f.Parts[0].offsets[0]) }},
		{"same tile twice", "tiled", "overlap", func(f *File, b []byte) { offset(b, f.body-8, f.Parts[0].offsets[0]) }},
		{"wrong line", "multilayer", "holds line 17 instead of 16", func(f *File, b []byte) { word(b, f.Parts[0].offsets[1], 17) }},
		{"blocks exchanged", "zips", "holds line 0 instead of 1", func(f *File, b []byte) {
			offset(b, f.body-18*8, f.Parts[0].offsets[1])
			offset(b, f.body-17*8, f.Parts[0].offsets[0])
		}},
		{"short block", "none", "block 18 of 18 cannot have 959 bytes", func(f *File, b []byte) { word(b, f.Parts[0].offsets[17]+4, 959) }},
		{"tiny block", "multilayer", "block 2 of 2 cannot have 1 bytes", func(f *File, b []byte) { word(b, f.Parts[0].offsets[1]+4, 1) }},
		{"deflate", "multilayer", "block 1 of 2 cannot be unpacked", func(f *File, b []byte) { b[f.Parts[0].offsets[0]+100] ^= 0x10 }},
		{"checksum", "multilayer", "block 2 of 2 cannot be unpacked", func(_ *File, b []byte) { b[len(b)-1]++ }},
		{"run lengths", "rle", "block 18 of 18 cannot be unpacked", func(f *File, b []byte) { b[f.Parts[0].offsets[17]+8]++ }},
	} {
		f, b := read(t, c.file+".exr")
		c.spoil(f, b)
		if err := verify(b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		} else if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v is of no kind", c.name, err)
		}
	}
}

// raw makes a file of a header and n bytes of zeros.
func raw(flags uint32, attributes []Attribute, n int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint32(b, version|flags)
	for _, a := range attributes {
		b = append(append(append(append(b, a.Name...), 0), a.Type...), 0)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(a.Value))), a.Value...)
	}
	if b = append(b, 0); flags&flagMulti != 0 {
		b = append(b, 0)
	}
	return append(b, make([]byte, n)...)
}

// TestBadHeaders: each contradiction in a header is refused with its reason.
func TestBadHeaders(t *testing.T) {
	rgb := []Channel{{"B", Half, 0, 1, 1}, {"G", Half, 0, 1, 1}}
	basics := Basics(8, 8, ZIP, rgb)
	without := func(name string) (list []Attribute) {
		for _, a := range basics {
			if a.Name != name {
				list = append(list, a)
			}
		}
		return list
	}
	with := func(name string, v any) []Attribute { return Replace(basics, NewAttribute(name, v)) }
	many := make([]Channel, maxChannels+1)
	for i := range many {
		many[i] = Channel{string([]byte{byte(1 + i/200), byte(1 + i%200)}), Half, 0, 1, 1}
	}
	part := with("type", "scanlineimage")
	tiled := func(w, h uint32, mode byte) []Attribute { return with("tiles", Tiles{w, h, mode}) }
	for _, c := range []struct {
		want       string
		flags      uint32
		attributes []Attribute
	}{
		{"lacks the attribute channels", 0, without("channels")},
		{"lacks the attribute compression", 0, without("compression")},
		{"lacks the attribute dataWindow", 0, without("dataWindow")},
		{"lacks the attribute displayWindow", 0, without("displayWindow")},
		{"lacks the attribute lineOrder", 0, without("lineOrder")},
		{"lacks the attribute type", flagMulti, basics},
		{"lacks the attribute type", flagDeep, basics},
		{"lacks the attribute tiles", flagTiled, basics},
		{"lacks the attribute chunkCount", flagDeep, with("type", "deepscanline")},
		{"wrong type float", 0, with("compression", float32(1))},
		{"is not a box2i", 0, Replace(basics, Attribute{"dataWindow", "box2i", []byte{1}})},
		{"is empty", 0, with("dataWindow", Box{5, 0, 4, 9})},
		{"is empty", 0, with("dataWindow", Box{math.MaxInt32, 0, math.MinInt32, 9})},
		{"beyond all reason", 0, with("dataWindow", Box{math.MinInt32, math.MinInt32, math.MaxInt32, math.MaxInt32})},
		{"beyond all reason", 0, with("dataWindow", Box{0, 0, 99999, 99999})},
		{"line order 3", 0, with("lineOrder", LineOrder(3))},
		{"claims 7 blocks instead of 1", flagMulti, Replace(part, NewAttribute("chunkCount", int32(7)))},
		{"cannot have -1 blocks", flagDeep, Replace(with("type", "deepscanline"), NewAttribute("chunkCount", int32(-1)))},
		{"cannot have 4194305 blocks", flagDeep, Replace(with("type", "deeptile"), NewAttribute("chunkCount", int32(maxChunks+1)))},
		{"tiles cannot be read", flagTiled, tiled(0, 8, 0)},
		{"tiles cannot be read", flagTiled, tiled(8, 8, 3)},
		{"tiles cannot be read", flagTiled, tiled(8, 8, 0x20)},
		{"order of their names", 0, with("channels", []Channel{rgb[1], rgb[0]})},
		{"order of their names", 0, with("channels", []Channel{rgb[0], rgb[0]})},
		{"unknown pixel type 3", 0, with("channels", []Channel{{"A", 3, 0, 1, 1}})},
		{"sampling below 1", 0, with("channels", []Channel{{"A", Half, 0, 0, 1}})},
		{"over 4096 channels", 0, with("channels", many)},
		{"list of channels cannot be read", 0, Replace(basics, Attribute{"channels", "chlist", []byte("AAAA")})},
		{"ends within channel A", 0, Replace(basics, Attribute{"channels", "chlist", []byte("A\x00AAAA")})},
		{"follows its list", 0, Replace(basics, Attribute{"channels", "chlist", []byte{0, 0}})},
		{"over 255 bytes", 0, append(basics[:8:8], Attribute{strings.Repeat("x", 256), "int", nil})},
	} {
		b := raw(c.flags, c.attributes, 1000)
		if _, err := Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
	b := raw(0, append(basics[:8:8], Attribute{"more", "int", nil}), 1000)
	binary.LittleEndian.PutUint32(b[bytes.Index(b, []byte("more"))+9:], math.MaxUint32)
	if err := verify(b); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	// What is not known, or not supported, has a header all the same.
	for want, c := range map[string]struct {
		flags      uint32
		attributes []Attribute
	}{
		"compression number 77": {0, with("compression", Compression(77))},
		"kind volume":           {flagMulti, with("type", "volume")},
		"fewer samples":         {0, with("channels", []Channel{{"A", Half, 0, 2, 1}})},
		"too large":             {0, Replace(with("dataWindow", Box{0, 0, 1<<15 - 1, 1<<15 - 1}), NewAttribute("channels", many[:10]))},
		"too many":              {0, Replace(with("dataWindow", Box{0, 0, 1 << 16, 20}), NewAttribute("channels", many[:2000]))},
	} {
		b := raw(c.flags, c.attributes, 1000)
		p := open(t, b).Parts[0]
		_, err := p.Load()
		if err = errors.Join(err, verify(b)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestLimits of several parts, and of blocks that are larger than they can be.
func TestLimits(t *testing.T) {
	list := append(Basics(1, 1, None, nil), NewAttribute("type", string(DeepTiled)), NewAttribute("name", "x"))
	one := func(chunks int32) []byte {
		b := raw(flagMulti, append(list[:10:10], NewAttribute("chunkCount", chunks)), 0)
		return b[8 : len(b)-1]
	}
	file := func(n int, chunks int32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, magic)
		b = binary.LittleEndian.AppendUint32(b, version|flagMulti|flagDeep)
		return append(append(b, bytes.Repeat(one(chunks), n)...), 0)
	}
	if f := open(t, file(maxParts, 0)); len(f.Parts) != maxParts {
		t.Errorf("%d parts", len(f.Parts))
	}
	for want, b := range map[string][]byte{
		"over 1024 parts":            file(maxParts+1, 0),
		"cannot have 4194306 blocks": file(2, maxChunks/2+1),
		"no parts":                   file(0, 0),
	} {
		if err := verify(b); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	for _, c := range []Compression{None, RLE, ZIP} {
		b := encode(t, part{grey(3, 1, c), []byte("abcdef")})
		b = append(b, 0) // and the only block has it, too
		f := open(t, b)
		b[f.Parts[0].offsets[0]+4]++
		if err := verify(b); err == nil || !strings.Contains(err.Error(), "block 1 of 1 cannot have 7 bytes") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestDeep: chunks of deep parts have two tables each.
func TestDeep(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		head int
	}{{DeepScanline, 4}, {DeepTiled, 16}} {
		list := Basics(8, 2, ZIPS, []Channel{{"A", Half, 0, 1, 1}})
		list = append(list, NewAttribute("type", string(c.kind)), NewAttribute("chunkCount", int32(2)), NewAttribute("name", "deep"))
		b := raw(flagDeep|flagMulti, list, 16)
		body := len(b)
		for i := range 2 {
			binary.LittleEndian.PutUint64(b[body-16+8*i:], uint64(len(b)))
			b = append(b, make([]byte, 4+c.head)...)
			b = binary.LittleEndian.AppendUint64(b, 3)
			b = binary.LittleEndian.AppendUint64(b, 5)
			b = binary.LittleEndian.AppendUint64(b, 1000) // unpacked
			b = append(b, make([]byte, 8)...)
		}
		if err := verify(b); err != nil {
			t.Error(err)
		}
		if err := verify(b[:len(b)-1]); !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
		binary.LittleEndian.PutUint64(b[body+4+c.head:], math.MaxUint64)
		if err := verify(b); !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
	}
}

// TestMemory: what a small file claims does not cost memory.
func TestMemory(t *testing.T) {
	channels := make([]Channel, 1000)
	for i := range channels {
		channels[i] = Channel{string([]byte{byte(1 + i/200), byte(1 + i%200)}), Float, 0, 1, 1}
	}
	var files [][]byte
	for _, c := range []Compression{None, RLE, ZIP} {
		b := raw(0, Basics(16000, 100, c, channels), 0)
		lines := c.Lines()
		chunks := (100 + lines - 1) / lines
		at := len(b) + 8*chunks
		for i := range chunks {
			b = binary.LittleEndian.AppendUint64(b, uint64(at+20*i))
		}
		for i := range chunks {
			b = binary.LittleEndian.AppendUint32(b, uint32(i*lines))
			b = append(binary.LittleEndian.AppendUint32(b, 12), make([]byte, 12)...)
		}
		files = append(files, b)
	}
	deep := append(Basics(8, 8, ZIPS, channels), NewAttribute("type", string(DeepScanline)), NewAttribute("chunkCount", int32(maxChunks)))
	files = append(files, raw(flagDeep, deep, 1000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, b := range files {
		f := open(t, b)
		if _, err := f.Parts[0].Load(); err == nil {
			t.Error("it was loaded")
		}
		if err := verify(b); !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

type brokenReader struct {
	io.ReaderAt
	limit int64
	err   error
}

func (r brokenReader) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > r.limit {
		return 0, r.err
	}
	return r.ReaderAt.ReadAt(b, at)
}

// TestDiskErrors: what the disk says is passed on, and is not said to be the file's fault.
func TestDiskErrors(t *testing.T) {
	f, b := read(t, "multilayer.exr")
	disk := errors.New("the disk is on fire")
	for _, limit := range []int64{0, f.body, int64(len(b)) - 1} {
		r := brokenReader{bytes.NewReader(b), limit, disk}
		if err := Verify(r, int64(len(b))); !errors.Is(err, disk) || errors.Is(err, ErrFormat) {
			t.Errorf("%d: %v", limit, err)
		}
	}
	r := brokenReader{bytes.NewReader(b), int64(len(b)) - 1, io.EOF}
	if err := Verify(r, int64(len(b))); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}
