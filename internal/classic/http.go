package classic

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// call is a request on its way through the door.
type call struct {
	*Door
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	ip   string // of who asks
	body io.Reader
}

// ServeHTTP answers in the door's dialect.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Door: d, w: w, r: r, ctx: r.Context()}
	c.ip, _, _ = net.SplitHostPort(r.RemoteAddr)
	c.body = &pacedBody{c: c}
	err := c.admit()
	if err == nil {
		if d.opt.Dialect == Page {
			err = c.page()
		} else {
			err = c.v18()
		}
	}
	if err == nil || r.Context().Err() != nil {
		return
	}
	c.refuse(err)
}

// admit refuses who is not spoken to: addresses of the Internet, and browsers that another site's page sends here.
func (c *call) admit() error {
	if !c.Allows(c.r.RemoteAddr) {
		return farm.Errorf(farm.Denied, "this master speaks the original protocol to private addresses only; its operator allows others with --classic-allow")
	}
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		if c.r.Header.Get(name) != "" {
			return farm.Errorf(farm.Denied, "this address is for the original Netrender's clients, not for browsers")
		}
	}
	return nil
}

// statuses are the errors of the farm in HTTP's words.
var statuses = map[farm.Kind]int{
	farm.Invalid: http.StatusBadRequest, farm.NotFound: http.StatusNotFound, farm.Denied: http.StatusForbidden, farm.Conflict: http.StatusConflict,
	farm.Mismatch: http.StatusConflict, farm.TooLarge: http.StatusRequestEntityTooLarge, farm.NoRoom: http.StatusInsufficientStorage,
	farm.Stopping: http.StatusServiceUnavailable, farm.Throttled: http.StatusTooManyRequests,
}

// refuse answers with an error. What the door does not know is 204 in V18.
func (c *call) refuse(err error) {
	kind := farm.KindOf(err)
	status := statuses[kind]
	text := err.Error() + "\n"
	var e *farm.Error
	switch {
	case errors.Is(err, errBody):
		status, text = http.StatusBadRequest, "the body did not come whole\n"
	case kind == farm.NotFound && c.opt.Dialect == V18:
		c.late()
		_ = c.none(http.StatusNoContent)
		return
	case kind == farm.NotFound:
		c.late()
		text = ""
	case status == 0:
		c.log.Error("a call of the classic door failed", "call", c.r.Method+" "+clip(c.r.URL.Path, 100), "err", err)
		status, text = http.StatusInternalServerError, "this is a fault of the master; its log says more\n"
	case errors.As(err, &e) && e.Hint != "":
		text = e.Text + "; " + e.Hint + "\n"
	}
	if c.r.Method == http.MethodHead {
		text = ""
	}
	_ = answer(c.w, status, "text/plain; charset=utf-8", []byte(text))
}

// late reads what somebody sends that nobody wants, so that its sender hears of it.
func (c *call) late() { _, _ = io.Copy(io.Discard, io.LimitReader(c.body, maxLate)) }

// answer sends a whole answer.
func answer(w http.ResponseWriter, status int, kind string, text []byte) error {
	h := w.Header()
	if len(text) > 0 {
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, err := w.Write(text)
	if errors.Is(err, http.ErrBodyNotAllowed) {
		err = nil
	}
	return err
}

// none sends an answer without a body, which says that it is empty.
func (c *call) none(status int) error {
	if f, ok := c.r.Context().Value(connKey{}).(*front); ok && status == http.StatusNoContent {
		f.empty.Store(true)
	}
	return answer(c.w, status, "", nil)
}

// errBody is that the sender of a body broke off.
var errBody = errors.New("the body did not come whole")

// pacedBody reads the body as long as it comes.
type pacedBody struct {
	c     *call
	moved time.Time
}

// Read moves the connection's deadline, at most once in a while.
func (b *pacedBody) Read(p []byte) (int, error) {
	c := b.c
	if now := c.opt.Now(); now.Sub(b.moved) > stall/8 {
		b.moved = now
		ctl := http.NewResponseController(c.w)
		_ = ctl.SetReadDeadline(now.Add(stall))
		_ = ctl.SetWriteDeadline(now.Add(2 * stall))
	}
	n, err := c.r.Body.Read(p)
	if err != nil && err != io.EOF {
		err = errors.Join(errBody, err)
	}
	return n, err
}

// pacedWriter moves the connection's deadline while an answer goes out, and the leases of who reads it.
type pacedWriter struct {
	c     *call
	moved time.Time
	beat  func()
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	if now := w.c.opt.Now(); now.Sub(w.moved) > stall/8 {
		w.moved = now
		_ = http.NewResponseController(w.c.w).SetWriteDeadline(now.Add(stall))
		if w.beat != nil {
			w.beat()
		}
	}
	return w.c.w.Write(p)
}

// send answers with bytes of known length. Who reads it hears by the length when they end early.
func (c *call) send(kind string, size int64, r io.Reader, beat func()) error {
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	if n, err := io.CopyBuffer(&pacedWriter{c: c, beat: beat}, io.LimitReader(r, size), make([]byte, 256<<10)); err != nil || n < size {
		if c.ctx.Err() == nil {
			c.log.Warn("a file of the classic door was not sent to its end", "call", clip(c.r.URL.Path, 100), "err", err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// text reads a small body.
func (c *call) text(limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(c.body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = farm.Errorf(farm.TooLarge, "the body is over %s", farm.Bytes(limit))
	}
	return text, err
}

// receive puts the body on the disk.
func (c *call) receive(limit int64) (*arrived, error) {
	return c.Door.receive(c.body, c.r.ContentLength, limit)
}

// number reads a header that is a whole number.
func (c *call) number(name string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(c.r.Header.Get(name)))
	if err != nil {
		return 0, farm.Errorf(farm.Invalid, "the header %s must be a whole number", name)
	}
	return n, nil
}

// seconds reads the header of how long a frame took; one that makes no sense counts as nothing.
func (c *call) seconds() float64 {
	t, err := strconv.ParseFloat(strings.TrimSpace(c.r.Header.Get("job-time")), 64)
	if err != nil || !(t >= 0 && t < 1e7) {
		return 0
	}
	return t
}
