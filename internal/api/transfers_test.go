package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// dial makes a connection for requests that are written by hand.
func (h *house) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// token makes a token that may be revoked.
func (h *house) token(role farm.Role) (id, secret string) {
	h.t.Helper()
	t, secret, err := h.m.CreateToken(within(h.t), master.Identity{Role: farm.RoleAdmin}, "short-lived", role)
	if err != nil {
		h.t.Fatal(err)
	}
	return t.ID, secret
}

const bulk = 24 << 20 // more than systems buffer

// TestRevocationEndsTransfers: also those that stand still.
func TestRevocationEndsTransfers(t *testing.T) {
	content := noise(bulk, 7)
	ref := blob.RefOf(content).String()
	for _, c := range []struct {
		name  string
		role  farm.Role
		ready func(t *testing.T, h *house, secret string) (request string)
		sends bool
	}{
		{"getBlob", farm.RoleAdmin, func(t *testing.T, h *house, _ string) string {
			if err := h.blobs.Put(within(t), blob.RefOf(content), bulk, bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			return "GET " + wire.BlobPath(ref)
		}, false},
		{"getResult", farm.RoleView, func(t *testing.T, h *house, _ string) string {
			job := h.submit("1")
			dir := h.m.OutputFolder(&job)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "a.exr"), content, 0o600); err != nil {
				t.Fatal(err)
			}
			return "GET " + wire.ResultPath(job.ID, "a.exr")
		}, false},
		{"putBlob", farm.RoleSubmit, func(*testing.T, *house, string) string { return "PUT " + wire.BlobPath(ref) }, true},
		{"putResult", farm.RoleWorker, func(t *testing.T, h *house, secret string) string {
			client, err := wire.NewClient(h.url, secret, wire.Options{})
			if err != nil {
				t.Fatal(err)
			}
			h.worker(client, "worker-01", 1)
			h.submit("1")
			grant, err := client.Claim(within(t), farm.Wish{Worker: "worker-01"})
			if err != nil || grant == nil {
				t.Fatal(grant, err)
			}
			return fmt.Sprintf("PUT %s/leases/%d/results?frame=1&kind=exr&name=a.exr", wire.Root, grant.Lease.ID)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			id, secret := h.token(c.role)
			line := c.ready(t, h, secret)
			conn := h.dial()
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n", line, secret)
			if c.sends {
				fmt.Fprintf(conn, "Expect: 100-continue\r\nContent-Length: %d\r\n%s: %d\r\n%s: %s\r\n%s: worker-01\r\n",
					bulk, wire.HeaderSize, bulk, wire.HeaderRef, ref, wire.HeaderWorker)
			}
			fmt.Fprint(conn, "\r\n")
			in := bufio.NewReader(conn)
			if c.sends {
				if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusContinue { // it is being read
					t.Fatal(resp, err)
				}
				if _, err := conn.Write(content[:1<<20]); err != nil {
					t.Fatal(err)
				}
			} else if _, err := in.Peek(2000); err != nil { // it has begun
				t.Fatal(err)
			}
			if err := h.m.RevokeToken(within(t), master.Identity{Role: farm.RoleAdmin}, id); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(in, nil)
			if c.sends {
				if err == nil && resp.StatusCode != http.StatusUnauthorized || err != nil && os.IsTimeout(err) {
					t.Errorf("%+v %v", resp, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err == nil || os.IsTimeout(err) || n >= bulk {
				t.Errorf("%d of %d bytes came, %v", n, int64(bulk), err)
			}
		})
	}
}

// TestSlowClientsAreDropped: who sends or reads nothing for a while loses the connection.
func TestSlowClientsAreDropped(t *testing.T) {
	content := noise(bulk, 9)
	for _, c := range []struct {
		name, request string
		body          int
	}{
		{"a reader", "GET " + wire.BlobPath(blob.RefOf(content).String()) + " HTTP/1.1\r\n", 0},
		{"a sender", "PUT " + wire.BlobPath(strings.Repeat("ab", 32)) + " HTTP/1.1\r\n" + wire.HeaderSize + ": 5000000\r\nContent-Length: 5000000\r\n", 100},
		{"a sender of JSON", "POST " + wire.Root + "/jobs HTTP/1.1\r\nContent-Length: 5000000\r\n", 100},
		{"a sender of headers", "GET /healthz HTTP/1.1\r\nX: ", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			if err := h.blobs.Put(within(t), blob.RefOf(content), bulk, bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			h.a.stall = 50 * time.Millisecond
			dropped := make(chan struct{}, 10)
			short := httptest.NewUnstartedServer(h.a)
			short.Config = Server(h.a)
			if short.Config.ReadHeaderTimeout > 30*time.Second {
				t.Fatal("headers may take too long")
			}
			short.Config.ReadHeaderTimeout = 50 * time.Millisecond
			short.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateClosed {
					dropped <- struct{}{}
				}
			}
			short.Start()
			t.Cleanup(short.Close)
			h.url = short.URL
			conn := h.dial()
			fmt.Fprint(conn, c.request)
			if c.body >= 0 {
				fmt.Fprintf(conn, "Host: x\r\nAuthorization: Bearer %s\r\n\r\n%s", h.secret[farm.RoleAdmin], strings.Repeat(" ", c.body))
			}
			select {
			case <-dropped:
			case <-within(t).Done():
				t.Fatal("it is not dropped")
			}
		})
	}
}

func TestLongHeadersAreRefused(t *testing.T) {
	h := open(t)
	conn := h.dial()
	fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
	for range 100 {
		if _, err := fmt.Fprintf(conn, "X: %s\r\n", strings.Repeat("a", 2000)); err != nil {
			return // hung up
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || err != nil && os.IsTimeout(err) {
		t.Errorf("%+v %v", resp, err)
	}
}

// ended is a writer of a call that is over: HTTP/2 has no stream for it any more.
type ended struct{ http.ResponseWriter }

func (ended) SetReadDeadline(time.Time) error  { panic("a deadline after the call") }
func (ended) SetWriteDeadline(time.Time) error { panic("a deadline after the call") }

// TestNoDeadlinesAfterTheCall: a token that is revoked just as a transfer ends touches the connection no more.
func TestNoDeadlinesAfterTheCall(t *testing.T) {
	h := open(t)
	var body *pacedBody
	h.a.router.handle("GET /trial", roles{}, func(w http.ResponseWriter, r *http.Request, who master.Identity) error {
		body = h.a.paced(w, r, who)
		return nil
	})
	h.a.router.ServeHTTP(ended{httptest.NewRecorder()}, httptest.NewRequest("GET", "/trial", nil))
	body.cut(errRevoked)
}
