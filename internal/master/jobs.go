package master

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// RetryWhich says which frames to render again: the failed ones, all, or some.
type RetryWhich struct {
	Failed, All bool
	Frames      farm.FrameSet
}

func (j *job) view() farm.Job {
	v := j.Job
	v.Progress = *j.progress()
	return v
}

// mine refuses who may not steer the job.
func mine(who Identity, j *farm.Job) error {
	if who.Role == farm.RoleAdmin || who.Role == farm.RoleSubmit && who.Token != "" && who.Token == j.OwnerID {
		return nil
	}
	if who.Name == j.Owner {
		return farm.Errorf(farm.Denied, "the job belongs to another token that is named %s, too", j.Owner).WithHint("ask an admin")
	}
	return farm.Errorf(farm.Denied, "the job belongs to %s", j.Owner).WithHint("ask them or an admin")
}

// steer runs f on the job in the loop. A job that has ended is brought back into the engine first, unless over says what
// to do with such a job instead.
func (m *Master) steer(ctx context.Context, who Identity, id farm.JobID, over func(farm.JobState) string, f func(e *engine, j *job) error) (farm.Job, error) {
	for {
		ended := false
		v, err := keep(ctx, m, func(e *engine) (farm.Job, error) {
			j := e.jobs[id]
			if j == nil {
				ended = true
				return farm.Job{}, nil
			}
			if err := mine(who, &j.Job); err != nil {
				return farm.Job{}, err
			}
			if err := f(e, j); err != nil {
				return farm.Job{}, e.notWoken(j, err)
			}
			v := j.view()
			v.LeftS = e.timeLeft(j)
			return v, nil
		})
		if err != nil || !ended {
			return v, err
		}
		if err := m.wake(ctx, who, id, over); err != nil {
			return farm.Job{}, err
		}
		ctx = context.WithoutCancel(ctx) // a job that was brought back must not stay so for nothing
	}
}

// wake has the engine know a job that had ended, unless over says what to do instead.
func (m *Master) wake(ctx context.Context, who Identity, id farm.JobID, over func(farm.JobState) string) error {
	end := m.folders.share(id)
	defer end()
	kept, err := m.opt.Store.LoadJob(ctx, id)
	if err != nil {
		return err
	}
	if err := mine(who, &kept.Job); err != nil {
		return err
	}
	if over != nil {
		return farm.Errorf(farm.Conflict, "job %d is %s", id, kept.Job.State).WithHint("%s", over(kept.Job.State))
	}
	missing, err := m.findMissing(ctx, id, &kept.Job.Needs)
	if err != nil {
		return err
	}
	alone, err := m.isAlone(ctx, id)
	if err != nil {
		return err
	}
	_, err = ask(context.WithoutCancel(ctx), m, func(e *engine) (struct{}, error) {
		if e.jobs[id] == nil {
			e.bringBack(&kept, missing, alone)
		}
		return struct{}{}, nil
	})
	return err
}

// bringBack makes the engine know a job that had ended, in the state it ended in.
func (e *engine) bringBack(kept *farm.JobLoad, missing map[string]struct{}, alone bool) {
	j := newJob(kept.Job, alone)
	j.finished, j.missing, j.baked = kept.Finished, missing, e.seq
	for i := range kept.Tried {
		a := &kept.Tried[i]
		t := j.try(a.Position)
		t.final = t.final || a.Final
		if a.Outcome == farm.Errored {
			t.failures++
			t.workers = append(t.workers, a.Worker)
		} else {
			t.lost = append(t.lost, a.Lease)
		}
	}
	for _, id := range kept.Refused {
		j.refused[id] = struct{}{}
	}
	e.add(j)
	j.settleQueue()
	j.Failed = kept.Job.Failed
}

// Cancel stops the job on all workers. Frames that are there stay; a retry goes on with the others.
func (m *Master) Cancel(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
	over := func(farm.JobState) string {
		return fmt.Sprintf("nothing of it is left to be stopped; netrender delete %d forgets it", id)
	}
	return m.steer(ctx, who, id, over, func(e *engine, j *job) error {
		e.stopLeases(j)
		e.audit(who, farm.DidCancel, j.ID.String(), "%s", j.Name)
		e.toState(j, farm.Canceled, "canceled by "+who.Name)
		e.forget(j)
		return nil
	})
}

// stopLeases takes back everything of the job that is out.
func (e *engine) stopLeases(j *job) {
	for _, l := range e.leases {
		if l.job != j {
			continue
		}
		e.drop(l)
		if w := e.workers[l.Worker]; w != nil {
			w.order()
		}
		for _, p := range l.left {
			e.putBack(j, p)
		}
	}
}

