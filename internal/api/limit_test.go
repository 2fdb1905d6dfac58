package api

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestBuckets(t *testing.T) {
	now := time.Now()
	b := &buckets{now: func() time.Time { return now }}
	for i := range wrongBurst {
		if !b.take("10.0.0.1") {
			t.Fatalf("refused at %d", i)
		}
	}
	if b.take("10.0.0.1") {
		t.Error("one more than the burst")
	}
	if !b.take("10.0.0.2") {
		t.Error("another network pays for it")
	}
	now = now.Add(wrongRefill)
	if !b.take("10.0.0.1") || b.take("10.0.0.1") {
		t.Error("it is not filled by one")
	}
	for i := range wrongBurst { // one household has many addresses
		b.take(fmt.Sprintf("2001:db8::%x", i+1))
	}
	if b.take("2001:db8::ffff") {
		t.Error("another address of the same network is let in")
	}
	for i := range 3 * mostNetworks {
		b.take(fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255))
	}
	if len(b.all) > mostNetworks {
		t.Errorf("%d networks are counted", len(b.all))
	}
}

// TestWrongTokensAreLimited: those who guess are told to wait; those who know a token are not.
func TestWrongTokensAreLimited(t *testing.T) {
	h := open(t)
	counts := map[int]int{}
	for range wrongBurst + 5 {
		resp, _ := h.send(nobody, "GET", wire.Root+"/jobs", nil, "Authorization", "Bearer nr_guess")
		counts[resp.StatusCode]++
	}
	if counts[401] < wrongBurst || counts[429] == 0 {
		t.Errorf("%v", counts)
	}
	resp, text := h.send(nobody, "POST", wire.Root+"/prove", []byte(`{"mark":"x","nonce":"00112233445566778899"}`))
	if resp.StatusCode != 429 {
		t.Errorf("a wrong mark: %d %s", resp.StatusCode, text)
	}
	if resp, text := h.send(farm.RoleView, "GET", wire.Root+"/jobs", nil); resp.StatusCode != 200 {
		t.Errorf("a right token: %d %s", resp.StatusCode, text)
	}
	if _, err := h.client(farm.RoleAdmin).AnswerPairing(within(t), "ABC-DEF", true); farm.KindOf(err) != farm.Throttled {
		t.Errorf("a wrong code: %v", err)
	}
}

func TestGuestsAreLimited(t *testing.T) {
	var g guests
	var leave []func()
	for range guestsEach {
		f, err := g.enter("10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, f)
	}
	if _, err := g.enter("10.0.0.1"); farm.KindOf(err) != farm.Throttled {
		t.Error(err)
	}
	if _, err := g.enter("10.0.0.2"); err != nil {
		t.Error(err)
	}
	leave[0]()
	if _, err := g.enter("10.0.0.1"); err != nil {
		t.Error(err)
	}
}

// TestConnectionsAreLimited: by network, and given back when they are closed.
func TestConnectionsAreLimited(t *testing.T) {
	l := &limited{most: 3, open: map[string]int{}}
	for range 3 {
		if _, ok := l.enter("10.0.0.1"); !ok {
			t.Fatal("too few")
		}
	}
	if _, ok := l.enter("10.0.0.1"); ok {
		t.Error("too many")
	}
	if _, ok := l.enter("10.0.0.2"); !ok {
		t.Error("another one pays")
	}
	l.leave("10.0.0.1")
	if _, ok := l.enter("10.0.0.1"); !ok {
		t.Error("not given back")
	}
	for range 5000 {
		if _, ok := l.enter("127.0.0.1"); !ok {
			t.Fatal("this machine is limited")
		}
	}

	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lim := Limit(in, 1).(*limited)
	defer in.Close()
	lim.open["127.0.0.1"] = fromHere - 1 // the others
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := lim.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", in.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	}
	dial()
	first := <-accepted
	if c, err := net.Dial("tcp", in.Addr().String()); err == nil {
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("one too many is not hung up: %v", err)
		}
		c.Close()
	}
	first.Close()
	first.Close() // twice counts once
	dial()
	(<-accepted).Close()
	if n := lim.open["127.0.0.1"]; n != fromHere-1 {
		t.Errorf("%d are counted", n)
	}
	if Limit(in, 0) != in {
		t.Error("no limit is one")
	}
}

func TestOnlyHosts(t *testing.T) {
	h := OnlyHosts([]string{"Oak", "farm.studio"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok") }))
	for host, may := range map[string]bool{
		"10.0.0.1": true, "10.0.0.1:8420": true, "[::1]:8420": true, "::1": true, "localhost:8420": true, "LOCALHOST": true,
		"oak:8420": true, "oak.": true, "farm.studio": true, "evil.example": false, "evil.example:8420": false, "": false,
		"10.0.0.1.evil.example": false, "oak.evil.example": false, "localhost.evil.example:8420": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if (w.Code == 200) != may || !may && w.Code != 403 {
			t.Errorf("%q: %d %s", host, w.Code, w.Body)
		}
	}
}
