package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/netrender/netrender/internal/farm"
)

// StreamLine is a line of an answer that comes piece by piece. The last has End set, and Error when it went wrong.
type StreamLine[T any] struct {
	Item  *T       `json:"item,omitempty"`
	Error *Problem `json:"error,omitempty"`
	End   bool     `json:"end,omitempty"`
}

// items makes a call and yields what comes; an error, which is yielded last, is the call's or the way there.
func items[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		r, err := http.NewRequest(http.MethodPost, c.base+path, nil)
		if err != nil {
			yield(none, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err))
			return
		}
		guard, ctx := c.guard(ctx)
		defer guard.stop()
		resp, err := c.request(ctx, r)
		if err != nil {
			yield(none, err)
			return
		}
		defer resp.Body.Close()
		defer guard.cancel(nil) // first, so that closing does not read the rest
		in := bufio.NewScanner(resp.Body)
		in.Buffer(make([]byte, 4<<10), maxEvent)
		for in.Scan() {
			guard.moved()
			if len(bytes.TrimSpace(in.Bytes())) == 0 {
				continue
			}
			var line StreamLine[T]
			if err := json.Unmarshal(in.Bytes(), &line); err != nil {
				yield(none, farm.Errorf(farm.Outdated, "the master's answer is not understood: %w", err))
				return
			}
			switch {
			case line.Error != nil:
				yield(none, line.Error.Err())
				return
			case line.End:
				return
			case line.Item != nil && !yield(*line.Item, nil):
				return
			}
		}
		if err = in.Err(); err == nil {
			err = io.ErrUnexpectedEOF
		}
		yield(none, c.broken(ctx, err))
	}
}
