package farm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseFrameSet(t *testing.T) {
	for _, c := range []struct {
		text   string
		want   string
		frames []int // nil: not compared
	}{
		{"1", "1", []int{1}},
		{"1-5", "1-5", []int{1, 2, 3, 4, 5}},
		{"1,5,9", "1,5,9", []int{1, 5, 9}},
		{"9,1,5", "1,5,9", []int{1, 5, 9}},
		{"1-10x4", "1-9x4", []int{1, 5, 9}},
		{"-10--5", "-10--5", []int{-10, -9, -8, -7, -6, -5}},
		{"-2-2", "-2-2", []int{-2, -1, 0, 1, 2}},
		{"-3", "-3", []int{-3}},
		{"-0", "0", []int{0}},
		{"007", "7", []int{7}},
		{"5-5", "5", []int{5}},
		{"1-3x9", "1", []int{1}},
		{" 1, 2;\t3 ,,", "1-3", []int{1, 2, 3}},
		{"1-5,6-10", "1-10", nil},
		{"1-5,3-8", "1-8", nil},
		{"1-100,20-30,50", "1-100", nil},
		{"1-9x2,2-10x2", "1-10", nil},
		{"1-9x2,5", "1-9x2", nil},
		{"1-9x2,4", "1,3-5,7,9", []int{1, 3, 4, 5, 7, 9}},
		{"1-5,1-5,1-5", "1-5", nil},
		{"1-1048574", "1-1048574", nil},
		{"-1048574-1048574", "-1048574-1048574", nil},
		{"1-1000000x2,1-1000000x3", "", nil},
	} {
		s, err := ParseFrameSet(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got := s.String(); c.want != "" && got != c.want {
			t.Errorf("%q is written %q, want %q", c.text, got, c.want)
		}
		if c.frames != nil && !slices.Equal(slices.Collect(s.All()), c.frames) {
			t.Errorf("%q has %v, want %v", c.text, slices.Collect(s.All()), c.frames)
		}
	}
}

func TestParseFrameSetRefuses(t *testing.T) {
	for _, c := range []struct {
		text, want string
		kind       Kind
	}{
		{"", "no frames", Invalid},
		{" , ;", "no frames", Invalid},
		{"a", "not a frame range", Invalid},
		{"-", "not a frame range", Invalid},
		{"x", "not a frame range", Invalid},
		{"1-", "not a frame range", Invalid},
		{"--5", "not a frame range", Invalid},
		{"---5", "not a frame range", Invalid},
		{"1---5", "not a frame range", Invalid},
		{"1-2-3", "not a frame range", Invalid},
		{"1..5", "not a frame range", Invalid},
		{"1.5", "not a frame range", Invalid},
		{"+5", "not a frame range", Invalid},
		{"1e3", "not a frame range", Invalid},
		{"0x10", "not a frame range", Invalid},
		{"\u0663", "not a frame range", Invalid}, // a digit, but not one of ours
		{"5x2", "not a frame range", Invalid},
		{"x2", "not a frame range", Invalid},
		{"1-5x", "not a frame range", Invalid},
		{"1-5x0", "not a frame range", Invalid},
		{"1-5x-1", "not a frame range", Invalid},
		{"1-5x+1", "not a frame range", Invalid},
		{"1-5x2x2", "not a frame range", Invalid},
		{"1-5xa", "not a frame range", Invalid},
		{"1-5x99999999999999999999", "not a frame range", Invalid},
		{"1,2,three", "three", Invalid},
		{"10-1", "backwards", Invalid},
		{"1--5", "backwards", Invalid},
		{"1-1000000000000", "outside", Invalid},
		{"1-99999999999999999999999999999", "outside", Invalid},
		{"-99999999999999999999999999999", "outside", Invalid},
		{"1048575", "outside", Invalid},
		{"-1048575", "outside", Invalid},
		{strings.Repeat("1,", 9<<20), "characters long", TooLarge},
		{strings.Repeat("z", 1<<20), "not a frame range", Invalid},
		{strings.Repeat("-1048574-1048574x2,", 50_000), "over and over", TooLarge}, // hours of work if it were done
	} {
		s, err := ParseFrameSet(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || KindOf(err) != c.kind || s.Count() != 0 {
			t.Errorf("%.40q: %v (%s), want %q (%s)", c.text, err, KindOf(err), c.want, c.kind)
		} else if len(err.Error()) > 150 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: the sentence is %d bytes long: %.200s", c.text, len(err.Error()), err)
		}
	}
}

// drawText is a written set with the frames it has.
func drawText(t *rapid.T) (string, map[int]bool) {
	want := map[int]bool{}
	var parts []string
	frame := rapid.OneOf(rapid.IntRange(-30, 30), rapid.IntRange(-2000, 2000))
	for range rapid.IntRange(1, 8).Draw(t, "parts") {
		first := frame.Draw(t, "first")
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			parts = append(parts, strconv.Itoa(first))
			want[first] = true
		case 1:
			last := first + rapid.IntRange(0, 40).Draw(t, "length")
			parts = append(parts, fmt.Sprintf("%d-%d", first, last))
			for f := first; f <= last; f++ {
				want[f] = true
			}
		case 2:
			last, step := first+rapid.IntRange(0, 60).Draw(t, "length"), rapid.IntRange(1, 7).Draw(t, "step")
			parts = append(parts, fmt.Sprintf("%d-%dx%d", first, last, step))
			for f := first; f <= last; f += step {
				want[f] = true
			}
		}
	}
	return strings.Join(parts, rapid.SampledFrom([]string{",", ", ", " ", ";"}).Draw(t, "separator")), want
}

