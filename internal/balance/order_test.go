package balance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/farm"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func explained(s *Snapshot, rules farm.Rules, w *Worker) string {
	var b strings.Builder
	for _, r := range Explain(s, rules, w, noon) {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	return b.String()
}

// question is one random question to the balancer. The values are few, so that ties are many.
type question struct {
	s     Snapshot
	rules farm.Rules
	w     *Worker
}

// check looks at more cases than rapid does unasked: the rules are many and each speaks seldom.
func check(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for range 6 {
		rapid.Check(t, property)
	}
}

func draw(t *rapid.T) question {
	pick := func(name string, values ...int) int { return rapid.SampledFrom(values).Draw(t, name) }
	rules := farm.DefaultRules()
	rules.Cap = rapid.SampledFrom([]float64{0.75, 0.75, 0.3, 1, 0.01}).Draw(t, "cap")
	rules.NewFrames = pick("new", 1, 1, 0, 5)
	w := aWorker()
	w.Scene = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "open")
	w.Holds = farm.JobID(rapid.IntRange(0, 5).Draw(t, "holds"))
	w.Enabled = pick("enabled", 1, 1, 1, 1, 1, 1, 1, 0) == 1
	w.Draining = pick("draining", 0, 0, 0, 0, 0, 0, 0, 1) == 1
	w.Facts.Scripts = rapid.Bool().Draw(t, "scripts")
	q := question{rules: rules, w: w}
	q.s.Slots = pick("slots", 1, 2, 3, 9, 10, 30, 1000, 0)
	n := rapid.IntRange(0, 5).Draw(t, "jobs")
	ids := rapid.Permutation([]farm.JobID{1, 2, 3, 4, 5}).Draw(t, "ids")
	for _, id := range ids[:n] {
		j := aJob(id)
		j.Priority = pick("priority", 1, 1, 2, 3, 100)
		j.Assigned = rapid.IntRange(0, max(1, min(q.s.Slots, 12))).Draw(t, "assigned")
		j.Usage = float64(pick("usage", 0, 0, 1, 2, 3, 9, 10)) / 10
		j.Running = pick("running", 0, 1, 5)
		j.Queued = pick("queued", 0, 1, 50, 50)
		j.Dispatched = pick("dispatched", 0, 3, 50, 50)
		j.LastDispatch = rapid.SampledFrom([]time.Time{{}, ago(0), ago(1), ago(9), ago(10), ago(11), ago(99)}).Draw(t, "last")
		j.Created = rapid.SampledFrom([]time.Time{ago(5), ago(60), ago(600)}).Draw(t, "created")
		j.Scene = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "scene")
		j.Scripts = pick("wants", 0, 0, 1) == 1
		j.Needs = rapid.SampledFrom([]*farm.Needs{nil, {}, {}, {Tags: []string{"linux"}}, {Tags: []string{"big"}}, {MemoryMB: 1e6}}).Draw(t, "needs")
		if pick("refused", 0, 0, 1) == 1 {
			refused(&j)
			j.NobodyElse = rapid.Bool().Draw(t, "nobody")
		}
		q.s.Jobs = append(q.s.Jobs, j)
	}
	return q
}

// chosen returns the id that Choose chooses, 0: none.
func (q *question) chosen() farm.JobID {
	if i, ok := Choose(&q.s, q.rules, q.w, noon); ok {
		return q.s.Jobs[i].ID
	}
	return 0
}

// may is who may, read from the design anew.
func (q *question) may(j Job) bool {
	_, failed := j.Refused[q.w.ID]
	return q.w.Enabled && !q.w.Draining && (!j.Scripts || q.w.Facts.Scripts) && (!failed || j.NobodyElse) &&
		(j.Needs == nil || j.Needs.WhyNot(q.w.Worker) == "") && j.Queued > 0
}

func (q *question) held(j Job) int {
	if j.ID == q.w.Holds && j.Assigned > 0 {
		return j.Assigned - 1
	}
	return j.Assigned
}

