package exr

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Samples are a render of some of the samples of a frame.
type Samples struct {
	Name string // for sentences, like "samples 0-63"
	File *File
	// Count is how many samples there are in it.
	Count int
}

// Merging says how MergeSamples writes.
type Merging struct {
	// Stored leaves the pixels unpacked, whatever the header says, as the format allows for blocks that do not get smaller:
	// quicker to write and to read, for a file that is read once.
	Stored bool
}

// MergeSamples makes one picture of renders of the same frame that have different samples: what a render of all samples
// would have, as far as that can be told. The first must have the frame's first sample. All parts, channels and
// attributes are kept, of scanline parts that are Readable; all renders must have the same. It returns the channels, sorted,
// whose pass cannot be merged from what the files have, so that what is there is only near. What does not belong together is
// refused with ErrMismatch before anything is written.
//
// What is done with a channel depends on its pass, as docs/exr-merging.md lists and explains. Sums are made in float64, in
// the order of the renders; the result depends on nothing else. Where a layer has the pass Debug Sample Count, each pixel
// has weights of its own, so that renders with adaptive sampling can be merged.
//
// Attributes are joined as Stitch does, and the samples of each layer are added up. Memory is used as Stitch does, times
// the number of renders.
func MergeSamples(ctx context.Context, w io.WriterAt, renders []Samples, how Merging) (near []string, err error) {
	m, err := planMerge(renders)
	if err != nil {
		return nil, err
	}
	out, err := NewWriter(w, m.attributes...)
	if err != nil {
		return nil, err
	}
	return m.near, weave(ctx, out, weaving{make: m.block, byBlock: true, inputs: len(renders), stored: how.Stored})
}

// merge is how renders become one.
type merge struct {
	renders    []Samples
	attributes [][]Attribute // of each part
	parts      []*Part       // of the first render
	channels   [][]merging   // of each part
	needs      [][]int       // of each part: which are read for it
	users      []int         // of each part: for how many it is read
	near       []string
	spool      spool
}

// place is where a channel is: the same in all renders.
type place struct {
	part, channel int
}

// merging is how a channel is merged.
type merging struct {
	rule
	by     *place // what it was divided by
	count  *place // the share of its samples that a pixel got
	levels []place
	ids    bool // of a matte: numbers of names, not shares
	at     int  // of a matte: which of the pairs
}

func planMerge(renders []Samples) (*merge, error) {
	if len(renders) == 0 {
		return nil, mismatch("there are no renders to be merged")
	}
	m := &merge{renders: renders, parts: renders[0].File.Parts}
	for i := range renders {
		r := &renders[i]
		if a, b := len(m.parts), len(r.File.Parts); a != b {
			return nil, mismatch("%s has %d parts and %s %d", renders[0].name(), a, r.name(), b)
		}
		if r.Count < 1 || r.Count > 1<<24 {
			return nil, mismatch("%s cannot have %d samples", r.name(), r.Count)
		}
	}
	for i, p := range m.parts {
		var same []sibling
		for n := range renders {
			r := &renders[n]
			part := r.File.Parts[i]
			if err := cmp.Or(part.Readable(), part.roomy()); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name(), err)
			}
			if part.Data != m.parts[0].Data || part.Display != p.Display {
				return nil, mismatch("the picture is %v of %v in %s, and %v of %v in %s", m.parts[0].Data, p.Display, renders[0].name(), part.Data, part.Display, r.name())
			}
			if part.Compression.Lines() != m.parts[0].Compression.Lines() {
				return nil, mismatch("%s is packed with %v and %s with %v", renders[0].name(), m.parts[0].Compression, r.name(), part.Compression)
			}
			same = append(same, sibling{r.name(), &part.Header})
		}
		if err := sameChannels(same); err != nil {
			return nil, err
		}
		list, err := joinAttributes(same, m.joint)
		if err != nil {
			return nil, err
		}
		m.attributes = append(m.attributes, Replace(list, NewAttribute("lineOrder", Increasing)))
	}
	m.planChannels()
	return m, nil
}

func (s *Samples) name() string {
	if s.Name == "" {
		return "a render"
	}
	return clean(s.Name)
}

// joint tells how an attribute of renders is joined. The samples of a layer are the sum of those of the renders,
// unless each names the sum already, as Blender 5 does.
func (m *merge) joint(name string) joint {
	if !strings.HasPrefix(name, "cycles.") || !strings.HasSuffix(name, ".samples") {
		return tileAttributes(name)
	}
	return func(values []string) (string, bool) {
		all := 0
		for _, r := range m.renders {
			all += r.Count
		}
		sum, each := 0, true
		for _, s := range values {
			v, err := strconv.ParseUint(s, 10, 24)
			if err != nil {
				return "", false
			}
			sum, each = sum+int(v), each && int(v) == all
		}
		if each {
			sum = all
		}
		return itoa(sum), true
	}
}

