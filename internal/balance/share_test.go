package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// fair is the part of the farm that each of the priorities should have.
func fair(priorities ...int) []float64 {
	sum := 0
	for _, p := range priorities {
		sum += p
	}
	var want []float64
	for _, p := range priorities {
		want = append(want, float64(p)/float64(sum))
	}
	return want
}

// TestShares: jobs share as their priorities say: within one worker on average, within two at every instant once
// they have settled, whether sessions are warm or not.
func TestShares(t *testing.T) {
	for _, c := range []struct {
		priorities []int
		slots      int
		want       []float64 // nil: fair
	}{
		{[]int{1, 2}, 9, nil},
		{[]int{1, 2}, 30, nil},
		{[]int{1, 2}, 1000, nil},
		{[]int{1, 2, 3}, 12, nil},
		{[]int{1, 2, 3}, 30, nil},
		{[]int{1, 2, 3}, 1000, nil},
		{[]int{1, 1, 1, 1}, 10, nil},
		{[]int{5, 5}, 7, nil},
		{[]int{1, 100}, 100, []float64{.25, .75}}, // the cap
		{[]int{1, 100}, 10, []float64{.3, .7}},    // the cap, in whole workers
		{[]int{1}, 100, []float64{1}},
	} {
		if c.want == nil {
			c.want = fair(c.priorities...)
		}
		for _, cold := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v on %d, cold %v", c.priorities, c.slots, cold), func(t *testing.T) {
				m := newSim(t, c.slots)
				m.cold = cold
				for i, p := range c.priorities {
					m.add(farm.JobID(i+1), p, -1)
				}
				m.run(10 * time.Minute)
				for range 60 {
					m.run(10 * time.Second)
					m.holds(2, c.want...)
				}
				m.shared(time.Hour, 1, c.want...)
			})
		}
	}
}

// holds checks what jobs 1, 2, ... hold now.
func (m *sim) holds(within float64, want ...float64) {
	m.t.Helper()
	for i, part := range want {
		if got, n := float64(m.job(farm.JobID(i+1)).Assigned), part*float64(m.s.Slots); math.Abs(got-n) > within {
			m.t.Errorf("after %v job %d holds %g of %d slots, its share is %.2f", m.now.Sub(noon), i+1, got, m.s.Slots, n)
		}
	}
}

// shared lets d pass and checks what jobs 1, 2, ... held on average.
func (m *sim) shared(d time.Duration, within float64, want ...float64) {
	m.t.Helper()
	got := m.measured(d)
	for i, part := range want {
		if got, n := got[farm.JobID(i+1)], part*float64(m.s.Slots); math.Abs(got-n) > within {
			m.t.Errorf("after %v job %d holds %.2f of %d slots, its share is %.2f", m.now.Sub(noon), i+1, got, m.s.Slots, n)
		}
	}
}

// TestSharesAtFirst: slots that all idle and ask one after the other, as after a master's start, share at once. While
// usage is still 0 one worker weighs half its share, so that two workers more or less are about even.
func TestSharesAtFirst(t *testing.T) {
	for _, n := range []int{9, 30, 1000} {
		for _, p := range [][]int{{1, 2}, {1, 2, 3}, {3, 2, 1}} {
			m := newSim(t, n)
			idle := m.idle
			m.idle = nil
			for i := range p {
				m.add(farm.JobID(i+1), p[i], -1)
			}
			m.idle = idle
			m.wake()
			m.holds(float64(len(p)-1), fair(p...)...)
		}
	}
}

// TestPriorityAmongManyJobs: being about even must not outweigh priorities where there are many jobs. Each of the
// small ones may be a part of a worker over its share; without the bound of the greater priority the big job would
// fall to the few slots that any of them has.
func TestPriorityAmongManyJobs(t *testing.T) {
	for _, cold := range []bool{false, true} {
		m := newSim(t, 100)
		m.cold = cold
		m.add(1, 50, -1)
		for id := range farm.JobID(50) {
			m.add(id+2, 1, -1)
		}
		m.run(10 * time.Minute)
		m.shared(time.Hour, 12, 0.5)
	}
}

// TestSharesFollow: jobs come and go, priorities change, and shares follow within minutes.
func TestSharesFollow(t *testing.T) {
	m := newSim(t, 60)
	settle := func(want ...float64) {
		t.Helper()
		m.run(3 * time.Minute)
		m.shared(20*time.Minute, 1, want...)
	}
	m.add(1, 1, -1)
	settle(1)
	m.add(2, 1, -1)
	settle(fair(1, 1)...)
	m.job(2).Priority = 3 // 75 %: as much as the cap allows
	settle(fair(1, 3)...)
	m.job(2).Priority = 2
	m.add(3, 3, -1)
	settle(fair(1, 2, 3)...)
	m.add(4, 6, 200) // ends soon
	m.run(20 * time.Minute)
	if m.job(4) != nil {
		t.Error("job 4 has not ended")
	}
	settle(fair(1, 2, 3)...)
	m.remove(3)
	settle(fair(1, 2)...)
	m.remove(2)
	settle(1)
}

