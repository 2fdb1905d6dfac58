package farm

import "math/bits"

// Order says in which order the chunks of a job are handed out.
type Order string

// The frame orders.
const (
	Linear    Order = "linear"     // first to last
	Reverse   Order = "reverse"    // last to first
	OutsideIn Order = "outside-in" // first, last, middle, quarters, ...: a preview of the whole shot exists early
)

// Valid tells whether o is one of the orders.
func (o Order) Valid() bool { return o == Linear || o == Reverse || o == OutsideIn }

// at returns which of n chunks is handed out at place, 0 <= place < n. It is a bijection and takes O(log n).
func (o Order) at(place, n int) int {
	switch o {
	case Reverse:
		return n - 1 - place
	case OutsideIn:
		if place == 0 {
			return 0
		}
		if place == 1 {
			return n - 1
		}
		return 1 + middleAt(place-2, n-2)
	}
	return place
}

// place is the inverse of at.
func (o Order) place(chunk, n int) int {
	switch o {
	case Reverse:
		return n - 1 - chunk
	case OutsideIn:
		if chunk == 0 {
			return 0
		}
		if chunk == n-1 {
			return 1
		}
		return 2 + middlePlace(chunk-1, n-2)
	}
	return chunk
}

// The interior of an outside-in order is a balanced binary tree over 0..m-1 read level by level: the root is the
// middle, its children the quarters. A balanced split keeps every level but the last full, so that both directions
// need only counting.

// fullLevels is the number of full levels of a balanced tree of m nodes.
func fullLevels(m int) int { return bits.Len(uint(m+1)) - 1 }

// lastLevel is how many of a subtree's nodes lie below its given number of full levels.
func lastLevel(size, full int) int { return size - (1<<full - 1) }

func middleAt(i, m int) int {
	full := fullLevels(m)
	level := bits.Len(uint(i+1)) - 1
	offset := i - (1<<level - 1)
	lo, size := 0, m
	for depth := range min(level, full) {
		left := (size - 1) / 2
		var goLeft bool
		if level < full {
			goLeft = offset>>(level-1-depth)&1 == 0
		} else {
			n := lastLevel(left, full-depth-1)
			if goLeft = offset < n; !goLeft {
				offset -= n
			}
		}
		if goLeft {
			size = left
		} else {
			lo, size = lo+left+1, size-1-left
		}
	}
	return lo + (size-1)/2
}

func middlePlace(x, m int) int {
	full := fullLevels(m)
	path, last := 0, 0 // the node's offset in a full level, and among the nodes of the last level
	lo, size := 0, m
	for depth := 0; ; depth++ {
		left := (size - 1) / 2
		mid := lo + left
		if x == mid {
			if depth < full {
				return 1<<depth - 1 + path
			}
			return 1<<full - 1 + last
		}
		path <<= 1
		if x < mid {
			size = left
			continue
		}
		path |= 1
		if depth < full {
			last += lastLevel(left, full-depth-1)
		}
		lo, size = mid+1, size-1-left
	}
}

// Layout places the frames of a job in the order they are handed out. A *position* is a place in that order; a
// chunk takes Chunk consecutive positions. The last, shorter chunk leaves positions without a frame.
// It holds no list: a job of a million frames costs nothing.
type Layout struct {
	Frames FrameSet
	Chunk  int // frames handed out together, >= 1
	Order  Order
}

func (l Layout) chunks() int { return (l.Frames.Count() + l.Chunk - 1) / l.Chunk }

// Positions is the number of positions, at least Frames.Count().
func (l Layout) Positions() int { return l.chunks() * l.Chunk }

// Frame returns the frame at the position; ok is false when there is none.
func (l Layout) Frame(position int) (frame int, ok bool) {
	if position < 0 || position >= l.Positions() {
		return 0, false
	}
	i := l.Order.at(position/l.Chunk, l.chunks())*l.Chunk + position%l.Chunk
	if i >= l.Frames.Count() {
		return 0, false
	}
	return l.Frames.At(i), true
}

// Position is the inverse of Frame.
func (l Layout) Position(frame int) (position int, ok bool) {
	i, ok := l.Frames.Index(frame)
	if !ok {
		return 0, false
	}
	return l.Order.place(i/l.Chunk, l.chunks())*l.Chunk + i%l.Chunk, true
}
