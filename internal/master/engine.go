package master

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

const (
	tickEvery  = time.Second      // expiry of leases, workers falling silent
	usageEvery = 10 * time.Second // DESIGN.md section 5
	lostFactor = 5                // a frame is given up after so many times Attempts lost leases
)

// engine is the moving state. Only the goroutine of Run touches it.
type engine struct {
	m        *Master
	rules    farm.Rules
	cleaning farm.Cleaning
	epoch    int64
	leaseNo  int64 // leases granted in this epoch
	seq      int64 // last Attempt.Seq
	nextJob  farm.JobID
	broken   error // the store cannot be written or read

	jobs   map[farm.JobID]*job // those that have not ended
	keys   map[string]farm.JobID
	order  []*job // the jobs in snap.Jobs, same index
	snap   balance.Snapshot
	wanted map[string]map[farm.JobID]struct{} // missing blobs, by who waits for them
	leases map[farm.LeaseID]*lease
	ahead  map[*lease]struct{}     // those not begun of slots that have an older one
	lapsed map[farm.LeaseID]*lease // expired ones, and those taken back, of jobs that have not ended: a late result still counts

	// The positions whose results are being put in place, for those jobs that have some; a channel is closed when that is
	// over. They outlast the job in memory: a job that is canceled and goes on must not have a frame put in place twice at a time.
	settling map[farm.JobID]map[int]chan struct{}

	workers map[farm.WorkerID]*worker
	names   map[string]farm.WorkerID
	waiting []*waiter // claims held open, oldest first
	offers  offers    // what may be there for those who wait
	shares  shares    // what each job held
	alarms  alarms    // what needs a person
	told    told      // of it, to targets of notifications

	began     time.Time
	lastTick  time.Time
	lastUsage time.Time

	pending []farm.Change
	afters  []func(error)
	events  []farm.Event
	dirty   map[*job]struct{}   // progress to be written with the next batch
	shrunk  map[*lease]struct{} // frames of them were settled that a restart would take for being rendered

	granted, expired, done, failed int64 // since start, for Stats
}

type lease struct {
	farm.Lease
	job     *job
	left    map[int]int // frame -> position, those not settled
	seen    time.Time
	beat    farm.Beat
	slot    *slot
	started bool
	early   bool // it was given while the slot renders another
	ahead   int  // frames of it that job.ahead counts
	rested  bool // its worker gave it back to rest: it does not take it up again
	excused bool // a file of the job was lost while it was out: that its worker could not work is no fault
}

type slot struct {
	leases []*lease      // that live, oldest first; the newest says what the slot is assigned to
	pace   time.Duration // what the last frame took
	of     farm.JobID    // whose that frame was
	since  time.Time     // when it was settled
}

type worker struct {
	farm.Worker
	seen     time.Time
	online   bool
	awaited  bool // known from before a restart and may still come back
	counted  int  // its part of snap.Slots
	load     farm.Load
	history  *history // nil: it said nothing yet
	slots    map[int]*slot
	leases   map[farm.LeaseID]*lease
	held     int                     // claims held open
	pace     time.Duration           // the longest it means to stay silent, as far as it is known
	wake     chan struct{}           // closed when there are orders; nil when no heartbeat is held open
	failures map[farm.JobID]struct{} // jobs failed in a row
	faults   int                     // own faults in a row
	out      bool                    // strike took it out, not an admin
	hours    farm.Hours              // of Worker.Hours
	schedule farm.Schedule           // see reschedule
	rests    bool                    // it is given nothing now
	spoke    bool                    // since it started
}

