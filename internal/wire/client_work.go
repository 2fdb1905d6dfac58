package wire

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Register presents a worker.
func (c *Client) Register(ctx context.Context, r farm.Registration) (farm.Registered, error) {
	var out farm.Registered
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/workers", in: r, out: &out, again: true})
	return out, err
}

// Claim asks for a lease; nil without an error when there is none after wish.WaitMS. It is never repeated by itself:
// a lease whose answer was lost expires.
func (c *Client) Claim(ctx context.Context, wish farm.Wish) (*farm.Grant, error) {
	var out farm.Grant
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/claim", in: wish, out: &out, wait: milliseconds(wish.WaitMS)})
	if err != nil || out.Lease.ID == 0 {
		return nil, err
	}
	return &out, nil
}

// Heartbeat says that a worker lives and what it does, and returns what the master wants of it.
func (c *Client) Heartbeat(ctx context.Context, id farm.WorkerID, h farm.Heartbeat) (farm.Orders, error) {
	var out farm.Orders
	err := c.do(ctx, call{method: http.MethodPost, path: workerPath(id) + "/heartbeat", in: h, out: &out, wait: milliseconds(h.WaitMS)})
	return out, err
}

// Report says what became of frames. Reports are settled one by one and may be repeated; when a patient client
// repeats one that carried a wish, a lease granted to a lost answer expires.
func (c *Client) Report(ctx context.Context, r ReportRequest) (ReportReply, error) {
	var wait time.Duration
	if r.Wish != nil {
		wait = milliseconds(r.Wish.WaitMS)
	}
	var out ReportReply
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/report", in: r, out: &out, wait: wait, again: true})
	return out, err
}

// Sources asks where a worker shall fetch a blob.
func (c *Client) Sources(ctx context.Context, ref string, q farm.SourceQuestion) (farm.Source, error) {
	var out farm.Source
	err := c.do(ctx, call{method: http.MethodPost, path: BlobPath(ref) + "/sources", in: q, out: &out})
	return out, err
}

// AppendLog adds text to the log of a leased frame. offset is where it belongs, so that a repeated call adds nothing
// twice. text is at most MaxLogChunk bytes.
func (c *Client) AppendLog(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, frame int, offset int64, text []byte) error {
	q := url.Values{"frame": {strconv.Itoa(frame)}, "offset": {strconv.FormatInt(offset, 10)}}
	if len(text) > MaxLogChunk {
		return farm.Errorf(farm.TooLarge, "a piece of log is at most %d bytes", MaxLogChunk)
	}
	send := func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
		defer cancel()
		r, err := http.NewRequest(http.MethodPost, c.base+leasePath(lease)+"/log?"+q.Encode(), bytes.NewReader(text))
		if err != nil {
			return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
		}
		r.Header.Set("Content-Type", "text/plain; charset=utf-8")
		r.Header.Set(HeaderWorker, string(worker))
		resp, err := c.request(ctx, r)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	return c.repeat(ctx, send)
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
