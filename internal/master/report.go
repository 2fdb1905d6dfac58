package master

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// maxErrorText bounds the sentence kept of a failure, in bytes.
const maxErrorText = 2000

// Report settles what became of leased frames, in order, and may answer the wish for the next lease in the same
// step. A report that was settled before, or whose lease or frame is gone, is answered and changes nothing.
// When Report returns without an error, what it accepted is durable and its results are in place.
func (m *Master) Report(ctx context.Context, who Identity, reports []farm.Report, wish *farm.Wish) ([]farm.Verdict, *farm.Grant, error) {
	verdicts := make([]farm.Verdict, len(reports))
	var w *waiter
	if wish != nil {
		now := *wish
		now.WaitMS = 0 // the verdicts do not wait for work
		w = newWaiter(who, now)
	}
	plain := true
	for i := range reports {
		plain = plain && len(reports[i].Results) == 0
	}
	if !plain {
		for i := range reports {
			v, err := m.reportOne(ctx, who, &reports[i])
			if err != nil {
				return nil, nil, err
			}
			verdicts[i] = v
		}
	}
	// Without files to put in place, verdicts and the next lease are one step and one batch.
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		if plain {
			for i := range reports {
				if err := e.incomplete(who, &reports[i]); err != nil {
					return struct{}{}, err // before any of them is settled
				}
			}
			for i := range reports {
				verdicts[i] = e.settle(who, &reports[i])
			}
		}
		if w != nil {
			e.claim(w)
		}
		return struct{}{}, nil
	})
	if err != nil {
		if w != nil { // nobody takes what was granted
			_, _ = m.withdraw(w, true)
		}
		return nil, nil, err
	}
	if w == nil {
		return verdicts, nil, nil
	}
	grant, err := m.await(ctx, w)
	if err != nil { // the reports stand; the worker asks for work by itself
		return verdicts, nil, nil //nolint:nilerr // a failed wish must not make the worker report again
	}
	return verdicts, grant, nil
}

// find returns the live or lapsed lease and the position a report speaks of, or says why there is none.
func (e *engine) find(who Identity, r *farm.Report) (*lease, int, string) {
	l := e.leases[r.Lease]
	if l == nil {
		l = e.lapsed[r.Lease]
	}
	if l == nil {
		if j := e.jobs[r.Job]; j != nil {
			if p, ok := j.plan.Position(r.Frame); ok && j.finished.Contains(p) {
				return nil, 0, "the frame is already there"
			}
			return nil, 0, "the lease is over"
		}
		return nil, 0, "the job has ended"
	}
	if l.Worker != r.Worker || l.Job != r.Job || !e.speaks(who, r.Worker) {
		return nil, 0, "the lease belongs to somebody else"
	}
	if l.Attempt != r.Attempt {
		return nil, 0, "the lease has another attempt number"
	}
	p, ok := l.left[r.Frame]
	if !ok {
		return nil, 0, "the frame was already reported or is not part of the lease"
	}
	if l.job.finished.Contains(p) {
		return nil, 0, "the frame is already there"
	}
	if plan := l.job.plan; (p >= plan.TurnsEnd() || len(plan.Levels) > 0) && !l.job.ready(p) { // a lapsed lease is known anew after a start
		return nil, 0, "what it was made of is made again"
	}
	return l, p, ""
}

// incomplete refuses a frame that is said to be done without the files that its job asks for.
func (e *engine) incomplete(who Identity, r *farm.Report) error {
	if r.Outcome != farm.Rendered {
		return nil
	}
	l, _, _ := e.find(who, r)
	if l == nil {
		return nil // it is not taken anyway
	}
	if lack := l.job.LacksOf(r.Frame, r.Results); lack != "" {
		return farm.Errorf(farm.Invalid, "%s of job %d is said to be done, but %s is not among its results", l.job.TaskName(r.Frame), r.Job, lack)
	}
	return nil
}

// settle makes the report true, or says why it is not taken.
func (e *engine) settle(who Identity, r *farm.Report) farm.Verdict {
	v := farm.Verdict{Lease: r.Lease, Frame: r.Frame}
	l, p, why := e.find(who, r)
	if l == nil {
		v.Reason = why
		return v
	}
	if wk := e.workers[r.Worker]; wk != nil {
		e.heard(wk)
	}
	v.Accepted = true
	switch r.Outcome {
	case farm.Rendered:
		if e.otherVersion(l.job, p, r) {
			v.Accepted, v.Reason = false, "it was made with another Blender than the rest of the job"
			if e.leases[l.ID] == l {
				e.settled(l, r.Frame, p)
				e.putBack(l.job, p)
			}
			break
		}
		e.frameDone(l, p, r)
	case farm.Errored, farm.HandedBack:
		switch {
		case e.leases[l.ID] != l: // a lapsed lease was put back already: its failure changes nothing
		case r.Outcome == farm.HandedBack || r.OwnFault && (l.excused || len(l.job.missing) > 0):
			e.settled(l, r.Frame, p)
			e.shrunk[l] = struct{}{}
			e.putBack(l.job, p)
		default:
			e.frameFailed(l, p, r)
		}
	default:
		v.Accepted, v.Reason = false, "a report says done, failed or returned"
		return v
	}
	j := l.job
	e.mark(j)
	e.sync(j)
	e.endIfOver(j)
	return v
}

