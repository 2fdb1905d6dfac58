package master

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	mostAlarms   = 200                // of a kind that are told one by one, and of all in an answer
	failedFor    = 7 * 24 * time.Hour // a failed job needs a look for so long, unless it is retried or deleted
	nobodySends  = time.Minute        // without a byte for a job that waits for files
	askedPerTick = 20_000             // workers that are asked in a tick whether they can render a job
	byPerson     = "disabled by "     // begins the reason of a worker that a person disabled
)

// alarms is what needs a person as far as the engine knows it. It belongs to the engine.
type alarms struct {
	stand  map[string]farm.Attention // by id
	more   int                       // that are not told
	failed map[farm.JobID]*failedJob // that ended lately
	fleet  int64                     // grows when a worker changes; see job.stuck
}

type failedJob struct {
	name, reason string
	ended        time.Time
}

// stuck is whether nobody can render a job, as it was when the fleet had a number.
type stuck struct {
	fleet int64
	why   string // "": somebody can
}

// notices is what needs a person and is not found by the engine.
type notices struct {
	mu    sync.Mutex
	stand map[string]farm.Attention
}

// notice tells that something needs a person, by its kind; with an empty text, that it does not any more.
func (m *Master) notice(kind farm.AttentionKind, text, hint string) {
	n := &m.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	id := string(kind)
	old, stood := n.stand[id]
	state := farm.AttentionChanged
	switch {
	case text == "" && !stood, old.Text == text && stood:
		return
	case text == "":
		state, text = farm.AttentionCleared, old.Text
		delete(n.stand, id)
	default:
		a := farm.Attention{ID: id, Kind: kind, Text: text, Hint: hint, Since: m.opt.Now().UTC()}
		if stood {
			a.Since = old.Since
		} else {
			state = farm.AttentionRaised
		}
		if n.stand == nil {
			n.stand = make(map[string]farm.Attention)
		}
		n.stand[id] = a
	}
	m.hub.publish([]farm.Event{{Time: m.opt.Now(), Kind: farm.EventAttention, State: state, Text: text}})
	if state == farm.AttentionRaised {
		a := n.stand[id]
		go m.post(func(e *engine) { e.tellAlarm(&a) }) // whoever looks at a disk does not wait
	}
}

// Attention lists what needs a person, the most urgent first. Who asks to be let in is told to admins.
func (m *Master) Attention(ctx context.Context, who Identity) (farm.AttentionList, error) {
	out, err := ask(ctx, m, func(e *engine) (farm.AttentionList, error) {
		l := farm.AttentionList{Attention: make([]farm.Attention, 0, len(e.alarms.stand)), More: e.alarms.more}
		for _, a := range e.alarms.stand {
			l.Attention = append(l.Attention, a)
		}
		return l, nil
	})
	if err != nil {
		return out, err
	}
	m.notices.mu.Lock()
	for _, a := range m.notices.stand {
		out.Attention = append(out.Attention, a)
	}
	m.notices.mu.Unlock()
	if who.Role == farm.RoleAdmin {
		list, err := m.Pairings(ctx)
		if err != nil {
			return out, err
		}
		for i := range list {
			p := &list[i]
			out.Attention = append(out.Attention, farm.Attention{
				ID: "pairing:" + p.Code, Kind: farm.NeedsAnswer, Text: fmt.Sprintf("%s asks to be let in as %s", p.Name, p.Role), Name: p.Name, Code: p.Code,
				Hint: "compare the code " + p.Code + " with the one that it shows, then accept or refuse it", Since: p.Asked.UTC(),
			})
		}
	}
	if who.Role == farm.RoleAdmin {
		for _, t := range m.Targets() {
			if a := targetAttention(&t); a != nil {
				out.Attention = append(out.Attention, *a)
			}
		}
	}
	urgency := farm.AttentionKinds()
	slices.SortFunc(out.Attention, func(a, b farm.Attention) int {
		return cmp.Or(slices.Index(urgency, a.Kind)-slices.Index(urgency, b.Kind), b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID))
	})
	if more := len(out.Attention) - mostAlarms; more > 0 {
		out.More += more
		out.Attention = out.Attention[:mostAlarms]
	}
	return out, nil
}

// alarm is something that needs a person, before it is put into words.
type alarm struct {
	kind   farm.AttentionKind
	job    *job
	worker *worker
	failed farm.JobID
}

func (a *alarm) id() string {
	switch {
	case a.worker != nil:
		return string(a.kind) + ":" + string(a.worker.ID)
	case a.job != nil:
		return string(a.kind) + ":" + a.job.ID.String()
	case a.failed != 0:
		return string(a.kind) + ":" + a.failed.String()
	}
	return string(a.kind)
}

