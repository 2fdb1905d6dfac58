package exr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// taken is what one path through a pixel found.
type taken struct {
	colour, albedo, light float64
	depth                 float64
	id                    uint32
}

// film is a frame that is rendered path by path, as Cycles does.
type film struct {
	width, height int
	paths         [][]taken // of each pixel
}

func newFilm(seed uint64, w, h, samples int) *film {
	rnd := rand.New(rand.NewPCG(seed, 1))
	f := &film{w, h, make([][]taken, w*h)}
	for i := range f.paths {
		names := rnd.Perm(7)[:1+rnd.IntN(4)]
		for range samples {
			s := taken{rnd.Float64() * 3, 0.1 + rnd.Float64(), rnd.Float64() * 5, 1 + rnd.Float64()*100, 0}
			s.id = math.Float32bits(float32(names[rnd.IntN(len(names))])*1e20 + 1)
			if rnd.IntN(8) == 0 {
				s.id = 0 // nothing was hit that has a name
			}
			f.paths[i] = append(f.paths[i], s)
		}
	}
	return f
}

// render makes the channels of a layer of the samples from first on; done tells how many of them a pixel gets.
func (f *film) render(first, n int, done func(pixel, first, n int) []taken, t PixelType, split bool) []part {
	const levels = 2
	order := []string{"Combined.R", "Debug Sample Count.X", "Depth.Z", "DiffCol.G", "DiffInd.G", "Mist.Z"}
	for l := range levels {
		for _, c := range []string{"a", "b", "g", "r"} {
			order = append(order, fmt.Sprintf("CryptoObject%02d.%s", l, c))
		}
	}
	slices.Sort(order)
	values := map[string][]float64{}
	for i := range f.paths {
		paths := done(i, first, n)
		add := func(name string, v float64) { values[name] = append(values[name], v) }
		var colour, albedo, light, depth float64
		for _, s := range paths {
			colour += s.colour
			albedo += s.albedo
			light += s.light * s.albedo
			depth += s.depth
		}
		all := float64(len(paths))
		add("Combined.R", colour/all)
		add("DiffCol.G", albedo/all)
		add("DiffInd.G", light/albedo)
		add("Mist.Z", depth/all/200)
		add("Debug Sample Count.X", all/float64(n))
		if first == 0 {
			add("Depth.Z", paths[0].depth)
		} else {
			add("Depth.Z", 0)
		}
		var shares []matteShare
		for _, s := range paths {
			if s.id == 0 {
				continue
			}
			k := slices.IndexFunc(shares, func(m matteShare) bool { return m.id == s.id })
			if k < 0 {
				k = len(shares)
				shares = append(shares, matteShare{id: s.id})
			}
			shares[k].share += 1 / all
		}
		slices.SortStableFunc(shares, func(a, b matteShare) int {
			if math.Abs(a.share-b.share) < 1e-6 {
				return 0
			}
			if a.share > b.share {
				return -1
			}
			return 1
		})
		for k := range 2 * levels {
			var s matteShare
			if k < len(shares) {
				s = shares[k]
			}
			pair := []string{"r", "g", "b", "a"}[2*(k%2):]
			add(fmt.Sprintf("CryptoObject%02d.%s", k/2, pair[0]), float64(math.Float32frombits(s.id)))
			add(fmt.Sprintf("CryptoObject%02d.%s", k/2, pair[1]), s.share)
		}
	}
	groups := [][]string{order}
	if split { // as Blender 5 writes them: a part for each pass
		groups = nil
		for i, n := range order {
			if i == 0 || n[:strings.IndexByte(n, '.')] != order[i-1][:strings.IndexByte(order[i-1], '.')] {
				groups = append(groups, nil)
			}
			groups[len(groups)-1] = append(groups[len(groups)-1], n)
		}
	}
	var parts []part
	for _, names := range groups {
		var channels []Channel
		for _, n := range names {
			kind := t
			if strings.HasPrefix(n, "Crypto") {
				kind = Float
			}
			channels = append(channels, Channel{"View.Layer." + n, kind, 0, 1, 1})
		}
		list := Basics(int32(f.width), int32(f.height), ZIP, channels)
		if split {
			list = append(list, NewAttribute("name", "View.Layer."+names[0][:strings.IndexByte(names[0], '.')]))
		}
		list = append(list, NewAttribute("cycles.View.Layer.samples", itoa(n)))
		var lines []byte
		for y := range f.height {
			for c, name := range names {
				row := make([]byte, f.width*channels[c].Type.Size())
				encodeFloats(values[name][y*f.width:(y+1)*f.width], channels[c].Type, row)
				lines = append(lines, row...)
			}
		}
		parts = append(parts, part{list, lines})
	}
	return parts
}

