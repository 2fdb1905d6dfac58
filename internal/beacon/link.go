package beacon

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/net/ipv4"
)

// group is where probes and announcements are multicast: an address of the administratively scoped block that stays
// on the local network (RFC 2365).
var group = netip.AddrFrom4([4]byte{239, 255, 84, 20})

// link is one IPv4 address of an interface that is up.
type link struct {
	iface     string
	index     int
	addr      netip.Addr
	broadcast netip.Addr // of the subnet; not valid if there is none
	multicast bool
	loopback  bool
}

// readLinks asks the system. Loopback links are always among them, others only if all is set.
func readLinks(all bool) ([]link, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, i := range ifaces {
		loop := i.Flags&net.FlagLoopback != 0
		if i.Flags&net.FlagUp == 0 || !all && !loop {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok || n.IP.To4() == nil {
				continue
			}
			l := link{iface: i.Name, index: i.Index, loopback: loop, multicast: loop || i.Flags&net.FlagMulticast != 0}
			l.addr, _ = netip.AddrFromSlice(n.IP.To4())
			if ones, bits := n.Mask.Size(); bits == 32 && ones < 31 && (loop || i.Flags&net.FlagBroadcast != 0) {
				b := l.addr.As4()
				for k := range b {
					b[k] |= ^n.Mask[k]
				}
				l.broadcast = netip.AddrFrom4(b)
			}
			links = append(links, l)
		}
	}
	return links, nil
}

// targets are the addresses that reach everybody on a link, and on a loopback everybody on this machine.
func (l link) targets(port uint16) (to []netip.AddrPort) {
	add := func(a netip.Addr) { to = append(to, netip.AddrPortFrom(a, port)) }
	if l.multicast {
		add(group)
	}
	if l.broadcast.IsValid() {
		add(l.broadcast)
	}
	if l.loopback {
		add(l.addr)
	} else if l.broadcast.IsValid() {
		add(netip.AddrFrom4([4]byte{255, 255, 255, 255})) // also reaches who has a wrong netmask
	}
	return to
}

// radio sends on every link, with a socket for each: only so is the interface certain on every system.
type radio struct {
	port uint16
	all  bool
	got  func(b []byte, from netip.AddrPort) // called by many goroutines; b is used again afterwards; nil: nobody listens

	mu    sync.Mutex
	wg    sync.WaitGroup
	conns map[link]*net.UDPConn // guarded by mu
}

// refresh reads the links again, opens and closes sockets, and tells which links are new.
func (r *radio) refresh(ctx context.Context) (now, fresh []link, err error) {
	now, err = readLinks(r.all)
	if err != nil {
		return nil, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		r.conns = map[link]*net.UDPConn{}
	}
	for l, c := range r.conns {
		if !slices.Contains(now, l) {
			c.Close()
			delete(r.conns, l)
		}
	}
	for _, l := range now {
		if r.conns[l] != nil {
			continue
		}
		c, err := openLink(ctx, l)
		if err != nil {
			continue // an address that is not usable yet; the next refresh tries again
		}
		r.conns[l] = c
		fresh = append(fresh, l)
		if r.got != nil {
			r.wg.Go(func() { listen(c, r.got) })
		}
	}
	return now, fresh, nil
}

func openLink(ctx context.Context, l link) (*net.UDPConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp4", netip.AddrPortFrom(l.addr, 0).String())
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn) // Go sets SO_BROADCAST on every UDP socket
	if l.multicast {
		p := ipv4.NewPacketConn(c)
		p.SetMulticastInterface(&net.Interface{Index: l.index, Name: l.iface})
		p.SetMulticastTTL(1)
		p.SetMulticastLoopback(true)
	}
	return c, nil
}

// send sends b to everybody on every link, or on those given. Errors are of no use here: a link that fails now is tried
// again, and other links may do.
func (r *radio) send(b []byte, only ...link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l, c := range r.conns {
		if len(only) > 0 && !slices.Contains(only, l) {
			continue
		}
		for _, to := range l.targets(r.port) {
			c.WriteToUDPAddrPort(b, to)
		}
	}
}

// multicast sends b to one group on every link of a network.
func (r *radio) multicast(b []byte, to netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l, c := range r.conns {
		if l.multicast && !l.loopback {
			c.WriteToUDPAddrPort(b, to)
		}
	}
}

// close ends all sockets and waits for their readers.
func (r *radio) close() {
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.wg.Wait()
}

// maxRead is the longest packet that is read whole: what multicast DNS allows (RFC 6762, 17). Longer ones are cut, and
// refused by whoever decodes them.
const maxRead = 9000

// listen hands on what comes until c is closed.
func listen(c *net.UDPConn, got func(b []byte, from netip.AddrPort)) {
	b := make([]byte, maxRead)
	for failures := 0; failures < 100; {
		n, from, err := c.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failures = 0
			got(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		case isClosed(err):
			return
		case !harmless(err):
			failures++
		}
	}
}

// listenPort is the socket that hears everybody, shared with other processes of this machine.
func listenPort(ctx context.Context, port uint16) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: share}
	pc, err := lc.ListenPacket(ctx, "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
	if err != nil {
		return nil, err
	}
	return pc.(*net.UDPConn), nil
}

// CanHear tells whether an Announcer could hear probes on the port.
func CanHear(port uint16) error {
	c, err := listenPort(context.Background(), port)
	if err != nil {
		return err
	}
	return c.Close()
}

// join makes c hear the multicasts of links.
func join(c *net.UDPConn, links []link) {
	p := ipv4.NewPacketConn(c)
	for _, l := range links {
		if l.multicast {
			// Joining twice, for a second address of an interface, is an error that changes nothing.
			p.JoinGroup(&net.Interface{Index: l.index, Name: l.iface}, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, 0)))
		}
	}
}
