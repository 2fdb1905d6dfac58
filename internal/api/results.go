package api

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) resultRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/results/{name...}", role: farm.RoleView, name: "getResult",
		about: "Reads a result of a job, or a range of it", out: raw{},
	}, a.getResult)
	d.plain(route{
		method: http.MethodPut, path: "/leases/{id}/results", role: farm.RoleWorker, name: "putResult",
		about: "Sends a file that a leased frame produced", in: raw{}, status: http.StatusNoContent, params: []param{
			inQuery("frame", "integer", ""), inQuery("kind", "string", "exr, output, node or preview"), inQuery("name", "string", "below the job's results"),
			inHeader(wire.HeaderSize, "integer", "bytes"), inHeader(wire.HeaderRef, "string", "SHA-256"), inHeader(wire.HeaderWorker, "string", "id of the worker"),
		},
	}, a.putResult)
}

// shown are the media types that browsers may show; everything else is bytes. Nothing here can run.
var shown = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp",
	".tif": "image/tiff", ".tiff": "image/tiff", ".exr": "image/x-exr", ".hdr": "image/vnd.radiance",
	".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".avi": "video/x-msvideo",
}

func (a *API) getResult(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
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
	out := a.pacedWriter(w)
	defer func() { a.gauge.downloaded.Add(float64(out.n)) }()
	http.ServeContent(out, r, "", st.ModTime(), f)
	return nil
}

func (a *API) putResult(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
	lease, err := pathLease(r)
	if err != nil {
		return err
	}
	worker, err := workerHeader(r)
	if err != nil {
		return err
	}
	size, err := headerNumber(r.Header, wire.HeaderSize)
	if err != nil {
		return err
	}
	if size < 0 {
		size = r.ContentLength
	}
	q := queryOf(r)
	q.must("frame")
	q.must("name")
	result := farm.Result{
		Kind: farm.ResultKind(q.text("kind")), Name: q.text("name"), Ref: r.Header.Get(wire.HeaderRef),
		Size: size, Frame: int(q.number("frame", -farm.MaxFrame, farm.MaxFrame, 0)),
	}
	switch {
	case q.err != nil:
		return q.err
	case size < 0:
		return farm.Errorf(farm.Invalid, "the header %s is missing", wire.HeaderSize)
	case r.ContentLength > size:
		return farm.Errorf(farm.Mismatch, "the body is longer than the %d bytes announced", size)
	case a.opt.MaxBlob > 0 && size > a.opt.MaxBlob:
		return farm.Errorf(farm.TooLarge, "a file is at most %d bytes here", a.opt.MaxBlob)
	}
	body := a.paced(w, r)
	err = a.m.PutResult(r.Context(), lease, worker, result, body)
	a.gauge.uploaded.Add(float64(body.n))
	body.settle()
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
