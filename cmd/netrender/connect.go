package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	patience     = 20 * time.Second        // how long a command goes on trying a master that went away
	firstAnswer  = 3 * time.Second         // how long it is tried at first: a wrong address shall be said soon
	localAnswers = 2 * time.Second         // how long this machine's own master may take to answer
	findTime     = 1500 * time.Millisecond // how long to listen for other masters after the first
)

// masterFlags adds the flags of every command that speaks to a master.
func (a *app) masterFlags(c *cobra.Command) {
	c.Flags().String("master", "", "the master's address, or here for this machine's alone (default: this machine's, else the one found on the network)")
	c.Flags().String("token", "", "the token to show (default: what this machine was given)")
}

// clientOf is a client of the master, with a token or without.
func clientOf(m foundMaster, token string) (*wire.Client, error) {
	return wire.NewClient(m.URL, token, wire.Options{Program: version, Heard: m.heard})
}

// connect finds the master and the token for it.
func (a *app) connect(cmd *cobra.Command) (*wire.Client, error) {
	ctx := cmd.Context()
	given, _ := cmd.Flags().GetString("master")
	token, _ := cmd.Flags().GetString("token")
	masters, err := a.masters(ctx, given, token)
	if err != nil {
		return nil, err
	}
	if token == "" && masters[0].ID != "" && len(a.ours(masters)) == 0 { // strangers were found; ours may be on another network
		masters = append(a.remembered(), masters...)
	}
	for i, m := range masters {
		var client *wire.Client
		if client, err = a.enter(ctx, m, token); err == nil {
			return client.Patient(patience), nil
		}
		if i < len(masters)-1 && ctx.Err() == nil { // it is said to be at another address, too
			continue
		}
	}
	return nil, err
}

// enter makes a client that shows the master the right token. One that was heard of has proved itself by then.
func (a *app) enter(ctx context.Context, m foundMaster, token string) (*wire.Client, error) {
	if token != "" && !m.heard && !m.bare {
		client, err := clientOf(m, token)
		if err == nil {
			_, err = client.Patient(firstAnswer).Info(ctx)
		}
		return client, err
	}
	// The first question is not repeated: a wrong address shall be said at once.
	m, info, err := a.ask(ctx, m)
	if err != nil {
		return nil, err
	}
	id := info.ID
	var known knownFarm
	if token == "" {
		if token, known, err = a.tokenFor(id); err != nil {
			return nil, err
		}
		if token == "" && !info.Open {
			return nil, farm.Errorf(farm.Denied, "the master at %s wants a token, and this machine has none", plainURL(m)).
				WithHint("netrender pair asks to be let in; or give one with --token or NETRENDER_TOKEN")
		}
	}
	if m, err = known.meet(m); err != nil {
		return nil, err
	}
	client, err := clientOf(m, token)
	if err != nil || token == "" {
		return client, err
	}
	moved := token == known.Token && known.At != plainURL(m)
	if m.heard && m.ID != "" || !known.TLS && strings.HasPrefix(m.URL, "https:") || moved {
		limit, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		if _, err := client.Whoami(limit); err != nil {
			return nil, err
		}
		if known.Token == token {
			return client, a.learn(id, m, info, client)
		}
	}
	return client, nil
}

// plainURL is the master's address for people.
func plainURL(m foundMaster) string { return wire.WithPin(m.URL, "") }

// masters finds the one that was given, or this machine's, or the one on the network, or the one that let this machine in,
// where it was met last. Of one there may be several addresses; which of them are true is not known yet.
func (a *app) masters(ctx context.Context, given, token string) ([]foundMaster, error) {
	if given != "" {
		m, err := a.named(ctx, given)
		return []foundMaster{m}, err
	}
	if here, ok := a.localMaster(ctx); ok {
		return []foundMaster{here}, nil
	}
	found := discover(ctx, findTime)
	if len(found) == 0 && token == "" {
		found = a.remembered()
	}
	if len(found) == 0 {
		return nil, &wire.Unreachable{Err: farm.Errorf(farm.NotFound, "no master was found on this network").
			WithHint("start one with netrender up, or name it with --master HOST")}
	}
	if own := a.ours(found); token == "" && len(eachOnce(own)) == 1 {
		return own, nil
	}
	if len(eachOnce(found)) > 1 {
		return nil, severalMasters(found).WithHint("name one with --master or NETRENDER_MASTER")
	}
	return found, nil
}

