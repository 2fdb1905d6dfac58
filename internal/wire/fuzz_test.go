package wire

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

// FuzzParseAddress: an address that is taken means one master, and is read again as itself.
func FuzzParseAddress(f *testing.F) {
	pin := strings.Repeat("0a", 32)
	for _, text := range []string{
		"oak", "oak:80", " 10.0.0.1 ", "::1", "[::1]:8420", "http://oak", "https://oak:1#" + pin, "oak#" + pin, "http://oak#" + pin,
		"https://oak#" + strings.ToUpper(pin), "https://oak/#", "fe80::1%eth0", "https://[fe80::1%25eth0]:1", "http://user@oak", "http://oak/x?y", "ftp://oak", "oak:0", "oak:99999",
		"https://oak##", "http://[::1", "", "http://", "https://oak:443/",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := ParseAddress(text)
		if err != nil {
			var e *farm.Error
			if !errors.As(err, &e) || e.Kind != farm.Invalid || e.Hint == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseAddress(address)
		if err != nil || again != address {
			t.Fatalf("%q became %q, and that %q, %v", text, address, again, err)
		}
		pin := PinIn(address)
		if pin != "" && (!IsPin(pin) || !strings.HasPrefix(address, "https://")) {
			t.Fatalf("%q has the pin %q", address, pin)
		}
		c, err := NewClient(address, "token", Options{})
		if err != nil || WithPin(c.Address(), pin) != address {
			t.Fatalf("%q became a client of %q, %v", text, c.Address(), err)
		}
	})
}

// FuzzProblem reads any answer that is no success: it becomes an error with a kind that is known and a sentence.
func FuzzProblem(f *testing.F) {
	f.Add(404, ProblemType, []byte(`{"kind":"not_found","detail":"there is no job 7","hint":"netrender jobs lists them","status":404}`))
	f.Add(500, ProblemType, []byte(`{"kind":"made up"}`))
	f.Add(503, ProblemType, []byte(`{"title":"x","status":-1}`))
	f.Add(400, "", []byte("Client sent an HTTP request to an HTTPS server."))
	f.Add(999, "text/html; charset=", []byte("<html>"))
	f.Add(413, ProblemType, []byte(`[`))
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(string(body)))}
		var e *farm.Error
		if err := readProblem(resp); !errors.As(err, &e) || e.Text == "" || e.Kind == "" {
			t.Errorf("%d %q %q: %#v", status, kind, body, err)
		}
	})
}
