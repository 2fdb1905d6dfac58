package peer

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
	"github.com/netrender/netrender/internal/farm"
)

func loopback(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return net.JoinHostPort("127.0.0.1", port)
}

// bad is a peer that answers a request as a test wants.
func bad(t *testing.T, answer func(conn net.Conn, offset int64)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				offset, _ := begin(r.Header.Get("Range"))
				answer(conn, offset)
			})
		}
	})
	return l.Addr().String()
}

// head is the beginning of a good answer.
func head(conn net.Conn, size, offset int64) {
	status, part := "200 OK", ""
	if offset > 0 {
		status, part = "206 Partial Content", fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", offset, size-1, size)
	}
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%sUpload-Size: %d\r\nNetrender-Whole: 1\r\nContent-Length: %d\r\n\r\n", status, part, size, size-offset)
}

// TestBadPeers: whatever a peer does, the blob is right in the end and soon, the rest is fetched from where the peer left
// it, and the master hears what was wrong.
func TestBadPeers(t *testing.T) {
	whole := blobtest.Bytes(2_000_000, 1)
	size, ref := int64(len(whole)), blob.RefOf(whole)
	wrong := slices.Clone(whole)
	wrong[size/2] ^= 1
	wait := func(conn net.Conn) { conn.Read(make([]byte, 1)) } // until the reader leaves
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for what, c := range map[string]struct {
		address string
		answer  func(conn net.Conn, offset int64)
		want    farm.FaultKind
		begins  int64 // where the master goes on; -1: anywhere above 0
	}{
		"out of reach": {closed.Addr().String(), nil, farm.FaultUnreachable, 0},
		"gone in the middle": {"", func(conn net.Conn, offset int64) {
			head(conn, size, offset)
			conn.Write(whole[offset : size/2])
		}, farm.FaultBroke, size / 2},
		"silent at once": {"", func(conn net.Conn, _ int64) { wait(conn) }, farm.FaultSilent, 0},
		"silent in the middle": {"", func(conn net.Conn, offset int64) {
			head(conn, size, offset)
			conn.Write(whole[offset : size/2])
			wait(conn)
		}, farm.FaultSilent, size / 2},
		"slow": {"", func(conn net.Conn, offset int64) {
			head(conn, size, offset)
			for ; offset+10 < size; offset += 10 { // 1 kB/s
				if _, err := conn.Write(whole[offset : offset+10]); err != nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}, farm.FaultSlow, -1},
		"wrong bytes": {"", func(conn net.Conn, offset int64) {
			head(conn, size, offset)
			conn.Write(wrong[offset:])
		}, farm.FaultLied, 0},
		"endless": {"", func(conn net.Conn, offset int64) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nUpload-Size: %d\r\nTransfer-Encoding: chunked\r\n\r\n", size)
			for {
				if _, err := fmt.Fprintf(conn, "186a0\r\n%s\r\n", strings.Repeat("x", 100_000)); err != nil {
					return
				}
			}
		}, farm.FaultRefused, 0},
		"more than it says": {"", func(conn net.Conn, offset int64) {
			head(conn, size, offset)
			conn.Write(whole[offset : size/2])
			conn.Write(make([]byte, 5_000_000))
		}, farm.FaultLied, 0},
		"another size": {"", func(conn net.Conn, _ int64) { head(conn, size-1, 0); conn.Write(whole) }, farm.FaultRefused, 0},
		"no HTTP":      {"", func(conn net.Conn, _ int64) { conn.Write([]byte(strings.Repeat("SSH-2.0\n", 1000))) }, farm.FaultRefused, 0},
		"large header": {"", func(conn net.Conn, _ int64) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := fmt.Fprintf(conn, "X: %s\r\n", strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}, farm.FaultRefused, 0},
		"sends elsewhere": {"", func(conn net.Conn, _ int64) {
			fmt.Fprintf(conn, "HTTP/1.1 302 Found\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n", conn.LocalAddr())
		}, farm.FaultRefused, 0},
		"does not have it": {"", func(conn net.Conn, _ int64) {
			fmt.Fprint(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}, farm.FaultRefused, 0},
		"speaks no TLS": {"", func(conn net.Conn, _ int64) { conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, farm.FaultRefused, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if c.address == "" {
				c.address = bad(t, c.answer)
			}
			var mu sync.Mutex
			var heard []farm.SourceFault
			pin := ""
			if what == "speaks no TLS" {
				pin = strings.Repeat("0", 64)
			}
			n := node(t, "worker-a", func(q farm.SourceQuestion) (farm.Source, error) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, q.Failed...)
				if len(heard) > 0 || q.Slow || q.Have == q.Size {
					return farm.Source{}, nil
				}
				if q.From != "" {
					return farm.Source{Keep: true}, nil
				}
				return sourceAt(c.address, "worker-bad", pin, "worker-a", ref), nil
			})
			n.span = 500 * time.Millisecond
			m := &master{whole: whole}
			began := time.Now()
			if err := n.Fetch(context.Background(), ref, size, Origin{Open: m.open}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
			holds(t, n, ref, whole)
			mu.Lock()
			defer mu.Unlock()
			if want := []farm.SourceFault{{Peer: "worker-bad", How: c.want}}; !slices.Equal(heard, want) {
				t.Errorf("the master heard %v, not %v", heard, want)
			}
			if at := m.offsets[0]; len(m.offsets) != 1 || c.begins >= 0 && at != c.begins || c.begins < 0 && at == 0 {
				t.Errorf("the master was read from at %v, not %d", m.offsets, c.begins)
			}
			if out := n.Load().Unreachable; (len(out) > 0) != (c.want == farm.FaultUnreachable) {
				t.Errorf("out of reach are %q", out)
			}
		})
	}
}

