package beacon

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Broadcast sends the payload to a UDP port of everybody on the networks of this machine (IPv4), at once and then every so
// often, until ctx ends. What a network does not let through cannot be seen. to, where given, is sent to instead.
func Broadcast(ctx context.Context, port uint16, payload []byte, every time.Duration, to ...netip.Addr) error {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		all := to
		if len(all) == 0 {
			all = broadcastAddresses()
		}
		for _, addr := range all {
			_, _ = conn.WriteToUDPAddrPort(payload, netip.AddrPortFrom(addr, port))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// broadcastAddresses are those of this machine's networks at the moment.
func broadcastAddresses() (list []netip.Addr) {
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagBroadcast == 0 {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if b, ok := broadcastOf(n); ok {
					list = append(list, b)
				}
			}
		}
	}
	return list
}

// broadcastOf is the address of everybody on an IPv4 network (RFC 919).
func broadcastOf(n *net.IPNet) (netip.Addr, bool) {
	ip, mask := n.IP.To4(), n.Mask
	if len(mask) == net.IPv6len {
		mask = mask[12:]
	}
	if ip == nil || len(mask) != net.IPv4len {
		return netip.Addr{}, false
	}
	var all [4]byte
	for i := range all {
		all[i] = ip[i] | ^mask[i]
	}
	return netip.AddrFrom4(all), true
}