func (m *Master) newEngine(ctx context.Context, s farm.State) (*engine, error) {
	now := m.opt.Now()
	e := &engine{
		m: m, rules: farm.DefaultRules(), cleaning: s.Cleaning, epoch: s.Epoch, nextJob: max(s.NextJob, 1),
		seq:     s.Epoch << 32,
		jobs:    make(map[farm.JobID]*job),
		keys:    make(map[string]farm.JobID),
		wanted:  make(map[string]map[farm.JobID]struct{}),
		leases:  make(map[farm.LeaseID]*lease),
		ahead:   make(map[*lease]struct{}),
		lapsed:  make(map[farm.LeaseID]*lease),
		workers: make(map[farm.WorkerID]*worker),
		names:   make(map[string]farm.WorkerID),
		dirty:   make(map[*job]struct{}),
		shrunk:  make(map[*lease]struct{}),

		settling: make(map[farm.JobID]map[int]chan struct{}),

		lastTick: now, lastUsage: now, began: now,
	}
	if s.HasRule {
		e.rules = s.Rules
	}
	for _, fw := range s.Workers {
		w := e.addWorker(fw)
		w.pace, w.awaited = e.rules.Heartbeat(), true // what the last master told it
		e.reschedule(w, now)
	}
	for i := range s.Jobs {
		if err := e.adopt(ctx, &s.Jobs[i]); err != nil {
			return nil, err
		}
	}
	for _, l := range s.Leases {
		e.adoptLease(l, now)
	}
	for _, j := range e.jobs {
		j.settleQueue()
		e.sync(j)
	}
	return e, e.readFailed(ctx)
}

// adopt takes a job that has not ended into the engine.
func (e *engine) adopt(ctx context.Context, load *farm.JobLoad) error {
	alone, err := e.m.isAlone(ctx, load.Job.ID)
	if err != nil {
		return err
	}
	j := newJob(load.Job, alone)
	j.finished, j.baked = load.Finished, e.seq
	for _, id := range load.Refused {
		j.refused[id] = struct{}{}
	}
	for i := range load.Tried {
		a := &load.Tried[i]
		t := j.try(a.Position)
		switch a.Outcome {
		case farm.Errored:
			t.failures++
			t.final = t.final || a.Final
			t.workers = append(t.workers, a.Worker)
		case farm.Expired:
			t.lost = append(t.lost, a.Lease)
			t.final = t.final || a.Final
			e.lapse(j, a)
		case farm.HandedBack, farm.Revoked, farm.Superseded, farm.Rendered:
		}
	}
	if j.State == farm.Collecting || j.State == farm.Paused {
		missing, err := e.m.findMissing(ctx, j.ID, &j.Needs)
		if err != nil {
			return err
		}
		j.missing = missing
	}
	e.add(j)
	return nil
}

// add makes the engine know the job.
func (e *engine) add(j *job) {
	e.jobs[j.ID] = j
	if s := e.settling[j.ID]; s != nil {
		j.settling = s
	}
	if j.Key != "" {
		e.keys[j.Key] = j.ID
	}
	for ref := range j.missing {
		if e.wanted[ref] == nil {
			e.wanted[ref] = make(map[farm.JobID]struct{})
		}
		e.wanted[ref][j.ID] = struct{}{}
	}
	if len(j.missing) == 0 && j.State == farm.Collecting {
		e.toState(j, j.goesOn(), "")
	}
	j.Missing = len(j.missing)
	e.sync(j)
}

// lapse remembers an expired lease from the record of one of its frames.
func (e *engine) lapse(j *job, a *farm.Attempt) {
	l := e.lapsed[a.Lease]
	if l == nil {
		l = &lease{job: j, left: make(map[int]int), Lease: farm.Lease{
			ID: a.Lease, Job: j.ID, Worker: a.Worker, Attempt: a.Number, Issued: a.Started,
		}}
		e.lapsed[a.Lease] = l
	}
	l.Frames = append(l.Frames, a.Frame)
	l.left[a.Frame] = a.Position
}

// adoptLease takes up a lease that was given before the master restarted; its worker has a whole lease time to
// come back.
func (e *engine) adoptLease(fl farm.Lease, now time.Time) {
	j, w := e.jobs[fl.Job], e.workers[fl.Worker]
	if j == nil || w == nil {
		e.change(farm.LeaseEnd{ID: fl.ID})
		return
	}
	l := &lease{Lease: fl, job: j, left: make(map[int]int), seen: now}
	for _, f := range fl.Frames {
		if p, ok := j.plan.Position(f); ok && !j.finished.Contains(p) {
			l.left[f] = p
			j.held[p] = l
		}
	}
	if len(l.left) == 0 {
		e.change(farm.LeaseEnd{ID: fl.ID})
		return
	}
	e.hold(w, l)
}

