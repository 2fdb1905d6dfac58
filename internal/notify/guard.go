package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

var errLinkLocal = errors.New("a link-local address is not called")

// transport is what everything here goes out by. Proxies of the environment are used.
var transport = &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	DialContext:            (&net.Dialer{Timeout: Limit, Control: refuseLinkLocal}).DialContext,
	TLSHandshakeTimeout:    Limit,
	ResponseHeaderTimeout:  Limit,
	MaxResponseHeaderBytes: 64 << 10,
	IdleConnTimeout:        30 * time.Second,
	MaxIdleConnsPerHost:    1,
	ForceAttemptHTTP2:      true,
}

// refuseLinkLocal looks at the address that a connection is about to be made to, so that no name leads there either.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Unmap().IsLinkLocalUnicast() {
		return errLinkLocal
	}
	return nil
}

// guard is a transport for clients of others, which follow redirects, wait for ever and read answers of any length: it
// makes a redirect an error, ends a call after Limit and cuts an answer off.
type guard struct{ under http.RoundTripper }

type redirectError struct{ status int }

func (e redirectError) Error() string {
	return fmt.Sprintf("it answers with a redirect (%d), which is not followed", e.status)
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), Limit)
	resp, err := g.under.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.Header.Get("Location") != "" {
		resp.Body.Close()
		cancel()
		return nil, redirectError{resp.StatusCode}
	}
	resp.Body = &bounded{io.LimitReader(resp.Body, maxAnswer), resp.Body, cancel}
	return resp, nil
}

type bounded struct {
	io.Reader
	body   io.Closer
	cancel func()
}

func (b *bounded) Close() error {
	defer b.cancel()
	return b.body.Close()
}

// guardLibrary puts the guard before http.DefaultTransport and so before every service that is offered here: the library
// gives no other way to hold its clients. Nothing else in the program calls out by it; the services whose clients have a
// transport of their own are not offered (see services).
var guardLibrary = sync.OnceFunc(func() { http.DefaultTransport = guard{transport} })