// TestLongFramesShareToo: shares are of the farm's time, not of the number of frames.
func TestLongFramesShareToo(t *testing.T) {
	m := newSim(t, 30)
	m.took = func(j farm.JobID, rng *rand.Rand) time.Duration {
		if j == 1 {
			return time.Second + time.Duration(rng.Int64N(int64(time.Second)))
		}
		return 5*time.Minute + time.Duration(rng.Int64N(int64(10*time.Minute)))
	}
	m.add(1, 1, -1)
	m.add(2, 1, -1)
	m.run(time.Hour)
	m.shared(4*time.Hour, 1, fair(1, 1)...)
}

// TestNewJobIsNext: on a busy farm a new job gets the very next slot, and one more not before its turn.
func TestNewJobIsNext(t *testing.T) {
	m := newSim(t, 20)
	m.add(1, 100, -1)
	m.add(2, 100, -1)
	m.run(time.Hour)
	m.add(3, 1, -1)
	var first []farm.JobID
	m.gave = func(j *Job, _ *simSlot) { first = append(first, j.ID) }
	m.run(5 * time.Minute)
	if first[0] != 3 {
		t.Errorf("the next slot went to job %d", first[0])
	}
	for i, id := range first[1:] {
		if id == 3 && m.job(3).Assigned > 1 {
			t.Errorf("slot %d went to a job that has one percent of the priority", i+1)
		}
	}
}

// TestNobodyStarves: every job with waiting frames gets one within the minutes of the rule, and the time in which all
// others that wait as long get theirs. A slot for each job would be kept warm by a few jobs otherwise.
func TestNobodyStarves(t *testing.T) {
	const longest = time.Minute
	for _, c := range []struct{ slots, jobs int }{{1, 2}, {1, 8}, {2, 9}, {5, 30}, {20, 60}, {40, 10}} {
		for _, newFrames := range []int{0, 1} {
			m := newSim(t, c.slots)
			m.rules.NewFrames = newFrames
			for id := range c.jobs {
				m.add(farm.JobID(id+1), 1+id*id%100, -1)
			}
			bound := 10*time.Minute + time.Duration(c.jobs/c.slots+2)*longest
			worst := time.Duration(0)
			see := func(j *Job) {
				last := j.LastDispatch
				if last.IsZero() {
					last = j.Created
				}
				worst = max(worst, m.now.Sub(last))
			}
			m.gave = func(j *Job, _ *simSlot) { see(j) }
			m.run(6 * time.Hour)
			for i := range m.s.Jobs {
				see(&m.s.Jobs[i])
			}
			if worst > bound {
				t.Errorf("%d jobs on %d slots, %d new: one waited %v, %v is the bound", c.jobs, c.slots, newFrames, worst, bound)
			}
		}
	}
}

// TestDay: hundreds of jobs of all kinds come and end during a day. No slot idles while it could work (the
// simulation looks at every question), no job gets a slot it may not have, each ends, and big ones do not hold up
// small ones.
func TestDay(t *testing.T) {
	m := newSim(t, 25)
	for i, w := range m.slots {
		if i%5 == 0 {
			w.Tags = append(w.Tags, "big")
		}
		w.Facts.Scripts = i%2 == 0
	}
	m.gave = func(j *Job, w *simSlot) {
		if j.Scripts && !w.Facts.Scripts || len(j.Needs.Tags) > 0 && len(w.Tags) < 2 || j.Queued == 0 {
			t.Errorf("slot %s got job %d", w.Name, j.ID)
		}
	}
	id := farm.JobID(0)
	born := map[farm.JobID]time.Time{}
	for m.now.Before(noon.Add(24 * time.Hour)) {
		id++
		frames := 1 + int(math.Exp(m.rng.Float64()*6)) // 2 to 400
		born[id] = m.now
		m.add(id, 1+m.rng.IntN(4), frames, func(j *Job) {
			j.Scripts = id%3 == 0
			if id%7 == 0 {
				j.Needs = &farm.Needs{Tags: []string{"big"}}
			}
		})
		m.run(time.Duration(m.rng.ExpFloat64() * float64(3*time.Minute)))
		if k := m.rng.IntN(len(m.s.Jobs) + 1); k < len(m.s.Jobs) {
			m.s.Jobs[k].Priority = 1 + m.rng.IntN(4)
		}
	}
	m.run(3 * time.Hour)
	if len(m.s.Jobs) > 0 || len(m.idle) != 25 {
		t.Errorf("%d of %d jobs have not ended, %d slots idle", len(m.s.Jobs), id, len(m.idle))
	}
}
