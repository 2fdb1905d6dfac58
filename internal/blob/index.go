package blob

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Index finds chunks in the blobs of a Disk. It is made in the background from the store's own verified bytes, and may
// be lost or wrong at any time: that costs speed only, for whoever copies a chunk verifies it.
//
// Beside the blobs lies chunks/ab12..., the Recipe of each that has ChunkFrom bytes or more. In memory is one chunk of
// hookEvery, a *hook*, with the two newest blobs that have it; a question that meets hooks has the recipes of those
// blobs read, and the last used stay in memory (M. Lillibridge et al., "Sparse Indexing", FAST 2009): chunks come in
// the company that they had before.
type Index struct {
	disk      *Disk
	mostHooks int
	mostHeld  int // chunks of recipes in memory, but one recipe may have more

	reading sync.Mutex // one recipe is read at a time

	mu    sync.Mutex // guards all below
	hooks map[uint64][2]uint32
	refs  map[uint32]Ref // blobs by number; greater is newer
	nums  map[Ref]uint32
	last  uint32
	held  []*laid // recipes in memory, the last used first
	queue []Ref
	todo  map[Ref]*cutting // what is in queue, and what is being cut
	wake  chan struct{}    // one place

	copied atomic.Int64
}

const (
	// hookEvery is which share of chunks are hooks: a blob of ChunkFrom bytes has a dozen or so.
	hookEvery = 8
	mostHooks = 2 << 20   // about 50 MB
	mostHeld  = 512 << 10 // about 40 MB
	// mostRead is how many recipes are read for one question.
	mostRead = 4
)

// laid is a recipe in memory.
type laid struct {
	ref    Ref
	num    uint32
	recipe Recipe
	starts []int64          // where each chunk begins
	at     map[uint64]int32 // place in recipe, by the start of the sum
}

func startOf(sum Ref) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

func isHook(sum Ref) bool { return sum[len(sum)-1]%hookEvery == 0 }

// NewIndex makes the index of a disk, which has none yet. It knows nothing before Run.
func NewIndex(d *Disk) *Index {
	x := &Index{
		disk: d, mostHooks: mostHooks, mostHeld: mostHeld,
		hooks: map[uint64][2]uint32{}, refs: map[uint32]Ref{}, nums: map[Ref]uint32{},
		todo: map[Ref]*cutting{}, wake: make(chan struct{}, 1),
	}
	d.index.Store(x)
	return x
}

func (x *Index) path(ref Ref) string { return filepath.Join(x.disk.dir, "chunks", ref.String()) }

// Any tells whether any blob is known: if not, nothing need be asked. It is false of a nil Index.
func (x *Index) Any() bool {
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.nums) > 0
}

// Copied is how many bytes were copied from blobs that are here.
func (x *Index) Copied() int64 { return x.copied.Load() }

// Known tells of each chunk whether it can probably be copied.
func (x *Index) Known(sums []Ref) []bool {
	x.choose(sums)
	x.mu.Lock()
	defer x.mu.Unlock()
	known := make([]bool, len(sums))
	for i, sum := range sums {
		l, _ := x.find(sum)
		known[i] = l != nil
	}
	return known
}

// find is called with mu held.
func (x *Index) find(sum Ref) (*laid, int32) {
	for _, l := range x.held {
		if i, ok := l.at[startOf(sum)]; ok && l.recipe[i].Sum == sum {
			return l, i
		}
	}
	return nil, 0
}

// locate tells where a chunk lies.
func (x *Index) locate(sum Ref) (ref Ref, at int64, size int, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l, i := x.find(sum)
	if l == nil {
		return Ref{}, 0, 0, false
	}
	return l.ref, l.starts[i], l.recipe[i].Size, true
}

// choose reads the recipes of the blobs that have most of the chunks that none in memory has.
func (x *Index) choose(sums []Ref) {
	for range mostRead {
		ref, num, ok := x.best(sums)
		if !ok {
			return
		}
		x.hold(ref, num)
	}
}