// Pause hands out no more frames; those being rendered are finished.
func (m *Master) Pause(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
	over := func(farm.JobState) string { return "nothing of it is left to be held back" }
	return m.steer(ctx, who, id, over, func(e *engine, j *job) error {
		e.audit(who, farm.DidPause, j.ID.String(), "%s", j.Name)
		e.toState(j, farm.Paused, "paused by "+who.Name)
		return nil
	})
}

// Resume lets a paused job go on.
func (m *Master) Resume(ctx context.Context, who Identity, id farm.JobID) (farm.Job, error) {
	over := func(s farm.JobState) string {
		switch s {
		case farm.Canceled:
			return fmt.Sprintf("netrender retry %d lets it go on", id)
		case farm.Failed:
			return fmt.Sprintf("netrender retry %d renders the failed frames again", id)
		}
		return fmt.Sprintf("all its frames are there; netrender retry %d --all renders them again", id)
	}
	return m.steer(ctx, who, id, over, func(e *engine, j *job) error {
		if j.State != farm.Paused {
			return farm.Errorf(farm.Conflict, "job %d is %s, not paused", id, j.State)
		}
		e.audit(who, farm.DidResume, j.ID.String(), "%s", j.Name)
		e.toState(j, j.goesOn(), "")
		return nil
	})
}

// goesOn is the state in which a job is worked on.
func (j *job) goesOn() farm.JobState {
	switch {
	case len(j.missing) > 0:
		return farm.Collecting
	case j.Dispatched == 0:
		return farm.Queued
	}
	return farm.Active
}

// Retry renders frames again: failed ones, some, or all. On a canceled job it also lets the rest go on. Workers
// that were refused for failing the job are trusted again.
func (m *Master) Retry(ctx context.Context, who Identity, id farm.JobID, which RetryWhich) (farm.Job, error) {
	some, err := m.positions(ctx, who, id, which.Frames)
	if err != nil {
		return farm.Job{}, err
	}
	// The files of a job that cleaning took them from are named again by it from now on.
	unpin, err := m.pinJob(ctx, id)
	if err != nil {
		return farm.Job{}, err
	}
	defer unpin(true)
	return m.steer(ctx, who, id, nil, func(e *engine, j *job) error {
		positions := some.Clone()
		switch {
		case which.All:
			tried := farm.SpansOf(slices.Collect(maps.Keys(j.tries))...)
			positions = j.finished.Clone()
			positions.AddAll(&tried)
		case which.Failed:
			var failed []int
			for p, t := range j.tries {
				if t.final {
					failed = append(failed, p)
				}
			}
			positions = farm.SpansOf(failed...)
		}
		if positions.Count() == 0 && j.State != farm.Canceled {
			return farm.Errorf(farm.Conflict, "job %d has no failed frames", id).WithHint("name frames, or use --all")
		}
		j.withCauses(&positions)
		again := "goes on" // it was canceled, and none of its frames had failed
		if n := positions.Count(); n > 0 {
			again = plural(n, "frame") + " again"
		}
		e.audit(who, farm.DidRetry, j.ID.String(), "%s: %s", j.Name, again)
		e.reset(j, positions)
		reason := e.regainInputs(j)
		e.pardon(j, slices.Collect(maps.Keys(j.refused))...)
		clear(j.unfit)
		if j.State.Ended() {
			j.Failed = j.givenUp() // what failed with the whole scene waits again
			e.toState(j, j.goesOn(), reason)
		}
		e.mark(j)
		e.sync(j)
		e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, State: string(j.State), Text: "retried", Progress: e.shown(j)})
		return nil
	})
}

// positions finds where the frames are in the job's order, which never changes. It is done outside of the loop: they
// may be a million.
func (m *Master) positions(ctx context.Context, who Identity, id farm.JobID, frames farm.FrameSet) (farm.Spans, error) {
	if frames.Count() == 0 {
		return farm.Spans{}, nil
	}
	v, err := m.Job(ctx, id)
	if err != nil {
		return farm.Spans{}, err
	}
	if err := mine(who, &v); err != nil {
		return farm.Spans{}, err
	}
	plan := v.Plan()
	if frames.Count() > plan.Tasks() {
		return farm.Spans{}, farm.Errorf(farm.Invalid, "job %d has no such frames", id).WithHint("it has %s", clip(v.PictureNames(v.Pictures()), 100))
	}
	list := make([]int, 0, frames.Count())
	for f := range frames.All() {
		found, ok := plan.Find(f)
		if !ok {
			return farm.Spans{}, farm.Errorf(farm.Invalid, "job %d has no %s", id, farm.TaskName(f))
		}
		list = slices.AppendSeq(list, found.All())
	}
	return farm.SpansOf(list...), nil
}

