package beacon

import (
	"bytes"
	"context"
	"iter"
	"net/netip"
	"sync"
	"time"
)

// Query says what Find looks for.
type Query struct {
	Service string // as the Announcer has it
	Port    uint16 // as the Announcer has it
	Self    ID     // answers of this Announcer are ignored; the zero ID is nobody's
	// MDNS also asks by multicast DNS, a moment after the first probe.
	MDNS bool
	// Loopback keeps to this machine.
	Loopback bool
	// Refresh is the time between readings of the interfaces; 15 s if 0.
	Refresh time.Duration
}

// Found is one answer. Payload belongs to whoever gets it and is not to be trusted.
type Found struct {
	Payload []byte
	// From is where it came from, an address that can be reached. Its port is of use only for an answer by multicast
	// DNS, where it is the announced one.
	From netip.AddrPort
	ID   ID
	// Lifetime is how long the answer holds unless it is heard again.
	Lifetime time.Duration
}

const (
	firstPause, lastPause = 100 * time.Millisecond, 10 * time.Second // between probes; each is twice the one before
	mdnsAfter             = 300 * time.Millisecond
	queueSize             = 64
	seenMax               = 4096
)

// Find probes at once on every interface and gives the answers as they come, until ctx ends or the caller breaks off.
// Probes are repeated with growing pauses, up to 10 s, and announcements are heard as well. An answer is given again
// only if its payload changed, it came from another address, or it was not heard for its lifetime. Answers that the
// caller is too slow for are dropped; they come again with the next probe.
func Find(ctx context.Context, q Query) iter.Seq[Found] {
	return func(yield func(Found) bool) {
		ctx, cancel := context.WithCancel(ctx)
		f := &finder{Query: q, id: NewID(), out: make(chan Found, queueSize), seen: map[way]*heard{}}
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { f.run(ctx) })
		for {
			select {
			case <-ctx.Done():
				return
			case found := <-f.out:
				if ctx.Err() != nil || !yield(found) {
					return
				}
			}
		}
	}
}

type finder struct {
	Query
	id  ID // of the probes
	out chan Found

	mu   sync.Mutex
	seen map[way]*heard // guarded by mu
}

// way is one Announcer as heard from one address.
type way struct {
	id   ID
	from netip.Addr
}

type heard struct {
	payload []byte
	left    int // seconds
}

func (f *finder) run(ctx context.Context) {
	r := &radio{port: f.Port, all: !f.Loopback, got: f.hear}
	defer r.close()
	var wg sync.WaitGroup
	defer wg.Wait()
	// Without this socket announcements are not heard, but answers are.
	conn, err := listenPort(ctx, f.Port)
	if err == nil {
		defer conn.Close()
		wg.Go(func() { listen(conn, f.hear) })
	}
	round := uint16(0)
	look := func() {
		_, fresh, err := r.refresh(ctx)
		if err == nil && conn != nil {
			join(conn, fresh)
		}
		if len(fresh) > 0 {
			round++
			r.send(packet{kind: kindProbe, number: round, id: f.id, service: f.Service}.encode(), fresh...)
		}
	}
	look()
	pause, dnsPause := firstPause, mdnsAfter
	again, refresh, second := time.NewTimer(pause), time.NewTicker(orElse(f.Refresh, refreshEvery)), time.NewTicker(time.Second)
	dns := time.NewTimer(mdnsAfter)
	defer again.Stop()
	defer refresh.Stop()
	defer second.Stop()
	defer dns.Stop()
	if !f.MDNS || f.Loopback {
		dns.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			round++
			r.send(packet{kind: kindProbe, number: round, id: f.id, service: f.Service}.encode())
			pause = min(2*pause, lastPause)
			again.Reset(pause)
		case <-refresh.C:
			look()
		case <-dns.C:
			r.multicast(question(f.Service), dnsGroup)
			dns.Reset(dnsPause)
			dnsPause = min(2*dnsPause, lastPause)
		case <-second.C:
			f.age()
		}
	}
}

// hear takes a packet from a socket.
func (f *finder) hear(b []byte, from netip.AddrPort) {
	if f.Loopback && !from.Addr().IsLoopback() {
		return
	}
	if p, ok := decode(b); ok {
		f.take(p, from)
	} else if f.MDNS && !f.Loopback {
		answers(b, f.Service, func(p packet, port uint16) {
			f.take(p, netip.AddrPortFrom(from.Addr(), port))
		})
	}
}

// take hands an answer on, unless it is known. It never blocks.
func (f *finder) take(p packet, from netip.AddrPort) {
	if p.kind != kindAnswer || p.service != f.Service || p.id == f.Self && p.id != (ID{}) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := way{p.id, from.Addr()}
	if h := f.seen[w]; h != nil && bytes.Equal(h.payload, p.payload) {
		h.left = int(p.number)
		return
	} else if h == nil && len(f.seen) >= seenMax {
		return
	}
	payload := bytes.Clone(p.payload)
	select {
	case f.out <- Found{bytes.Clone(payload), from, p.id, time.Duration(p.number) * time.Second}:
		f.seen[w] = &heard{payload, int(p.number)}
	default:
	}
}

// age forgets what was not heard for its lifetime; it is called each second.
func (f *finder) age() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w, h := range f.seen {
		if h.left--; h.left <= 0 {
			delete(f.seen, w)
		}
	}
}
