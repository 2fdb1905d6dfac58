package beacon

import (
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

// silent is where the library logs to: it reports every foreign packet it does not like.
var silent = log.New(io.Discard, "", 0)

// txtKey precedes the pieces of a packet in the TXT strings of an answer, in order.
const txtKey = "bcn="

// toTXT packs a packet into strings of at most 255 bytes (RFC 6763, 6.1).
func toTXT(b []byte) (txt []string) {
	s := base64.RawURLEncoding.EncodeToString(b)
	for piece := range slices.Chunk([]byte(s), 255-len(txtKey)) {
		txt = append(txt, txtKey+string(piece))
	}
	return txt
}

func fromTXT(txt []string) (packet, bool) {
	var s strings.Builder
	for _, t := range txt {
		if piece, ok := strings.CutPrefix(t, txtKey); ok && s.Len() < 2*maxPacket {
			s.WriteString(piece)
		}
	}
	b, err := base64.RawURLEncoding.DecodeString(s.String())
	if err != nil {
		return packet{}, false
	}
	return decode(b)
}

// responder runs one mDNS server for each interface, because an answer names the addresses of its interface.
type responder struct {
	*announcing
	servers map[string]dnsServer // by interface
}

type dnsServer struct {
	*mdns.Server
	addrs []netip.Addr
}

// serve starts and stops servers until they are those of links. One that cannot start is tried again next time.
func (r *responder) serve(links []link) {
	want := map[string][]netip.Addr{}
	index := map[string]int{}
	for _, l := range links {
		if l.multicast && !l.loopback {
			want[l.iface], index[l.iface] = append(want[l.iface], l.addr), l.index
		}
	}
	for name, s := range r.servers {
		if !slices.Equal(s.addrs, want[name]) {
			s.Shutdown()
			delete(r.servers, name)
		}
	}
	for name, addrs := range want {
		if _, ok := r.servers[name]; ok {
			continue
		}
		iface, err := net.InterfaceByIndex(index[name])
		if err != nil {
			continue
		}
		s, err := mdns.NewServer(&mdns.Config{Zone: zone{r.announcing, addrs}, Iface: iface, Logger: silent})
		if err != nil {
			continue
		}
		if r.servers == nil {
			r.servers = map[string]dnsServer{}
		}
		r.servers[name] = dnsServer{s, addrs}
	}
}

func (r *responder) close() { r.serve(nil) }

// zone answers with the payload of the moment.
type zone struct {
	*announcing
	addrs []netip.Addr
}

// Records implements mdns.Zone.
func (z zone) Records(q dns.Question) []dns.RR {
	b := z.packet()
	if b == nil || !strings.HasSuffix(strings.ToLower(q.Name), "local.") {
		return nil
	}
	var ips []net.IP
	for _, a := range z.addrs {
		ips = append(ips, a.AsSlice())
	}
	name := z.id.String()
	s, err := mdns.NewMDNSService(name, z.Service, "local.", name+".local.", int(z.MDNS), ips, toTXT(b))
	if err != nil {
		return nil
	}
	return s.Records(q)
}

// dnsGroup is where questions are asked (RFC 6762, 3).
var dnsGroup = netip.AddrPortFrom(netip.AddrFrom4([4]byte{224, 0, 0, 251}), 5353)

// question is a one-shot query (RFC 6762, 5.1 and 5.4): it asks for an answer to the very socket it comes from, so the
// sockets of the probes serve for it, on every interface and without a default route.
func question(service string) []byte {
	m := new(dns.Msg)
	m.SetQuestion(strings.Trim(service, ".")+".local.", dns.TypePTR)
	m.Question[0].Qclass |= 1 << 15
	m.RecursionDesired = false
	b, err := m.Pack()
	if err != nil {
		return nil // a service that is no DNS name is not announced there either
	}
	return b
}

// answers reads what responders of service send: all in one message, as RFC 6763, 12.1 recommends. port is what each
// announces.
func answers(b []byte, service string, each func(p packet, port uint16)) {
	var m dns.Msg
	if m.Unpack(b) != nil || !m.Response {
		return
	}
	records := append(m.Answer, m.Extra...)
	ports := map[string]uint16{}
	for _, rr := range records {
		if srv, ok := rr.(*dns.SRV); ok {
			ports[srv.Hdr.Name] = srv.Port
		}
	}
	for _, rr := range records {
		txt, ok := rr.(*dns.TXT)
		if !ok || !strings.HasSuffix(txt.Hdr.Name, "."+strings.Trim(service, ".")+".local.") {
			continue
		}
		if p, ok := fromTXT(txt.Txt); ok && ports[txt.Hdr.Name] != 0 {
			each(p, ports[txt.Hdr.Name])
		}
	}
}
