package api

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/master"
)

const (
	// fromHere is how many connections of strangers this machine itself may have open at least: a proxy may run here.
	fromHere = 16_384
	// friends is how many times as many connections a network may have open whose callers have shown a token: a farm's
	// workers may all stand behind one address.
	friends = 128
	// hungUpTold is how often it is logged that connections are hung up.
	hungUpTold = time.Minute
)

// Limit bounds the connections that are open from one network by those who have shown no token on them; 0: not at all.
// Those above are hung up at once. What comes through it must be served by Server.
func Limit(l net.Listener, most int, log *slog.Logger) net.Listener {
	if most <= 0 {
		return l
	}
	return &limited{Listener: l, most: most, log: log, open: make(map[string]crowd)}
}

type limited struct {
	net.Listener
	most int
	log  *slog.Logger

	mu   sync.Mutex
	open map[string]crowd // by network
	told time.Time
}

// crowd is who has connections open.
type crowd struct{ strangers, all int }

// Accept waits for the next connection that may stay.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		if from, ok := l.enter(hostOf(conn.RemoteAddr().String())); ok {
			return &counted{TCPConn: tcp, from: from, of: l}, nil
		}
		_ = tcp.SetLinger(0) // nothing of it stays
		_ = tcp.Close()
	}
}

func (l *limited) enter(host string) (from string, ok bool) {
	from, most := master.Network(host), l.most
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		most = max(most, fromHere)
	}
	l.mu.Lock()
	c := l.open[from]
	ok = c.strangers < most && c.all < friends*most
	if ok {
		l.open[from] = crowd{c.strangers + 1, c.all + 1}
	}
	now := time.Now()
	tell := !ok && now.Sub(l.told) >= hungUpTold
	if tell {
		l.told = now
	}
	l.mu.Unlock()
	if tell {
		l.log.Warn("too many connections are open from one address, others from there are hung up; --max-connections is the limit",
			"address", from, "open", c.all, "without_token", c.strangers)
	}
	return from, ok
}

// leave counts a connection less; a stranger's where it was one.
func (l *limited) leave(from string, stranger bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.open[from]
	if stranger {
		c.strangers--
	}
	if c.all--; c.all <= 0 {
		delete(l.open, from)
		return
	}
	l.open[from] = c
}

// counted is a connection that is counted until it is closed. It is a TCP connection still: files go out by the system's
// own copying.
type counted struct {
	*net.TCPConn
	from string
	of   *limited

	mu           sync.Mutex
	known, ended bool
}

// Close closes it.
func (c *counted) Close() error {
	c.mu.Lock()
	if !c.ended {
		c.of.leave(c.from, !c.known)
	}
	c.ended = true
	c.mu.Unlock()
	return c.TCPConn.Close()
}

// meet has the connection counted as one of somebody who is known.
func (c *counted) meet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known || c.ended {
		return
	}
	c.known = true
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	o := c.of.open[c.from]
	o.strangers--
	c.of.open[c.from] = o
}

type connKey struct{}

// withConn lets a request find the connection that it came by.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if c, ok := conn.(*counted); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// Met says that whoever sends the request is known: his connection is no stranger's from then on.
func Met(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*counted); ok {
		c.meet()
	}
}
