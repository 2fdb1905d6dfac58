package api

import (
	"io"
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// zstdMedia is the type of the archive of a job (RFC 8878, section 7.1).
const zstdMedia = "application/zstd"

func (a *API) archiveRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/archive", role: farm.RoleView, name: "archiveJob",
		about: "Reads a job into one file: a tar packed by zstd, without whose last entry, netrender.end, it is not whole. " +
			"The scene's files are for the job's owner and for admins",
		out: raw{}, params: []param{
			inQuery("files", "boolean", "0: without the scene's files"), inQuery("results", "boolean", "0: without the results"),
			inQuery("logs", "boolean", "0: without the logs"),
			inQuery("allow_missing", "boolean", "1: leave out what is not whole, and name it; else that is an error"),
		},
	}, a.archiveJob)
	d.plain(route{
		method: http.MethodPost, path: "/import", role: farm.RoleSubmit, name: "importJob",
		about: "Makes a job of what archiveJob gave, whole or not at all", in: raw{}, out: wire.ImportReply{}, status: http.StatusCreated,
		params: []param{
			inQuery("key", "string", "importing twice under the same one makes one job"),
			inQuery("start", "boolean", "1: render what is not done; else the job is paused"),
			inQuery("bytes", "integer", "of what is packed, to be refused at once when there is no room"),
		},
	}, a.importJob)
}

func (a *API) archiveJob(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	o := master.ArchiveOptions{
		Farm: a.opt.Info.ID, Machine: a.opt.Info.Name, Files: q.unless("files"), Results: q.unless("results"), Logs: q.unless("logs"),
		AllowMissing: q.flag("allow_missing"),
	}
	if q.err != nil {
		return q.err
	}
	out := a.pacedWriter(w, r, who)
	_ = out.rc.SetWriteDeadline(a.opt.Now().Add(wire.BackupWait)) // what there is of the job is looked at before the first byte
	h := w.Header()
	h.Set("Content-Type", zstdMedia)
	h.Set("Cache-Control", "no-store")
	began := a.opt.Now()
	err = a.m.Archive(r.Context(), who, id, o, out)
	a.gauge.downloaded.Add(float64(out.n))
	switch {
	case err == nil:
		a.log.Info("a job was archived", "job", id, "by", who.Name, "address", who.Address, "files", o.Files, "bytes", out.n,
			"took", a.opt.Now().Sub(began).Round(time.Millisecond))
		return nil
	case out.n == 0:
		h.Del("Cache-Control")
		return err
	case !gone(r, err):
		a.log.Error("the archive of a job broke off", "job", id, "by", who.Name, "err", err)
	}
	_ = out.rc.Flush()          // the last entries say what is wrong
	panic(http.ErrAbortHandler) // so that the asker knows
}

func (a *API) importJob(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	o := master.ImportOptions{Key: q.text("key"), Start: q.flag("start"), Bytes: q.number("bytes", 0, 1<<62, 0), MaxFile: a.opt.MaxBlob}
	if q.err != nil {
		return q.err
	}
	body := a.paced(w, r, who)
	began := a.opt.Now()
	in, err := a.m.Import(r.Context(), who, o, &settling{body})
	if err != nil { // a sender who is still at it would take the answer for a connection that broke
		_, _ = io.CopyN(io.Discard, body, lastBytes)
	}
	a.gauge.uploaded.Add(float64(body.n))
	body.settle()
	if err != nil {
		return err
	}
	if !in.Again {
		a.log.Info("a job was imported", "job", in.Job.ID, "by", who.Name, "address", who.Address, "bytes", body.n,
			"took", a.opt.Now().Sub(began).Round(time.Millisecond))
	}
	reply := wire.ImportReply{Job: in.Job, Again: in.Again, Missing: make([]wire.ArchiveLack, len(in.Lacks))}
	for i, l := range in.Lacks {
		reply.Missing[i] = wire.ArchiveLack(l)
	}
	w.Header().Set("Location", wire.Root+"/jobs/"+in.Job.ID.String())
	return writeJSON(w, http.StatusCreated, &reply)
}

// lastBytes is how much more is read of an archive that is refused.
const lastBytes = 256 << 20

// settling gives the master time when all has come.
type settling struct{ body *pacedBody }

func (s *settling) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil {
		s.body.settle()
	}
	return n, err
}
