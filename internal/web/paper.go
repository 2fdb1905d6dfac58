package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

//go:embed pages static
var files embed.FS

// paper is what pages are made of: templates by name, and the files beside them.
type paper struct {
	pages map[string]*template.Template
	mark  string // of the files in static; addresses carry it, so that browsers may keep them
	app   bundle
}

func newPaper() *paper {
	pp := &paper{pages: make(map[string]*template.Template), app: readBundle()}
	shell := template.Must(template.New("shell").Funcs(template.FuncMap{"bar": bar}).ParseFS(files, "pages/shell.html", "pages/parts.html"))
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		pp.pages[strings.TrimSuffix(path.Base(name), ".html")] = template.Must(template.Must(shell.Clone()).ParseFS(files, name))
	}
	sum := sha256.New()
	statics, _ := fs.Glob(files, "static/*.*")
	for _, name := range statics {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		sum.Write(text)
	}
	pp.mark = hex.EncodeToString(sum.Sum(nil)[:6])
	return pp
}

// static serves the files beside the pages.
func (pp *paper) static() http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		if r.URL.Query().Get("v") == pp.mark {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			w.Header().Set("Cache-Control", "no-cache")
		}
		server.ServeHTTP(w, r)
	})
}

// shell is what is around every page.
type shell struct {
	Title   string
	Nav     string // which entry of the menu is this page's; "": none
	Farm    string
	Program string
	Mark    string
	Who     master.Identity
	Known   bool // who is logged in, or the farm is open
	Open    bool
	Here    string // this page
	Reload  int    // seconds until the page loads itself again; 0: it does not
	Still   bool   // it would, but was asked not to
	Typing  bool   // it would, but what somebody types would be lost
}

func (s shell) Admin() bool { return s.Who.Role == farm.RoleAdmin }

func (p *Pages) shell(r *http.Request, who master.Identity, title, nav string) shell {
	return shell{
		Title: title, Nav: nav, Farm: p.opt.Name, Program: p.opt.Program, Mark: p.paper.mark, Who: who, Known: who.Role != "",
		Open: p.opt.Open, Here: r.URL.Path,
	}
}

// alive is the shell of a page that loads itself again, unless it was asked not to: whoever reads slowly, or has it read
// aloud, can stop it.
func (p *Pages) alive(r *http.Request, who master.Identity, title, nav string, seconds int) shell {
	s := p.shell(r, who, title, nav)
	if s.Still = r.URL.Query().Has("still"); !s.Still {
		s.Reload = seconds
	}
	return s
}

// show writes a page. Nothing is sent before all of it is made.
func (p *Pages) show(w http.ResponseWriter, status int, name string, page any) error {
	var b bytes.Buffer
	if err := p.paper.pages[name].ExecuteTemplate(&b, "shell", page); err != nil {
		return err
	}
	text := harmless(b.Bytes())
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a reader who left is nobody's fault
	return nil
}

// harmless replaces what could make text look like other text: control characters, those that turn the direction of
// writing, those without a width, and bytes that are no text. Templates have none, names may.
func harmless(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\u2060', r == '\ufeff', r == '\u2028', r == '\u2029':
			return unicode.ReplacementChar
		}
		return r
	}, page)
}

type errorPage struct {
	shell
	Text, Hint string
}

// refuse shows an error, or how to log in.
func (p *Pages) refuse(w http.ResponseWriter, r *http.Request, who master.Identity, err error) {
	if errors.Is(err, errLogin) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="netrender"`)
		if err = p.askLogin(w, r, who, http.StatusUnauthorized); err == nil {
			return
		}
	}
	if r.Context().Err() != nil {
		return
	}
	status, text, hint := http.StatusInternalServerError, "The master failed at this.", "Its log says why."
	var e *farm.Error
	if errors.As(err, &e) && e.Kind != farm.Internal {
		status, text, hint = statusOf(e.Kind), sentence(e.Error()), sentence(e.Hint)
	} else {
		p.log.Error("a page failed", "page", r.Pattern, "err", err)
	}
	page := errorPage{shell: p.shell(r, who, http.StatusText(status), ""), Text: text, Hint: hint}
	if err := p.show(w, status, "error", page); err != nil {
		p.log.Error("the page of an error failed", "err", err)
		http.Error(w, text, status)
	}
}

func (p *Pages) notFound(http.ResponseWriter, *http.Request, master.Identity) error {
	return farm.Errorf(farm.NotFound, "there is no such page").WithHint("the menu has all there are")
}

func statusOf(kind farm.Kind) int {
	switch kind {
	case farm.Invalid, farm.Mismatch:
		return http.StatusBadRequest
	case farm.NotFound:
		return http.StatusNotFound
	case farm.Denied:
		return http.StatusForbidden
	case farm.Conflict:
		return http.StatusConflict
	case farm.TooLarge:
		return http.StatusRequestEntityTooLarge
	case farm.NoRoom:
		return http.StatusInsufficientStorage
	case farm.Throttled:
		return http.StatusTooManyRequests
	case farm.Stopping:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
