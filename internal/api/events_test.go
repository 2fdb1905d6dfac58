package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func TestEventsAreSeen(t *testing.T) {
	h := open(t)
	ctx, enough := context.WithCancel(within(t))
	defer enough()
	var seen []string
	var job farm.JobID
	for e, err := range h.client(farm.RoleView).Events(ctx, wire.EventFilter{Kinds: []farm.EventKind{farm.EventJob}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == farm.EventLost { // the stream stands
			if len(seen) > 0 {
				t.Fatal("events were lost")
			}
			h.worker(h.client(farm.RoleWorker), "worker-01", 1) // of a kind that was not asked for
			job = h.submit("1-2").ID
			if _, err := h.client(farm.RoleSubmit).CancelJob(ctx, job); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if e.Kind != farm.EventJob || e.Job != job {
			t.Fatalf("%+v", e)
		}
		if seen = append(seen, e.State); e.State == string(farm.Canceled) {
			break
		}
	}
	if seen[0] != string(farm.Queued) {
		t.Fatal(seen)
	}
}

func TestEventsOfOneJob(t *testing.T) {
	h := open(t)
	one, two := h.submit("1"), h.submit("2")
	for e, err := range h.client(farm.RoleView).Events(within(t), wire.EventFilter{Job: two.ID}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == farm.EventLost {
			for _, id := range []farm.JobID{one.ID, two.ID} {
				if _, err := h.client(farm.RoleSubmit).PauseJob(within(t), id); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if e.Job != two.ID {
			t.Fatalf("%+v", e)
		}
		return
	}
}

func TestEventsGoOnAfterABreak(t *testing.T) {
	h := open(t)
	begins, broken := 0, 0
	for e, err := range h.client(farm.RoleView).Events(within(t), wire.EventFilter{Broken: func(error) { broken++ }}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != farm.EventLost {
			continue
		}
		if begins++; begins == 3 {
			break
		}
		h.server.CloseClientConnections()
	}
	if broken != 2 {
		t.Fatal(broken)
	}
}

func TestEventsEndWithTheToken(t *testing.T) {
	h := open(t)
	var last error
	for e, err := range h.client(farm.RoleView).Events(within(t), wire.EventFilter{}) {
		if last = err; err == nil && e.Kind == farm.EventLost {
			if err := h.client(farm.RoleAdmin).RevokeToken(within(t), h.tokens[farm.RoleView].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantKind(t, last, farm.Denied)
}

func TestEventsOfNonsense(t *testing.T) {
	h := open(t)
	for _, q := range []string{"job=0", "job=x", "kinds=all", "kinds=job,,frame", "every=1", "every=x", "every=20000"} {
		resp, text := h.send(farm.RoleView, "GET", wire.Root+"/events?"+q, nil)
		wantProblem(t, resp, text, farm.Invalid)
	}
}

// stuck is an answer that nobody reads until the gate opens.
type stuck struct {
	header http.Header
	began  chan struct{}
	gate   chan struct{}
	once   sync.Once
	mu     sync.Mutex
	text   strings.Builder
}

func (w *stuck) Header() http.Header { return w.header }
func (w *stuck) WriteHeader(int)     {}
func (w *stuck) Flush()              {}
func (w *stuck) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.began) })
	<-w.gate
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *stuck) has(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), part)
}

// TestEventsTheSlowReader: who does not read holds up nobody, and learns that something was lost.
func TestEventsTheSlowReader(t *testing.T) {
	h := open(t)
	job := h.submit("1-2")
	ctx, leave := context.WithCancel(within(t))
	r, err := http.NewRequestWithContext(ctx, "GET", wire.Root+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.secret[farm.RoleView])
	w := &stuck{header: http.Header{}, began: make(chan struct{}), gate: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.a.ServeHTTP(w, r)
	}()
	<-w.began
	who := master.Identity{Name: "somebody", Role: farm.RoleAdmin}
	for range 800 {
		if _, err := h.m.Pause(ctx, who, job.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.m.Resume(ctx, who, job.ID); err != nil {
			t.Fatal(err)
		}
	}
	close(w.gate)
	// It is told without anything new having to happen, and then hears what came after the loss.
	until(t, "it was told that some were lost", func() bool { return w.has(`"kind":"lost"`) })
	until(t, "the last event was sent", func() bool { return w.has(`"seq":3200,`) })
	leave()
	<-done
}
