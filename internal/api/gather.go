package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// The limits of how often a gathered stream speaks.
const (
	leastEvery = 200 * time.Millisecond
	mostEvery  = 10 * time.Second
)

// Pages want to know that something changed, not each change: they ask for a gathered stream. It tells the last event of
// each kind of each job, and the last of each worker's own, once in a while; that frames are to be rendered once more is not
// hidden by what follows. What it says is written down once, however many read it.

// gatherings are the gathered streams that somebody reads, by what they select.
type gatherings struct {
	mu  sync.Mutex
	all map[string]*gathering // guarded by mu
}

// gathering is one stream and its readers.
type gathering struct {
	stop    context.CancelFunc
	readers map[*gathered]struct{} // guarded by gatherings.mu
}

// gathered is one reader of a stream.
type gathered struct {
	texts  chan []byte
	missed bool // guarded by gatherings.mu: a text did not fit
}

// eventKey is what only the last event is told of.
type eventKey struct {
	kind   farm.EventKind
	job    farm.JobID
	worker farm.WorkerID
	anew   bool   // frames are reset
	text   string // of what concerns no job and no worker
}

func keyOf(e *farm.Event) eventKey {
	k := eventKey{kind: e.Kind, job: e.Job, anew: e.Kind == farm.EventJob && e.Text == "retried" || e.Kind == farm.EventFrame && e.State == "again"}
	switch {
	case e.Kind == farm.EventWorker || e.Job == 0 && e.Worker != "":
		k.worker = e.Worker
	case e.Job == 0:
		k.text = e.Text
	}
	return k
}

// join adds a reader; leave takes it away, and the stream ends with its last one.
func (g *gatherings) join(a *API, f *eventFilter, every time.Duration) (r *gathered, leave func()) {
	kinds := make([]string, len(f.kinds))
	for i, k := range f.kinds {
		kinds[i] = string(k)
	}
	slices.Sort(kinds)
	key := f.job.String() + " " + strings.Join(kinds, ",") + " " + every.String()
	if f.admin {
		key += " admin"
	}
	r = &gathered{texts: make(chan []byte, 8)}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.all[key]
	if s == nil {
		ctx, stop := context.WithCancel(context.Background())
		s = &gathering{stop: stop, readers: map[*gathered]struct{}{}}
		if g.all == nil {
			g.all = map[string]*gathering{}
		}
		g.all[key] = s
		filter := *f
		events := a.m.Watch(ctx, filter.kinds...) // before anybody is told that the stream stands
		go g.run(s, &filter, every, events)
	}
	s.readers[r] = struct{}{}
	return r, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(s.readers, r)
		if len(s.readers) == 0 && g.all[key] == s {
			delete(g.all, key)
			s.stop()
		}
	}
}

// run gathers until events end. What comes after a silence is told at once, and what follows every so often.
func (g *gatherings) run(s *gathering, f *eventFilter, every time.Duration, events <-chan farm.Event) {
	last := map[eventKey]farm.Event{}
	var order []eventKey
	ready := time.NewTimer(0)
	defer ready.Stop()
	open := false // it may be told at once
	tell := func() {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		for _, k := range order {
			e := last[k]
			text.WriteString("data: ")
			if enc.Encode(&e) != nil {
				continue
			}
			text.WriteByte('\n')
		}
		clear(last)
		order = order[:0]
		g.say(s, text.Bytes())
		open = false
		ready.Reset(every)
	}
	for {
		select {
		case <-ready.C:
			if open = len(order) == 0; !open {
				tell()
			}
		case e, more := <-events:
			if !more {
				g.say(s, nil)
				return
			}
			if !f.wants(&e) {
				continue
			}
			k := keyOf(&e)
			if _, known := last[k]; !known {
				order = append(order, k)
			}
			if last[k] = e; open {
				tell()
			}
		}
	}
}

// say hands a text to every reader; nil ends them.
func (g *gatherings) say(s *gathering, text []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range s.readers {
		if text == nil {
			close(r.texts)
			continue
		}
		select {
		case r.texts <- text:
		default:
			r.missed = true
		}
	}
	if text == nil { // who comes now begins another
		for key, other := range g.all {
			if other == s {
				delete(g.all, key)
			}
		}
	}
}

// caught tells whether the reader missed texts since it was last asked.
func (g *gatherings) caught(r *gathered) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	missed := r.missed
	r.missed = false
	return missed
}

// lostLine tells a reader that it missed events.
const lostLine = "data: {\"kind\":\"lost\"}\n\n"

// gatheredEvents streams until somebody leaves.
func (a *API) gatheredEvents(ctx context.Context, w http.ResponseWriter, f *eventFilter, every time.Duration) {
	r, leave := a.gatherings.join(a, f, every)
	defer leave()
	send := a.sender(w)
	if send([]byte("retry: 1000\n: the stream stands\n\n")) != nil {
		return
	}
	alive := time.NewTicker(wire.KeepAlive)
	defer alive.Stop()
	for {
		text := []byte(": alive\n\n")
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
		case next, more := <-r.texts:
			if !more {
				return
			}
			if text = next; a.gatherings.caught(r) {
				text = append([]byte(lostLine), next...)
			}
		}
		if send(text) != nil {
			return
		}
	}
}

// sender writes pieces of a stream, each at once; a reader that does not read is dropped by the write deadline.
func (a *API) sender(w http.ResponseWriter) func(text []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold the stream back
	rc := http.NewResponseController(w)
	return func(text []byte) error {
		_ = rc.SetWriteDeadline(a.opt.Now().Add(answerTime))
		if _, err := w.Write(text); err != nil {
			return err
		}
		return rc.Flush()
	}
}
