package salvage

import "encoding/binary"

// Object is an entry of the schema: a table or an index, with the statement that made it.
type Object struct {
	Kind, Name, Table, SQL string
	Root                   uint32
}

// Loss is what of a tree could not be read.
type Loss struct {
	Pages int // that are no pages of a tree, or are not there: all below an inner one is not reached
	Cells int // on pages that can be read
}

// Schema reads the table of tables.
func (f *File) Schema() (list []Object, lost Loss) {
	lost = f.Walk(1, false, func(rows []Cell) bool {
		for _, c := range rows {
			if o, ok := f.object(c); ok {
				list = append(list, o)
			}
		}
		return true
	})
	return list, lost
}

func (f *File) object(c Cell) (o Object, ok bool) {
	if len(c.Values) != 5 {
		return o, false
	}
	var good [4]bool
	var root int64
	o.Kind, good[0] = c.Values[0].(string)
	o.Name, good[1] = c.Values[1].(string)
	o.Table, good[2] = c.Values[2].(string)
	root, good[3] = c.Values[3].(int64)
	o.SQL, _ = c.Values[4].(string) // those that SQLite makes by itself have none
	o.Root = uint32(root)
	return o, good == [4]bool{true, true, true, true} && root > 0 && root <= int64(f.count)
}

// Walk reads all rows of a tree that can be read, in no order that matters. index says that it is the tree of an index
// or of a table WITHOUT ROWID. each gets the rows of one page, and tells whether they are of this tree: a page that is
// not is lost to it, and may be an orphan.
func (f *File) Walk(root uint32, index bool, each func(rows []Cell) (ours bool)) (lost Loss) {
	inner, leaf := byte(tableInner), byte(tableLeaf)
	if index {
		inner, leaf = indexInner, indexLeaf
	}
	for todo := []uint32{root}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if f.claimed[n] { // two lead to it: one of them is wrong
			lost.Pages++
			continue
		}
		node, ok := f.node(n)
		if !ok || node.kind != inner && node.kind != leaf {
			lost.Pages++
			continue
		}
		// SQLite leaves no leaf without rows but a root: another page got here.
		if empty := len(node.cells) == 0 && node.kind == leaf; empty && node.bad == 0 && n != root || len(node.cells) > 0 && !each(node.cells) {
			lost.Pages++
			continue
		}
		f.claim(n, node)
		lost.Cells += node.bad
		todo = append(todo, node.children...)
	}
	return lost
}

func (f *File) claim(n uint32, page node) {
	f.claimed[n] = true
	for o := range page.overflow {
		f.claimed[o] = true
	}
}

// Free claims the pages that hold nothing, whose old bytes must not be taken for rows.
func (f *File) Free() {
	first, ok := f.page(1)
	if !ok || string(first[:16]) != magic {
		return
	}
	for next := binary.BigEndian.Uint32(first[32:]); next != 0 && !f.claimed[next]; {
		p, ok := f.page(next)
		if !ok {
			return
		}
		f.claimed[next] = true
		for i := range min(int(binary.BigEndian.Uint32(p[4:])), (f.size-8)/4) {
			f.claimed[binary.BigEndian.Uint32(p[8+4*i:])] = true
		}
		next = binary.BigEndian.Uint32(p)
	}
}

// Orphans reads the pages with rows that no tree has claimed. Each gets the rows of one page, and tells whether they
// were wanted; then the page is claimed.
func (f *File) Orphans(each func(index bool, rows []Cell) (wanted bool)) {
	for n := uint32(1); n <= f.count; n++ {
		if f.claimed[n] {
			continue
		}
		node, ok := f.node(n)
		if !ok || node.kind == tableInner || len(node.cells) == 0 {
			continue
		}
		if each(node.kind != tableLeaf, node.cells) {
			f.claim(n, node)
		}
	}
}
