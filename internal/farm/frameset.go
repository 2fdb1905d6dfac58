package farm

import (
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// MaxFrame is the largest frame number Blender knows (MAXFRAME in its sources); the smallest is -MaxFrame.
const MaxFrame = 1048574

// Bounds of what ParseFrameSet reads, wide enough for whatever String writes: bytes (18 for every third of all frames,
// `-1048574--1048573,`, is the most), and frames, counting those that are named again.
const (
	maxFrameSetText  = 16 << 20
	maxFrameSetNamed = 4 * MaxFrame
)

// FrameSet is an immutable, sorted set of frame numbers, written `1-250`, `1,5,9`, `1-100x5` or `-10--5`. It may hold those of
// pictures of several views, too: see Picture.
// The zero value is empty. It takes memory for its runs, not for its frames.
type FrameSet struct {
	runs  []run
	count int
}

// run is first, first+step, ... with n members. Runs of a set are sorted and do not overlap in extent.
// before is how many members the runs to the left have.
type run struct{ first, step, n, before int }

func (r run) last() int { return r.first + r.step*(r.n-1) }

// ParseFrameSet reads the written form. Parts are separated by commas or blanks; a part is a frame, a range
// `first-last`, or a range with a step `first-lastxstep`. Frames named twice count once.
func ParseFrameSet(text string) (FrameSet, error) {
	if len(text) > maxFrameSetText {
		return FrameSet{}, Errorf(TooLarge, "the frame range is over %d characters long", maxFrameSetText)
	}
	var runs []run
	named := 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == ';' }) {
		r, err := parseRun(part)
		if err != nil {
			return FrameSet{}, err
		}
		if named += r.n; named > maxFrameSetNamed {
			return FrameSet{}, Errorf(TooLarge, "the frame range names the same frames over and over")
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 {
		return FrameSet{}, Errorf(Invalid, "no frames are named").WithHint("write them as 1-250, 1,5,9 or 1-100x5")
	}
	return newFrameSet(runs), nil
}

func parseRun(part string) (run, error) {
	bad := func() (run, error) {
		return run{}, Errorf(Invalid, "%q is not a frame range", clip(part, 40)).WithHint("write frames as 1-250, 1,5,9 or 1-100x5")
	}
	body, stepText, hasStep := strings.Cut(part, "x")
	step := 1
	if hasStep {
		n, ok := parseFrame(stepText)
		if !ok || n < 1 || n > 2*MaxFrame {
			return bad()
		}
		step = n
	}
	// The dash that separates is the first one that is not the sign of the first number.
	firstText, lastText, ranged := body, "", false
	if len(body) > 1 {
		if i := strings.IndexByte(body[1:], '-'); i >= 0 {
			firstText, lastText, ranged = body[:i+1], body[i+2:], true
		}
	}
	first, ok := parseFrame(firstText)
	if !ok {
		return bad()
	}
	last := first
	if ranged {
		if last, ok = parseFrame(lastText); !ok {
			return bad()
		}
	} else if hasStep {
		return bad()
	}
	for _, f := range []int{first, last} {
		if !IsPicture(f) {
			return run{}, Errorf(Invalid, "frame %d is outside Blender's range of -%d to %d", f, MaxFrame, MaxFrame)
		}
	}
	if a, b := ViewOf(first), ViewOf(last); a != b {
		return run{}, Errorf(Invalid, "the range %s goes from one view to another", clip(part, 60)).WithHint("write a range for each view")
	}
	if last < first {
		return run{}, Errorf(Invalid, "the frame range %s runs backwards", clip(part, 40)).
			WithHint("write %d-%d, and use the frame order \"reverse\" to render it backwards", last, first)
	}
	return run{first: first, step: step, n: (last-first)/step + 1}, nil
}

func parseFrame(text string) (int, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if len(strings.TrimLeft(digits, "0")) > 15 { // a number, but far outside: let the range check name it
		digits = "999999999999999"
	}
	n, err := strconv.Atoi(digits)
	if text[0] == '-' {
		n = -n
	}
	return n, err == nil
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// Frames returns the set of the given frame numbers, in any order, repeats allowed.
func Frames(frames ...int) FrameSet {
	return FrameSet{}.fromList(slices.Clone(frames))
}

// FrameRange returns first, first+step, ... up to last. It is empty when last < first or step < 1.
func FrameRange(first, last, step int) FrameSet {
	if last < first || step < 1 {
		return FrameSet{}
	}
	return newFrameSet([]run{{first: first, step: step, n: (last-first)/step + 1}})
}

func newFrameSet(runs []run) FrameSet {
	sort.Slice(runs, func(i, j int) bool { return runs[i].first < runs[j].first })
	if n := len(runs); n > 1 && ViewOf(runs[0].first) != ViewOf(runs[n-1].first) { // between the frames of views there is nothing
		cut := sort.Search(n, func(i int) bool { return ViewOf(runs[i].first) > ViewOf(runs[0].first) })
		return finish(append(slices.Clone(newFrameSet(runs[:cut:cut]).runs), newFrameSet(runs[cut:]).runs...))
	}
	overlap := false
	for i := 1; i < len(runs); i++ {
		overlap = overlap || runs[i].first <= runs[i-1].last()
	}
	if !mergePlain(&runs) && overlap {
		return FrameSet{}.fromList(listed(runs))
	}
	return finish(runs)
}

// listed returns the members of sorted runs that overlap, each once.
func listed(runs []run) []int {
	first, last := runs[0].first, runs[0].last()
	for _, r := range runs {
		last = max(last, r.last())
	}
	seen := make([]bool, last-first+1)
	count := 0
	for _, r := range runs {
		for f := r.first; f <= r.last(); f += r.step {
			if !seen[f-first] {
				seen[f-first] = true
				count++
			}
		}
	}
	list := make([]int, 0, count)
	for i, yes := range seen {
		if yes {
			list = append(list, first+i)
		}
	}
	return list
}

// mergePlain joins runs that overlap or touch in place when all of them have step 1 (or one member).
func mergePlain(runs *[]run) bool {
	out := []run{}
	for _, r := range *runs {
		if r.step != 1 && r.n > 1 {
			return false
		}
		r.step = 1
		if k := len(out) - 1; k >= 0 && r.first <= out[k].last()+1 {
			out[k].n = max(out[k].last(), r.last()) - out[k].first + 1
			continue
		}
		out = append(out, r)
	}
	*runs = out
	return true
}

// fromList sorts, removes repeats and finds the runs.
func (FrameSet) fromList(list []int) FrameSet {
	slices.Sort(list)
	list = slices.Compact(list)
	var runs []run
	for i := 0; i < len(list); {
		r := run{first: list[i], step: 1, n: 1}
		if i+1 < len(list) && list[i+1]-list[i] <= 2*MaxFrame { // not from one view to another
			step := list[i+1] - list[i]
			n := 2
			for i+n < len(list) && list[i+n]-list[i+n-1] == step {
				n++
			}
			if step == 1 || n >= 3 {
				r.step, r.n = step, n
			}
		}
		runs = append(runs, r)
		i += r.n
	}
	return finish(runs)
}

func finish(runs []run) FrameSet {
	s := FrameSet{runs: runs}
	for i := range s.runs {
		if s.runs[i].n == 1 {
			s.runs[i].step = 1
		}
		s.runs[i].before = s.count
		s.count += s.runs[i].n
	}
	return s
}

// Count is the number of frames.
func (s FrameSet) Count() int { return s.count }

// At returns the i-th frame in ascending order, 0 <= i < Count. It takes time in the logarithm of the runs.
func (s FrameSet) At(i int) int {
	k := sort.Search(len(s.runs), func(k int) bool { return s.runs[k].before+s.runs[k].n > i })
	r := s.runs[k]
	return r.first + (i-r.before)*r.step
}

// Index is the inverse of At; ok is false when the frame is not in the set.
func (s FrameSet) Index(frame int) (i int, ok bool) {
	k := sort.Search(len(s.runs), func(k int) bool { return s.runs[k].last() >= frame })
	if k == len(s.runs) || frame < s.runs[k].first || (frame-s.runs[k].first)%s.runs[k].step != 0 {
		return 0, false
	}
	return s.runs[k].before + (frame-s.runs[k].first)/s.runs[k].step, true
}

// Slice returns the frames from the from-th to before the to-th in ascending order, 0 <= from <= to <= Count.
func (s FrameSet) Slice(from, to int) FrameSet {
	var runs []run
	for _, r := range s.runs {
		lo, hi := max(from-r.before, 0), min(to-r.before, r.n)
		if lo < hi {
			runs = append(runs, run{first: r.first + lo*r.step, step: r.step, n: hi - lo})
		}
	}
	return finish(runs)
}

// Contains tells whether the frame is in the set.
func (s FrameSet) Contains(frame int) bool {
	_, ok := s.Index(frame)
	return ok
}

// All yields the frames in ascending order.
func (s FrameSet) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, r := range s.runs {
			for i := range r.n {
				if !yield(r.first + i*r.step) {
					return
				}
			}
		}
	}
}

// First and Last are the ends of the set; both are 0 when it is empty.
func (s FrameSet) First() int {
	if s.count == 0 {
		return 0
	}
	return s.runs[0].first
}

// Last is the largest frame.
func (s FrameSet) Last() int {
	if s.count == 0 {
		return 0
	}
	return s.runs[len(s.runs)-1].last()
}

// String is a short written form; ParseFrameSet reads it back.
func (s FrameSet) String() string {
	var b strings.Builder
	for i, r := range s.runs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(r.first))
		if r.n > 1 {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(r.last()))
			if r.step > 1 {
				b.WriteByte('x')
				b.WriteString(strconv.Itoa(r.step))
			}
		}
	}
	return b.String()
}

// MarshalText writes the set as String does; an empty set is empty text.
func (s FrameSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *FrameSet) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = FrameSet{}
		return nil
	}
	set, err := ParseFrameSet(string(text))
	if err == nil {
		*s = set
	}
	return err
}
