package master

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

// Job returns the job as it is now.
func (m *Master) Job(ctx context.Context, id farm.JobID) (farm.Job, error) {
	v, err := ask(ctx, m, func(e *engine) (farm.Job, error) {
		if j := e.jobs[id]; j != nil {
			v := j.Job
			v.Progress = *e.shown(j)
			return v, nil
		}
		return farm.Job{}, nil
	})
	if err != nil || v.ID != 0 {
		return v, err
	}
	if v, err = m.opt.Store.Job(ctx, id); err != nil || !v.Plan().Staged() {
		return v, err
	}
	if v.Done == v.Total {
		v.Stages = allDone(v.Plan())
		return v, nil
	}
	load, err := m.opt.Store.LoadJob(ctx, id)
	if err == nil {
		v.Stages = ended(&load).stages()
	}
	return v, err
}

// Jobs lists jobs, newest first; at most 1001, a page and the one that tells whether there is another.
func (m *Master) Jobs(ctx context.Context, f farm.JobFilter) ([]farm.Job, error) {
	f.Limit = min(max(f.Limit, 1), 1001)
	list, err := m.opt.Store.Jobs(ctx, f)
	if err != nil {
		return nil, err
	}
	return list, m.bringUpToDate(ctx, list)
}

// JobPage is a page of a sorted list of jobs; at most 1000. It is sorted by what is kept: the progress that is shown may
// be a moment younger.
func (m *Master) JobPage(ctx context.Context, f farm.JobFilter) (farm.JobPage, error) {
	f.Limit = min(max(f.Limit, 1), 1000)
	page, err := m.opt.Store.JobPage(ctx, f)
	if err == nil {
		err = m.bringUpToDate(ctx, page.Jobs)
	}
	return page, err
}

// bringUpToDate puts the progress of this moment into jobs as they are kept.
func (m *Master) bringUpToDate(ctx context.Context, list []farm.Job) error {
	_, err := ask(ctx, m, func(e *engine) (struct{}, error) {
		for i := range list {
			if j := e.jobs[list[i].ID]; j != nil {
				list[i].Progress = *e.shown(j)
			} else if plan := list[i].Plan(); plan.Staged() && list[i].Done == list[i].Total {
				list[i].Stages = allDone(plan)
			}
		}
		return struct{}{}, nil
	})
	return err
}

// Files is a page of a job's manifest, by path.
func (m *Master) Files(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.File, error) {
	return m.opt.Store.Manifest(ctx, id, after, min(max(limit, 1), 1000))
}

// Missing is a page of the files whose bytes the job waits for, by path.
func (m *Master) Missing(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.File, error) {
	limit = min(max(limit, 1), 1000)
	refs, err := ask(ctx, m, func(e *engine) (map[string]struct{}, error) {
		refs := map[string]struct{}{}
		if j := e.jobs[id]; j != nil {
			for r := range j.missing {
				refs[r] = struct{}{}
			}
		}
		return refs, nil
	})
	if err != nil || len(refs) == 0 {
		if err == nil {
			_, err = m.Job(ctx, id) // an unknown job is an error, not an empty list
		}
		return []farm.File{}, err
	}
	list := []farm.File{}
	for {
		page, err := m.opt.Store.Manifest(ctx, id, after, 1000)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if _, ok := refs[page[i].Ref]; ok {
				list = append(list, page[i])
				if len(list) == limit {
					return list, nil
				}
			}
		}
		if len(page) == 0 {
			return list, nil
		}
		after = page[len(page)-1].Path
	}
}

// Attempts lists what was tried of a job, in the order it ended, as it is shown.
func (m *Master) Attempts(ctx context.Context, f farm.AttemptFilter) ([]farm.Attempt, error) {
	f.Limit = min(max(f.Limit, 1), 1000)
	if _, err := m.Job(ctx, f.Job); err != nil {
		return nil, err
	}
	list, err := m.opt.Store.Attempts(ctx, f)
	for i := range list {
		list[i] = list[i].Shown()
	}
	return list, err
}

// Warnings lists what may be wrong with a job's pictures, each sentence once.
func (m *Master) Warnings(ctx context.Context, id farm.JobID) ([]farm.Warning, error) {
	if _, err := m.Job(ctx, id); err != nil {
		return nil, err
	}
	list, err := m.opt.Store.Warnings(ctx, id)
	if list == nil {
		list = []farm.Warning{}
	}
	return list, err
}

