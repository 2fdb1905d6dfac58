package api

import (
	"net"
	"sync"

	"github.com/netrender/netrender/internal/master"
)

// fromHere is how many connections this machine itself may have open at least: benches, and all that stands behind a
// proxy here.
const fromHere = 16_384

// Limit bounds the connections that are open from one network; 0: not at all. Those above are hung up at once.
func Limit(l net.Listener, most int) net.Listener {
	if most <= 0 {
		return l
	}
	return &limited{Listener: l, most: most, open: make(map[string]int)}
}

type limited struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[string]int // by network
}

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
			return &counted{TCPConn: tcp, leave: func() { l.leave(from) }}, nil
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
	defer l.mu.Unlock()
	if l.open[from] >= most {
		return from, false
	}
	l.open[from]++
	return from, true
}

func (l *limited) leave(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

// counted is a connection that is counted until it is closed. It is a TCP connection still: files go out by the system's
// own copying.
type counted struct {
	*net.TCPConn
	once  sync.Once
	leave func()
}

// Close closes it.
func (c *counted) Close() error {
	c.once.Do(c.leave)
	return c.TCPConn.Close()
}
