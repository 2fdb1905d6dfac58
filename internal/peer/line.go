package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// line is a connection to a peer that sends a blob.
type line struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	ctx    context.Context
	close  func()
	silent time.Duration
	timer  *time.Timer // ends it when nothing comes
	whole  bool        // the peer says that it has it all
}

// fault is why a peer does not give a blob.
type fault struct {
	how farm.FaultKind
	err error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

var errSilent = errors.New("nothing came any more")

// Bounds of what a master says of a peer's silence.
const (
	leastSilent = time.Second
	mostSilent  = time.Minute
)

// call asks a peer for a blob from an offset on. Its errors are faults of the peer, unless ctx ended.
func (n *Node) call(ctx context.Context, p *farm.PeerSource, ref blob.Ref, size, offset int64) (*line, error) {
	if n.opt.TLS && p.Pin == "" {
		return nil, &fault{farm.FaultRefused, errors.New("it does not encrypt")}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	greet := time.AfterFunc(greetTime, func() { cancel(errSilent) })
	fail := func(how farm.FaultKind, err error) (*line, error) {
		greet.Stop()
		cancel(nil)
		return nil, &fault{how, err}
	}
	var dialed atomic.Bool
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := dialAny(ctx, network, n.others(p.Addresses))
			dialed.Store(err == nil)
			return conn, err
		},
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader, ReadBufferSize: 64 << 10,
	}
	scheme := "http"
	if p.Pin != "" {
		scheme, tr.TLSClientConfig = "https", pinned(p.Pin)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://peer"+root+ref.String(), nil)
	if err != nil {
		return fail(farm.FaultRefused, err)
	}
	r.Header.Set(headerTicket, p.Ticket)
	if offset > 0 {
		r.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	resp, err := tr.RoundTrip(r) // no redirects, no cookies
	switch {
	case err != nil && !dialed.Load():
		return fail(farm.FaultUnreachable, err)
	case err != nil && context.Cause(ctx) == errSilent:
		return fail(farm.FaultSilent, errSilent)
	case err != nil:
		return fail(farm.FaultRefused, err)
	}
	if err := fits(resp, size, offset); err != nil {
		resp.Body.Close()
		return fail(farm.FaultRefused, err)
	}
	l := &line{
		body: resp.Body, ctx: ctx, cancel: cancel, close: tr.CloseIdleConnections, whole: resp.Header.Get(headerWhole) == "1",
		silent: min(max(time.Duration(p.SilentMS)*time.Millisecond, leastSilent), mostSilent),
	}
	if !greet.Stop() {
		l.Close()
		return fail(farm.FaultSilent, errSilent)
	}
	l.timer = time.AfterFunc(l.silent, func() { cancel(errSilent) })
	l.timer.Stop()
	return l, nil
}

// fits tells what is wrong with a peer's answer.
func fits(resp *http.Response, size, offset int64) error {
	want := http.StatusOK
	if offset > 0 {
		want = http.StatusPartialContent
	}
	whole, err := strconv.ParseInt(resp.Header.Get(wire.HeaderSize), 10, 64)
	switch {
	case resp.StatusCode != want:
		return fmt.Errorf("it answers %d", resp.StatusCode)
	case err != nil || whole != size || resp.ContentLength != size-offset:
		return errors.New("it speaks of another size")
	case offset > 0 && resp.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", offset, size-1, size):
		return errors.New("it gives another part")
	}
	return nil
}

// Read reads; it ends when nothing came for a while.
func (l *line) Read(p []byte) (int, error) {
	l.timer.Reset(l.silent)
	n, err := l.body.Read(p)
	l.timer.Stop()
	return n, err
}

// why sorts the end of a line.
func (l *line) why() farm.FaultKind {
	if context.Cause(l.ctx) == errSilent {
		return farm.FaultSilent
	}
	return farm.FaultBroke
}

// Close hangs up.
func (l *line) Close() error {
	l.cancel(nil)
	if l.timer != nil {
		l.timer.Stop()
	}
	err := l.body.Close()
	l.close()
	return err
}

// others leaves out what is this worker's own door: machines give the same private addresses to themselves.
func (n *Node) others(addresses []string) (list []string) {
	own := n.Door()
	for _, at := range addresses {
		host, port, err := net.SplitHostPort(at)
		if err == nil && (own == nil || port != strconv.Itoa(own.Port) || !slices.Contains(own.Addresses, host)) {
			list = append(list, at)
		}
	}
	return list
}

// dialAny connects to whichever of the addresses answers first.
func dialAny(ctx context.Context, network string, addresses []string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	type made struct {
		conn net.Conn
		err  error
	}
	answers := make(chan made)
	var dialer net.Dialer
	for i, at := range addresses {
		go func() {
			wait := time.NewTimer(time.Duration(i) * headStart) // the one that the master sees is the likeliest
			defer wait.Stop()
			select {
			case <-wait.C:
			case <-ctx.Done():
				return
			}
			conn, err := dialer.DialContext(ctx, network, at)
			select {
			case answers <- made{conn, err}:
			case <-ctx.Done():
				if err == nil {
					conn.Close()
				}
			}
		}()
	}
	err := errors.New("it has no address")
	for range addresses {
		select {
		case m := <-answers:
			if m.err == nil {
				return m.conn, nil
			}
			err = m.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, err
}

// counter counts what is read.
type counter struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}
