package api

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func (a *API) gridRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/grid", role: farm.RoleView, name: "getGrid",
		about: "Shows what became of a job's frames, in columns; packed by gzip or zstd when that is asked for", out: farm.Grid{}, params: []param{
			inQuery("after", "integer", "where the page before ended: a frame"),
			inQuery("limit", "integer", "frames of the page, 1 to 50000; 10000 when not given"),
		},
	}, a.grid)
}

func (a *API) grid(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	var after *int
	if q.text("after") != "" {
		n := int(q.number("after", -farm.MaxFrame, farm.MaxPicture, 0))
		after = &n
	}
	limit := int(q.number("limit", 1, farm.MaxGrid, farm.UsualGrid))
	if q.err != nil {
		return q.err
	}
	g, err := a.m.Grid(r.Context(), id, after, limit)
	if err != nil {
		return err
	}
	text, err := json.Marshal(&g)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = jsonType
	out := packedWriter(w, r, len(text))
	_, _ = out.Write(text) // an asker who left is nobody's fault
	_ = out.Close()
	return nil
}

// packedWriter is the body of an answer of size bytes, packed as its asker takes it. It must be closed.
func packedWriter(w http.ResponseWriter, r *http.Request, size int) io.WriteCloser {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	switch {
	case size > 2000 && accepts(r.Header, "zstd"):
		h.Set("Content-Encoding", "zstd")
		return blob.CompressTo(w)
	case size > 2000 && accepts(r.Header, "gzip"):
		h.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is one that there is
		return z
	}
	h.Set("Content-Length", strconv.Itoa(size))
	return plainBody{w}
}

type plainBody struct{ io.Writer }

func (plainBody) Close() error { return nil }
