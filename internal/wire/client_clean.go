package wire

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Cleaning returns what the farm removes by itself.
func (c *Client) Cleaning(ctx context.Context) (farm.Cleaning, error) {
	var out farm.Cleaning
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/cleaning", out: &out, again: true})
	return out, err
}

// SetCleaning replaces it, and returns it as kept.
func (c *Client) SetCleaning(ctx context.Context, rules farm.Cleaning) (farm.Cleaning, error) {
	var out farm.Cleaning
	err := c.do(ctx, call{method: http.MethodPut, path: Root + "/cleaning", in: rules, out: &out, again: true})
	return out, err
}

// Clean has the farm clean now, and yields what goes; with dry what would go.
func (c *Client) Clean(ctx context.Context, dry bool) iter.Seq2[farm.Cleaned, error] {
	q := url.Values{}
	if dry {
		q.Set("dry", "1")
	}
	return items[farm.Cleaned](ctx, c, Root+"/cleaning/run", q)
}

// Verify has the farm read every stored file and every result, at most rate bytes a second (0: as fast as it can), and
// yields what it finds and how far it is; with repair what is harmed is taken out or rendered again.
func (c *Client) Verify(ctx context.Context, repair bool, rate int64) iter.Seq2[farm.VerifyStep, error] {
	q := url.Values{}
	if repair {
		q.Set("repair", "1")
	}
	setInt(q, "rate", rate)
	return items[farm.VerifyStep](ctx, c, Root+"/verify", q)
}

// SuspectResult tells the master that a frame's result is not what it should be. It looks, and has the frame rendered
// again if that is so.
func (c *Client) SuspectResult(ctx context.Context, id farm.JobID, frame int, name string) (farm.Suspicion, error) {
	q := url.Values{"frame": {strconv.Itoa(frame)}, "name": {name}}
	var out farm.Suspicion
	err := c.do(ctx, call{method: http.MethodPost, path: jobPath(id, "/suspect"), query: q, out: &out, wait: 10 * time.Minute, again: true})
	return out, err
}
