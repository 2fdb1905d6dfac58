package beacon

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func TestPacketReturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := packet{
			kind:    kindAnswer,
			number:  rapid.Uint16Min(1).Draw(t, "number"),
			id:      ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			service: string(rapid.SliceOfN(rapid.Byte(), 1, maxService).Draw(t, "service")),
			payload: rapid.SliceOfN(rapid.Byte(), 0, MaxPayload).Draw(t, "payload"),
		}
		for _, got := range []func() (packet, bool){
			func() (packet, bool) { return decode(p.encode()) },
			func() (packet, bool) { return fromTXT(append([]string{"other=1"}, toTXT(p.encode())...)) },
		} {
			if q, ok := got(); !ok || !cmp.Equal(p, q, cmp.AllowUnexported(packet{})) {
				t.Fatalf("%v, %v", q, ok)
			}
		}
		for _, s := range toTXT(p.encode()) {
			if len(s) > 255 {
				t.Fatalf("a TXT string of %d bytes", len(s))
			}
		}
	})
}

func TestPacketRefused(t *testing.T) {
	good := packet{kindAnswer, 9, NewID(), "_x._tcp", []byte("payload")}.encode()
	probe := packet{kind: kindProbe, service: "_x._tcp"}.encode()
	change := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	for what, b := range map[string][]byte{
		"nothing":              nil,
		"cut head":             good[:headSize-1],
		"cut service":          good[:headSize+3],
		"other magic":          change(good, 3, '2'),
		"other kind":           change(good, 4, 9),
		"no service":           change(good, 5, 0),
		"long service":         change(good, 5, 64),
		"no lifetime":          change(good, 7, 0),
		"a probe with payload": change(good, 4, kindProbe),
		"too long":             append(bytes.Clone(good), make([]byte, maxPacket)...),
		"long payload":         packet{kindAnswer, 9, NewID(), "_x._tcp", make([]byte, MaxPayload+1)}.encode(),
	} {
		if p, ok := decode(b); ok {
			t.Errorf("%s: %v", what, p)
		}
	}
	if _, ok := decode(probe); !ok {
		t.Error("a probe was refused")
	}
	if _, ok := fromTXT([]string{txtKey + "!"}); ok {
		t.Error("bad text")
	}
}

func TestLifetime(t *testing.T) {
	for d, want := range map[time.Duration]uint16{0: 1, time.Millisecond: 1, time.Second: 3, 30 * time.Second: 90, 100 * time.Hour: 65535} {
		if got := lifetime(d); got != want {
			t.Errorf("%v: %d", d, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(packet{kindAnswer, 9, NewID(), "_x._tcp", []byte("payload")}.encode())
	f.Add(packet{kind: kindProbe, service: "_x._tcp"}.encode())
	f.Add([]byte(strings.Repeat("bcn1", 300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := decode(b)
		if !ok {
			return
		}
		if !bytes.Equal(p.encode(), b) || len(p.payload) > MaxPayload || len(p.service) == 0 {
			t.Fatalf("%q became %v", b, p)
		}
	})
}

// A question that our responder answers is understood by our finder.
func TestDNSReturns(t *testing.T) {
	s := &announcing{Announcer: &Announcer{Service: "_test._tcp", MDNS: 8420, Payload: says("hello")}, id: NewID(), lifetime: 9}
	z := zone{s, []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	ask := func(service string) []byte {
		var q dns.Msg
		if err := q.Unpack(question(service)); err != nil {
			t.Fatal(err)
		}
		b, err := (&dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Compress: true, Answer: z.Records(q.Question[0])}).Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	n := 0
	answers(ask("_test._tcp"), "_test._tcp", func(p packet, port uint16) {
		if n++; p.id != s.id || string(p.payload) != "hello" || port != 8420 || p.number != 9 {
			t.Errorf("%v, %d", p, port)
		}
	})
	if n != 1 {
		t.Errorf("%d answers", n)
	}
	for _, b := range [][]byte{ask("_else._tcp"), question("_test._tcp"), nil} {
		answers(b, "_test._tcp", func(p packet, _ uint16) { t.Errorf("%v", p) })
	}
	answers(ask("_test._tcp"), "_else._tcp", func(p packet, _ uint16) { t.Errorf("%v", p) })
	s.Payload = func() []byte { return make([]byte, MaxPayload+1) }
	if b := z.Records(dns.Question{Name: "_test._tcp.local.", Qtype: dns.TypePTR}); b != nil {
		t.Errorf("%v", b)
	}
}

func FuzzAnswers(f *testing.F) {
	s := &announcing{Announcer: &Announcer{Service: "_test._tcp", MDNS: 8420, Payload: says("hello")}, id: NewID(), lifetime: 9}
	z := zone{s, []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	b, err := (&dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Answer: z.Records(dns.Question{Name: "_test._tcp.local.", Qtype: dns.TypePTR})}).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(question("_test._tcp"))
	f.Fuzz(func(t *testing.T, b []byte) {
		answers(b, "_test._tcp", func(p packet, port uint16) {
			if port == 0 || len(p.payload) > MaxPayload {
				t.Fatalf("%v, %d", p, port)
			}
		})
	})
}
