package farm

import (
	"encoding/binary"
	"iter"
	"slices"
	"sort"
)

// Spans is a set of whole numbers >= 0 kept as sorted half-open spans. The zero value is empty.
// A million finished frames are one span.
type Spans struct {
	spans []span
	count int
}

type span struct{ lo, hi int }

// SpanOf is the set of lo, lo+1, ... hi-1; empty when hi <= lo.
func SpanOf(lo, hi int) Spans {
	if hi <= lo {
		return Spans{}
	}
	return Spans{spans: []span{{lo, hi}}, count: hi - lo}
}

// SpansOf is the set of the members, given in any order.
func SpansOf(members ...int) Spans {
	members = slices.Clone(members)
	slices.Sort(members)
	var s Spans
	for _, x := range members {
		s.join(span{x, x + 1})
	}
	return s
}

// join adds a span that begins no earlier than the last one.
func (s *Spans) join(n span) {
	if last := len(s.spans) - 1; last >= 0 && n.lo <= s.spans[last].hi {
		s.count += max(0, n.hi-s.spans[last].hi)
		s.spans[last].hi = max(s.spans[last].hi, n.hi)
		return
	}
	s.count += n.hi - n.lo
	s.spans = append(s.spans, n)
}

// Count is the number of members.
func (s *Spans) Count() int { return s.count }

// Len is the number of spans: what the set costs.
func (s *Spans) Len() int { return len(s.spans) }

// after returns the index of the first span with hi > x.
func (s *Spans) after(x int) int {
	return sort.Search(len(s.spans), func(i int) bool { return s.spans[i].hi > x })
}

// Contains tells whether x is a member.
func (s *Spans) Contains(x int) bool {
	i := s.after(x)
	return i < len(s.spans) && s.spans[i].lo <= x
}

// Add puts x in and tells whether it was new.
func (s *Spans) Add(x int) bool {
	i := s.after(x)
	if i < len(s.spans) && s.spans[i].lo <= x {
		return false
	}
	s.count++
	left := i > 0 && s.spans[i-1].hi == x
	right := i < len(s.spans) && s.spans[i].lo == x+1
	switch {
	case left && right:
		s.spans[i-1].hi = s.spans[i].hi
		s.spans = append(s.spans[:i], s.spans[i+1:]...)
	case left:
		s.spans[i-1].hi++
	case right:
		s.spans[i].lo--
	default:
		s.spans = append(s.spans, span{})
		copy(s.spans[i+1:], s.spans[i:])
		s.spans[i] = span{x, x + 1}
	}
	return true
}

// Remove takes x out and tells whether it was in.
func (s *Spans) Remove(x int) bool {
	i := s.after(x)
	if i == len(s.spans) || s.spans[i].lo > x {
		return false
	}
	s.count--
	sp := s.spans[i]
	switch {
	case sp.lo == x && sp.hi == x+1 && i == 0: // a queue is emptied from here
		s.spans = s.spans[1:]
	case sp.lo == x && sp.hi == x+1:
		s.spans = append(s.spans[:i], s.spans[i+1:]...)
	case sp.lo == x:
		s.spans[i].lo++
	case sp.hi == x+1:
		s.spans[i].hi--
	default:
		s.spans = append(s.spans, span{})
		copy(s.spans[i+1:], s.spans[i:])
		s.spans[i].hi, s.spans[i+1].lo = x, x+1
	}
	return true
}

// AddSpan puts lo, lo+1, ... hi-1 in. Behind the last member that costs nothing.
func (s *Spans) AddSpan(lo, hi int) {
	switch {
	case hi <= lo:
	case lo > s.Max():
		s.join(span{lo, hi})
	default:
		one := SpanOf(lo, hi)
		s.AddAll(&one)
	}
}

// AddAll puts all members of o in. It takes time for the spans of both, not for their members.
func (s *Spans) AddAll(o *Spans) {
	if len(o.spans) == 0 {
		return
	}
	merged := Spans{spans: make([]span, 0, len(s.spans)+len(o.spans))}
	a, b := s.spans, o.spans
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].lo <= b[0].lo {
			merged.join(a[0])
			a = a[1:]
		} else {
			merged.join(b[0])
			b = b[1:]
		}
	}
	*s = merged
}

