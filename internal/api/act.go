package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) actRoutes(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/jobs/actions", role: farm.RoleSubmit, name: "actOnJobs",
		about: "Does something to many jobs, and tells what became of each: pause, resume, cancel, retry, delete or priority; to those of some numbers, or " +
			"to those that a filter selects",
		in: wire.ActionRequest{}, out: wire.ActionReply{},
	}, a.act)
}

func (a *API) act(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var in wire.ActionRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx, end := a.hold(w, r, who)
	defer end()
	ids := in.IDs
	switch {
	case (len(in.IDs) > 0) == (in.Filter != nil):
		return farm.Errorf(farm.Invalid, "say either ids or filter")
	case in.Filter != nil:
		q := jobQuery{State: strings.Join(in.Filter.States, ","), Owner: in.Filter.Owner, Text: in.Filter.Text, Scene: in.Filter.Scene}
		if q == (jobQuery{}) {
			return farm.Errorf(farm.Invalid, "the filter selects every job there is").WithHint("name states, an owner or a part of the name")
		}
		f, err := q.filter()
		if err != nil {
			return err
		}
		if ids, err = a.m.Select(ctx, f, wire.MaxActions); err != nil {
			return why(ctx, err)
		}
	case len(ids) > wire.MaxActions:
		return farm.Errorf(farm.TooLarge, "%d jobs are named, %d may be at a time", len(ids), wire.MaxActions)
	default:
		seen := make(map[farm.JobID]struct{}, len(ids))
		for _, id := range ids {
			if _, twice := seen[id]; twice || id < 1 {
				return farm.Errorf(farm.Invalid, "job %d is named twice, or is none", id)
			}
			seen[id] = struct{}{}
		}
		ids = slices.Clone(ids)
	}
	done, err := a.m.Act(ctx, who, ids, master.Action{Do: in.Action, Priority: in.Priority, All: in.All})
	if err != nil {
		return why(ctx, err)
	}
	reply := wire.ActionReply{Results: make([]wire.ActionResult, len(done))}
	for i, d := range done {
		out := wire.ActionResult{ID: d.ID, OK: d.Err == nil, State: d.State}
		if d.Err == nil {
			reply.Done++
		} else {
			p := translate(d.Err)
			if p.Status >= http.StatusInternalServerError {
				a.log.Error("an action failed", "action", in.Action, "job", d.ID, "err", d.Err)
			}
			reply.Refused++
			out.State, out.Kind, out.Error, out.Hint = "", p.Kind, p.Detail, p.Hint
		}
		reply.Results[i] = out
	}
	text, err := json.Marshal(&reply)
	if err != nil {
		return err
	}
	end()
	w.Header()["Content-Type"] = jsonType
	out := packedWriter(w, r, len(text))
	_, _ = out.Write(text)
	_ = out.Close()
	return nil
}
