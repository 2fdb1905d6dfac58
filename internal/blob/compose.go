package blob

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// Remote opens n bytes of a blob, from offset on, at somebody who has it. Nobody trusts what it gives.
type Remote func(ctx context.Context, offset, n int64) (io.ReadCloser, error)

const (
	composeWindow = 1024       // chunks that are looked up at once
	composeGap    = 128 << 10  // bytes that are here, but fetched with what is around them: a request costs more
	composeRun    = 1024 << 20 // bytes that one request asks for at most
)

// Compose reads a blob from offset on by its recipe: chunks that are on this disk are read there, the rest from remote,
// in as few ranges as are worth it. No byte is given before its chunk is verified. The error of bytes that are not
// those of the recipe is a ChunkError with a zero Ref; what was given before it is right by the recipe. A nil Index has
// no chunks: then everything is remote, and verified.
func (x *Index) Compose(ctx context.Context, recipe Recipe, offset int64, remote Remote) io.ReadCloser {
	c := &composed{ctx: ctx, x: x, recipe: recipe, remote: remote, from: source{x: x}}
	for c.next < len(recipe) && c.at+int64(recipe[c.next].Size) <= offset {
		c.at += int64(recipe[c.next].Size)
		c.next++
	}
	c.skip = int(offset - c.at)
	return c
}

// Share is how many bytes of a blob are in others that are here.
func (x *Index) Share(r Recipe) (bytes int64) {
	for w := range slices.Chunk(r, composeWindow) {
		for i, known := range x.Known(sumsOf(w)) {
			if known {
				bytes += int64(w[i].Size)
			}
		}
	}
	return bytes
}

func sumsOf(r Recipe) []Ref {
	sums := make([]Ref, len(r))
	for i := range r {
		sums[i] = r[i].Sum
	}
	return sums
}

type composed struct {
	ctx    context.Context
	x      *Index
	recipe Recipe
	remote Remote
	from   source

	next   int    // the chunk that comes next,
	at     int64  // and where it begins
	skip   int    // bytes of it that are not wanted
	known  []bool // of the chunks from next on: they are here
	run    io.ReadCloser
	runEnd int64  // where run ends
	rest   []byte // verified
	buf    []byte
	err    error
}

func (c *composed) Read(p []byte) (int, error) {
	for len(c.rest) == 0 && c.err == nil && len(p) > 0 {
		if c.next == len(c.recipe) {
			c.err = io.EOF
			break
		}
		var b []byte
		if b, c.err = c.chunk(); c.err != nil {
			break
		}
		c.rest, c.skip = b[min(c.skip, len(b)):], 0
		c.at += int64(len(b))
		c.next++
		c.known = c.known[1:]
	}
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	return 0, c.err
}

// chunk reads the next chunk and verifies it.
func (c *composed) chunk() ([]byte, error) {
	if len(c.known) == 0 {
		c.look()
	}
	want := c.recipe[c.next]
	if c.known[0] {
		if b, err := c.from.chunk(c.ctx, want.Sum); err == nil {
			return b, nil
		}
		c.known[0] = false
	}
	if c.run != nil && c.at >= c.runEnd {
		c.hangUp()
	}
	if c.run == nil {
		n := int64(0)
		for i, k := range c.known {
			if k || n > 0 && n+int64(c.recipe[c.next+i].Size) > composeRun {
				break
			}
			n += int64(c.recipe[c.next+i].Size)
		}
		run, err := c.remote(c.ctx, c.at, n)
		if err != nil {
			return nil, err
		}
		c.run, c.runEnd = run, c.at+n
	}
	if c.buf == nil {
		c.buf = make([]byte, MaxChunk)
	}
	b := c.buf[:want.Size]
	if _, err := io.ReadFull(c.run, b); err != nil {
		return nil, fmt.Errorf("reading the blob at byte %d: %w", c.at, noEOF(err))
	}
	if RefOf(b) != want.Sum {
		return nil, &ChunkError{Sum: want.Sum}
	}
	return b, nil
}

// look finds out which of the next chunks are here.
func (c *composed) look() {
	window := c.recipe[c.next:min(len(c.recipe), c.next+composeWindow)]
	if c.x == nil {
		c.known = make([]bool, len(window))
		return
	}
	c.known = c.x.Known(sumsOf(window))
	// A few bytes that are here between others that are not are fetched with those.
	for i := 0; i < len(window); {
		gap, k := 0, i
		for k < len(window) && c.known[k] {
			gap += window[k].Size
			k++
		}
		if i > 0 && k < len(window) && gap < composeGap {
			for ; i < k; i++ {
				c.known[i] = false
			}
		}
		i = k + 1
	}
}

func (c *composed) hangUp() {
	if c.run != nil {
		c.run.Close()
		c.run = nil
	}
}

// Close ends what is open.
func (c *composed) Close() error {
	c.hangUp()
	c.from.close()
	if c.err == nil {
		c.err = errClosed
	}
	return nil
}
