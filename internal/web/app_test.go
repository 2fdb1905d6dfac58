package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/web"
)

// TestBundleIsFresh: the application that is embedded was made of the sources beside it. No Node is needed to see that.
func TestBundleIsFresh(t *testing.T) {
	var about struct{ Script, Style, Sources string }
	text, err := os.ReadFile("static/app/app.json")
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	if err != nil {
		t.Fatal(err)
	}
	app, sum := os.DirFS("app"), sha256.New()
	names := []string{"build.mjs", "package-lock.json", "package.json", "tsconfig.json"}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fs.ReadDir(app, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := dir + "/" + e.Name(); e.IsDir() {
				walk(name)
			} else {
				names = append(names, name)
			}
		}
	}
	walk("src")
	for _, name := range names {
		text, err := fs.ReadFile(app, name)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write([]byte(name + "\n"))
		sum.Write(text)
	}
	if hex.EncodeToString(sum.Sum(nil)) != about.Sources {
		t.Error("the pages were changed and not built: make pages")
	}
}

// TestWhereWorkersFindTheMaster: the address that the browser came by is the first, for it is known to work.
func TestWhereWorkersFindTheMaster(t *testing.T) {
	t.Parallel()
	here := ""
	h := open(t, func(o *web.Options) { o.Addresses = func() []string { return []string{"http://10.0.0.5:8420", here} } })
	here = h.url + "#pin"
	b := h.as("root", farm.RoleAdmin)
	says(t, b.get("/add-worker"), `"addresses":["`+here+`","http://10.0.0.5:8420"]`)
	here = "http://192.168.7.5:8420"
	says(t, b.get("/add-worker"), `"addresses":["http://10.0.0.5:8420","http://192.168.7.5:8420"]`)
}

func TestAppIsServed(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("an</script><b>na", farm.RoleSubmit)
	a := b.get("/")
	found := regexp.MustCompile(`<script type="application/json" id="me">([^<>]*)</script>`).FindStringSubmatch(a.text)
	var me struct{ Name, Role string }
	if found == nil || json.Unmarshal([]byte(found[1]), &me) != nil || me.Name != "an</script><b>na" || me.Role != "submit" {
		t.Errorf("who looks: %q", found)
	}
	says(t, a, `<meta http-equiv="refresh" content="0; url=/plain">`)
	links := regexp.MustCompile(`/static/app/[a-zA-Z0-9-]+\.(js|css)`).FindAllString(a.text, -1)
	if len(links) < 2 {
		t.Fatalf("the page refers to %q", links)
	}
	for _, link := range slices.Compact(links) {
		if f := b.get(link); f.status != http.StatusOK || !strings.Contains(f.header.Get("Cache-Control"), "immutable") || len(f.text) < 100 {
			t.Errorf("%s: %d %v", link, f.status, f.header)
		}
	}
	for _, bad := range []string{"/static/app/", "/static/app/none.js", "/static/app/..%2fstyle.css", "/static/app/%00"} {
		if f := b.get(bad); f.status == http.StatusOK {
			t.Errorf("%s is served", bad)
		}
	}
	if a := h.visitor().get("/"); a.status != http.StatusUnauthorized || strings.Contains(a.text, `id="me"`) {
		t.Errorf("a visitor: %d", a.status)
	}
}