// attend finds what needs a person now, and tells of what came and went. It is asked every second, so it asks the fleet
// about a job only when one of them has changed.
func (e *engine) attend(now time.Time) {
	found := make(map[farm.AttentionKind][]alarm)
	add := func(a alarm) { found[a.kind] = append(found[a.kind], a) }
	there := false
	for _, w := range e.workers {
		there = there || w.online || w.awaited
		switch {
		case !w.Enabled && w.Reason != "" && !strings.HasPrefix(w.Reason, byPerson):
			add(alarm{kind: farm.NeedsWorker, worker: w})
		case w.online && w.Enabled && !w.Draining && w.load.Idle != "":
			add(alarm{kind: farm.NeedsRoom, worker: w})
		}
	}
	waits, budget := 0, askedPerTick
	for _, j := range e.jobs {
		if j.Inspect { // whoever waits for it sees it
			continue
		}
		if j.Failed > 0 || j.Done == 0 && len(j.refused) > 1 {
			add(alarm{kind: farm.NeedsCare, job: j})
		}
		switch {
		case j.State == farm.Collecting && len(j.missing) > 0 && j.coming == 0 && now.Sub(e.quietSince(j)) >= nobodySends:
			add(alarm{kind: farm.NeedsFiles, job: j})
		case j.at < 0 || j.assigned > 0 || j.waiting() <= 0:
		case !there:
			waits++
		case e.nobodyCan(j, &budget) != "":
			add(alarm{kind: farm.NeedsFit, job: j})
		}
	}
	for id, f := range e.alarms.failed {
		if now.Sub(f.ended) > failedFor {
			delete(e.alarms.failed, id)
			continue
		}
		add(alarm{kind: farm.NeedsLook, failed: id})
	}
	if waits > 0 {
		add(alarm{kind: farm.NeedsWorkers})
	}
	stand := make(map[string]farm.Attention)
	e.alarms.more = 0
	for _, list := range found {
		if len(list) > mostAlarms { // which of them are told does not change by chance
			e.alarms.more += len(list) - mostAlarms
			slices.SortFunc(list, func(a, b alarm) int { return cmp.Compare(a.id(), b.id()) })
			list = list[:mostAlarms]
		}
		for i := range list {
			a := e.inWords(&list[i], now, waits)
			stand[a.ID] = a
		}
	}
	e.tellAlarms(stand)
}

// tellAlarms puts what stands now in place of what stood.
func (e *engine) tellAlarms(stand map[string]farm.Attention) {
	say := func(a *farm.Attention, state string) {
		e.event(farm.Event{Kind: farm.EventAttention, Job: a.Job, Worker: a.Worker, State: state, Text: a.Text})
	}
	for id, old := range e.alarms.stand {
		if _, still := stand[id]; !still {
			say(&old, farm.AttentionCleared)
		}
	}
	for id, a := range stand {
		old, stood := e.alarms.stand[id]
		if stood {
			a.Since = old.Since
			stand[id] = a
		}
		if !stood {
			say(&a, farm.AttentionRaised)
			if e.told.looked {
				e.tellAlarm(&a)
			}
		} else if a.Text != old.Text {
			say(&a, farm.AttentionChanged)
		}
	}
	e.alarms.stand, e.told.looked = stand, true
}

// inWords says it to people.
func (e *engine) inWords(al *alarm, now time.Time, waits int) farm.Attention {
	a := farm.Attention{ID: al.id(), Kind: al.kind, Since: now.UTC()}
	job := ""
	if j := al.job; j != nil {
		a.Job, a.Name = j.ID, j.Name
		job = fmt.Sprintf("job %d (%s)", j.ID, clip(j.Name, 60))
	}
	if w := al.worker; w != nil {
		a.Worker, a.Name = w.ID, w.Name
	}
	switch al.kind {
	case farm.NeedsWorkers:
		a.Hint = "start one: netrender worker"
		if waits > 1 {
			a.Text = plural(waits, "job") + " wait, and no worker is there"
		} else {
			a.Text = "a job waits, and no worker is there"
		}
	case farm.NeedsWorker:
		a.Text = "worker " + al.worker.Name + " was taken out: " + al.worker.Reason
		a.Hint = "look at what it failed, then enable it again: netrender worker-set " + al.worker.Name + " enabled=yes"
	case farm.NeedsRoom:
		why, _, _ := strings.Cut(al.worker.load.Idle, ":") // its figures change with every heartbeat, and the notice would with them
		a.Text = "worker " + al.worker.Name + " asks for no frames: " + clip(why, 300)
		a.Hint = "make room on its disk"
	case farm.NeedsLook:
		f := e.alarms.failed[al.failed]
		a.Job, a.Name, a.Since = al.failed, f.name, f.ended.UTC()
		a.Text = fmt.Sprintf("job %d (%s) failed: %s", al.failed, clip(f.name, 60), f.reason)
		a.Hint = fmt.Sprintf("netrender job %d says what went wrong; netrender retry %d --failed tries again; deleting the job ends this notice", al.failed, al.failed)
	case farm.NeedsCare:
		if n := al.job.Failed; n > 0 {
			noun := "frame"
			if al.job.plan.Staged() {
				noun = "task"
			}
			a.Text = plural(n, noun) + " of " + job + " failed; the others go on"
		} else {
			a.Text = plural(len(al.job.refused), "worker") + " failed " + job + ", and none of its frames is there yet"
		}
		a.Hint = fmt.Sprintf("netrender job %d says what went wrong", al.job.ID)
	case farm.NeedsFit:
		a.Text, a.Hint = "no worker can render "+job+": "+al.job.stuck.why, fmt.Sprintf("netrender job %d --why says it for each worker; netrender set %d changes what the job asks for", al.job.ID, al.job.ID)
	case farm.NeedsFiles:
		a.Since = e.quietSince(al.job).UTC()
		a.Text = job + " waits for " + plural(len(al.job.missing), "file") + ", and nobody sends them"
		a.Hint = "submit the scene again where its files are: what is there already is not sent twice"
	case farm.NeedsDatabase, farm.NeedsDamage, farm.NeedsDisk, farm.NeedsAnswer, farm.NeedsTarget:
	}
	return a
}

