package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

type loginPage struct {
	shell
	Link string // secret of the link; "": there is none, the page says how to get one
	Here string // path that was asked for
	To   string // path of the page that the link leads to
}

// loginHelp says how to get in.
func (p *Pages) loginHelp(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	return p.askLogin(w, r, who, http.StatusOK)
}

func (p *Pages) askLogin(w http.ResponseWriter, r *http.Request, who master.Identity, status int) error {
	page := loginPage{shell: p.shell(r, who, "Log in", "")}
	if r.Method == http.MethodGet {
		page.Here = r.URL.RequestURI()
	}
	return p.show(w, status, "login", page)
}

// loginPage is what a link leads to. Programs that look at links to show what is behind them do no harm: the link is
// used up by the button.
func (p *Pages) loginPage(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	w.Header().Set("X-Robots-Tag", "noindex")
	return p.show(w, http.StatusOK, "login", loginPage{
		shell: p.shell(r, who, "Log in", ""), Link: r.PathValue("link"), To: ownPage(r.URL.Query().Get("to")),
	})
}

func (p *Pages) logIn(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	cookie, err := p.m.LogIn(r.Context(), r.PostForm.Get("link"), who.Address, r.UserAgent())
	if err != nil {
		return err
	}
	if who.Login != "" { // this browser's former login is of no use to anybody now
		if err := p.m.EndLogin(r.Context(), who, who.Login); err != nil && farm.KindOf(err) != farm.NotFound {
			p.log.Warn("a login could not be ended", "err", err)
		}
	}
	p.setCookie(w, r, cookie)
	return leadTo(w, r, ownPage(r.PostForm.Get("to")))
}

// ownPage is the path of one of our pages that a link named, or "/": whoever made the link may be anybody, and must not
// lead who logs in to another site.
func ownPage(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.String() != to || u.Path != to || path.Clean(to) != to || !strings.HasPrefix(to, "/") || strings.ContainsAny(to, "\\\x00\r\n\t") {
		return "/"
	}
	return to
}

func (p *Pages) logOut(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	p.setCookie(w, r, "")
	if who.Login != "" {
		if err := p.m.EndLogin(r.Context(), who, who.Login); err != nil && farm.KindOf(err) != farm.NotFound {
			return err
		}
	}
	return leadTo(w, r, "/login")
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return farm.Errorf(farm.Invalid, "the form did not arrive whole").WithHint("go back and try again")
	}
	return nil
}

// leadTo leads the browser to a page after it did something, so that loading that page again does nothing.
func leadTo(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
