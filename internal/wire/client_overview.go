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

// Balance tells what the balancer sees of the jobs.
func (c *Client) Balance(ctx context.Context) (farm.Balance, error) {
	var out farm.Balance
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/balance", out: &out, again: true})
	return out, err
}

// PreviewRules tells what other rules would change.
func (c *Client) PreviewRules(ctx context.Context, rules farm.Rules) (farm.RulesPreview, error) {
	var out farm.RulesPreview
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/rules/preview", in: rules, out: &out, again: true})
	return out, err
}

// About says what the master is made of, and how much it keeps.
func (c *Client) About(ctx context.Context) (farm.About, error) {
	var out farm.About
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/about", out: &out, again: true})
	return out, err
}
