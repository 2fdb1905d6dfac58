package beacon

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestBroadcastOf(t *testing.T) {
	for _, c := range []struct{ network, want string }{
		{"192.168.1.17/24", "192.168.1.255"},
		{"10.1.2.3/8", "10.255.255.255"},
		{"172.16.5.9/20", "172.16.15.255"},
		{"fe80::1/64", ""},
	} {
		ip, n, err := net.ParseCIDR(c.network)
		if err != nil {
			t.Fatal(err)
		}
		n.IP = ip
		got, ok := broadcastOf(n)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s: %v, want %q", c.network, got, c.want)
		}
	}
}

// TestBroadcast: who listens on the port hears the payload, again and again.
func TestBroadcast(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	go func() {
		done <- Broadcast(ctx, port, []byte("8000"), time.Millisecond, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	buf := make([]byte, 100)
	for range 2 {
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != "8000" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