// Frames sorts every frame of the job by what became of it.
func (m *Master) Frames(ctx context.Context, id farm.JobID) (farm.FrameStates, error) {
	type parts struct {
		known           bool
		over            bool // the job has failed
		plan            *farm.Plan
		finished        farm.Spans
		failed, running []int
	}
	p, err := ask(ctx, m, func(e *engine) (parts, error) {
		j := e.jobs[id]
		if j == nil {
			return parts{}, nil
		}
		p := parts{known: true, plan: j.plan, finished: j.finished.Clone(), failed: j.lostFrames()}
		for pos, l := range j.held {
			if f, ok := j.plan.Frame(pos); ok && l.ahead == 0 {
				p.running = append(p.running, f)
			}
		}
		return p, nil
	})
	if err != nil {
		return farm.FrameStates{}, err
	}
	if !p.known {
		load, err := m.opt.Store.LoadJob(ctx, id)
		if err != nil {
			return farm.FrameStates{}, err
		}
		j := ended(&load)
		p.plan, p.finished, p.over = j.plan, j.finished, j.State == farm.Failed
		p.failed = j.lostFrames()
	}
	states := frameStates(p.plan, &p.finished, p.failed, p.running)
	if p.over { // what is not done failed: one by one, or with the whole scene
		rest := slices.AppendSeq(p.failed, states.Queued.All())
		states.Failed, states.Queued = farm.Frames(rest...), farm.FrameSet{}
	}
	return states, nil
}

func frameStates(l *farm.Plan, finished *farm.Spans, failed, running []int) farm.FrameStates {
	s := farm.FrameStates{Failed: farm.Frames(failed...), Running: farm.Frames(running...)}
	if finished.Count() == l.Tasks() {
		s.Done = l.Frames
		return s
	}
	done := make([]int, 0, finished.Count())
	for p := range finished.All() {
		if f, ok := l.Frame(p); !ok {
			continue
		} else if last, _ := l.Picture(f); last == p {
			done = append(done, f)
		}
	}
	s.Done = farm.Frames(done...)
	if l.Staged() { // some parts of a frame may have failed while others are rendered
		s.Running = farm.Frames(slices.DeleteFunc(running, s.Failed.Contains)...)
	}
	queued := make([]int, 0, max(0, l.Frames.Count()-len(done)))
	for f := range l.Frames.All() {
		if !s.Done.Contains(f) && !s.Failed.Contains(f) && !s.Running.Contains(f) {
			queued = append(queued, f)
		}
	}
	s.Queued = farm.Frames(queued...)
	return s
}

// Running lists the job's leases, or all when id is 0.
func (m *Master) Running(ctx context.Context, id farm.JobID) ([]farm.Running, error) {
	return m.RunningAfter(ctx, id, 0, 0)
}

// RunningAfter lists the job's leases, or all when id is 0, those after a lease; at most limit, or all with 0.
func (m *Master) RunningAfter(ctx context.Context, id farm.JobID, after farm.LeaseID, limit int) ([]farm.Running, error) {
	return ask(ctx, m, func(e *engine) ([]farm.Running, error) {
		var leases []*lease
		for _, l := range e.leases {
			if (id == 0 || l.Job == id) && l.ID > after {
				leases = append(leases, l)
			}
		}
		leases = firsts(leases, limit, func(a, b *lease) int { return cmp.Compare(a.ID, b.ID) })
		list := make([]farm.Running, len(leases))
		for i, l := range leases {
			list[i] = e.running(l)
		}
		return list, nil
	})
}

// Why explains for each worker why it works for the job or not.
func (m *Master) Why(ctx context.Context, id farm.JobID) ([]farm.Reason, error) {
	return m.WhyAfter(ctx, id, "", 0)
}

// WhyAfter explains for workers by name, those after a name, why each works for the job or not; for at most limit of
// them, or for all with 0. What concerns all of them is said once, at the beginning.
func (m *Master) WhyAfter(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.Reason, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	return ask(ctx, m, func(e *engine) ([]farm.Reason, error) {
		live := e.jobs[id]
		if live != nil {
			j = live.view()
		}
		if live == nil || live.at < 0 || len(e.workers) == 0 {
			if after != "" {
				return []farm.Reason{}, nil
			}
			return []farm.Reason{{Job: id, Text: whyNobody(&j, live != nil && live.at >= 0)}}, nil
		}
		list := e.workersAfter(after, limit)
		reasons := make([]farm.Reason, len(list))
		now := m.opt.Now()
		for i, w := range list {
			reasons[i] = e.why(live, w, now)
		}
		return reasons, nil
	})
}

