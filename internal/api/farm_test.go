package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// house is a master with its door, behind a real server.
type house struct {
	t      testing.TB
	m      *master.Master
	a      *API
	store  *memory
	blobs  blobs
	dir    string
	url    string
	server *httptest.Server
	secret map[farm.Role]string
	tokens map[farm.Role]farm.Token
}

type blobs interface {
	blob.Store
	blob.Uploads
}

var patience = 20 * time.Second

func open(t testing.TB, change ...func(*Options)) *house {
	t.Helper()
	return openOn(t, func(*master.Options) {}, change...)
}

// openOn is open with a master that is made of something else.
func openOn(t testing.TB, engine func(*master.Options), change ...func(*Options)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), store: newMemory(), blobs: new(blob.Memory), secret: map[farm.Role]string{}, tokens: map[farm.Role]farm.Token{}}
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Blobs: h.blobs, Uploads: h.blobs, Now: time.Now, Info: wire.Info{Program: "1.0.0", Name: "here", ID: "f1"}}
	for _, f := range change {
		f(&o)
	}
	var err error
	mo := master.Options{Store: h.store, Blobs: o.Blobs, Dir: h.dir, Now: time.Now, Rand: rand.Reader, Program: "1.0.0"}
	engine(&mo)
	h.m, err = master.New(ctx, mo)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.m.Run(ctx) }()
	o.Master = h.m
	h.a = New(o)
	h.server = httptest.NewUnstartedServer(h.a)
	h.server.Config = Server(h.a)
	h.server.Start()
	h.url = h.server.URL
	for _, role := range farm.Roles() {
		token, secret, err := h.m.CreateToken(ctx, master.Identity{Role: farm.RoleAdmin}, "the "+string(role), role)
		if err != nil {
			t.Fatal(err)
		}
		h.tokens[role], h.secret[role] = token, secret
	}
	t.Cleanup(func() {
		h.a.Stop()
		h.server.CloseClientConnections()
		h.server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// client speaks with the token of a role.
func (h *house) client(role farm.Role) *wire.Client {
	h.t.Helper()
	c, err := wire.NewClient(h.url, h.secret[role], wire.Options{Program: "1.0.0"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// send makes one plain call and reads the whole answer.
func (h *house) send(role farm.Role, method, path string, body []byte, header ...string) (*http.Response, []byte) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(within(h.t), method, h.url+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if role != nobody {
		r.Header.Set("Authorization", "Bearer "+h.secret[role])
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		h.t.Fatal(err)
	}
	return resp, text.Bytes()
}

// scene is a small job with one file.
func (h *house) scene(frames string, content []byte) (farm.JobSpec, []farm.File) {
	h.t.Helper()
	set, err := farm.ParseFrameSet(frames)
	if err != nil {
		h.t.Fatal(err)
	}
	spec := farm.JobSpec{Name: "shot", Blend: "shot.blend", Frames: set, Options: farm.Options{EXR: "none"}}
	return spec, []farm.File{{Path: "shot.blend", Original: "//shot.blend", Size: int64(len(content)), Ref: blob.RefOf(content).String()}}
}

// submit announces a job whose file is there already.
func (h *house) submit(frames string) farm.Job {
	h.t.Helper()
	content := []byte("BLENDER of " + frames)
	if err := h.blobs.Put(within(h.t), blob.RefOf(content), int64(len(content)), bytes.NewReader(content)); err != nil {
		h.t.Fatal(err)
	}
	spec, files := h.scene(frames, content)
	reply, err := h.client(farm.RoleSubmit).Submit(within(h.t), spec, files)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply.Job
}

// worker registers one.
func (h *house) worker(c *wire.Client, id farm.WorkerID, slots int) {
	h.t.Helper()
	_, err := c.Register(within(h.t), farm.Registration{Protocol: farm.Protocol, ID: id, Name: string(id), Slots: slots, Facts: farm.Facts{
		Host: string(id), OS: "linux", Arch: "amd64", Cores: 8, MemoryMB: 16000,
		Blenders: []farm.Blender{{Version: farm.Version{Major: 4, Minor: 5}, Denoiser: true}},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// noise is bytes that do not compress.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = mrand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func wantKind(t testing.TB, err error, kind farm.Kind) {
	t.Helper()
	var e *farm.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %v (%s), want kind %s", err, farm.KindOf(err), kind)
	}
	if e.Text == "" {
		t.Fatal("an error without a sentence")
	}
}
