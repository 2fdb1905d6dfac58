package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) pairRoutes(d *describer) {
	steer(d, route{
		method: http.MethodPost, path: "/pairings", role: nobody, name: "askPairing",
		about: "Asks to be let in; the answer has the code to show", status: http.StatusCreated,
	},
		func(ctx context.Context, in *struct{ Body wire.PairRequest }) (*made[wire.PairTicket], error) {
			p, secret, err := a.m.AskPairing(ctx, master.Newcomer{
				Name: in.Body.Name, Role: in.Body.Role, Kind: in.Body.Kind, Worker: in.Body.Worker, Commit: in.Body.Commit, Address: whoOf(ctx).Address,
			})
			return answer(wire.PairTicket{Code: p.Code, Secret: secret, Expires: p.Expires}, err)
		})
	d.plain(route{
		method: http.MethodPost, path: "/pairings/poll", role: nobody, name: "pollPairing",
		about: "Asks how a pairing stands; held while it waits", in: wire.PairPoll{}, out: wire.PairAnswer{},
	}, a.pollPairing)
	steer(d, route{method: http.MethodGet, path: "/pairings", role: farm.RoleAdmin, name: "listPairings", about: "Lists who asks to be let in"},
		func(ctx context.Context, _ *none) (*made[[]farm.Pairing], error) {
			list, err := a.m.Pairings(ctx)
			return answer(full(list), err)
		})
	for verb, accept := range map[string]bool{"accept": true, "refuse": false} {
		steer(d, route{
			method: http.MethodPost, path: "/pairings/{code}/" + verb, role: farm.RoleAdmin, name: verb + "Pairing",
			about: "Answers who asks to be let in: " + verb,
		},
			func(ctx context.Context, in *struct {
				Code string `path:"code"`
			},
			) (*made[farm.Pairing], error) {
				who := whoOf(ctx)
				p, err := a.m.AnswerPairing(ctx, who, in.Code, accept)
				if farm.KindOf(err) == farm.NotFound {
					err = a.wrongly(who.Address, err)
				}
				return answer(p, err)
			})
	}
}

func (a *API) pollPairing(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var in wire.PairPoll
	if err := readJSON(r, &in); err != nil {
		return err
	}
	leave, err := a.guests.enter(who.Address)
	if err != nil {
		return err
	}
	defer leave()
	held, end := a.hold(w, r, who)
	defer end()
	ctx, stop := context.WithTimeout(held, waitOf(in.WaitMS))
	defer stop()
	state, token, err := a.m.WaitPairing(ctx, in.Secret, in.Nonce)
	if err = why(held, err); err != nil {
		return err
	}
	end()
	if state == farm.PairExpired {
		if err := a.wrongly(who.Address, nil); err != nil { // or a secret that never was one
			return err
		}
	}
	if state == farm.PairWaiting && context.Cause(held) == error(errStopping) {
		return errStopping
	}
	return writeJSON(w, http.StatusOK, wire.PairAnswer{State: state, Token: token})
}