func planes(t interface {
	Helper()
	Fatal(...any)
}, f *File,
) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, p := range f.Parts {
		list, err := p.Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, plane := range list {
			v := make([]float32, len(plane.Bytes)/plane.Type.Size())
			decodeFloats(plane.Bytes, plane.Type, v)
			all[plane.Name] = v
		}
	}
	return all
}

// TestMergeSamples: any split of a frame's samples, with and without adaptive sampling, becomes what all samples at once
// would have been.
func TestMergeSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.IntRange(1, 24).Draw(t, "samples")
		f := newFilm(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 5).Draw(t, "width"), rapid.IntRange(1, 35).Draw(t, "height"), samples)
		kind, split := rapid.SampledFrom([]PixelType{Float, Half}).Draw(t, "type"), rapid.Bool().Draw(t, "parts")
		adaptive := rapid.Bool().Draw(t, "adaptive")
		stop := func(i, first, n int) []taken { // each pixel of each render is done when it likes
			if adaptive {
				n = 1 + (i*7+first)%n
			}
			return f.paths[i][first : first+n]
		}
		var renders []Samples
		var ranges [][2]int
		for at := 0; at < samples; {
			n := rapid.IntRange(1, samples-at).Draw(t, "part")
			b := encode(t, f.render(at, n, stop, kind, split)...)
			renders = append(renders, Samples{itoa(at), open(t, b), n})
			ranges = append(ranges, [2]int{at, n})
			at += n
		}
		want := planes(t, open(t, encode(t, f.render(0, samples, func(i, _, _ int) []taken {
			var all []taken
			for _, r := range ranges {
				all = append(all, stop(i, r[0], r[1])...)
			}
			return all
		}, kind, split)...)))
		var out, again memory
		near, err := MergeSamples(context.Background(), &out, renders, Merging{})
		if err != nil || len(near) > 0 {
			t.Fatal(err, near)
		}
		if err := verify(out); err != nil {
			t.Fatal(err)
		}
		merged := open(t, out)
		if a, _ := merged.Parts[0].Get("cycles.View.Layer.samples"); string(a.Value) != itoa(samples) {
			t.Fatalf("%s samples, not %d", a.Value, samples)
		}
		got := planes(t, merged)
		close := 2e-6
		if kind == Half {
			close = 3e-3
		}
		for name, w := range want {
			bound := close
			if strings.HasSuffix(name, "Depth.Z") {
				bound = 0
			}
			if strings.Contains(name, "Crypto") {
				continue
			}
			for i := range w {
				if d := math.Abs(float64(got[name][i] - w[i])); !(d <= bound*max(1, math.Abs(float64(w[i])))) {
					t.Fatalf("%s of pixel %d is %g, not %g", name, i, got[name][i], w[i])
				}
			}
		}
		for i := range f.paths {
			pixel := func(of map[string][]float32) map[float32]float32 {
				m := map[float32]float32{}
				last := float32(2)
				for k := range 4 {
					pair := []string{"r", "g", "b", "a"}[2*(k%2):]
					share := of[fmt.Sprintf("View.Layer.CryptoObject%02d.%s", k/2, pair[1])][i]
					if share > last+1e-6 {
						t.Fatalf("the shares of pixel %d are not ranked", i)
					}
					if last = share; share != 0 {
						m[of[fmt.Sprintf("View.Layer.CryptoObject%02d.%s", k/2, pair[0])][i]] += share
					}
				}
				return m
			}
			a, b := pixel(want), pixel(got)
			for id, share := range a {
				if math.Abs(float64(share-b[id])) > close || len(a) != len(b) {
					t.Fatalf("pixel %d is shared as %v, not %v", i, b, a)
				}
			}
		}
		if _, err := MergeSamples(context.Background(), &again, renders, Merging{}); err != nil || !bytes.Equal(out, again) {
			t.Fatal("the same renders became other bytes")
		}
		var stored memory
		if _, err := MergeSamples(context.Background(), &stored, renders, Merging{Stored: true}); err != nil || verify(stored) != nil || len(stored) < len(out) {
			t.Fatalf("%d bytes that are not packed, %d packed: %v, %v", len(stored), len(out), err, verify(stored))
		}
		if raw := planes(t, open(t, stored)); !reflect.DeepEqual(raw, got) {
			t.Fatal("pixels that are not packed are others")
		}
	})
}

// one is a render of one pixel and float channel.
func one(t *testing.T, channel string, v float32, more ...Attribute) *File {
	list := Basics(1, 1, None, []Channel{{channel, Float, 0, 1, 1}})
	for _, a := range more {
		list = Replace(list, a)
	}
	h, err := parse(list, 0)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, encode(t, part{list, bytes.Repeat(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)), int(h.LineBytes()*h.Data.Height())/4)}))
}

