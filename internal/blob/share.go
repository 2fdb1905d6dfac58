package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Share reads a blob of a Cache for somebody else, also one that is still arriving, as far as it is written. Nothing
// that it gives is verified here: whoever takes it must do that. It belongs to one goroutine. Close it.
type Share struct {
	c      *Cache
	ref    Ref
	size   int64
	flight *flight // nil: the blob is whole
	f      *os.File
}

// errEnded is why a Share gives no more.
var errEnded = errors.New("its download ended before it was whole")

// Share opens a blob that is here or arriving. ErrNotFound if it is neither, or if its file is not as the cache left
// it. That the blob is removed does not disturb a Share.
func (c *Cache) Share(ref Ref) (*Share, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &Share{c: c, ref: ref}
	if s.flight = c.flights[ref]; s.flight != nil {
		s.size = s.flight.size
		return s, nil
	}
	if !c.use(ref) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	s.size = c.known[ref].Value.(*cached).size
	return s, s.open()
}

// open opens the file in which the bytes are.
func (s *Share) open() (err error) {
	if s.flight != nil {
		s.f, err = openShared(s.c.disk.partPath(s.ref))
	}
	if s.flight == nil || errors.Is(err, fs.ErrNotExist) { // it became whole this instant
		s.f, err = openShared(s.c.disk.path(s.ref))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s", ErrNotFound, s.ref)
	}
	return err
}

// Size is the size of the whole, in bytes.
func (s *Share) Size() int64 { return s.size }

// Whole tells whether the blob was whole, and so verified, when the Share was opened.
func (s *Share) Whole() bool { return s.flight == nil }

// Wait waits until there are bytes behind the offset, which is below the size, and tells where they end. An error says
// that none will come, or is ctx's.
func (s *Share) Wait(ctx context.Context, offset int64) (end int64, err error) {
	end = s.size
	for s.flight != nil {
		have, grown := s.c.look(s.flight)
		if end = have; have > offset {
			break
		}
		select {
		case <-grown:
		case <-s.flight.done:
			if have, _ := s.c.look(s.flight); have <= offset {
				return 0, fmt.Errorf("blob %s: %w", s.ref, errEnded)
			}
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if s.f == nil {
		err = s.open()
	}
	return end, err
}

// Section reads bytes that Wait told of; it ends early where the file was cut meanwhile. The reader is one that systems
// can send without copying.
func (s *Share) Section(offset, n int64) (io.Reader, error) {
	if _, err := s.f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	return io.LimitReader(s.f, n), nil
}

// Close lets the file go.
func (s *Share) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// look tells how far a download is, and of a channel that is closed when that changes.
func (c *Cache) look(f *flight) (have int64, grown <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.grown == nil {
		f.grown = make(chan struct{})
	}
	return f.have, f.grown
}

// grew notes how far a download is.
func (c *Cache) grew(f *flight, have int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.grow(have)
}

// grow is called with Cache.mu held.
func (f *flight) grow(have int64) {
	if f.have == have {
		return
	}
	f.have = have
	if f.grown != nil {
		close(f.grown)
		f.grown = nil
	}
}
