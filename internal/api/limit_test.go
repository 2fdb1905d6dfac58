package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
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

// crowded is a listener that counts, with the connections that it let in.
func crowded(t *testing.T, most int, log *slog.Logger) *limited {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return Limit(in, most, log).(*limited)
}

func TestConnectionsAreCounted(t *testing.T) {
	var log bytes.Buffer
	l := crowded(t, 3, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		if _, ok := l.enter("10.0.0.1"); !ok {
			t.Fatal("too few")
		}
	}
	for range 5 {
		if _, ok := l.enter("10.0.0.1"); ok {
			t.Error("too many")
		}
	}
	if n := strings.Count(log.String(), "address=10.0.0.1 open=3"); n != 1 {
		t.Errorf("it is told %d times: %s", n, log.String())
	}
	if _, ok := l.enter("10.0.0.2"); !ok {
		t.Error("another one pays")
	}
	l.leave("10.0.0.1", true)
	if _, ok := l.enter("10.0.0.1"); !ok {
		t.Error("its place is not given back")
	}
	for range 5000 {
		if _, ok := l.enter("127.0.0.1"); !ok {
			t.Fatal("this machine is limited")
		}
	}
	if Limit(l.Listener, 0, nil) != l.Listener {
		t.Error("no limit is one")
	}
}

// TestStrangersAreLimited: a connection is a stranger's until a token was shown on it. Those who are known may have many:
// all workers may stand behind one address.
func TestStrangersAreLimited(t *testing.T) {
	h := open(t)
	l := crowded(t, 1, slog.New(slog.DiscardHandler))
	from := "127.0.0.1"
	l.open[from] = crowd{strangers: fromHere - 1, all: fromHere - 1} // the others: one place is left
	s := Server(h.a)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	h.url = "http://" + l.Addr().String()
	strangers := func() crowd {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.open[from]
	}
	ask := func(conn net.Conn, secret string) (status int) {
		fmt.Fprintf(conn, "GET %s/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", wire.Root, secret)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	const workers = 20
	var conns []net.Conn
	for range workers {
		conn := h.dial()
		if status := ask(conn, h.secret[farm.RoleWorker]); status != http.StatusForbidden { // it is let in, but may not do that
			t.Fatalf("a worker is answered %d", status)
		}
		ask(conn, h.secret[farm.RoleWorker]) // counts once
		conns = append(conns, conn)
	}
	if c := strangers(); c != (crowd{fromHere - 1, fromHere - 1 + workers}) {
		t.Errorf("%+v", c)
	}
	stranger := h.dial()
	if status := ask(stranger, "nr_guess"); status != http.StatusUnauthorized {
		t.Fatalf("a stranger is answered %d", status)
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("one too many is not hung up: %v", err)
		}
	}
	for _, conn := range append(conns, stranger) {
		conn.Close()
	}
	limit := within(t)
	for strangers() != (crowd{fromHere - 1, fromHere - 1}) {
		select {
		case <-limit.Done():
			t.Fatalf("they are gone, and counted: %+v", strangers())
		default:
			runtime.Gosched()
		}
	}
}

// TestFriendsAreLimited: though not soon.
func TestFriendsAreLimited(t *testing.T) {
	l := crowded(t, 2, slog.New(slog.DiscardHandler))
	for n := range 2*friends + 1 {
		from, ok := l.enter("10.0.0.1")
		if ok != (n < 2*friends) {
			t.Fatalf("connection %d: %v", n, ok)
		}
		if ok {
			(&counted{from: from, of: l}).meet()
		}
	}
}

func TestOnlyHosts(t *testing.T) {
	h := OnlyHosts([]string{"Oak", "farm.studio"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok") }))
	for host, may := range map[string]bool{
		"10.0.0.1": true, "10.0.0.1:8420": true, "[::1]:8420": true, "::1": true, "localhost:8420": true, "LOCALHOST": true,
		"oak:8420": true, "oak.": true, "farm.studio": true, "evil.example": false, "evil.example:8420": false, "": false,
		"10.0.0.1.evil.example": false, "oak.evil.example": false, "localhost.evil.example:8420": false,
		"netrender-master:8420": true, "oak.studio.lan": true, "netrender.farm.svc.cluster.local:8420": true, "oak.home.arpa": true,
		"home.arpa.evil.example": false, "evilhome.arpa": false, "local.": true, ".": false,
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

// TestAConnectionIsFoundUnderTLS, and in an open farm everybody is known.
func TestAConnectionIsFoundUnderTLS(t *testing.T) {
	h := open(t, func(o *Options) { o.Open = true })
	l := crowded(t, 1, slog.New(slog.DiscardHandler))
	s := httptest.NewUnstartedServer(h.a)
	s.Listener.Close()
	s.Listener, s.Config = l, Server(h.a)
	s.StartTLS()
	t.Cleanup(s.Close)
	resp, err := s.Client().Get(s.URL + wire.Root + "/jobs")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.open["127.0.0.1"]; c != (crowd{0, 1}) {
		t.Errorf("%+v", c)
	}
}

// TestNewcomersMayNotHoldAll: the calls that they hold are counted, and so are secrets that are none.
func TestNewcomersMayNotHoldAll(t *testing.T) {
	h := open(t)
	poll := func() int {
		resp, _ := h.send(nobody, "POST", wire.Root+"/pairings/poll", []byte(`{"secret":"nonsense"}`))
		return resp.StatusCode
	}
	if status := poll(); status != http.StatusOK {
		t.Fatalf("one that is none is answered %d", status)
	}
	var leave []func()
	for range guestsEach {
		f, err := h.a.guests.enter("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, f)
	}
	if status := poll(); status != http.StatusTooManyRequests {
		t.Errorf("one too many is answered %d", status)
	}
	for _, f := range leave {
		f()
	}
	if h.a.guests.n != 0 || len(h.a.guests.all) != 0 {
		t.Errorf("places are not given back: %+v", h.a.guests.all)
	}
	for range wrongBurst {
		poll()
	}
	if status := poll(); status != http.StatusTooManyRequests {
		t.Errorf("many that are none are answered %d", status)
	}
}

// TestFilesOfScenesAreBounded: a job with a file that is too large is refused before it is one; results may be larger.
func TestFilesOfScenesAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxBlob = 100 })
	content := make([]byte, 101)
	spec, files := h.scene("1", content)
	submit := h.client(farm.RoleSubmit)
	_, err := submit.Submit(within(t), spec, files)
	if farm.KindOf(err) != farm.TooLarge || !strings.Contains(err.Error(), "shot.blend has 101 bytes") {
		t.Errorf("submitted: %v", err)
	}
	if jobs, err := submit.Jobs(within(t), farm.JobFilter{Limit: 1}); err != nil || len(jobs.Jobs) != 0 {
		t.Errorf("%+v %v", jobs, err)
	}
	resp, text := h.send(farm.RoleSubmit, http.MethodPut, wire.BlobPath(files[0].Ref), content, wire.HeaderSize, "101")
	wantProblem(t, resp, text, farm.TooLarge)
	c, lease, r, picture := h.picture(5000, 1)
	if err := c.PutResult(within(t), lease.ID, "worker-01", r, reader(picture)); err != nil {
		t.Fatal(err)
	}
	h.settle(c, lease, r, picture)
}