// same compares a set with a naive one in every question it answers.
func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, s FrameSet, want map[int]bool,
) {
	t.Helper()
	list := slices.Sorted(maps.Keys(want))
	if got := slices.Collect(s.All()); !slices.Equal(got, list) {
		t.Fatalf("%q has %v, want %v", s, got, list)
	}
	if s.Count() != len(list) {
		t.Fatalf("%q counts %d, want %d", s, s.Count(), len(list))
	}
	if len(list) > 0 && (s.First() != list[0] || s.Last() != list[len(list)-1]) {
		t.Fatalf("%q is from %d to %d, want %d to %d", s, s.First(), s.Last(), list[0], list[len(list)-1])
	}
	for i, f := range list {
		if got := s.At(i); got != f {
			t.Fatalf("%q has %d at %d, want %d", s, got, i, f)
		}
		if got, ok := s.Index(f); got != i || !ok {
			t.Fatalf("%q has frame %d at %d (%v), want %d", s, f, got, ok, i)
		}
		for _, near := range []int{f - 1, f + 1} {
			if s.Contains(near) != want[near] {
				t.Fatalf("%q contains %d: %v", s, near, !want[near])
			}
		}
	}
}

func TestFrameSetIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, want := drawText(t)
		s, err := ParseFrameSet(text)
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, want)
		again, err := ParseFrameSet(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is written %q, read %q, %v", text, s, again, err)
		}
		same(t, again, want)

		list := slices.Collect(maps.Keys(want))
		list = append(list, list[:len(list)/2]...) // repeats are allowed
		list = rapid.Permutation(list).Draw(t, "list")
		before := slices.Clone(list)
		same(t, Frames(list...), want)
		if !slices.Equal(list, before) {
			t.Fatal("Frames changed its argument")
		}
	})
}

func TestFrameRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, last := rapid.IntRange(-50, 50).Draw(t, "first"), rapid.IntRange(-50, 50).Draw(t, "last")
		step := rapid.IntRange(-1, 9).Draw(t, "step")
		want := map[int]bool{}
		for f := first; step > 0 && f <= last; f += step {
			want[f] = true
		}
		same(t, FrameRange(first, last, step), want)
	})
}

func TestFrameSetStopsEarly(t *testing.T) {
	s, _ := ParseFrameSet("1-3,7-9x2")
	for stop := range 5 {
		n := 0
		for range s.All() {
			if n++; n > stop {
				break
			}
		}
		if n != stop+1 {
			t.Errorf("stopped after %d of %d", n, stop+1)
		}
	}
}

func TestFrameSetText(t *testing.T) {
	type holder struct{ Frames FrameSet }
	for _, c := range []struct{ in, want string }{
		{`{"Frames":"1-250"}`, `{"Frames":"1-250"}`},
		{`{"Frames":""}`, `{"Frames":""}`},
		{`{}`, `{"Frames":""}`},
	} {
		h := holder{}
		if err := json.Unmarshal([]byte(c.in), &h); err != nil {
			t.Fatal(err)
		}
		if out, err := json.Marshal(h); string(out) != c.want || err != nil {
			t.Errorf("%s became %s, %v", c.in, out, err)
		}
	}
	h := holder{Frames: Frames(1, 2)}
	if err := json.Unmarshal([]byte(`{"Frames":"2-1"}`), &h); err == nil || h.Frames.Count() != 2 {
		t.Errorf("a wrong text was read as %q, %v", h.Frames, err)
	}
	if err := json.Unmarshal([]byte(`{"Frames":""}`), &h); err != nil || h.Frames.Count() != 0 {
		t.Errorf("empty text was read as %q, %v", h.Frames, err)
	}
	var none FrameSet
	if none.First() != 0 || none.Last() != 0 || none.Count() != 0 || none.String() != "" || none.Contains(0) {
		t.Errorf("the empty set is not empty: %+v", none)
	}
}

