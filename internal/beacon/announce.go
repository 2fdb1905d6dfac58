package beacon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// answersToOne address, and answersToAll together, are given in a second at most: a probe is small and an answer is
// not, so this must not become somebody's amplifier.
const answersToOne, answersToAll = 10, 100

// Announcer tells the network that something is there. Fill in the fields, then Run.
type Announcer struct {
	Service string        // names what is announced, 1 to 63 bytes; with MDNS a DNS-SD type such as "_thing._tcp"
	Port    uint16        // UDP, where probes are heard; several processes may share it
	Payload func() []byte // the bytes to announce, at most MaxPayload; asked for each time, so it may change
	ID      ID            // NewID() if zero
	// Interval between announcements; 30 s if 0. Who heard one may count on it for three times as long.
	Interval time.Duration
	// Refresh is the time between readings of the interfaces, which come and go; 15 s if 0.
	Refresh time.Duration
	// MDNS is the port to announce by multicast DNS (RFC 6762, 6763) as well; 0: not.
	MDNS uint16
	// Loopback keeps to this machine.
	Loopback bool
	// Ready, if not nil, is closed when the first announcement is out.
	Ready chan<- struct{}
}

// announcing is the state of a Run.
type announcing struct {
	*Announcer
	id       ID
	conn     *net.UDPConn
	lifetime uint16

	mu      sync.Mutex
	given   map[netip.Addr]int // guarded by mu: answers in this second
	total   int                // guarded by mu
	replied map[probe]bool     // guarded by mu: a finder probes on several ways at once
}

// probe is one round of a finder, as it came over one of its addresses.
type probe struct {
	id    ID
	round uint16
	from  netip.AddrPort
}

// Run announces at once, then every Interval, and answers probes, until ctx ends; it then returns nil. An error is one
// of the fields, or that the port cannot be had. That a network does not let announcements through cannot be seen.
func (a *Announcer) Run(ctx context.Context) error {
	if a.Port == 0 {
		return errPort
	}
	if len(a.Service) == 0 || len(a.Service) > maxService {
		return errService
	}
	if len(a.Payload()) > MaxPayload {
		return errPayload
	}
	every := orElse(a.Interval, 30*time.Second)
	s := &announcing{Announcer: a, id: a.ID, lifetime: lifetime(every), given: map[netip.Addr]int{}, replied: map[probe]bool{}}
	if s.id == (ID{}) {
		s.id = NewID()
	}
	var err error
	if s.conn, err = listenPort(ctx, a.Port); err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	r := &radio{port: a.Port, all: !a.Loopback}
	defer r.close()
	dns := &responder{announcing: s}
	defer dns.close()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.conn.Close()
	wg.Go(func() { listen(s.conn, s.answer) })

	look := func(announce bool) {
		now, fresh, err := r.refresh(ctx)
		if err != nil {
			return // the next look may see more
		}
		join(s.conn, fresh)
		if b := s.packet(); b != nil && (announce || len(fresh) > 0) {
			if announce {
				fresh = nil // all of them
			}
			r.send(b, fresh...)
		}
		if a.MDNS != 0 && !a.Loopback {
			dns.serve(now)
		}
	}
	look(true)
	if a.Ready != nil {
		close(a.Ready)
	}
	announce, refresh, second := time.NewTicker(every), time.NewTicker(orElse(a.Refresh, refreshEvery)), time.NewTicker(time.Second)
	defer announce.Stop()
	defer refresh.Stop()
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-announce.C:
			look(true)
		case <-refresh.C:
			look(false)
		case <-second.C:
			s.mu.Lock()
			clear(s.given)
			clear(s.replied)
			s.total = 0
			s.mu.Unlock()
		}
	}
}

const refreshEvery = 15 * time.Second

func orElse(d, usual time.Duration) time.Duration {
	if d <= 0 {
		return usual
	}
	return d
}

// packet is nil while the payload is too long.
func (s *announcing) packet() []byte {
	payload := s.Payload()
	if len(payload) > MaxPayload {
		return nil
	}
	return packet{kindAnswer, s.lifetime, s.id, s.Service, payload}.encode()
}

// answer answers a probe.
func (s *announcing) answer(b []byte, from netip.AddrPort) {
	p, ok := decode(b)
	if !ok || p.kind != kindProbe || p.service != s.Service || p.id == s.id || s.Loopback && !from.Addr().IsLoopback() {
		return
	}
	if !s.may(probe{p.id, p.number, from}) {
		return
	}
	if b := s.packet(); b != nil {
		s.conn.WriteToUDPAddrPort(b, from)
	}
}

// may says whether this probe is to be answered, and counts it.
func (s *announcing) may(p probe) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replied[p] || s.total >= answersToAll || s.given[p.from.Addr()] >= answersToOne {
		return false
	}
	s.replied[p] = true
	s.given[p.from.Addr()]++
	s.total++
	return true
}
