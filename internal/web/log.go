package web

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

const (
	logPiece = 64 << 10         // bytes
	logStall = 30 * time.Second // how long a reader may take for a piece
)

// jobLog is the log of an attempt at a frame, as plain text that nothing in can become anything else.
func (p *Pages) jobLog(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := farm.ParseJobID(r.PathValue("id"))
	if err != nil {
		return err
	}
	frame, err := strconv.Atoi(r.PathValue("frame"))
	if err != nil || frame < -farm.MaxFrame || frame > farm.MaxFrame {
		return farm.Errorf(farm.Invalid, "that is not the number of a frame")
	}
	lease, err := strconv.ParseInt(r.URL.Query().Get("lease"), 10, 64)
	if err != nil || lease < 1 {
		lease = 0 // the newest
	}
	log, err := p.m.OpenLog(r.Context(), id, frame, farm.LeaseID(lease))
	if err != nil {
		return err
	}
	if !log.There() {
		return farm.Errorf(farm.NotFound, "frame %d has not said anything yet", frame).WithHint("load this page again in a moment")
	}
	defer log.Close()
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	rc := http.NewResponseController(w)
	for err == nil {
		_ = rc.SetWriteDeadline(p.opt.Now().Add(logStall)) // not all servers have one
		_, err = io.CopyN(w, log, logPiece)
	}
	if !errors.Is(err, io.EOF) && r.Context().Err() == nil {
		p.log.Debug("a log was not sent whole", "job", id, "frame", frame, "err", err)
	}
	return nil
}
