package exr

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
)

// weaveMemory is about how many bytes weave may keep for blocks that are being made; each hand beyond the first must fit.
const weaveMemory = 1 << 30

// weaving says how the blocks of a file are made.
type weaving struct {
	// make fills a block. It is called by several goroutines (hands) at once, in about the order of the blocks.
	make func(part, i int, block []byte) error
	// raw, which may be nil, returns a block as it is packed already, or nil.
	raw func(part, i int, buf []byte) ([]byte, error)
	// byBlock: the first blocks of all parts come before the second ones; else one part comes after the other.
	byBlock bool
	// stored: blocks are not packed.
	stored bool
	// inputs is of how many blocks like it, about, a block is made.
	inputs int
}

// weave writes all blocks of all parts of a file. What is written does not depend on the number of hands: blocks are
// written in their order.
func weave(ctx context.Context, out *Writer, how weaving) error {
	type place struct{ part, i int }
	var places []place
	largest, band := int64(1), int64(0)
	for part := range out.parts {
		h := out.Header(part)
		block := h.LineBytes() * int64(h.Compression.Lines())
		largest, band = max(largest, block), band+block
		for i := range h.Chunks {
			places = append(places, place{part, i})
		}
	}
	// Each hand has the block, a rearranged copy, what is packed, and what they are made of.
	of := int64(how.inputs) * largest
	if how.byBlock {
		slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.i, b.i) })
		of = int64(how.inputs) * band / int64(len(out.parts))
	}
	hands := int(max(1, min(int64(runtime.GOMAXPROCS(0)), int64(len(places)), weaveMemory/(3*largest+of))))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu   sync.Mutex // next, done and out
		turn = sync.NewCond(&mu)
		next int
		done int
		all  sync.WaitGroup
	)
	stop := func(err error) {
		cancel(err)
		mu.Lock()
		turn.Broadcast()
		mu.Unlock()
	}
	defer context.AfterFunc(ctx, func() { stop(nil) })()
	for range hands {
		all.Go(func() {
			k := packer{level: quickLevel}
			var block, packed []byte
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if n >= len(places) || ctx.Err() != nil {
					return
				}
				at := places[n]
				h := out.Header(at.part)
				var ready []byte
				var err error
				if how.raw != nil {
					if ready, err = how.raw(at.part, at.i, packed); ready != nil {
						packed = ready
					}
				}
				if err == nil && ready == nil {
					_, lines := h.BlockLines(at.i)
					block = sized(block, int(int64(lines)*h.LineBytes()))
					if err = how.make(at.part, at.i, block); err == nil {
						if ready = block; !how.stored {
							ready, err = k.pack(h.Compression, block)
						}
					}
				}
				if err != nil {
					stop(err)
					return
				}
				mu.Lock()
				for done < n && ctx.Err() == nil {
					turn.Wait()
				}
				if ctx.Err() == nil {
					err = out.put(at.part, at.i, ready)
					done++
					turn.Broadcast()
				}
				mu.Unlock()
				if err != nil {
					stop(err)
					return
				}
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return out.Close()
}

// sized is a buffer of n bytes, b if it suffices.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// spool reads the blocks of parts for several goroutines. A block that several blocks of the output are made of is unpacked
// once, and forgotten when the last of them has it.
type spool struct {
	mu   sync.Mutex
	held map[spoolKey]*heldBlock
	free [][]byte
}

type spoolKey struct {
	input int // the same file may be two of them
	part  *Part
	block int
}

type heldBlock struct {
	once sync.Once
	Block
	err  error
	left int // blocks of the output that still want it
}

// take returns the i-th block of a part of an input, which holds until give. users is how often it will be taken in all; each must
// give it back, even if there was an error.
func (s *spool) take(input int, p *Part, i, users int) (*Block, error) {
	s.mu.Lock()
	if s.held == nil {
		s.held = make(map[spoolKey]*heldBlock)
	}
	key := spoolKey{input, p, i}
	b := s.held[key]
	if b == nil {
		b = &heldBlock{left: users}
		s.held[key] = b
	}
	s.mu.Unlock()
	b.once.Do(func() {
		b.Block, b.err = p.ReadBlock(i, s.buffer())
	})
	return &b.Block, b.err
}

func (s *spool) give(input int, p *Part, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spoolKey{input, p, i}
	b := s.held[key]
	if b.left--; b.left == 0 {
		delete(s.held, key)
		if b.Bytes != nil {
			s.free = append(s.free, b.Bytes)
		}
	}
}

func (s *spool) buffer() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	b := s.free[n-1]
	s.free = s.free[:n-1]
	return b
}
