package master_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing/synctest"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simLook is how many events pass between two looks into the engine.
const simLook = 5

// look has the engine examine itself, and compares what it knows with what is kept.
func (w *world) look() {
	if err := w.ledger.check(); err != nil {
		w.fail("%v", err)
	}
	if w.life == nil || w.count.events%simLook != 0 || w.wrong != nil {
		return
	}
	w.count.events++
	settled := w.life.disk.settled()
	memory, err := master.Examine(context.Background(), w.life.m)
	switch {
	case err != nil && farm.KindOf(err) == farm.Internal && !w.life.disk.failing():
		w.fail("the engine does not agree with itself: %v", err)
	case err != nil || !settled:
	case memory.Settling > 0 && w.reports == 0:
		w.fail("%d frames are reserved for reports that are over", memory.Settling)
	default:
		w.ledger.agrees(&memory)
	}
}

// allOver tells whether everything that was wanted is done and nothing is under way.
func (w *world) allOver() bool { return w.unfinished() == "" }

// unfinished says what is not over yet.
func (w *world) unfinished() string {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for _, c := range w.clients {
		for _, j := range c.jobs {
			if j.id == 0 {
				return fmt.Sprintf("%s was never acknowledged", j.key)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.ledger.jobs)) {
		j := w.ledger.jobs[id]
		if w.ledger.plans[j.Key].id != id {
			continue // made by a late double of its submission, after it was deleted: nobody looks after it
		}
		if !j.deleted && !j.State.Ended() {
			return fmt.Sprintf("job %d is %s: %+v", id, j.State, j.Progress)
		}
	}
	if w.readers > 0 {
		return "somebody found a result that rotted"
	}
	for _, s := range w.workers {
		if len(s.outbox) > 0 {
			return fmt.Sprintf("%s has %d parcels", s.name, len(s.outbox))
		}
	}
	if len(w.ledger.leases) > 0 {
		return fmt.Sprintf("%d leases are out", len(w.ledger.leases))
	}
	return ""
}

// lastLook compares what the master says in the end with what is durable, and again after a restart.
func (w *world) lastLook() {
	for _, s := range w.workers {
		s.die()
	}
	synctest.Wait()
	for range 2 {
		if w.wrong == nil && w.life != nil {
			w.compare(w.life.m)
		}
		w.kill()
		w.boot()
	}
}

func (w *world) compare(m *master.Master) {
	ctx := context.Background()
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for id, j := range w.ledger.jobs {
		v, err := m.Job(ctx, id)
		if j.deleted {
			if farm.KindOf(err) != farm.NotFound {
				w.fail("job %d was deleted and is there: %v", id, err)
			}
			continue
		}
		if err != nil || v.State != j.State || v.Done != len(j.done) || v.Failed != j.Failed || v.Progress.Running != 0 || v.Dispatched < v.Done || v.Seconds < 0 {
			w.fail("job %d is shown as %s %+v (%v) and kept as %s %+v", id, v.State, v.Progress, err, j.State, j.Progress)
			return
		}
		states, err := m.Frames(ctx, id)
		if err == nil && (j.Tiles.Count() > 0 || j.Film != nil || len(j.Bakes) > 0) {
			w.compareFrames(j, &states)
			states.Done, states.Failed = farm.FrameRange(1, v.Done, 1), farm.FrameRange(1, v.Failed, 1)
		}
		if err != nil || states.Done.Count() != v.Done || states.Running.Count() != 0 || j.State != farm.Canceled && states.Failed.Count() != v.Failed {
			w.fail("frames of job %d: %+v, %v", id, states, err)
			return
		}
		if plan := w.ledger.plans[j.Key]; plan.id == id && w.ledger.files[plan.ref] {
			if err := blob.Check(ctx, w.blobs, plan.ref); err != nil {
				w.fail("the file of job %d was acknowledged and is not there: %v", id, err)
			}
		}
		page, err := m.Attempts(ctx, farm.AttemptFilter{Job: id, Accepted: true, Limit: 1000})
		if err != nil || len(page) != len(j.done) {
			w.fail("job %d has %d accepted attempts, %v, not %d", id, len(page), err, len(j.done))
			return
		}
		for i := range page {
			if no := page[i].Task(); farm.IsPart(no) { // it goes when its frame is there
				plan := j.Plan()
				last, _ := plan.Picture(farm.PictureOf(no))
				if _, done := j.done[last]; done {
					continue
				}
			}
			w.read(m, &page[i])
		}
	}
}

// compareFrames looks that a frame of parts is done when its finish is, and failed when any of it was given up, or a bake.
func (w *world) compareFrames(j *ledgerJob, states *farm.FrameStates) {
	plan, stopped := j.Plan(), j.stopped()
	for f := range j.Pictures().All() {
		all, _ := plan.Find(f)
		failed := j.State == farm.Failed
		for p := range all.All() {
			_, _, final := j.tries(p)
			failed = failed || final || stopped[p]
		}
		last, _ := plan.Picture(f)
		_, done := j.done[last]
		if states.Done.Contains(f) != done || j.State != farm.Canceled && states.Failed.Contains(f) != (failed && !done) {
			w.fail("frame %d of job %d: done %v, failed %v, shown as %+v", f, j.ID, done, failed, *states)
		}
	}
}

// read looks that the files of an accepted frame are those of its attempt.
func (w *world) read(m *master.Master, a *farm.Attempt) {
	for _, r := range a.Results {
		f, err := m.OpenResult(context.Background(), a.Job, r.Name)
		if err != nil {
			w.fail("the result of frame %d of job %d cannot be read: %v", a.Frame, a.Job, err)
			return
		}
		text, err := io.ReadAll(f)
		_ = f.Close()
		if want := fmt.Sprintf("frame %d by lease %d", a.Task(), a.Lease); err != nil || string(text) != want && !w.ledger.spoilt[place{a.Lease, a.Task()}] {
			w.fail("the result of frame %d of job %d, accepted of lease %d, is %q, %v", a.Frame, a.Job, a.Lease, text, err)
		}
	}
}