// law is section 5 of the design read anew, with no thought of speed: each rule strikes jobs from the list.
func (q *question) law() farm.JobID {
	list := slices.Clone(q.s.Jobs)
	strike := func(bad func(Job) bool) { list = slices.DeleteFunc(list, bad) }
	strike(func(j Job) bool { return !q.may(j) })
	n := float64(max(1, q.s.Slots))
	under := func(j Job) bool { return q.held(j) == 0 || float64(q.held(j)+1) <= q.rules.Cap*n+1e-9 }
	if slices.ContainsFunc(list, under) {
		strike(func(j Job) bool { return !under(j) })
	}
	if len(list) == 0 {
		return 0
	}
	class := func(j Job) int {
		since := j.LastDispatch
		if since.IsZero() {
			since = j.Created
		}
		switch {
		case j.Dispatched < q.rules.NewFrames:
			return 0
		case j.Running == 0 && noon.Sub(since) > 10*time.Minute:
			return 1
		}
		return 2
	}
	rating := func(j Job) float64 {
		return (0.5*j.Usage + 0.5*float64(q.held(j)+1)/n) / float64(j.Priority)
	}
	keepLeast := func(f func(Job) float64, slack float64) {
		least := f(list[0])
		for _, j := range list {
			least = min(least, f(j))
		}
		strike(func(j Job) bool { return f(j) > least+slack })
	}
	keepLeast(func(j Job) float64 { return float64(class(j)) }, 0)
	best := slices.MinFunc(list, func(a, b Job) int {
		switch ra, rb := rating(a), rating(b); {
		case ra < rb:
			return -1
		case ra > rb:
			return 1
		}
		return b.Priority - a.Priority
	})
	strike(func(j Job) bool {
		return rating(j) > rating(best)+1/(n*float64(max(j.Priority, best.Priority)))+1e-9
	})
	keepLeast(func(j Job) float64 {
		if j.Scene != "" && j.Scene == q.w.Scene {
			return 0
		}
		return 1
	}, 0)
	minutes := func(t time.Time) float64 {
		if t.IsZero() {
			return -1e9
		}
		return t.Sub(noon).Minutes()
	}
	keepLeast(func(j Job) float64 { return minutes(j.LastDispatch) }, 0)
	keepLeast(func(j Job) float64 { return minutes(j.Created) }, 0)
	keepLeast(func(j Job) float64 { return float64(j.ID) }, 0)
	return list[0].ID
}

func TestChooseFollowsTheLaw(t *testing.T) {
	check(t, func(t *rapid.T) {
		q := draw(t)
		if got, want := q.chosen(), q.law(); got != want {
			t.Fatalf("job %d was chosen, want %d\n%s", got, want, explained(&q.s, q.rules, q.w))
		}
	})
}

// TestChooseProperties holds whatever the tie rules are.
func TestChooseProperties(t *testing.T) {
	check(t, func(t *rapid.T) {
		q := draw(t)
		id := q.chosen()
		able := slices.DeleteFunc(slices.Clone(q.s.Jobs), func(j Job) bool { return !q.may(j) })
		if (id != 0) != (len(able) > 0) {
			t.Fatalf("job %d was chosen where %d jobs could use the worker", id, len(able))
		}
		if id != 0 {
			i := slices.IndexFunc(able, func(j Job) bool { return j.ID == id })
			if i < 0 {
				t.Fatalf("job %d may not have the worker", id)
			}
			over := func(j Job) bool {
				return q.held(j) > 0 && float64(q.held(j)+1) > q.rules.Cap*float64(max(1, q.s.Slots))+1e-9
			}
			if over(able[i]) && slices.ContainsFunc(able, func(j Job) bool { return !over(j) }) {
				t.Fatalf("job %d is over the cap while another could use the worker", id)
			}
		}

		reasons := Explain(&q.s, q.rules, q.w, noon)
		for k, r := range reasons {
			if r.Job != q.s.Jobs[k].ID || r.Chosen != (r.Job == id) || r.Text == "" {
				t.Fatalf("job %d was chosen, explained: %+v", id, r)
			}
			if alone := ExplainJob(&q.s, q.rules, q.w, noon, k); alone != r {
				t.Fatalf("explained among all: %+v, alone: %+v", r, alone)
			}
		}

		slices.Reverse(q.s.Jobs)
		if again := q.chosen(); again != id {
			t.Fatalf("job %d was chosen, from the reversed list %d", id, again)
		}
		q.s.Jobs = rapid.Permutation(q.s.Jobs).Draw(t, "order")
		if again := q.chosen(); again != id {
			t.Fatalf("job %d was chosen, from a shuffled list %d", id, again)
		}
	})
}

