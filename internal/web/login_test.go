package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/web"
)

func TestALinkIsUsedByItsButtonOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	link := h.link("anna", farm.RoleSubmit)
	for range 3 { // as programs do that show what is behind a link
		a := h.visitor().get("/login/" + link)
		if a.status != 200 || a.cookie != nil {
			t.Fatalf("looking at the link: %d, cookie %v", a.status, a.cookie)
		}
		says(t, a, `<form method="post" action="/login">`, `value="`+link+`"`)
	}
	b := h.visitor()
	a := b.post("/login", "link", link)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" || a.cookie == nil {
		t.Fatalf("the button: %d to %q\n%s", a.status, a.header.Get("Location"), a.text)
	}
	c := a.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure || c.MaxAge != 30*86400 ||
		c.Name != "netrender-01234567" || len(c.Value) != 43 {
		t.Errorf("the cookie: %+v", c)
	}
	if a := b.get("/plain"); a.status != 200 || a.cookie == nil || a.cookie.MaxAge != 30*86400 {
		t.Errorf("the status page: %d, and the cookie lives on as %+v", a.status, a.cookie)
	}
	again := h.visitor()
	a = again.post("/login", "link", link)
	if a.status != http.StatusForbidden || again.cookie != "" {
		t.Errorf("the link worked twice: %d", a.status)
	}
	says(t, a, "used already", "netrender login prints another one")
}

func TestTheCookieUnderTLS(t *testing.T) {
	t.Parallel()
	h := openAs(t, true, master.Options{})
	b := h.visitor()
	a := b.post("/login", "link", h.link("anna", farm.RoleView))
	if a.cookie == nil || !a.cookie.Secure || a.cookie.Name != "__Host-netrender-01234567" || a.cookie.Path != "/" || a.cookie.Domain != "" {
		t.Fatalf("the cookie: %+v", a.cookie)
	}
	if a := b.get("/plain"); a.status != 200 {
		t.Errorf("logged in: %d", a.status)
	}
}

func TestAnotherLinkEndsTheFormerLogin(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("anna", farm.RoleView)
	b.post("/login", "link", h.link("ben", farm.RoleView))
	says(t, b.get("/plain"), "ben")
	list, err := h.m.Logins(context.Background())
	if err != nil || len(list) != 1 || list[0].Name != "ben" {
		t.Errorf("logins: %+v, %v", list, err)
	}
}

func TestWrongLinksAreThrottled(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.visitor()
	for range 10 {
		if a := b.post("/login", "link", "wrong"); a.status != http.StatusForbidden {
			t.Fatalf("a wrong link: %d", a.status)
		}
	}
	a := b.post("/login", "link", h.link("anna", farm.RoleView))
	if a.status != http.StatusTooManyRequests || b.cookie != "" {
		t.Fatalf("a link after ten wrong ones: %d", a.status)
	}
	says(t, a, "Wait ten minutes.")
}

func TestNobodySeesAnythingWithoutALogin(t *testing.T) {
	t.Parallel()
	h := open(t)
	job := h.submit(root, "secret-shot", "1-3")
	oak := h.worker("secret-oak")
	h.log(h.claim(oak), "secret log")
	paths := []string{"/", "/jobs", "/jobs/1", "/jobs/1/frames", "/jobs/1/frames/1", "/workers/" + string(oak), "/add-worker"}
	for _, path := range paths {
		for _, cookie := range []string{"", "wrong"} {
			b := h.visitor()
			b.cookie = cookie
			a := b.get(path)
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d", path, a.status)
			}
			says(t, a, "<code>netrender login</code>")
			saysNot(t, a, "secret", "10.0.0.5")
		}
	}
	for _, path := range []string{"/api/v1/jobs/1/pause", "/api/v1/jobs/1/retry", "/pairings/ABC-DEF/accept"} {
		if a := h.visitor().post(path); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if j := h.job(job.ID); j.State == farm.Paused {
		t.Error("the job was paused by nobody")
	}
}

func TestLoggingOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("anna", farm.RoleView)
	cookie := b.cookie
	a := b.post("/logout")
	if a.status != http.StatusSeeOther || a.cookie == nil || a.cookie.Value != "" || a.cookie.MaxAge >= 0 {
		t.Fatalf("logging out: %d, cookie %+v", a.status, a.cookie)
	}
	b.cookie = cookie // a browser that kept it
	if a := b.get("/plain"); a.status != http.StatusUnauthorized {
		t.Errorf("after logging out: %d", a.status)
	}
}

func TestARevokedTokenEndsItsLogins(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("anna", farm.RoleView)
	tokens, err := h.m.Tokens(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.m.RevokeToken(context.Background(), root, tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/plain"); a.status != http.StatusUnauthorized {
		t.Errorf("after the token was revoked: %d", a.status)
	}
}

// origins are the headers by which browsers say where a request comes from, and whether one that changes something, or
// a call of the API that reads, may come from there.
func origins(h *house) []struct {
	header        []string
	change, reads bool
} {
	host := strings.TrimPrefix(h.url, "http://")
	return []struct {
		header        []string
		change, reads bool
	}{
		{[]string{"Sec-Fetch-Site", "same-origin"}, true, true},
		{[]string{"Sec-Fetch-Site", "none"}, true, true},
		{[]string{"Sec-Fetch-Site", "same-site"}, false, false},
		{[]string{"Sec-Fetch-Site", "cross-site"}, false, false},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", h.url}, false, false},
		{[]string{"Origin", h.url}, true, true}, // over plain HTTP
		{[]string{"Origin", "http://evil.example"}, false, false},
		{[]string{"Origin", "http://" + strings.Split(host, ":")[0] + ":1"}, false, false},
		{[]string{"Origin", "null"}, false, false},
		{nil, false, true}, // a read over plain HTTP; the cookie alone says that it is ours
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("root", farm.RoleAdmin)
	h.submit(root, "shot", "1-3")
	h.worker("oak")
	for _, from := range origins(h) {
		c := b.with(from.header...)
		want := http.StatusForbidden
		if from.change {
			want = http.StatusSeeOther
		}
		if a := c.post("/pairings/ABC-DEF/refuse"); (a.status == http.StatusForbidden) == from.change {
			t.Errorf("a pairing answered from %v: %d", from.header, a.status)
		}
		v := h.visitor().with(from.header...)
		if a := v.post("/login", "link", h.link("anna", farm.RoleView)); a.status != want || (v.cookie != "") != from.change {
			t.Errorf("a login from %v: %d", from.header, a.status)
		}
		if !from.change {
			if a := c.post("/logout"); a.status != want {
				t.Errorf("a logout from %v: %d", from.header, a.status)
			}
		}
	}
	if a := b.get("/jobs/1/pause"); a.status != http.StatusNotFound {
		t.Errorf("pausing by looking: %d", a.status)
	}
}

func TestCookiesAndTheAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("anna", farm.RoleAdmin)
	h.submit(root, "shot", "1-3")
	for _, from := range origins(h) {
		c := b.with(from.header...)
		if a := c.get("/api/v1/jobs"); (a.status == 200) != from.reads || !from.reads && a.status != http.StatusForbidden {
			t.Errorf("a read from %v: %d", from.header, a.status)
		} else if from.reads && (a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" || a.header.Get("X-Content-Type-Options") != "nosniff" ||
			a.header.Get("Cache-Control") != "private, no-store" || a.header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("the answer's headers: %v", a.header)
		}
		if a := c.send("POST", "/api/v1/jobs/1/pause", ""); (a.status == 200) != from.change || !from.change && a.status != http.StatusForbidden {
			t.Errorf("a change from %v: %d %s", from.header, a.status, a.text)
		}
		if a := h.visitor().with(from.header...).get("/api/v1/jobs"); a.status == 200 {
			t.Errorf("a read without a cookie from %v: %d", from.header, a.status)
		}
	}
	viewer := h.as("ben", farm.RoleView)
	if a := viewer.get("/api/v1/jobs"); a.status != 200 {
		t.Errorf("a viewer's read: %d", a.status)
	}
	if a := viewer.send("POST", "/api/v1/jobs/1/resume", ""); a.status != http.StatusForbidden {
		t.Errorf("a viewer's change: %d", a.status)
	}
}

// TestWhoIsKnownIsTold: the server counts connections of those who are not.
func TestWhoIsKnownIsTold(t *testing.T) {
	met := 0
	count := func(o *web.Options) { o.Met = func(*http.Request) { met++ } }
	h := open(t, count)
	h.visitor().get("/plain")
	if met != 0 {
		t.Errorf("a visitor is known %d times", met)
	}
	b := h.as("anna", farm.RoleView)
	if b.get("/plain"); met == 0 {
		t.Error("whoever is logged in is not known")
	}
	met = 0
	open(t, count, func(o *web.Options) { o.Open = true }).visitor().get("/plain")
	if met == 0 {
		t.Error("in an open farm somebody is not known")
	}
}

func TestAnOpenFarmAsksNobody(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *web.Options) { o.Open = true })
	job := h.submit(root, "shot", "1-3")
	b := h.visitor()
	says(t, b.get("/plain"), "open to everybody", "shot")
	says(t, b.get("/login"), "This farm is open")
	if a := b.with("Sec-Fetch-Site", "cross-site").send(http.MethodPost, "/api/v1/jobs/1/pause", ""); a.status != http.StatusForbidden {
		t.Errorf("another site pauses a job: %d", a.status)
	}
	if a := b.with("Sec-Fetch-Site", "same-origin").send(http.MethodPost, "/api/v1/jobs/1/pause", ""); a.status != http.StatusOK || h.job(job.ID).State != farm.Paused {
		t.Errorf("pausing: %d, %s", a.status, h.job(job.ID).State)
	}
	if b.cookie != "" {
		t.Error("an open farm handed out a cookie")
	}
}

