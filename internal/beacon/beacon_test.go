package beacon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const service = "_test._tcp"

// freePort is one that nobody uses now.
func freePort(t testing.TB) uint16 {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Skip("needs UDP on 127.0.0.1:", err)
	}
	defer c.Close()
	return uint16(c.LocalAddr().(*net.UDPAddr).Port)
}

// announce runs one on the loopback until the test ends.
func announce(t testing.TB, a *Announcer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	a.Service, a.Loopback, a.Ready = service, true, ready
	go func() { done <- a.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func says(s string) func() []byte { return func() []byte { return []byte(s) } }

// soon ends after what no test needs.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestFindOnLoopback(t *testing.T) {
	port := freePort(t)
	ids := []ID{NewID(), NewID(), NewID()}
	for i, id := range ids {
		announce(t, &Announcer{Port: port, ID: id, Payload: says(fmt.Sprint("master ", i))})
	}
	got := map[ID]string{}
	for f := range Find(soon(t), Query{Service: service, Port: port, Loopback: true, Self: ids[2]}) {
		if f.Lifetime != 90*time.Second || !f.From.Addr().IsLoopback() {
			t.Errorf("%v", f)
		}
		if f.ID == ids[2] {
			t.Error("found itself")
		}
		if got[f.ID] = string(f.Payload); len(got) == 2 {
			break
		}
	}
	if got[ids[0]] != "master 0" || got[ids[1]] != "master 1" {
		t.Errorf("%v", got)
	}
}

// Who looks before anybody is there hears the announcement when it comes.
func TestFindHearsAnnouncements(t *testing.T) {
	port, ctx := freePort(t), soon(t)
	ear, err := listenPort(ctx, port)
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	r := &radio{port: port}
	defer r.close()
	if _, _, err := r.refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	go listen(ear, func(b []byte, _ netip.AddrPort) {
		if p, ok := decode(b); ok && p.kind == kindProbe { // nobody answers it
			once.Do(func() { // by multicast only, which must be joined to be heard
				for _, c := range r.conns {
					c.WriteToUDPAddrPort(packet{kindAnswer, 7, NewID(), service, []byte("x")}.encode(), netip.AddrPortFrom(group, port))
				}
			})
		}
	})
	for f := range Find(ctx, Query{Service: service, Port: port, Loopback: true}) {
		if string(f.Payload) != "x" || f.Lifetime != 7*time.Second {
			t.Errorf("%v", f)
		}
		return
	}
	t.Error("not heard")
}

// A payload that changes is given again.
func TestFindFollows(t *testing.T) {
	var payload atomic.Value
	payload.Store("one")
	port := freePort(t)
	announce(t, &Announcer{Port: port, Interval: 20 * time.Millisecond, Payload: func() []byte { return []byte(payload.Load().(string)) }})
	var got []string
	for f := range Find(soon(t), Query{Service: service, Port: port, Loopback: true}) {
		payload.Store("two")
		if got = append(got, string(f.Payload)); got[len(got)-1] == "two" {
			break
		}
	}
	if len(got) < 2 || got[0] != "one" {
		t.Errorf("%v", got)
	}
}

// What is not asked of this Announcer is not answered; conn is nil, so an answer would end the test.
func TestWhoIsNotAnswered(t *testing.T) {
	s := &announcing{
		Announcer: &Announcer{Service: service, Loopback: true, Payload: says("x")}, id: NewID(),
		given: map[netip.Addr]int{}, replied: map[probe]bool{},
	}
	here, there := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("10.0.0.1:9")
	s.answer(packet{kind: kindProbe, id: NewID(), service: "_else._tcp"}.encode(), here)
	s.answer(packet{kind: kindProbe, id: s.id, service: service}.encode(), here)
	s.answer(packet{kind: kindProbe, id: NewID(), service: service}.encode(), there)
	s.answer(packet{kindAnswer, 1, NewID(), service, nil}.encode(), here)
	s.answer([]byte("garbage"), here)
	if s.total != 0 {
		t.Errorf("%d answers", s.total)
	}
}

func TestRunRefuses(t *testing.T) {
	for what, a := range map[string]*Announcer{
		"no service":   {Port: 1, Payload: says("")},
		"long service": {Port: 1, Service: strings.Repeat("x", 64), Payload: says("")},
		"long payload": {Port: 1, Service: service, Payload: says(strings.Repeat("x", MaxPayload+1))},
		"no port":      {Service: service, Payload: says("")},
	} {
		if a.Run(context.Background()) == nil {
			t.Error(what)
		}
	}
}

func TestAnswersAreFew(t *testing.T) {
	s := &announcing{given: map[netip.Addr]int{}, replied: map[probe]bool{}}
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 99)
	}
	p := probe{NewID(), 1, at(1)}
	if !s.may(p) || s.may(p) {
		t.Error("the copies of a probe are answered once")
	}
	given := 0
	for i := range 50 {
		if s.may(probe{p.id, uint16(i + 2), at(1)}) {
			given++
		}
	}
	if given != answersToOne-1 {
		t.Errorf("%d answers to one", given)
	}
	for i := range 250 {
		if s.may(probe{p.id, 1, at(i + 2)}) {
			given++
		}
	}
	if given != answersToAll-1 {
		t.Errorf("%d answers to all", given)
	}
}

