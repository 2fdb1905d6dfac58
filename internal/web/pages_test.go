package web_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// busy is a farm with one of everything.
type busy struct {
	*house
	job  farm.Job
	oak  farm.WorkerID
	code string
}

// fill makes a farm whose every name is what name makes of it.
func fill(t *testing.T, name func(string) string) *busy {
	t.Helper()
	b := &busy{house: open(t)}
	ctx := context.Background()
	b.oak = b.worker(name("oak"), func(r *farm.Registration) {
		r.Tags = []string{name("big")}
		r.Facts.Host, r.Facts.CPU, r.Facts.OS, r.Facts.Arch, r.Facts.Program = name("host"), name("cpu"), name("os"), name("arch"), name("1.0")
		r.Facts.GPUs = []farm.GPU{{Name: name("gpu"), Kind: name("cuda")}}
		r.Facts.Blenders[0].Engines = []string{name("CYCLES")}
	})
	b.job = b.submit(master.Identity{Name: name("anna"), Role: farm.RoleSubmit}, name("shot"), "1-5")
	if err := b.m.Note(ctx, master.Identity{Name: name("auditor"), Token: name("token"), Role: farm.Role(name("role")), Address: name("address")},
		farm.Action(name("action")), name("subject"), name("text")); err != nil {
		t.Fatal(err)
	}
	g := b.claim(b.oak)
	b.log(g, name("log"))
	b.report(g, farm.Rendered, "", map[string]string{"preview 1#.jpg": "jpeg"}, func(r *farm.Report) { r.Warnings = []string{name("warning")} })
	b.report(b.claim(b.oak), farm.Errored, name("error"), nil, func(r *farm.Report) { r.Fatal = true })
	g = b.claim(b.oak)
	if _, err := b.m.Heartbeat(ctx, root, b.oak, farm.Heartbeat{Beats: []farm.Beat{{
		Lease: g.Lease.ID, Frame: g.Lease.Frames[0], Started: true, Fraction: 0.25, Phase: name("phase"), LeftS: 90,
	}}, Load: farm.Load{CPU: 0.5, MemoryMB: 5000, DiskMB: 1000}}); err != nil {
		t.Fatal(err)
	}
	b.worker("elm")
	p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: name("laptop"), Role: farm.RoleSubmit, Kind: name("kind"), Address: "10.0.0.9"})
	if err != nil {
		t.Fatal(err)
	}
	b.code = p.Code
	return b
}

func (b *busy) paths() []string {
	return []string{"/", "/plain", "/jobs", "/jobs/1", "/jobs/1/frames", "/jobs/1/frames/2", "/workers/" + string(b.oak), "/add-worker", "/addon", "/settings/audit", "/login", "/login/x", "/nothing"}
}

func plain(s string) string { return s }

func TestPagesShowTheFarm(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	admin := b.as("root", farm.RoleAdmin)
	a := admin.get("/plain")
	says(t, a, "<h1><bdi>render-master</bdi></h1>", `<a href="/jobs/1"><bdi>shot</bdi></a>`, "1 of 5", "1 failed", "2 min left",
		`<a href="/workers/`+string(b.oak)+`"><bdi>oak</bdi></a>`, "frame 3", "25 %", "1 job being rendered; 2 workers: 1 working, 1 idle.", "62 GB",
		b.code, "laptop", "10.0.0.9", "kind", "send jobs (submit)")
}

func TestWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	h := openAs(t, false, master.Options{Reserve: 1 << 60}) // no disk is as large
	b := h.as("root", farm.RoleAdmin)
	comesToSay(t, b, "/plain", true, "The master&#39;s disk is full")
	h.submit(root, "shot", "1")
	comesToSay(t, b, "/plain", true, "A job waits, and no worker is there")
	oak := h.worker("oak")
	beat := func(idle string) {
		t.Helper()
		if _, err := h.m.Heartbeat(context.Background(), root, oak, farm.Heartbeat{Load: farm.Load{Idle: idle}}); err != nil {
			t.Fatal(err)
		}
	}
	beat("its disk is nearly full")
	comesToSay(t, b, "/plain", true, `<a href="/workers/`+string(oak)+`"><bdi>Worker oak asks for no frames: its disk is nearly full`)
	beat("")
	comesToSay(t, b, "/plain", false, "asks for no frames")
	saysNot(t, b.get("/plain"), "no worker is there")
	if _, err := h.m.ChangeWorker(context.Background(), root, oak, func(w *farm.Worker) { w.Enabled, w.Reason = false, "3 jobs failed in a row" }); err != nil {
		t.Fatal(err)
	}
	comesToSay(t, b, "/plain", true, "Worker oak was taken out: 3 jobs failed in a row")
}

func TestAnEmptyFarmSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := open(t).as("anna", farm.RoleAdmin)
	says(t, b.get("/plain"), "Nothing to render", "netrender render", "No workers yet", `href="/add-worker"`)
}

func TestPagesLoadThemselvesAgainUnlessAskedNotTo(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	admin := b.as("root", farm.RoleAdmin)
	says(t, admin.get("/plain"), `<meta http-equiv="refresh" content="5">`, `href="?still"`)
	saysNot(t, admin.get("/plain?still"), "http-equiv")
}

// TestThePageHoldsStillForLetters: what somebody types there is not lost.
func TestThePageHoldsStillForLetters(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, _, err := h.m.AskPairing(context.Background(), master.Newcomer{
		Name: "hazel", Role: farm.RoleWorker, Commit: strings.Repeat("ab", 32), Address: "10.0.0.9",
	}); err != nil {
		t.Fatal(err)
	}
	a := h.as("root", farm.RoleAdmin).get("/plain")
	says(t, a, `name="letters"`, "The letters that hazel shows behind the code", "Look again")
	saysNot(t, a, "http-equiv")
	says(t, h.as("anna", farm.RoleView).get("/plain"), "http-equiv")
}

// ownScripts are the application, and what it is told.
var ownScripts = regexp.MustCompile(`<script type="module" src="/static/app/[a-zA-Z0-9-]+\.js"></script>|<script type="application/json" id="me">[^<>]*</script>`)

func TestStrictHeaders(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	admin, visitor := b.as("root", farm.RoleAdmin), b.visitor()
	for _, path := range append(b.paths(), "/static/style.css", "/static/icon.svg", "/static/", "/static/nothing", "/jobs/77") {
		for _, a := range []reply{admin.get(path), visitor.get(path), visitor.post(path)} {
			csp := a.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: the policy %q lacks %s", path, csp, part)
				}
			}
			for _, bad := range []string{"unsafe", "*", "data:", "http"} {
				if strings.Contains(csp, bad) {
					t.Errorf("%s: the policy %q has %s", path, csp, bad)
				}
			}
			if !strings.Contains(csp, "sandbox") && !strings.Contains(csp, "script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'") {
				t.Errorf("%s: the policy is %q", path, csp)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			a.text = ownScripts.ReplaceAllString(a.text, "")
			for _, inline := range []string{"<script", "<style", "style=", "javascript:", " onclick", " onload", "http://www", "https://"} {
				if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(a.text, inline) {
					t.Errorf("%s has %s", path, inline)
				}
			}
			if cache := a.header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(path, "/static/") {
				t.Errorf("%s may be kept: %q", path, cache)
			}
		}
	}
	a := admin.get("/plain")
	at := strings.Index(a.text, "/static/style.css?v=")
	link, _, _ := strings.Cut(a.text[at:], `"`)
	if a := visitor.get(link); a.status != 200 || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("%s: %d %v", link, a.status, a.header)
	}
	if a := visitor.get("/static/style.css?v=other"); a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a style of another version: %v", a.header)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	for what, evil := range map[string]string{
		"tags":     `<script>alert(1)</script>`,
		"quotes":   `"'><img src=x onerror=alert(1)>`,
		"entities": `&lt;b&gt;&#0;`,
		"template": `{{.}}`,
		"newlines": "a\r\nSet-Cookie: x=y\n\n",
		"turned":   "gnp.\u202etxt\u2066\u200f",
		"controls": "\x1b[31m\x00\x07\u0085\u200b\ufeff\u2028",
		"bytes":    "\xff\xfe<b",
		"script":   `javascript:alert(1)`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := fill(t, func(s string) string { return s + evil })
			admin := b.as("root"+evil, farm.RoleAdmin)
			for _, path := range b.paths() {
				a := admin.get(path)
				for _, r := range a.text {
					if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune("\u200b\ufeff\u2028", r) {
						t.Errorf("%s has the character %U", path, r)
						break
					}
				}
				a.text = ownScripts.ReplaceAllString(a.text, "")
				for _, bad := range []string{"<script", "<img src=x", "onerror=alert(1)>", "<b>", "<b<", `"'>`, `href="javascript:`, "'javascript:"} {
					if strings.Contains(a.text, bad) {
						t.Errorf("%s has %s", path, bad)
					}
				}
				if a.header.Get("Set-Cookie") != "" && strings.Contains(a.header.Get("Set-Cookie"), "x=y") {
					t.Errorf("%s sets a cookie of the name's", path)
				}
				if path == "/plain" && !strings.Contains(a.text, "shot") { // the one page made here that names jobs
					t.Errorf("%s does not show the job", path)
				}
			}
			a := admin.get("/api/v1/jobs/1/log?frame=1")
			if a.status != 200 || a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") || a.text != "log"+evil {
				t.Errorf("the log: %d %v %q", a.status, a.header, a.text)
			}
		})
	}
}

