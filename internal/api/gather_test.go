package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// stream opens the event stream of a role and reads its events, one by one.
func (h *house) stream(role farm.Role, query string) (next func() farm.Event, leave func()) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(within(h.t), "GET", h.url+wire.Root+"/events?"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.secret[role])
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // retry
	return func() (e farm.Event) {
		h.t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					h.t.Fatal(err)
				}
				return e
			}
		}
		h.t.Fatal("the stream ended: ", lines.Err())
		return e
	}, func() { resp.Body.Close() }
}

func (a *API) streams() int {
	a.gatherings.mu.Lock()
	defer a.gatherings.mu.Unlock()
	return len(a.gatherings.all)
}

// TestGatheredEvents: of many changes the last one is told, to all readers alike, of each job; the first at once.
func TestGatheredEvents(t *testing.T) {
	h := open(t)
	ctx, c := within(t), h.client(farm.RoleSubmit)
	one, two := h.submit("1"), h.submit("2")
	a, leaveA := h.stream(farm.RoleView, "every=500&kinds=job")
	b, leaveB := h.stream(farm.RoleView, "every=500&kinds=job")
	admin, leaveAdmin := h.stream(farm.RoleAdmin, "every=500&kinds=job")
	if n := h.a.streams(); n != 2 {
		t.Errorf("%d streams are made for two sorts of readers", n)
	}
	const changes = 30
	for range changes {
		for _, do := range []func() (farm.Job, error){
			func() (farm.Job, error) { return c.PauseJob(ctx, one.ID) }, func() (farm.Job, error) { return c.ResumeJob(ctx, one.ID) },
		} {
			if _, err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := c.CancelJob(ctx, one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CancelJob(ctx, two.ID); err != nil {
		t.Fatal(err)
	}
	for who, next := range map[string]func() farm.Event{"a": a, "b": b, "admin": admin} {
		told, open := 0, map[farm.JobID]bool{one.ID: true, two.ID: true}
		for len(open) > 0 {
			e := next()
			if told++; e.Kind != farm.EventJob {
				t.Fatalf("%s is told %+v", who, e)
			}
			if e.State == string(farm.Canceled) {
				delete(open, e.Job)
			}
		}
		if told > changes {
			t.Errorf("%s is told %d events of %d changes", who, told, 2*changes+2)
		}
	}
	for _, leave := range []func(){leaveA, leaveB, leaveAdmin} {
		leave()
	}
	for h.a.streams() > 0 { // until nobody is told for nobody
		if ctx.Err() != nil {
			t.Fatal("a stream is made for nobody")
		}
		runtime.Gosched()
	}
}

// TestResetsAreNotHidden: that frames were reset is told though more happens to the job at once.
func TestResetsAreNotHidden(t *testing.T) {
	for _, e := range []farm.Event{{Kind: farm.EventJob, Job: 1, Text: "retried"}, {Kind: farm.EventFrame, Job: 1, State: "again"}} {
		next := farm.Event{Kind: e.Kind, Job: 1, State: "active"}
		if keyOf(&e) == keyOf(&next) {
			t.Errorf("%+v is hidden by %+v", e, next)
		}
	}
}

// TestGatheredEventsAreLost: a reader that does not keep up is told so.
func TestGatheredEventsAreLost(t *testing.T) {
	var g gatherings
	r := &gathered{texts: make(chan []byte, 2)}
	s := &gathering{readers: map[*gathered]struct{}{r: {}}}
	for i := range 3 {
		g.say(s, fmt.Append(nil, i))
	}
	if !g.caught(r) || g.caught(r) {
		t.Error("it is not told once that it missed something")
	}
	g.say(s, nil)
	n := 0
	for range r.texts {
		n++
	}
	if n != 2 {
		t.Errorf("%d texts", n)
	}
}
