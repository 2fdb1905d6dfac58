package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// proving is a master that knows the token.
func proving(token string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Root+"/prove" {
			h.ServeHTTP(w, r)
			return
		}
		var in ProveRequest
		hash := farm.TokenHash(token)
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.Mark != farm.TokenMark(hash) {
			problem(w, farm.Denied, "not known", "")
			return
		}
		where := OverHTTP(r.Context().Value(http.LocalAddrContextKey).(net.Addr))
		if r.TLS != nil {
			where = OverTLS(r.Header.Get("Test-Pin"))
		}
		_ = json.NewEncoder(w).Encode(ProveReply{Where: where, Proof: farm.Proof(hash, in.Nonce, where)})
	})
}

// station is somebody who answers, and notes the tokens that are shown.
type station struct {
	url, pin string
	shown    atomic.Value // string
}

func (s *station) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); a != "" {
			s.shown.Store(a)
		}
		_, _ = io.WriteString(w, "{}")
	})
}

func (s *station) saw() string { text, _ := s.shown.Load().(string); return text }

// serve answers in plain, or with a key of its own.
func serve(t *testing.T, encrypted bool, h func(*station) http.Handler) *station {
	t.Helper()
	s := &station{}
	inner := h(s)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Test-Pin", s.pin)
		inner.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if encrypted {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ask := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
		raw, err := x509.CreateCertificate(rand.Reader, ask, ask, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		s.pin = PinOf(leaf)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// between passes everything on to another station but is none itself.
func between(to *station) func(*station) http.Handler {
	return func(s *station) http.Handler {
		u, _ := url.Parse(to.url)
		pass := httputil.NewSingleHostReverseProxy(u)
		pass.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		noted := s.handler()
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				noted.ServeHTTP(w, r)
				return
			}
			r.Header.Del("Test-Pin")
			pass.ServeHTTP(w, r)
		})
	}
}

func TestTokensAreShownToMastersOnly(t *testing.T) {
	const token = "nr_the_token"
	master := func(s *station) http.Handler { return proving(token, s.handler()) }
	plain, encrypted := serve(t, false, master), serve(t, true, master)
	stranger, strangeKey := serve(t, false, (*station).handler), serve(t, true, (*station).handler)
	other := serve(t, false, func(s *station) http.Handler { return proving("nr_another", s.handler()) })
	for _, c := range []struct {
		name  string
		at    *station
		pin   string
		heard bool
		kind  farm.Kind // "": the token is shown
	}{
		{"named", plain, "", false, ""},
		{"heard of", plain, "", true, ""},
		{"encrypted, named without a pin", encrypted, "", false, ""},
		{"encrypted, heard of", encrypted, "", true, ""},
		{"encrypted, heard of with its pin", encrypted, encrypted.pin, true, ""},
		{"pinned", encrypted, encrypted.pin, false, ""},
		{"a stranger", stranger, "", false, farm.Untrusted},
		{"a stranger, heard of", stranger, "", true, farm.Untrusted},
		{"a stranger with a key", strangeKey, "", false, farm.Untrusted},
		{"a stranger with a key, heard of", strangeKey, strangeKey.pin, true, farm.Untrusted},
		{"a stranger under another's pin", strangeKey, encrypted.pin, false, farm.Untrusted},
		{"another farm", other, "", true, farm.Denied},
		{"passed on, heard of", serve(t, false, between(plain)), "", true, farm.Untrusted},
		{"passed on, named: as a port that is forwarded", serve(t, false, between(plain)), "", false, ""},
		{"passed on with another key", serve(t, true, between(encrypted)), "", false, farm.Untrusted},
		{"passed on with another key, heard of", serve(t, true, between(encrypted)), "", true, farm.Untrusted},
		{"passed on with another key to one without", serve(t, true, between(plain)), "", true, farm.Untrusted},
		{"stripped of its encryption", serve(t, false, between(encrypted)), "", false, farm.Untrusted},
		{"stripped of its encryption, heard of", serve(t, false, between(encrypted)), "", true, farm.Untrusted},
	} {
		c.at.shown = atomic.Value{}
		client, err := NewClient(WithPin(c.at.url, c.pin), token, Options{Heard: c.heard})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Whoami(within(t))
		client.Close()
		switch {
		case c.kind == "" && (err != nil || c.at.saw() != "Bearer "+token):
			t.Errorf("%s: %v, saw %q", c.name, err, c.at.saw())
		case c.kind != "" && (farm.KindOf(err) != c.kind || c.at.saw() != "" || Again(err)):
			t.Errorf("%s: %v, saw %q", c.name, err, c.at.saw())
		}
		if err != nil && (strings.Contains(err.Error(), c.at.pin) && c.at.pin != "" || strings.Contains(err.Error(), token)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if proven := client.ProvenKey(); c.kind == "" && c.at == encrypted && c.pin == "" && proven != encrypted.pin || c.kind != "" && proven != "" {
			t.Errorf("%s: proven is %q", c.name, proven)
		}
	}
}

// TestEveryConnectionIsProven: who takes a master's address over gets nothing, however long the client has known the
// master.
func TestEveryConnectionIsProven(t *testing.T) {
	const token = "nr_the_token"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	true1, false1 := &station{}, &station{}
	first := &http.Server{Handler: proving(token, true1.handler())}
	go func() { _ = first.Serve(l) }()
	client, err := NewClient("http://"+l.Addr().String(), token, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Whoami(within(t)); err != nil || true1.saw() == "" {
		t.Fatal(err, true1.saw())
	}
	first.Close()
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	second := &http.Server{Handler: false1.handler()}
	go func() { _ = second.Serve(l) }()
	defer second.Close()
	if _, err := client.Whoami(within(t)); farm.KindOf(err) != farm.Untrusted || false1.saw() != "" {
		t.Errorf("%v, saw %q", err, false1.saw())
	}
	if _, err := client.WithToken("").Info(within(t)); err != nil {
		t.Errorf("what needs no token: %v", err)
	}
}

// TestProofsThatBreak: a master that is going down, hangs up or babbles while it should prove itself.
func TestProofsThatBreak(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		again  bool
	}{
		"hangs up":     {"", true},
		"half":         {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", true},
		"stopping":     {"HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\nContent-Length: 40\r\n\r\n" + `{"kind":"stopping","detail":"down now" } `, true},
		"says goodbye": {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", true},
		"babbles":      {"220 mail ready\r\n\r\n", true},
		"a page":       {"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", false},
		"needs TLS":    {"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", false},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, c.answer)
				conn.Close()
			}
		}()
		client, err := NewClient("http://"+l.Addr().String(), "nr_x", Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Whoami(within(t))
		if err == nil || Again(err) != c.again || !c.again && farm.KindOf(err) != farm.Untrusted {
			t.Errorf("%s: %v (again %v)", name, err, Again(err))
		}
		if strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%s: %q", name, err)
		}
		l.Close()
	}
}
