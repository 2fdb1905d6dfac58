package worker

import (
	"errors"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// A parcel that the master cannot take is given up, so that what was finished after it is not held back for ever: not
// before it was refused so often and for so long, and for longer when nothing else gets through either.
const (
	maxRefusals   = 10
	refusedFor    = 30 * time.Second
	allRefusedFor = 5 * time.Minute
)

// spoiltError is a finished frame that cannot be handed over, ever.
type spoiltError struct {
	text string
	own  bool // this machine's fault
}

func (e *spoiltError) Error() string { return e.text }

// spoil turns the report of a finished frame into one of a failure.
func (p *parcel) spoil(why *spoiltError) {
	r := &p.Reports[0]
	r.Outcome, r.Error, r.OwnFault, r.Results = farm.Errored, why.text, why.own, nil
	p.Paths, p.wanted, p.ask = nil, nil, false
}

// isRefusal tells whether the master answered that it cannot take what it was sent, for reasons of its own or of the
// way there.
func isRefusal(err error) bool {
	var answer *farm.Error
	return errors.As(err, &answer) && (answer.Kind == farm.Internal || answer.Kind == farm.Mismatch)
}

// refused notes that the master could not take the parcel just now, and gives it up in the end.
func (w *Worker) refused(p *parcel, err error) {
	now := w.opt.Now()
	if p.refusals++; p.refusals == 1 {
		p.refusedAt = now
	}
	since := now.Sub(p.refusedAt)
	healthy := p.rejected || w.delivered.After(p.refusedAt)
	if p.refusals < maxRefusals || since < refusedFor || !healthy && since < allRefusedFor {
		return
	}
	p.refusals = 0
	why := "the finished frame could not be handed over: " + err.Error()
	if answer := (*farm.Error)(nil); errors.As(err, &answer) && answer.Hint != "" {
		why += "; " + answer.Hint
	}
	w.reject(p, why)
}

// reject replaces a report that the master will not have by a short one of a failure. When it does not have that
// either, or nothing was rendered, the parcel is dropped: the lease expires.
func (w *Worker) reject(p *parcel, why string) {
	r := &p.Reports[0]
	if p.rejected || r.Outcome == farm.HandedBack {
		w.log.Error("the master does not take a report; it is dropped", "job", r.Job, named(r.Frame), "why", why)
		w.settle(p)
		return
	}
	w.log.Error("a frame is lost", "job", r.Job, named(r.Frame), "why", why)
	p.rejected = true
	p.spoil(&spoiltError{text: why})
}
