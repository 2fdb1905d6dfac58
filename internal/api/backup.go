package api

import (
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) backupRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/backup", role: farm.RoleAdmin, name: "getBackup",
		about: "Reads a backup of the farm as it is now: a tar without whose last entry, netrender.end, it is not whole", out: raw{},
		params: []param{inQuery("files", "boolean", "1: with the scenes' files and the results")},
	}, a.getBackup)
}

func (a *API) getBackup(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	about := master.BackupAbout{Farm: a.opt.Info.ID, Name: a.opt.Info.Name, Files: q.flag("files")}
	if q.err != nil {
		return q.err
	}
	what := "without files"
	if about.Files {
		what = "with files"
	}
	if err := a.m.Note(r.Context(), who, farm.DidBackup, "", what); err != nil { // first: whoever has the farm's key is known
		return err
	}
	out := a.pacedWriter(w, r, who)
	_ = out.rc.SetWriteDeadline(a.opt.Now().Add(wire.BackupWait)) // the copy is made before the first byte is sent
	h := w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Cache-Control", "no-store")
	began := a.opt.Now()
	err := a.m.Backup(r.Context(), about, out)
	a.gauge.downloaded.Add(float64(out.n))
	switch {
	case err == nil:
		a.log.Info("a backup was made", "by", who.Name, "address", who.Address, "files", about.Files, "bytes", out.n,
			"took", a.opt.Now().Sub(began).Round(time.Millisecond))
		return nil
	case out.n == 0:
		h.Del("Cache-Control")
		return err
	case !gone(r, err):
		a.log.Error("a backup broke off", "by", who.Name, "err", err)
	}
	panic(http.ErrAbortHandler) // so that the asker knows
}
