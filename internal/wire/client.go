package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/netrender/netrender/internal/farm"
)

// Options of a client; the zero value is fine.
type Options struct {
	Program string       // version of the program that speaks, told to the master
	TLS     *tls.Config  // nil: the pin in the address, or the system's trust
	HTTP    *http.Client // nil: one tuned for a master; then TLS and Heard are not looked at
	// Heard says that the address was heard of, and not given by somebody who knows it: whoever answers there must prove
	// that it knows the token, and without a token any certificate will do. See ways.
	Heard bool
}

// Client speaks to one master. It is safe for concurrent use; its connections are kept, and shared with its copies, as
// is the master's address.
type Client struct {
	base    string // the address at first; request leads to where the master is now
	at      *atomic.Pointer[place]
	token   string
	program string
	http    *http.Client  // for the token
	ways    *ways         // nil: the http.Client was given
	patient time.Duration // how long calls that may be repeated are; 0: not at all
	first   time.Duration // first wait between tries
	silence time.Duration // how long a transfer may stand still
}

// place is where a master is.
type place struct {
	base         string // scheme, host and port
	scheme, host string
	name         string // host without the port
	dialed       string // host with the port, also where an address leaves it out
	pin          string // of its key; "": its certificate is checked by name
	local        bool   // on this machine: bytes are not packed
}

func placeOf(address string) (*place, error) {
	address, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	base, pin, _ := strings.Cut(address, "#")
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(u.Hostname())
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return &place{
		base: base, pin: pin, scheme: u.Scheme, host: u.Host, name: u.Hostname(), dialed: net.JoinHostPort(u.Hostname(), port),
		local: u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(),
	}, nil
}

// IsLocal tells whether a master's address is this machine's own, from which nothing goes over a network.
func IsLocal(address string) bool {
	at, err := placeOf(address)
	return err == nil && at.local
}

// answerTime is how long a call may take beyond what it asks to be held.
const answerTime = 60 * time.Second

// ParseAddress reads a master's address: a URL, or a host with or without a port. DefaultPort is added to a bare
// host; a URL means what it says. The pin of a master that speaks TLS stands behind a #; see PinOf.
func ParseAddress(text string) (string, error) {
	bad := func() (string, error) {
		return "", farm.Errorf(farm.Invalid, "%q is not the address of a master", text).
			WithHint("write it as http://HOST:%d, HOST:%d or HOST", DefaultPort, DefaultPort)
	}
	text = strings.TrimSpace(text)
	bare := !strings.Contains(text, "://")
	text, pin, pinned := strings.Cut(text, "#")
	text = strings.TrimSuffix(text, "/")
	if pinned && !IsPin(pin) {
		return bad()
	}
	if bare {
		if strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
		if text = "http://" + text; pinned {
			text = "https" + strings.TrimPrefix(text, "http")
		}
	}
	if before, zone, ok := strings.Cut(text, "%"); ok && strings.Contains(before, "[") && !strings.HasPrefix(zone, "25") {
		text = before + "%25" + zone // the zone of an IPv6 address, as it stands in a URL (RFC 6874)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) || u.User != nil ||
		pinned && u.Scheme != "https" || u.RawQuery != "" || u.Path != "" {
		return bad()
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return bad()
		}
	} else if bare {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(DefaultPort))
	}
	return WithPin(u.Scheme+"://"+strings.Replace(u.Host, "%", "%25", 1), pin), nil
}

// isHost tells whether text is an IP address or may be the name of a machine.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
}

// NewClient returns a client of the master at the address (see ParseAddress). The token may be empty.
func NewClient(address, token string, o Options) (*Client, error) {
	at, err := placeOf(address)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, farm.Errorf(farm.Invalid, "the token holds characters that no token has")
	}
	c := &Client{
		base: at.base, at: new(atomic.Pointer[place]), token: token, program: o.Program, http: o.HTTP,
		first: 100 * time.Millisecond, silence: time.Minute,
	}
	c.at.Store(at)
	if c.http == nil {
		c.ways = &ways{at: c.at, heard: o.Heard, tls: o.TLS, conns: newConnections(), all: make(map[string]*http.Client)}
		c.http = c.ways.with(token)
	}
	return c, nil
}

