package master

import (
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// What a job of several stages needs besides: its tasks wait for one another, as its farm.Plan says. Positions before
// free are handed out in turn, as those of every job; those behind are put into job.again as what they wait for is done.

// free is where the positions end whose turn may come: behind it is what waits for tasks that are not done.
func (j *job) free() int {
	if !j.plan.Staged() {
		return j.plan.Positions()
	}
	if b := j.plan.Bakes; b > 0 && j.finished.CountIn(0, b) < b {
		return b
	}
	if end := j.plan.TurnsEnd(); len(j.plan.Levels) == 0 || j.next >= end {
		return end
	}
	lo, hi := j.plan.Level(j.next)
	if !j.ready(lo) {
		return lo
	}
	return hi
}

// ready tells whether all is done that the task at the position waits for.
func (j *job) ready(p int) bool {
	if !j.plan.Staged() {
		return true
	}
	lo, hi, tasks := j.plan.Needs(p)
	n := j.finished.CountIn(lo, hi)
	if film, end := j.plan.Encode(); p >= film && p < end && n > 0 && n < tasks && j.Failed > 0 {
		stopped := j.stopped()
		n += j.lost(&stopped, lo, hi) // it shows that they are missing
	}
	return n == tasks || j.early(p)
}

// lost is how many tasks at positions from lo to before hi were given up or stopped.
func (j *job) lost(stopped *farm.Spans, lo, hi int) int {
	n := stopped.CountIn(lo, hi)
	for p, t := range j.tries {
		if t.final && p >= lo && p < hi && !stopped.Contains(p) {
			n++
		}
	}
	return n
}

// turn finds out what the job asks of workers now, and tells whether that is something else than before: a film is
// encoded by whoever can, when nothing else is left to do.
func (j *job) turn() (changed bool) {
	before := j.asks
	j.asks = j.Asks()
	lo, hi := j.plan.Encode()
	if left := hi - lo - j.finished.CountIn(lo, hi); left > 0 && j.Total-j.Done-j.Failed <= left && j.ready(lo) {
		j.asks = farm.StageEncode
	}
	return j.asks != before
}

// openFilm lets films be made when the last frame that they waited for was given up.
func (e *engine) openFilm(j *job) {
	opened := false
	lo, hi := j.plan.Encode()
	for film := lo; film < hi; film++ {
		if j.waits(film) {
			j.again.Add(film)
			opened = true
		}
	}
	if opened {
		e.offer(j)
	}
}

// waiting is how many frames or other tasks could be handed out now, or a few more.
func (j *job) waiting() int {
	n := j.Queued()
	if !j.plan.Staged() {
		return n
	}
	return min(n, max(0, j.free()-j.next)+j.again.Count())
}

// open lets go on what waited for the task at the position.
func (e *engine) open(j *job, p int) {
	if !j.plan.Staged() {
		return
	}
	lo, hi := j.plan.Opens(p)
	if lo == hi || !j.ready(lo) { // all of them wait for the same
		return
	}
	if lo < j.plan.TurnsEnd() {
		hi = min(hi, j.next) // the others' turn comes
	}
	for q := lo; q < hi; q++ {
		if j.waits(q) {
			j.again.Add(q)
		}
	}
	e.offer(j)
}

// close takes out of again what waits for something now.
func (j *job) close(positions *farm.Spans) {
	if !j.plan.Staged() {
		return
	}
	for p := range positions.All() {
		if !j.ready(p) {
			j.again.Remove(p)
		}
	}
}

// openAll puts into again what waits for nothing any more and has no turn.
func (j *job) openAll() {
	for q := j.plan.TurnsEnd(); q < j.plan.Positions(); q++ {
		if j.waits(q) {
			j.again.Add(q)
		}
	}
}

// stopped are the positions that cannot be done while tasks they wait for are given up, directly or through others.
func (j *job) stopped() (s farm.Spans) {
	if !j.plan.Staged() {
		return s
	}
	film, filmEnd := j.plan.Encode()
	filmed := film < filmEnd
	var stop func(p int)
	stop = func(p int) {
		lo, hi := j.plan.Opens(p)
		if lo == hi || filmed && lo == film || s.Contains(lo) { // all of them or none
			return
		}
		for q := lo; q < hi; q++ {
			if _, ok := j.plan.Task(q); ok && !j.finished.Contains(q) { // a bake may be done again after its frames
				s.Add(q)
			}
		}
		if from, _ := j.plan.Opens(lo); from > lo {
			for q := lo; q < hi; q++ {
				if s.Contains(q) {
					stop(q)
				}
			}
		}
	}
	for p, t := range j.tries {
		if t.final {
			stop(p)
		}
	}
	if filmed { // it is made of what frames there are
		if lo, hi, tasks := j.plan.Needs(film); j.lost(&s, lo, hi) == tasks {
			for ; film < filmEnd; film++ {
				if !j.finished.Contains(film) {
					s.Add(film)
				}
			}
		}
	}
	return s
}

// filmAgain takes back films from whoever makes them of fewer frames than there are now.
func (e *engine) filmAgain(j *job) {
	film, end := j.plan.Encode()
	if film == end {
		return
	}
	for _, list := range []map[farm.LeaseID]*lease{e.leases, e.lapsed} {
		for _, l := range list {
			for no, p := range l.left {
				if l.job == j && p >= film && p < end {
					e.takeFrom(l, no, p)
				}
			}
		}
	}
	e.openFilm(j)
}

// takeFrom strikes a task from the lease of a worker that need not do it any more.
func (e *engine) takeFrom(l *lease, no, p int) {
	e.settled(l, no, p)
	e.shrunk[l] = struct{}{}
	if wk := e.workers[l.Worker]; wk != nil {
		wk.order()
	}
}

// behind adds to positions all that was made from what is there.
func (j *job) behind(positions *farm.Spans) {
	if !j.plan.Staged() {
		return
	}
	for from := positions.Clone(); from.Count() > 0; {
		var next farm.Spans
		last := -1
		for p := range from.All() {
			if lo, hi := j.plan.Opens(p); lo < hi && lo != last {
				next.AddSpan(lo, hi)
				last = lo
			}
		}
		next.RemoveAll(positions)
		positions.AddAll(&next)
		from = next
	}
}

// withCauses adds the tasks that were given up and stop those at the positions: without them nothing would go on.
func (j *job) withCauses(positions *farm.Spans) {
	if !j.plan.Staged() || positions.Count() == 0 {
		return
	}
	stops := make(map[int]bool) // by where what waits for them directly begins
	for p, t := range j.tries {
		lo, hi := j.plan.Opens(p)
		if !t.final || lo == hi {
			continue
		}
		yes, known := stops[lo]
		if !known {
			behind := farm.SpanOf(p, p+1)
			j.behind(&behind)
			behind.Remove(p)
			before := behind.Count()
			behind.RemoveAll(positions)
			yes = behind.Count() < before
			stops[lo] = yes
		}
		if yes {
			positions.Add(p)
		}
	}
}

// withParts adds what finished frames among the positions were made of: it went when they were accepted.
func (j *job) withParts(positions *farm.Spans) {
	if j.plan.Parts == 0 {
		return
	}
	for _, s := range j.plan.Segments() {
		if s.Stage != farm.StageFinish {
			continue
		}
		for p := s.Lo; p < s.Hi; p++ {
			if positions.Contains(p) && j.finished.Contains(p) {
				lo, hi, _ := j.plan.Needs(p)
				positions.AddSpan(lo, hi)
			}
		}
	}
}

// recall takes back from workers what they make of results that are made anew.
func (e *engine) recall(j *job, positions *farm.Spans) {
	for _, list := range []map[farm.LeaseID]*lease{e.leases, e.lapsed} {
		for _, l := range list {
			if l.job != j {
				continue
			}
			for no, p := range l.left {
				if !positions.Contains(p) || j.ready(p) {
					continue
				}
				e.takeFrom(l, no, p)
			}
		}
	}
}

// ended is a job that the engine does not have any more, for those who look at it.
func ended(load *farm.JobLoad) *job {
	j := newJob(load.Job, false)
	j.finished = load.Finished
	for i := range load.Tried {
		if load.Tried[i].Final {
			j.try(load.Tried[i].Position).final = true
		}
	}
	return j
}

// lostFrames are the frames of which something was given up, some of them more than once.
func (j *job) lostFrames() (frames []int) {
	add := func(p int) {
		if f, ok := j.plan.Frame(p); ok {
			frames = append(frames, f)
		}
	}
	for p, t := range j.tries {
		if t.final {
			add(p)
		}
	}
	stopped := j.stopped()
	for p := range stopped.All() {
		add(p)
	}
	return frames
}

// manyRuns is in how many pieces the finished tasks must lie for the stages not to be counted anew within a second.
const manyRuns = 1000

// stages counts the tasks of each stage; nil when there are frames alone.
func (e *engine) stages(j *job) []farm.StageProgress {
	if !j.plan.Staged() {
		return nil
	}
	now := e.m.opt.Now()
	if since := now.Sub(j.stagesAt); j.State == farm.Active && j.finished.Len()+len(j.held)+len(j.tries) > manyRuns && since >= 0 && since < time.Second {
		return j.byStage
	}
	j.byStage, j.stagesAt = j.stages(), now
	return j.byStage
}

func allDone(plan *farm.Plan) (list []farm.StageProgress) {
	for _, s := range plan.Segments() {
		list = append(list, farm.StageProgress{Stage: s.Stage, Total: s.Tasks, Done: s.Tasks})
	}
	return list
}

func (j *job) stages() []farm.StageProgress {
	segments := j.plan.Segments()
	list := make([]farm.StageProgress, len(segments))
	of := func(p int) *farm.StageProgress {
		for i := range segments {
			if p < segments[i].Hi {
				return &list[i]
			}
		}
		return &list[len(list)-1]
	}
	for i, s := range segments {
		list[i] = farm.StageProgress{Stage: s.Stage, Total: s.Tasks, Done: j.finished.CountIn(s.Lo, s.Hi)}
	}
	for p, l := range j.held {
		if l.ahead == 0 {
			of(p).Running++
		}
	}
	if j.Failed > 0 && j.State != farm.Failed {
		stopped := j.stopped()
		for i, s := range segments {
			list[i].Failed = stopped.CountIn(s.Lo, s.Hi)
		}
		for p, t := range j.tries {
			if t.final && !stopped.Contains(p) {
				of(p).Failed++
			}
		}
	}
	for i := range list {
		s := &list[i]
		if j.State == farm.Failed { // what is not done failed: one by one, or with the whole scene
			s.Failed = s.Total - s.Done
		}
		s.Queued = max(0, s.Total-s.Done-s.Failed-s.Running)
	}
	return list
}

// whyFailed says what failed of a job, and what that stopped.
func (j *job) whyFailed() string {
	stopped := j.stopped()
	if !j.plan.Staged() {
		return plural(j.Failed, "frame") + " failed"
	}
	text := plural(j.Failed-stopped.Count(), "task") + " failed"
	if first := j.firstFailed(); first != "" {
		text += " (" + first + ")"
	}
	if n := stopped.Count(); n > 0 {
		text += "; that stopped " + plural(n, "other")
	}
	return text
}

// firstFailed names the first task that was given up.
func (j *job) firstFailed() string {
	first := -1
	for p, t := range j.tries {
		if t.final && (first < 0 || p < first) {
			first = p
		}
	}
	no, ok := j.plan.Task(first)
	if !ok {
		return ""
	}
	return j.TaskName(no)
}
