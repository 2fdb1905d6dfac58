package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func (a *API) cleanRoutes(d *describer) {
	steer(d, route{
		method: http.MethodGet, path: "/cleaning", role: farm.RoleView, name: "getCleaning",
		about: "Shows what the farm removes of ended jobs by itself",
	},
		func(ctx context.Context, _ *none) (*made[farm.Cleaning], error) { return answer(a.m.Cleaning(ctx)) })
	steer(d, route{method: http.MethodPut, path: "/cleaning", role: farm.RoleAdmin, name: "setCleaning", about: "Replaces the rules of cleaning"},
		func(ctx context.Context, in *struct{ Body farm.Cleaning }) (*made[farm.Cleaning], error) {
			if err := a.m.SetCleaning(ctx, whoOf(ctx), in.Body); err != nil {
				return nil, err
			}
			return answer(a.m.Cleaning(ctx))
		})
	d.plain(route{
		method: http.MethodPost, path: "/cleaning/run", role: farm.RoleAdmin, name: "clean",
		about: "Cleans by the rules now. The answer is lines of JSON: one with an item for each part of a job that goes, the last with end, and error if it failed", out: farm.Cleaned{},
		params: []param{inQuery("dry", "boolean", "only tell what would go")},
	}, a.clean)
	d.plain(route{
		method: http.MethodPost, path: "/cleaning/preview", role: farm.RoleAdmin, name: "previewCleaning",
		about: "Tells what would go now under other rules; nothing does. The answer is lines of JSON as those of clean", in: farm.Cleaning{}, out: farm.Cleaned{},
	}, a.previewCleaning)
}

func (a *API) previewCleaning(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var rules farm.Cleaning
	if err := readJSON(r, &rules); err != nil {
		return err
	}
	if err := rules.Check(); err != nil { // while it can be answered so
		return err
	}
	return a.stream(w, r, who, func(ctx context.Context, send func(any) error) error {
		return a.m.PreviewCleaning(ctx, rules, func(c farm.Cleaned) error { return send(c) })
	})
}

func (a *API) clean(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	dry := q.flag("dry")
	if q.err != nil {
		return q.err
	}
	if !dry {
		if err := a.m.Note(r.Context(), who, farm.DidClean, "", "by the rules, at once"); err != nil {
			return err
		}
	}
	return a.stream(w, r, who, func(ctx context.Context, send func(any) error) error {
		return a.m.Clean(ctx, dry, func(c farm.Cleaned) error { return send(c) })
	})
}
