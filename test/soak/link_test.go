//go:build linux

package soak

import (
	"net"
	"sync"
	"time"
)

// link is the only way between one process and the master: a proxy, and what is wrong with it now.
type link struct {
	net.Listener
	to string

	mu     sync.Mutex
	change *sync.Cond
	pipes  map[*pipe]struct{}
	down   bool  // everybody is sent away
	hole   bool  // bytes are not passed on, and nobody is told
	deaf   bool  // questions arrive, answers are lost
	rate   int64 // bytes a second each way; 0: no limit
	cutIn  int64 // so many more bytes to the master, then everything is cut; -1: never
}

// pipe is one connection through a link.
type pipe struct {
	in, out net.Conn
	closed  bool
	dead    bool // nothing ever comes through again, and nobody is told
	lossy   bool // an answer was lost: nothing may follow
}

func openLink(at net.Listener, to string) *link {
	l := &link{Listener: at, to: to, pipes: map[*pipe]struct{}{}, cutIn: -1}
	l.change = sync.NewCond(&l.mu)
	go func() {
		for {
			in, err := at.Accept()
			if err != nil {
				return
			}
			go l.carry(in)
		}
	}()
	return l
}

func (l *link) url() string { return "http://" + l.Addr().String() }

func (l *link) carry(in net.Conn) {
	l.mu.Lock()
	refused := l.down
	l.mu.Unlock()
	p := &pipe{in: in}
	if refused {
		hangUp(in)
		return
	}
	out, err := net.Dial("tcp", l.to)
	if err != nil {
		hangUp(in)
		return
	}
	p.out = out
	l.mu.Lock()
	l.pipes[p] = struct{}{}
	l.mu.Unlock()
	go l.pump(p, out, in, true)
	l.pump(p, in, out, false)
}

func (l *link) pump(p *pipe, to, from net.Conn, up bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			write, ok := l.pass(p, int64(n), up)
			if !ok {
				return
			}
			if write {
				if _, err := to.Write(buf[:n]); err != nil {
					l.end(p)
					return
				}
			}
		}
		if err != nil {
			if _, ok := l.pass(p, 0, up); ok {
				l.end(p)
			}
			return
		}
	}
}

// pass waits until bytes may go on; write is false when they are lost, ok when the pipe is closed.
func (l *link) pass(p *pipe, n int64, up bool) (write, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for (l.hole || p.dead) && !p.closed {
		l.change.Wait()
	}
	if p.closed {
		return false, false
	}
	if up && l.cutIn >= 0 {
		if l.cutIn -= n; l.cutIn < 0 {
			l.cutIn = -1
			l.cutAll(false)
			return false, false
		}
	}
	if rate := l.rate; rate > 0 {
		l.mu.Unlock()
		time.Sleep(time.Duration(n) * time.Second / time.Duration(rate)) // how slow the line is
		l.mu.Lock()
	}
	if !up && n > 0 && (l.deaf || p.lossy) {
		p.lossy = true
		return false, true
	}
	return true, true
}

// end closes a pipe as one of its ends did.
func (l *link) end(p *pipe) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(p, false)
}

// drop closes a pipe, abruptly or not. The caller holds mu.
func (l *link) drop(p *pipe, abruptly bool) {
	if !p.closed {
		p.closed = true
		for _, c := range []net.Conn{p.in, p.out} {
			if abruptly {
				hangUp(c)
			} else {
				_ = c.Close()
			}
		}
	}
	delete(l.pipes, p)
	l.change.Broadcast()
}

// hangUp breaks a connection without a farewell.
func hangUp(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// cutAll breaks every connection; the dead ones only if asked to. The caller holds mu.
func (l *link) cutAll(dead bool) (n int) {
	for p := range l.pipes {
		if dead || !p.dead {
			l.drop(p, true)
			n++
		}
	}
	return n
}

// cut breaks every connection.
func (l *link) cut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cutAll(false) > 0
}

// cutAfter breaks every connection when so many more bytes have gone to the master.
func (l *link) cutAfter(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutIn = n
}

// setDown sends everybody away, now and from now on, until it is up again.
func (l *link) setDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down = down; down {
		l.cutAll(false)
	}
}

// setHole lets bytes vanish. When that ends, connections of before go on or are dead for ever.
func (l *link) setHole(hole, bury bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !hole && bury {
		for p := range l.pipes {
			p.dead = true
		}
	}
	l.hole = hole
	l.change.Broadcast()
}

// setDeaf lets the master's answers be lost; in the end the connections whose answers were lost break.
func (l *link) setDeaf(deaf bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf = deaf; !deaf {
		for p := range l.pipes {
			if p.lossy && !p.dead {
				l.drop(p, true)
			}
		}
	}
}

// setRate slows the line down; 0 lets it be as fast as it is.
func (l *link) setRate(rate int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

// mend makes it a good line again. What is dead stays dead, unless everything is to be cut.
func (l *link) mend(cutDead bool) {
	l.mu.Lock()
	l.down, l.hole, l.rate, l.cutIn = false, false, 0, -1
	if cutDead {
		for p := range l.pipes {
			if p.dead {
				l.drop(p, true)
			}
		}
	}
	l.change.Broadcast()
	l.mu.Unlock()
	l.setDeaf(false)
}

// close ends it.
func (l *link) close() {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutAll(true)
}