// sync shows the job to the balancer as it is now.
func (e *engine) sync(j *job) {
	if !j.State.Dispatches() {
		e.unlist(j)
		return
	}
	listed := j.at < 0
	if listed {
		j.at = len(e.order)
		e.order = append(e.order, j)
		e.snap.Jobs = append(e.snap.Jobs, balance.Job{
			ID: j.ID, Created: j.Created, Scene: j.Scene, Needs: &j.Needs, Scripts: j.Options.Scripts, Refused: j.refused,
			NotClassic: j.notClassic,
		})
	}
	b := &e.snap.Jobs[j.at]
	b.Priority, b.Usage, b.Assigned = j.Priority, j.usage, j.assigned
	b.Running, b.Queued, b.Dispatched = len(j.held), j.waiting(), j.Dispatched
	b.LastDispatch, b.Refused = j.lastSent, j.refused
	other := j.turn()
	if b.Stage = j.asks; listed || other {
		e.lift(j, nil)
	}
}

func (e *engine) unlist(j *job) {
	if j.at < 0 {
		return
	}
	last := len(e.order) - 1
	e.order[j.at], e.snap.Jobs[j.at] = e.order[last], e.snap.Jobs[last]
	e.order[j.at].at = j.at
	e.order, e.snap.Jobs = e.order[:last], e.snap.Jobs[:last]
	j.at = -1
}

// forget drops a job that ended from memory.
func (e *engine) forget(j *job) {
	e.mark(j) // what is pending must be written while the job is known
	e.unlist(j)
	e.flushMarks()
	delete(e.jobs, j.ID)
	delete(e.keys, j.Key)
	e.unwant(j)
	for id, l := range e.lapsed {
		if l.job == j {
			delete(e.lapsed, id)
			e.m.leftover.end(id)
		}
	}
}

// unwant has nobody tell the job of files that come.
func (e *engine) unwant(j *job) {
	for ref := range j.missing {
		delete(e.wanted[ref], j.ID)
		if len(e.wanted[ref]) == 0 {
			delete(e.wanted, ref)
		}
	}
}

// toState moves the job; it returns false when the table does not allow it.
func (e *engine) toState(j *job, to farm.JobState, reason string) bool {
	if j.State == to {
		return true
	}
	if !j.State.May(to) {
		return false
	}
	j.State, j.Reason = to, reason
	now := e.m.opt.Now()
	if to.Ended() {
		j.Ended = now
	} else {
		j.Ended = time.Time{}
	}
	e.noteEnd(j)
	e.tellEnd(j)
	e.mark(j)
	e.sync(j)
	e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, State: string(to), Text: reason, Progress: e.shown(j)})
	return true
}

// mark has the job's progress written with the next batch.
func (e *engine) mark(j *job) {
	e.loosen(j)
	j.Running, j.Missing = len(j.held), len(j.missing)
	e.dirty[j] = struct{}{}
}

