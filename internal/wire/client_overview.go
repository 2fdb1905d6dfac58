package wire

import (
	"context"
	"net/http"
	"net/url"

	"github.com/netrender/netrender/internal/farm"
)

// What the farm as a whole does.

// Share tells how the slots were shared out during the last minutes, 1 to 60.
func (c *Client) Share(ctx context.Context, minutes int) (farm.Sharing, error) {
	q := url.Values{}
	setInt(q, "minutes", int64(minutes))
	var out farm.Sharing
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/share", query: q, out: &out, again: true})
	return out, err
}

// Attention lists what needs a person, the most urgent first.
func (c *Client) Attention(ctx context.Context) (farm.AttentionList, error) {
	var out farm.AttentionList
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/attention", out: &out, again: true})
	return out, err
}