// TestMergeRules: what becomes of 1 and 5, which one and three samples are.
func TestMergeRules(t *testing.T) {
	for _, c := range []struct {
		channel string
		want    float32
		near    bool
	}{
		{"ViewLayer.Combined.A", 4, false},
		{"ViewLayer.Normal.X", 4, false},
		{"ViewLayer.Depth.Z", 1, false},
		{"ViewLayer.Depth.left.Z", 1, false},
		{"ViewLayer.Position.X", 1, false},
		{"ViewLayer.IndexOB.X", 1, false},
		{"ViewLayer.Object Index.X", 1, false},
		{"ViewLayer.IndexMA.X", 1, false},
		{"Z", 1, false},
		{"R", 4, false},
		{"ViewLayer.Debug Ray Bounces.X", 6, false},
		{"ViewLayer.Debug Sample Count.X", 4, false},
		{"ViewLayer.DiffDir.R", 4, true},
		{"ViewLayer.Glossy Indirect.R", 4, true},
		{"ViewLayer.Shadow Catcher.R", 4, true},
		{"ViewLayer.CryptoObject00.r", 1, true}, // without its shares
		{"ViewLayer.CryptoThing.r", 4, false},   // of a node that was named so
	} {
		views := NewAttribute("multiView", []string{"left", "right"})
		var out memory
		near, err := MergeSamples(context.Background(), &out, []Samples{{"a", one(t, c.channel, 1, views), 1}, {"b", one(t, c.channel, 5, views), 3}}, Merging{})
		if err != nil {
			t.Fatal(err)
		}
		if got := planes(t, open(t, out))[c.channel][0]; got != c.want || slices.Equal(near, []string{c.channel}) != c.near {
			t.Errorf("%s became %g, near: %v", c.channel, got, near)
		}
	}
	// What is equal stays, to the bit: also what is no number.
	nan := math.Float32frombits(0x7fc12345)
	var out memory
	if _, err := MergeSamples(context.Background(), &out, []Samples{{"a", one(t, "R", nan), 1}, {"b", one(t, "R", nan), 3}}, Merging{}); err != nil {
		t.Fatal(err)
	}
	if got := planes(t, open(t, out))["R"][0]; math.Float32bits(got) != 0x7fc12345 {
		t.Errorf("a NaN became %x", math.Float32bits(got))
	}
}

func TestMergeRefuses(t *testing.T) {
	a := one(t, "L.Combined.R", 1)
	piz, _ := read(t, "piz.exr")
	multi, _ := read(t, "multipart.exr")
	for _, c := range []struct {
		why  string
		kind error
		of   []Samples
	}{
		{"there are no renders", ErrMismatch, nil},
		{"a cannot have 0 samples", ErrMismatch, []Samples{{"a", a, 0}}},
		{"multi has 5 parts and a 1", ErrMismatch, []Samples{{"multi", multi, 1}, {"a", a, 1}}},
		{"b lacks the channel L.Combined.R", ErrMismatch, []Samples{{"a", a, 1}, {"b", one(t, "L.Combined.G", 1), 1}}},
		{"the picture is (0 0)-(0 0) of (0 0)-(0 0) in a, and (0 0)-(1 0)", ErrMismatch, []Samples{{"a", a, 1}, {"b", one(t, "L.Combined.R", 1, NewAttribute("dataWindow", Box{0, 0, 1, 0})), 1}}},
		{"a is packed with NONE and b with ZIP", ErrMismatch, []Samples{{"a", a, 1}, {"b", one(t, "L.Combined.R", 1, NewAttribute("compression", ZIP)), 1}}},
		{"the attribute Scene of b differs", ErrMismatch, []Samples{{"a", one(t, "L.Combined.R", 1, NewAttribute("Scene", "A")), 1}, {"b", one(t, "L.Combined.R", 1, NewAttribute("Scene", "B")), 1}}},
		{"piz: pixels with the compression PIZ", ErrUnsupported, []Samples{{"piz", piz, 1}}},
	} {
		var out memory
		_, err := MergeSamples(context.Background(), &out, c.of, Merging{})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.why) || len(out) > 0 {
			t.Errorf("%v, not %q", err, c.why)
		}
	}
	// Blender 5 says in each render how many samples the frame has, older ones how many the render has.
	for _, count := range []string{"4", "2"} {
		x := one(t, "L.Combined.R", 1, NewAttribute("cycles.L.samples", count))
		var out memory
		if _, err := MergeSamples(context.Background(), &out, []Samples{{"a", x, 2}, {"b", x, 2}}, Merging{}); err != nil {
			t.Fatal(err)
		}
		if a, _ := open(t, out).Parts[0].Get("cycles.L.samples"); string(a.Value) != "4" {
			t.Errorf("2 and 2 samples, said to be %s, are %s", count, a.Value)
		}
	}
}