func (e *engine) flushMarks() {
	for j := range e.dirty {
		mark := farm.JobMark{
			ID: j.ID, State: j.State, Reason: j.Reason, Started: micros(j.Started), Ended: micros(j.Job.Ended),
			Progress: *j.progress(),
		}
		// A short set costs nothing to write each time; a scattered one is written now and then, and the rows since
		// then are read at the next start.
		if j.finished.Len() <= 64 || j.unsaved >= 5000 {
			mark.Finished, mark.Seq = j.finished.Encode(), e.seq
			if mark.Finished == nil {
				mark.Finished = []byte{}
			}
			j.unsaved = 0
		}
		if j.judged {
			mark.Refused, j.judged = append([]farm.WorkerID{}, slices.Sorted(maps.Keys(j.refused))...), false
		}
		e.pending = append(e.pending, mark)
	}
	clear(e.dirty)
	for l := range e.shrunk {
		if e.leases[l.ID] == l {
			e.pending = append(e.pending, farm.LeaseAdd{Lease: l.rest()})
		}
	}
	clear(e.shrunk)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (e *engine) change(c farm.Change)    { e.pending = append(e.pending, c) }
func (e *engine) after(f func(err error)) { e.afters = append(e.afters, f) }

func (e *engine) event(ev farm.Event) {
	if !e.m.hub.wanted(ev.Kind) {
		return
	}
	ev.Time = e.m.opt.Now()
	e.events = append(e.events, ev)
}

func (e *engine) hasBatch() bool {
	return len(e.pending) > 0 || len(e.afters) > 0 || len(e.dirty) > 0 || len(e.events) > 0
}

func (e *engine) takeBatch() batch {
	e.flushMarks()
	b := batch{e.pending, e.afters, e.events}
	e.pending, e.afters, e.events = nil, nil, nil
	return b
}

// tick runs every second: leases and workers that fell silent, and the usage of the balancer.
func (e *engine) tick() {
	now := e.m.opt.Now()
	if gap := now.Sub(e.lastTick); gap > 3*tickEvery+e.rules.Heartbeat() || gap < 0 {
		// The machine slept or its clock was set: silence that we slept through is nobody's fault.
		e.forgive(now)
	}
	e.lastTick = now
	e.expire(now)
	e.watchWorkers(now)
	e.takeBack()
	if gap := now.Sub(e.lastUsage); gap >= usageEvery || gap < 0 {
		if e.lastUsage = now; gap > 0 && gap < 2*usageEvery { // a tick that comes late does not move those after it
			e.lastUsage = now.Add(usageEvery - gap)
		}
		for _, j := range e.order {
			j.usage = balance.Tick(j.usage, j.assigned, e.snap.Slots)
			e.snap.Jobs[j.at].Usage = j.usage
		}
		e.sample(e.lastUsage)
	}
	e.attend(now)
	e.m.auth.saveUses(e)
}

// inherit takes over what is not kept: who is online, what they do, who waits.
func (e *engine) inherit(old *engine) {
	for id, ow := range old.workers {
		w := e.workers[id]
		if w == nil {
			continue
		}
		w.seen, w.online, w.load, w.held, w.pace, w.history = ow.seen, ow.online, ow.load, ow.held, ow.pace, ow.history
		w.wake, w.awaited = ow.wake, ow.awaited
		w.rests, w.schedule, w.spoke = ow.rests, ow.schedule, ow.spoke
		w.order()
	}
	for id, ol := range old.leases {
		if l := e.leases[id]; l != nil {
			l.beat, l.seen, l.started = ol.beat, ol.seen, ol.started
		}
	}
	e.waiting = slices.Clone(old.waiting)
	for _, w := range e.workers {
		e.letGo(w, false) // of slots whose coming could not be kept
	}
	for id, oj := range old.jobs {
		if j := e.jobs[id]; j != nil {
			j.usage, j.lastSent = oj.usage, oj.lastSent
			e.sync(j)
		}
	}
	e.lastUsage, e.offers.all = old.lastUsage, true
	e.shares, e.alarms.stand, e.alarms.fleet = old.shares, old.alarms.stand, old.alarms.fleet
	e.told = old.told
	for id, s := range old.settling {
		e.settling[id] = s
		if j := e.jobs[id]; j != nil {
			j.settling = s
		}
	}
	e.granted, e.expired, e.done, e.failed = old.granted, old.expired, old.done, old.failed
	for _, w := range e.workers {
		e.changed(w)
	}
}

// releaseAll lets go of everybody who waits, at the end of Run.
func (e *engine) releaseAll() {
	for _, w := range e.waiting {
		w.ch <- answer[*farm.Grant]{nil, errStopped}
	}
	e.waiting = nil
	for _, w := range e.workers {
		w.order()
	}
}
