package balance

import (
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// settleRounds is how often Fill shares the farm out before usages are near enough to what they lead to.
const settleRounds = 4

// Fill says how many of the slots each job holds, in the order of s.Jobs, when all slots ask anew, again and again, as
// on a farm where frames end and the jobs go on as they are: what the rules lead to. Queued counts what one slot takes
// at a time, and what is assigned or running now does not count. The snapshot is used up.
func Fill(s *Snapshot, rules farm.Rules, slots []Worker, now time.Time) []int {
	queued := make([]int, len(s.Jobs))
	for i := range s.Jobs {
		queued[i] = s.Jobs[i].Queued
	}
	for round := range settleRounds {
		for i := range s.Jobs {
			j := &s.Jobs[i]
			if round > 0 {
				j.Usage = Tick(j.Usage, j.Assigned, s.Slots)
			}
			j.Queued, j.Assigned, j.Running = queued[i], 0, 0
		}
		for n := range slots {
			i, ok := Choose(s, rules, &slots[n], now)
			if !ok {
				continue
			}
			now = now.Add(time.Microsecond) // who was given something last is seen
			j := &s.Jobs[i]
			j.Queued--
			j.Assigned++
			j.Running++
			j.Dispatched++
			j.LastDispatch = now
		}
	}
	held := make([]int, len(s.Jobs))
	for i := range s.Jobs {
		held[i] = s.Jobs[i].Assigned
	}
	return held
}

// Standing is where a job stands before a slot that any job may have.
type Standing struct {
	Index  int // in Snapshot.Jobs
	Class  int // of first priorities: -1 somebody waits at a page, 0 new, 1 long without a worker, 2 the rest
	Rating float64
	Full   bool // one slot more is over the cap
}

// ClassName says what a class of first priorities is.
func ClassName(class int) string {
	return [...]string{"awaited", "new", "stale", "rest"}[class-classAwaited]
}

// Standings lists the jobs in the order they would get that slot; those that have nothing for it come last.
func Standings(s *Snapshot, rules farm.Rules, now time.Time) []Standing {
	anyone := Worker{Worker: &farm.Worker{}}
	c := newContest(s, rules, &anyone, now)
	list := make([]Standing, len(s.Jobs))
	c.best = standing{class: classes}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		st := c.standing(j)
		list[i] = Standing{Index: i, Class: st.class, Rating: st.rating, Full: c.full(j)}
		if j.Queued > 0 && !list[i].Full && st.leads(c.best) {
			c.best = st
		}
	}
	slices.SortFunc(list, func(a, b Standing) int {
		ja, jb := &s.Jobs[a.Index], &s.Jobs[b.Index]
		if waits := ja.Queued > 0; waits != (jb.Queued > 0) {
			return first(waits)
		}
		if a.Full != b.Full {
			return first(b.Full)
		}
		ea, eb := c.entry(ja), c.entry(jb)
		before, _ := c.compare(&ea, &eb)
		return first(before)
	})
	return list
}

func first(yes bool) int {
	if yes {
		return -1
	}
	return 1
}

// MostOf is how many slots a job may hold while another job could use them.
func MostOf(rules farm.Rules, slots int) int {
	return max(1, int(rules.Cap*float64(max(slots, 1))+slack))
}
