package api

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// stall is how long a transfer may stand still before it is dropped.
const stall = 60 * time.Second

// step is how many bytes are written under one deadline: slower than step per stall is dropped.
const step = 1 << 20

// pacedBody is a request's body whose sender must keep moving. The first error is remembered and wrapped, so that a
// sender who broke off is told from a disk that failed.
type pacedBody struct {
	r     io.Reader
	call  *statusWriter
	rc    *http.ResponseController
	now   func() time.Time
	stall time.Duration // how long it may stand still
	due   time.Time     // when the deadline is to be moved
	n     int64
	fail  error
	over  atomic.Pointer[error] // why it was cut off
}

func (a *API) paced(w http.ResponseWriter, r *http.Request, who master.Identity) *pacedBody {
	b := &pacedBody{r: r.Body, call: callOf(w), rc: http.NewResponseController(w), now: a.opt.Now, stall: a.stall}
	a.whileValid(r, who, func() { b.cut(errRevoked) })
	return b
}

// whileValid calls cut when the caller's token is revoked before the call has ended.
func (a *API) whileValid(r *http.Request, who master.Identity, cut func()) {
	if revoked := a.m.Revoked(who); revoked != nil {
		ctx := r.Context()
		go func() {
			select {
			case <-ctx.Done():
			case <-revoked:
				cut()
			}
		}()
	}
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.fail != nil {
		return 0, b.fail
	}
	if now := b.now(); now.After(b.due) {
		_ = b.rc.SetReadDeadline(now.Add(b.stall))
		_ = b.rc.SetWriteDeadline(now.Add(2 * b.stall)) // the answer comes after the body
		b.due = now.Add(b.stall / 4)
	}
	if why := b.over.Load(); why != nil { // looked at behind the deadline, which cut may have moved before us
		b.fail = *why
		return 0, b.fail
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if err != nil && err != io.EOF {
		b.fail = brokenBody(err)
		if why := b.over.Load(); why != nil {
			b.fail = *why
		}
		return n, b.fail
	}
	return n, err
}

var errCut = farm.Errorf(farm.Throttled, "the same is sent by another connection")

// cut ends the body at once; any goroutine may call it.
func (b *pacedBody) cut(why error) {
	b.over.CompareAndSwap(nil, &why)
	b.call.during(func() { _ = b.rc.SetReadDeadline(b.now().Add(-time.Second)) })
}

// settle gives the server time to verify and keep what came: a deadline that passes meanwhile would look like a
// sender who left.
func (b *pacedBody) settle() {
	_ = b.rc.SetReadDeadline(time.Time{})
	_ = b.rc.SetWriteDeadline(b.now().Add(10 * time.Minute))
}

// pacedWriter is an answer whose reader must keep moving: every step has a deadline of its own. Files still go out
// by the system's own copying where it has one.
type pacedWriter struct {
	http.ResponseWriter
	rc    *http.ResponseController
	now   func() time.Time
	stall time.Duration
	n     int64
	over  atomic.Bool // cut off
}

func (a *API) pacedWriter(w http.ResponseWriter, r *http.Request, who master.Identity) *pacedWriter {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	p := &pacedWriter{ResponseWriter: w, rc: rc, now: a.opt.Now, stall: a.stall}
	a.whileValid(r, who, func() {
		p.over.Store(true)
		callOf(w).during(func() { _ = rc.SetWriteDeadline(p.now().Add(-time.Second)) })
	})
	return p
}

func (w *pacedWriter) move() {
	_ = w.rc.SetWriteDeadline(w.now().Add(w.stall))
	if w.over.Load() { // looked at behind the deadline
		_ = w.rc.SetWriteDeadline(w.now().Add(-time.Second))
	}
}

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		w.move()
		var k int
		k, err = w.ResponseWriter.Write(p[:min(len(p), step)])
		n, p = n+k, p[k:]
	}
	w.n += int64(n)
	return n, err
}

// ReadFrom copies step by step; the innermost writer sees a limited *os.File where src is one.
func (w *pacedWriter) ReadFrom(src io.Reader) (n int64, err error) {
	left := int64(1<<63 - 1)
	if l, ok := src.(*io.LimitedReader); ok {
		src, left = l.R, l.N
		defer func() { l.N -= n }()
	}
	out := innermost(w.ResponseWriter)
	for n < left {
		w.move()
		want := min(left-n, step)
		k, err := io.CopyN(out, src, want)
		n += k
		w.n += k
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// innermost finds the server's own writer, which knows how to send files.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