// best is the blob that has most of the hooks among sums which are not in memory.
func (x *Index) best(sums []Ref) (best Ref, num uint32, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	hits := map[uint32]int{}
	for _, sum := range sums {
		if !isHook(sum) {
			continue
		}
		if l, _ := x.find(sum); l != nil {
			x.use(l)
			continue
		}
		for _, n := range x.hooks[startOf(sum)] {
			if _, alive := x.refs[n]; alive {
				hits[n]++
			}
		}
	}
	for n, k := range hits {
		if k > hits[num] || k == hits[num] && n > num {
			num = n
		}
	}
	best, ok = x.refs[num]
	return best, num, ok
}

// use is called with mu held.
func (x *Index) use(l *laid) {
	for i, other := range x.held {
		if other == l {
			copy(x.held[1:i+1], x.held[:i])
			x.held[0] = l
			return
		}
	}
}

// hold reads a recipe into memory. A blob whose recipe cannot be read is forgotten.
func (x *Index) hold(ref Ref, num uint32) {
	x.reading.Lock()
	defer x.reading.Unlock()
	x.mu.Lock()
	for _, l := range x.held {
		if l.ref == ref { // another question was faster
			x.mu.Unlock()
			return
		}
	}
	x.mu.Unlock()
	l, err := x.lay(ref, num)
	if err != nil {
		x.forget(ref)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.nums[ref] != num {
		return // it went meanwhile
	}
	x.held = append([]*laid{l}, x.held...)
	total := 0
	for i, l := range x.held {
		if total += len(l.recipe); i > 0 && total > x.mostHeld {
			clear(x.held[i:])
			x.held = x.held[:i]
			break
		}
	}
}

func (x *Index) lay(ref Ref, num uint32) (*laid, error) {
	r, err := x.read(ref)
	if err != nil {
		return nil, err
	}
	l := &laid{ref: ref, num: num, recipe: r, starts: make([]int64, len(r)), at: make(map[uint64]int32, len(r))}
	var at int64
	for i, c := range r {
		l.starts[i] = at
		l.at[startOf(c.Sum)] = int32(i)
		at += int64(c.Size)
	}
	return l, nil
}

// read reads the recipe of a blob that is here.
func (x *Index) read(ref Ref) (Recipe, error) {
	info, err := x.disk.Stat(context.Background(), ref)
	if err != nil {
		return nil, err
	}
	name := x.path(ref)
	if fi, err := os.Stat(name); err != nil {
		return nil, err
	} else if fi.Size() > MaxRecipe {
		return nil, fmt.Errorf("%w: %d bytes", ErrRecipe, fi.Size())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return DecodeRecipe(b, info.Size)
}

// add makes a blob known by its recipe.
func (x *Index) add(ref Ref, r Recipe) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, old := x.nums[ref]
	if !old {
		x.last++
		n = x.last
		x.refs[n], x.nums[ref] = ref, n
	}
	for _, c := range r {
		if !isHook(c.Sum) {
			continue
		}
		k := startOf(c.Sum)
		have := x.hooks[k]
		if have[0] == n || have[1] == n {
			continue
		}
		if _, alive := x.refs[have[0]]; alive {
			have[1] = have[0]
		}
		have[0] = n
		x.hooks[k] = have
	}
	for len(x.hooks) > x.mostHooks {
		x.thin()
	}
}

// thin is called with mu held. It drops the hooks of the older half of the blobs; they stay cut.
func (x *Index) thin() {
	least := x.last
	for n := range x.refs {
		least = min(least, n)
	}
	middle := least + (x.last-least)/2
	for n, ref := range x.refs {
		if n <= middle {
			delete(x.refs, n)
			delete(x.nums, ref)
		}
	}
	for k, n := range x.hooks {
		if n[0] <= middle {
			delete(x.hooks, k)
		}
	}
	if least == x.last { // one blob has more than there is room for
		clear(x.hooks)
	}
}

// drop is called with mu held. It makes a blob unknown.
func (x *Index) drop(ref Ref) {
	delete(x.refs, x.nums[ref])
	delete(x.nums, ref)
	for i, l := range x.held {
		if l.ref == ref {
			x.held = append(x.held[:i:i], x.held[i+1:]...)
			break
		}
	}
}

// forget makes a blob unknown, and removes its recipe: it is gone, or not what the recipe says.
func (x *Index) forget(ref Ref) {
	x.mu.Lock()
	x.drop(ref)
	if c := x.todo[ref]; c != nil {
		c.off = true
	}
	x.mu.Unlock()
	if err := os.Remove(x.path(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // it is found to be nobody's when the index is read again
	}
}