// TestResultsAreNeverPagesOfOurs: what a scene writes, and somebody opens from a page, runs nothing with our cookie.
func TestResultsAreNeverPagesOfOurs(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.submit(root, "shot", "1")
	g := h.claim(h.worker("oak"))
	evil := "<html><script>alert(1)</script>"
	files := map[string]string{}
	for _, name := range []string{"a.html", "a.svg", "a.xml", "a.js", "a.pdf", "a", "a.jpg.html", "a.png", "a.jpg"} {
		files[name] = evil
	}
	h.report(g, farm.Rendered, "", files)
	b := h.as("anna", farm.RoleView)
	for name := range files {
		a := b.get("/api/v1/jobs/1/results/" + name)
		kind := a.header.Get("Content-Type")
		if a.status != 200 || a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
		if kind != "application/octet-stream" && kind != "image/png" && kind != "image/jpeg" {
			t.Errorf("%s is shown as %s", name, kind)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	viewer, other := b.as("vera", farm.RoleView), b.as("otto", farm.RoleSubmit)
	a := viewer.get("/plain")
	says(t, a, "shot")
	saysNot(t, a, b.code, "laptop")
	for _, x := range []struct {
		who  *browser
		path string
		say  string
	}{
		{viewer, "/pairings/" + b.code + "/refuse", "with the role view, which may not do this"},
		{other, "/pairings/" + b.code + "/accept", "It takes the role admin."},
	} {
		a := x.who.post(x.path)
		if a.status != http.StatusForbidden {
			t.Errorf("%s: %d", x.path, a.status)
		}
		says(t, a, x.say)
	}
	if j := b.house.job(1); j.State != farm.Active || j.Failed != 1 {
		t.Errorf("the job changed: %+v", j)
	}
}

func TestLettingNewcomersIn(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	admin := b.as("root", farm.RoleAdmin)
	says(t, admin.get("/plain"), `action="/pairings/`+b.code+`/accept"`)
	p, secret, err := b.m.AskPairing(context.Background(), master.Newcomer{Name: "third", Role: farm.RoleWorker, Worker: b.oak, Address: "10.0.0.10"})
	if err != nil {
		t.Fatal(err)
	}
	says(t, admin.get("/plain"), "says it is worker <bdi>oak</bdi>, whose token it takes over")
	if a := admin.post("/pairings/" + b.code + "/refuse"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/plain" {
		t.Fatalf("refuse: %d", a.status)
	}
	if a := admin.post("/pairings/" + p.Code + "/accept"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/plain" {
		t.Fatalf("accept: %d", a.status)
	}
	state, token, err := b.m.WaitPairing(context.Background(), secret, "")
	if err != nil || state != farm.PairAccepted || token == "" {
		t.Fatalf("the newcomer: %s, %v", state, err)
	}
	if a := admin.post("/pairings/" + p.Code + "/accept"); a.status != http.StatusNotFound {
		t.Errorf("accepted twice: %d", a.status)
	}
	if a := admin.post("/pairings/" + p.Code + "/marry"); a.status != http.StatusNotFound {
		t.Errorf("marry: %d", a.status)
	}
}

func TestErrorsArePages(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as("anna", farm.RoleView)
	for path, status := range map[string]int{
		"/nothing": 404, "/login/a/b": 404,
	} {
		a := b.get(path)
		if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		says(t, a, "</html>")
	}
	if a := b.post("/login", "link", strings.Repeat("x", 100_000)); a.status != http.StatusBadRequest {
		t.Errorf("a form that is too long: %d", a.status)
	}
}