// whyNobody is why no worker at all works for the job.
func whyNobody(j *farm.Job, listed bool) string {
	switch {
	case listed:
		return "the farm has no workers; start one with netrender worker"
	case j.State == farm.Collecting:
		return plural(j.Progress.Missing, "file") + " must arrive first"
	case j.State == farm.Paused:
		return fmt.Sprintf("the job is paused; netrender resume %d lets it go on", j.ID)
	}
	return fmt.Sprintf("the job is %s", j.State)
}

// why explains why the worker works for the job or not.
func (e *engine) why(j *job, w *worker, now time.Time) farm.Reason {
	if !w.online {
		return farm.Reason{Worker: w.Name, Job: j.ID, Text: "the worker is offline since " + w.seen.Format(time.DateTime)}
	}
	for _, s := range w.slots {
		if l := s.latest(); l != nil && l.Job == j.ID {
			return farm.Reason{Worker: w.Name, Job: j.ID, Chosen: true, Text: "it works for this job now"}
		}
	}
	if w.load.Idle != "" {
		return farm.Reason{Worker: w.Name, Job: j.ID, Text: "it asks for no frames: " + clip(w.load.Idle, 300)}
	}
	r := e.whyBest(j, w, now)
	if why := j.whyNoBake(w); r.Chosen && why != "" {
		return farm.Reason{Worker: w.Name, Job: j.ID, Text: why}
	}
	return farm.Reason{Worker: w.Name, Job: j.ID, Chosen: r.Chosen, Class: r.Class, Rating: r.Rating, Text: r.Text}
}

// whyBest explains for the slot of the worker that would get frames of the job, or for its first when none would.
func (e *engine) whyBest(j *job, w *worker, now time.Time) (first balance.Reason) {
	type kind struct {
		device string
		holds  farm.JobID
	}
	told := make(map[kind]struct{})
	for no := range w.Slots {
		bw := balance.Worker{Worker: w.Slot(no), Rests: w.rest()}
		if s := w.slots[no]; s != nil && s.latest() != nil {
			bw.Holds = s.latest().Job
		}
		k := kind{strings.Join(bw.Facts.Devices, " "), bw.Holds}
		if _, same := told[k]; same {
			continue
		}
		told[k] = struct{}{}
		r := balance.ExplainJob(&e.snap, e.rules, &bw, now, j.at)
		if no == 0 || r.Chosen {
			first = r
		}
		if r.Chosen {
			break
		}
	}
	return first
}

// Rules returns the settings of balancing, failure and leases.
func (m *Master) Rules(ctx context.Context) (farm.Rules, error) {
	return ask(ctx, m, func(e *engine) (farm.Rules, error) { return e.rules, nil })
}

// SetRules changes them while the farm runs.
func (m *Master) SetRules(ctx context.Context, who Identity, r farm.Rules) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.audit(who, farm.DidRules, "", "%s", differ(&e.rules, &r))
		paced := e.rules.HeartbeatMS != r.HeartbeatMS
		e.rules = r
		for _, w := range e.workers {
			if paced {
				w.order()
			}
		}
		e.change(farm.RulesSet{Rules: r})
		e.offers.all = true
		return struct{}{}, nil
	})
	return err
}

// Stats is what metrics and the health check read.
type Stats struct {
	Jobs          map[farm.JobState]int // those that have not ended
	WorkersOnline int
	Workers       int
	Slots         int
	SlotsBusy     int
	Waiting       int   // claims held open
	FramesDone    int64 // since start, as all below
	FramesFailed  int64
	Leases        int64
	Expired       int64
	Commit        time.Duration            // of the last batch
	Batch         int                      // changes in the last batch
	Loads         map[string]farm.PeerLoad // of workers that are there, by name: what they fetched and gave
}

// Stats reads the counters. It fails when the engine does not answer or the store cannot be written.
func (m *Master) Stats(ctx context.Context) (Stats, error) {
	return ask(ctx, m, func(e *engine) (Stats, error) {
		s := Stats{
			Jobs: make(map[farm.JobState]int), Loads: make(map[string]farm.PeerLoad), Workers: len(e.workers), Slots: e.snap.Slots, Waiting: len(e.waiting),
			FramesDone: e.done, FramesFailed: e.failed, Leases: e.granted, Expired: e.expired,
			Commit: time.Duration(m.commitTime.Load()), Batch: int(m.batchSize.Load()),
		}
		for _, j := range e.jobs {
			if !j.Inspect {
				s.Jobs[j.State]++
			}
		}
		for _, w := range e.workers {
			if w.online {
				s.WorkersOnline++
				if w.load.Peer != nil {
					s.Loads[w.Name] = *w.load.Peer
				}
			}
			for _, sl := range w.slots {
				if len(sl.leases) > 0 {
					s.SlotsBusy++
				}
			}
		}
		return s, nil
	})
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
