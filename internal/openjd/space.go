package openjd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxTasks bounds the tasks of a step.
const MaxTasks = 1_000_000

// ParseRange reads a range expression: 1-10:2,20.
func ParseRange(text string) ([]int64, error) {
	type span struct{ first, last, step int64 }
	var spans []span
	total := int64(0)
	for _, part := range strings.Split(text, ",") {
		p := &scanner{s: part}
		first, ok := p.number()
		s := span{first, first, 1}
		if ok && p.take("-") {
			if s.last, ok = p.number(); ok && p.take(":") {
				s.step, ok = p.number()
			}
		}
		if !ok || !p.end() || s.step == 0 {
			return nil, fmt.Errorf("%q is not a range; write it as 1-10 or 1-10:2,20", clip(part))
		}
		if s.step > 0 && s.last < s.first || s.step < 0 && s.last > s.first {
			s.last = s.first // as the specification has it: 1 - -1 is 1
		}
		n := (s.last-s.first)/s.step + 1
		s.last = s.first + (n-1)*s.step
		if s.step < 0 {
			s = span{s.last, s.first, -s.step}
		}
		if total += n; n < 1 || n > MaxTasks || total > MaxTasks {
			return nil, fmt.Errorf("the range %q has over %d values", clip(text), MaxTasks)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	list := make([]int64, 0, total)
	for i, s := range spans {
		if i > 0 && s.first <= spans[i-1].last {
			return nil, fmt.Errorf("ranges of %q overlap", clip(text))
		}
		for v, n := s.first, (s.last-s.first)/s.step; n >= 0; v, n = v+s.step, n-1 {
			list = append(list, v)
		}
	}
	return list, nil
}

type scanner struct{ s string }

func (p *scanner) skip() { p.s = strings.TrimLeft(p.s, " \t") }

func (p *scanner) end() bool {
	p.skip()
	return p.s == ""
}

func (p *scanner) take(what string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.s, what)
	p.s = rest
	return ok
}

// number reads a whole number that leaves room for counting on.
func (p *scanner) number() (int64, bool) {
	p.skip()
	n := 0
	if strings.HasPrefix(p.s, "-") {
		n = 1
	}
	digits := n
	for n < len(p.s) && p.s[n] >= '0' && p.s[n] <= '9' {
		n++
	}
	v, err := strconv.ParseInt(p.s[:n], 10, 64)
	p.s = p.s[n:]
	return v, err == nil && n > digits && v > -1<<53 && v < 1<<53
}

func (p *scanner) word() string {
	p.skip()
	n := 0
	for n < len(p.s) && (p.s[n] == '_' || p.s[n] >= '0' && p.s[n] <= '9' || p.s[n]|0x20 >= 'a' && p.s[n]|0x20 <= 'z') {
		n++
	}
	w := p.s[:n]
	p.s = p.s[n:]
	return w
}

// space is how the values of parameters go together: one parameter, or a product or association of spaces.
type space struct {
	param    int // index; -1: of parts
	together bool
	parts    []*space
	n        int
}

// combine reads a combination expression; "" is the product of all. counts are how many values each parameter has; nil: not
// known yet.
func combine(expr string, params []TaskParameter, counts []int) (*space, error) {
	count := func(i int) int {
		if counts == nil {
			return 1
		}
		return counts[i]
	}
	if expr == "" {
		all := &space{param: -1, n: 1}
		for i := range params {
			all.parts = append(all.parts, &space{param: i, n: count(i)})
			if all.n *= count(i); all.n > MaxTasks {
				return nil, fmt.Errorf("the step has over %d tasks", MaxTasks)
			}
		}
		return all, nil
	}
	p, seen := &scanner{s: expr}, map[int]bool{}
	var product func(depth int) (*space, error)
	element := func(depth int) (*space, error) {
		if !p.take("(") {
			name := p.word()
			i := slices.IndexFunc(params, func(t TaskParameter) bool { return t.Name == name })
			if i < 0 {
				return nil, fmt.Errorf("%q is no parameter of the step", clip(name+p.s))
			}
			if seen[i] {
				return nil, fmt.Errorf("%s is there twice", name)
			}
			seen[i] = true
			return &space{param: i, n: count(i)}, nil
		}
		s := &space{param: -1, together: true}
		for {
			part, err := product(depth + 1)
			if err != nil {
				return nil, err
			}
			if len(s.parts) > 0 && part.n != s.n {
				return nil, fmt.Errorf("of what stands in brackets one has %d values, another %d", s.n, part.n)
			}
			s.parts, s.n = append(s.parts, part), part.n
			if p.take(")") {
				return s, nil
			}
			if !p.take(",") {
				return nil, fmt.Errorf("a bracket is not closed in %q", clip(expr))
			}
		}
	}
	product = func(depth int) (*space, error) {
		if depth > 20 {
			return nil, fmt.Errorf("there are too many brackets in %q", clip(expr))
		}
		s := &space{param: -1, n: 1}
		for {
			part, err := element(depth)
			if err != nil {
				return nil, err
			}
			if s.parts, s.n = append(s.parts, part), s.n*part.n; s.n > MaxTasks {
				return nil, fmt.Errorf("the step has over %d tasks", MaxTasks)
			}
			if !p.take("*") {
				return s, nil
			}
		}
	}
	s, err := product(0)
	switch {
	case err != nil:
		return nil, err
	case !p.end():
		return nil, fmt.Errorf("%q cannot be understood in %q", clip(p.s), clip(expr))
	case len(seen) != len(params):
		return nil, fmt.Errorf("not every parameter of the step is in %q", clip(expr))
	}
	return s, nil
}

// pick calls set with the index of each parameter's value in the i-th point: the last parameter of a product moves fastest.
func (s *space) pick(i int, set func(param, value int)) {
	if s.param >= 0 {
		set(s.param, i)
		return
	}
	for k := len(s.parts) - 1; k >= 0; k-- {
		part := s.parts[k]
		if s.together {
			part.pick(i, set)
			continue
		}
		part.pick(i%part.n, set)
		i /= part.n
	}
}
