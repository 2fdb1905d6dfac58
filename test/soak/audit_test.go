//go:build linux

package soak

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// auditor compares what clients and workers were told with what the farm says and has.
type auditor struct {
	*run
	names    map[nr.WorkerID]string
	rendered map[frameOf]nr.Attempt // every attempt that was accepted, ever, of the jobs that are there
	said     map[nr.JobID]nr.Job
}

// frameOf is one frame of one lease.
type frameOf struct {
	lease nr.LeaseID
	frame int
}

// audit looks at everything.
func (r *run) audit() {
	began := time.Now()
	a := &auditor{run: r, names: map[nr.WorkerID]string{}, rendered: map[frameOf]nr.Attempt{}, said: map[nr.JobID]nr.Job{}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := a.everything(ctx); err != nil {
		r.failf("the audit could not be made: %v", err)
		return
	}
	r.say("audited in %s", time.Since(began).Round(time.Millisecond))
}

// tidy deletes what the next rounds do not need.
func (r *run) tidy() {
	kept := r.notes[:0]
	for _, n := range r.notes {
		if !n.gone() && !(n.plan.Keep && len(kept) < 12) {
			r.steer(n, action{Do: "delete"})
		}
		if n.gone() {
			_ = os.RemoveAll(n.folder())
			n.bytes = nil
			continue
		}
		kept = append(kept, n)
	}
	r.notes = kept
}

func (a *auditor) everything(ctx context.Context) error {
	workers, err := a.admin.Workers(ctx)
	if err != nil {
		return err
	}
	for i := range workers {
		a.names[workers[i].ID] = workers[i].Name
		if len(workers[i].Running) > 0 {
			a.failf("worker %s is said to render although all is at rest", workers[i].Name)
		}
	}
	if len(workers) != len(a.actors)-1 { // one is the master
		a.failf("%d workers are known, not %d: one has become another", len(workers), len(a.actors)-1)
	}
	if now, err := a.admin.Rules(ctx); err != nil || now != a.rules {
		a.failf("the rules are %+v, not %+v (%v)", now, a.rules, err)
	}
	for before := nr.JobID(0); ; {
		page, err := a.admin.Jobs(ctx, nr.JobFilter{Before: before, Limit: 1000})
		if err != nil {
			return err
		}
		for _, j := range page.Jobs {
			a.said[j.ID] = j
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	for _, n := range a.notes {
		if err := a.job(ctx, n); err != nil {
			return fmt.Errorf("job %d: %w", n.id, err)
		}
	}
	a.strangers()
	a.leftovers()
	return a.workersLogs()
}

// job audits one job.
func (a *auditor) job(ctx context.Context, n *note) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.id == 0 {
		a.failf("job %s was never submitted", n.name)
		return nil
	}
	if other, twice := a.known[n.id]; twice && other != a.round*1000+n.no && a.said[n.id].Name != n.name {
		a.failf("the number %d was given to two jobs", n.id)
	} else if !twice {
		a.known[n.id] = a.round*1000 + n.no
	}
	job, there := a.said[n.id]
	if n.deleted {
		if there {
			a.failf("job %d was deleted and is there", n.id)
		}
		return nil
	}
	if !there {
		a.failf("job %d (%s) was acknowledged and is not there", n.id, n.name)
		return nil
	}
	if single, err := a.admin.Job(ctx, n.id); err != nil || single.State != job.State || !reflect.DeepEqual(single.Progress, job.Progress) {
		a.failf("job %d is one thing alone and another in the list: %v\n  %+v\n  %+v", n.id, err, single.Progress, job.Progress)
	}
	a.asTold(n, &job)
	accepted, all, err := a.attempts(ctx, n)
	if err != nil {
		return err
	}
	a.frames(n, &job, accepted)
	a.history(n, all)
	if err := a.counters(ctx, n, &job, accepted); err != nil {
		return err
	}
	if err := a.files(ctx, n); err != nil {
		return err
	}
	a.outputs(n, &job, accepted)
	if n.plan.Fetch {
		a.fetched(n, &job, accepted)
	}
	a.count("jobs audited", 1)
	return nil
}

// asTold compares the job with what its owner was told.
func (a *auditor) asTold(n *note, job *nr.Job) {
	if job.Name != n.name || n.spec.Key != "" && job.Key != n.spec.Key || job.Frames.String() != n.spec.Frames.String() || job.Total != n.spec.Frames.Count() ||
		job.Chunk != min(n.spec.Chunk, job.Total) || job.Order != n.spec.Order || job.Options != n.spec.Options || job.Owner != n.user.name {
		a.failf("job %d is not what was submitted: %+v, not %+v", n.id, job.JobSpec, n.spec)
	}
	if n.priority != 0 && job.Priority != n.priority {
		a.failf("job %d was told to have priority %d and has %d", n.id, n.priority, job.Priority)
	}
	if n.canceled && job.State != nr.Canceled {
		a.failf("job %d was canceled and is %s", n.id, job.State)
	}
	if n.ended != "" && job.State != n.ended {
		a.failf("job %d was told to be %s and is %s", n.id, n.ended, job.State)
	}
	if job.State != nr.Done && job.State != nr.Canceled {
		a.failf("job %d is %s: %s", n.id, job.State, job.Reason)
	}
	if job.State == nr.Done && (job.Done != job.Total || job.Failed != 0) {
		a.failf("job %d is done with %d of %d frames, %d failed", n.id, job.Done, job.Total, job.Failed)
	}
}

// attempts reads all attempts of the job, and those that count.
func (a *auditor) attempts(ctx context.Context, n *note) (accepted, all []nr.Attempt, err error) {
	for _, want := range []bool{true, false} {
		f := nr.AttemptFilter{Job: n.id, Accepted: want, Limit: 1000}
		for {
			page, err := a.admin.Attempts(ctx, f, 0)
			if err != nil {
				return nil, nil, err
			}
			for _, at := range page.Attempts {
				f.After = max(f.After, at.Seq)
			}
			if want {
				accepted = append(accepted, page.Attempts...)
			} else {
				all = append(all, page.Attempts...)
			}
			if page.Next == 0 {
				break
			}
		}
	}
	return accepted, all, nil
}

// frames: every frame at most once, with the very bytes that its worker paints, and as clients were told.
func (a *auditor) frames(n *note, job *nr.Job, accepted []nr.Attempt) {
	count := map[int]int{}
	for i := range accepted {
		at := &accepted[i]
		count[at.Frame]++
		if !n.spec.Frames.Contains(at.Frame) {
			a.failf("job %d has a frame %d, which nobody asked for", n.id, at.Frame)
		}
		a.picture(n, at)
		if was, ok := n.frames[at.Frame]; ok && (was.seq != at.Seq || was.lease != at.Lease) {
			a.failf("job %d, frame %d: a client was told of attempt %d of lease %d, and now it is %d of %d", n.id, at.Frame, was.seq, was.lease, at.Seq, at.Lease)
		}
	}
	for f, c := range count {
		if c > 1 {
			a.failf("job %d, frame %d has %d accepted results", n.id, f, c)
		}
	}
	for f := range n.frames {
		if count[f] == 0 {
			a.failf("job %d, frame %d was told to be accepted and is lost", n.id, f)
		}
	}
	if job.State == nr.Done && len(count) != job.Total {
		a.failf("job %d is done, and %d of %d frames are there", n.id, len(count), job.Total)
	}
	a.run.count("frames audited", len(count))
}

// picture compares an attempt's results with what its worker must have painted.
func (a *auditor) picture(n *note, at *nr.Attempt) {
	want := a.expected(n, at.Frame, a.names[at.Worker])
	if len(at.Results) != len(want) {
		a.failf("job %d, frame %d by %s has %d results, not %d", n.id, at.Frame, a.names[at.Worker], len(at.Results), len(want))
	}
	for _, res := range at.Results {
		if want[res.Name] != res.Ref {
			a.failf("job %d, frame %d: %s is not what %s paints", n.id, at.Frame, res.Name, a.names[at.Worker])
		}
	}
}

// expected are the hashes of what a worker paints, by name.
func (a *auditor) expected(n *note, frame int, worker string) map[string]string {
	edge := edges[worker]
	pic := fake.Picture{Scene: n.mark, Frame: frame, Width: edge, Height: edge}
	files, err := pic.Files(n.spec.Options.EXR != "none", n.spec.Options.Outputs, n.spec.Options.Preview)
	if err != nil {
		a.failf("%v", err)
	}
	want := make(map[string]string, len(files))
	for _, f := range files {
		want[f.Name] = blob.RefOf(f.Bytes).String()
	}
	return want
}

// history: no scene is blamed for what was done to its workers, and nothing was handed out while the job was paused.
func (a *auditor) history(n *note, all []nr.Attempt) {
	for i := range all {
		at := &all[i]
		if at.Outcome == nr.Rendered {
			a.rendered[frameOf{at.Lease, at.Frame}] = *at
		}
		if at.Outcome == nr.Errored || at.Final {
			a.failf("job %d, frame %d was blamed on its scene, by %s: %s", n.id, at.Frame, a.names[at.Worker], at.Error)
		}
		a.run.count("attempts: "+string(at.Outcome), 1)
		for _, p := range n.pauses {
			if at.Started.After(p.from) && (p.to.IsZero() || at.Started.Before(p.to)) {
				a.failf("job %d, frame %d was handed out at %s, when the job was paused since %s", n.id, at.Frame, at.Started.Format(time.StampMilli), p.from.Format(time.StampMilli))
			}
		}
	}
}

func (a *auditor) counters(ctx context.Context, n *note, job *nr.Job, accepted []nr.Attempt) error {
	if job.Done != len(accepted) || job.Running != 0 || job.Failed != 0 || job.Missing != 0 {
		a.failf("job %d says %d done, %d failed, %d running, %d missing; there are %d", n.id, job.Done, job.Failed, job.Running, job.Missing, len(accepted))
	}
	states, err := a.admin.Frames(ctx, n.id)
	if err != nil {
		return err
	}
	if states.Done.Count() != job.Done || states.Failed.Count() != 0 || states.Running.Count() != 0 || states.Queued.Count() != job.Total-job.Done {
		a.failf("job %d says of its frames: done %s, failed %s, running %s, queued %s; %d are done", n.id, states.Done, states.Failed, states.Running, states.Queued, job.Done)
	}
	for i := range accepted {
		if !states.Done.Contains(accepted[i].Frame) {
			a.failf("job %d says that frame %d is not done, and it is", n.id, accepted[i].Frame)
		}
	}
	running, err := a.admin.Running(ctx, n.id)
	if err == nil && len(running) > 0 {
		a.failf("job %d has ended and has %d leases", n.id, len(running))
	}
	return err
}