// TestFrameSetIsCheap: a million frames cost a run, and a place in a set of many runs is found by halving.
func TestFrameSetIsCheap(t *testing.T) {
	if n := testing.AllocsPerRun(10, func() {
		s := FrameRange(-500_000, 500_000, 1)
		if s.Count() != 1_000_001 || s.At(750_000) != 250_000 {
			t.Error("wrong")
		}
	}); n > 8 {
		t.Errorf("a million frames cost %g allocations", n)
	}
	if s := Frames(slices.Collect(FrameRange(1, 100_000, 3).All())...); len(s.runs) != 1 {
		t.Errorf("every third frame takes %d runs", len(s.runs))
	}
}

// TestFrameSetIsReadBack: what was accepted once must be read again after a restart, however long it is written.
func TestFrameSetIsReadBack(t *testing.T) {
	pairs := func(first, last int) FrameSet { // two of three frames: the longest text there is
		var list []int
		for f := first; f < last; f += 3 {
			list = append(list, f, f+1)
		}
		return Frames(list...)
	}
	if n := len(pairs(-MaxFrame, MaxFrame).String()); n > maxFrameSetText || n < maxFrameSetText/2 {
		t.Errorf("the longest text has %d bytes, read are %d", n, maxFrameSetText)
	}
	for _, s := range []FrameSet{pairs(0, 250_000), FrameRange(-MaxFrame, MaxFrame, 1), FrameRange(-MaxFrame, MaxFrame, 2)} {
		text := s.String()
		again, err := ParseFrameSet(text)
		if err != nil || again.Count() != s.Count() || again.String() != text {
			t.Errorf("a set of %d frames, written in %d bytes: read %d, %v", s.Count(), len(text), again.Count(), err)
		}
	}
}

func FuzzParseFrameSet(f *testing.F) {
	for _, text := range []string{
		"1-250", "1,5,9", "1-100x5", "-10--5", "10-1", "a", "1-1000000000000", "1-", "--5", "1-5x0", "5x2", "", " ,;\t", "1--5", "-1-1",
		"1-9x2,2-10x2", "1-1048574", "1-1048574x3,1-1048574x7", "0x1", "\u0663", "1-5x+2", "007", "-0", "\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseFrameSet(text)
		if err != nil {
			if KindOf(err) != Invalid && KindOf(err) != TooLarge {
				t.Fatalf("%q: %v is %s", text, err, KindOf(err))
			}
			return
		}
		if s.Count() < 1 || s.Count() > 2*MaxFrame+1 || s.First() < -MaxFrame || s.Last() > MaxFrame {
			t.Fatalf("%q has %d frames from %d to %d", text, s.Count(), s.First(), s.Last())
		}
		again, err := ParseFrameSet(s.String())
		if err != nil || again.String() != s.String() || again.Count() != s.Count() {
			t.Fatalf("%.200q is written %.200q, read %.200q, %v", text, s.String(), again.String(), err)
		}
		at, last := 0, s.First()-1
		for frame := range s.All() {
			if i, ok := s.Index(frame); frame <= last || i != at || !ok || s.At(i) != frame {
				t.Fatalf("%q: frame %d after %d is at %d (%v), want %d", text, frame, last, i, ok, at)
			}
			if at, last = at+1, frame; at > 10_000 {
				break
			}
		}
	})
}

func TestFrameSetSlice(t *testing.T) {
	for _, text := range []string{"1-250", "1,5,9", "-10--5,3-99x4,200", "7"} {
		s, _ := ParseFrameSet(text)
		all := slices.Collect(s.All())
		for from := range len(all) + 1 {
			for to := from; to <= len(all); to++ {
				part := s.Slice(from, to)
				if got := slices.Collect(part.All()); !slices.Equal(got, all[from:to]) || part.Count() != to-from {
					t.Fatalf("%s from %d to %d: %v", text, from, to, got)
				}
				if to > from && (part.At(0) != all[from] || part.Last() != all[to-1]) {
					t.Fatalf("%s from %d to %d: it begins with %d", text, from, to, part.At(0))
				}
			}
		}
	}
}
