package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/api"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/store"
	"github.com/netrender/netrender/internal/web"
	"github.com/netrender/netrender/internal/wire"
)

// house is a master with both doors, behind a real server.
type house struct {
	t      *testing.T
	m      *master.Master
	blobs  *blob.Memory
	server *httptest.Server
	url    string
	late   atomic.Int64 // nanoseconds by which the farm's clock is late
}

var root = master.Identity{Name: "root", Role: farm.RoleAdmin}

// farmID is what the cookie of the farm is named after.
const farmID = "0123456789abcdef"

func open(t *testing.T, change ...func(*web.Options)) *house {
	return openAs(t, false, master.Options{}, change...)
}

func openAs(t *testing.T, tls bool, mo master.Options, change ...func(*web.Options)) *house {
	t.Helper()
	h := &house{t: t, blobs: new(blob.Memory)}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "farm.db"))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(-time.Duration(h.late.Load())) }
	mo.Store, mo.Blobs, mo.Dir, mo.Now, mo.Rand, mo.Program = db, h.blobs, dir, now, rand.Reader, "1.0.0"
	m, err := master.New(ctx, mo)
	if err != nil {
		t.Fatal(err)
	}
	h.m = m
	done := make(chan error, 1)
	go func() { done <- h.m.Run(ctx) }()
	tended := make(chan struct{})
	go func() {
		_ = h.m.Tend(ctx)
		close(tended)
	}()
	o := web.Options{
		Log:    slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
		Master: h.m, Now: now, Name: "render-master", Farm: farmID, Program: "1.0.0", Result: wire.ResultPath,
		Addresses: func() []string { return []string{"http://10.0.0.5:8420", "http://192.168.7.5:8420"} },
		Addons:    addons{},
	}
	for _, f := range change {
		f(&o)
	}
	pages := web.New(o)
	door := api.New(api.Options{Master: h.m, Blobs: h.blobs, Uploads: h.blobs, Now: time.Now, Open: o.Open, Browser: pages.Browser})
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/api/", door)
	h.server = httptest.NewUnstartedServer(mux)
	if tls {
		h.server.StartTLS()
	} else {
		h.server.Start()
	}
	h.url = h.server.URL
	t.Cleanup(func() {
		door.Stop()
		h.server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-tended
		_ = db.Close()
	})
	return h
}

// addons makes what a test can read: two platforms are here.
type addons struct{}

func (addons) Platforms() []web.Platform {
	return []web.Platform{{ID: "windows-amd64", Title: "Windows"}, {ID: "darwin-arm64", Title: "macOS", Here: true}, {ID: "linux-amd64", Title: "Linux", Here: true}}
}

func (addons) Zip(_ context.Context, platform, at string) (*web.AddonZip, error) {
	if platform == "windows-amd64" {
		return nil, farm.Errorf(farm.NotFound, "there is no program for Windows here")
	}
	text := fmt.Sprintf("zip for %q of %q", platform, at)
	return &web.AddonZip{
		Size: int64(len(text)), Mark: hex.EncodeToString([]byte(text)), Close: func() {},
		Write: func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		},
	}, nil
}

// browser keeps cookies and follows nothing by itself.
type browser struct {
	h      *house
	cookie string // what it would send
	header http.Header
}

