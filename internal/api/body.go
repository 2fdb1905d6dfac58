package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// buffers are shared by reading and writing JSON. A call gives its buffer back before it waits for anything.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is the largest buffer that goes back into the pool, in bytes.
const keepBuffer = 64 << 10

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readJSON reads a body of at most wire.MaxSmall bytes, whatever its media type says. Fields it does not know are
// ignored.
func readJSON(r *http.Request, into any) error {
	if r.ContentLength > wire.MaxSmall {
		return errBigBody
	}
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	n, err := b.ReadFrom(&io.LimitedReader{R: r.Body, N: wire.MaxSmall + 1})
	if err != nil {
		return brokenBody(err)
	}
	if n > wire.MaxSmall {
		return errBigBody
	}
	if err := json.Unmarshal(b.Bytes(), into); err != nil {
		return badJSON(err)
	}
	return nil
}

var errBigBody = farm.Errorf(farm.TooLarge, "the body is over %d bytes", wire.MaxSmall)

// brokenBody is a body that did not arrive whole: the sender's fault or the network's, and nothing to log.
func brokenBody(err error) error {
	var e *farm.Error
	if errors.As(err, &e) {
		return e
	}
	return &farm.Error{Kind: farm.Invalid, Text: "the body did not arrive whole", Err: err}
}

func badJSON(err error) error {
	var own *farm.Error
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &kind):
		return farm.Errorf(farm.Invalid, "%q cannot be a JSON %s here", clip(kind.Field), kind.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return farm.Errorf(farm.Invalid, "the JSON of the body ends too early")
	}
	return farm.Errorf(farm.Invalid, "the body is not proper JSON: %s", clip(err.Error()))
}

var jsonType = []string{"application/json"}

// writeJSON answers with a JSON document.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header()["Content-Type"] = jsonType
	return writeBody(w, status, v)
}

func writeBody(w http.ResponseWriter, status int, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	if b.Len() > 2000 { // below that net/http finds it out by itself
		w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	_, _ = w.Write(b.Bytes()) // an asker who left is nobody's fault
	return nil
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", plainMedia)
	_, _ = io.WriteString(w, text)
}

// query reads parameters; the first that makes no sense is remembered.
type query struct {
	values map[string][]string
	err    error
}

func queryOf(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) text(name string) string {
	if v := q.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// number reads a whole number within bounds; what is not given is missing.
func (q *query) number(name string, least, most, missing int64) int64 {
	text := q.text(name)
	if text == "" {
		return missing
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		if q.err == nil {
			q.err = farm.Errorf(farm.Invalid, "%s is a whole number from %d to %d, not %q", name, least, most, clip(text))
		}
		return missing
	}
	return n
}

func (q *query) flag(name string) bool {
	text := q.text(name)
	if text == "" || text == "0" || text == "false" {
		return false
	}
	if text != "1" && text != "true" && q.err == nil {
		q.err = farm.Errorf(farm.Invalid, "%s is 1 or 0, not %q", name, clip(text))
	}
	return true
}

// unless is a flag that is set when it is not given.
func (q *query) unless(name string) bool { return q.text(name) == "" || q.flag(name) }

// has tells whether a parameter that must be there is; if not, that is the error.
func (q *query) must(name string) {
	if q.text(name) == "" && q.err == nil {
		q.err = farm.Errorf(farm.Invalid, "the parameter %s is missing", name)
	}
}

// header reads a count of bytes; -1 when it is not there.
func headerNumber(h http.Header, name string) (int64, error) {
	text := h.Get(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, farm.Errorf(farm.Invalid, "the header %s is a count of bytes, not %q", name, clip(text))
	}
	return n, nil
}

func workerHeader(r *http.Request) (farm.WorkerID, error) {
	id := r.Header.Get(wire.HeaderWorker)
	if id == "" {
		return "", farm.Errorf(farm.Invalid, "the header %s is missing", wire.HeaderWorker)
	}
	return farm.WorkerID(id), nil
}

func pathJob(r *http.Request) (farm.JobID, error) { return farm.ParseJobID(r.PathValue("id")) }

func pathLease(r *http.Request) (farm.LeaseID, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, farm.Errorf(farm.Invalid, "%q is not the number of a lease", clip(r.PathValue("id")))
	}
	return farm.LeaseID(n), nil
}
