package exr

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// read returns a test image and its bytes.
func read(tb testing.TB, name string) (*File, []byte) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return open(tb, b), b
}

func open(tb interface {
	Helper()
	Fatal(...any)
}, b []byte,
) *File {
	tb.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func verify(b []byte) error { return Verify(bytes.NewReader(b), int64(len(b))) }

// part is a made part: attributes, and its lines one after the other.
type part struct {
	attributes []Attribute
	lines      []byte
}

// drawPart makes a part whose pixels pack well in some places and not at all in others.
func drawPart(t *rapid.T, name string) part {
	var channels []Channel
	used := rapid.MapOfN(rapid.StringMatching(`[A-Za-z][a-z .0-9]{0,40}`), rapid.Int32Range(0, 2), 0, 4).Draw(t, "channels")
	for _, n := range sortedKeys(used) {
		channels = append(channels, Channel{n, PixelType(used[n]), byte(used[n] & 1), 1, 1})
	}
	w, h := rapid.Int32Range(1, 20).Draw(t, "width"), rapid.Int32Range(1, 40).Draw(t, "height")
	c := Compression(rapid.ByteRange(0, 3).Draw(t, "compression"))
	list := Basics(w, h, c, channels)
	x, y := rapid.Int32Range(-1<<31, 1<<31-1-w).Draw(t, "x"), rapid.Int32Range(-1<<31, 1<<31-1-h).Draw(t, "y")
	list = Replace(list, NewAttribute("dataWindow", Box{x, y, x + w - 1, y + h - 1}))
	list = Replace(list, NewAttribute("lineOrder", LineOrder(rapid.ByteRange(0, 2).Draw(t, "order"))))
	if name != "" {
		list = append(list, NewAttribute("name", name))
	}
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		n := rapid.StringMatching(`[a-z]{3,40}/x`).Draw(t, "attribute")
		a := Attribute{n, "something", rapid.SliceOf(rapid.Byte()).Draw(t, "value")}
		at := rapid.IntRange(0, len(list)).Draw(t, "at")
		if _, ok := (&Header{Attributes: list}).Get(n); !ok {
			list = append(list[:at:at], append([]Attribute{a}, list[at:]...)...)
		}
	}
	p := part{attributes: list}
	hd, err := parse(list, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.lines = make([]byte, hd.LineBytes()*int64(h))
	for i, seed := 0, rapid.Uint32().Draw(t, "seed"); i < len(p.lines); i++ {
		if seed = seed*1664525 + 1013904223; i%97 < 40 {
			p.lines[i] = byte(seed >> 24)
		} else {
			p.lines[i] = byte(i / 200)
		}
	}
	return p
}

func sortedKeys(m map[string]int32) []string {
	var keys []string
	for k := range m {
		i := 0
		for i < len(keys) && keys[i] < k {
			i++
		}
		keys = append(keys[:i:i], append([]string{k}, keys[i:]...)...)
	}
	return keys
}

// encode writes parts, one block of each in turn.
func encode(t interface {
	Helper()
	Fatal(...any)
}, parts ...part,
) []byte {
	t.Helper()
	var headers [][]Attribute
	for _, p := range parts {
		headers = append(headers, p.attributes)
	}
	var out memory
	w, err := NewWriter(&out, headers...)
	if err != nil {
		t.Fatal(err)
	}
	for more, n := true, 0; more; n++ {
		more = false
		for i, p := range parts {
			h := w.Header(i)
			if n >= h.Chunks {
				continue
			}
			more = true
			b := n
			switch h.LineOrder {
			case Decreasing:
				b = h.Chunks - 1 - n
			case Random:
				b = (n + h.Chunks/2) % h.Chunks
			}
			first, lines := h.BlockLines(b)
			size := int(h.LineBytes())
			if err := w.WriteBlock(i, b, p.lines[first*size:(first+lines)*size]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := []part{drawPart(t, "")}
		if rapid.Bool().Draw(t, "multi") {
			parts[0] = drawPart(t, "one")
			for i := range rapid.IntRange(1, 2).Draw(t, "more") {
				parts = append(parts, drawPart(t, string(rune('a'+i))))
			}
		}
		b := encode(t, parts...)
		if err := verify(b); err != nil {
			t.Fatal(err)
		}
		f := open(t, b)
		if len(f.Parts) != len(parts) {
			t.Fatalf("%d parts became %d", len(parts), len(f.Parts))
		}
		for i, p := range f.Parts {
			want := parts[i]
			var got []Attribute
			for _, a := range p.Attributes {
				if len(parts) == 1 || a.Name != "type" && a.Name != "chunkCount" {
					got = append(got, a)
				}
			}
			if len(got) != len(want.attributes) {
				t.Fatalf("%d attributes became %d", len(want.attributes), len(got))
			}
			for j, a := range got {
				if w := want.attributes[j]; a.Name != w.Name || a.Type != w.Type || !bytes.Equal(a.Value, w.Value) {
					t.Fatalf("attribute %v became %v", w, a)
				}
			}
			size, h := int(p.LineBytes()), int(p.Data.Height())
			lines := p.Lines()
			for n := range h {
				y := n * 7 % h // in some order
				line, err := lines.Read(y)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(line, want.lines[y*size:(y+1)*size]) {
					t.Fatalf("line %d of part %d differs", y, i)
				}
			}
			planes, err := p.Load()
			if err != nil {
				t.Fatal(err)
			}
			for c, plane := range planes {
				from, to := p.Span(c)
				for y := range h {
					n := to - from
					if !bytes.Equal(plane.Bytes[y*n:(y+1)*n], want.lines[y*size+from:y*size+to]) {
						t.Fatalf("plane %s differs in line %d", plane.Name, y)
					}
				}
			}
		}
		if d, err := Compare(f, f); err != nil || !d.Equal() {
			t.Fatal(err, &d)
		}
		// Any file that ends early, and any byte that is turned, is refused or read; nothing else happens.
		if err := verify(b[:rapid.IntRange(0, len(b)-1).Draw(t, "end")]); !errors.Is(err, ErrFormat) {
			t.Fatalf("a file that was cut off is taken for whole: %v", err)
		}
		at := rapid.IntRange(0, len(b)-1).Draw(t, "where")
		b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_ = verify(b)
	})
}

// TestRunLengths holds packing against its inverse on what the made parts seldom have.
func TestRunLengths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in []byte
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			n := rapid.SampledFrom([]int{1, 2, 3, 4, 126, 127, 128, 129, 130, 300}).Draw(t, "length")
			v, step := rapid.Byte().Draw(t, "value"), rapid.Byte().Draw(t, "step")*rapid.ByteRange(0, 1).Draw(t, "steps")
			for i := range n {
				in = append(in, v+byte(i)*step)
			}
		}
		var b bytes.Buffer
		rle(in, &b)
		out := make([]byte, len(in))
		if err := unrle(b.Bytes(), out); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("%v became %v: %v", in, out, err)
		}
		if len(in) > 0 && unrle(b.Bytes(), out[1:]) == nil {
			t.Fatal("too much was unpacked")
		}
		if unrle(b.Bytes(), append(out, 0)) == nil {
			t.Fatal("too little was unpacked")
		}
	})
}
