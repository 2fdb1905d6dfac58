package exr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// cut returns the pixels of a made part that lie in a box, as lines of a part of that size.
func (p part) cut(h *Header, box Box) []byte {
	var lines []byte
	size := int(h.LineBytes())
	for y := int64(box.MinY); y <= int64(box.MaxY); y++ {
		line := p.lines[int(y-int64(h.Data.MinY))*size:][:size]
		for c := range h.Channels {
			from, _ := h.Span(c)
			one := h.Channels[c].Type.Size()
			left := from + int(int64(box.MinX)-int64(h.Data.MinX))*one
			lines = append(lines, line[left:left+int(box.Width())*one]...)
		}
	}
	return lines
}

// cuts draws where a side is cut.
func cuts(t *rapid.T, low, high int32, name string) []int32 {
	at := rapid.SliceOfNDistinct(rapid.Int32Range(low, high), 0, 4, func(v int32) int32 { return v }).Draw(t, name)
	all := append([]int32{low}, at...)
	for i := range all {
		for j := i; j > 0 && all[j] < all[j-1]; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	if len(all) > 1 && all[0] == all[1] {
		all = all[1:]
	}
	return append(all, high+1)
}

func stitched(t interface {
	Helper()
	Fatal(...any)
}, tiles []Tile, s Stitching,
) []byte {
	t.Helper()
	var out memory
	if err := Stitch(context.Background(), &out, tiles, s); err != nil {
		t.Fatal(err)
	}
	if err := verify(out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStitchGrids: any picture cut into any grid, cropped or not, with or without more around each tile, comes back with
// the same bits and attributes, and a tile that is missing or there twice is seen.
func TestStitchGrids(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := []part{drawPart(t, "")}
		if rapid.Bool().Draw(t, "multi") {
			parts = []part{drawPart(t, "one"), drawPart(t, "two")}
			// Parts of one picture have one window.
			a, err := parse(parts[0].attributes, 0)
			if err != nil {
				t.Fatal(err)
			}
			parts[1].attributes = Replace(parts[1].attributes, NewAttribute("dataWindow", a.Data))
			b, err := parse(parts[1].attributes, 0)
			if err != nil {
				t.Fatal(err)
			}
			parts[1].lines = bytes.Repeat(append(parts[1].lines, 1), 900)[:b.LineBytes()*b.Data.Height()]
		}
		var headers []Header
		for i := range parts {
			h, err := parse(parts[i].attributes, 0)
			if err != nil {
				t.Fatal(err)
			}
			parts[i].attributes = Replace(parts[i].attributes, NewAttribute("displayWindow", h.Data))
			headers = append(headers, h)
		}
		whole := headers[0].Data
		xs, ys := cuts(t, whole.MinX, whole.MaxX, "columns"), cuts(t, whole.MinY, whole.MaxY, "rows")
		crop, over := rapid.Bool().Draw(t, "crop"), rapid.Int32Range(0, 3).Draw(t, "overscan")
		var tiles []Tile
		for j := range len(ys) - 1 {
			for i := range len(xs) - 1 {
				inner := Box{xs[i], ys[j], xs[i+1] - 1, ys[j+1] - 1}
				box := Box{inner.MinX - min(over, inner.MinX-whole.MinX), inner.MinY - min(over, inner.MinY-whole.MinY), inner.MaxX + min(over, whole.MaxX-inner.MaxX), inner.MaxY + min(over, whole.MaxY-inner.MaxY)}
				var pieces []part
				for n, p := range parts {
					list, lines := p.attributes, p.cut(&headers[n], box)
					if crop {
						own := Box{0, 0, int32(box.Width()) - 1, int32(box.Height()) - 1}
						list = Replace(Replace(list, NewAttribute("dataWindow", own)), NewAttribute("displayWindow", own))
					} else {
						list = Replace(list, NewAttribute("dataWindow", box))
					}
					pieces = append(pieces, part{list, lines})
				}
				tile := Tile{Name: fmt.Sprintf("tile %d, %d", i, j), File: open(t, encode(t, pieces...))}
				if crop {
					tile.At = &[2]int32{box.MinX, box.MinY}
				}
				if over > 0 {
					tile.Inner = &inner
				}
				tiles = append(tiles, tile)
			}
		}
		s := Stitching{}
		if crop {
			s.Whole = &whole
		}
		out := stitched(t, tiles, s)
		f := open(t, out)
		for n, p := range f.Parts {
			if p.Data != whole || p.Display != whole || p.LineOrder != Increasing || p.Compression != headers[n].Compression {
				t.Fatalf("the whole is %+v", p.Header)
			}
			for _, a := range parts[n].attributes {
				b, ok := p.Get(a.Name)
				if a.Name != "lineOrder" && (!ok || !bytes.Equal(a.Value, b.Value) || a.Type != b.Type) {
					t.Fatalf("%v became %v", a, b)
				}
			}
			lines, size := p.Lines(), int(p.LineBytes())
			for y := range int(p.Data.Height()) {
				if line, err := lines.Read(y); err != nil || !bytes.Equal(line, parts[n].lines[y*size:][:size]) {
					t.Fatalf("line %d of part %d differs: %v", y, n, err)
				}
			}
		}
		if again := stitched(t, tiles, s); !bytes.Equal(out, again) {
			t.Fatal("the same tiles became other bytes")
		}
		at := rapid.IntRange(0, len(tiles)-1).Draw(t, "one of them")
		less := append(append([]Tile{}, tiles[:at]...), tiles[at+1:]...)
		if err := Stitch(context.Background(), new(memory), less, s); !errors.Is(err, ErrMismatch) {
			t.Fatalf("a tile is missing: %v", err)
		}
		if err := Stitch(context.Background(), new(memory), append(less, tiles[at], tiles[at]), s); !errors.Is(err, ErrMismatch) {
			t.Fatalf("a tile is there twice: %v", err)
		}
	})
}

// tile makes a file of one float channel, 4 x 4 pixels at x, y of a picture of 8 x 4, and what else is asked for.
func tile(t *testing.T, x, y int32, more ...Attribute) *File {
	list := Basics(4, 4, ZIP, []Channel{{"L.Depth.Z", Float, 0, 1, 1}})
	list = Replace(list, NewAttribute("dataWindow", Box{x, y, x + 3, y + 3}))
	list = Replace(list, NewAttribute("displayWindow", Box{0, 0, 7, 3}))
	for _, a := range more {
		list = Replace(list, a)
	}
	h, err := parse(list, 0)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, encode(t, part{list, make([]byte, h.LineBytes()*h.Data.Height())}))
}

