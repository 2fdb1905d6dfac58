package wire

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TargetRequest makes a target of notifications or changes one; what is left out stays, or is what is usual.
type TargetRequest struct {
	Name    *string             `json:"name,omitempty"`  // usually what may be shown of the URL
	URL     *string             `json:"url,omitempty"`   // https://... is a webhook, smtp://..., discord://... and such a service; it is never given out again
	Kinds   *[]farm.MessageKind `json:"kinds,omitempty"` // usually all
	Owner   *string             `json:"owner,omitempty"` // only jobs of the owner of this name; "": all
	Enabled *bool               `json:"enabled,omitempty"`
	// NewSecret makes a new secret, which is worth something at once; the old one is worth nothing then.
	NewSecret bool `json:"new_secret,omitempty"`
}

// TargetReply is a target, and its secret when that was made: it is shown once.
type TargetReply struct {
	farm.Target
	Secret string `json:"secret,omitempty"`
}

// TargetList is all targets.
type TargetList struct {
	Targets []farm.Target `json:"targets"`
	Kinds   []KindName    `json:"kinds"` // what a target may be told
}

// KindName is a kind of message and what people call it.
type KindName struct {
	Kind farm.MessageKind `json:"kind"`
	Text string           `json:"text"`
}

// DeliveryList is what became of messages, the newest first.
type DeliveryList struct {
	Deliveries []farm.Delivery `json:"deliveries"`
}

func targetPath(id, rest string) string {
	return Root + "/notifications/" + url.PathEscape(id) + rest
}

// Targets returns the targets of notifications.
func (c *Client) Targets(ctx context.Context) (TargetList, error) {
	var out TargetList
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/notifications", out: &out, again: true})
	return out, err
}

// AddTarget makes a target.
func (c *Client) AddTarget(ctx context.Context, r TargetRequest) (TargetReply, error) {
	var out TargetReply
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/notifications", in: r, out: &out})
	return out, err
}

// ChangeTarget changes a target.
func (c *Client) ChangeTarget(ctx context.Context, id string, r TargetRequest) (TargetReply, error) {
	var out TargetReply
	err := c.do(ctx, call{method: http.MethodPatch, path: targetPath(id, ""), in: r, out: &out, again: !r.NewSecret})
	return out, err
}

// RemoveTarget forgets a target.
func (c *Client) RemoveTarget(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: targetPath(id, "")})
}

// TestTarget sends a message to a target now, and returns what it answered.
func (c *Client) TestTarget(ctx context.Context, id string) (farm.Answer, error) {
	var out farm.Answer
	err := c.do(ctx, call{method: http.MethodPost, path: targetPath(id, "/test"), out: &out, wait: time.Minute})
	return out, err
}

// Deliveries returns what became of messages to a target, or to all with "".
func (c *Client) Deliveries(ctx context.Context, target string) (DeliveryList, error) {
	q := url.Values{}
	set(q, "target", target)
	var out DeliveryList
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/notifications/log", query: q, out: &out, again: true})
	return out, err
}
