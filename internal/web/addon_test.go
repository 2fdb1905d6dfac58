package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/web"
)

const (
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
	mac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
	linux   = "Mozilla/5.0 (X11; Linux x86_64)"
	phone   = "Mozilla/5.0 (Linux; Android 10; K)"
)

func TestTheAddonIsOfferedToEverybody(t *testing.T) {
	t.Parallel()
	h := open(t)
	says(t, h.visitor().get("/login"), `<a href="/addon">install the add-on</a>`)
	says(t, h.visitor().get("/plain"), `<a href="/addon">install the add-on</a>`) // in place of the status
	stranger := h.visitor().get("/addon")
	if stranger.status != http.StatusOK {
		t.Fatalf("a stranger gets %d", stranger.status)
	}
	says(t, stranger, `href="/addon.zip?platform=darwin-arm64">macOS</a>`, `href="/addon.zip?platform=linux-amd64">Linux</a>`, `href="/addon.zip"`,
		"This master has no program for Windows.", "Install from Disk", "Edit &gt; Preferences &gt; Add-ons", "netrender pair accept CODE")
	saysNot(t, stranger, "platform=windows-amd64", "programs", "10.0.0.5")
	admin := h.as("anna", farm.RoleAdmin)
	says(t, admin.get("/addon"), "<code>netrender-windows-amd64.exe</code>")
	says(t, admin.get("/plain"), `<a href="/addon">Blender add-on</a>`)
}

func TestTheReadersSystemComesFirst(t *testing.T) {
	t.Parallel()
	h := open(t)
	for agent, want := range map[string][]string{
		mac: {"main:macOS", "Linux"}, linux: {"main:Linux", "macOS"}, windows: {"macOS", "Linux"}, phone: {"macOS", "Linux"}, "": {"macOS", "Linux"},
	} {
		var got []string
		a := h.visitor().with("User-Agent", agent).get("/addon")
		for _, line := range strings.Split(a.main(), "\n") {
			if _, button, ok := strings.Cut(line, `class="button`); ok {
				_, title, _ := strings.Cut(strings.TrimSuffix(button, "</a>"), ">")
				if strings.HasPrefix(button, " main") {
					title = "main:" + title
				}
				got = append(got, title)
			}
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%q: %v, not %v", agent, got, want)
		}
	}
}

// TestSafariIsToldNotToUnpack: Blender cannot install the folder that it makes of a zip.
func TestSafariIsToldNotToUnpack(t *testing.T) {
	t.Parallel()
	b := open(t).visitor()
	const kit = " AppleWebKit/605.1.15 (KHTML, like Gecko) "
	says(t, b.with("User-Agent", mac+kit+"Version/18.3 Safari/605.1.15").get("/addon"), "Safari unpacks zips")
	for _, agent := range []string{mac + kit + "Chrome/140.0.0.0 Safari/537.36", linux + kit + "Version/18.3 Safari/605.1.15", mac} {
		saysNot(t, b.with("User-Agent", agent).get("/addon"), "Safari unpacks zips")
	}
}

func TestTheZipIsSent(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.visitor()
	a := b.get("/addon.zip?platform=linux-amd64")
	at := strings.TrimPrefix(h.url, "http://")
	if want := `zip for "linux-amd64" of "http://` + at + `"`; a.status != http.StatusOK || a.text != want {
		t.Fatalf("%d %q, not %q", a.status, a.text, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/zip", "Content-Disposition": `attachment; filename="netrender-addon-linux-amd64.zip"`,
		"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	mark := a.header.Get("ETag")
	if again := b.with("If-None-Match", mark).get("/addon.zip?platform=linux-amd64"); again.status != http.StatusNotModified || again.text != "" {
		t.Errorf("what the browser has was sent again: %d %q", again.status, again.text)
	}
	if other := b.with("If-None-Match", mark).get("/addon.zip"); other.status != http.StatusOK || other.header.Get("ETag") == mark ||
		other.header.Get("Content-Disposition") != `attachment; filename="netrender-addon.zip"` {
		t.Errorf("another zip: %d, %v", other.status, other.header)
	}
	if head := b.send(http.MethodHead, "/addon.zip", ""); head.status != http.StatusOK || head.header.Get("Content-Length") == "" || head.header.Get("ETag") == "" {
		t.Errorf("its head: %d, %v", head.status, head.header)
	}
	lacking := b.get("/addon.zip?platform=windows-amd64")
	if lacking.status != http.StatusNotFound {
		t.Errorf("a platform without a program: %d", lacking.status)
	}
	says(t, lacking, "There is no program for Windows here.", "There is an add-on without a program")
}

// TestTheZipKnowsTheAddress: the one that the browser has come by. A stranger is told of no other.
func TestTheZipKnowsTheAddress(t *testing.T) {
	t.Parallel()
	pin := strings.Repeat("ab", 32)
	plain := open(t)
	tls := openAs(t, true, master.Options{}, func(o *web.Options) {
		o.Addresses = func() []string { return []string{"https://10.0.0.5:8420#" + pin} }
	})
	studio := openAs(t, true, master.Options{}, func(o *web.Options) {
		o.Addresses = func() []string { return []string{"https://render.studio.com:8420"} }
	})
	for _, c := range []struct {
		name    string
		h       *house
		host    string
		forward string
		known   bool
		want    string // "": it knows none
	}{
		{"one of the master's addresses", plain, "192.168.7.5:8420", "", false, "http://192.168.7.5:8420"},
		{"a name", plain, "oak:8420", "", false, "http://oak:8420"},
		{"a name without a port", plain, "farm.studio.com", "", true, "http://farm.studio.com"},
		{"IPv6", plain, "[fd00::5]:8420", "", false, "http://[fd00::5]:8420"},
		{"behind a proxy that encrypts", plain, "farm.studio.com", "https", false, "https://farm.studio.com"},
		{"this machine, for who is logged in", plain, "127.0.0.1:8420", "", true, "http://10.0.0.5:8420"},
		{"this machine, by its name for itself", plain, "LocalHost:8420", "", true, "http://10.0.0.5:8420"},
		{"this machine, for a stranger", plain, "127.0.0.1:8420", "", false, "http://127.0.0.1:8420"},
		{"with TLS", tls, "oak:8420", "", false, "https://oak:8420#" + pin},
		{"with TLS, one of the master's addresses", tls, "10.0.0.5:8420", "", false, "https://10.0.0.5:8420#" + pin},
		{"with a studio's certificate", studio, "render.studio.com:8420", "", false, "https://render.studio.com:8420"},
		{"with a studio's certificate, by another of its names", studio, "farm.studio.com:8420", "", false, "https://farm.studio.com:8420"},
		{"with a studio's certificate, by an address that it does not name", studio, "10.0.0.5:8420", "", false, "https://render.studio.com:8420"},
		{"no host at all", plain, "a@b", "", false, ""},
	} {
		b := c.h.visitor()
		if c.known {
			b = c.h.as("anna", farm.RoleView)
		}
		r, err := http.NewRequest(http.MethodGet, c.h.url+"/addon.zip", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		r.Header.Set("Cookie", "netrender-"+farmID[:8]+"="+b.cookie)
		if c.forward != "" {
			r.Header.Set("X-Forwarded-Proto", c.forward)
		}
		resp, err := c.h.server.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := `zip for "" of "` + c.want + `"`; err != nil || string(text) != want {
			t.Errorf("%s: %s %s, not %s", c.name, resp.Status, text, want)
		}
	}
}
