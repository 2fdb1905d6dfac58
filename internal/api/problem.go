package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// problem is an error as huma writes it.
type problem struct{ wire.Problem }

func (p *problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType makes huma name the right media type.
func (p *problem) ContentType(string) string { return wire.ProblemType }

// statusGone is what the metrics count for callers that left (as nginx does); it is never sent.
const statusGone = 499

// translate is the one place where errors become problems. What is not an Error is a fault of ours: the caller of
// translate logs it, the asker does not see it.
func translate(err error) wire.Problem {
	var e *farm.Error
	if !errors.As(err, &e) {
		e = ofBlob(err)
	}
	if e == nil || e.Kind == farm.Internal {
		return wire.Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError),
			Status: http.StatusInternalServerError, Kind: farm.Internal,
			Detail: "the master failed at this", Hint: "its log says why",
		}
	}
	status := wire.Status(e.Kind)
	var d denied
	if errors.As(err, &d) {
		status = http.StatusUnauthorized
	}
	return wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Error(), Kind: e.Kind, Hint: e.Hint}
}

// ofBlob gives the errors of package blob a kind, or nil.
func ofBlob(err error) *farm.Error {
	var full *blob.NoRoomError
	if errors.As(err, &full) {
		return noRoom(full)
	}
	for _, k := range []struct {
		is   error
		kind farm.Kind
		hint string
	}{
		{blob.ErrRef, farm.Invalid, "a name is 64 lower-case hex digits"},
		{blob.ErrNotFound, farm.NotFound, ""},
		{blob.ErrMismatch, farm.Mismatch, "hash the file again; it may have changed"},
		{blob.ErrOffset, farm.Conflict, "go on where Upload-Offset says"},
		{blob.ErrBusy, farm.Throttled, "try again when the other upload has ended"},
		{blob.ErrTooLarge, farm.TooLarge, ""},
		{blob.ErrPath, farm.Invalid, ""},
		{fs.ErrNotExist, farm.NotFound, ""},
	} {
		if errors.Is(err, k.is) {
			text := err.Error()
			if k.kind == farm.NotFound { // these may name folders of ours
				text = k.is.Error()
			}
			return &farm.Error{Kind: k.kind, Text: text, Hint: k.hint, Err: err}
		}
	}
	return nil
}

// noRoom is what a file is refused with that the disk has no room for.
func noRoom(full *blob.NoRoomError) *farm.Error {
	text := "the master's disk ran full"
	if full.Free >= 0 {
		text = fmt.Sprintf("the master's disk has no room for this file: it needs %s, and %s are free beside what is kept for results",
			farm.Bytes(full.Need), farm.Bytes(full.Free))
	}
	return &farm.Error{Kind: farm.NoRoom, Text: text, Hint: "make room on the master's disk; nothing is lost, it is sent as soon as there is some", Err: full}
}

// refuse writes an error, if nothing was written yet.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	sw, _ := w.(*statusWriter)
	if gone(r, err) {
		if sw != nil && sw.status == 0 {
			sw.status = statusGone
		}
		return
	}
	p := translate(err)
	if p.Kind == farm.Internal {
		a.log.Error("a call failed", "call", r.Method+" "+r.URL.Path, "err", err)
	}
	if sw != nil && sw.status != 0 {
		return
	}
	h := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="netrender"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	case http.StatusRequestEntityTooLarge:
		h.Set("Connection", "close") // do not read what was refused
	}
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Accept-Ranges"} {
		h.Del(name)
	}
	h.Set("Content-Type", wire.ProblemType)
	_ = writeBody(w, p.Status, &p)
}

// fail is what handlers of huma return for an error.
func (a *API) fail(call string, err error) error {
	p := translate(err)
	if p.Kind == farm.Internal {
		a.log.Error("a call failed", "call", call, "err", err)
	}
	return &problem{p}
}

// useProblems makes huma's own errors (bodies it cannot read, parameters it cannot parse) ours as well. huma keeps
// this in a variable of its package.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		if status == http.StatusUnprocessableEntity || status == http.StatusUnsupportedMediaType {
			status = http.StatusBadRequest
		}
		kind := wire.KindOfStatus(status)
		for _, err := range errs {
			if err != nil && kind != farm.Internal {
				msg += "; " + clip(err.Error())
			}
		}
		return &problem{wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: msg, Kind: kind}}
	}
})

// clip bounds what is repeated of a request.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
