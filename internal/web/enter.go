package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// cookieLives is how long a browser keeps its cookie after a visit; the master lets it in for as long.
const cookieLives = 30 * 24 * time.Hour

// errLogin asks for a login; its page says how.
var errLogin = farm.Errorf(farm.Denied, "this page is for those who are logged in")

// enter lets a browser in or says why not. Whatever changes something must come from one of our own pages.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, role farm.Role) (master.Identity, error) {
	who, known := p.who(r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !p.ours(r) {
		return who, farm.Errorf(farm.Denied, "this was not asked for by a page of this master").WithHint("open its page and try again there")
	}
	if role == nobody {
		return who, nil
	}
	if !known {
		return who, errLogin
	}
	if !who.Role.Includes(role) {
		return who, farm.Errorf(farm.Denied, "you are logged in with the role %s, which may not do this", who.Role).WithHint("it takes the role %s", role)
	}
	if who.Login != "" {
		p.setCookie(w, r, p.cookieOf(r))
	}
	return who, nil
}

// who finds whose browser asks.
func (p *Pages) who(r *http.Request) (who master.Identity, known bool) {
	who.Address = hostOf(r.RemoteAddr)
	if p.opt.Open {
		who.Name, who.Role = "anybody", farm.RoleAdmin
		p.met(r)
		return who, true
	}
	cookie := p.cookieOf(r)
	if cookie == "" {
		return who, false
	}
	found, err := p.m.LoggedIn(cookie, who.Address)
	if err != nil {
		return who, false
	}
	p.met(r)
	return found, true
}

func (p *Pages) met(r *http.Request) {
	if p.opt.Met != nil {
		p.opt.Met(r)
	}
}

// Browser finds who makes a call of the API that shows no token, by the cookie. Only calls of our own pages count.
func (p *Pages) Browser(w http.ResponseWriter, r *http.Request) (who master.Identity, known bool, err error) {
	if p.cookieOf(r) == "" {
		return who, false, nil
	}
	if !p.ours(r) {
		return who, false, farm.Errorf(farm.Denied, "a page of another site may not do this")
	}
	who, known = p.who(r)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-store")
	return who, known, nil
}

// ours tells whether a request comes from one of our pages, or is a person's own look at an address. Browsers say
// where a request comes from in Sec-Fetch-Site; over plain HTTP from another machine they leave it out, and Origin,
// which no browser leaves out of what changes something, must do. That reads of other sites come without the cookie,
// is then up to SameSite.
func (p *Pages) ours(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return p.cross.Check(r) == nil && (site != "" || origin != "")
	}
	if site != "" {
		return site == "same-origin" || site == "none"
	}
	if origin == "" {
		return true
	}
	o, err := url.Parse(origin)
	return err == nil && o.Host == r.Host
}

// cookieName has the farm in it: ports do not keep cookies apart. __Host- keeps other hosts of a domain from setting it.
func (p *Pages) cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-" + p.cookie
	}
	return p.cookie
}

func (p *Pages) cookieOf(r *http.Request) string {
	c, err := r.Cookie(p.cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie hands the cookie out, or takes it back when it is empty.
func (p *Pages) setCookie(w http.ResponseWriter, r *http.Request, value string) {
	c := &http.Cookie{
		Name: p.cookieName(r), Value: value, Path: "/", MaxAge: int(cookieLives / time.Second),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