// TestStitchRefuses tiles that do not belong together, with a sentence that says what is wrong and where.
func TestStitchRefuses(t *testing.T) {
	left := tile(t, 0, 0)
	with := func(a Attribute) *File { return tile(t, 4, 0, a) }
	piz, _ := read(t, "piz.exr")
	multi, _ := read(t, "multipart.exr")
	for _, c := range []struct {
		why   string
		kind  error
		whole *Box
		tiles []Tile
	}{
		{"there are no tiles", ErrMismatch, nil, nil},
		{"no tile has the pixel 4, 0", ErrMismatch, nil, []Tile{{"a", left, nil, nil}}},
		{"no tile has the pixel 0, 0", ErrMismatch, nil, []Tile{{"b", tile(t, 4, 0), nil, nil}}},
		{"a and b both have the pixel 3, 0", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", tile(t, 3, 0), nil, nil}}},
		{"no tile has the pixel 4, 3", ErrMismatch, &Box{0, 0, 4, 3}, []Tile{{"a", left, nil, nil}, {"b", tile(t, 4, 0), nil, &Box{4, 0, 4, 2}}}},
		{"b has the pixels (4 1)-(7 4), which are not all in the whole picture of (0 0)-(7 3)", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", tile(t, 4, 1), nil, nil}}},
		{"b has the pixels (4 0)-(7 3), not all of (3 0)-(7 3)", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", tile(t, 4, 0), nil, &Box{3, 0, 7, 3}}}},
		{"not all of (7 0)-(4 3)", ErrMismatch, nil, []Tile{{"b", tile(t, 4, 0), nil, &Box{7, 0, 4, 3}}}},
		{"the size of the whole picture must be given", ErrMismatch, nil, []Tile{{"a", left, &[2]int32{0, 0}, nil}}},
		{"b lies beyond", ErrMismatch, &Box{0, 0, 7, 3}, []Tile{{"b", left, &[2]int32{1<<31 - 2, 0}, nil}}},
		{"has no pixels", ErrMismatch, &Box{5, 0, 2, 3}, []Tile{{"a", left, nil, nil}}},
		{"b lacks the channel L.Depth.Z that a has", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("channels", []Channel{{"L.Other", Float, 0, 1, 1}})), nil, nil}}},
		{"a lacks the channel L.Z that b has", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("channels", []Channel{{"L.Depth.Z", Float, 0, 1, 1}, {"L.Z", Float, 0, 1, 1}})), nil, nil}}},
		{"the channel L.Depth.Z is float in a and half in b", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("channels", []Channel{{"L.Depth.Z", Half, 0, 1, 1}})), nil, nil}}},
		{"not described alike", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("channels", []Channel{{"L.Depth.Z", Float, 1, 1, 1}})), nil, nil}}},
		{"the whole picture is (0 0)-(7 3) by a and (0 0)-(8 3) by b", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("displayWindow", Box{0, 0, 8, 3})), nil, nil}}},
		{"b lacks the attribute pixelAspectRatio that a has", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("pixelAspectRatio", int32(2))), nil, nil}}},
		{"the attribute pixelAspectRatio of b differs from that of a", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("pixelAspectRatio", float32(2))), nil, nil}}},
		{"a lacks the attribute cycles.L.samples that b has", ErrMismatch, nil, []Tile{{"a", left, nil, nil}, {"b", with(NewAttribute("cycles.L.samples", "8")), nil, nil}}},
		{"the attribute RenderTime of b differs", ErrMismatch, nil, []Tile{{"a", tile(t, 0, 0, NewAttribute("RenderTime", "long")), nil, nil}, {"b", with(NewAttribute("RenderTime", "00:01.00")), nil, nil}}},
		{"multi has 5 parts and a 1", ErrMismatch, nil, []Tile{{"multi", multi, nil, nil}, {"a", left, nil, nil}}},
		{"piz: pixels with the compression PIZ cannot be read here", ErrUnsupported, nil, []Tile{{"piz", piz, nil, nil}}},
	} {
		out := new(memory)
		err := Stitch(context.Background(), out, c.tiles, Stitching{Whole: c.whole})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, not %q", err, c.why)
		}
		if len(*out) > 0 {
			t.Errorf("%q: something was written", c.why)
		}
	}
}

