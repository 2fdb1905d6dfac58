package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/master"
)

// bundle says which files of static/app a page begins with. It is made with them, by app/build.mjs.
type bundle struct {
	Script  string   `json:"script"`
	Style   string   `json:"style"`
	Preload []string `json:"preload"`
	Sources string   `json:"sources"` // SHA-256 over what they were made of
}

func readBundle() (b bundle) {
	text, err := files.ReadFile("static/app/app.json")
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}

// appPage is the page that the application makes the rest of.
type appPage struct {
	shell
	App bundle
	Me  appMe
}

// appMe is what the application is told before it asks: who looks, and at what.
type appMe struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	Token   string `json:"token"` // id of the one that the browser came by
	Farm    string `json:"farm"`
	Program string `json:"program"`
	Open    bool   `json:"open"`
	Mark    string `json:"mark"`

	Addresses []string `json:"addresses"` // of the master, for other machines; the one that the browser came by is first
}

// app serves the application, whichever of its pages is asked for.
func (p *Pages) app(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	s := p.shell(r, who, "", "")
	page := appPage{shell: s, App: p.paper.app, Me: appMe{who.Name, string(who.Role), string(who.Token), s.Farm, s.Program, s.Open, s.Mark, best(p.opt.Addresses(), r.Host)}}
	var b bytes.Buffer
	if err := p.paper.pages["app"].ExecuteTemplate(&b, "whole", page); err != nil {
		return err
	}
	text := harmless(b.Bytes())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // a reader who left is nobody's fault
	return nil
}

// best puts the address first at which the browser found the master, for others may find it there, too.
func best(addresses []string, host string) []string {
	at := slices.IndexFunc(addresses, func(a string) bool {
		u, err := url.Parse(a)
		return err == nil && u.Host == host
	})
	if at < 0 {
		return addresses
	}
	return slices.Concat(addresses[at:at+1], addresses[:at], addresses[at+1:])
}

// zipped holds what was packed once for all browsers.
type zipped struct {
	mu    sync.Mutex
	files map[string][]byte // guarded by mu; nil: not worth it
}

// serve writes a file of static/app, whose name changes with its content.
func (z *zipped) serve(w http.ResponseWriter, r *http.Request) {
	name := "static/app/" + path.Base(r.URL.Path)
	text, err := files.ReadFile(name)
	if err != nil {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Type", map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json"}[path.Ext(name)])
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed := z.packed(name, text); packed != nil {
			h.Set("Content-Encoding", "gzip")
			text = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // a reader who left is nobody's fault
}

func (z *zipped) packed(name string, text []byte) []byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	if packed, known := z.files[name]; known {
		return packed
	}
	var b bytes.Buffer
	gz, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = gz.Write(text)
	_ = gz.Close()
	if z.files == nil {
		z.files = map[string][]byte{}
	}
	packed := b.Bytes()
	if len(packed) >= len(text) {
		packed = nil
	}
	z.files[name] = packed
	return packed
}
