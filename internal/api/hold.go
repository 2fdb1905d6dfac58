package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

var (
	errStopping = (&farm.Error{Kind: farm.Stopping, Text: "the master is going down"}).WithHint("try again when it is up")
	errRevoked  = denied{(&farm.Error{Kind: farm.Denied, Text: "the token was revoked"}).WithHint("ask an admin of the farm for another")}
)

// answerTime is how long a client may take to read a short answer.
const answerTime = 30 * time.Second

// hold prepares a call that waits: its context ends when the asker leaves, the server stops or the token is revoked.
// The body must have been read. end must be called before the answer is written.
func (a *API) hold(w http.ResponseWriter, r *http.Request, who master.Identity) (ctx context.Context, end func()) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // a deadline that passes while we wait would look like an asker who left
	_ = rc.SetWriteDeadline(time.Time{})
	ctx, cancel := context.WithCancelCause(r.Context())
	revoked := a.m.Revoked(who)
	go func() {
		select {
		case <-ctx.Done():
		case <-a.stop:
			cancel(errStopping)
		case <-revoked:
			cancel(errRevoked)
		}
	}()
	return ctx, func() {
		cancel(nil)
		_ = rc.SetWriteDeadline(a.opt.Now().Add(answerTime))
	}
}

// why is the reason that a held call ended with err: that of the hold, where it was the hold that ended.
func why(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// waitOf bounds how long a call asks to be held.
func waitOf(ms int) time.Duration {
	return time.Duration(min(max(ms, 0), wire.MaxWaitMS)) * time.Millisecond
}
