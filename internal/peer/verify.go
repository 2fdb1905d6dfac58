package peer

import (
	"context"
	"io"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// part is the chunk of a recipe that comes from a peer: nothing of it is given on before it is whole and verified. So a
// worker that hands on what it has so far hands on no lies, and it is known who tells one.
type part struct {
	recipe blob.Recipe
	next   int    // the chunk that comes next
	skip   int    // bytes of it that are here already
	buf    []byte // of that chunk, as far as it came
	ready  []byte // verified, to be given on
}

// suspect is a peer whose bytes were not those of a chunk.
type suspect struct {
	peer  farm.WorkerID
	chunk int
}

// begin gets ready for a peer's bytes, of which those from the offset on are wanted, and tells where the peer shall begin.
func (p *part) begin(recipe blob.Recipe, offset int64) int64 {
	if p.recipe = recipe; recipe == nil {
		return offset
	}
	at := int64(0)
	for p.next = 0; at+int64(recipe[p.next].Size) <= offset; p.next++ {
		at += int64(recipe[p.next].Size)
	}
	p.skip, p.buf = int(offset-at), p.buf[:0]
	return at
}

// room is where the peer's next bytes go.
func (p *part) room() []byte {
	if p.buf == nil {
		p.buf = make([]byte, 0, blob.MaxChunk)
	}
	return p.buf[len(p.buf):p.recipe[p.next].Size]
}

// came takes note of bytes in room; false when they are not those of the chunk.
func (p *part) came(n int) bool {
	p.buf = p.buf[:len(p.buf)+n]
	want := p.recipe[p.next]
	if len(p.buf) < want.Size {
		return true
	}
	if blob.RefOf(p.buf) != want.Sum {
		return false
	}
	p.ready, p.buf, p.skip = p.buf[p.skip:], p.buf[:0], 0
	p.next++
	return true
}

// give gives what is verified. It must be empty before more comes.
func (p *part) give(b []byte) int {
	n := copy(b, p.ready)
	p.ready = p.ready[n:]
	return n
}

// learn asks for the recipe, once.
func (r *relay) learn() {
	if r.ask == nil || r.size < blob.ChunkFrom {
		return
	}
	ctx, cancel := context.WithTimeout(r.ctx, answerTime)
	defer cancel()
	recipe, err := r.ask(ctx)
	if r.ask = nil; err == nil && len(recipe) > 0 {
		r.recipe = recipe
	}
}

// verify takes n bytes of a peer into the chunk that is next; nothing of them is given on here.
func (r *relay) verify(n int, err error) int {
	switch {
	case !r.part.came(n):
		r.suspects = append(r.suspects, suspect{r.from, r.part.next})
		r.leave(farm.FaultDoubtful)
	case err != nil && r.part.next < len(r.recipe):
		r.broke()
	}
	return 0
}

// convict says of those whose bytes were not those of the recipe that they lied, where the blob, which is verified by
// now, has those of the recipe.
func (t *transfer) convict() {
	for _, s := range t.suspects {
		at := int64(0)
		for _, c := range t.recipe[:s.chunk] {
			at += int64(c.Size)
		}
		if b, err := t.node.read(t.ref, at, t.recipe[s.chunk].Size); err == nil && blob.RefOf(b) == t.recipe[s.chunk].Sum {
			t.faults = append(t.faults, farm.SourceFault{Peer: s.peer, How: farm.FaultLied})
		}
	}
}

// read reads a part of a blob that is here.
func (n *Node) read(ref blob.Ref, offset int64, size int) ([]byte, error) {
	s, err := n.opt.Cache.Share(ref)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r, err := s.Section(offset, int64(size))
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	_, err = io.ReadFull(r, b)
	return b, err
}
