package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// readyTime is how long the engine and the blob store have to answer a check.
const readyTime = 2 * time.Second

// ready tells whether the engine's loop answers, the database can be written and the blob store works.
func (a *API) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-a.stop:
		a.refuse(w, r, errStopping)
		return
	default:
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if _, err := a.m.Stats(ctx); err != nil {
		a.log.Warn("not ready: the engine does not answer", "err", err)
		a.refuse(w, r, farm.Errorf(farm.Stopping, "the engine or its database does not answer"))
		return
	}
	if _, err := a.opt.Blobs.Stat(ctx, blob.RefOf([]byte("ready"))); err != nil && !errors.Is(err, blob.ErrNotFound) {
		a.log.Warn("not ready: the blob store does not answer", "err", err)
		a.refuse(w, r, farm.Errorf(farm.Stopping, "the store of files does not answer"))
		return
	}
	text := "ok\n"
	if a.m.Soundness().Damage != "" { // it works as far as it goes; who watches shall see it
		text += "the database is damaged: the master's log says where\n"
	}
	if d, err := a.m.Disk(); err == nil && d.State != farm.DiskOK { // it still serves: workers and readers need it
		text += d.State.Sentence() + "\n"
	}
	writeText(w, text)
}