// settled strikes the frame from the lease, and ends the lease with its last frame.
func (e *engine) settled(l *lease, frame, p int) {
	delete(l.left, frame)
	if l.ahead > 0 { // of the frames that wait behind another lease it was one
		l.ahead--
		l.job.ahead--
	}
	if l.job.held[p] == l {
		delete(l.job.held, p)
	}
	if len(l.left) == 0 {
		e.drop(l)
		delete(e.lapsed, l.ID)
		e.m.leftover.end(l.ID)
	}
}

func (e *engine) frameDone(l *lease, p int, r *farm.Report) {
	j := l.job
	e.settled(l, r.Frame, p)
	if other := j.held[p]; other != nil { // leased again meanwhile: that work is not needed any more
		e.settled(other, r.Frame, p)
		if wk := e.workers[other.Worker]; wk != nil {
			wk.order()
		}
	}
	if t := j.tries[p]; t != nil {
		delete(j.tries, p)
		if t.final {
			j.Failed = j.givenUp()
			defer e.filmAgain(j)
		}
	}
	j.finished.Add(p)
	j.again.Remove(p) // put back when its lease expired
	delete(j.through, p)
	delete(j.shut, p)
	e.open(j, p)
	e.reach(j)
	j.unsaved++
	seconds := min(max(r.Seconds, 0), 1e6) // the clock of its machine may have been set meanwhile
	if p >= j.plan.Bakes {
		l.slot.took(j, time.Duration(seconds*float64(time.Second)), e.m.opt.Now())
	}
	j.Done++
	j.Seconds += seconds
	j.Machine += seconds
	e.done++
	a := e.attempt(l, p, e.baked(j, p, r), farm.Rendered)
	e.change(farm.FrameDone{Attempt: a})
	if j.unlike == p+1 {
		e.unlikeBefore(j, p)
	}
	if wk := e.workers[l.Worker]; wk != nil && !j.Inspect {
		clear(wk.failures)
		wk.faults = 0
	}
	e.frameEvent(j, r.Frame, l.Worker, string(farm.Rendered), "", a.Seq)
}

func (e *engine) frameFailed(l *lease, p int, r *farm.Report) {
	j := l.job
	e.settled(l, r.Frame, p)
	e.shrunk[l] = struct{}{}
	t := j.try(p)
	j.Machine += min(max(r.Seconds, 0), 1e6)
	a := e.attempt(l, p, r, farm.Errored)
	if r.OwnFault {
		t.lost = append(t.lost, l.ID)
		a.Outcome = farm.Expired
	} else {
		t.failures++
		t.workers = append(t.workers, l.Worker)
	}
	scene := r.Scene && !r.OwnFault && j.Done == 0 // a scene of which frames were rendered is none that cannot be
	fatal := r.Fatal && !r.OwnFault && (scene || !r.Scene)
	if !fatal {
		e.refuse(j, l.Worker)
	}
	limit := j.attemptLimit(e.rules)
	if fatal || t.failures >= limit || len(t.lost) >= limit*lostFactor {
		e.giveUp(j, p, &a)
	} else {
		e.putBack(j, p)
	}
	e.change(farm.FrameTried{Attempt: a})
	e.frameEvent(j, r.Frame, l.Worker, string(a.Outcome), a.Error, a.Seq)
	if _, blamed := j.refused[l.Worker]; blamed && !scene && !j.Inspect {
		e.strike(e.workers[l.Worker], j, r)
	}
	if scene {
		j.unfit[l.Worker] = struct{}{}
	}
	if scene && (fatal || !e.anyFit(j)) {
		e.giveUpAll(j, a.Error)
	}
}

// refuse keeps the worker from the job from now on; pardon lets workers have it again.
func (e *engine) refuse(j *job, id farm.WorkerID) {
	if _, was := j.refused[id]; was {
		return
	}
	j.refused[id] = struct{}{}
	j.judged = true
	e.mark(j)
	e.lift(j, nil)
}

func (e *engine) pardon(j *job, ids ...farm.WorkerID) {
	before := len(j.refused)
	for _, id := range ids {
		delete(j.refused, id)
		if wk := e.workers[id]; wk != nil {
			delete(wk.failures, j.ID)
			e.takeIn(wk)
		}
	}
	if len(j.refused) == before {
		return
	}
	j.judged = true
	e.mark(j)
	e.lift(j, nil)
}

// anyFit tells whether some worker that is there could render the job and did not say that it cannot.
func (e *engine) anyFit(j *job) bool {
	for id, w := range e.workers {
		if _, unfit := j.unfit[id]; !unfit && w.couldRender(j) {
			return true
		}
	}
	return false
}

// giveUpAll ends a job of which no frame can be rendered: what waits fails with it, without a record of each.
func (e *engine) giveUpAll(j *job, why string) {
	e.stopLeases(j)
	rest := j.Total - j.Done - j.Failed
	j.Failed += rest
	e.failed += int64(rest)
	e.toState(j, farm.Failed, "no frame of it can be rendered: "+why)
	e.forget(j)
}

