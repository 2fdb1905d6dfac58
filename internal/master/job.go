package master

import (
	"math"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// job is a farm.Job with what it needs to be dispatched.
type job struct {
	farm.Job
	at       int // index in engine.order and snap.Jobs, or -1
	plan     *farm.Plan
	next     int                        // no position from here on was ever handed out
	again    farm.Spans                 // positions before next that wait
	finished farm.Spans                 // positions accepted
	tries    map[int]*try               // positions with failed or lost attempts, not finished
	held     map[int]*lease             // positions leased now, by their newest lease
	settling map[int]chan struct{}      // positions whose results are being put in place; see engine.settling
	refused  map[farm.WorkerID]struct{} // failed it; changed by refuse and pardon only
	unfit    map[farm.WorkerID]struct{} // said that no frame of it can be rendered there
	other    *worker                    // could render it and did not fail it; nil: not known. See lift
	fresh    *worker                    // the last one that could try a position elsewhere
	missing  map[string]struct{}        // blobs that are not there
	usage    float64
	assigned int
	ahead    int                  // frames that are leased, but not those that their slots render now
	lastSent time.Time            // last dispatch
	unsaved  int                  // finished frames since the last snapshot of finished
	baked    int64                // differs when its cache files may be others than before; see farm.Grant.Baked
	reached  int                  // frames up to this one have all that they need of bakes that are not done; see EarlyCaches
	unlike   int                  // the bake, counted from 1, that is being settled and differs from an earlier one
	through  map[int]int          // positions of bakes that are not done: the last frame that has all of it
	shut     map[int]farm.LeaseID // and the leases of which nothing more is taken early
	judged   bool                 // refused is to be written
	asks     farm.Stage           // what a worker must take to be given what waits
	left     float64              // Progress.LeftS as it was at leftAt
	leftAt   time.Time
	byStage  []farm.StageProgress // Progress.Stages as they were at stagesAt; nobody changes them
	stagesAt time.Time
	// notClassic is what of it workers of the original protocol cannot do, see farm.JobSpec.WhyNotClassic.
	notClassic string
	stuck      stuck     // whether anybody can render it; forgotten when what it needs changes
	coming     int       // files that somebody sends now
	came       time.Time // when the last of them ended
}

// try is what is known of a position that did not finish at once.
type try struct {
	failures int
	lost     []farm.LeaseID // that expired, or whose workers were at fault themselves
	final    bool
	workers  []farm.WorkerID // that failed it
}

// newJob is the job before anything is known of its tasks; alone: its manifest has one file.
func newJob(spec farm.Job, alone bool) *job {
	plan := spec.Plan()
	return &job{
		notClassic: spec.WhyNotClassic(alone || spec.OwnerID == farm.ClassicToken),
		Job:        spec, asks: spec.Asks(), at: -1, plan: plan, next: plan.Bakes, reached: noFrame, through: make(map[int]int), shut: make(map[int]farm.LeaseID), again: farm.SpanOf(0, plan.Bakes),
		tries: make(map[int]*try), held: make(map[int]*lease), settling: make(map[int]chan struct{}),
		refused: make(map[farm.WorkerID]struct{}), unfit: make(map[farm.WorkerID]struct{}), missing: make(map[string]struct{}),
	}
}

// settleQueue finds what waits: everything below next that is neither finished, failed nor leased.
func (j *job) settleQueue() {
	end := j.plan.TurnsEnd()
	j.next = max(j.finished.Below(end)+1, j.plan.Bakes)
	for p := range j.tries {
		if p < end {
			j.next = max(j.next, p+1)
		}
	}
	for p := range j.held {
		if p < end {
			j.next = max(j.next, p+1)
		}
	}
	j.again = farm.SpanOf(0, j.next)
	j.again.RemoveAll(&j.finished)
	for p := range j.held {
		j.again.Remove(p)
	}
	for p, t := range j.tries {
		if t.final {
			j.again.Remove(p)
		}
	}
	if b := j.plan.Bakes; j.free() == b {
		closed := farm.SpanOf(b, end)
		j.again.RemoveAll(&closed)
	}
	if len(j.plan.Levels) > 0 { // those of an earlier level may wait again
		for lo := j.plan.Bakes; lo < j.next; {
			_, hi := j.plan.Level(lo)
			if !j.ready(lo) {
				closed := farm.SpanOf(lo, hi)
				j.again.RemoveAll(&closed)
			}
			lo = hi
		}
	}
	j.openAll()
	j.Done = j.finished.Count()
	j.Running = len(j.held)
	j.Failed = j.givenUp()
}

// givenUp counts the frames that were given up one by one, and what that stopped.
func (j *job) givenUp() int {
	stopped := j.stopped()
	n := stopped.Count()
	for p, t := range j.tries {
		if t.final && !stopped.Contains(p) {
			n++
		}
	}
	return n
}

func (j *job) try(p int) *try {
	t := j.tries[p]
	if t == nil {
		t = &try{}
		j.tries[p] = t
	}
	return t
}

func (j *job) gaveUp(p int) bool {
	t := j.tries[p]
	return t != nil && t.final
}

// attempt is the number of the next try at the position.
func (j *job) attempt(p int) int {
	if t := j.tries[p]; t != nil {
		return t.failures + len(t.lost) + 1
	}
	return 1
}

func (j *job) progress() *farm.Progress {
	p := j.Progress
	p.Running = max(0, len(j.held)-j.ahead) // for people: what only waits behind a frame is not rendered
	p.Missing = len(j.missing)
	return &p
}

// shown is the job's progress as it is shown to people.
func (e *engine) shown(j *job) *farm.Progress {
	p := j.progress()
	p.LeftS = e.timeLeft(j)
	p.Stages = e.stages(j)
	return p
}

// manyHeld is how many frames of a job must be out for its time left not to be found anew within a second.
const manyHeld = 16

// timeLeft is how many seconds the job will take with the workers that render it now; 0: not known.
func (e *engine) timeLeft(j *job) float64 {
	if j.State != farm.Active || j.Done == 0 {
		return 0
	}
	now := e.m.opt.Now()
	if since := now.Sub(j.leftAt); len(j.held) > manyHeld && since >= 0 && since < time.Second {
		return j.left
	}
	counted, begun := make(map[*lease]struct{}), 0.0
	for _, l := range j.held {
		if _, twice := counted[l]; twice || l.ahead > 0 {
			continue
		}
		counted[l] = struct{}{}
		if l.beat.Started {
			begun += min(max(l.beat.Fraction, 0), 1)
		}
	}
	j.left, j.leftAt = math.Round(10*j.TimeLeft(len(counted), begun))/10, now
	return j.left
}