// hereOnly is given in the place of an address by who must not use the network, as a Blender without online access.
const hereOnly = "here"

// named is the master whose address was given; or this machine's, where that is wished.
func (a *app) named(ctx context.Context, given string) (foundMaster, error) {
	if given != hereOnly {
		return named(given)
	}
	if m, ok := a.localMaster(ctx); ok {
		return m, nil
	}
	return foundMaster{}, &wire.Unreachable{Err: farm.Errorf(farm.NotFound, "no master runs on this machine").WithHint("start one with netrender up")}
}

// named reads an address that a person gave.
func named(given string) (foundMaster, error) {
	address, err := wire.ParseAddress(given)
	if err != nil {
		return foundMaster{}, fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	return foundMaster{URL: address, bare: !strings.Contains(given, "://") && wire.PinIn(address) == ""}, nil
}

// askTime is how long a master may take to say who it is: on a connection that is dead nothing ever comes. Shorter in
// tests.
var askTime = 10 * time.Second

// ask asks a master who it is; nothing is told to it, and what it says is not to be believed yet. One that was found
// must be the one that was announced. Where an address did not say whether the master encrypts, it does then.
func (a *app) ask(ctx context.Context, m foundMaster) (foundMaster, wire.Info, error) {
	info, err := a.askOnce(ctx, m)
	if m.bare && farm.KindOf(err) == farm.Untrusted {
		m.URL = "https" + strings.TrimPrefix(m.URL, "http")
		info, err = a.askOnce(ctx, m)
	}
	m.bare = false
	return m, info, err
}

func (a *app) askOnce(ctx context.Context, m foundMaster) (wire.Info, error) {
	anyKey := m
	anyKey.heard = m.heard || wire.PinIn(m.URL) == ""
	client, err := clientOf(anyKey, "")
	if err != nil {
		return wire.Info{}, err
	}
	defer client.Close()
	limit, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := client.Info(limit)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil { // our patience ended, nobody else's
		err = &wire.Unreachable{Address: plainURL(m), Err: err}
	}
	if err == nil && m.ID != "" && m.ID != info.ID {
		err = &wire.Unreachable{Address: plainURL(m), Err: farm.Errorf(farm.NotFound, "the master of another farm answers there")}
	}
	return info, err
}

func severalMasters(found []foundMaster) *farm.Error {
	text := "several masters were found:"
	for _, f := range eachOnce(found) {
		text += "\n             " + plainURL(f) + "  " + plainText(f.Name)
	}
	return farm.Errorf(farm.Invalid, "%s", text)
}

// ours are the masters that say they are of farms which let this machine in.
func (a *app) ours(found []foundMaster) []foundMaster {
	known, _ := a.readFarms() // who needs a token is told later that they cannot be read
	var own []foundMaster
	for _, f := range found {
		if _, ok := known[f.ID]; ok {
			own = append(own, f)
		}
	}
	return own
}

// running is what a master writes into its data folder while it runs, so that commands of this user find it.
type running struct {
	URL       string   `json:"url"`
	ID        string   `json:"id"`
	PID       int      `json:"pid"`
	Addresses []string `json:"addresses"` // for other machines
}

const runningFile = "master.json"

// localMaster finds a master that runs with this data folder. Another may have its address by now, so it counts as
// heard of, unless its key is known.
func (a *app) localMaster(ctx context.Context) (foundMaster, bool) {
	r, err := a.readRunning()
	if err != nil || r.URL == "" {
		return foundMaster{}, false
	}
	m := foundMaster{URL: r.URL, heard: wire.PinIn(r.URL) == ""}
	client, err := clientOf(m, "")
	if err != nil {
		return foundMaster{}, false
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, localAnswers)
	defer cancel()
	info, err := client.Info(ctx)
	return m, err == nil && info.ID == r.ID
}

func (a *app) readRunning() (r running, err error) {
	text, err := os.ReadFile(filepath.Join(a.settings.data, runningFile))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// writePrivate replaces a file that only the user may read.
func writePrivate(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // mode 0600
	if err != nil {
		return farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	_, werr := tmp.Write(text)
	err = errors.Join(werr, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return farm.Errorf(farm.Internal, "%s cannot be written: %s", path, reasonOf(err))
	}
	return nil
}
