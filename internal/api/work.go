package api

import (
	"io"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// workRoutes are what workers call all the time: no reflection beyond encoding/json, no logging, pooled buffers.
func (a *API) workRoutes(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/claim", role: farm.RoleWorker, name: "claim",
		about: "Asks for a lease; held until there is one. 204 when there is none", in: farm.Wish{}, out: farm.Grant{},
		besides: []besides{{http.StatusNoContent, "There is nothing to do", false}},
	}, a.claim)
	d.plain(route{
		method: http.MethodPost, path: "/report", role: farm.RoleWorker, name: "report",
		about: "Says what became of leased frames, and may ask for the next lease", in: wire.ReportRequest{}, out: wire.ReportReply{},
	}, a.report)
	d.plain(route{
		method: http.MethodPost, path: "/workers/{id}/heartbeat", role: farm.RoleWorker, name: "heartbeat",
		about: "A worker's sign of life; held until there are orders", in: farm.Heartbeat{}, out: farm.Orders{},
	}, a.heartbeat)
	d.plain(route{
		method: http.MethodPost, path: "/leases/{id}/caches", role: farm.RoleWorker, name: "cachesReady",
		about: "Hands over complete files of a bake that goes on, so that frames may begin", in: wire.CacheRequest{}, out: wire.CacheReply{},
	}, a.cachesReady)
	d.plain(route{
		method: http.MethodPost, path: "/leases/{id}/log", role: farm.RoleWorker, name: "appendLog",
		about: "Adds to the log of a leased frame", in: raw{plainMedia}, status: http.StatusNoContent, params: []param{
			inQuery("frame", "integer", ""), inQuery("offset", "integer", "where the text belongs"), inHeader(wire.HeaderWorker, "string", "id of the worker"),
		},
	}, a.appendLog)
}

func (a *API) claim(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var wish farm.Wish
	if err := readJSON(r, &wish); err != nil {
		return err
	}
	ctx, end := r.Context(), func() {}
	if wish.WaitMS = int(waitOf(wish.WaitMS).Milliseconds()); wish.WaitMS > 0 && !wish.Ahead {
		ctx, end = a.hold(w, r, who)
	}
	grant, err := a.m.Claim(ctx, who, wish)
	if err == nil && grant == nil {
		err = ctx.Err() // "nothing" because the wait was cut short is not "nothing"
	}
	err = why(ctx, err)
	if end(); err != nil {
		return err
	}
	if grant == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return writeJSON(w, http.StatusOK, grant)
}

func (a *API) cachesReady(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	lease, err := pathLease(r)
	if err != nil {
		return err
	}
	var in wire.CacheRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	out, err := a.m.CachesReady(r.Context(), who, &master.EarlyCaches{
		Lease: lease, Worker: in.Worker, Task: in.Task, Results: in.Results, Ready: in.Ready, Whole: in.Whole,
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &wire.CacheReply{Missing: out.Missing, Other: out.Other})
}

func (a *API) report(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var in wire.ReportRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	verdicts, grant, err := a.m.Report(r.Context(), who, in.Reports, in.Wish)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &wire.ReportReply{Verdicts: full(verdicts), Grant: grant})
}

func (a *API) heartbeat(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var in farm.Heartbeat
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx, end := r.Context(), func() {}
	if in.WaitMS = int(waitOf(in.WaitMS).Milliseconds()); in.WaitMS > 0 {
		ctx, end = a.hold(w, r, who)
	}
	orders, err := a.m.Heartbeat(ctx, who, farm.WorkerID(r.PathValue("id")), in)
	err = why(ctx, err)
	if end(); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &orders)
}

func (a *API) appendLog(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	lease, err := pathLease(r)
	if err != nil {
		return err
	}
	worker, err := workerHeader(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	q.must("frame")
	frame := int(q.number("frame", -farm.MaxFrame, farm.MaxTask, 0))
	offset := q.number("offset", 0, 1<<50, 0)
	if q.err != nil {
		return q.err
	}
	if r.ContentLength > wire.MaxLogChunk {
		return errBigLog
	}
	body := a.paced(w, r, who)
	if err := a.m.AppendLog(r.Context(), who, lease, worker, frame, offset, io.LimitReader(body, wire.MaxLogChunk)); err != nil {
		return err
	}
	if n, _ := body.Read(make([]byte, 1)); n > 0 {
		return errBigLog
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errBigLog = farm.Errorf(farm.TooLarge, "a piece of log is at most %d bytes", wire.MaxLogChunk)