// TestStitchAttributes: what tells of the render itself is joined, the rest kept.
func TestStitchAttributes(t *testing.T) {
	text := func(name, value string) Attribute { return NewAttribute(name, value) }
	a := tile(t, 0, 0, text("RenderTime", "59:59.90"), text("cycles.L.total_time", "00:01.00"), text("cycles.L.synchronization_time", "00:00.30"), text("Date", "2024/05/01 10:00:00"), text("Hostname", "one"), text("File", "/a/x.blend"), text("Memory", "900.00K"), text("Scene", "S"), NewAttribute("preview", Preview{}))
	b := tile(t, 4, 0, text("RenderTime", "00:00.20"), text("cycles.L.total_time", "01:00:00.02"), text("cycles.L.synchronization_time", "00:00.20"), text("Date", "2024/05/01 09:00:00"), text("Hostname", "two"), text("File", "/b/x.blend"), text("Memory", "1.50M"), text("Scene", "S"))
	f := open(t, stitched(t, []Tile{{"a", a, nil, nil}, {"b", b, nil, nil}}, Stitching{}))
	for name, want := range map[string]string{
		"RenderTime": "01:00:00.10", "cycles.L.total_time": "01:00:01.02", "cycles.L.synchronization_time": "00:00.30",
		"Date": "2024/05/01 10:00:00", "Hostname": "one, two", "File": "/a/x.blend", "Memory": "1.50M", "Scene": "S",
	} {
		if got, _ := f.Parts[0].Get(name); string(got.Value) != want {
			t.Errorf("%s is %s, not %s", name, got.Value, want)
		}
	}
	if _, ok := f.Parts[0].Get("preview"); ok {
		t.Error("a tile's preview is that of the whole")
	}
}