// RemoveAll takes all members of o out. It takes time for the spans of both, not for their members.
func (s *Spans) RemoveAll(o *Spans) {
	if len(o.spans) == 0 || len(s.spans) == 0 {
		return
	}
	var left Spans
	b := o.spans
	for _, sp := range s.spans {
		for len(b) > 0 && b[0].hi <= sp.lo {
			b = b[1:]
		}
		for _, out := range b {
			if out.lo >= sp.hi || sp.lo >= sp.hi {
				break
			}
			if sp.lo < out.lo {
				left.join(span{sp.lo, out.lo})
			}
			sp.lo = out.hi
		}
		if sp.lo < sp.hi {
			left.join(sp)
		}
	}
	*s = left
}

// CountIn is how many of lo, lo+1, ... hi-1 are members. It takes time for the spans that begin there.
func (s *Spans) CountIn(lo, hi int) (n int) {
	for i := s.after(lo); i < len(s.spans) && s.spans[i].lo < hi; i++ {
		n += min(s.spans[i].hi, hi) - max(s.spans[i].lo, lo)
	}
	return n
}

// Below is the largest member that is less than end, or -1.
func (s *Spans) Below(end int) int {
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].lo >= end })
	if i == 0 {
		return -1
	}
	return min(s.spans[i-1].hi, end) - 1
}

// Runs yields the set as half-open spans, in ascending order, none of which touch.
func (s *Spans) Runs() iter.Seq2[int, int] {
	return func(yield func(lo, hi int) bool) {
		for _, sp := range s.spans {
			if !yield(sp.lo, sp.hi) {
				return
			}
		}
	}
}

// Min is the smallest member, or -1.
func (s *Spans) Min() int {
	if len(s.spans) == 0 {
		return -1
	}
	return s.spans[0].lo
}

// All yields the members in ascending order.
func (s *Spans) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, sp := range s.spans {
			for x := sp.lo; x < sp.hi; x++ {
				if !yield(x) {
					return
				}
			}
		}
	}
}

// Gaps yields the numbers in [0, end) that are not members, in ascending order.
func (s *Spans) Gaps(end int) iter.Seq[int] {
	return func(yield func(int) bool) {
		x := 0
		for _, sp := range s.spans {
			for ; x < min(sp.lo, end); x++ {
				if !yield(x) {
					return
				}
			}
			x = sp.hi
		}
		for ; x < end; x++ {
			if !yield(x) {
				return
			}
		}
	}
}

// Max is the largest member, or -1.
func (s *Spans) Max() int {
	if len(s.spans) == 0 {
		return -1
	}
	return s.spans[len(s.spans)-1].hi - 1
}

// Clone returns a copy that shares nothing.
func (s *Spans) Clone() Spans {
	return Spans{spans: append([]span(nil), s.spans...), count: s.count}
}

// Encode returns the set as varints: gap and length of each span in turn.
func (s *Spans) Encode() []byte {
	b := make([]byte, 0, 4*len(s.spans))
	at := 0
	for _, sp := range s.spans {
		b = binary.AppendUvarint(b, uint64(sp.lo-at))
		b = binary.AppendUvarint(b, uint64(sp.hi-sp.lo))
		at = sp.hi
	}
	return b
}

// DecodeSpans reads what Encode wrote and refuses anything else.
func DecodeSpans(b []byte) (Spans, error) {
	var s Spans
	at := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		size, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || padded(b[:n]) || padded(b[n:n+m]) ||
			size == 0 || gap > 1<<40 || size > 1<<40 || at+gap+size > 1<<40 || (gap == 0 && len(s.spans) > 0) {
			return Spans{}, Errorf(Internal, "the record of finished frames cannot be read")
		}
		b = b[n+m:]
		s.spans = append(s.spans, span{int(at + gap), int(at + gap + size)})
		s.count += int(size)
		at += gap + size
	}
	return s, nil
}

// padded tells whether a varint is longer than it must be.
func padded(varint []byte) bool { return len(varint) > 1 && varint[len(varint)-1] == 0 }