// TestALinkLeadsToOnePage: to the one that it names, and never away from the master.
func TestALinkLeadsToOnePage(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct{ to, want string }{
		{"/jobs/12", "/jobs/12"},
		{"/workers/a%20b", "/"}, // no page has such a name
		{"", "/"},
		{"/", "/"},
		{"jobs/12", "/"},
		{"//evil.example/jobs", "/"},
		{"/\\evil.example", "/"},
		{"\\\\evil.example", "/"},
		{"/\t/evil.example", "/"},
		{"/jobs//evil.example", "/"},
		{"https://evil.example/", "/"},
		{"https:/evil.example", "/"},
		{"javascript:alert(1)", "/"},
		{"/jobs/../..//evil.example", "/"},
		{"/jobs\r\nLocation: https://evil.example", "/"},
		{"/jobs?x=//evil.example", "/"},
		{"/jobs#x", "/"},
	} {
		link := h.link("anna", farm.RoleView)
		b := h.visitor()
		page := b.get("/login/" + link + "?" + url.Values{"to": {c.to}}.Encode())
		field := ""
		if _, after, ok := strings.Cut(page.text, `name="to" value="`); ok {
			field, _, _ = strings.Cut(after, `"`)
		}
		if a := b.post("/login", "link", link, "to", field); a.status != http.StatusSeeOther || a.header.Get("Location") != c.want {
			t.Errorf("%q: by the page %q to %q", c.to, field, a.header.Get("Location"))
		}
		// A form that somebody else made.
		link = h.link("anna", farm.RoleView)
		if a := h.visitor().post("/login", "link", link, "to", c.to); a.header.Get("Location") != c.want {
			t.Errorf("a form with %q leads to %q", c.to, a.header.Get("Location"))
		}
	}
}
