package balance

import (
	"slices"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func slotsOf(n int, edit ...func(*farm.Worker)) []Worker {
	list := make([]Worker, n)
	for i := range list {
		w := &farm.Worker{ID: farm.WorkerID(string(rune('a' + i))), Enabled: true}
		for _, e := range edit {
			e(w)
		}
		list[i] = Worker{Worker: w}
	}
	return list
}

func TestFill(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	old := now.Add(-time.Minute)
	job := func(id, priority, queued int, edit ...func(*Job)) Job {
		j := Job{ID: farm.JobID(id), Priority: priority, Queued: queued, Dispatched: 100, LastDispatch: old, Created: old}
		for _, e := range edit {
			e(&j)
		}
		return j
	}
	rules := farm.DefaultRules()
	capped := rules
	capped.Cap = 0.5
	gpu := &farm.Needs{Tags: []string{"gpu"}}
	for _, c := range []struct {
		name  string
		jobs  []Job
		rules farm.Rules
		slots []Worker
		want  []int

		within int // DESIGN.md section 5 promises shares within one worker
	}{
		{"by priority", []Job{job(1, 1, 1000), job(2, 2, 1000)}, rules, slotsOf(9), []int{3, 6}, 0},
		{"three", []Job{job(1, 1, 1000), job(2, 2, 1000), job(3, 3, 1000)}, rules, slotsOf(60), []int{10, 20, 30}, 1},
		// What one had more than its share of yesterday is not what the rules lead to.
		{"usage settles", []Job{job(1, 1, 1000, func(j *Job) { j.Usage = 1 }), job(2, 2, 1000)}, rules, slotsOf(9), []int{3, 6}, 0},
		{"what it holds now does not count", []Job{job(1, 1, 1000, func(j *Job) { j.Assigned, j.Running = 9, 9 }), job(2, 2, 1000)}, rules, slotsOf(9), []int{3, 6}, 0},
		{"cap", []Job{job(1, 1, 1000), job(2, 9, 1000)}, rules, slotsOf(8), []int{2, 6}, 0},
		{"smaller cap", []Job{job(1, 1, 1000), job(2, 9, 1000)}, capped, slotsOf(8), []int{4, 4}, 0},
		{"no worker idles for the cap", []Job{job(1, 1, 1000)}, capped, slotsOf(8), []int{8}, 0},
		{"few frames", []Job{job(1, 1, 1000), job(2, 9, 2)}, rules, slotsOf(8), []int{6, 2}, 0},
		{"nobody may", []Job{job(1, 1, 1000, func(j *Job) { j.Needs = gpu })}, rules, slotsOf(8), []int{0}, 0},
		{"nothing", nil, rules, slotsOf(8), []int{}, 0},
		{"no slots", []Job{job(1, 1, 1)}, rules, nil, []int{0}, 0},
	} {
		s := Snapshot{Jobs: slices.Clone(c.jobs), Slots: len(c.slots)}
		got := Fill(&s, c.rules, c.slots, now)
		near := len(got) == len(c.want) && c.within > 0
		for i := range got {
			near = near && max(got[i]-c.want[i], c.want[i]-got[i]) <= c.within
		}
		if !near && !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

func TestStandings(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	long := now.Add(-time.Hour)
	s := Snapshot{Slots: 10, Jobs: []Job{
		{ID: 1, Priority: 1, Queued: 5, Dispatched: 9, Running: 2, Assigned: 2, Usage: 0.2, LastDispatch: now, Created: long},
		{ID: 2, Priority: 1, Queued: 5, Dispatched: 9, Running: 7, Assigned: 7, Usage: 0.7, LastDispatch: now, Created: long},
		{ID: 3, Priority: 1, Queued: 5, Created: now},
		{ID: 4, Priority: 1, Queued: 5, Dispatched: 9, LastDispatch: long, Created: long},
		{ID: 5, Priority: 9, Queued: 0, Dispatched: 9, Running: 1, Assigned: 1, LastDispatch: now, Created: long},
	}}
	var order []farm.JobID
	var classes []int
	for _, st := range Standings(&s, farm.DefaultRules(), now) {
		order, classes = append(order, s.Jobs[st.Index].ID), append(classes, st.Class)
		if full := s.Jobs[st.Index].ID == 2; st.Full != full {
			t.Errorf("job %d: full %v", s.Jobs[st.Index].ID, st.Full)
		}
	}
	if !slices.Equal(order, []farm.JobID{3, 4, 1, 2, 5}) || !slices.Equal(classes, []int{0, 1, 2, 2, 2}) {
		t.Errorf("order %v, classes %v", order, classes)
	}
	// The first is the one that Choose returns.
	w := slotsOf(1)[0]
	if i, ok := Choose(&s, farm.DefaultRules(), &w, now); !ok || s.Jobs[i].ID != 3 {
		t.Errorf("Choose: %d %v", i, ok)
	}
	for slots, most := range map[int]int{0: 1, 1: 1, 4: 3, 10: 7, 100: 75} {
		if got := MostOf(farm.DefaultRules(), slots); got != most {
			t.Errorf("at most %d of %d, not %d", got, slots, most)
		}
	}
}
