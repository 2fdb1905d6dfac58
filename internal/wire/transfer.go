package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// expectFrom is the size of a body from which the master is asked before the bytes are sent.
const expectFrom = 64 << 10

func expect(r *http.Request, size int64) {
	if size >= expectFrom {
		r.Header.Set("Expect", "100-continue")
	}
}

// guard ends a transfer that stands still. Every byte that moves gives it another span of silence.
type guard struct {
	timer   *time.Timer
	silence time.Duration
	cancel  context.CancelCauseFunc
}

func (c *Client) guard(ctx context.Context) (*guard, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	g := &guard{silence: c.silence, cancel: cancel}
	g.timer = time.AfterFunc(c.silence, func() { cancel(errStalled) })
	return g, ctx
}

func (g *guard) moved() { g.timer.Reset(g.silence) }

// stop ends the guard and the request's context.
func (g *guard) stop() {
	g.timer.Stop()
	g.cancel(nil)
}

// source is a request body that feeds the guard and remembers how reading the file itself failed, which is not the
// network's fault. The transport may read and close it from its own goroutines.
type source struct {
	r     io.Reader
	want  int64 // bytes that must come
	guard *guard
	close func() error
	seen  func(n int64) // told the bytes read so far; may be nil

	mu     sync.Mutex
	n      int64
	err    error
	closed bool
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errors.New("the body was closed")
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err == io.EOF && s.n < s.want {
		err = farm.Errorf(farm.Mismatch, "the file is %d bytes shorter than it was", s.want-s.n)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	if s.guard.moved(); err == io.EOF {
		s.guard.timer.Reset(5 * s.guard.silence) // the master verifies and syncs now
	}
	if s.seen != nil && n > 0 {
		s.seen(s.n)
	}
	return n, err
}

// Close waits for a Read that is under way.
func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.close()
}

// failure is why the file could not be read, or nil.
func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// number reads a count of bytes from a header; ok is false when it is not there or no count.
func number(h http.Header, name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(h.Get(name), 10, 64)
	return n, err == nil && n >= 0
}

func leasePath(id farm.LeaseID) string {
	return Root + "/leases/" + strconv.FormatInt(int64(id), 10)
}