// planChannels finds for each channel what must be known to merge it.
func (m *merge) planChannels() {
	var views []string
	_, _ = value(&m.parts[0].Header, "multiView", &views) // a list that cannot be read names none
	places := map[passName]place{}
	for i, p := range m.parts {
		for c, ch := range p.Channels {
			places[parsePass(ch.Name, views)] = place{i, c}
		}
	}
	find := func(n passName) *place {
		if at, ok := places[n]; ok && m.parts[at.part].Channels[at.channel].Type != Uint {
			return &at
		}
		return nil
	}
	m.users = make([]int, len(m.parts))
	for i, p := range m.parts {
		needs := []int{i}
		need := func(at *place) *place {
			if at != nil && !slices.Contains(needs, at.part) {
				needs = append(needs, at.part)
			}
			return at
		}
		var list []merging
		for _, ch := range p.Channels {
			name := parsePass(ch.Name, views)
			how := merging{rule: name.rule()}
			if ch.Type == Uint {
				how.rule = first // numbers that mean something have no mean
			}
			switch how.rule {
			case divided:
				if how.by = need(find(name.of(divisors[name.pass], name.channel))); how.by == nil {
					how.rule = doubtful
				}
			case idMatte:
				how.levels, how.ids, how.at = matteLevels(name, find)
				if how.levels == nil {
					how.rule = first
					m.near = append(m.near, ch.Name)
				}
				for n := range how.levels {
					need(&how.levels[n])
				}
			}
			if how.rule != first && how.rule != sum && how.rule != counted {
				how.count = need(find(name.of(countPass, "X")))
			}
			if how.rule == doubtful {
				m.near = append(m.near, ch.Name)
			}
			list = append(list, how)
		}
		slices.Sort(needs)
		for _, n := range needs {
			m.users[n]++
		}
		m.channels, m.needs = append(m.channels, list), append(m.needs, needs)
	}
	slices.Sort(m.near)
}

// matteLevels finds the channels of all levels of a Cryptomatte, r g b a of each in turn, and which of the pairs the named
// channel is of. It returns none if one is missing.
func matteLevels(name passName, find func(passName) *place) (levels []place, ids bool, at int) {
	kind := name.matte()
	letters := "rgba"
	c := strings.Index(letters, name.channel)
	if c < 0 {
		letters = "RGBA"
		c = strings.Index(letters, name.channel)
	}
	if c < 0 || len(name.channel) != 1 {
		return nil, false, 0
	}
	level, _ := strconv.Atoi(name.pass[len(kind):])
	for n := range 100 {
		for i := range 4 {
			p := find(name.of(fmt.Sprintf("%s%02d", kind, n), letters[i:i+1]))
			switch {
			case p == nil && i == 0 && n > level:
				return levels, c%2 == 0, 2*level + c/2
			case p == nil:
				return nil, false, 0
			}
			levels = append(levels, *p)
		}
	}
	return levels, c%2 == 0, 2*level + c/2
}

// block fills the i-th block of a part of the result.
func (m *merge) block(part, i int, block []byte) (err error) {
	blocks := make([][]*Block, len(m.renders)) // of each render, of each part
	for n := range m.renders {
		blocks[n] = make([]*Block, len(m.parts))
		for _, p := range m.needs[part] {
			of := m.renders[n].File.Parts[p]
			b, failed := m.spool.take(n, of, i, m.users[p])
			defer m.spool.give(n, of, i)
			if failed != nil && err == nil {
				err = fmt.Errorf("%s: %w", m.renders[n].name(), failed)
			}
			blocks[n][p] = b
		}
	}
	if err != nil {
		return err
	}
	h := &m.parts[part].Header
	row := newMergeRow(m, blocks, int(h.Data.Width()))
	_, lines := h.BlockLines(i)
	for y := range lines {
		line := block[int64(y)*h.LineBytes():]
		for c := range h.Channels {
			from, to := h.Span(c)
			row.channel(place{part, c}, y, line[from:to])
		}
	}
	return nil
}

// mergeRow merges lines of a block; it belongs to one goroutine.
type mergeRow struct {
	m       *merge
	blocks  [][]*Block
	width   int
	sum     []float64
	weight  []float64 // the sum of weights
	v, w, d []float32
	matte   []matteShare
}

func newMergeRow(m *merge, blocks [][]*Block, width int) *mergeRow {
	f := func() []float32 { return make([]float32, width) }
	return &mergeRow{m: m, blocks: blocks, width: width, sum: make([]float64, width), weight: make([]float64, width), v: f(), w: f(), d: f()}
}

// bytes are those of line y of a channel of a render.
func (r *mergeRow) bytes(render int, at place, y int) ([]byte, PixelType) {
	h := &r.m.parts[at.part].Header
	from, to := h.Span(at.channel)
	line := r.blocks[render][at.part].Bytes[int64(y)*h.LineBytes():]
	return line[from:to], h.Channels[at.channel].Type
}

