package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// handler answers a call of who. An error becomes a problem document, unless the answer has begun.
type handler func(w http.ResponseWriter, r *http.Request, who master.Identity) error

// roles are who may make a call: whoever has the least role or more, or the other one, if there is one.
type roles struct{ least, also farm.Role }

func (rt *route) roles() roles { return roles{rt.role, rt.also} }

func (r roles) String() string {
	if r.also == nobody {
		return string(r.least)
	}
	return string(r.least) + "," + string(r.also)
}

// router is http.ServeMux with the token check and the count of calls before every route. It is also the mux that
// huma's operations are entered on; their roles must be known by then.
type router struct {
	api   *API
	mux   *http.ServeMux
	roles map[string]roles // by pattern
	cross *http.CrossOriginProtection
}

func newRouter(a *API) *router {
	rt := &router{api: a, mux: http.NewServeMux(), roles: make(map[string]roles), cross: http.NewCrossOriginProtection()}
	rt.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok\n") })
	rt.mux.HandleFunc("GET /readyz", a.ready)
	rt.mux.HandleFunc("GET /metrics", a.metrics)
	rt.mux.HandleFunc("GET "+wire.Root+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(a.doc())
	})
	rt.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, farm.Errorf(farm.NotFound, "there is no call %s %s", r.Method, clip(r.URL.Path)))
	})
	return rt
}

// handle enters a route.
func (rt *router) handle(pattern string, may roles, h handler) {
	count := rt.api.gauge.route(pattern)
	rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w}
		defer sw.end()
		began := rt.api.opt.Now()
		who, err := rt.enter(sw, r, may)
		if err == nil {
			err = h(sw, r, who)
		}
		if err != nil {
			rt.api.refuse(sw, r, err)
		}
		count.done(sw.status, rt.api.opt.Now().Sub(began))
	})
}

// HandleFunc is what huma enters its operations with.
func (rt *router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	may, known := rt.roles[pattern]
	if !known {
		panic("the role of " + pattern + " is not known")
	}
	rt.handle(pattern, may, func(w http.ResponseWriter, r *http.Request, who master.Identity) error {
		if r.ContentLength != 0 { // `curl -d` says that JSON is a form; huma takes what is named JSON only
			r.Header.Set("Content-Type", "application/json")
		}
		r.Header.Set("Accept", "application/json")
		h(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, who)))
		return nil
	})
}

// ServeHTTP is part of huma's idea of a mux.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

type whoKey struct{}

// whoOf is who makes a call that huma handles.
func whoOf(ctx context.Context) master.Identity {
	who, _ := ctx.Value(whoKey{}).(master.Identity)
	return who
}

var errNoToken = (&farm.Error{Kind: farm.Denied, Text: "this call needs a token"}).
	WithHint("send the header Authorization: Bearer TOKEN; an admin of the farm makes tokens, netrender pair asks for one")

// denied marks a refusal for want of a valid token: 401 instead of 403.
type denied struct{ error }

func (d denied) Unwrap() error { return d.error }

// enter lets a call in or says why not.
func (rt *router) enter(w http.ResponseWriter, r *http.Request, may roles) (master.Identity, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := rt.cross.Check(r); err != nil {
			return master.Identity{}, farm.Errorf(farm.Denied, "a page of another site may not do this")
		}
	}
	address := hostOf(r.RemoteAddr)
	if rt.api.opt.Open {
		Met(r)
		return master.Identity{Name: "anybody", Role: farm.RoleAdmin, Address: address}, nil
	}
	if may.least == nobody {
		return master.Identity{Address: address}, nil
	}
	who, err := rt.know(w, r, address)
	if err != nil {
		return master.Identity{}, err
	}
	if !who.Role.Includes(may.least) && (may.also == nobody || !who.Role.Includes(may.also)) {
		return master.Identity{}, farm.Errorf(farm.Denied, "a token of the role %s may not do this", who.Role).
			WithHint("it takes the role %s", may.least)
	}
	return who, nil
}

// know finds who makes a call: by its token, or by the cookie of one of our pages.
func (rt *router) know(w http.ResponseWriter, r *http.Request, address string) (master.Identity, error) {
	if secret := bearer(r.Header); secret != "" {
		who, err := rt.api.m.Authenticate(secret, address)
		if farm.KindOf(err) == farm.Denied {
			err = rt.api.wrongly(address, denied{err})
		}
		if err == nil {
			Met(r)
		}
		return who, err
	}
	if rt.api.opt.Browser != nil {
		if who, known, err := rt.api.opt.Browser(w, r); known || err != nil {
			return who, err
		}
	}
	return master.Identity{}, denied{errNoToken}
}

// bearer reads the token of RFC 6750, section 2.1.
func bearer(h http.Header) string {
	v := h["Authorization"]
	if len(v) != 1 || len(v[0]) < 7 || !strings.EqualFold(v[0][:7], "Bearer ") {
		return ""
	}
	return strings.TrimSpace(v[0][7:])
}

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// statusWriter remembers the status of the answer. What else the writer can do is found through Unwrap.
type statusWriter struct {
	http.ResponseWriter
	status int

	mu    sync.Mutex
	ended bool
}

// during calls f unless the call has ended; it does not end before f returns. The connection is the next call's then, and
// HTTP/2 has nothing there to set a deadline on.
func (w *statusWriter) during(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		f()
	}
}

func (w *statusWriter) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
}

// callOf finds the call that an answer belongs to.
func callOf(w http.ResponseWriter) *statusWriter {
	if sw, ok := w.(*statusWriter); ok {
		return sw
	}
	return &statusWriter{ResponseWriter: w}
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// gone says that the caller left; nobody reads an answer.
func gone(r *http.Request, err error) bool {
	return r.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
