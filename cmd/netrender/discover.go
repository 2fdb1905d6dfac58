package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// note is what a master says of itself on the network. Anybody may say it.
type note struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Port int    `json:"port"`
	TLS  bool   `json:"tls,omitempty"`
	Pin  string `json:"pin,omitempty"` // of its key, when it keeps it
}

// note is what this master says.
func (s *server) note() note {
	n := note{ID: s.id, Name: clip(s.name, 100), Port: s.listen.Addr().(*net.TCPAddr).Port}
	if s.proof != nil {
		n.TLS, n.Pin = true, s.proof.pin
	}
	return n
}

// announce tells the network of the master until ctx ends.
func (s *server) announce(ctx context.Context) {
	text, err := json.Marshal(s.note())
	if err != nil {
		return
	}
	at := s.listen.Addr().(*net.TCPAddr)
	b := beacon.Announcer{
		Service: wire.Service, Port: wire.DefaultPort, Payload: func() []byte { return text },
		MDNS: uint16(at.Port), Loopback: at.IP.IsLoopback(),
	}
	if err := b.Run(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("the master cannot be announced on the network; workers must be told its address", "err", err)
	}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

// foundMaster is a master, or what is said to be one.
type foundMaster struct {
	URL   string // with its pin, if it has one
	ID    string // of its farm, as it was announced; "": it was named, or runs here
	Name  string
	heard bool // somebody said so: it must prove itself. See wire.Options
	bare  bool // the address does not say whether it encrypts
}

// foundMost bounds how many masters are looked at, for anybody may announce any number.
const foundMost = 64

// discover asks the network for masters: until a while after the first answer, so that several are all seen, or
// until wait has passed without any. One that has several addresses is there several times, those that other machines
// can reach, too, first.
func discover(ctx context.Context, wait time.Duration) []foundMaster {
	return listenFor(ctx, wait, othersAnswer)
}

// discoverAll is discover that always listens for so long.
func discoverAll(ctx context.Context, wait time.Duration) []foundMaster {
	return listenFor(ctx, wait, wait)
}

func listenFor(ctx context.Context, wait, others time.Duration) []foundMaster {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var best, rest []foundMaster
	seen := map[foundMaster]bool{}
	for f := range beacon.Find(ctx, beacon.Query{Service: wire.Service, Port: wire.DefaultPort, MDNS: true}) {
		m, ok := readNote(f)
		if !ok || seen[m] || len(seen) >= foundMost {
			continue
		}
		if seen[m] = true; len(seen) == 1 {
			time.AfterFunc(others, cancel)
		}
		if f.From.Addr().Unmap().Is4() && !f.From.Addr().Unmap().IsLoopback() {
			best = append(best, m)
		} else {
			rest = append(rest, m)
		}
	}
	return append(best, rest...)
}

// readNote reads what a master says of itself; anybody may have said it.
func readNote(f beacon.Found) (foundMaster, bool) {
	var n note
	if json.Unmarshal(f.Payload, &n) != nil || n.Port < 1 || n.Port > 65535 || n.ID == "" || n.Pin != "" && (!n.TLS || !wire.IsPin(n.Pin)) {
		return foundMaster{}, false
	}
	scheme := "http://"
	if n.TLS {
		scheme = "https://"
	}
	at := scheme + net.JoinHostPort(f.From.Addr().Unmap().String(), strconv.Itoa(n.Port))
	return foundMaster{URL: wire.WithPin(at, n.Pin), ID: n.ID, Name: n.Name, heard: true}, true
}

// eachOnce is one address of each farm's master.
func eachOnce(found []foundMaster) (list []foundMaster) {
	for _, f := range found {
		if !slices.ContainsFunc(list, func(o foundMaster) bool { return o.ID == f.ID }) {
			list = append(list, f)
		}
	}
	return list
}

// othersAnswer is how long other masters have to answer after the first one did.
const othersAnswer = 300 * time.Millisecond

// ownMaster is a master that was found, not named. Whatever answers at its address counts only while it is the master
// of the same farm: addresses are given to others, and a laptop meets strangers at the address of its master.
type ownMaster struct {
	*wire.Client
	nobody *wire.Client // the same without the token
	token  string
	farm   string          // id
	told   map[string]bool // what was said of those that are not it; of seek
}

// Register asks whose master it is first, so that a stranger's refusal is not taken for the farm's.
func (m ownMaster) Register(ctx context.Context, r farm.Registration) (farm.Registered, error) {
	info, err := m.nobody.Info(ctx)
	if err == nil && info.ID != m.farm {
		err = farm.Errorf(farm.NotFound, "the master of another farm answers there")
	}
	if err == nil {
		return m.Client.Register(ctx, r)
	}
	if ctx.Err() == nil && !wire.Again(err) && farm.KindOf(err) != farm.Untrusted {
		err = &wire.Unreachable{Address: m.Address(), Err: err}
	}
	return farm.Registered{}, err
}

// seek looks for the farm's master and leads the client to where it is.
func (a *app) seek(ctx context.Context, m ownMaster, log *slog.Logger) {
	known, err := a.readFarms()
	if err != nil {
		return
	}
	of := known[m.farm]
	for at := range a.whereabouts(ctx, m.farm) {
		if plainURL(at) == m.Address() {
			continue
		}
		err := a.leadTo(ctx, m, at, of)
		if err == nil {
			log.Info("the master has another address now", "address", m.Address())
			return
		}
		if text := err.Error(); farm.KindOf(err) == farm.Untrusted && !m.told[text] && len(m.told) < foundMost {
			m.told[text] = true
			log.Error("what is announced as the farm's master is not the one that is known here", "err", err)
		}
	}
}

// leadTo leads the client to an address if the farm's master is there. What was heard on the network may be old, or a
// lie.
func (a *app) leadTo(ctx context.Context, m ownMaster, at foundMaster, of knownFarm) error {
	at, err := of.meet(at)
	if err != nil {
		return err
	}
	at, info, err := a.ask(ctx, at)
	if err != nil {
		return err
	}
	if info.ID != m.farm {
		return farm.Errorf(farm.NotFound, "the master of another farm answers there")
	}
	if m.token != "" {
		if err := a.tokenWorks(ctx, at, m.token); err != nil {
			return err
		}
	}
	return m.MoveTo(at.URL)
}

// whereabouts yields the addresses at which the farm's master is said to be: on this machine, then on the network.
func (a *app) whereabouts(ctx context.Context, farmID string) iter.Seq[foundMaster] {
	return func(yield func(foundMaster) bool) {
		if here, ok := a.localMaster(ctx); ok && !yield(here) {
			return
		}
		for _, f := range discover(ctx, findTime) {
			if f.ID == farmID && !yield(f) {
				return
			}
		}
	}
}