// TestStitchStops: what is damaged in a tile is not passed on, and a canceled stitch ends.
func TestStitchStops(t *testing.T) {
	p := drawnNoise(t, 8, 200)
	whole := encode(t, p)
	broken := bytes.Clone(whole)
	f := open(t, broken)
	broken[f.Parts[0].offsets[5]+100] ^= 1
	err := Stitch(context.Background(), new(memory), []Tile{{"the only one", f, nil, nil}}, Stitching{})
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "the only one: the OpenEXR file is damaged: block 6") {
		t.Errorf("a damaged block was taken: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	if err := Stitch(ctx, new(memory), []Tile{{"a", open(t, whole), nil, nil}}, Stitching{}); err != why {
		t.Errorf("a canceled stitch ended with %v", err)
	}
	full := errors.New("the disk is full")
	if err := Stitch(context.Background(), failing{full}, []Tile{{"a", open(t, whole), nil, nil}}, Stitching{}); err != full {
		t.Errorf("a full disk ended with %v", err)
	}
}

type failing struct{ err error }

func (f failing) WriteAt(b []byte, at int64) (int, error) {
	if at > 0 {
		return 0, f.err
	}
	return len(b), nil
}

// drawnNoise is a part of half and float channels whose values pack, but not to nothing.
func drawnNoise(t *testing.T, w, h int32) part {
	list := Basics(w, h, ZIP, []Channel{{"L.Combined.R", Half, 0, 1, 1}, {"L.Depth.Z", Float, 0, 1, 1}})
	hd, err := parse(list, 0)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	lines := make([]byte, hd.LineBytes()*int64(h))
	for i := range lines {
		lines[i] = byte(rnd.IntN(4) * (i & 3))
	}
	return part{list, lines}
}

// TestStitchByOpenEXR: other people's tools read what was put together, and put the tiles together to the same pixels.
func TestStitchByOpenEXR(t *testing.T) {
	oiio, err := exec.LookPath("oiiotool")
	if err != nil {
		t.Skip("oiiotool is not there")
	}
	p := drawnNoise(t, 50, 37)
	h, err := parse(p.attributes, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var tiles []Tile
	var args []string // adding up what is empty outside of its window
	for n, box := range []Box{{0, 0, 19, 20}, {20, 0, 49, 20}, {0, 21, 33, 36}, {34, 21, 49, 36}} {
		b := encode(t, part{Replace(Replace(p.attributes, NewAttribute("dataWindow", box)), NewAttribute("displayWindow", h.Data)), p.cut(&h, box)})
		path := filepath.Join(dir, fmt.Sprintf("tile%d.exr", n))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		tiles = append(tiles, Tile{Name: path, File: open(t, b)})
		if args = append(args, path); n > 0 {
			args = append(args, "--add")
		}
	}
	diff := func(name string, b []byte) (string, error) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(oiio, append(args, path, "--fail", "0", "--warn", "0", "--diff")...).CombinedOutput()
		return string(out), err
	}
	ours := stitched(t, tiles, Stitching{})
	if out, err := diff("ours.exr", ours); err != nil {
		t.Errorf("oiiotool has other pixels: %v\n%s", err, out)
	}
	tiles[1], tiles[0] = Tile{File: tiles[0].File, At: &[2]int32{30, 0}}, Tile{File: tiles[1].File, At: &[2]int32{0, 0}}
	tiles[2].At, tiles[3].At = &[2]int32{0, 21}, &[2]int32{34, 21}
	if out, err := diff("wrong.exr", stitched(t, tiles, Stitching{Whole: &h.Data})); err == nil {
		t.Errorf("oiiotool sees no difference where there is one: %s", out)
	}
}
