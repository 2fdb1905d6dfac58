package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// ways are the ways to a master of a client and its copies: an http.Client for each token. A connection is made for one
// token and serves no other, because whoever is at its other end has proved that it knows that token, and nothing else.
//
// What a connection must pass before a token goes over it:
//
//	https, the address has a pin   the key that is shown has it
//	https, without                 its certificate is one that the system trusts for the name; else the master proves
//	                               that it knows the token, for the key that it shows
//	https, heard of                the master proves that it knows the token, for the key that it shows
//	http                           the master proves that it knows the token; when it was heard of: for the very address
//	                               that the connection leads to
type ways struct {
	at     *atomic.Pointer[place]
	heard  bool
	tls    *tls.Config // given; nil: as above
	conns  *connections
	key    atomic.Pointer[string] // pin of the key that was shown last
	proven atomic.Pointer[string] // pin of the key that a master showed last which proved itself

	mu  sync.Mutex
	all map[string]*http.Client // by token
}

// with is the way for the token.
func (v *ways) with(token string) *http.Client {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.all[token]
	if c == nil {
		c = &http.Client{Transport: v.transport(token)}
		v.all[token] = c
	}
	return c
}

func (v *ways) closeIdle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.all {
		c.CloseIdleConnections()
	}
}

func (v *ways) transport(token string) *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return v.dial(ctx, network, address, token)
		},
		TLSHandshakeTimeout:   handshakeTime,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: 2 * time.Second,
		DisableCompression:    true, // bulk bytes are asked for as zstd by hand
		WriteBufferSize:       16 << 10,
		ReadBufferSize:        16 << 10,
	}
	if !v.heard { // what was heard of is on this network
		t.Proxy = proxy
	}
	if t.TLSClientConfig = v.tls; v.tls == nil {
		t.TLSClientConfig = trust(v.at.Load) // through a proxy, where nothing can be proved
		t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return v.dialTLS(ctx, network, address, token)
		}
	}
	return t
}

const handshakeTime = 10 * time.Second

// dial makes a plain connection, which may also be one to a proxy.
func (v *ways) dial(ctx context.Context, network, address, token string) (net.Conn, error) {
	conn, err := v.conns.dial(ctx, network, address)
	at := v.at.Load()
	if err != nil || token == "" || at.scheme != "http" {
		return conn, err
	}
	target, where := Root+"/prove", ""
	if address != at.dialed {
		target = at.base + target
	}
	if v.heard {
		where = OverHTTP(conn.RemoteAddr())
	}
	if err := prove(ctx, conn, at, target, token, where); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// dialTLS makes an encrypted connection.
func (v *ways) dialTLS(ctx context.Context, network, address, token string) (net.Conn, error) {
	plain, err := v.conns.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	at := v.at.Load()
	conn := tls.Client(plain, &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: at.name, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: true, // trusted decides
	})
	hands, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := conn.HandshakeContext(hands); err != nil {
		plain.Close()
		return nil, noHandshake(at, err)
	}
	if err := v.trusted(ctx, conn, at, token); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// trusted tells why a token must not go over the connection.
func (v *ways) trusted(ctx context.Context, conn *tls.Conn, at *place, token string) error {
	state := conn.ConnectionState()
	err := at.verify(state)
	if len(state.PeerCertificates) == 0 {
		return err
	}
	key := PinOf(state.PeerCertificates[0])
	v.key.Store(&key)
	switch {
	case at.pin != "" && (err != nil || !v.heard), err == nil && !v.heard:
		return err
	case token != "":
		if err := prove(ctx, conn, at, Root+"/prove", token, OverTLS(key)); err != nil {
			return err
		}
		v.proven.Store(&key)
		return nil
	case v.heard: // and nothing goes there that is worth keeping
		return nil
	}
	return err
}

// noHandshake is why no encrypted connection came about.
func noHandshake(at *place, err error) error {
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return farm.Errorf(farm.Untrusted, "what answers at %s does not encrypt its connections", at.base).
			WithHint("if the master was started without --tls on purpose, write its address with http://; else somebody else answers there")
	}
	return err
}

// proxy is the environment's, but never for a master on the same network: proxies there lead out of the house.
func proxy(r *http.Request) (*url.URL, error) {
	if isNear(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}
