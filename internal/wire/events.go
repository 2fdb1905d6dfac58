package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// KeepAlive is how often an event stream says that it lives; a client that hears nothing for four of them dials anew.
const KeepAlive = 15 * time.Second

// maxEvent bounds one line of an event stream, in bytes.
const maxEvent = 1 << 20

// EventFilter selects events.
type EventFilter struct {
	Job    farm.JobID       // 0: of all jobs
	Kinds  []farm.EventKind // empty: all
	Broken func(error)      // told when the stream broke and is dialed anew; may be nil
}

// Events yields events as they happen until ctx ends or the caller breaks. A stream that breaks is dialed anew.
// Whenever a stream begins, the first included, and when the master had to drop some, an event of kind EventLost is
// yielded: read the state now, and miss nothing. An error that waiting does not heal (no permission, nonsense) is
// yielded as the last.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[farm.Event, error] {
	return func(yield func(farm.Event, error) bool) {
		back := backoff{first: c.first}
		for {
			err := c.stream(ctx, f, func(e farm.Event) bool {
				back.reset()
				return yield(e, nil)
			})
			switch {
			case err == errEnough, ctx.Err() != nil:
				return
			case !Again(err):
				yield(farm.Event{}, err)
				return
			}
			if f.Broken != nil {
				f.Broken(err)
			}
			if back.wait(ctx) != nil {
				return
			}
		}
	}
}

var errEnough = errors.New("the reader has enough")

// stream reads one connection's events; it returns errEnough when yield does not want more.
func (c *Client) stream(ctx context.Context, f EventFilter, yield func(farm.Event) bool) error {
	q := url.Values{}
	if f.Job != 0 {
		q.Set("job", f.Job.String())
	}
	kinds := make([]string, len(f.Kinds))
	for i, k := range f.Kinds {
		kinds[i] = string(k)
	}
	set(q, "kinds", strings.Join(kinds, ","))
	target := c.base + Root + "/events"
	if len(q) > 0 {
		target += "?" + q.Encode()
	}
	r, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	r.Header.Set("Accept", "text/event-stream")
	guard, ctx := c.guard(ctx)
	defer guard.stop()
	resp, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer guard.cancel(nil)
	guard.moved()
	if !yield(farm.Event{Kind: farm.EventLost}) {
		return errEnough
	}
	return c.lines(ctx, resp.Body, guard, yield)
}

func (c *Client) lines(ctx context.Context, body io.Reader, guard *guard, yield func(farm.Event) bool) error {
	in := bufio.NewScanner(body)
	in.Buffer(make([]byte, 4<<10), maxEvent)
	for in.Scan() {
		guard.moved()
		data, ok := bytes.CutPrefix(in.Bytes(), []byte("data:"))
		if !ok {
			continue // comments, event names and blank lines: our events are one line of data
		}
		var e farm.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return farm.Errorf(farm.Outdated, "an event of the master is not understood: %w", err)
		}
		if e.Kind == "" {
			continue
		}
		if !yield(e) {
			return errEnough
		}
	}
	err := in.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return c.broken(ctx, err)
}
