package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) blobRoutes(d *describer) {
	d.plain(route{
		method: http.MethodHead, path: "/blobs/{ref}", role: farm.RoleSubmit, name: "hasBlob",
		about: "Tells whether a blob is there; if not, Upload-Offset of the 404 says how much of it is, and Upload-Chunks how chunks are cut if any are known", besides: []besides{some},
	}, a.headBlob)
	d.plain(route{
		method: http.MethodPut, path: "/blobs/{ref}", role: farm.RoleSubmit, name: "putBlob",
		about: "Sends a blob from an offset on. 201: whole and verified; 202: go on at Upload-Offset; 409: begin at Upload-Offset",
		in:    raw{}, status: http.StatusCreated, params: []param{
			inHeader(wire.HeaderOffset, "integer", "where the body begins; 0 when not given"), inHeader(wire.HeaderSize, "integer", "bytes of the whole"),
			inHeader("Content-Encoding", "string", "zstd, netrender-chunks, both in the order netrender-chunks, zstd, or not given. "+
				"netrender-chunks is a sequence of: 'L', a length (4 bytes, big endian), so many bytes; 'C', the SHA-256 (32 bytes) of a chunk to be copied"),
		}, besides: []besides{goOn, begin},
	}, a.putBlob)
	d.plain(route{
		method: http.MethodGet, path: "/blobs/{ref}", role: farm.RoleWorker, name: "getBlob",
		about: "Reads a blob of a job that is leased to the caller, or a range of it; packed by zstd when that is accepted and worth it", out: raw{},
		besides: []besides{piece},
	}, a.getBlob)
	d.plain(route{
		method: http.MethodPost, path: "/blobs/{ref}/sources", role: farm.RoleWorker, name: "sources",
		about: "Tells a worker where to fetch a blob of a job that is leased to it: from another worker, or from the master",
		in:    farm.SourceQuestion{}, out: farm.Source{},
	}, a.sources)
}

func (a *API) sources(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	ref, err := blob.ParseRef(r.PathValue("ref"))
	if err != nil {
		return err
	}
	var q farm.SourceQuestion
	if err := readJSON(r, &q); err != nil {
		return err
	}
	source, err := a.m.Sources(r.Context(), who, ref, q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, &source)
}

// stored tells the engine that a blob is there. It is told again whenever somebody asks, for a telling may have been
// lost with a connection or a write that failed; that costs nothing when nobody waits for the blob.
func (a *API) stored(r *http.Request, ref blob.Ref) error {
	return a.m.BlobStored(context.WithoutCancel(r.Context()), ref.String())
}