// TestAllBad: a worker that is led to one bad peer after the other gives up on them, and has the blob.
func TestAllBad(t *testing.T) {
	whole := blobtest.Bytes(200_000, 1)
	ref := blob.RefOf(whole)
	address := bad(t, func(conn net.Conn, _ int64) {})
	var asked atomic.Int32
	n := node(t, "worker-a", func(q farm.SourceQuestion) (farm.Source, error) {
		no := int(asked.Add(1))
		return sourceAt(address, farm.WorkerID("worker-"+strconv.Itoa(no)), "", "worker-a", ref), nil
	})
	m := &master{whole: whole}
	if err := n.Fetch(context.Background(), ref, int64(len(whole)), Origin{Open: m.open}); err != nil {
		t.Fatal(err)
	}
	holds(t, n, ref, whole)
	if n := asked.Load(); n > mostFaults+2 {
		t.Errorf("the master was asked %d times", n)
	}
}

// TestGivenUp: a fetch whose context ends returns at once, and keeps what came.
func TestGivenUp(t *testing.T) {
	whole := blobtest.Bytes(2_000_000, 1)
	size, ref := int64(len(whole)), blob.RefOf(whole)
	sent := make(chan struct{})
	address := bad(t, func(conn net.Conn, offset int64) {
		head(conn, size, offset)
		conn.Write(whole[offset : size/2])
		close(sent)
		conn.Read(make([]byte, 1))
	})
	n := node(t, "worker-a", func(q farm.SourceQuestion) (farm.Source, error) {
		s := sourceAt(address, "worker-bad", "", "worker-a", ref)
		s.Peer.SilentMS = 60_000
		return s, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-sent
		for n.fromPeers.Load() < size/2 {
			<-time.After(time.Millisecond)
		}
		cancel()
	}()
	m := &master{whole: whole}
	if err := n.Fetch(ctx, ref, size, Origin{Open: m.open}); ctx.Err() == nil || err == nil {
		t.Fatalf("it ended with %v", err)
	}
	n.Keyed(nil)
	if err := n.Fetch(context.Background(), ref, size, Origin{Open: m.open}); err != nil {
		t.Fatal(err)
	}
	holds(t, n, ref, whole)
	if m.offsets[0] != size/2 {
		t.Errorf("it goes on at %d of %d", m.offsets[0], size)
	}
}
