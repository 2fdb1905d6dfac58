package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	phaseSending = "sending results"
	uploads      = 4 // files sent side by side
	maxRounds    = 5 // times a result may be missed before the frame is given up
	maxUnread    = 5 // times a result may not be readable before the frame is given up
)

// send empties the outbox for ever, in order: the results of the first parcels side by side, then their reports in
// one call. It alone settles parcels.
func (w *Worker) send(ctx context.Context) {
	back := backoff{jitter: w.opt.Jitter}
	told := false
	for {
		batch := w.out.next(ctx)
		if batch == nil || !w.link.await(ctx, true) {
			return
		}
		_, linked := w.link.state()
		before := w.delivered
		err := w.deliver(ctx, batch)
		if ctx.Err() != nil {
			return
		}
		if w.delivered != before {
			back.reset()
		}
		if err == nil {
			told = false
			back.reset()
			continue
		}
		if !told && w.link.isOpen() {
			told = true
			w.log.Warn("results cannot be handed over just now; they are kept and offered again", "err", err)
		}
		back.wait(ctx, linked)
	}
}

// deliver hands over the parcels and settles those that the master answered. An error means that the rest must be
// offered again a little later.
func (w *Worker) deliver(ctx context.Context, batch []*parcel) error {
	var sending sync.WaitGroup
	slots := make(chan struct{}, uploads)
	errs := make([]error, len(batch))
	for i, p := range batch {
		if len(p.wanted) == 0 && (p.ask || w.book.stopped(p.Reports[0].Lease)) {
			p.ask = true
			continue // the report goes first: the answer names what is missing, or refuses it all
		}
		sending.Go(func() { errs[i] = w.upload(ctx, p, slots) })
	}
	sending.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	// What could not be uploaded holds back what comes after it, not what comes before. What the master answered that it
	// cannot take holds back nothing.
	var ready []*parcel
	var failed error
	for i, p := range batch {
		if errs[i] == nil {
			ready = append(ready, p)
			continue
		}
		failed = errs[i]
		if !isRefusal(failed) {
			break
		}
		w.refused(p, failed)
	}
	if len(ready) > 0 {
		if err := w.report(ctx, ready); err != nil {
			return err
		}
	}
	return failed
}

// upload sends the log and the results of a parcel. It returns nil also when the master refuses them: its verdict on
// the report counts.
func (w *Worker) upload(ctx context.Context, p *parcel, slots chan struct{}) error {
	r := &p.Reports[0]
	var sending sync.WaitGroup
	errs := make([]error, len(r.Results)+1)
	sending.Go(func() {
		slots <- struct{}{}
		defer func() { <-slots }()
		errs[len(r.Results)] = w.sendLog(ctx, p)
	})
	for i := range r.Results {
		if len(p.wanted) > 0 && !slices.Contains(p.wanted, r.Results[i].Name) {
			continue
		}
		sending.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = w.uploadOne(ctx, p, i)
		})
	}
	sending.Wait()
	failed := firstError(errs)
	var spoilt *spoiltError
	var unread *fs.PathError
	switch {
	case errors.As(failed, &spoilt):
	case errors.As(failed, &unread):
		if p.unread++; p.unread < maxUnread {
			return failed
		}
		spoilt = &spoiltError{text: "a result cannot be read from the worker's disk: " + unread.Err.Error(), own: true}
	default:
		return failed
	}
	w.log.Error("a finished frame is lost", "job", r.Job, named(r.Frame), "why", spoilt.text)
	p.spoil(spoilt)
	return nil
}

// firstError is the one that decides: that the frame is spoilt, then that the master was not reached, then the others.
func firstError(errs []error) (first error) {
	var spoilt *spoiltError
	for _, err := range errs {
		switch {
		case errors.As(err, &spoilt):
			return err
		case err != nil && (first == nil || isRefusal(first)):
			first = err
		}
	}
	return first
}

