package api

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func (a *API) bundleRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/results.zip", role: farm.RoleView, name: "getResults",
		about: "Reads results of a job as one zip, with the names that they have on the disk and nothing packed. Its Content-Length is known; one that is shorter is broken",
		out:   raw{zipMedia}, params: []param{
			inQuery("frames", "string", "as 1-250; all when not given"), inQuery("kinds", "string", "exr, output, node and preview, separated by commas; all when not given"),
			inQuery("allow_missing", "boolean", "1: leave out what is not on the disk any more; else that is an error"),
		},
	}, a.bundle)
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/film/preview", role: farm.RoleView, name: "getPreviewFilm",
		about: "Reads a film of the previews that are there now: Motion JPEG in AVI, with frames that are missing marked. Its Content-Length is known; one that is shorter is broken",
		out:   raw{aviMedia}, params: []param{inQuery("view", "integer", "which of the job's views, 1 for the first; 1 when not given")},
	}, a.previewFilm)
}

const aviMedia = "video/x-msvideo"

func (a *API) previewFilm(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, view, err := filmOf(r)
	if err != nil {
		return err
	}
	f, err := a.m.PreviewFilm(r.Context(), id, view)
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", aviMedia)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	if r.Method == http.MethodHead {
		return nil
	}
	out := a.pacedWriter(w, r, who)
	err = f.Send(r.Context(), out)
	a.gauge.downloaded.Add(float64(out.n))
	if err == nil {
		return nil
	}
	if !gone(r, err) {
		a.log.Error("a film of previews broke off", "job", id, "to", who.Name, "err", err)
	}
	panic(http.ErrAbortHandler) // so that the asker knows
}

const zipMedia = "application/zip"

func (a *API) bundle(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	o := master.BundleOptions{AllowMissing: q.flag("allow_missing")}
	if q.err != nil {
		return q.err
	}
	if text := q.text("frames"); text != "" {
		if len(text) > maxFramesText {
			return farm.Errorf(farm.TooLarge, "the frame range is over %d characters long", maxFramesText)
		}
		if o.Frames, err = farm.ParseFrameSet(text); err != nil {
			return err
		}
	}
	if text := q.text("kinds"); text != "" {
		all := []farm.ResultKind{farm.KindEXR, farm.KindOutput, farm.KindNode, farm.KindPreview, farm.KindFilm}
		for kind := range strings.SplitSeq(text, ",") {
			if !slices.Contains(all, farm.ResultKind(kind)) {
				return farm.Errorf(farm.Invalid, "%q is not a kind of result", clip(kind)).WithHint("kinds are exr, output, node, preview and film")
			}
			o.Kinds = append(o.Kinds, farm.ResultKind(kind))
		}
	}
	b, err := a.m.Bundle(r.Context(), id, o)
	if err != nil {
		return err
	}
	defer b.Close()
	h := w.Header()
	h.Set("Content-Type", zipMedia)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.FormatInt(b.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": b.Name + ".zip"}))
	if r.Method == http.MethodHead {
		return nil
	}
	out := a.pacedWriter(w, r, who)
	began := a.opt.Now()
	err = b.Send(r.Context(), out)
	a.gauge.downloaded.Add(float64(out.n))
	if err == nil {
		a.log.Info("results were sent as a zip", "job", id, "to", who.Name, "address", who.Address, "files", b.Files, "bytes", out.n,
			"took", a.opt.Now().Sub(began).Round(time.Millisecond))
		return nil
	}
	if !gone(r, err) {
		a.log.Error("a zip of results broke off", "job", id, "to", who.Name, "err", err)
	}
	panic(http.ErrAbortHandler) // so that the asker knows
}
