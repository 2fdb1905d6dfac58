// Package web is the door for browsers: the application (app/, bundled into static/app) and the login that it stands
// behind. The login, /plain and /addon are pages that are made here and work without JavaScript. What a page does to the
// farm is master's; how those of here look is in pages/ and static/style.css.
//
// Nouns: a page is a template with one struct that is all it shows; the shell is what is around each of them; a cookie is
// a browser's proof that it came by a login link.
package web

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// Options are what the door stands on. All but Log and Met must be set.
type Options struct {
	Master    *master.Master
	Now       func() time.Time // the clock
	Log       *slog.Logger     // nil: silent
	Open      bool             // nobody logs in: everybody is an admin
	Name      string           // of the master's machine
	Farm      string           // id of the farm
	Program   string           // version of this program
	Result    func(job farm.JobID, name string) string
	Addresses func() []string     // what workers may be given as --master
	Addons    Addons              // makes the add-on for Blender
	Met       func(*http.Request) // hears of requests by whoever is known; nil: nobody does
}

// Pages is the door as a handler. It serves everything that is not the API's.
type Pages struct {
	opt    Options
	m      *master.Master
	log    *slog.Logger
	mux    *http.ServeMux
	cross  *http.CrossOriginProtection
	paper  *paper
	cookie string // name, without what TLS adds
}

// handler shows a page to who, or does something and leads to a page. An error becomes a page.
type handler func(w http.ResponseWriter, r *http.Request, who master.Identity) error

// nobody is the role of pages that need no login.
const nobody farm.Role = ""

// New makes the door.
func New(o Options) *Pages {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{
		opt: o, m: o.Master, log: o.Log, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(),
		paper: newPaper(), cookie: "netrender-" + o.Farm[:min(len(o.Farm), 8)],
	}
	for _, route := range []struct {
		pattern string
		role    farm.Role // the least that may
		h       handler
	}{
		{"GET /{$}", farm.RoleView, p.app},
		{"GET /plain", farm.RoleView, p.status},
		{"GET /jobs", farm.RoleView, p.app},
		{"GET /jobs/{id}", farm.RoleView, p.app},
		{"GET /jobs/{id}/frames", farm.RoleView, p.app},
		{"GET /jobs/{id}/frames/{frame}", farm.RoleView, p.app},
		{"GET /jobs/{id}/viewer", farm.RoleView, p.app},
		{"GET /jobs/{id}/timeline", farm.RoleView, p.app},
		{"GET /jobs/{id}/files", farm.RoleView, p.app},
		{"GET /jobs/{id}/log", farm.RoleView, p.app},
		{"GET /jobs/{id}/log/{frame}", farm.RoleView, p.app},
		{"GET /submit", farm.RoleSubmit, p.app},
		{"GET /workers", farm.RoleView, p.app},
		{"GET /workers/{id}", farm.RoleView, p.app},
		{"GET /add-worker", farm.RoleView, p.app},
		{"POST /pairings/{code}/{verb}", farm.RoleAdmin, p.answerPairing},
		{"GET /addon", nobody, p.addon},
		{"GET /addon.zip", nobody, p.addonZip},
		{"GET /balancing", farm.RoleView, p.app},
		{"GET /statistics", farm.RoleView, p.app},
		{"GET /settings", farm.RoleView, p.app},
		{"GET /settings/{tab}", farm.RoleView, p.app},
		{"GET /login", nobody, p.loginHelp},
		{"GET /login/{link}", nobody, p.loginPage},
		{"POST /login", nobody, p.logIn},
		{"POST /logout", nobody, p.logOut},
		{"/", nobody, p.notFound},
	} {
		p.handle(route.pattern, route.role, route.h)
	}
	p.mux.Handle("GET /static/", p.paper.static())
	p.mux.HandleFunc("GET /static/app/", new(zipped).serve)
	return p
}

// ServeHTTP answers a browser.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	strict(w.Header())
	p.mux.ServeHTTP(w, r)
}

// strict has browsers take nothing but our own files, run nothing else, and tell other sites nothing. The referrer is
// not "no-referrer": with that, browsers hide from us where our own forms come from (Origin: null).
func strict(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; connect-src 'self'; "+
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
}

func (p *Pages) handle(pattern string, role farm.Role, h handler) {
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		who, err := p.enter(w, r, role)
		if err == nil {
			err = h(w, r, who)
		}
		if err != nil {
			p.refuse(w, r, who, err)
		}
	})
}

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