func (j *job) attemptLimit(r farm.Rules) int {
	if j.Attempts > 0 {
		return j.Attempts
	}
	return r.Attempts
}

// giveUp marks the frame failed for good. When several workers failed it, the scene is at fault and they are not
// held to account for it.
func (e *engine) giveUp(j *job, p int, a *farm.Attempt) {
	t := j.try(p)
	before := j.Failed
	t.final, a.Final = true, true
	if j.Failed++; j.plan.Staged() {
		e.shutBake(j, p)
		j.Failed = j.givenUp()
		e.openFilm(j)
	}
	e.failed += int64(j.Failed - before)
	workers := slices.Compact(slices.Sorted(slices.Values(t.workers)))
	workers = slices.DeleteFunc(workers, func(id farm.WorkerID) bool { _, unfit := j.unfit[id]; return unfit })
	if len(workers) > 1 {
		e.pardon(j, workers...)
	}
}

// strike counts a failure against the worker, and takes it out when it fails everything it is given.
func (e *engine) strike(wk *worker, j *job, r *farm.Report) {
	if wk == nil || e.rules.OutAfter == 0 {
		return
	}
	if r.OwnFault {
		wk.faults++
	} else {
		wk.failures[j.ID] = struct{}{}
	}
	if wk.faults < e.rules.OutAfter && len(wk.failures) < e.rules.OutAfter {
		return
	}
	if !wk.Enabled || wk.faults < e.rules.OutAfter && !e.another(wk) {
		return // the only worker is not taken out for scenes that may all be broken
	}
	wk.Enabled, wk.out = false, true
	wk.Reason = "it failed several jobs in a row; the last one: " + clip(r.Error, 300)
	if wk.faults >= e.rules.OutAfter {
		wk.Reason = "it could not work several times in a row: " + clip(r.Error, 300)
	}
	e.keepWorker(wk)
	e.event(farm.Event{Kind: farm.EventWorker, Worker: wk.ID, State: "disabled", Text: wk.Name + ": " + wk.Reason})
}

// takeIn lets a worker that was taken out work again when what it failed turned out to be no fault of its own.
func (e *engine) takeIn(wk *worker) {
	if !wk.out || wk.Enabled || wk.faults >= e.rules.OutAfter || len(wk.failures) >= e.rules.OutAfter {
		return
	}
	wk.Enabled, wk.out, wk.Reason = true, false, ""
	e.keepWorker(wk)
	wk.order()
	e.event(farm.Event{Kind: farm.EventWorker, Worker: wk.ID, State: "enabled", Text: wk.Name})
}

func (e *engine) another(wk *worker) bool {
	for _, o := range e.workers {
		if o != wk && o.online && o.Enabled && !o.Draining {
			return true
		}
	}
	return false
}

// endIfOver moves a job with nothing left to do to its end.
func (e *engine) endIfOver(j *job) {
	if j.Done+j.Failed < j.Total || j.State.Ended() {
		return
	}
	if j.Failed == 0 {
		e.toState(j, farm.Done, "")
	} else {
		e.toState(j, farm.Failed, j.whyFailed())
	}
	e.forget(j)
}

// attempt makes the record of a settled report.
func (e *engine) attempt(l *lease, p int, r *farm.Report, outcome farm.Outcome) farm.Attempt {
	e.seq++
	return farm.Attempt{
		Seq: e.seq, Job: l.Job, Frame: r.Frame, Position: p, Number: l.Attempt, Lease: l.ID, Worker: l.Worker,
		Outcome: outcome, Error: clip(r.Error, maxErrorText), Started: l.Issued, Ended: e.m.opt.Now(),
		Seconds: r.Seconds, MemoryMB: r.MemoryMB, Install: r.Install, Results: r.Results,
		Warnings: farm.Sentences(r.Warnings),
	}
}

// bakeWords say what became of a bake.
var bakeWords = map[string]string{
	"running": "begun", string(farm.Rendered): "done", string(farm.Errored): "failed", string(farm.Expired): "its worker fell silent", "again": "again",
}

// frameEvent tells what became of a frame, or of a task of it: with a part of it done it is not, but is being rendered.
func (e *engine) frameEvent(j *job, no int, w farm.WorkerID, state, text string, cursor int64) {
	if !e.m.hub.wanted(farm.EventFrame) { // the progress that it tells costs
		return
	}
	if _, _, bakes := j.Baking(no); bakes {
		text = strings.TrimSuffix(j.TaskName(no)+": "+bakeWords[state]+": "+text, ": ")
		e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, Worker: w, State: string(j.State), Text: text, Progress: e.shown(j)})
		return
	}
	frame := farm.PictureOf(no)
	if farm.IsPart(no) {
		if state == string(farm.Rendered) {
			state = "running"
		}
		if text != "" {
			text = farm.TaskName(no) + ": " + text
		}
	}
	e.event(farm.Event{
		Kind: farm.EventFrame, Job: j.ID, Frame: &frame, Worker: w, State: state, Text: text, Cursor: cursor, Progress: e.shown(j),
	})
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
