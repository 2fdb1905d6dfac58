package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// notifyRoutes are for admins: a URL that the master calls is a way into its network.
func (a *API) notifyRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/notifications", role: farm.RoleAdmin, name: "listTargets",
		about: "Lists where the farm tells what happened, without secrets, and what it can tell",
	},
		func(context.Context, *none) (*made[wire.TargetList], error) {
			out := wire.TargetList{Targets: full(a.m.Targets())}
			for _, k := range farm.MessageKinds() {
				out.Kinds = append(out.Kinds, wire.KindName{Kind: k, Text: k.Noun()})
			}
			return answer(out, nil)
		})
	steer(d, route{
		method: http.MethodPost, path: "/notifications", role: farm.RoleAdmin, name: "addTarget",
		about: "Makes a target of notifications: a webhook, whose secret is shown once, or a service of chat or e-mail", status: http.StatusCreated,
	},
		func(ctx context.Context, in *struct{ Body wire.TargetRequest }) (*made[wire.TargetReply], error) {
			t, secret, err := a.m.AddTarget(ctx, whoOf(ctx), changeOf(&in.Body))
			return answer(wire.TargetReply{Target: t, Secret: secret}, err)
		})
	steer(d, route{
		method: http.MethodPatch, path: "/notifications/{id}", role: farm.RoleAdmin, name: "changeTarget",
		about: "Changes a target of notifications; a new secret is shown once",
	},
		func(ctx context.Context, in *struct {
			PathID
			Body wire.TargetRequest
		},
		) (*made[wire.TargetReply], error) {
			t, secret, err := a.m.ChangeTarget(ctx, whoOf(ctx), in.ID, changeOf(&in.Body))
			return answer(wire.TargetReply{Target: t, Secret: secret}, err)
		})
	steer(d, route{
		method: http.MethodDelete, path: "/notifications/{id}", role: farm.RoleAdmin, name: "removeTarget",
		about: "Forgets a target and what waits for it", status: http.StatusNoContent,
	},
		func(ctx context.Context, in *PathID) (*none, error) {
			return nil, a.m.RemoveTarget(ctx, whoOf(ctx), in.ID)
		})
	steer(d, route{
		method: http.MethodPost, path: "/notifications/{id}/test", role: farm.RoleAdmin, name: "testTarget",
		about: "Sends a message to a target now, and tells what it answered within 10 s",
	},
		func(ctx context.Context, in *PathID) (*made[farm.Answer], error) {
			return answer(a.m.TestTarget(ctx, whoOf(ctx), in.ID))
		})
	steer(d, route{
		method: http.MethodGet, path: "/notifications/log", role: farm.RoleAdmin, name: "listDeliveries",
		about: "Lists what became of messages since the start, and which wait, the newest first",
	},
		func(_ context.Context, in *struct {
			Target string `query:"target" doc:"id of a target; empty: of all"`
		},
		) (*made[wire.DeliveryList], error) {
			list, err := a.m.Deliveries(in.Target)
			return answer(wire.DeliveryList{Deliveries: list}, err)
		})
}

func changeOf(r *wire.TargetRequest) master.TargetChange {
	return master.TargetChange{Name: r.Name, URL: r.URL, Kinds: r.Kinds, Owner: r.Owner, Enabled: r.Enabled, NewSecret: r.NewSecret}
}