// TestCompareIsAnOrder: for three jobs, no matter which, exactly one of a<b and b<a holds, and a<b<c means a<c.
func TestCompareIsAnOrder(t *testing.T) {
	check(t, func(t *rapid.T) {
		q := draw(t)
		c := newContest(&q.s, q.rules, q.w, noon)
		c.choose()
		before := func(i, k int) bool {
			a, b := c.entry(&q.s.Jobs[i]), c.entry(&q.s.Jobs[k])
			yes, _ := c.compare(&a, &b)
			return yes
		}
		for i := range q.s.Jobs {
			if before(i, i) {
				t.Fatalf("job %d goes before itself", q.s.Jobs[i].ID)
			}
			for k := range q.s.Jobs {
				if i != k && before(i, k) == before(k, i) {
					t.Fatalf("jobs %d and %d: both or neither goes first", q.s.Jobs[i].ID, q.s.Jobs[k].ID)
				}
				for l := range q.s.Jobs {
					if before(i, k) && before(k, l) && !before(i, l) {
						t.Fatalf("jobs %d < %d < %d, but not %d < %d", q.s.Jobs[i].ID, q.s.Jobs[k].ID, q.s.Jobs[l].ID, q.s.Jobs[i].ID, q.s.Jobs[l].ID)
					}
				}
			}
		}
	})
}

func TestChooseAllocatesNothing(t *testing.T) {
	s, w := crowd(50)
	s.Jobs[7].Needs = &farm.Needs{Tags: []string{"big"}}
	s.Jobs[8].Needs = &farm.Needs{GPU: "cuda"}
	s.Jobs[9].Needs = &farm.Needs{Blender: farm.Version{Major: 9}}
	refused(&s.Jobs[10])
	rules := farm.DefaultRules()
	for _, limit := range []float64{0.75, 0.0001} {
		rules.Cap = limit
		if n := testing.AllocsPerRun(100, func() { Choose(s, rules, w, noon) }); n != 0 {
			t.Errorf("Choose allocates %g times", n)
		}
	}
}

// crowd is a farm of n jobs in the middle of their lives, all different, with ordinary needs.
func crowd(n int) (*Snapshot, *Worker) {
	s := &Snapshot{Slots: 1000}
	for i := range n {
		j := aJob(farm.JobID(i+1), holding(1+i*7%5), used(float64(i*13%97)/5000), priority(1+i%3), sent(float64(i*31%600)/60), scene(fmt.Sprint("scene", i)))
		j.Refused = map[farm.WorkerID]struct{}{"worker-9": {}}
		j.Needs = &farm.Needs{Blender: farm.Version{Major: 4, Minor: 2}, Engine: "CYCLES", Denoiser: true, MemoryMB: 8000}
		s.Jobs = append(s.Jobs, j)
	}
	w := aWorker()
	w.Facts.Blenders = []farm.Blender{
		{Version: farm.Version{Major: 3, Minor: 6}, Denoiser: true, Engines: []string{"BLENDER_EEVEE", "CYCLES"}},
		{Version: farm.Version{Major: 4, Minor: 5}, Denoiser: true, Engines: []string{"BLENDER_EEVEE_NEXT", "CYCLES"}},
	}
	w.Scene, w.Holds = "scene3", 4
	return s, w
}

func BenchmarkExplain(b *testing.B) {
	s, w := crowd(1000)
	rules := farm.DefaultRules()
	b.Run("all of 1000", func(b *testing.B) {
		for b.Loop() {
			Explain(s, rules, w, noon)
		}
	})
	b.Run("one of 1000", func(b *testing.B) {
		for b.Loop() {
			ExplainJob(s, rules, w, noon, 500)
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	for _, n := range []int{1, 20, 1000} {
		run := func(name string, change func(*Snapshot, *Worker)) {
			b.Run(fmt.Sprintf("jobs=%d/%s", n, name), func(b *testing.B) {
				s, w := crowd(n)
				change(s, w)
				rules := farm.DefaultRules()
				b.ReportAllocs()
				for b.Loop() {
					Choose(s, rules, w, noon)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/job")
			})
		}
		run("ordinary", func(*Snapshot, *Worker) {})
		run("even", func(s *Snapshot, w *Worker) { // every job about as good: the longest tie
			for i := range s.Jobs {
				s.Jobs[i].Usage, s.Jobs[i].Assigned, s.Jobs[i].Priority = 0, 0, 1
			}
		})
		run("barred", func(s *Snapshot, w *Worker) { w.Facts.MemoryMB = 1 }) // nobody may: everyone must be asked
	}
}
