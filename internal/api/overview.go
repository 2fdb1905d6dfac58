package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// overviewRoutes are the calls about the farm as a whole.
func (a *API) overviewRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/glance", role: farm.RoleView, name: "glance",
		about: "Shows the farm at a glance: jobs in progress, the last that ended, a word of each worker, the newest pictures; at most half a second old",
	},
		func(ctx context.Context, _ *none) (*made[*farm.Glance], error) { return answer(a.m.Glance(ctx)) })
	steer(d, route{
		method: http.MethodGet, path: "/share", role: farm.RoleView, name: "share",
		about: "Tells how the slots of the farm were shared out: a value every step_ms, the last one of the time end",
	},
		func(ctx context.Context, in *struct {
			Minutes string `query:"minutes" doc:"how far back, 1 to 60; 60 when left out"`
		},
		) (*made[farm.Sharing], error) {
			minutes, err := wholeOf("minutes", in.Minutes, 60, 1, 60)
			if err != nil {
				return nil, err
			}
			return answer(a.m.Share(ctx, minutes))
		})
	steer(d, route{
		method: http.MethodGet, path: "/attention", role: farm.RoleView, name: "attention",
		about: "Lists what needs a person, the most urgent first; who asks to be let in is told to admins",
	},
		func(ctx context.Context, _ *none) (*made[farm.AttentionList], error) {
			return answer(a.m.Attention(ctx, whoOf(ctx)))
		})
	steer(d, route{
		method: http.MethodGet, path: "/balance", role: farm.RoleView, name: "balance",
		about: "Tells what the balancer sees of the jobs, in the order in which they would get a slot that any of them may have",
	},
		func(ctx context.Context, in *struct {
			Limit string `query:"limit" doc:"how many jobs to list; all when not given"`
		},
		) (*made[farm.Balance], error) {
			limit, err := wholeOf("limit", in.Limit, 0, 1, wire.MaxPage)
			if err != nil {
				return nil, err
			}
			return answer(a.m.Balance(ctx, limit))
		})
	steer(d, route{
		method: http.MethodGet, path: "/about", role: farm.RoleView, name: "about",
		about: "Says what the master is made of and how much it keeps; where, to admins",
	},
		func(ctx context.Context, _ *none) (*made[farm.About], error) {
			return answer(a.m.About(ctx, whoOf(ctx)))
		})
	steer(d, route{
		method: http.MethodPost, path: "/rules/preview", role: farm.RoleView, name: "previewRules",
		about: "Tells what other rules would change; changes nothing",
	},
		func(ctx context.Context, in *struct{ Body farm.Rules }) (*made[farm.RulesPreview], error) {
			return answer(a.m.PreviewRules(ctx, in.Body))
		})
}

// wholeOf reads a number of a query.
func wholeOf(name, text string, missing, least, most int) (int, error) {
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, farm.Errorf(farm.Invalid, "%s is a whole number from %d to %d, not %q", name, least, most, clip(text))
	}
	return n, nil
}