func (r *mergeRow) floats(render int, at place, y int, to []float32) {
	b, t := r.bytes(render, at, y)
	decodeFloats(b, t, to)
}

// channel writes line y of a channel.
func (r *mergeRow) channel(at place, y int, out []byte) {
	how := &r.m.channels[at.part][at.channel]
	mine, t := r.bytes(0, at, y)
	if how.rule == idMatte {
		r.idMatte(how, y, out, t)
		return
	}
	same := how.rule != sum // then the mean of what is equal is that, to the bit; a quotient is, too
	for n := 1; n < len(r.m.renders) && same; n++ {
		b, _ := r.bytes(n, at, y)
		same = bytes.Equal(mine, b)
	}
	if same || how.rule == first {
		copy(out, mine)
		return
	}
	clear(r.sum)
	clear(r.weight)
	for n := range r.m.renders {
		r.floats(n, at, y, r.v)
		samples := float64(r.m.renders[n].Count)
		switch {
		case how.rule == sum:
			for x, v := range r.v {
				r.sum[x] += float64(v)
				r.weight[x] = 1
			}
			continue
		case how.count == nil:
			for x := range r.w {
				r.w[x] = 1
			}
		default:
			r.floats(n, *how.count, y, r.w)
		}
		if how.rule == divided {
			r.floats(n, *how.by, y, r.d)
			for x, v := range r.v {
				w := samples * float64(r.w[x]) * float64(r.d[x])
				r.weight[x] += w
				if w != 0 {
					r.sum[x] += w * float64(v)
				}
			}
			continue
		}
		for x, v := range r.v {
			w := samples * float64(r.w[x])
			r.weight[x] += w
			if w != 0 {
				r.sum[x] += w * float64(v)
			}
		}
	}
	for x, w := range r.weight {
		if w != 0 {
			r.sum[x] /= w
		}
	}
	encodeFloats(r.sum, t, out)
}

// matteShare is a name's number and its share of a pixel.
type matteShare struct {
	id    uint32 // the bits of a float
	share float64
}

// idMatte writes a line of a channel of a Cryptomatte: what all renders say of a pixel is added up and ranked anew.
func (r *mergeRow) idMatte(how *merging, y int, out []byte, t PixelType) {
	levels := len(how.levels) / 2
	ids, shares := make([][]byte, levels*len(r.m.renders)), make([][]byte, levels*len(r.m.renders))
	size := t.Size()
	same := true
	for n := range r.m.renders {
		for l := range levels {
			ids[n*levels+l], _ = r.bytes(n, how.levels[2*l], y)
			shares[n*levels+l], _ = r.bytes(n, how.levels[2*l+1], y)
			same = same && bytes.Equal(ids[n*levels+l], ids[l]) && bytes.Equal(shares[n*levels+l], shares[l])
		}
	}
	if same {
		if how.ids {
			copy(out, ids[how.at])
		} else {
			copy(out, shares[how.at])
		}
		return
	}
	for x := range r.width {
		r.matte = r.matte[:0]
		total := 0.0
		for n := range r.m.renders {
			w := float64(r.m.renders[n].Count)
			if how.count != nil {
				b, ct := r.bytes(n, *how.count, y)
				w *= sample(ct, b[x*ct.Size():])
			}
			total += w
			for l := range levels {
				at := n*levels + l
				share := sample(t, shares[at][x*size:])
				if share == 0 {
					continue
				}
				id := bitsOf(t, ids[at][x*size:])
				i := slices.IndexFunc(r.matte, func(s matteShare) bool { return s.id == id })
				if i < 0 {
					i = len(r.matte)
					r.matte = append(r.matte, matteShare{id: id})
				}
				r.matte[i].share += w * share
			}
		}
		slices.SortStableFunc(r.matte, func(a, b matteShare) int { return cmp.Compare(b.share, a.share) })
		to := out[x*size : (x+1)*size]
		switch {
		case how.at >= len(r.matte) || total == 0:
			clear(to)
		case how.ids:
			putBits(t, to, r.matte[how.at].id)
		default:
			encodeFloats([]float64{r.matte[how.at].share / total}, t, to)
		}
	}
}

func bitsOf(t PixelType, b []byte) uint32 {
	if t == Half {
		return uint32(binary.LittleEndian.Uint16(b))
	}
	return binary.LittleEndian.Uint32(b)
}

func putBits(t PixelType, b []byte, v uint32) {
	if t == Half {
		binary.LittleEndian.PutUint16(b, uint16(v))
		return
	}
	binary.LittleEndian.PutUint32(b, v)
}

func encodeFloats(v []float64, t PixelType, to []byte) {
	if t == Half {
		for i, f := range v {
			binary.LittleEndian.PutUint16(to[2*i:], ToHalf(float32(f)))
		}
		return
	}
	for i, f := range v {
		binary.LittleEndian.PutUint32(to[4*i:], math.Float32bits(float32(f)))
	}
}
