package wire

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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

// HistoryWish says how much of a worker's history is asked for.
type HistoryWish struct {
	Hours  int    // of load, 1 to 10; 0: the usual
	Limit  int    // attempts, up to 1000; 0: none
	Before string // Next of the page before
	Failed bool   // only attempts that failed
}

// WorkerHistory tells what a worker, named by its id or its name, did lately and does now.
func (c *Client) WorkerHistory(ctx context.Context, id farm.WorkerID, wish HistoryWish) (farm.WorkerHistory, error) {
	q := url.Values{"limit": {strconv.Itoa(wish.Limit)}}
	setInt(q, "hours", int64(wish.Hours))
	if wish.Before != "" {
		q.Set("before", wish.Before)
	}
	if wish.Failed {
		q.Set("failed", "1")
	}
	var out farm.WorkerHistory
	err := c.do(ctx, call{method: http.MethodGet, path: workerPath(id) + "/history", query: q, out: &out, again: true})
	return out, err
}

// Statistics tells what was rendered between two days, as 2026-11-01, both with it; empty: the last 30 days.
func (c *Client) Statistics(ctx context.Context, by []farm.StatKey, from, to string) (farm.Statistics, error) {
	q := url.Values{}
	words := make([]string, len(by))
	for i, k := range by {
		words[i] = string(k)
	}
	for name, value := range map[string]string{"by": strings.Join(words, ","), "from": from, "to": to} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out farm.Statistics
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/statistics", query: q, out: &out, again: true})
	return out, err
}
