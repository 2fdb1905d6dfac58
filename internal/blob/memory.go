package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
)

// Memory is a Store and Uploads that keeps everything in memory, for tests and small farms of one process. The zero
// value is ready.
type Memory struct {
	mu    sync.Mutex
	whole map[Ref][]byte // never written to once it is here
	part  map[Ref]*memoryPart
}

type memoryPart struct {
	have int64
	busy bool // the fields below belong to the Append that set it
	buf  bytes.Buffer
	sum  hash.Hash
}

var (
	_ Store   = (*Memory)(nil)
	_ Uploads = (*Memory)(nil)
)

func (m *Memory) get(ref Ref) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.whole[ref]
	return b, ok
}

func (m *Memory) add(ref Ref, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.whole == nil {
		m.whole = map[Ref][]byte{}
	}
	m.whole[ref] = b
	delete(m.part, ref)
}

// Stat implements Store.
func (m *Memory) Stat(_ context.Context, ref Ref) (Info, error) {
	b, ok := m.get(ref)
	if !ok {
		return Info{}, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	return Info{ref, int64(len(b))}, nil
}

// Open implements Store.
func (m *Memory) Open(_ context.Context, ref Ref) (Reader, error) {
	b, ok := m.get(ref)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	return Verify(ref, int64(len(b)), inMemory{bytes.NewReader(b)}), nil
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Put implements Store.
func (m *Memory) Put(ctx context.Context, ref Ref, size int64, r io.Reader) error {
	if _, ok := m.get(ref); ok {
		return drain(ctx, r, size)
	}
	var buf bytes.Buffer
	sum := sha256.New()
	n, rerr, _ := pour(ctx, &buf, sum, r, size, nil)
	if rerr != nil {
		return fmt.Errorf("receiving blob %s: %w", ref, rerr)
	}
	if n == size && more(ctx, r) {
		n++
	}
	if err := verdict(ref, size, sum, n); err != nil {
		return err
	}
	m.add(ref, buf.Bytes())
	return nil
}

// Delete implements Store.
func (m *Memory) Delete(_ context.Context, ref Ref) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.whole, ref)
	if p := m.part[ref]; p != nil && !p.busy {
		delete(m.part, ref)
	}
	return nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, after Ref, limit int) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []Info
	for ref, b := range m.whole {
		if ref.Compare(after) > 0 {
			infos = append(infos, Info{ref, int64(len(b))})
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return a.Ref.Compare(b.Ref) })
	return infos[:min(len(infos), pageOf(limit))], nil
}

func pageOf(limit int) int {
	if limit <= 0 {
		return 1000
	}
	return limit
}

// Offset implements Uploads.
func (m *Memory) Offset(_ context.Context, ref Ref) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.whole[ref]; ok {
		return int64(len(b)), nil
	}
	if p := m.part[ref]; p != nil {
		return p.have, nil
	}
	return 0, nil
}

// Append implements Uploads.
func (m *Memory) Append(ctx context.Context, ref Ref, size, offset int64, r io.Reader) (int64, bool, error) {
	p, have, err := m.take(ref, size, offset)
	if p == nil {
		return have, err == nil, err
	}
	_, rerr, _ := pour(ctx, &p.buf, p.sum, r, size-offset, nil)
	have = int64(p.buf.Len())
	if have == size {
		if err := verdict(ref, size, p.sum, have); err != nil {
			m.give(ref, nil)
			return 0, false, err
		}
		m.add(ref, p.buf.Bytes())
		return have, true, nil
	}
	m.give(ref, p)
	if rerr != nil {
		return have, false, fmt.Errorf("receiving blob %s: %w", ref, rerr)
	}
	return have, false, nil
}

// take makes the partial the caller's; it is nil, without an error, if the blob is whole.
func (m *Memory) take(ref Ref, size, offset int64) (*memoryPart, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.whole[ref]; ok {
		return nil, int64(len(b)), sameSize(ref, int64(len(b)), size)
	}
	p := m.part[ref]
	if p == nil {
		p = &memoryPart{sum: sha256.New()}
	}
	if p.busy {
		return nil, p.have, ErrBusy
	}
	if err := mayAppend(ref, size, offset, p.have); err != nil {
		return nil, p.have, err
	}
	if m.part == nil {
		m.part = map[Ref]*memoryPart{}
	}
	m.part[ref], p.busy = p, true
	return p, p.have, nil
}

func (m *Memory) give(ref Ref, p *memoryPart) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p == nil {
		delete(m.part, ref)
		return
	}
	p.have, p.busy = int64(p.buf.Len()), false
}

// mayAppend checks an Append against the have bytes of its partial.
func mayAppend(ref Ref, size, offset, have int64) error {
	if size < have || size < 0 {
		return &MismatchError{Want: ref, WantSize: size, GotSize: have}
	}
	if offset != have {
		return &OffsetError{Have: have, Sent: offset}
	}
	return nil
}

// sameSize answers an Append to a blob that is here, whose sender may have the size wrong.
func sameSize(ref Ref, have, size int64) error {
	if have != size {
		return &MismatchError{Want: ref, Got: ref, WantSize: size, GotSize: have}
	}
	return nil
}