// visitor is a browser that nobody let in.
func (h *house) visitor() *browser {
	return &browser{h: h, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// link makes a login link for a new token of the role and returns its path.
func (h *house) link(name string, role farm.Role) string {
	h.t.Helper()
	_, secret, err := h.m.CreateToken(context.Background(), root, name, role)
	if err != nil {
		h.t.Fatal(err)
	}
	who, err := h.m.Authenticate(secret, "")
	if err != nil {
		h.t.Fatal(err)
	}
	link, _, err := h.m.AskLogin(context.Background(), who)
	if err != nil {
		h.t.Fatal(err)
	}
	return link
}

// as is a browser that is logged in with a token of the name and role.
func (h *house) as(name string, role farm.Role) *browser {
	h.t.Helper()
	b := h.visitor()
	if a := b.post("/login", "link", h.link(name, role)); a.status != http.StatusSeeOther || b.cookie == "" {
		h.t.Fatalf("logging in: %d\n%s", a.status, a.text)
	}
	return b
}

type reply struct {
	status int
	text   string
	header http.Header
	cookie *http.Cookie
}

// main is what is on a page between its head and foot.
func (a *reply) main() string {
	_, text, _ := strings.Cut(a.text, "<main")
	text, _, _ = strings.Cut(text, "</main>")
	return text
}

func (b *browser) get(path string) reply { return b.send(http.MethodGet, path, "") }

// post sends a form of names and values.
func (b *browser) post(path string, form ...string) reply {
	v := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return b.send(http.MethodPost, path, v.Encode())
}

func (b *browser) send(method, path, body string) reply {
	t := b.h.t
	t.Helper()
	r, err := http.NewRequest(method, b.h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		name := "netrender-" + farmID[:8]
		if b.h.server.TLS != nil {
			name = "__Host-" + name
		}
		r.Header.Set("Cookie", name+"="+b.cookie)
	}
	resp, err := b.h.server.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{status: resp.StatusCode, text: string(text), header: resp.Header}
	for _, c := range resp.Cookies() {
		a.cookie, b.cookie = c, c.Value
	}
	return a
}

// with is the browser sending other headers: names and values.
func (b *browser) with(header ...string) *browser {
	c := *b
	c.header = http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		c.header.Set(header[i], header[i+1])
	}
	return &c
}

// worker registers one.
func (h *house) worker(name string, edit ...func(*farm.Registration)) farm.WorkerID {
	h.t.Helper()
	sum := sha256.Sum256([]byte(name))
	r := farm.Registration{Protocol: farm.Protocol, ID: farm.WorkerID(hex.EncodeToString(sum[:6])), Name: name, Slots: 1, Facts: farm.Facts{
		Host: name, OS: "linux", Arch: "amd64", CPU: "Ryzen", Cores: 16, MemoryMB: 64000, DiskMB: 400_000, Program: "1.0.0",
		Blenders: []farm.Blender{{Version: farm.Version{Major: 4, Minor: 5}, Denoiser: true, Engines: []string{"CYCLES"}}},
	}}
	for _, f := range edit {
		f(&r)
	}
	if _, err := h.m.Register(context.Background(), root, r); err != nil {
		h.t.Fatal(err)
	}
	return r.ID
}

// scene is what the jobs of these tests render.
var scene = []byte("a scene")

// submit sends a job whose file is there.
func (h *house) submit(who master.Identity, name, frames string, edit ...func(*farm.JobSpec)) farm.Job {
	h.t.Helper()
	set, err := farm.ParseFrameSet(frames)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.blobs.Put(context.Background(), blob.RefOf(scene), int64(len(scene)), bytes.NewReader(scene)); err != nil {
		h.t.Fatal(err)
	}
	spec := farm.JobSpec{Name: name, Blend: "shot.blend", Frames: set, Options: farm.Options{EXR: "none"}}
	for _, f := range edit {
		f(&spec)
	}
	job, err := h.m.Submit(context.Background(), who, spec, []farm.File{{
		Path: spec.Blend, Original: "//" + spec.Blend, Size: int64(len(scene)), Ref: blob.RefOf(scene).String(),
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return job
}

// claim gives the worker its next frame.
func (h *house) claim(id farm.WorkerID) *farm.Grant {
	h.t.Helper()
	g, err := h.m.Claim(context.Background(), root, farm.Wish{Worker: id})
	if err != nil || g == nil {
		h.t.Fatalf("claim: %v, %v", g, err)
	}
	return g
}

// report settles the first frame of a lease, with files by name.
func (h *house) report(g *farm.Grant, outcome farm.Outcome, sentence string, files map[string]string, edit ...func(*farm.Report)) {
	h.t.Helper()
	ctx := context.Background()
	r := farm.Report{
		Lease: g.Lease.ID, Worker: g.Lease.Worker, Job: g.Lease.Job, Frame: g.Lease.Frames[0], Attempt: g.Lease.Attempt,
		Outcome: outcome, Error: sentence, Seconds: 60,
	}
	for name, text := range files {
		sum := sha256.Sum256([]byte(text))
		f := farm.Result{Kind: farm.KindPreview, Name: name, Size: int64(len(text)), Ref: hex.EncodeToString(sum[:]), Frame: r.Frame}
		if !strings.HasSuffix(name, ".jpg") {
			f.Kind = farm.KindOutput
		}
		if _, _, err := h.m.PutResult(ctx, root, g.Lease.ID, g.Lease.Worker, f, 0, strings.NewReader(text)); err != nil {
			h.t.Fatal(err)
		}
		r.Results = append(r.Results, f)
	}
	for _, f := range edit {
		f(&r)
	}
	v, _, err := h.m.Report(ctx, root, []farm.Report{r}, nil)
	if err != nil || !v[0].Accepted {
		h.t.Fatalf("report: %+v, %v", v, err)
	}
}

func (h *house) log(g *farm.Grant, text string) {
	h.t.Helper()
	if err := h.m.AppendLog(context.Background(), root, g.Lease.ID, g.Lease.Worker, g.Lease.Frames[0], 0, bytes.NewReader([]byte(text))); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) job(id farm.JobID) farm.Job {
	h.t.Helper()
	j, err := h.m.Job(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

func says(t *testing.T, a reply, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.text, part) {
			t.Fatalf("status %d, and it does not say %q:\n%s", a.status, part, a.main())
		}
	}
}

// comesToSay waits until a page says something: the master looks around once a second for what needs a person.
func comesToSay(t *testing.T, b *browser, path string, yes bool, part string) {
	t.Helper()
	var a reply
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if a = b.get(path); a.status == http.StatusOK && strings.Contains(a.text, part) == yes {
			return
		}
	}
	t.Fatalf("status %d, %q %v is not so:\n%s", a.status, part, yes, a.main())
}

func saysNot(t *testing.T, a reply, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(a.text, part) {
			t.Fatalf("status %d, and it says %q:\n%s", a.status, part, a.main())
		}
	}
}
