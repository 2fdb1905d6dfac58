package wire

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// LogRange names a log and a place in it.
type LogRange struct {
	Job    farm.JobID
	Frame  int
	Lease  farm.LeaseID // 0: the newest attempt at the frame
	Offset int64
}

// Log reads a piece of a log, at most MaxLogChunk bytes, from l.Offset on. next is where to go on. more says that
// there may be more: there is already, or the frame is still being rendered. When there is nothing yet and the frame
// is being rendered, the answer is held for up to wait.
func (c *Client) Log(ctx context.Context, l LogRange, wait time.Duration) (text []byte, next int64, more bool, err error) {
	wait = min(wait, MaxWaitMS*time.Millisecond)
	q := url.Values{"frame": {strconv.Itoa(l.Frame)}}
	setInt(q, "lease", int64(l.Lease))
	setInt(q, "offset", l.Offset)
	setInt(q, "wait_ms", wait.Milliseconds())
	err = c.repeat(ctx, func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, wait+answerTime, errSilent)
		defer cancel()
		r, err := http.NewRequest(http.MethodGet, c.base+jobPath(l.Job, "/log")+"?"+q.Encode(), nil)
		if err != nil {
			return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
		}
		resp, err := c.request(ctx, r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if text, err = io.ReadAll(io.LimitReader(resp.Body, MaxLogChunk)); err != nil {
			return c.broken(ctx, err)
		}
		more = resp.Header.Get(HeaderMore) != ""
		return nil
	})
	return text, l.Offset + int64(len(text)), more, err
}

// FollowLog yields a log from l.Offset on, as it grows, until the frame is no longer rendered. An error is yielded
// last.
func (c *Client) FollowLog(ctx context.Context, l LogRange) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			text, next, more, err := c.Log(ctx, l, MaxWaitMS/2*time.Millisecond)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(text) > 0 && !yield(text, nil) {
				return
			}
			if !more {
				return
			}
			l.Offset = next
		}
	}
}