// notWoken puts a job that was only brought back for this step to rest again.
func (e *engine) notWoken(j *job, err error) error {
	if j.State.Ended() {
		e.forget(j)
	}
	return err
}

// reset makes the positions wait again, as if never tried. It takes time for spans of positions and for those that
// are tried or held, not for each that is finished.
func (e *engine) reset(j *job, positions farm.Spans) {
	j.behind(&positions)
	j.withParts(&positions)
	e.waitAgain(j, positions)
}

// waitAgain makes the positions wait again, without what was made of them.
func (e *engine) waitAgain(j *job, positions farm.Spans) {
	untouched := farm.SpanOf(j.next, j.plan.TurnsEnd())
	positions.RemoveAll(&untouched)
	made := positions.Clone()
	for p := range j.held { // being rendered now: that is again enough
		positions.Remove(p)
	}
	for p := range j.settling {
		positions.Remove(p)
	}
	for p, t := range j.tries {
		if positions.Contains(p) {
			if t.final {
				j.Failed--
			}
			delete(j.tries, p)
		}
	}
	if j.plan.Staged() {
		j.Failed = j.givenUp()
	}
	before := j.Done
	j.finished.RemoveAll(&positions)
	for p := range j.plan.Bakes {
		if positions.Contains(p) {
			delete(j.through, p)
		}
	}
	e.reach(j)
	e.recall(j, &made)
	if j.Done = j.finished.Count(); before > 0 { // of accepted frames; which took how long is not in memory
		j.Seconds *= float64(j.Done) / float64(before)
	}
	j.again.AddAll(&positions)
	j.close(&made)
	e.offer(j)
	e.change(farm.FrameReset{Job: j.ID, Positions: positions})
	e.keepRest(j)
	j.unsaved = 5000 // write the set anew
	e.mark(j)
}

// keepRest has the job's leases kept without the frames that they settled.
func (e *engine) keepRest(j *job) {
	for _, l := range e.leases {
		if l.job != j || len(l.left) == len(l.Frames) {
			continue
		}
		e.shrunk[l] = struct{}{}
	}
}

// Change lets edit change a job's name, priority, attempts, time limit and who may render it. Of a job that has ended,
// too: it may be retried.
func (m *Master) Change(ctx context.Context, who Identity, id farm.JobID, edit func(*farm.JobSpec)) (farm.Job, error) {
	return m.steer(ctx, who, id, nil, func(e *engine, j *job) error {
		next := j.JobSpec
		edit(&next)
		// What the layout and the scene stand on cannot change under way.
		next.Frames, next.Chunk, next.Order, next.Blend, next.Key, next.Options, next.Tiles, next.Samples, next.Film, next.Views = j.Frames, j.Chunk, j.Order, j.Blend, j.Key, j.Options, j.Tiles, j.Samples, j.Film, j.Views
		next.Bakes, next.InOrder, next.Needs.Exact, next.Process = j.Bakes, j.InOrder, j.Needs.Exact, j.Process
		if err := next.Check(); err != nil {
			return err
		}
		e.audit(who, farm.DidChange, j.ID.String(), "%s", differ(&j.JobSpec, &next))
		j.JobSpec, j.stuck = next, stuck{}
		if j.State.Ended() {
			e.unwant(j)
			clear(j.missing) // it needs them when it is retried
		}
		if j.at >= 0 {
			e.snap.Jobs[j.at].Needs = &j.Needs
		}
		e.change(farm.JobSet{Job: j.view()})
		e.sync(j)
		e.lift(j, nil)
		e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, State: string(j.State), Text: "changed", Progress: e.shown(j)})
		return e.notWoken(j, nil)
	})
}

// Delete forgets the job with its results and logs.
func (m *Master) Delete(ctx context.Context, who Identity, id farm.JobID) error {
	v, err := m.Job(ctx, id)
	if err != nil {
		return err
	}
	if err := mine(who, &v); err != nil {
		return err
	}
	return m.erase(ctx, who, &v, func(e *engine, j *job) {
		e.audit(who, farm.DidDelete, id.String(), "%s of %s", j.Name, j.Owner)
	})
}

// erase forgets the job; note is called before, in the loop.
func (m *Master) erase(ctx context.Context, who Identity, v *farm.Job, note func(e *engine, j *job)) error {
	id := v.ID
	m.doom(v.Folder, id)
	_, err := m.steer(ctx, who, id, nil, func(e *engine, j *job) error {
		note(e, j)
		e.stopLeases(j)
		e.forget(j)
		e.change(farm.JobDelete{ID: id})
		delete(e.alarms.failed, id)
		e.event(farm.Event{Kind: farm.EventJob, Job: id, State: "deleted"})
		return nil
	})
	if err != nil {
		m.spare(v.Folder)
		return err
	}
	return m.removeFolders(v.Folder, id)
}