func (w *Worker) uploadOne(ctx context.Context, p *parcel, i int) error {
	r := &p.Reports[0]
	path := filepath.Join(p.dir, filepath.FromSlash(p.Paths[i]))
	err := w.master.PutResult(ctx, r.Lease, w.id, r.Results[i], func() (io.ReadSeekCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return f, nil
	})
	var unread *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unread) && errors.Is(unread, fs.ErrNotExist):
		return &spoiltError{text: "the result " + r.Results[i].Name + " vanished from the worker's disk before it was sent", own: true}
	}
	switch kindOf(err) {
	case farm.NotFound, farm.Conflict, farm.Denied:
		return nil // the lease is gone, or belongs to somebody else: the verdict will say
	case farm.Invalid, farm.TooLarge:
		return &spoiltError{text: "the master refused the result " + r.Results[i].Name + ": " + err.Error()}
	case farm.Mismatch:
		if !unchanged(path, r.Results[i].Ref) {
			return &spoiltError{text: "the result " + r.Results[i].Name + " was damaged on the worker's disk before it was sent", own: true}
		}
	}
	return err
}

// unchanged tells whether the file still has the hash.
func unchanged(path, ref string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	got, err := hashOf(f)
	return err == nil && got == ref
}

// report sends the reports of the parcels in one call and settles what was answered.
func (w *Worker) report(ctx context.Context, batch []*parcel) error {
	var all []farm.Report
	for _, p := range batch {
		all = append(all, p.Reports...)
	}
	reply, err := w.master.Report(ctx, wire.ReportRequest{Reports: all})
	kind := kindOf(err)
	unwanted := kind == farm.Invalid || kind == farm.TooLarge
	switch {
	case (unwanted || isRefusal(err)) && len(batch) > 1: // one of them: the others must not wait behind it
		var failed error
		for _, p := range batch {
			if err := w.report(ctx, []*parcel{p}); isRefusal(err) {
				failed = err
			} else if err != nil {
				return err
			}
		}
		return failed
	case unwanted:
		w.reject(batch[0], "the master does not take the report: "+err.Error())
		return nil
	case isRefusal(err):
		w.refused(batch[0], err)
		return err
	case err != nil:
		return err
	case len(reply.Verdicts) != len(all):
		return farm.Errorf(farm.Internal, "the master answered %d reports with %d verdicts", len(all), len(reply.Verdicts))
	}
	verdicts := reply.Verdicts
	for _, p := range batch {
		w.judge(p, verdicts[:len(p.Reports)])
		verdicts = verdicts[len(p.Reports):]
	}
	return nil
}

// judge settles a parcel by its verdicts, or keeps it for another round with the results that the master lacks.
func (w *Worker) judge(p *parcel, verdicts []farm.Verdict) {
	if missing := verdicts[0].Missing; len(missing) > 0 && len(p.Reports[0].Results) > 0 {
		p.wanted, p.ask = missing, false
		if p.rounds++; p.rounds > maxRounds {
			p.spoil(&spoiltError{text: "the master does not find the results that were sent to it", own: true})
		}
		return
	}
	for i := range verdicts {
		if r := &p.Reports[i]; !verdicts[i].Accepted {
			w.log.Info("the master does not need a frame", "job", r.Job, named(r.Frame), "why", verdicts[i].Reason)
		} else {
			w.log.Debug("a report was accepted", "job", r.Job, named(r.Frame), "lease", r.Lease, "outcome", r.Outcome)
			switch r.Outcome {
			case farm.Rendered:
				w.done.Add(1)
			case farm.Errored:
				w.failed.Add(1)
			}
		}
	}
	w.settleCopies(p, verdicts[0].Accepted && p.Reports[0].Outcome == farm.Rendered)
	w.settle(p)
	w.delivered = w.opt.Now()
}

// settleCopies gives the copies of a frame their names, or removes them.
func (w *Worker) settleCopies(p *parcel, accepted bool) {
	place := w.copier.place
	if !accepted && p.old && p.Reports[0].Outcome == farm.Rendered { // it may have been, and the answer was lost
		place = w.copier.fill
	} else if !accepted {
		w.copier.drop(p.Copies)
		return
	}
	if err := place(p.Copies); err != nil {
		r := &p.Reports[0]
		w.log.Warn("a frame's copies did not get their names; the master has them", "job", r.Job, named(r.Frame), "err", err)
	}
}

func (w *Worker) settle(p *parcel) {
	w.out.remove(p)
	for i := range p.Reports {
		w.book.settle(p.Reports[i].Lease, p.Reports[i].Frame)
	}
}

// hashOf is the SHA-256 of what r holds, as farm.Result.Ref has it.
func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
