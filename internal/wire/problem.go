package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// ProblemType is the media type of errors.
const ProblemType = "application/problem+json"

// statusOf is the one table of what a kind of error is in HTTP. Denied is 401 when no valid token was shown at all.
var statusOf = map[farm.Kind]int{
	farm.Invalid:   http.StatusBadRequest,
	farm.NotFound:  http.StatusNotFound,
	farm.Denied:    http.StatusForbidden,
	farm.Conflict:  http.StatusConflict,
	farm.Mismatch:  http.StatusUnprocessableEntity,
	farm.TooLarge:  http.StatusRequestEntityTooLarge,
	farm.NoRoom:    http.StatusInsufficientStorage,
	farm.Outdated:  http.StatusPreconditionFailed,
	farm.Stopping:  http.StatusServiceUnavailable,
	farm.Internal:  http.StatusInternalServerError,
	farm.Throttled: http.StatusTooManyRequests,
}

// Status is the HTTP status of a kind of error; 500 for a kind it does not know.
func Status(kind farm.Kind) int {
	if s, ok := statusOf[kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// KindOfStatus is the inverse, for answers that carry no problem document.
func KindOfStatus(status int) farm.Kind {
	for kind, s := range statusOf {
		if s == status {
			return kind
		}
	}
	switch {
	case status == http.StatusUnauthorized:
		return farm.Denied
	case status == http.StatusUnsupportedMediaType, status == http.StatusMethodNotAllowed, status == http.StatusRequestTimeout,
		status == http.StatusRequestedRangeNotSatisfiable:
		return farm.Invalid
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return farm.Stopping // whatever stands before the master could not reach it
	}
	return farm.Internal
}

// Err revives the error that the master had.
func (p Problem) Err() *farm.Error {
	e := &farm.Error{Kind: p.Kind, Text: p.Detail, Hint: p.Hint}
	if _, known := statusOf[e.Kind]; !known {
		e.Kind = KindOfStatus(p.Status)
	}
	if e.Text == "" {
		e.Text = p.Title
	}
	if e.Text == "" {
		e.Text = "the master answered " + describe(p.Status)
	}
	return e
}

func describe(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d (%s)", status, text)
	}
	return fmt.Sprint(status)
}

// readProblem makes the error of an answer that is not a success. It reads a bounded part of the body.
func readProblem(resp *http.Response) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == ProblemType {
		var p Problem
		if json.NewDecoder(io.LimitReader(resp.Body, MaxSmall)).Decode(&p) == nil {
			p.Status = resp.StatusCode
			return p.Err()
		}
	}
	if resp.StatusCode == http.StatusBadRequest && resp.TLS == nil && kind == "" {
		if text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)); strings.Contains(string(text), "HTTP request to an HTTPS server") {
			return farm.Errorf(farm.Untrusted, "the master at %s encrypts its connections", hostOf(resp)).
				WithHint("leave --master out, and it is found with its key; or give the https address that it prints at its start")
		}
	}
	e := farm.Errorf(KindOfStatus(resp.StatusCode), "the master answered %s", describe(resp.StatusCode))
	if resp.Request != nil && resp.Request.Method == http.MethodHead {
		return e // answers to HEAD carry no document
	}
	return e.WithHint("check that %s is the address of a Netrender master", hostOf(resp))
}

func hostOf(resp *http.Response) string {
	if resp.Request == nil {
		return "this"
	}
	return resp.Request.URL.Scheme + "://" + resp.Request.URL.Host
}

// Again tells whether the same call may succeed a little later: the master cannot be reached, is stopping or
// starting, or asks for patience.
func Again(err error) bool {
	var u *Unreachable
	if errors.As(err, &u) {
		return true
	}
	var e *farm.Error
	return errors.As(err, &e) && (e.Kind == farm.Stopping || e.Kind == farm.Throttled)
}
