package wire

import (
	"context"
	"iter"
	"net/http"
	"net/url"

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
