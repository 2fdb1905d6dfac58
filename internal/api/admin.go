package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) infoRoutes(d *describer) {
	steer(d, route{method: http.MethodGet, path: "/info", role: nobody, name: "getInfo", about: "Says who the master is"},
		func(context.Context, *none) (*made[wire.Info], error) {
			info := a.opt.Info
			info.Time = a.opt.Now().UnixMilli()
			if d, err := a.m.Disk(); err == nil {
				info.Disk = d.State
			}
			return answer(info, nil)
		})
}

func (a *API) whoRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/whoami", role: farm.RoleView, also: farm.RoleWorker, name: "whoami",
		about: "Says whose token makes the call",
	},
		func(ctx context.Context, _ *none) (*made[wire.Whoami], error) {
			who := whoOf(ctx)
			return answer(wire.Whoami{Token: who.Token, Name: who.Name, Role: who.Role}, nil)
		})
}

func (a *API) adminRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/rules", role: farm.RoleView, name: "getRules",
		about: "Shows the settings of balancing, failure and leases",
	},
		func(ctx context.Context, _ *none) (*made[farm.Rules], error) { return answer(a.m.Rules(ctx)) })
	steer(d, route{method: http.MethodPut, path: "/rules", role: farm.RoleAdmin, name: "setRules", about: "Replaces the rules"},
		func(ctx context.Context, in *struct{ Body farm.Rules }) (*made[farm.Rules], error) {
			if err := a.m.SetRules(ctx, whoOf(ctx), in.Body); err != nil {
				return nil, err
			}
			return answer(a.m.Rules(ctx))
		})
	steer(d, route{method: http.MethodGet, path: "/tokens", role: farm.RoleAdmin, name: "listTokens", about: "Lists tokens, without their secrets"},
		func(ctx context.Context, in *Page) (*made[wire.TokenList], error) {
			limit, err := limitOf(in.Limit, wire.MaxPage)
			if err != nil {
				return nil, err
			}
			tokens, err := a.m.TokensAfter(ctx, in.After, limit+1)
			out := wire.TokenList{Tokens: full(tokens)}
			if len(tokens) > limit {
				out.Tokens, out.Next = tokens[:limit], tokens[limit-1].ID
			}
			return answer(out, err)
		})
	steer(d, route{
		method: http.MethodPost, path: "/tokens", role: farm.RoleAdmin, name: "createToken",
		about: "Makes a token; its secret is shown once", status: http.StatusCreated,
	},
		func(ctx context.Context, in *struct{ Body wire.TokenRequest }) (*made[wire.NewToken], error) {
			t, secret, err := a.m.CreateTokenFor(ctx, whoOf(ctx), in.Body.Name, in.Body.Role, in.Body.Worker)
			return answer(wire.NewToken{Token: t, Secret: secret}, err)
		})
	steer(d, route{
		method: http.MethodDelete, path: "/tokens/{id}", role: farm.RoleAdmin, name: "revokeToken",
		about: "Makes a token worthless at once", status: http.StatusNoContent,
	},
		func(ctx context.Context, in *PathID) (*none, error) {
			return nil, a.m.RevokeToken(ctx, whoOf(ctx), in.ID)
		})
}

func (a *API) loginRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/logins", role: farm.RoleAdmin, name: "listLogins",
		about: "Lists the browsers that are logged in, the newest visit first",
	},
		func(ctx context.Context, _ *none) (*made[[]wire.LoginView], error) {
			list, err := a.m.Logins(ctx)
			out := make([]wire.LoginView, len(list))
			for i := range list {
				out[i] = wire.LoginView(list[i])
			}
			return answer(out, err)
		})
	steer(d, route{
		method: http.MethodPost, path: "/logins", role: farm.RoleView, name: "askLogin",
		about: "Makes a link that lets one browser in, once, with the role of the token", status: http.StatusCreated,
	},
		func(ctx context.Context, _ *none) (*made[wire.LoginLink], error) {
			secret, expires, err := a.m.AskLogin(ctx, whoOf(ctx))
			return answer(wire.LoginLink{Path: wire.LoginRoot + secret, Expires: expires}, err)
		})
	steer(d, route{
		method: http.MethodDelete, path: "/logins/{id}", role: farm.RoleAdmin, name: "endLogin",
		about: "Logs a browser out at once", status: http.StatusNoContent,
	},
		func(ctx context.Context, in *PathID) (*none, error) {
			return nil, a.m.EndLogin(ctx, whoOf(ctx), in.ID)
		})
}
