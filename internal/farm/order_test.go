package farm

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var orders = []Order{Linear, Reverse, OutsideIn}

// naive lists the chunks of an order in the plainest way.
func naive(o Order, n int) []int {
	var list []int
	switch o {
	case Linear, Reverse:
		for i := range n {
			list = append(list, i)
		}
		if o == Reverse {
			slices.Reverse(list)
		}
	case OutsideIn:
		if n > 0 {
			list = append(list, 0)
		}
		if n > 1 {
			list = append(list, n-1)
		}
		type part struct{ lo, hi int } // what lies between two chunks that are handed out
		for parts := []part{{1, n - 1}}; len(parts) > 0; parts = parts[1:] {
			p := parts[0]
			if p.lo >= p.hi {
				continue
			}
			middle := (p.lo + p.hi - 1) / 2
			list = append(list, middle)
			parts = append(parts, part{p.lo, middle}, part{middle + 1, p.hi})
		}
	}
	return list
}

func TestOrdersOfAllSmallSizes(t *testing.T) {
	for _, o := range orders {
		for n := range 301 {
			for place, chunk := range naive(o, n) {
				if got := o.at(place, n); got != chunk {
					t.Fatalf("%s of %d chunks: %d is at %d, want %d", o, n, got, place, chunk)
				}
				if got := o.place(chunk, n); got != place {
					t.Fatalf("%s of %d chunks: %d has place %d, want %d", o, n, chunk, got, place)
				}
			}
		}
	}
}

func TestOrdersOfBigSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(orders).Draw(t, "order")
		n := rapid.IntRange(1, 2*MaxFrame+1).Draw(t, "chunks")
		i := rapid.IntRange(0, n-1).Draw(t, "i")
		if c := o.at(i, n); c < 0 || c >= n || o.place(c, n) != i {
			t.Fatalf("%s of %d: place %d has chunk %d, which has place %d", o, n, i, c, o.place(c, n))
		}
		if p := o.place(i, n); p < 0 || p >= n || o.at(p, n) != i {
			t.Fatalf("%s of %d: chunk %d has place %d, which has chunk %d", o, n, i, p, o.at(p, n))
		}
	})
}

// TestOutsideInPreviews: the first chunks are first, last, middle, quarters; and after every level the widest hole
// is half of what it was.
func TestOutsideInPreviews(t *testing.T) {
	for _, c := range []struct {
		n    int
		want []int
	}{
		{1, []int{0}},
		{2, []int{0, 1}},
		{3, []int{0, 2, 1}},
		{9, []int{0, 8, 4, 2, 6}},
		{101, []int{0, 100, 50, 25, 75, 13, 38, 63, 88}},
		{1001, []int{0, 1000, 500, 250, 750}},
	} {
		for place, want := range c.want {
			if got := OutsideIn.at(place, c.n); got < want-1 || got > want+1 || c.n < 10 && got != want {
				t.Errorf("of %d chunks %d is at %d, want %d", c.n, got, place, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 100_000).Draw(t, "chunks")
		level := rapid.IntRange(0, 8).Draw(t, "level")
		var out []int
		for place := range min(n, 2+1<<level-1) {
			out = append(out, OutsideIn.at(place, n))
		}
		slices.Sort(out)
		widest := 0
		for i := 1; i < len(out); i++ {
			widest = max(widest, out[i]-out[i-1])
		}
		if limit := n>>level + 1; widest > limit {
			t.Fatalf("after %d of %d chunks a hole of %d is left, %d is the most", len(out), n, widest, limit)
		}
	})
}

func TestLayoutIsABijection(t *testing.T) {
	for n := range 301 {
		frames := FrameRange(-100, -100+3*(n-1), 3)
		for _, chunk := range []int{1, 2, 7, max(1, n-1), max(1, n), n + 5} {
			for _, o := range orders {
				l := Layout{Frames: frames, Chunk: chunk, Order: o}
				if l.Positions() < n || l.Positions() >= n+chunk {
					t.Fatalf("%d frames by %d have %d positions", n, chunk, l.Positions())
				}
				seen := map[int]bool{}
				for p := range l.Positions() {
					f, ok := l.Frame(p)
					if !ok {
						continue
					}
					if seen[f] || !frames.Contains(f) {
						t.Fatalf("%d frames by %d, %s: frame %d at %d is wrong or there twice", n, chunk, o, f, p)
					}
					seen[f] = true
					if back, ok := l.Position(f); back != p || !ok {
						t.Fatalf("%d frames by %d, %s: frame %d is at %d, and at %d (%v)", n, chunk, o, f, p, back, ok)
					}
					if before, ok := l.Frame(p - 1); p%chunk > 0 && (!ok || before != f-3) {
						t.Fatalf("%d frames by %d, %s: frame %d follows %d within a chunk", n, chunk, o, f, before)
					}
				}
				if len(seen) != n {
					t.Fatalf("%d frames by %d, %s: %d have a position", n, chunk, o, len(seen))
				}
				for _, p := range []int{-1, l.Positions(), l.Positions() + chunk} {
					if f, ok := l.Frame(p); ok {
						t.Fatalf("%d frames by %d, %s: frame %d lies at %d, outside", n, chunk, o, f, p)
					}
				}
				if p, ok := l.Position(-99); ok {
					t.Fatalf("a frame of another set is at %d", p)
				}
			}
		}
	}
}

func TestOrderValid(t *testing.T) {
	for _, o := range orders {
		if !o.Valid() {
			t.Errorf("%s is no order", o)
		}
	}
	for _, o := range []Order{"", "Linear", "random"} {
		if o.Valid() {
			t.Errorf("%q is an order", o)
		}
	}
}

// TestMillionFramesCostNothing: a job's size must not show in memory or in time.
func TestMillionFramesCostNothing(t *testing.T) {
	for _, o := range orders {
		l := Layout{Frames: FrameRange(1, 1_000_000, 1), Chunk: 7, Order: o}
		p := 0
		if n := testing.AllocsPerRun(1000, func() {
			p = (p + 654_321) % l.Positions()
			if f, ok := l.Frame(p); ok {
				if back, _ := l.Position(f); back != p {
					t.Errorf("frame %d is at %d and at %d", f, p, back)
				}
			}
		}); n != 0 {
			t.Errorf("%s: a place costs %g allocations", o, n)
		}
	}
}

func BenchmarkLayout(b *testing.B) {
	for _, o := range orders {
		b.Run(fmt.Sprintf("%s/a million frames", o), func(b *testing.B) {
			l := Layout{Frames: FrameRange(1, 1_000_000, 1), Chunk: 1, Order: o}
			b.ReportAllocs()
			p := 0
			for b.Loop() {
				p = (p + 654_321) % 1_000_000
				f, _ := l.Frame(p)
				l.Position(f)
			}
		})
	}
}
