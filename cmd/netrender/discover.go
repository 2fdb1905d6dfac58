package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// note is what a master says of itself on the network.
type note struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Port int    `json:"port"`
}

// announce tells the network of the master until ctx ends.
func (s *server) announce(ctx context.Context) {
	text, err := json.Marshal(note{ID: s.id, Name: clip(s.name, 100), Port: s.listen.Addr().(*net.TCPAddr).Port})
	if err != nil {
		return
	}
	ip := s.listen.Addr().(*net.TCPAddr).IP
	b := beacon.Announcer{
		Service: wire.Service, Port: wire.DefaultPort, Payload: func() []byte { return text },
		MDNS: uint16(s.listen.Addr().(*net.TCPAddr).Port), Loopback: ip.IsLoopback(),
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

// foundMaster is a master on the network.
type foundMaster struct {
	URL, ID, Name string
}

// discover asks the network for masters: until a while after the first answer, so that several are all seen, or
// until wait has passed without any.
func discover(ctx context.Context, wait time.Duration) []foundMaster {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var list []foundMaster
	seen := map[string]int{}
	for f := range beacon.Find(ctx, beacon.Query{Service: wire.Service, Port: wire.DefaultPort, MDNS: true}) {
		m, ok := readNote(f)
		if !ok {
			continue
		}
		if i, twice := seen[m.ID]; twice { // the same one by another way: what other machines can reach, too, is better
			if f.From.Addr().Is4() && !f.From.Addr().IsLoopback() {
				list[i] = m
			}
			continue
		}
		seen[m.ID] = len(list)
		list = append(list, m)
		if len(list) == 1 {
			time.AfterFunc(othersAnswer, cancel)
		}
	}
	return list
}

// readNote reads what a master says of itself; anybody may have said it.
func readNote(f beacon.Found) (foundMaster, bool) {
	var n note
	if json.Unmarshal(f.Payload, &n) != nil || n.Port < 1 || n.Port > 65535 || n.ID == "" {
		return foundMaster{}, false
	}
	return foundMaster{URL: masterURL(f.From.Addr(), n.Port), ID: n.ID, Name: n.Name}, true
}

// othersAnswer is how long other masters have to answer after the first one did.
const othersAnswer = 300 * time.Millisecond

// ownMaster is a master that was found, not named. Whatever answers at its address counts only while it is the master
// of the same farm: addresses are given to others, and a laptop meets strangers at the address of its master.
type ownMaster struct {
	*wire.Client
	farm string // id
}

// Register asks whose master it is before it shows a token.
func (m ownMaster) Register(ctx context.Context, r farm.Registration) (farm.Registered, error) {
	info, err := m.WithToken("").Info(ctx)
	if err == nil && info.ID != m.farm {
		err = farm.Errorf(farm.NotFound, "the master of another farm answers there")
	}
	if err == nil {
		return m.Client.Register(ctx, r)
	}
	if ctx.Err() == nil && !wire.Again(err) {
		err = &wire.Unreachable{Address: m.Address(), Err: err}
	}
	return farm.Registered{}, err
}

// seek looks for the farm's master and leads the client to where it is.
func (a *app) seek(ctx context.Context, m ownMaster, log *slog.Logger) {
	for at := range a.whereabouts(ctx, m.farm) {
		if wire.WithPin(at, "") == m.Address() {
			continue
		}
		client, err := wire.NewClient(at, "", wire.Options{Program: version})
		if err != nil {
			continue
		}
		info, err := client.Info(ctx) // what was heard on the network may be old, or a lie
		client.Close()
		if err == nil && info.ID == m.farm {
			err = m.MoveTo(at)
		}
		if err == nil && info.ID == m.farm {
			log.Info("the master has another address now", "address", m.Address())
			return
		}
	}
}

// whereabouts yields the addresses at which the farm's master is said to be: on this machine, then on the network.
func (a *app) whereabouts(ctx context.Context, farmID string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if here, ok := a.localMaster(ctx); ok && !yield(here) {
			return
		}
		for _, f := range discover(ctx, findTime) {
			if f.ID == farmID && !yield(f.URL) {
				return
			}
		}
	}
}

func masterURL(ip netip.Addr, port int) string {
	return "http://" + net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(port))
}
