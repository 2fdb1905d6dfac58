package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func (a *API) verifyRoutes(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/verify", role: farm.RoleAdmin, name: "verify", out: farm.VerifyStep{},
		about: "Reads every stored file and result and compares it with its hash. The answer is lines of JSON: those with an item tell what " +
			"is found and how far it is, the last has end, and error if it failed",
		params: []param{
			inQuery("repair", "boolean", "take out what is harmed: files are asked for again, frames are rendered again"),
			inQuery("rate", "integer", "bytes read in a second; as fast as can be when not given"),
		},
	}, a.verify)
	d.plain(route{
		method: http.MethodPost, path: "/jobs/{id}/suspect", role: farm.RoleView, name: "suspectResult", out: farm.Suspicion{},
		about:  "Tells that a frame's result is not what it should be: the master reads it, and has the frame rendered again if that is so",
		params: []param{inQuery("frame", "integer", ""), inQuery("name", "string", "of the result")},
	}, a.suspectResult)
}

func (a *API) verify(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	o := master.VerifyOptions{Repair: q.flag("repair"), Rate: q.number("rate", 1, 1<<50, 0)}
	if q.err != nil {
		return q.err
	}
	what := "all that is stored"
	if o.Repair {
		what += "; what is harmed is taken out"
	}
	if err := a.m.Note(r.Context(), who, farm.DidVerify, "", what); err != nil {
		if o.Repair {
			return err
		}
		a.log.Warn("who verifies could not be recorded", "err", err) // a disk in trouble is all the more to be looked at
	}
	return a.stream(w, r, who, func(ctx context.Context, send func(any) error) error {
		return a.m.Verify(ctx, o, func(s farm.VerifyStep) error { return send(s) })
	})
}

func (a *API) suspectResult(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	q.must("frame")
	q.must("name")
	frame := int(q.number("frame", -farm.MaxFrame, farm.MaxTask, 0))
	if q.err != nil {
		return q.err
	}
	ctx, end := a.hold(w, r, who) // reading it may take long
	s, err := a.m.ResultSuspect(ctx, id, frame, q.text("name"))
	err = why(ctx, err)
	if end(); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &s)
}
