package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
)

// enlist finds the master, waiting for one to appear, and the token to work with, pairing when there is none.
func (a *app) enlist(ctx context.Context, o *workerOptions, address, token string) (foundMaster, string, error) {
	for said := ""; ; {
		m, t, err := a.join(ctx, o, address, token)
		if err == nil || ctx.Err() != nil {
			return m, t, err
		}
		text := "No master answers yet; waiting for one. (netrender up starts one; --master HOST names one)\n"
		var strange *strangers
		switch {
		case asError(err, &strange):
			text = strange.text()
		case isRefusal(err) && address == "" && token == "":
			text = refusedText(err) + "Waiting for the master that let this machine in.\n"
		case farm.KindOf(err) == farm.Throttled:
			text = refusedText(err) + "Asking again until there is a place.\n"
		case !wire.Again(err):
			return foundMaster{}, "", err
		}
		if said != text {
			said = text
			fmt.Fprint(a.err, text)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return foundMaster{}, "", ctx.Err()
		}
	}
}

// isRefusal tells whether somebody answered who is not the farm's master, or does not take this machine.
func isRefusal(err error) bool {
	kind := farm.KindOf(err)
	return kind == farm.Untrusted || kind == farm.Denied
}

// refusedText says why something that answered is not the master.
func refusedText(err error) string {
	text := strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + ".\n"
	var e *farm.Error
	if asError(err, &e) && e.Hint != "" {
		text += "    " + e.Hint + "\n"
	}
	return plainText(text)
}

// join finds the master and the token once. Where the master is said to be at several addresses, the first at which it
// shows itself counts.
func (a *app) join(ctx context.Context, o *workerOptions, address, token string) (m foundMaster, t string, err error) {
	var masters []foundMaster
	var strange error // what was found instead of those that are remembered
	if address != "" {
		m, err = a.named(ctx, address)
		masters = []foundMaster{m}
	} else if masters, err = a.choose(ctx, token); token == "" && wire.Again(err) || isStrange(err) {
		if last := a.remembered(); len(last) > 0 {
			masters, strange, err = last, err, nil
		}
	}
	if err != nil {
		return foundMaster{}, "", err
	}
	for i, m := range masters {
		var info wire.Info
		if m, info, err = a.ask(ctx, m); err == nil {
			if address == "" {
				o.farm = info.ID
			}
			o.master = info.Name
			us, it := farm.Speaker{Program: version, Protocol: farm.Protocol}, farm.Speaker{Program: info.Program, Protocol: info.Protocol}
			if err = farm.Fits(us, it); err == nil {
				m, t, err = a.admit(ctx, o, m, token, info)
			}
		}
		last := i == len(masters)-1 || ctx.Err() != nil
		if last && strange != nil && wire.Again(err) {
			err = strange
		}
		if err == nil || last || !wire.Again(err) && !isRefusal(err) {
			return m, t, err
		}
	}
	return foundMaster{}, "", err
}

func isStrange(err error) bool {
	var s *strangers
	return asError(err, &s)
}

// choose finds the master that this machine works for: its own, else the one that let it in, else the only one there
// is. A machine that was let in somewhere does not go to strangers: their jobs are code that would run here.
func (a *app) choose(ctx context.Context, token string) ([]foundMaster, error) {
	if here, ok := a.localMaster(ctx); ok {
		return []foundMaster{here}, nil
	}
	found := discover(ctx, findTime)
	if len(found) == 0 {
		return nil, &wire.Unreachable{Err: farm.Errorf(farm.NotFound, "no master was found on this network")}
	}
	own := a.ours(found)
	if token == "" && len(own) == 0 && a.member() {
		return nil, &strangers{eachOnce(found)}
	}
	if len(own) == 0 || token != "" {
		own = found
	}
	if len(eachOnce(own)) > 1 {
		return nil, severalMasters(own).WithHint("choose one: netrender worker --master %s", plainURL(own[0]))
	}
	return own, nil
}

// strangers are masters of farms that never let this machine in, where those that did were looked for.
type strangers struct{ found []foundMaster }

func (s *strangers) Error() string { return "only masters of other farms were found" }

func (s *strangers) text() string {
	text := "Waiting for the master that let this machine in. Found only masters of other farms:\n"
	for _, f := range s.found {
		text += fmt.Sprintf("    %s  %s\n", plainURL(f), plainText(f.Name))
	}
	return text + fmt.Sprintf("To join one of them: netrender worker --master %s\n", plainURL(s.found[0]))
}

// admit finds the token for the master, which is known by its word only. A machine that was let in before does not ask
// again by itself: whoever says that he is the farm's master would get a worker that way.
func (a *app) admit(ctx context.Context, o *workerOptions, m foundMaster, token string, info wire.Info) (foundMaster, string, error) {
	if token != "" {
		return m, token, a.tokenWorks(ctx, m, token)
	}
	known, err := a.readFarms()
	if err != nil {
		return m, "", err
	}
	f := known[info.ID]
	if m, err = f.meet(m); err != nil {
		return m, "", err
	}
	for _, t := range []string{f.Worker, a.adminToken(info.ID)} {
		if t == "" {
			continue
		}
		switch err := a.tokenWorks(ctx, m, t); {
		case farm.KindOf(err) == farm.Denied && t == f.Worker:
			return m, "", farm.Errorf(farm.Denied, "the master at %s does not know the token that this machine got from its farm: it was revoked, or another farm's master answers there", plainURL(m)).
				WithHint("netrender pair --again --role worker asks to be let in anew")
		case farm.KindOf(err) == farm.Denied:
		case err != nil:
			return m, "", err
		case t == f.Worker:
			return m, t, a.meetAgain(ctx, info, m, t)
		default:
			t, err := a.ownWorkerToken(ctx, o, m, t, info.ID)
			return m, t, err
		}
	}
	if info.Open {
		return m, "", nil
	}
	return a.pairAs(ctx, m, newcomerAs{role: farm.RoleWorker, name: o.name})
}

// meetAgain learns how a master speaks that has proved itself by the token.
func (a *app) meetAgain(ctx context.Context, info wire.Info, m foundMaster, token string) error {
	client, err := clientOf(m, token)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Whoami(ctx); err != nil {
		return err
	}
	return a.learn(info.ID, m, info, client)
}

// ownWorkerToken uses the admin's token, once, to make one for a worker on the master's own machine: a worker may less.
func (a *app) ownWorkerToken(ctx context.Context, o *workerOptions, m foundMaster, admin, farmID string) (string, error) {
	id, err := worker.Identity(a.workerDir())
	if err != nil {
		return "", err
	}
	client, err := clientOf(m, admin)
	if err != nil {
		return "", err
	}
	defer client.Close()
	t, err := client.CreateTokenFor(ctx, wire.TokenRequest{Name: nameOr(o.name), Role: farm.RoleWorker, Worker: id})
	if err != nil {
		return "", err
	}
	return t.Secret, a.keepFarm(farmID, func(f *knownFarm) { f.Worker = t.Secret })
}

// tokenWorks tells why the master is not to be spoken to with the token: it does not take it, or is not the master. One
// that only cannot be reached just now may take it later.
func (a *app) tokenWorks(ctx context.Context, m foundMaster, token string) error {
	client, err := clientOf(m, token)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Patient(patience).Whoami(ctx)
	if kind := farm.KindOf(err); err != nil && kind != farm.Denied && kind != farm.Untrusted && ctx.Err() == nil {
		return nil
	}
	return err
}
