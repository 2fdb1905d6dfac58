package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"sync"
)

const (
	chunkSize = 256 << 10 // what moves at once; more is slower, because it leaves the processor's cache
	chunks    = 6         // on their way between reading and hashing
)

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// pour moves at most n bytes of r to w and hashes them. Hashing is the slow part, so it runs beside reading and
// writing; when pour returns, h has seen exactly the moved bytes. hashed, which may be nil, is called after each chunk
// with the bytes moved and hashed so far, never at the same time twice. The error of the reader and that of the writer
// are kept apart: they mean different things. An end of r before n is not an error.
func pour(ctx context.Context, w io.Writer, h hash.Hash, r io.Reader, n int64, hashed func(done int64)) (moved int64, rerr, werr error) {
	if n <= chunkSize {
		return pourSmall(ctx, w, h, r, n, hashed)
	}
	free := make(chan *[chunkSize]byte, chunks)
	type filled struct {
		b *[chunkSize]byte
		n int
	}
	work := make(chan filled, chunks)
	for range chunks {
		free <- chunkPool.Get().(*[chunkSize]byte)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		var done int64
		for f := range work {
			h.Write(f.b[:f.n])
			free <- f.b
			if done += int64(f.n); hashed != nil {
				hashed(done)
			}
		}
	})
	for moved < n && rerr == nil && werr == nil {
		b := <-free
		var k int
		k, rerr = fill(ctx, r, b[:min(int64(chunkSize), n-moved)])
		if k > 0 {
			_, werr = w.Write(b[:k])
		}
		if k == 0 || werr != nil {
			free <- b
			break
		}
		moved += int64(k)
		work <- filled{b, k}
	}
	close(work)
	wg.Wait()
	for range chunks {
		chunkPool.Put(<-free)
	}
	if rerr == io.EOF {
		rerr = nil
	}
	return moved, rerr, werr
}

// pourSmall is pour without a second goroutine, for n up to one chunk.
func pourSmall(ctx context.Context, w io.Writer, h hash.Hash, r io.Reader, n int64, hashed func(int64)) (moved int64, rerr, werr error) {
	if n <= 0 {
		return 0, nil, nil
	}
	b := chunkPool.Get().(*[chunkSize]byte)
	defer chunkPool.Put(b)
	k, rerr := fill(ctx, r, b[:n])
	if rerr == io.EOF {
		rerr = nil
	}
	if k > 0 {
		if _, werr = w.Write(b[:k]); werr != nil {
			return 0, rerr, werr
		}
		h.Write(b[:k])
		if hashed != nil {
			hashed(int64(k))
		}
	}
	return int64(k), rerr, nil
}

// fill reads until b is full or r ends or fails. Unlike io.ReadFull it returns io.EOF after a part too, and it looks
// at ctx between reads, so that a slow stream can be given up.
func fill(ctx context.Context, r io.Reader, b []byte) (n int, err error) {
	for idle := 0; n < len(b) && err == nil; {
		if err = ctx.Err(); err != nil {
			break
		}
		var k int
		k, err = r.Read(b[n:])
		if k > 0 {
			n, idle = n+k, 0
		} else if idle++; idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n == len(b) && err == io.EOF {
		err = nil // the caller wants no more; whether more would come is its next question
	}
	return n, err
}

// more says whether r has another byte, which a blob that is whole must not have.
func more(ctx context.Context, r io.Reader) bool {
	var one [1]byte
	n, _ := fill(ctx, r, one[:])
	return n == 1
}

// drain reads what a sender of a known blob sends, so that its connection stays usable.
func drain(ctx context.Context, r io.Reader, size int64) error {
	b := chunkPool.Get().(*[chunkSize]byte)
	defer chunkPool.Put(b)
	for size > 0 {
		n, err := fill(ctx, r, b[:min(int64(chunkSize), size)])
		size -= int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading bytes of a blob that is already here: %w", err)
		}
	}
	return nil
}

// verdict compares what came with what was promised.
func verdict(want Ref, wantSize int64, h hash.Hash, got int64) error {
	sum := sumOf(h)
	if got != wantSize || sum != want {
		return &MismatchError{Want: want, Got: sum, WantSize: wantSize, GotSize: got}
	}
	return nil
}

func sumOf(h hash.Hash) (r Ref) {
	var b [sha256.Size]byte
	copy(r[:], h.Sum(b[:0]))
	return r
}
