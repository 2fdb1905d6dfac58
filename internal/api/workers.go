package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func viewWorker(v master.WorkerView) wire.WorkerView {
	return wire.WorkerView{Worker: v.Worker, Online: v.Online, Load: v.Load, Running: full(v.Running), Schedule: v.Schedule}
}

func (a *API) workerRoutes(d *describer) {
	steer(d, route{method: http.MethodPost, path: "/workers", role: farm.RoleWorker, name: "register", about: "Presents a worker"},
		func(ctx context.Context, in *struct{ Body farm.Registration }) (*made[farm.Registered], error) {
			return answer(a.m.Register(ctx, whoOf(ctx), in.Body))
		})
	steer(d, route{method: http.MethodGet, path: "/workers", role: farm.RoleView, name: "listWorkers", about: "Lists workers by name"},
		func(ctx context.Context, in *Page) (*made[wire.WorkerList], error) {
			limit, err := limitOf(in.Limit, wire.MaxPage)
			if err != nil {
				return nil, err
			}
			views, err := a.m.WorkersAfter(ctx, in.After, limit+1)
			out := wire.WorkerList{Workers: make([]wire.WorkerView, 0, len(views))}
			for i := range views {
				if i == limit {
					out.Next = views[i-1].Worker.Name
					break
				}
				out.Workers = append(out.Workers, viewWorker(views[i]))
			}
			return answer(out, err)
		})
	steer(d, route{
		method: http.MethodPost, path: "/workers/fit", role: farm.RoleView, name: "fitWorkers",
		about: "Tells how many workers may render a job with certain needs, and what the others lack",
	},
		func(ctx context.Context, in *struct{ Body wire.FitRequest }) (*made[farm.Fit], error) {
			return answer(a.m.FitFor(ctx, in.Body.Needs, in.Body.Scripts))
		})
	steer(d, route{
		method: http.MethodPost, path: "/workers/split", role: farm.RoleView, name: "splitFrames",
		about: "Tells into how many parts each frame of a job is best cut, by what a probe found and how many slots could take parts now; without a probe, whether one is worth making",
	},
		func(ctx context.Context, in *struct{ Body wire.SplitRequest }) (*made[wire.SplitReply], error) {
			return answer(a.split(ctx, &in.Body))
		})
	steer(d, route{method: http.MethodGet, path: "/workers/{id}", role: farm.RoleView, name: "getWorker", about: "Shows a worker; by id or name"},
		func(ctx context.Context, in *PathID) (*made[wire.WorkerView], error) {
			view, err := a.m.Worker(ctx, farm.WorkerID(in.ID))
			return answer(viewWorker(view), err)
		})
	steer(d, route{method: http.MethodPatch, path: "/workers/{id}", role: farm.RoleAdmin, name: "changeWorker", about: "Changes settings of a worker"},
		func(ctx context.Context, in *struct {
			PathID
			Body wire.WorkerChange
		},
		) (*made[wire.WorkerView], error) {
			who := whoOf(ctx)
			view, err := a.m.ChangeWorker(ctx, who, farm.WorkerID(in.ID), func(w *farm.Worker) {
				put(&w.Name, in.Body.Name)
				put(&w.Draining, in.Body.Drain)
				put(&w.Tags, in.Body.Tags)
				put(&w.SetSlots, in.Body.Slots)
				put(&w.Hours, in.Body.Hours)
				put(&w.WhenIdle, in.Body.WhenIdle)
				if in.Body.Enabled != nil && *in.Body.Enabled != w.Enabled {
					if w.Enabled, w.Reason = *in.Body.Enabled, ""; !w.Enabled {
						w.Reason = "disabled by " + who.Name
					}
				}
			})
			return answer(viewWorker(view), err)
		})
	steer(d, route{
		method: http.MethodDelete, path: "/workers/{id}", role: farm.RoleAdmin, name: "deleteWorker",
		about: "Forgets a worker", status: http.StatusNoContent,
	},
		func(ctx context.Context, in *PathID) (*none, error) {
			return nil, a.m.DeleteWorker(ctx, whoOf(ctx), farm.WorkerID(in.ID))
		})
}

func (a *API) split(ctx context.Context, in *wire.SplitRequest) (out wire.SplitReply, err error) {
	if in.Frames < 1 {
		return out, farm.Errorf(farm.Invalid, "a job has at least one frame, not %d", in.Frames)
	}
	if in.Probe != nil {
		if err := in.Probe.Check(); err != nil {
			return out, err
		}
	}
	fit, err := a.m.FitFor(ctx, in.Needs, in.Scripts)
	if err != nil {
		return out, err
	}
	out.Slots = fit.Slots
	switch out.Why, out.Probe = farm.WorthProbing(fit.Slots, in.Frames); {
	case !out.Probe || in.Probe == nil:
	case in.Samples:
		out.Samples, out.Why = in.Probe.SampleParts(fit.Slots, in.Frames)
	default:
		out.Tiles, out.Why = in.Probe.Tiles(fit.Slots, in.Frames)
	}
	return out, nil
}
