// Package api is the modern door to a master: the protocol of package wire over HTTP, live events, metrics and
// health. It translates and decides nothing: what a call means is master's, how it travels is wire's.
//
// Nouns: a route is one call of the protocol with the least role that may make it; a hold is a call whose answer
// waits for something to happen; a paced body is one whose sender or reader must keep moving.
package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// Options are what the door stands on. Master, Blobs, Uploads and Now must be set.
type Options struct {
	Master  *master.Master
	Blobs   blob.Store
	Uploads blob.Uploads
	Chunks  *blob.Index      // of the blobs; nil: files are sent whole
	Info    wire.Info        // Protocol, Open and Time are filled in
	Now     func() time.Time // the clock
	Log     *slog.Logger     // nil: silent
	Open    bool             // no token is asked for: everybody is an admin
	Pin     func() string    // of the key that the server shows now; nil: it does not encrypt
	MaxBlob int64            // largest file of a scene that is taken, in bytes; 0: no limit but the disk
	// Browser finds who makes a call that shows no token, by the cookie of a page that is logged in; known is false
	// when there is none. It refuses calls that were not made by our own pages. nil: browsers are not known.
	Browser func(w http.ResponseWriter, r *http.Request) (who master.Identity, known bool, err error)
}

// API is the door as a handler. It serves wire.Root, /healthz, /readyz and /metrics.
type API struct {
	opt    Options
	m      *master.Master
	log    *slog.Logger
	router *router
	doc    func() []byte
	gauge  *gauge
	turns  turns // of those who send results

	stopOnce sync.Once
	stop     chan struct{} // closed by Stop: holds end
	guests   guests
	wrong    buckets
	stall    time.Duration // how long a transfer may stand still
	pictures chan struct{} // holds one for each that is made
	partials partials
	sending  chan struct{} // holds one for each that is in memory

	gatherings gatherings
}

// New makes the door.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Info.Protocol == 0 {
		o.Info.Protocol = wire.Version
	}
	o.Info.Open = o.Open
	a := &API{opt: o, m: o.Master, log: o.Log, stop: make(chan struct{}), stall: stall, wrong: buckets{now: o.Now}, pictures: make(chan struct{}, layersAtOnce), sending: make(chan struct{}, layersSent)}
	a.gauge = newGauge(a.m)
	a.router = newRouter(a)
	useProblems()
	doc := a.routes()
	a.doc = sync.OnceValue(func() []byte {
		text, err := json.Marshal(doc)
		if err != nil {
			a.log.Error("the description of the API cannot be written", "err", err)
		}
		return text
	})
	return a
}

// Describe returns the description of the protocol (OpenAPI 3.1, JSON), as a master of the version serves it.
func Describe(version string) []byte {
	return New(Options{Now: time.Now, Info: wire.Info{Program: version}}).doc()
}

// ServeHTTP answers a call.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.mux.ServeHTTP(w, r) }

// Stop ends everything that is held open, so that a server can shut down. Other calls are still answered.
func (a *API) Stop() { a.stopOnce.Do(func() { close(a.stop) }) }

// routes enters every call and returns the description of all.
func (a *API) routes() *huma.OpenAPI {
	config := huma.DefaultConfig("Netrender", a.opt.Info.Program)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.FieldsOptionalByDefault = true
	config.AllowAdditionalPropertiesByDefault = true
	config.Info.Description = "The protocol of a Netrender master. Errors are application/problem+json with a kind and, " +
		"where there is one, a hint. x-role is the least role whose token may make a call."
	if config.Info.Version == "" {
		config.Info.Version = "0"
	}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	h := humago.New(a.router, config)
	d := &describer{api: a, huma: h}
	a.infoRoutes(d)
	a.whoRoutes(d)
	a.proveRoute(d)
	a.jobRoutes(d)
	a.submitRoute(d)
	a.gridRoutes(d)
	a.actRoutes(d)
	a.layerRoutes(d)
	a.followRoutes(d)
	a.blobRoutes(d)
	a.chunkRoutes(d)
	a.resultRoutes(d)
	a.partRoutes(d)
	a.bundleRoutes(d)
	a.workRoutes(d)
	a.workerRoutes(d)
	a.eventRoutes(d)
	a.adminRoutes(d)
	a.overviewRoutes(d)
	a.statisticsRoutes(d)
	a.cleanRoutes(d)
	a.verifyRoutes(d)
	a.backupRoutes(d)
	a.archiveRoutes(d)
	a.loginRoutes(d)
	a.pairRoutes(d)
	a.auditRoutes(d)
	a.notifyRoutes(d)
	return h.OpenAPI()
}

// nobody is the role of calls that need no token.
const nobody farm.Role = ""