// isNear tells whether a host is on the same network, by its name or address.
func isNear(host string) bool {
	ip := net.ParseIP(host)
	if ip != nil {
		return ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local")
}

// Address is the master's scheme, host and port.
func (c *Client) Address() string { return c.at.Load().base }

// local tells whether the master is on this machine.
func (c *Client) local() bool { return c.at.Load().local }

// MoveTo leads the client and all its copies to another address of the same master (see ParseAddress). Transfers that
// break go on there; whatever is under way at the old address stays there. A master that was spoken to by TLS must
// have the same pin there.
func (c *Client) MoveTo(address string) error {
	at, err := placeOf(address)
	if err != nil {
		return err
	}
	if old := c.at.Load(); old.scheme == "https" && (at.scheme != old.scheme || at.pin != old.pin) {
		return farm.Errorf(farm.Untrusted, "what answers at %s does not show the key of the master that was at %s", at.base, old.base)
	}
	c.at.Store(at)
	c.Close()
	return nil
}

// Suspect says that the master seems out of reach. New calls make connections of their own; those under way are left
// alone until Refresh.
func (c *Client) Suspect() {
	if c.ways != nil {
		c.ways.conns.suspect()
	}
	c.Close()
}

// Refresh says that the master answers again. Connections on which no byte moved since the last Suspect are taken for
// dead and closed: what hangs on them fails at once with Unreachable, and a Download goes on by another one. With
// Options.HTTP it does nothing.
func (c *Client) Refresh() {
	if c.ways != nil {
		c.ways.conns.hangUp()
	}
}

// Patient returns a client that repeats calls which may be repeated for up to within while the master is away, with
// growing waits. Submitting without a key, and making or deleting things, is never repeated.
func (c *Client) Patient(within time.Duration) *Client {
	p := *c
	p.patient = within
	return &p
}

// WithToken returns a client that shows another token. Suspect, Refresh and Close are for both.
func (c *Client) WithToken(token string) *Client {
	p := *c
	if p.token = token; c.ways != nil {
		p.http = c.ways.with(token)
	}
	return &p
}

// Key is the pin of the key that was shown last by whoever answers at the master's address, "" when none was.
func (c *Client) Key() string {
	if c.ways == nil || c.ways.key.Load() == nil {
		return ""
	}
	return *c.ways.key.Load()
}

// ProvenKey is the same of a master that proved that it knows the token, where it had to.
func (c *Client) ProvenKey() string {
	if c.ways == nil || c.ways.proven.Load() == nil {
		return ""
	}
	return *c.ways.proven.Load()
}

// Close drops idle connections.
func (c *Client) Close() {
	if c.ways != nil {
		c.ways.closeIdle()
		return
	}
	c.http.CloseIdleConnections()
}

// request makes one request and returns a successful answer, or an error. Statuses below 300 are successes, those in
// also are passed on too. The caller closes the body.
func (c *Client) request(ctx context.Context, r *http.Request, also ...int) (*http.Response, error) {
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.program != "" {
		r.Header.Set(HeaderMade, c.program)
	}
	at := c.at.Load()
	r.URL.Scheme, r.URL.Host, r.Host = at.scheme, at.host, ""
	resp, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	for _, s := range also {
		if resp.StatusCode == s {
			return resp, nil
		}
	}
	err = readProblem(resp)
	resp.Body.Close()
	return nil, err
}

// broken sorts a failure of the network: the caller's own end of patience stays what it is.
func (c *Client) broken(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == errSilent, cause == errStalled:
		return &Unreachable{Address: c.Address(), Err: cause}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if e, ok := said(err); ok { // while the connection was made
		return e
	}
	return &Unreachable{Address: c.Address(), Err: err}
}

// call is one JSON call.
type call struct {
	method, path string
	query        url.Values
	in           any           // nil: no body
	out          any           // nil: the answer is not read; a 204 leaves it as it is
	wait         time.Duration // how long the call asks to be held
	again        bool          // it may be repeated
}

func (c *Client) do(ctx context.Context, k call) error {
	var body []byte
	if k.in != nil {
		var err error
		if body, err = json.Marshal(k.in); err != nil {
			return farm.Errorf(farm.Invalid, "the request cannot be written as JSON: %w", err)
		}
	}
	if !k.again {
		return c.once(ctx, k, body)
	}
	return c.repeat(ctx, func() error { return c.once(ctx, k, body) })
}

// repeat calls f again while the client is patient and that may help.
func (c *Client) repeat(ctx context.Context, f func() error) error {
	err := f()
	if c.patient <= 0 || !Again(err) {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, c.patient)
	defer cancel()
	for back := (backoff{first: c.first}); Again(err); err = f() {
		if back.wait(limit) != nil {
			return err
		}
	}
	return err
}

func (c *Client) once(ctx context.Context, k call, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, k.wait+answerTime, errSilent)
	defer cancel()
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, k.method, target, reader)
	if err != nil {
		return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if k.out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return c.decode(ctx, resp, k.out)
}

// decode reads a JSON answer; what is over the limit is not JSON of ours.
func (c *Client) decode(ctx context.Context, resp *http.Response, out any) error {
	limited := io.LimitReader(resp.Body, 4*MaxBody)
	err := json.NewDecoder(limited).Decode(out)
	if err == nil {
		_, err = io.CopyN(io.Discard, limited, 4<<10) // so that the connection is used again
		if err == io.EOF || err == nil {
			return nil
		}
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var own *farm.Error
	if errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &own) {
		return farm.Errorf(farm.Outdated, "the master's answer is not understood: %w", err).
			WithHint("check that %s is the address of a Netrender master of a version that fits", c.Address())
	}
	return c.broken(ctx, err)
}
