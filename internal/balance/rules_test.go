package balance

import (
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// ago is so many minutes before noon.
func ago(minutes float64) time.Time { return noon.Add(-time.Duration(minutes * float64(time.Minute))) }

// aWorker is one that may render everything that needs nothing.
func aWorker() *Worker {
	return &Worker{Worker: &farm.Worker{
		ID: "worker-1", Name: "one", Slots: 1, Enabled: true, Tags: []string{"linux"},
		Facts: farm.Facts{MemoryMB: 16000, Blenders: []farm.Blender{{Version: farm.Version{Major: 4, Minor: 5}}}},
	}}
}

// aJob is in the middle of its life: nothing of it is special.
func aJob(id farm.JobID, change ...func(*Job)) Job {
	j := Job{
		ID: id, Priority: 1, Running: 1, Queued: 100, Dispatched: 50, LastDispatch: ago(1), Created: ago(60),
		Needs: &farm.Needs{},
	}
	for _, f := range change {
		f(&j)
	}
	return j
}

func holding(n int) func(*Job)         { return func(j *Job) { j.Assigned, j.Running = n, n } }
func used(u float64) func(*Job)        { return func(j *Job) { j.Usage = u } }
func priority(p int) func(*Job)        { return func(j *Job) { j.Priority = p } }
func queued(n int) func(*Job)          { return func(j *Job) { j.Queued = n } }
func running(n int) func(*Job)         { return func(j *Job) { j.Running = n } }
func dispatched(n int) func(*Job)      { return func(j *Job) { j.Dispatched = n } }
func scene(s string) func(*Job)        { return func(j *Job) { j.Scene = s } }
func sent(minutes float64) func(*Job)  { return func(j *Job) { j.LastDispatch = ago(minutes) } }
func never(j *Job)                     { j.LastDispatch = time.Time{} }
func asked(minutes float64) func(*Job) { return func(j *Job) { j.Created = ago(minutes) } }
func needs(n farm.Needs) func(*Job)    { return func(j *Job) { j.Needs = &n } }
func refused(j *Job)                   { j.Refused = map[farm.WorkerID]struct{}{"worker-1": {}} }
func nobodyElse(j *Job)                { j.NobodyElse = true }
func scripts(j *Job)                   { j.Scripts = true }

// TestRules has a case for every rule: without the rule, another job would be chosen. Job 0 stands for none.
func TestRules(t *testing.T) {
	open := func(s string) func(*Worker) { return func(w *Worker) { w.Scene = s } }
	holds := func(id farm.JobID) func(*Worker) { return func(w *Worker) { w.Holds = id } }
	rule := func(f func(*farm.Rules)) func(*farm.Rules) { return f }
	cases := []struct {
		name   string
		slots  int
		jobs   []Job
		worker func(*Worker)
		rules  func(*farm.Rules)
		want   farm.JobID
		why    string // of the chosen job, part of it
	}{
		{name: "an empty farm", slots: 0, want: 0},
		{name: "one job", slots: 1, jobs: []Job{aJob(1)}, want: 1, why: "no other job"},
		{name: "a job without slots known yet", slots: 0, jobs: []Job{aJob(1)}, want: 1},

		// Who may.
		{name: "a disabled worker gets nothing", slots: 9, jobs: []Job{aJob(1)}, worker: func(w *Worker) { w.Enabled = false }},
		{name: "a draining worker gets nothing", slots: 9, jobs: []Job{aJob(1)}, worker: func(w *Worker) { w.Draining = true }},
		{name: "needs", slots: 9, jobs: []Job{aJob(1, needs(farm.Needs{Tags: []string{"big"}})), aJob(2, holding(3))}, want: 2},
		{name: "needs that are met", slots: 9, jobs: []Job{aJob(1, needs(farm.Needs{Tags: []string{"linux"}})), aJob(2, holding(3))}, want: 1},
		{name: "no needs at all", slots: 9, jobs: []Job{aJob(1, func(j *Job) { j.Needs = nil }), aJob(2, holding(3))}, want: 1},
		{name: "scripts the worker does not allow", slots: 9, jobs: []Job{aJob(1, scripts), aJob(2, holding(3))}, want: 2},
		{
			name: "scripts it allows", slots: 9, jobs: []Job{aJob(1, scripts), aJob(2, holding(3))}, want: 1,
			worker: func(w *Worker) { w.Facts.Scripts = true },
		},
		{name: "a worker that failed the job", slots: 9, jobs: []Job{aJob(1, refused), aJob(2, holding(3))}, want: 2},
		{
			name: "another worker failed the job", slots: 9, jobs: []Job{aJob(1, refused), aJob(2, holding(3))}, want: 1,
			worker: func(w *Worker) { w.ID = "worker-2" },
		},
		{name: "it failed the job, but nobody else can", slots: 9, jobs: []Job{aJob(1, refused, nobodyElse), aJob(2, holding(3))}, want: 1},
		{name: "who may beats first priorities", slots: 9, jobs: []Job{aJob(1, dispatched(0), refused), aJob(2, holding(3))}, want: 2},
		{name: "nothing waits", slots: 9, jobs: []Job{aJob(1, queued(0)), aJob(2, holding(3))}, want: 2},
		{name: "nothing waits anywhere", slots: 9, jobs: []Job{aJob(1, queued(0)), aJob(2, queued(0))}},

		// The cap.
		{name: "75 of 100 may be had", slots: 100, jobs: []Job{aJob(1, holding(74), priority(100)), aJob(2, holding(26))}, want: 1, why: "rating"},
		{name: "76 of 100 may not", slots: 100, jobs: []Job{aJob(1, holding(75), priority(100)), aJob(2, holding(25))}, want: 2},
		{
			name: "the worker's own lease moves", slots: 100, jobs: []Job{aJob(1, holding(75), priority(100)), aJob(2, holding(25))},
			worker: holds(1), want: 1,
		},
		{
			name: "the cap is a setting", slots: 100, jobs: []Job{aJob(1, holding(75), priority(100)), aJob(2, holding(25))},
			rules: rule(func(r *farm.Rules) { r.Cap = 1 }), want: 1,
		},
		{
			name: "29 % of 100 is 29, whatever a float says", slots: 100, jobs: []Job{aJob(1, holding(28), priority(100)), aJob(2, holding(20))},
			rules: rule(func(r *farm.Rules) { r.Cap = 0.29 }), want: 1,
		},
		{name: "one is always allowed", slots: 1, jobs: []Job{aJob(1, holding(0), priority(2)), aJob(2, queued(1))}, want: 1},
		{name: "no other job could use it", slots: 10, jobs: []Job{aJob(1, holding(9)), aJob(2, queued(0)), aJob(3, refused)}, want: 1, why: "no other job"},
		{
			name: "all that could are over the cap", slots: 10, jobs: []Job{aJob(1, holding(5)), aJob(2, holding(3), sent(2))},
			rules: rule(func(r *farm.Rules) { r.Cap = 0.2 }), want: 2, why: "does not count",
		},
		{
			name: "the cap beats a new job", slots: 10, jobs: []Job{aJob(1, holding(8), dispatched(8)), aJob(2, holding(2))},
			rules: rule(func(r *farm.Rules) { r.NewFrames = 50 }), want: 2,
		},

		// First priorities.
		{name: "a new job", slots: 10, jobs: []Job{aJob(1), aJob(2, dispatched(0), never, used(0.9))}, want: 2, why: "new"},
		{
			name: "new until N frames were handed out", slots: 10, jobs: []Job{aJob(1), aJob(2, dispatched(4), holding(4))},
			rules: rule(func(r *farm.Rules) { r.NewFrames = 5 }), want: 2,
		},
		{
			name: "no longer new", slots: 10, jobs: []Job{aJob(1), aJob(2, dispatched(5), holding(4))},
			rules: rule(func(r *farm.Rules) { r.NewFrames = 5 }), want: 1,
		},
		{name: "long without a worker", slots: 10, jobs: []Job{aJob(1, priority(100)), aJob(2, running(0), sent(10.1), used(0.9))}, want: 2, why: "10 minutes"},
		{name: "not so long", slots: 10, jobs: []Job{aJob(1, priority(100)), aJob(2, running(0), sent(10), used(0.9))}, want: 1},
		{
			name: "a setting", slots: 10, jobs: []Job{aJob(1, priority(100)), aJob(2, running(0), sent(10), used(0.9))},
			rules: rule(func(r *farm.Rules) { r.StaleMins = 9 }), want: 2,
		},
		{
			name: "a setting of ages", slots: 10, jobs: []Job{aJob(1, priority(100)), aJob(2, running(0), sent(1e5), used(0.9))},
			rules: rule(func(r *farm.Rules) { r.StaleMins = 1e300 }), want: 1,
		},
		{name: "long since the last, but one renders", slots: 10, jobs: []Job{aJob(1, priority(100)), aJob(2, running(1), sent(99), used(0.9))}, want: 1},
		{
			name: "never had one, where new jobs do not go first", slots: 10,
			jobs:  []Job{aJob(1, priority(100)), aJob(2, running(0), dispatched(0), never, asked(11), used(0.9))},
			rules: rule(func(r *farm.Rules) { r.NewFrames = 0 }), want: 2,
		},
		{name: "new before long without", slots: 10, jobs: []Job{aJob(1, running(0), sent(99)), aJob(2, dispatched(0), never, used(0.9))}, want: 2},
		{
			name: "first priorities beat a warm session", slots: 10, jobs: []Job{aJob(1, scene("a")), aJob(2, dispatched(0), never, used(0.2))},
			worker: open("a"), want: 2,
		},

		// The rating.
		{name: "fewer workers", slots: 10, jobs: []Job{aJob(1, holding(6)), aJob(2, holding(3))}, want: 2, why: "rating"},
		{name: "less usage", slots: 10, jobs: []Job{aJob(1, holding(3), used(0.7)), aJob(2, holding(3), used(0.4))}, want: 2},
		{name: "priority divides", slots: 90, jobs: []Job{aJob(1, holding(30)), aJob(2, holding(50), priority(2))}, want: 2},
		{name: "priority divides usage too", slots: 90, jobs: []Job{aJob(1, holding(30), used(0.2)), aJob(2, holding(40), used(0.8), priority(2))}, want: 1},
		{
			name: "its own worker does not count", slots: 10, jobs: []Job{aJob(1, holding(4)), aJob(2, holding(2), sent(2))},
			worker: holds(1), want: 2,
		},
		{
			name: "its own worker does not count, close", slots: 10, jobs: []Job{aJob(1, holding(5), sent(3)), aJob(2, holding(2), sent(2))},
			worker: holds(1), want: 1,
		},
		{
			name: "a lease that is not counted is not taken off", slots: 10, jobs: []Job{aJob(1), aJob(2, holding(2), sent(5))},
			worker: holds(1), want: 2,
		},

		// About even.
		{name: "the open scene", slots: 10, jobs: []Job{aJob(1, holding(3), sent(5)), aJob(2, holding(4), scene("b"))}, worker: open("b"), want: 2, why: "open"},
		{name: "the open scene at exactly one share", slots: 7, jobs: []Job{aJob(1, holding(2), sent(5)), aJob(2, holding(4), scene("b"))}, worker: open("b"), want: 2},
		{name: "the open scene is not everything", slots: 10, jobs: []Job{aJob(1, holding(2)), aJob(2, holding(5), scene("b"))}, worker: open("b"), want: 1},
		{name: "nothing open is not a scene", slots: 10, jobs: []Job{aJob(1, sent(5), scene("a")), aJob(2)}, want: 1},
		{
			name: "the share is that of the greater priority, it is best", slots: 100,
			jobs: []Job{aJob(1, holding(9), priority(100)), aJob(2, scene("b"))}, worker: open("b"), want: 1,
		},
		{
			name: "the share is that of the greater priority, it is not best", slots: 100,
			jobs: []Job{aJob(1, holding(70), used(0.7), priority(50), scene("b")), aJob(2)}, worker: open("b"), want: 2,
		},
		{
			name: "of equally good ones the greater priority says who is about even", slots: 10,
			jobs: []Job{aJob(1, sent(5)), aJob(2, holding(1), priority(2)), aJob(3, holding(2), scene("b"))}, worker: open("b"), want: 1,
		},
		{name: "the least recently dispatched", slots: 10, jobs: []Job{aJob(1, holding(3), sent(4), asked(90)), aJob(2, holding(4), sent(5))}, want: 2, why: "longer ago"},
		{name: "never dispatched is least recent", slots: 10, jobs: []Job{aJob(1, holding(3), sent(4)), aJob(2, holding(4), never)}, want: 2},
		{name: "the older", slots: 10, jobs: []Job{aJob(1), aJob(2, asked(61))}, want: 2, why: "older"},
		{name: "the lower number", slots: 10, jobs: []Job{aJob(2), aJob(1)}, want: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &Snapshot{Jobs: c.jobs, Slots: c.slots}
			w, rules := aWorker(), farm.DefaultRules()
			if c.worker != nil {
				c.worker(w)
			}
			if c.rules != nil {
				c.rules(&rules)
			}
			i, ok := Choose(s, rules, w, noon)
			got := farm.JobID(0)
			if ok {
				got = s.Jobs[i].ID
			}
			if got != c.want {
				t.Errorf("job %d was chosen, want %d\n%s", got, c.want, explained(s, rules, w))
			}
			for _, r := range Explain(s, rules, w, noon) {
				if r.Chosen && !contains(r.Text, c.why) {
					t.Errorf("the reason is %q, want %q in it", r.Text, c.why)
				}
			}
		})
	}
}