// noteEnd remembers a job that failed as long as it needs a look.
func (e *engine) noteEnd(j *job) {
	delete(e.alarms.failed, j.ID)
	if j.State == farm.Failed && !j.Inspect {
		e.noteFailed(j.ID, j.Name, j.Reason, j.Ended)
	}
}

func (e *engine) noteFailed(id farm.JobID, name, reason string, ended time.Time) {
	if e.alarms.failed == nil {
		e.alarms.failed = make(map[farm.JobID]*failedJob)
	}
	if reason == "" {
		reason = "some of its frames could not be rendered"
	}
	e.alarms.failed[id] = &failedJob{name: name, reason: reason, ended: ended}
	if len(e.alarms.failed) <= 2*mostAlarms {
		return
	}
	oldest := id
	for other, f := range e.alarms.failed {
		if f.ended.Before(e.alarms.failed[oldest].ended) {
			oldest = other
		}
	}
	delete(e.alarms.failed, oldest)
}

// readFailed takes up the jobs that failed before the start.
func (e *engine) readFailed(ctx context.Context) error {
	list, err := e.m.opt.Store.Jobs(ctx, farm.JobFilter{States: []farm.JobState{farm.Failed}, Limit: mostAlarms})
	if err != nil {
		return err
	}
	now := e.m.opt.Now()
	for i := range list {
		if j := &list[i]; e.jobs[j.ID] == nil && now.Sub(j.Ended) <= failedFor {
			e.noteFailed(j.ID, j.Name, j.Reason, j.Ended)
		}
	}
	return nil
}

// nobodyCan says why no worker of the farm can render the job; "" when one can. Those that are not there do not count.
// What the fleet answered holds until it changes.
func (e *engine) nobodyCan(j *job, budget *int) string {
	if j.stuck.fleet == e.alarms.fleet+1 || *budget <= 0 {
		return j.stuck.why
	}
	for _, w := range e.workers {
		*budget--
		if w.couldRender(j) {
			j.stuck = stuck{fleet: e.alarms.fleet + 1, why: e.nobodyBakes(j)}
			return j.stuck.why
		}
	}
	lacks := make(map[string]int)
	for _, w := range e.workers {
		*budget--
		why := j.Needs.WhyNot(&w.Worker)
		switch {
		case why != "":
		case j.Options.Scripts && !w.Facts.Scripts:
			why = "it does not allow scripts, which the job runs"
		case j.notClassic != "" && w.Facts.IsClassic():
			why = "it speaks the original protocol, by which nobody " + j.notClassic
		case !w.online && !w.awaited:
			why = "it could, but it is not there"
		case !w.Enabled:
			why = "it could, but it is disabled"
		default:
			why = "it could, but it takes no more work"
		}
		lacks[why]++
	}
	j.stuck = stuck{fleet: e.alarms.fleet + 1, why: inOrder(lacks)}
	return j.stuck.why
}

// inOrder says what most workers lack, the most frequent first.
func inOrder(lacks map[string]int) string {
	const most = 3
	type lack struct {
		why string
		n   int
	}
	list := make([]lack, 0, len(lacks))
	for why, n := range lacks {
		list = append(list, lack{why, n})
	}
	slices.SortFunc(list, func(a, b lack) int { return cmp.Or(b.n-a.n, cmp.Compare(a.why, b.why)) })
	parts := make([]string, 0, most+1)
	for i, l := range list {
		if i == most {
			parts = append(parts, plural(len(list)-most, "other reason"))
			break
		}
		parts = append(parts, plural(l.n, "worker")+" ("+l.why+")")
	}
	return strings.Join(parts, ", ")
}

// quietSince is when the last file came for the job, or when it began to wait.
func (e *engine) quietSince(j *job) time.Time {
	since := j.Created
	for _, t := range []time.Time{j.came, e.began} {
		if t.After(since) {
			since = t
		}
	}
	return since
}

// Receiving tells that somebody sends a file; what it returns tells that the sending is over, whole or not.
func (m *Master) Receiving(ref string) (end func()) {
	var jobs []*job // belongs to the loop
	m.post(func(e *engine) {
		for id := range e.wanted[ref] {
			if j := e.jobs[id]; j != nil {
				j.coming++
				jobs = append(jobs, j)
			}
		}
	})
	return func() {
		m.post(func(e *engine) {
			for _, j := range jobs {
				j.coming--
				j.came = e.m.opt.Now()
			}
		})
	}
}
