package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// stream answers with a line of JSON for each thing that work sends, and one that says how it ended. Empty lines say
// that it lives. The work ends when the asker leaves.
func (a *API) stream(w http.ResponseWriter, r *http.Request, who master.Identity, work func(ctx context.Context, send func(item any) error) error) error {
	ctx, end := a.hold(w, r, who)
	defer end()
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := &lines{w: w, rc: http.NewResponseController(w), now: a.opt.Now}
	if out.write([]byte("\n")) != nil {
		return nil
	}
	alive, over := time.NewTicker(wire.KeepAlive), make(chan struct{})
	defer alive.Stop()
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-alive.C:
				_ = out.write([]byte("\n"))
			case <-over:
				return
			}
		}
	})
	err := why(ctx, work(ctx, func(item any) error { return out.line(streamLine{Item: item}) }))
	close(over)
	beating.Wait()
	last := streamLine{End: true}
	if err != nil {
		p := translate(err)
		if last.Error = &p; p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
			a.log.Error("a call failed", "call", r.Method+" "+r.URL.Path, "err", err)
		}
	}
	_ = out.line(last)
	return nil
}

// streamLine is wire.StreamLine as it is written.
type streamLine struct {
	Item  any           `json:"item,omitempty"`
	Error *wire.Problem `json:"error,omitempty"`
	End   bool          `json:"end,omitempty"`
}

// lines writes whole lines, from several goroutines.
type lines struct {
	now func() time.Time
	rc  *http.ResponseController

	mu sync.Mutex
	w  http.ResponseWriter // guarded by mu
}

func (l *lines) line(v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return l.write(text.Bytes())
}

func (l *lines) write(text []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.rc.SetWriteDeadline(l.now().Add(answerTime))
	if _, err := l.w.Write(text); err != nil {
		return err
	}
	return l.rc.Flush()
}