func TestTargets(t *testing.T) {
	a := netip.MustParseAddr
	for _, c := range []struct {
		l    link
		want string
	}{
		{link{addr: a("10.1.2.3"), broadcast: a("10.1.255.255"), multicast: true}, "[239.255.84.20:9 10.1.255.255:9 255.255.255.255:9]"},
		{link{addr: a("10.1.2.3"), broadcast: a("10.1.255.255")}, "[10.1.255.255:9 255.255.255.255:9]"},
		{link{addr: a("10.1.2.3")}, "[]"}, // a tunnel
		{link{addr: a("127.0.0.1"), broadcast: a("127.255.255.255"), multicast: true, loopback: true}, "[239.255.84.20:9 127.255.255.255:9 127.0.0.1:9]"},
	} {
		if got := fmt.Sprint(c.l.targets(9)); got != c.want {
			t.Errorf("%v: %s", c.l, got)
		}
	}
	links, err := readLinks(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if !l.loopback || l.addr == a("127.0.0.1") && l.broadcast != a("127.255.255.255") {
			t.Errorf("%v", l)
		}
	}
}

func newFinder(queue int) *finder {
	return &finder{Query: Query{Service: service}, out: make(chan Found, queue), seen: map[way]*heard{}}
}

func TestFinderRemembers(t *testing.T) {
	f := newFinder(10)
	from := netip.MustParseAddrPort("10.0.0.1:8420")
	p := packet{kindAnswer, 2, NewID(), service, []byte("x")}
	step := func(what string, want int) {
		t.Helper()
		if len(f.out) != want {
			t.Fatalf("%s: %d answers", what, len(f.out))
		}
	}
	f.take(p, from)
	f.take(p, from)
	step("the same again", 1)
	f.take(p, netip.MustParseAddrPort("10.0.0.2:8420"))
	step("from another address", 2)
	f.age()
	f.take(p, from)
	f.age()
	f.take(p, from)
	step("heard within its lifetime", 2)
	f.age()
	f.age()
	f.take(p, from)
	step("not heard for its lifetime", 3)
	p.payload = []byte("y")
	f.take(p, from)
	step("another payload", 4)
	other := p
	other.service = "_else._tcp"
	f.take(other, from)
	step("another service", 4)
	own := p
	own.id = NewID()
	f.Self = own.id
	f.take(own, from)
	step("its own", 4)
}

func TestFinderNeverBlocks(t *testing.T) {
	f := newFinder(1)
	from := netip.MustParseAddrPort("10.0.0.1:8420")
	one, two := packet{kindAnswer, 2, NewID(), service, nil}, packet{kindAnswer, 2, NewID(), service, nil}
	f.take(one, from)
	f.take(two, from)
	<-f.out
	f.take(two, from) // it was dropped, so it is not known
	if len(f.out) != 1 {
		t.Error("a dropped answer is lost")
	}
	for range seenMax + 10 {
		select {
		case <-f.out:
		default:
		}
		f.take(packet{kindAnswer, 2, NewID(), service, nil}, from)
	}
	if len(f.seen) > seenMax {
		t.Errorf("%d are remembered", len(f.seen))
	}
}

// Whatever else is sent to the port does no harm.
func TestGarbage(t *testing.T) {
	port := freePort(t)
	announce(t, &Announcer{Port: port, Payload: says("x")})
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, b := range [][]byte{nil, []byte("GET / HTTP/1.1"), bytes.Repeat([]byte("bcn1"), 5000), packet{kindAnswer, 1, NewID(), service, nil}.encode()} {
		c.Write(b)
	}
	for range Find(soon(t), Query{Service: service, Port: port, Loopback: true}) {
		return
	}
	t.Error("not found")
}

// Run it with -benchtime 9x: one address gets ten answers a second.
func BenchmarkFirstAnswer(b *testing.B) {
	port := freePort(b)
	announce(b, &Announcer{Port: port, Payload: says("x")})
	for b.Loop() {
		for range Find(soon(b), Query{Service: service, Port: port, Loopback: true}) {
			break
		}
	}
}
