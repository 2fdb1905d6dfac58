package farm

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// equals compares a set with a naive one in every question it answers, for numbers up to end.
func equals(t *rapid.T, s *Spans, want map[int]bool, end int) {
	t.Helper()
	list := slices.Sorted(maps.Keys(want))
	if got := slices.Collect(s.All()); !slices.Equal(got, list) {
		t.Fatalf("the set is %v, want %v", got, list)
	}
	largest, spans := -1, 0
	var gaps []int
	for x := range end {
		if s.Contains(x) != want[x] {
			t.Fatalf("%d is in the set: %v", x, !want[x])
		}
		if !want[x] {
			gaps = append(gaps, x)
			continue
		}
		largest = x
		if !want[x-1] {
			spans++
		}
	}
	if s.Count() != len(list) || s.Max() != largest || s.Len() != spans {
		t.Fatalf("count %d, max %d, spans %d; want %d, %d, %d", s.Count(), s.Max(), s.Len(), len(list), largest, spans)
	}
	smallest := -1
	if len(list) > 0 {
		smallest = list[0]
	}
	var members []int
	for lo, hi := range s.Runs() {
		if lo >= hi || len(members) > 0 && members[len(members)-1] >= lo-1 {
			t.Fatalf("a run from %d to %d after %v", lo, hi, members)
		}
		for ; lo < hi; lo++ {
			members = append(members, lo)
		}
	}
	if s.Min() != smallest || !slices.Equal(members, list) {
		t.Fatalf("min %d, runs of %v; want %d, %v", s.Min(), members, smallest, list)
	}
	for _, upTo := range []int{0, end / 2, end} {
		i, _ := slices.BinarySearch(gaps, upTo)
		if got := slices.Collect(s.Gaps(upTo)); !slices.Equal(got, gaps[:i]) {
			t.Fatalf("the gaps up to %d are %v, want %v", upTo, got, gaps[:i])
		}
	}
}

func TestSpansIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const end = 40
		var s, copied Spans
		want, frozen := map[int]bool{}, map[int]bool{}
		number := rapid.IntRange(0, end-1)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				x := number.Draw(t, "x")
				if got := s.Add(x); got == want[x] {
					t.Fatalf("Add(%d) = %v", x, got)
				}
				want[x] = true
			},
			"remove": func(t *rapid.T) {
				x := number.Draw(t, "x")
				if got := s.Remove(x); got != want[x] {
					t.Fatalf("Remove(%d) = %v", x, got)
				}
				delete(want, x)
			},
			"addAll": func(t *rapid.T) {
				o := rapid.SliceOfN(number, 0, 12).Draw(t, "o")
				others := SpansOf(o...)
				s.AddAll(&others)
				for _, x := range o {
					want[x] = true
				}
			},
			"removeAll": func(t *rapid.T) {
				o := rapid.SliceOfN(number, 0, 25).Draw(t, "o")
				others := SpansOf(o...)
				s.RemoveAll(&others)
				for _, x := range o {
					delete(want, x)
				}
			},
			"span": func(t *rapid.T) {
				lo, hi := number.Draw(t, "lo"), number.Draw(t, "hi")
				s.AddSpan(lo, hi)
				for x := lo; x < hi; x++ {
					want[x] = true
				}
			},
			"copy": func(*rapid.T) { copied, frozen = s.Clone(), maps.Clone(want) },
			"encode": func(t *rapid.T) {
				again, err := DecodeSpans(s.Encode())
				if err != nil {
					t.Fatal(err)
				}
				equals(t, &again, want, end)
				s = again
			},
			"": func(t *rapid.T) {
				equals(t, &s, want, end)
				equals(t, &copied, frozen, end) // shares nothing
			},
		})
	})
}

func TestSpansStopsEarly(t *testing.T) {
	var s Spans
	for _, x := range []int{1, 2, 5} {
		s.Add(x)
	}
	for range s.All() {
		break
	}
	for range s.Gaps(3) {
		break
	}
	for range s.Runs() {
		break
	}
	for x := range s.Gaps(9) {
		if x > 5 {
			break
		}
	}
}

func TestSpansIsCheap(t *testing.T) {
	var s Spans
	for x := range 1_000_000 {
		s.Add(x)
	}
	if s.Len() != 1 || s.Count() != 1_000_000 || len(s.Encode()) > 8 {
		t.Errorf("a million members are %d spans, %d bytes", s.Len(), len(s.Encode()))
	}
}

func TestDecodeSpansRefuses(t *testing.T) {
	big := []byte{0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01} // 1<<42 + 1
	for name, b := range map[string][]byte{
		"a gap alone":             {1},
		"a cut varint":            {0x80},
		"a cut second varint":     {1, 0x80},
		"an empty span":           {1, 0},
		"spans that touch":        {0, 1, 0, 1},
		"a gap past all frames":   append(slices.Clone(big), 1),
		"a length past all":       append([]byte{0}, big...),
		"a padded gap":            {0x80, 0, 1},
		"a padded length":         {0, 0x81, 0},
		"an endless varint":       bytes.Repeat([]byte{0xff}, 20),
		"a good span, then a gap": {0, 1, 1},
	} {
		if s, err := DecodeSpans(b); KindOf(err) != Internal || s.Count() != 0 {
			t.Errorf("%s: %v, %d members", name, err, s.Count())
		}
	}
	if s, err := DecodeSpans(nil); err != nil || s.Count() != 0 {
		t.Errorf("nothing is read as %v, %v", s, err)
	}
}

func FuzzDecodeSpans(f *testing.F) {
	for _, b := range [][]byte{{}, {0, 1}, {1, 2, 3, 4}, {0x80}, {0, 0x80, 1}, {0x80, 0, 1}, {0, 1, 0, 1}, bytes.Repeat([]byte{0xff}, 20)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSpans(b)
		if err != nil {
			return
		}
		if again := s.Encode(); !bytes.Equal(again, b) {
			t.Fatalf("%x is read and written as %x", b, again)
		}
		if s.Count() < s.Len() || s.Len() > 0 && !s.Contains(s.Max()) {
			t.Fatalf("%x: %d members in %d spans", b, s.Count(), s.Len())
		}
	})
}
