package salvage

import (
	"encoding/binary"
	"math"
)

// The kinds of pages of a tree.
const (
	indexInner = 2
	tableInner = 5
	indexLeaf  = 10
	tableLeaf  = 13
)

// Cell is a row as it lies in a tree: its number, which rows of a table WITHOUT ROWID and of an index have not, and its
// values: nil, int64, float64, string or []byte.
type Cell struct {
	Rowid  int64
	Values []any
}

// node is a page of a tree, taken apart.
type node struct {
	kind     byte
	children []uint32
	cells    []Cell
	overflow map[uint32]bool // pages that hold the rest of long cells; each belongs to one cell
	bad      int             // cells that make no sense
}

// node takes a page apart; false when it is no page of a tree.
func (f *File) node(n uint32) (node, bool) {
	shared, ok := f.page(n)
	if !ok {
		return node{}, false
	}
	p := append([]byte(nil), shared...) // long cells read other pages
	head := 0
	if n == 1 {
		head = headSize
	}
	out := node{kind: p[head]}
	list := head + 8
	be := binary.BigEndian
	switch out.kind {
	case indexInner, tableInner:
		list = head + 12
	case indexLeaf, tableLeaf:
	default:
		return out, false
	}
	count := int(be.Uint16(p[head+3:]))
	if list+2*count > len(p) {
		return out, false
	}
	for i := range count {
		at := int(be.Uint16(p[list+2*i:]))
		if at < list+2*count || at >= len(p) || !f.cell(p[at:], &out) {
			out.bad++
		}
	}
	if list == head+12 {
		out.children = append(out.children, be.Uint32(p[head+8:]))
	}
	return out, true
}

// cell reads one cell of a node from where it begins.
func (f *File) cell(p []byte, out *node) bool {
	if out.kind == indexInner || out.kind == tableInner {
		if len(p) < 4 {
			return false
		}
		out.children = append(out.children, binary.BigEndian.Uint32(p))
		if p = p[4:]; out.kind == tableInner {
			return true // and a key, which the rows have, too
		}
	}
	length, n := varint(p)
	if n == 0 || length < 0 || length > int64(f.count)*int64(f.size) {
		return false
	}
	p = p[n:]
	var c Cell
	if out.kind == tableLeaf {
		if c.Rowid, n = varint(p); n == 0 {
			return false
		}
		p = p[n:]
	}
	payload, ok := f.payload(p, int(length), out)
	if ok {
		c.Values, ok = record(payload)
	}
	if ok {
		out.cells = append(out.cells, c)
	}
	return ok
}

// payload gathers a cell's bytes: its beginning lies in the page, the rest of a long one in pages of its own.
func (f *File) payload(p []byte, length int, out *node) ([]byte, bool) {
	u := f.size
	least, most := (u-12)*32/255-23, (u-12)*64/255-23
	if out.kind == tableLeaf {
		most = u - 35
	}
	if length <= most {
		if len(p) < length {
			return nil, false
		}
		return p[:length], true
	}
	local := least + (length-least)%(u-4)
	if local > most {
		local = least
	}
	if len(p) < local+4 {
		return nil, false
	}
	all := append(make([]byte, 0, local), p[:local]...)
	next := binary.BigEndian.Uint32(p[local:])
	for len(all) < length {
		page, ok := f.page(next)
		if !ok || out.overflow[next] {
			return nil, false
		}
		if out.overflow == nil {
			out.overflow = map[uint32]bool{}
		}
		out.overflow[next] = true
		all = append(all, page[4:4+min(length-len(all), u-4)]...)
		next = binary.BigEndian.Uint32(page)
	}
	return all, true
}

// record takes a row apart.
func record(p []byte) (values []any, ok bool) {
	size, n := varint(p)
	if n == 0 || size < int64(n) || size > int64(len(p)) {
		return nil, false
	}
	types, body := p[n:size], p[size:]
	for len(types) > 0 {
		kind, n := varint(types)
		if n == 0 || kind < 0 {
			return nil, false
		}
		types = types[n:]
		width, ok := widthOf(kind)
		if !ok || width > int64(len(body)) {
			return nil, false
		}
		values = append(values, value(kind, body[:width]))
		body = body[width:]
	}
	return values, len(body) == 0
}

func widthOf(kind int64) (int64, bool) {
	switch {
	case kind <= 9:
		return [...]int64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}[kind], true
	case kind < 12: // kept by SQLite for itself
		return 0, false
	}
	return (kind - 12) / 2, true
}

func value(kind int64, p []byte) any {
	switch {
	case kind == 0:
		return nil
	case kind == 7:
		return math.Float64frombits(binary.BigEndian.Uint64(p))
	case kind == 8:
		return int64(0)
	case kind == 9:
		return int64(1)
	case kind >= 12 && kind%2 == 0:
		return append([]byte{}, p...)
	case kind >= 12:
		return string(p)
	}
	n := int64(int8(p[0]))
	for _, b := range p[1:] {
		n = n<<8 | int64(b)
	}
	return n
}

// varint reads a number of 1 to 9 bytes; n is 0 when it is cut off.
func varint(p []byte) (v int64, n int) {
	for n < len(p) && n < 8 {
		b := p[n]
		v = v<<7 | int64(b&0x7f)
		if n++; b < 0x80 {
			return v, n
		}
	}
	if n == 8 && len(p) > 8 {
		return v<<8 | int64(p[8]), 9
	}
	return 0, 0
}
