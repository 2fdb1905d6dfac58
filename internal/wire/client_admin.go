package wire

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Workers returns all workers.
func (c *Client) Workers(ctx context.Context) ([]WorkerView, error) {
	var all []WorkerView
	err := pages(ctx, c, Root+"/workers", func(page *WorkerList) string {
		all = append(all, page.Workers...)
		return page.Next
	})
	return all, err
}

// FitFor tells how many workers may render a job with these needs, and what the others lack.
func (c *Client) FitFor(ctx context.Context, r FitRequest) (farm.Fit, error) {
	var out farm.Fit
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/workers/fit", in: r, out: &out, again: true})
	return out, err
}

// Split asks into how many parts each frame of a job is best cut.
func (c *Client) Split(ctx context.Context, r SplitRequest) (SplitReply, error) {
	var out SplitReply
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/workers/split", in: r, out: &out, again: true})
	return out, err
}

// pages reads one page after the other; take returns where the next one begins, or "" at the end.
func pages[T any](ctx context.Context, c *Client, path string, take func(page *T) (next string)) error {
	for after := ""; ; {
		q := url.Values{}
		set(q, "after", after)
		var page T
		if err := c.do(ctx, call{method: http.MethodGet, path: path, query: q, out: &page, again: true}); err != nil {
			return err
		}
		next := take(&page)
		if next == "" || next == after {
			return nil
		}
		after = next
	}
}

// ChangeWorker changes settings of a worker.
func (c *Client) ChangeWorker(ctx context.Context, id farm.WorkerID, change WorkerChange) (WorkerView, error) {
	var out WorkerView
	err := c.do(ctx, call{method: http.MethodPatch, path: workerPath(id), in: change, out: &out, again: true})
	return out, err
}

// DeleteWorker forgets a worker.
func (c *Client) DeleteWorker(ctx context.Context, id farm.WorkerID) error {
	return c.do(ctx, call{method: http.MethodDelete, path: workerPath(id)})
}

// Rules returns the settings of balancing, failure and leases.
func (c *Client) Rules(ctx context.Context) (farm.Rules, error) {
	var out farm.Rules
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/rules", out: &out, again: true})
	return out, err
}

// SetRules replaces the rules and returns them as kept.
func (c *Client) SetRules(ctx context.Context, rules farm.Rules) (farm.Rules, error) {
	var out farm.Rules
	err := c.do(ctx, call{method: http.MethodPut, path: Root + "/rules", in: rules, out: &out, again: true})
	return out, err
}

// Tokens returns all tokens, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]farm.Token, error) {
	var all []farm.Token
	err := pages(ctx, c, Root+"/tokens", func(page *TokenList) string {
		all = append(all, page.Tokens...)
		return page.Next
	})
	return all, err
}

// CreateToken makes a token; its secret is in the answer and nowhere else.
func (c *Client) CreateToken(ctx context.Context, name string, role farm.Role) (NewToken, error) {
	return c.CreateTokenFor(ctx, TokenRequest{Name: name, Role: role})
}

// CreateTokenFor is CreateToken for a worker of its own, too.
func (c *Client) CreateTokenFor(ctx context.Context, r TokenRequest) (NewToken, error) {
	var out NewToken
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/tokens", in: r, out: &out})
	return out, err
}

// Whoami asks what the master knows of the client's token.
func (c *Client) Whoami(ctx context.Context) (Whoami, error) {
	var out Whoami
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/whoami", out: &out, again: true})
	return out, err
}

// RevokeToken makes a token worthless at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: Root + "/tokens/" + url.PathEscape(id)})
}

// AskLogin returns a link that lets one browser in, once, with the role of the client's token.
func (c *Client) AskLogin(ctx context.Context) (LoginLink, error) {
	var out LoginLink
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/logins", out: &out})
	return out, err
}

// Logins returns the browsers that are logged in.
func (c *Client) Logins(ctx context.Context) ([]LoginView, error) {
	var out []LoginView
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/logins", out: &out, again: true})
	return out, err
}

// EndLogin logs a browser out at once.
func (c *Client) EndLogin(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: Root + "/logins/" + url.PathEscape(id)})
}

// Audit returns a page of what was done to the farm. With f.After the answer is held for up to wait until there is
// something.
func (c *Client) Audit(ctx context.Context, f farm.AuditFilter, wait time.Duration) (AuditList, error) {
	q := url.Values{}
	set(q, "who", f.Who)
	setInt(q, "before", f.Before)
	setInt(q, "after", f.After)
	setInt(q, "limit", int64(f.Limit))
	wait = min(wait, MaxWaitMS*time.Millisecond)
	setInt(q, "wait_ms", wait.Milliseconds())
	var out AuditList
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/audit", query: q, out: &out, wait: wait, again: true})
	return out, err
}

// AskPairing asks to be let in; no token is needed.
func (c *Client) AskPairing(ctx context.Context, r PairRequest) (PairTicket, error) {
	var out PairTicket
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/pairings", in: r, out: &out})
	return out, err
}

// PollPairing asks how a pairing stands; the answer is held for up to p.WaitMS while it waits for a person.
func (c *Client) PollPairing(ctx context.Context, p PairPoll) (PairAnswer, error) {
	p.WaitMS = min(p.WaitMS, MaxWaitMS)
	var out PairAnswer
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/pairings/poll", in: p, out: &out, wait: milliseconds(p.WaitMS)})
	return out, err
}

// Pairings returns the newcomers that ask to be let in.
func (c *Client) Pairings(ctx context.Context) ([]farm.Pairing, error) {
	var out []farm.Pairing
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/pairings", out: &out, again: true})
	return out, err
}

// AnswerPairing accepts or refuses a newcomer.
func (c *Client) AnswerPairing(ctx context.Context, code string, accept bool) (farm.Pairing, error) {
	verb := "/refuse"
	if accept {
		verb = "/accept"
	}
	var out farm.Pairing
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/pairings/" + url.PathEscape(code) + verb, out: &out})
	return out, err
}