func (a *API) headBlob(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
	ref, err := blob.ParseRef(r.PathValue("ref"))
	if err != nil {
		return err
	}
	info, err := a.opt.Blobs.Stat(r.Context(), ref)
	if err == nil {
		if err := a.stored(r, ref); err != nil {
			return err
		}
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	have, err := a.opt.Uploads.Offset(r.Context(), ref)
	if err != nil {
		return err
	}
	w.Header().Set(wire.HeaderOffset, strconv.FormatInt(have, 10))
	if a.opt.Chunks.Any() {
		w.Header().Set(wire.HeaderChunks, blob.CutName)
	}
	w.WriteHeader(http.StatusNotFound)
	return nil
}

func (a *API) putBlob(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	ref, err := blob.ParseRef(r.PathValue("ref"))
	if err != nil {
		return err
	}
	packed, err := a.encodingOf(r.Header)
	if err != nil {
		return err
	}
	size, offset, err := a.uploadBounds(r, packed == encoding{})
	if err != nil {
		return err
	}
	info, err := a.opt.Blobs.Stat(r.Context(), ref)
	if err == nil && info.Size != size { // one of us is wrong
		if gone, err := a.m.BlobSuspect(r.Context(), ref); err != nil {
			return err
		} else if !gone {
			return farm.Errorf(farm.Mismatch, "this blob has %d bytes, not %d", info.Size, size)
		}
		err = blob.ErrNotFound
	}
	if err == nil { // somebody else was faster
		if err := a.stored(r, ref); err != nil {
			return err
		}
		return putDone(w, http.StatusCreated, size)
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	defer a.m.Receiving(ref.String())()
	body := a.paced(w, r, who)
	in, end := a.opened(r.Context(), body, packed, size-offset)
	defer end()
	have, complete, err := a.opt.Uploads.Append(r.Context(), ref, size, offset, in)
	a.gauge.uploaded.Add(float64(body.n))
	body.settle()
	var at *blob.OffsetError
	if errors.As(err, &at) {
		w.Header().Set(wire.HeaderOffset, strconv.FormatInt(at.Have, 10))
		return err
	}
	if err != nil && !a.uncopied(r, err) {
		w.Header().Set(wire.HeaderOffset, strconv.FormatInt(have, 10))
		return err
	}
	if !complete {
		return putDone(w, http.StatusAccepted, have)
	}
	if err := a.stored(r, ref); err != nil {
		return err
	}
	return putDone(w, http.StatusCreated, size)
}

func putDone(w http.ResponseWriter, status int, have int64) error {
	w.Header().Set(wire.HeaderOffset, strconv.FormatInt(have, 10))
	w.WriteHeader(status)
	return nil
}

// uploadBounds reads what a PUT says of itself and refuses what cannot be.
func (a *API) uploadBounds(r *http.Request, plain bool) (size, offset int64, err error) {
	if offset, err = headerNumber(r.Header, wire.HeaderOffset); err != nil {
		return 0, 0, err
	}
	offset = max(offset, 0)
	if size, err = headerNumber(r.Header, wire.HeaderSize); err != nil {
		return 0, 0, err
	}
	if size < 0 && plain && offset == 0 {
		size = r.ContentLength // curl -T
	}
	switch {
	case size < 0:
		return 0, 0, farm.Errorf(farm.Invalid, "the header %s is missing", wire.HeaderSize)
	case a.opt.MaxBlob > 0 && size > a.opt.MaxBlob:
		return 0, 0, a.tooLarge("a file", size)
	case offset > size, plain && r.ContentLength > size-offset:
		return 0, 0, farm.Errorf(farm.Mismatch, "the body reaches past the %d bytes of the whole", size)
	}
	return size, offset, nil
}

func (a *API) getBlob(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	ref, err := blob.ParseRef(r.PathValue("ref"))
	if err != nil {
		return err
	}
	if err := a.m.MayFetch(r.Context(), who, ref); err != nil {
		return err
	}
	in, err := a.opt.Blobs.Open(r.Context(), ref)
	if errors.Is(err, blob.ErrNotFound) {
		a.suspect(r, ref)
	}
	if err != nil {
		return err
	}
	switch err := a.sendBlob(w, r, who, ref, in); {
	case err == nil:
		return nil
	case errors.Is(err, blob.ErrCorrupt):
		// Before the asker is let go: when it comes back for the rest the file is not there, and that is final.
		a.suspect(r, ref)
	case r.Context().Err() == nil:
		a.log.Warn("a stored file was not sent to its end", "ref", ref.String(), "err", err)
	}
	panic(http.ErrAbortHandler) // so that the asker knows
}

// suspect has the master look at a blob that could not be read as it should.
func (a *API) suspect(r *http.Request, ref blob.Ref) {
	if _, err := a.m.BlobSuspect(context.WithoutCancel(r.Context()), ref); err != nil {
		a.log.Error("a stored file cannot be looked at", "ref", ref.String(), "err", err)
	}
}

// sendBlob answers with the blob or a range of it, and closes it. Its error is that of reading the blob.
func (a *API) sendBlob(w http.ResponseWriter, r *http.Request, who master.Identity, ref blob.Ref, in blob.Reader) error {
	defer in.Close()
	h := w.Header()
	h.Set(wire.HeaderRef, ref.String())
	h.Set(wire.HeaderSize, strconv.FormatInt(in.Size(), 10))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if in.Size() == 0 { // nothing would be read, and so nothing verified
		if _, err := in.Read(make([]byte, 1)); err != io.EOF {
			return err
		}
	}
	out := a.pacedWriter(w, r, who)
	defer func() { a.gauge.downloaded.Add(float64(out.n)) }()
	if r.Header.Get("Range") == "" && accepts(r.Header, "zstd") && worthPacking(in) {
		h.Set("Content-Encoding", "zstd")
		return pack(out, in)
	}
	h.Set("ETag", `"`+ref.String()+`"`)
	content := &watched{ReadSeeker: in}
	http.ServeContent(out, r, "", time.Time{}, content)
	return content.err
}

// watched remembers how reading failed, which http.ServeContent keeps for itself.
type watched struct {
	io.ReadSeeker
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// accepts tells whether an encoding is among those asked for (RFC 9110, 12.5.3); weights but 0 are not looked at.
func accepts(h http.Header, encoding string) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for _, part := range strings.Split(line, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding) {
				return !strings.HasPrefix(strings.ReplaceAll(weight, " ", ""), "q=0") || strings.Trim(weight, " q=0.") != ""
			}
		}
	}
	return false
}
