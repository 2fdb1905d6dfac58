package peer

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
	"github.com/netrender/netrender/internal/farm"
)

// stocked is a node that has some bytes.
func stocked(t testing.TB, whole []byte, edit ...func(*Options)) (*Node, blob.Ref) {
	t.Helper()
	n, ref := node(t, "worker-a", nil, edit...), blob.RefOf(whole)
	if err := n.Fetch(context.Background(), ref, int64(len(whole)), Origin{Open: (&master{whole: whole}).open}); err != nil {
		t.Fatal(err)
	}
	return n, ref
}

// TestDoor: what the door gives, and to whom.
func TestDoor(t *testing.T) {
	whole := blobtest.Bytes(300_000, 1)
	n, ref := stocked(t, whole)
	other := blob.RefOf([]byte("nowhere"))
	ticket := func(ref blob.Ref, end time.Duration) string {
		return farm.PeerTicket(theKey, "worker-a", ref.String(), "reader-1", masterTime().Add(end))
	}
	good := ticket(ref, time.Minute)
	for what, c := range map[string]struct {
		method, path, ticket, span string
		status                     int
		from                       int
	}{
		"all":                 {"GET", root + ref.String(), good, "", 200, 0},
		"from 0":              {"GET", root + ref.String(), good, "bytes=0-", 200, 0},
		"a rest":              {"GET", root + ref.String(), good, "bytes=100000-", 206, 100_000},
		"the last byte":       {"GET", root + ref.String(), good, "bytes=299999-", 206, 299_999},
		"behind the end":      {"GET", root + ref.String(), good, "bytes=300000-", 416, 0},
		"far behind":          {"GET", root + ref.String(), good, "bytes=9223372036854775807-", 416, 0},
		"out of range":        {"GET", root + ref.String(), good, "bytes=9223372036854775808-", 416, 0},
		"below 0":             {"GET", root + ref.String(), good, "bytes=-5-", 416, 0},
		"the end":             {"GET", root + ref.String(), good, "bytes=-5", 416, 0},
		"two ranges":          {"GET", root + ref.String(), good, "bytes=0-1,5-6", 416, 0},
		"no range":            {"GET", root + ref.String(), good, "lines=1-", 416, 0},
		"no ticket":           {"GET", root + ref.String(), "", "", 403, 0},
		"a ticket that ended": {"GET", root + ref.String(), ticket(ref, -time.Second), "", 403, 0},
		"a foreign ticket":    {"GET", root + ref.String(), ticket(other, time.Minute), "", 403, 0},
		"a blob of nobody":    {"GET", root + other.String(), ticket(other, time.Minute), "", 404, 0},
		"no ticket, no blob":  {"GET", root + other.String(), "", "", 403, 0},
		"no ref":              {"GET", root + "nonsense", good, "", 404, 0},
		"upper case":          {"GET", root + strings.ToUpper(ref.String()), good, "", 404, 0},
		"another path":        {"GET", "/", good, "", 404, 0},
		"out of the folder":   {"GET", root + "../" + ref.String(), good, "", 404, 0},
		"a post":              {"POST", root + ref.String(), good, "", 405, 0},
		"a head":              {"HEAD", root + ref.String(), good, "", 405, 0},
	} {
		conn, err := net.Dial("tcp", loopback(n.door.listen.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n%s: %s\r\n", c.method, c.path, headerTicket, c.ticket)
		if c.span != "" {
			fmt.Fprintf(conn, "Range: %s\r\n", c.span)
		}
		fmt.Fprint(conn, "\r\n")
		text, err := io.ReadAll(conn) // it hangs up
		conn.Close()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		head, body, _ := strings.Cut(string(text), "\r\n\r\n")
		if !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
			t.Errorf("%s: answered %q", what, head)
			continue
		}
		if want := string(whole[c.from:]); c.status < 300 && body != want || c.status >= 300 && body != "" {
			t.Errorf("%s: %d bytes came", what, len(body))
		}
	}

	// Without a key of the master nobody is let in.
	n.Keyed(nil)
	line, err := n.call(context.Background(), source(n, "reader-1", ref).Peer, ref, int64(len(whole)), 0)
	if err == nil {
		line.Close()
		t.Error("a door without a key lets somebody in")
	}
}

// TestDoorFull: a door serves so many at once and no more, and so many of one worker.
func TestDoorFull(t *testing.T) {
	whole := blobtest.Bytes(30_000_000, 1) // more than systems take off a sender's hands
	n, ref := stocked(t, whole)
	open := func(reader string) *line {
		l, err := n.call(context.Background(), source(n, farm.WorkerID(reader), ref).Peer, ref, int64(len(whole)), 0)
		if err != nil {
			return nil
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	for i := range readersOfOne {
		if open("reader-0") == nil {
			t.Fatalf("transfer %d is refused", i)
		}
	}
	if open("reader-0") != nil {
		t.Error("one worker takes all")
	}
	var last *line
	for i := readersOfOne; i < maxReaders; i++ {
		if last = open(fmt.Sprintf("reader-%d", i)); last == nil {
			t.Fatalf("transfer %d is refused", i)
		}
	}
	if open("reader-x") != nil {
		t.Error("there is no limit")
	}
	last.Close()
	for open("reader-x") == nil { // when the door has noticed
		<-time.After(time.Millisecond)
	}
}

// TestDoorStalled: a reader that takes nothing is let go.
func TestDoorStalled(t *testing.T) {
	n, ref := stocked(t, blobtest.Bytes(30_000_000, 1))
	n.door.stall = 50 * time.Millisecond
	conn, err := net.Dial("tcp", loopback(n.door.listen.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := source(n, "reader-1", ref).Peer
	fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n", root, ref, headerTicket, p.Ticket)
	busy := func() bool {
		n.door.mu.Lock()
		defer n.door.mu.Unlock()
		return n.door.all > 0
	}
	for !busy() {
		<-time.After(time.Millisecond)
	}
	for busy() {
		<-time.After(time.Millisecond)
	}
}

// TestDoorCrowded: connections over the limit are hung up on, and the others still served.
func TestDoorCrowded(t *testing.T) {
	whole := blobtest.Bytes(1000, 1)
	n, ref := stocked(t, whole)
	at := loopback(n.door.listen.Addr().String())
	var held []net.Conn
	for range maxConnections {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	over, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	over.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("one more connection: %v", err)
	}
	p := source(n, "reader-1", ref).Peer
	fmt.Fprintf(held[0], "GET %s%s HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n", root, ref, headerTicket, p.Ticket)
	if text, err := io.ReadAll(held[0]); err != nil || !strings.HasSuffix(string(text), string(whole)) {
		t.Errorf("who was there before gets %.100q, %v", text, err)
	}
}

// TestDoorEncrypted: a door with a key is entered by its pin only, and a reader that wants encryption goes to no other.
func TestDoorEncrypted(t *testing.T) {
	whole := blobtest.Bytes(1000, 1)
	secure := func(o *Options) { o.TLS = true }
	n, ref := stocked(t, whole, secure)
	try := func(edit func(*farm.PeerSource)) error {
		p := *source(n, "reader-1", ref).Peer
		edit(&p)
		l, err := n.call(context.Background(), &p, ref, 1000, 0)
		if err == nil {
			l.Close()
		}
		return err
	}
	if err := try(func(*farm.PeerSource) {}); err != nil {
		t.Error(err)
	}
	if err := try(func(p *farm.PeerSource) { p.Pin = strings.Repeat("0", 64) }); err == nil {
		t.Error("another key is taken")
	}
	if err := try(func(p *farm.PeerSource) { p.Pin = "" }); err == nil {
		t.Error("it goes on without encryption")
	}
	old := &tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	if conn, err := tls.Dial("tcp", loopback(n.door.listen.Addr().String()), old); err == nil {
		conn.Close()
		t.Error("an old TLS is spoken")
	}
}

// TestDoorTaken: a port that is taken keeps nobody from fetching.
func TestDoorTaken(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n, err := Open(Options{Port: l.Addr().(*net.TCPAddr).Port, Now: time.Now})
	if farm.KindOf(err) != farm.Conflict || n == nil || n.Door() != nil {
		t.Errorf("%v, %v", n, err)
	}
}

// FuzzDoor: whatever is asked, nothing is given without a ticket.
func FuzzDoor(f *testing.F) {
	f.Add("GET", root+"nonsense", "ticket", "bytes=0-")
	f.Add("POST", "/", "1.2.3", "")
	d := &door{node: &Node{opt: Options{Worker: "worker-a", Now: time.Now}}, readers: map[farm.WorkerID]int{}}
	d.node.key.Store(&key{secret: theKey})
	f.Fuzz(func(t *testing.T, method, path, ticket, span string) {
		r := &http.Request{Method: method, Header: http.Header{headerTicket: {ticket}, "Range": {span}}}
		r.URL = &url.URL{Path: path}
		w := &counting{header: http.Header{}}
		d.ServeHTTP(w, r) // there is no cache: whoever got through would end in a panic
		if w.status != 403 && w.status != 404 {
			t.Errorf("answered %d", w.status)
		}
	})
}

// counting is an answer of which only the status counts.
type counting struct {
	header http.Header
	status int
}

func (w *counting) Header() http.Header         { return w.header }
func (w *counting) Write(p []byte) (int, error) { return len(p), nil }
func (w *counting) WriteHeader(status int)      { w.status = status }

// TestDoorLost: a worker that is asked for a blob which it removed says so to the master, once it is asked.
func TestDoorLost(t *testing.T) {
	whole := blobtest.Bytes(1000, 1)
	ref := blob.RefOf(whole)
	heard := make(chan farm.SourceQuestion, 10)
	n := node(t, "worker-a", func(q farm.SourceQuestion) (farm.Source, error) {
		heard <- q
		return farm.Source{}, nil
	})
	if err := n.Fetch(context.Background(), ref, 1000, Origin{Open: (&master{whole: whole}).open}); err != nil {
		t.Fatal(err)
	}
	<-heard // its question
	if q := <-heard; q.Have != 1000 || q.Gone {
		t.Errorf("it says %+v", q)
	}
	if err := n.opt.Cache.Drop(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
	if _, err := n.call(context.Background(), source(n, "reader-1", ref).Peer, ref, 1000, 0); err == nil {
		t.Error("a blob that is gone is given")
	}
	if q := <-heard; !q.Gone {
		t.Errorf("it says %+v", q)
	}
}

// TestOthers: a worker does not go to itself.
func TestOthers(t *testing.T) {
	n := node(t, "worker-a", nil)
	own := n.Door()
	if len(own.Addresses) == 0 {
		t.Skip("this machine has no network")
	}
	me := net.JoinHostPort(own.Addresses[0], fmt.Sprint(own.Port))
	beside := net.JoinHostPort(own.Addresses[0], "1")
	if got := n.others([]string{me, beside, "10.255.255.1:5"}); len(got) != 2 || got[0] != beside {
		t.Errorf("of %s it goes to %q", me, got)
	}
}
