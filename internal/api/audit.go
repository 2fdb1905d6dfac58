package api

import (
	"context"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) auditRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/audit", role: farm.RoleAdmin, name: "listAudit", out: wire.AuditList{},
		about: "Lists what was done to the farm, by whom and from where, the newest first; with after the oldest first, held until there is something",
		params: []param{
			inQuery("who", "string", "name or id of a token"), inQuery("before", "integer", "where the page before ended"),
			inQuery("after", "integer", "only later ones, the oldest first"), inQuery("limit", "integer", "1 to 1000; 100 when not given"),
			inQuery("wait_ms", "integer", "with after: how long to hold an empty answer"),
		},
	}, a.listAudit)
}

func (a *API) listAudit(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	f := farm.AuditFilter{
		Who: q.text("who"), Before: q.number("before", 0, 1<<63-1, 0), After: q.number("after", 0, 1<<63-1, 0),
		Limit: int(q.number("limit", 1, wire.MaxPage, 100)),
	}
	wait := waitOf(int(q.number("wait_ms", 0, 1<<31-1, 0)))
	if q.err != nil {
		return q.err
	}
	list, err := a.m.Audit(r.Context(), f)
	if err == nil && len(list) == 0 && f.After > 0 && wait > 0 {
		ctx, end := a.hold(w, r, who)
		defer end()
		ctx, stop := context.WithTimeout(ctx, wait)
		defer stop()
		for over := false; !over; {
			grows := a.m.AuditGrows()
			if list, err = a.m.Audit(r.Context(), f); err != nil || len(list) > 0 {
				break
			}
			select {
			case <-grows:
			case <-ctx.Done():
				over = true
			}
		}
		if cause := context.Cause(ctx); err == nil && len(list) == 0 && cause != nil && cause != context.DeadlineExceeded {
			err = cause
		}
		end()
	}
	if err != nil {
		return err
	}
	out := wire.AuditList{Entries: full(list)}
	if len(list) == f.Limit {
		out.Next = list[len(list)-1].Seq
	}
	return writeJSON(w, http.StatusOK, &out)
}
