package blob

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A body that is sent in chunks is a sequence of
//
//	'L' n bytes   n bytes as they are; n has 32 bits, big endian, and is not 0
//	'C' sum       the bytes of the chunk that has this SHA-256, which the receiver has
//
// and ends where one of them ends.
const (
	opLiteral = 'L'
	opCopy    = 'C'
)

// AppendLiteral appends the head of n bytes, 1 to 1<<32-1, that follow as they are.
func AppendLiteral(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, opLiteral), uint32(n))
}

// AppendCopy appends the wish to copy a chunk.
func AppendCopy(b []byte, sum Ref) []byte { return append(append(b, opCopy), sum[:]...) }

// ErrOps says that bytes are no body in chunks.
var ErrOps = errors.New("not a body in chunks")

// ChunkError says that a chunk cannot be had. Where it was to be read from a blob that holds other bytes there, Ref
// names it.
type ChunkError struct {
	Sum Ref
	Ref Ref   // zero: no blob is known to have it
	Err error // may be nil
}

func (e *ChunkError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("chunk %s cannot be read: %v", e.Sum, e.Err)
	case e.Ref.IsZero():
		return fmt.Sprintf("chunk %s is not here", e.Sum)
	}
	return fmt.Sprintf("blob %s does not hold chunk %s where it did", e.Ref, e.Sum)
}

func (e *ChunkError) Unwrap() error { return e.Err }

// source reads chunks from the disk of an index, one blob being open at a time.
type source struct {
	x    *Index
	ref  Ref
	file io.ReadCloser
	read io.ReaderAt
	buf  []byte
}

// chunk reads a chunk and verifies it. What it returns holds until the next call. The error is a ChunkError; the blob is
// forgotten when it holds other bytes.
func (s *source) chunk(ctx context.Context, sum Ref) ([]byte, error) {
	ref, at, size, ok := s.x.locate(sum)
	if !ok {
		s.x.choose([]Ref{sum})
		if ref, at, size, ok = s.x.locate(sum); !ok {
			return nil, &ChunkError{Sum: sum}
		}
	}
	if s.file == nil || s.ref != ref {
		s.close()
		f, err := s.x.disk.Open(ctx, ref)
		if err != nil {
			s.x.forget(ref)
			return nil, &ChunkError{Sum: sum, Err: err}
		}
		s.ref, s.file, s.read = ref, f, f
	}
	if s.buf == nil {
		s.buf = make([]byte, MaxChunk)
	}
	b := s.buf[:size]
	if n, err := s.read.ReadAt(b, at); n < size && err != io.EOF {
		return nil, &ChunkError{Sum: sum, Ref: ref, Err: err}
	}
	if RefOf(b) != sum {
		s.close()
		s.x.forget(ref)
		return nil, &ChunkError{Sum: sum, Ref: ref}
	}
	s.x.copied.Add(int64(size))
	return b, nil
}

func (s *source) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// Expand reads a body in chunks and gives the bytes that it stands for. The error of a chunk that cannot be copied is a
// ChunkError; what was given before it is right. It never gives more than the chunks' own bytes, but a few bytes may
// stand for many: the reader sets the limit. Close leaves r open.
func (x *Index) Expand(ctx context.Context, r io.Reader) io.ReadCloser {
	// Little is read ahead: the sender's pace is seen by what is read of r.
	return &expanded{ctx: ctx, r: bufio.NewReaderSize(r, 4<<10), from: source{x: x}}
}

type expanded struct {
	ctx  context.Context
	r    *bufio.Reader
	from source
	left int    // bytes of a literal that are to come
	rest []byte // of a chunk
	err  error
}

func (e *expanded) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, e.err
	}
	if e.left == 0 && len(e.rest) == 0 && e.err == nil {
		e.err = e.next()
	}
	switch {
	case e.err != nil:
		return 0, e.err
	case len(e.rest) > 0:
		n = copy(p, e.rest)
		e.rest = e.rest[n:]
		return n, nil
	}
	n, err = e.r.Read(p[:min(len(p), e.left)])
	e.left -= n
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, e.err
}

// next reads what comes next.
func (e *expanded) next() error {
	op, err := e.r.ReadByte()
	if err != nil {
		return err
	}
	var b [32]byte
	want := b[:]
	if op == opLiteral {
		want = b[:4]
	}
	if op != opLiteral && op != opCopy {
		return fmt.Errorf("%w: %q begins nothing", ErrOps, op)
	}
	if _, err := io.ReadFull(e.r, want); err != nil {
		return noEOF(err)
	}
	if op == opCopy {
		e.rest, err = e.from.chunk(e.ctx, b)
		return err
	}
	n := binary.BigEndian.Uint32(want)
	if n == 0 || int(n) < 0 {
		return fmt.Errorf("%w: %d bytes as they are", ErrOps, n)
	}
	e.left = int(n)
	return nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close lets the blob go that is open.
func (e *expanded) Close() error {
	e.from.close()
	if e.err == nil {
		e.err = errClosed
	}
	return nil
}