func TestTick(t *testing.T) {
	for _, c := range []struct {
		usage           float64
		assigned, slots int
		want            float64
	}{
		{0, 0, 10, 0}, {0, 10, 10, 0.5}, {0.5, 10, 10, 0.75}, {1, 0, 10, 0.5}, {0.25, 1, 4, 0.25}, {1, 0, 0, 0.5}, {0, 3, 0, 0},
	} {
		if got := Tick(c.usage, c.assigned, c.slots); got != c.want {
			t.Errorf("Tick(%g, %d, %d) = %g, want %g", c.usage, c.assigned, c.slots, got, c.want)
		}
	}
}

// TestExplainLosers has a case for everything that keeps a job from a worker.
func TestExplainLosers(t *testing.T) {
	w := aWorker()
	w.Scene = "open"
	s := &Snapshot{Slots: 10, Jobs: []Job{
		aJob(1, scene("open"), sent(2)),
		aJob(2, needs(farm.Needs{Tags: []string{"big"}})),
		aJob(3, scripts),
		aJob(4, refused),
		aJob(5, queued(0)),
		aJob(6, holding(8)),
		aJob(7, holding(5)),
		aJob(8, sent(99)),
		aJob(9, scene("open"), sent(1)),
		aJob(10, scene("open"), sent(2), asked(59)),
	}}
	rules := farm.DefaultRules()
	want := map[farm.JobID]string{
		1: "older", 2: "lacks the tag big", 3: "scripts", 4: "failed this job", 5: "none of the job's frames", 6: "8 of 10",
		7: "job 1 uses less", 8: "job 1 is about even, and this worker has its scene open", 9: "job 1 is about even, and its last frame",
		10: "job 1 is about even, and older",
	}
	check := func() {
		t.Helper()
		for _, r := range Explain(s, rules, w, noon) {
			if !contains(r.Text, want[r.Job]) || r.Chosen != (r.Job == 1) {
				t.Errorf("job %d, chosen %v: %q, want %q in it", r.Job, r.Chosen, r.Text, want[r.Job])
			}
		}
	}
	check()
	all := s.Jobs
	s.Jobs = []Job{all[0], all[6], aJob(11, holding(4)), aJob(12, holding(5))}
	s.Jobs[1].Assigned = 6
	want = map[farm.JobID]string{1: "(rating 0.1000 against 0.2500)"} // the next best, not just any
	s.Jobs[0].Assigned = 1
	check()
	s.Jobs = all
	s.Jobs[0].Dispatched, s.Jobs[0].Assigned = 0, 0
	s.Jobs = []Job{s.Jobs[0], s.Jobs[6]}
	want = map[farm.JobID]string{1: "the job is new", 7: "job 1 is new"}
	check()
	s.Jobs[0].Dispatched, s.Jobs[0].Running, s.Jobs[0].LastDispatch = 1, 0, ago(11)
	want = map[farm.JobID]string{1: "the job had no worker for over 10 minutes", 7: "job 1 had no worker"}
	check()
	for _, c := range []struct {
		change func(*Worker)
		want   string
	}{{func(w *Worker) { w.Enabled = false }, "disabled"}, {func(w *Worker) { w.Draining = true }, "no more work"}} {
		w := aWorker()
		c.change(w)
		for _, r := range Explain(s, rules, w, noon) {
			if r.Chosen || !contains(r.Text, c.want) {
				t.Errorf("%+v, want %q", r, c.want)
			}
		}
	}
}
