package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Source is what a Store reads from: a file, a byte slice, an object of S3.
type Source interface {
	io.ReaderAt
	io.Closer
}

// Verify returns a Reader over size bytes of src that checks whole sequential reads as Reader documents. It is
// exported for Stores outside this package. Closing it closes src.
func Verify(ref Ref, size int64, src Source) Reader {
	return &verifying{Source: src, ref: ref, size: size, sum: sha256.New()}
}

// Check reads the whole blob. ErrCorrupt if it is not what its Ref names.
func Check(ctx context.Context, s Store, ref Ref) error {
	r, err := s.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer r.Close()
	return drainAll(ctx, r)
}

func drainAll(ctx context.Context, r io.Reader) error {
	b := chunkPool.Get().(*[chunkSize]byte)
	defer chunkPool.Put(b)
	for {
		if _, err := fill(ctx, r, b[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

type verifying struct {
	Source
	ref    Ref
	size   int64
	pos    int64 // where Read goes on
	hashed int64 // bytes from the start that sum has seen
	sum    hash.Hash
	bad    error
}

func (v *verifying) Size() int64 { return v.size }

func (v *verifying) Read(p []byte) (int, error) {
	if v.bad != nil {
		return 0, v.bad
	}
	if v.pos == 0 && v.hashed > 0 {
		v.sum.Reset()
		v.hashed = 0
	}
	if v.pos >= v.size {
		if v.hashed == v.size && v.pos == v.size {
			if err := v.compare(); err != nil {
				return 0, err
			}
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := v.ReadAt(p[:min(int64(len(p)), v.size-v.pos)], v.pos)
	if n > 0 {
		err = nil
	} else if err == io.EOF { // the file became shorter while it was read
		v.bad = fmt.Errorf("%w: %s ends at byte %d of %d", ErrCorrupt, v.ref, v.pos, v.size)
		return 0, v.bad
	}
	if v.hashed == v.pos {
		v.sum.Write(p[:n])
		v.hashed += int64(n)
		// The last bytes are withheld if the whole is wrong: many readers count bytes and never ask for the EOF.
		if v.hashed == v.size {
			if bad := v.compare(); bad != nil {
				return 0, bad
			}
		}
	}
	v.pos += int64(n)
	return n, err
}

func (v *verifying) compare() error {
	if got := sumOf(v.sum); got != v.ref {
		v.bad = fmt.Errorf("%w: the bytes of %s are those of %s", ErrCorrupt, v.ref, got)
	}
	return v.bad
}

func (v *verifying) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += v.pos
	case io.SeekEnd:
		offset += v.size
	case io.SeekStart:
	default:
		return 0, errors.New("seek: unknown whence")
	}
	if offset < 0 {
		return 0, errors.New("seek: before the start")
	}
	v.pos = offset
	return offset, nil
}
