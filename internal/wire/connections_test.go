package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// mute is a master's machine that can be taken off the network: its connections stay, and nothing is ever heard on them.
type mute struct {
	net.Listener
	mu    sync.Mutex
	conns []*muteConn
}

type muteConn struct {
	net.Conn
	gone chan struct{} // closed: it is off the network
}

func (m *mute) Accept() (net.Conn, error) {
	conn, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &muteConn{conn, make(chan struct{})}
	m.conns = append(m.conns, c)
	return c, nil
}

// leave takes every connection there is off the network, and tells how many there were so far.
func (m *mute) leave() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		select {
		case <-c.gone:
		default:
			close(c.gone)
		}
	}
	return len(m.conns)
}

func (c *muteConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.gone:
		_, _ = io.Copy(io.Discard, c.Conn) // until the client closes it
		return 0, io.EOF
	default:
		return n, err
	}
}

func (c *muteConn) Write(p []byte) (int, error) {
	select {
	case <-c.gone:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

// muteServer is a server that can leave the network, and a client of it.
func muteServer(t *testing.T, h http.HandlerFunc) (*mute, *Client) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	m := &mute{Listener: s.Listener}
	s.Listener = m
	s.Start()
	c, err := NewClient(s.URL, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.first = time.Millisecond
	t.Cleanup(func() {
		c.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return m, c
}

func twoBytes() (io.ReadSeekCloser, error) {
	return unclosed{strings.NewReader("ab"), io.NopCloser(nil)}, nil
}

// unclosed is bytes in memory as a file that is opened.
type unclosed struct {
	io.ReadSeeker
	io.Closer
}

// TestDeadConnections: what hangs on connections that went dead is tried again as soon as the master answers by others.
func TestDeadConnections(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	begun := make(chan struct{}, 10)
	stay := make(chan struct{})
	var m *mute
	m, c := muteServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/rules"):
			_, _ = w.Write([]byte("{}"))
		case r.Method == http.MethodGet && r.Header.Get("Range") == "":
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(content[:4000])
			_ = http.NewResponseController(w).Flush()
			begun <- struct{}{}
			<-stay
		case r.Method == http.MethodGet:
			w.Header().Set("ETag", `"x"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		default:
			_, _ = io.Copy(io.Discard, r.Body)
			begun <- struct{}{}
			<-stay
		}
	})
	defer close(stay)
	ctx := within(t)
	other := c.WithToken("another").Patient(0)
	calls := make(chan error, 3)
	go func() { calls <- c.PutResult(ctx, 1, "w", farm.Result{Name: "a", Size: 2}, twoBytes) }()
	go func() { calls <- other.AppendLog(ctx, 1, "w", 1, 0, []byte("text")) }()
	go func() { _, err := c.Report(ctx, ReportRequest{}); calls <- err }()
	var got bytes.Buffer
	fetched := make(chan error, 1)
	go func() { fetched <- c.FetchBlob(ctx, sum(content), &got) }()
	for range 4 {
		<-begun
	}
	if _, err := c.Rules(ctx); err != nil { // leaves a connection idle
		t.Fatal(err)
	}
	before := m.leave()
	c.Suspect()
	if _, err := c.Rules(ctx); err != nil {
		t.Fatal("a call after the loss took a connection of before:", err)
	}
	c.Refresh()
	for range 3 {
		if err := <-calls; !Again(err) || ctx.Err() != nil {
			t.Error(err)
		}
	}
	if err := <-fetched; err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Error(err, got.Len())
	}
	if now := m.leave(); now <= before {
		t.Errorf("%d connections, %d before the loss", now, before)
	}
}

// TestMovingTransfersStay: a master that was slow to answer does not cost the transfers that went on meanwhile.
func TestMovingTransfersStay(t *testing.T) {
	const size = 40 << 20
	content := bytes.Repeat([]byte("0123456789"), 1000)
	var requests sync.Map
	ctx := within(t)
	step, read := make(chan struct{}), make(chan struct{})
	pass := func(came <-chan struct{}, leave chan<- struct{}) {
		select {
		case <-came:
		case leave <- struct{}{}:
		case <-ctx.Done():
		}
	}
	_, c := muteServer(t, func(w http.ResponseWriter, r *http.Request) {
		if _, twice := requests.LoadOrStore(r.Method, true); twice {
			t.Error("it was asked twice:", r.Method)
		}
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "10000")
			for _, part := range [][]byte{content[:3000], content[3000:6000], content[6000:]} {
				_, _ = w.Write(part)
				_ = http.NewResponseController(w).Flush()
				pass(nil, read)
				pass(step, nil)
			}
			return
		}
		if r.Method == http.MethodHead { // asked first, for so much
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for _, n := range []int64{1, size / 2} {
			_, _ = io.CopyN(io.Discard, r.Body, n)
			pass(nil, read)
			pass(step, nil)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	})
	put := make(chan error, 1)
	go func() {
		put <- c.PutResult(ctx, 1, "w", farm.Result{Name: "a", Size: size}, func() (io.ReadSeekCloser, error) {
			return unclosed{io.NewSectionReader(zeros{}, 0, size), io.NopCloser(nil)}, nil
		})
	}()
	pass(read, nil)
	c.Suspect()
	pass(nil, step)
	pass(read, nil) // half of it came
	c.Refresh()
	pass(nil, step)
	if err := <-put; err != nil {
		t.Error(err)
	}

	d, err := c.OpenBlob(ctx, sum(content))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	part := make([]byte, 3000)
	for i := range 3 {
		pass(read, nil)
		if _, err := io.ReadFull(d, part); err != nil {
			t.Fatal(i, err)
		}
		if i == 1 {
			c.Refresh()
		}
		c.Suspect()
		pass(nil, step)
	}
	if rest, err := io.ReadAll(d); err != nil || len(rest) != 1000 {
		t.Error(err, len(rest))
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// swallow is a connection of a system that takes every byte off one's hands; with a gate it waits there.
type swallow struct {
	net.Conn
	gate   chan struct{}
	inside chan struct{}
	closed bool
}

func (s *swallow) Write(p []byte) (int, error) {
	if s.gate != nil {
		s.inside <- struct{}{}
		<-s.gate
	}
	return len(p), nil
}

func (s *swallow) Close() error { s.closed = true; return nil }

// Bytes in the system's buffer prove nothing.
func TestWhatCountsAsMovement(t *testing.T) {
	all := newConnections()
	made := func(s *swallow) *connection {
		c := &connection{Conn: s, all: all}
		all.open[c] = struct{}{}
		return c
	}
	buffered, waiting, much := &swallow{}, &swallow{gate: make(chan struct{}), inside: make(chan struct{})}, &swallow{}
	w := made(waiting)
	done := make(chan struct{})
	go func() { _, _ = w.Write([]byte("x")); close(done) }()
	<-waiting.inside
	all.suspect()
	close(waiting.gate)
	<-done
	_, _ = made(buffered).Write(make([]byte, 1<<20))
	m := made(much)
	for range 9 {
		_, _ = m.Write(make([]byte, 1<<20))
	}
	all.hangUp()
	if !buffered.closed || waiting.closed || much.closed || len(all.open) != 2 {
		t.Errorf("closed: buffered %v, waiting %v, much %v; %d open", buffered.closed, waiting.closed, much.closed, len(all.open))
	}
	all.suspect()
	all.hangUp()
	if !waiting.closed || !much.closed || len(all.open) != 0 {
		t.Error("what moved in an earlier epoch counts for ever")
	}
}

// TestDialsAreGivenUp: a connection that was being made from an address that is no more does not hold a call up.
func TestDialsAreGivenUp(t *testing.T) {
	c, err := NewClient("http://127.0.0.1:9", "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	c.ways.conns.dialer.ControlContext = func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}
	failed := make(chan error, 1)
	go func() { _, err := c.Rules(within(t)); failed <- err }()
	<-entered
	c.Refresh()
	if err := <-failed; !Again(err) || errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), "the connection broke") {
		t.Error(err)
	}
}

// TestMoveTo: a client and its copies go to the new address, and so does the rest of a transfer that broke.
func TestMoveTo(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	name := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/info"):
				fmt.Fprintf(w, `{"name":%q}`, s+" "+r.Host)
			case s == "old":
				w.Header().Set("ETag", `"x"`)
				w.Header().Set("Content-Length", "10000")
				_, _ = w.Write(content[:4000])
			case r.Header.Get("Range") != "bytes=4000-":
				t.Errorf("asked for the range %q", r.Header.Get("Range"))
			default:
				w.Header().Set("ETag", `"x"`)
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			}
		}
	}
	c := against(t, name("old"))
	there := httptest.NewServer(proving("secret", name("new")))
	defer there.Close()
	copied := c.Patient(time.Second)
	d, err := c.OpenBlob(within(t), sum(content))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := c.MoveTo("no address at all"); farm.KindOf(err) != farm.Invalid || c.Address() == there.URL {
		t.Error(err)
	}
	if err := c.MoveTo(there.URL); err != nil || copied.Address() != there.URL {
		t.Fatal(err, copied.Address())
	}
	if info, err := copied.Info(within(t)); err != nil || info.Name != "new "+strings.TrimPrefix(there.URL, "http://") {
		t.Error(info.Name, err)
	}
	if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, content) {
		t.Error(err, len(got))
	}
}

// TestFetchBlobFrom: the bytes before the offset are not sent.
func TestFetchBlobFrom(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	var asked []string
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		if r.Header.Get("Range") == "bytes=9999-" { // it does not know ranges
			_, _ = w.Write(content)
			return
		}
		w.Header().Set(HeaderSize, "10000")
		give := 10000
		if len(asked) == 1 {
			give = 8000 // it breaks off
		}
		w.Header().Set("ETag", `"x"`)
		http.ServeContent(&short{w, give - 7000}, r, "", time.Time{}, bytes.NewReader(content))
	})
	var got bytes.Buffer
	if err := c.FetchBlobFrom(within(t), sum(content), 7000, &got); err != nil || !bytes.Equal(got.Bytes(), content[7000:]) {
		t.Error(err, got.Len())
	}
	if want := "bytes=7000- bytes=8000-"; strings.Join(asked, " ") != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if err := c.FetchBlobFrom(within(t), sum(content), 9999, io.Discard); farm.KindOf(err) != farm.Mismatch {
		t.Error(err)
	}
}

// short is an answer that breaks off.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p[:min(len(p), s.left)])
	if s.left -= n; err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
