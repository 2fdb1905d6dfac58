package api

import (
	"net/http"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// partRoutes hand the parts of a frame to whoever finishes it.
func (a *API) partRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/leases/{id}/parts", role: farm.RoleWorker, name: "listParts",
		about: "Lists the results that a lease's task is made of", out: wire.PartList{},
	}, a.listParts)
	d.plain(route{
		method: http.MethodGet, path: "/leases/{id}/parts/{task}", role: farm.RoleWorker, name: "getPart",
		about: "Reads one of them, or a range of it", out: raw{}, besides: []besides{piece},
	}, a.getPart)
	d.plain(route{
		method: http.MethodPost, path: "/leases/{id}/parts/{task}/suspect", role: farm.RoleWorker, name: "suspectPart",
		about: "Says that one of them is not what it should be", out: farm.Suspicion{},
	}, a.suspectPart)
}

func (a *API) listParts(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	lease, err := pathLease(r)
	if err != nil {
		return err
	}
	parts, err := a.m.Parts(r.Context(), who, lease)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &wire.PartList{Parts: full(parts)})
}

func pathPart(r *http.Request) (lease farm.LeaseID, task int, err error) {
	if lease, err = pathLease(r); err != nil {
		return 0, 0, err
	}
	n, err := strconv.ParseInt(r.PathValue("task"), 10, 64)
	if err != nil || n < -farm.MaxFrame || n > farm.MaxTask {
		return 0, 0, farm.Errorf(farm.Invalid, "%q is not the number of a task", clip(r.PathValue("task")))
	}
	return lease, int(n), nil
}

func (a *API) getPart(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	lease, task, err := pathPart(r)
	if err != nil {
		return err
	}
	f, err := a.m.OpenPart(r.Context(), who, lease, task)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.serveResult(w, r, who, f, farm.PartName(task))
}

func (a *API) suspectPart(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	lease, task, err := pathPart(r)
	if err != nil {
		return err
	}
	s, err := a.m.PartSuspect(r.Context(), who, lease, task)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &s)
}
