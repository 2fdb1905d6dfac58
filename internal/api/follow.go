package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// maxFramesText bounds a frame set in a query, in bytes.
const maxFramesText = 8 << 10

func (a *API) followRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/attempts", role: farm.RoleView, name: "listAttempts",
		about: "Lists attempts in the order they ended; held until there is one", out: wire.AttemptList{}, params: []param{
			inQuery("after", "integer", "where the page before ended"), inQuery("frames", "string", "as 1-250"),
			inQuery("accepted", "boolean", "accepted results only"), inQuery("failed", "boolean", "failed attempts only"),
			inQuery("limit", "integer", "1 to 1000"), inQuery("wait_ms", "integer", "how long to hold an empty answer"),
		},
	}, a.attempts)
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/log", role: farm.RoleView, name: "readLog",
		about: "Reads a piece of a frame's log; held until there is more", out: raw{plainMedia}, params: []param{
			inQuery("frame", "integer", ""), inQuery("lease", "integer", "of this attempt; the newest when not given, "+wire.HeaderLease+" says which"),
			inQuery("offset", "integer", "bytes to skip"), inQuery("wait_ms", "integer", "how long to hold an empty answer"),
			inQuery("of", "integer", "the attempt that offset is meant for: when another is the newest by now, it is read from its beginning"),
		},
	}, a.readLog)
}

func (a *API) attempts(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	f := farm.AttemptFilter{
		Job: id, After: q.number("after", 0, 1<<63-1, 0), Limit: int(q.number("limit", 1, wire.MaxPage, wire.MaxPage)),
		Accepted: q.flag("accepted"), Failed: q.flag("failed"),
	}
	wait := waitOf(int(q.number("wait_ms", 0, 1<<31-1, 0)))
	if text := q.text("frames"); text != "" {
		if len(text) > maxFramesText {
			return farm.Errorf(farm.TooLarge, "the frame range is over %d characters long", maxFramesText)
		}
		if f.Frames, err = farm.ParseFrameSet(text); err != nil {
			return err
		}
	}
	if q.err != nil {
		return q.err
	}
	list, err := a.listAttempts(r.Context(), f)
	if err != nil {
		return err
	}
	if len(list.Attempts) == 0 && !list.Ended && wait > 0 {
		ctx, end := a.hold(w, r, who)
		defer end()
		ctx, stop := context.WithTimeout(ctx, wait)
		defer stop()
		events := a.m.Watch(ctx, farm.EventJob, farm.EventFrame)
		for {
			// What came between the look and the watch is in the list by now.
			if list, err = a.listAttempts(r.Context(), f); err != nil {
				return err
			}
			if len(list.Attempts) > 0 || list.Ended || !waitEvent(events, func(e *farm.Event) bool {
				return e.Job == id && (e.Kind == farm.EventFrame && e.Cursor > f.After || e.Kind == farm.EventJob) || e.Kind == farm.EventLost
			}) {
				break
			}
		}
		if cause := context.Cause(ctx); len(list.Attempts) == 0 && cause != nil && cause != context.DeadlineExceeded {
			return cause
		}
		end()
	}
	return writeJSON(w, http.StatusOK, &list)
}

// listAttempts is a page. The job's state is read first: what an ended job has, the page has.
func (a *API) listAttempts(ctx context.Context, f farm.AttemptFilter) (wire.AttemptList, error) {
	job, err := a.m.Job(ctx, f.Job)
	if err != nil {
		return wire.AttemptList{}, err
	}
	attempts, err := a.m.Attempts(ctx, f)
	list := wire.AttemptList{Attempts: full(attempts), Ended: job.State.Ended()}
	if len(attempts) == f.Limit {
		list.Next = attempts[len(attempts)-1].Seq
	}
	return list, err
}

// waitEvent waits for an event that matters and takes those that are already behind it; false: the watch ended.
func waitEvent(events <-chan farm.Event, matters func(*farm.Event) bool) bool {
	for e := range events {
		if !matters(&e) {
			continue
		}
		for {
			select {
			case _, more := <-events:
				if !more {
					return true
				}
			default:
				return true
			}
		}
	}
	return false
}

func (a *API) readLog(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	q.must("frame")
	l := logPlace{
		job: id, frame: int(q.number("frame", -farm.MaxFrame, farm.MaxTask, 0)),
		lease: farm.LeaseID(q.number("lease", 1, 1<<63-1, 0)), of: farm.LeaseID(q.number("of", 1, 1<<63-1, 0)),
		offset: q.number("offset", 0, 1<<50, 0),
	}
	wait := waitOf(int(q.number("wait_ms", 0, 1<<31-1, 0)))
	if q.err != nil {
		return q.err
	}
	p, err := a.logPiece(r.Context(), l)
	if err == nil && len(p.text) == 0 && p.growing && wait > 0 {
		p, err = a.logWait(w, r, who, l, wait)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", plainMedia)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'") // a page of ours leads here
	h.Set(wire.HeaderOffset, strconv.FormatInt(p.next, 10))
	if p.lease != 0 {
		h.Set(wire.HeaderLease, strconv.FormatInt(int64(p.lease), 10))
	}
	if p.growing || p.more {
		h.Set(wire.HeaderMore, "1")
	}
	h.Set("Content-Length", strconv.Itoa(len(p.text)))
	_, _ = w.Write(p.text)
	return nil
}

// logPlace is a place in a log that is asked for.
type logPlace struct {
	job    farm.JobID
	frame  int
	lease  farm.LeaseID // 0: the newest
	of     farm.LeaseID // whose offset it is; 0: whoever's
	offset int64
}

// logPiece is what there is of it.
type logPiece struct {
	text    []byte
	lease   farm.LeaseID // whose it is
	next    int64        // where to go on
	more    bool         // there is more already
	growing bool
}

// logPiece reads at most wire.MaxLogChunk bytes. A log that is not there yet, but may come, is empty and growing.
func (a *API) logPiece(ctx context.Context, l logPlace) (logPiece, error) {
	log, err := a.m.OpenLog(ctx, l.job, l.frame, l.lease)
	if err != nil {
		return logPiece{}, err
	}
	defer log.Close()
	if l.of != 0 && l.of != log.Lease && log.There() {
		l.offset = 0
	}
	p := logPiece{lease: log.Lease, growing: log.Growing}
	if p.text, p.next, err = log.Piece(l.offset, wire.MaxLogChunk); err != nil {
		return p, err
	}
	rest, _, err := log.Piece(p.next, 1)
	p.more = len(rest) > 0
	return p, err
}

func (a *API) logWait(w http.ResponseWriter, r *http.Request, who master.Identity, l logPlace, wait time.Duration) (p logPiece, err error) {
	ctx, end := a.hold(w, r, who)
	defer end()
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	events := a.m.Watch(ctx, farm.EventJob, farm.EventFrame)
	for {
		grows := a.m.LogGrows(l.job)
		if p, err = a.logPiece(r.Context(), l); err != nil || len(p.text) > 0 || !p.growing {
			return p, err
		}
		for moved := false; !moved; {
			select {
			case <-grows:
				moved = true
			case e, open := <-events: // the frame's end adds nothing to its log
				if moved = e.Job == l.job && e.Kind != farm.EventBeat || e.Kind == farm.EventLost; !open {
					if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
						return logPiece{}, cause
					}
					return p, nil
				}
			}
		}
	}
}
