package wire

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// connections are those of a client and its copies. A machine that changes its network leaves some behind on which
// nothing ever comes again, and no system says so for minutes. So each remembers when bytes last moved on it, counted
// in epochs: a new one begins whenever the master seems out of reach.
type connections struct {
	dialer net.Dialer
	epoch  atomic.Int64
	sent   atomic.Int64 // bytes written, to all

	mu    sync.Mutex
	open  map[*connection]struct{}
	dials map[*context.CancelFunc]struct{} // under way
}

type connection struct {
	net.Conn
	all   *connections
	moved atomic.Int64 // the epoch in which bytes last moved
	at    atomic.Int64 // the epoch in which something was last written
	wrote atomic.Int64 // bytes in it
}

// systemBuffers is more than a system takes off a sender's hands before the other side has acknowledged any of it.
const systemBuffers = 8 << 20

func newConnections() *connections {
	return &connections{
		dialer: net.Dialer{
			Timeout: 10 * time.Second,
			// Who only listens notices within 25 s that the other side is gone.
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		},
		open: make(map[*connection]struct{}), dials: make(map[*context.CancelFunc]struct{}),
	}
}

// dial is the transport's DialContext.
func (all *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	whole := ctx
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	all.mu.Lock()
	all.dials[&cancel] = struct{}{}
	all.mu.Unlock()
	conn, err := all.dialer.DialContext(ctx, network, address)
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.dials, &cancel)
	if err != nil && ctx.Err() != nil && whole.Err() == nil { // given up by hangUp
		err = &net.OpError{Op: "dial", Net: network, Err: net.ErrClosed}
	}
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, all: all}
	c.moved.Store(all.epoch.Load())
	all.open[c] = struct{}{}
	return c, nil
}

// Sent is how many bytes this client and its copies have written to the network.
func (c *Client) Sent() int64 {
	if c.ways == nil {
		return 0
	}
	return c.ways.conns.sent.Load()
}

// suspect begins an epoch.
func (all *connections) suspect() { all.epoch.Add(1) }

// hangUp closes the connections on which nothing moved in this epoch, and gives up those that are being made.
func (all *connections) hangUp() {
	all.mu.Lock()
	var dead []*connection
	for c := range all.open {
		if c.moved.Load() < all.epoch.Load() {
			dead = append(dead, c)
		}
	}
	for cancel := range all.dials {
		(*cancel)()
	}
	all.mu.Unlock()
	for _, c := range dead {
		c.Close()
	}
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.moved.Store(c.all.epoch.Load())
	}
	return n, err
}

// Write counts as movement only when it is more than a copy into the system's buffer: when the epoch began while it
// waited for room, or when more was written than fits there.
func (c *connection) Write(p []byte) (int, error) {
	before := c.all.epoch.Load()
	n, err := c.Conn.Write(p)
	c.all.sent.Add(int64(n))
	now := c.all.epoch.Load()
	if c.at.Swap(now) != now {
		c.wrote.Store(0)
	}
	if full := c.wrote.Add(int64(n)) > systemBuffers; n > 0 && (now != before || full) {
		c.moved.Store(now)
	}
	return n, err
}

func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}
