package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// Limits for those who are not known yet. Nobody guesses a token or a code that way; this keeps strangers from costing
// much.
const (
	wrongBurst   = 60              // wrong tokens and codes from a network at once,
	wrongRefill  = 2 * time.Second // and one more each
	mostNetworks = 10_000          // networks that are counted
	mostGuests   = 200             // calls held open for those who have no token
	guestsEach   = 50              // of one network: an IPv6 one may be the whole farm's
)

// buckets count how often somebody was wrong, by the network that he came from.
type buckets struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]bucket
}

type bucket struct {
	left int
	at   time.Time // when left was true
}

// take counts one; false: it is one too many.
func (b *buckets) take(address string) bool {
	from, now := master.Network(address), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = make(map[string]bucket)
	}
	k, known := b.all[from]
	if !known {
		if len(b.all) >= mostNetworks {
			b.forget(now)
		}
		k = bucket{wrongBurst, now}
	}
	if n := int(now.Sub(k.at) / wrongRefill); n > 0 {
		k.left, k.at = min(wrongBurst, k.left+n), k.at.Add(time.Duration(n)*wrongRefill)
	}
	ok := k.left > 0
	if ok {
		k.left--
	}
	b.all[from] = k
	return ok
}

// forget drops those that would be full again by now, and when there are none, all.
func (b *buckets) forget(now time.Time) {
	for from, k := range b.all {
		if now.Sub(k.at) >= wrongBurst*wrongRefill {
			delete(b.all, from)
		}
	}
	if len(b.all) >= mostNetworks {
		clear(b.all)
	}
}

// wrongly turns a refusal of a token or a code into one to wait when there were too many of them.
func (a *API) wrongly(address string, err error) error {
	if a.wrong.take(address) {
		return err
	}
	return farm.Errorf(farm.Throttled, "too many wrong tokens or codes came from %s", address).WithHint("wait a minute")
}

// guests are the calls held open for those who have no token.
type guests struct {
	mu  sync.Mutex
	all map[string]int // by network
	n   int
}

// enter takes a place; leave gives it back.
func (g *guests) enter(address string) (leave func(), err error) {
	from := master.Network(address)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= mostGuests || g.all[from] >= guestsEach {
		return nil, farm.Errorf(farm.Throttled, "too many newcomers are waiting").WithHint("try again in a minute")
	}
	if g.all == nil {
		g.all = make(map[string]int)
	}
	g.n++
	g.all[from]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.n--
		if g.all[from]--; g.all[from] == 0 {
			delete(g.all, from)
		}
	}, nil
}

// OnlyHosts lets requests through that name the server by an address, by one of the names or by one that only this
// network can give (oak, oak.local). A page of
// another site can have its own name lead here, and would then be taken for one of ours where nobody is asked for a
// token (DNS rebinding).
func OnlyHosts(names []string, next http.Handler) http.Handler {
	known := make(map[string]bool)
	for _, name := range names {
		known[plainHost(name)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := plainHost(r.Host)
		if _, err := netip.ParseAddr(host); err != nil && !known[host] && !ownedByNobody(host) {
			p := translate(farm.Errorf(farm.Denied, "this open farm is not known as %s", clip(host)).
				WithHint("use the master's address; or start it with --host %s", clip(host)))
			w.Header().Set("Content-Type", wire.ProblemType)
			_ = writeBody(w, p.Status, &p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownedByNobody tells whether a name is one that only this network can give: strangers cannot have it lead here.
func ownedByNobody(host string) bool {
	labels := strings.Split(host, ".")
	if len(labels) == 1 {
		return host != ""
	}
	switch labels[len(labels)-1] {
	case "local", "localhost", "internal", "lan":
		return true
	}
	return strings.HasSuffix(host, ".home.arpa")
}

// plainHost is a host without port, brackets and the dot at its end, in lower case.
func plainHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
