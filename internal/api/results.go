package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) resultRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/results/{name...}", role: farm.RoleView, name: "getResult",
		about: "Reads a result of a job, or a range of it", out: raw{}, besides: []besides{piece},
	}, a.getResult)
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/film", role: farm.RoleView, name: "getFilm",
		about: "Reads the film that was made of a job's frames, or a range of it", out: raw{}, besides: []besides{piece},
		params: []param{inQuery("view", "integer", "which of the job's views it is of, 1 for the first; 1 when not given")},
	}, a.getFilm)
	of := []param{
		inQuery("frame", "integer", ""), inQuery("kind", "string", "exr, output, node or preview"), inQuery("name", "string", "below the job's results"),
		inHeader(wire.HeaderSize, "integer", "bytes"), inHeader(wire.HeaderRef, "string", "SHA-256"), inHeader(wire.HeaderWorker, "string", "id of the worker"),
	}
	d.plain(route{
		method: http.MethodHead, path: "/leases/{id}/results", role: farm.RoleWorker, name: "hasResult", params: of,
		about: "Tells whether a result of a leased frame is there; if not, Upload-Offset of the 404 says how much of it is", besides: []besides{some},
	}, a.headResult)
	d.plain(route{
		method: http.MethodPut, path: "/leases/{id}/results", role: farm.RoleWorker, name: "putResult",
		about: "Sends a file that a leased frame produced, from an offset on. 204: whole and verified; 202: go on at Upload-Offset; " +
			"409 with Upload-Offset: begin there",
		in: raw{}, status: http.StatusNoContent, besides: []besides{goOn, begin},
		params: append(of, inHeader(wire.HeaderOffset, "integer", "where the body begins; when not given the file begins anew")),
	}, a.putResult)
}

// shown are the media types that browsers may show; everything else is bytes. Nothing here can run.
var shown = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp",
	".tif": "image/tiff", ".tiff": "image/tiff", ".exr": "image/x-exr", ".hdr": "image/vnd.radiance",
	".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".avi": "video/x-msvideo",
}

func (a *API) getResult(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	f, err := a.m.OpenResult(r.Context(), id, name)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.serveResult(w, r, who, f, name)
}

// filmOf is the job and its view, from 0, that a call about a film means.
func filmOf(r *http.Request) (id farm.JobID, view int, err error) {
	if id, err = pathJob(r); err != nil {
		return 0, 0, err
	}
	q := queryOf(r)
	view = int(q.number("view", 1, farm.MaxViews, 1)) - 1
	return id, view, q.err
}

func (a *API) getFilm(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, view, err := filmOf(r)
	if err != nil {
		return err
	}
	f, name, err := a.m.OpenFilm(r.Context(), id, view)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": path.Base(name)}))
	return a.serveResult(w, r, who, f, name)
}

// serveResult hands out a file of results, or a range of it.
func (a *API) serveResult(w http.ResponseWriter, r *http.Request, who master.Identity, f *os.File, name string) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	h := w.Header()
	kind := shown[strings.ToLower(path.Ext(name))]
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-cache")
	h.Set(wire.HeaderSize, strconv.FormatInt(st.Size(), 10))
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, st.ModTime().UnixNano(), st.Size()))
	out := a.pacedWriter(w, r, who)
	defer func() { a.gauge.downloaded.Add(float64(out.n)) }()
	http.ServeContent(out, r, "", st.ModTime(), f)
	return nil
}

func (a *API) headResult(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	in, err := a.comingResult(r)
	if err != nil {
		return err
	}
	have, whole, err := a.m.ResultOffset(r.Context(), who, in.lease, in.worker, in.Result)
	if err != nil {
		return err
	}
	w.Header().Set(wire.HeaderOffset, strconv.FormatInt(have, 10))
	if whole {
		w.WriteHeader(http.StatusOK)
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
	return nil
}

func (a *API) putResult(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	in, err := a.comingResult(r)
	if err != nil {
		return err
	}
	offset, err := headerNumber(r.Header, wire.HeaderOffset)
	if err != nil {
		return err
	}
	if from := max(offset, 0); from > in.Size || r.ContentLength > in.Size-from {
		return farm.Errorf(farm.Mismatch, "the body reaches past the %d bytes announced", in.Size)
	}
	body := a.paced(w, r, who)
	end, err := a.turns.take(r.Context(), in.key(who), func() { body.cut(errCut) })
	if err != nil {
		return err
	}
	defer end()
	have, whole, err := a.m.PutResult(r.Context(), who, in.lease, in.worker, in.Result, offset, body)
	a.gauge.uploaded.Add(float64(body.n))
	body.settle()
	var at *blob.OffsetError
	switch {
	case errors.As(err, &at):
		w.Header().Set(wire.HeaderOffset, strconv.FormatInt(at.Have, 10))
		return err
	case err != nil:
		return err
	case !whole:
		return putDone(w, http.StatusAccepted, have)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// comingResult is a result as its sender announces it.
type comingResult struct {
	farm.Result
	lease  farm.LeaseID
	worker farm.WorkerID
}

func (c *comingResult) key(who master.Identity) string {
	return fmt.Sprintf("%s/%d/%d/%s/%s", who.Token, c.lease, c.Frame, c.Ref, c.Name)
}

func (a *API) comingResult(r *http.Request) (in comingResult, err error) {
	if in.lease, err = pathLease(r); err != nil {
		return in, err
	}
	if in.worker, err = workerHeader(r); err != nil {
		return in, err
	}
	if in.Size, err = headerNumber(r.Header, wire.HeaderSize); err != nil {
		return in, err
	}
	if in.Size < 0 && r.Header.Get(wire.HeaderOffset) == "" {
		in.Size = r.ContentLength
	}
	q := queryOf(r)
	q.must("frame")
	q.must("name")
	in.Kind, in.Name, in.Ref = farm.ResultKind(q.text("kind")), q.text("name"), r.Header.Get(wire.HeaderRef)
	in.Frame = int(q.number("frame", -farm.MaxFrame, farm.MaxTask, 0))
	switch {
	case q.err != nil:
		return in, q.err
	case in.Size < 0:
		return in, farm.Errorf(farm.Invalid, "the header %s is missing", wire.HeaderSize)
	}
	return in, nil
}
