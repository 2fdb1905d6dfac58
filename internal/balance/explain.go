package balance

import (
	"fmt"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Reason says what decided for one job.
type Reason struct {
	Job    farm.JobID
	Chosen bool
	Class  int     // of first priorities: -1 somebody waits at a page, 0 new, 1 long without a worker, 2 the rest
	Rating float64 // usage with this worker, divided by the priority
	Text   string  // one sentence
}

// Explain says for every job why the worker would get frames of it now, or not, in the order of s.Jobs. The one that
// is chosen is the one that Choose returns.
func Explain(s *Snapshot, rules farm.Rules, w *Worker, now time.Time) []Reason {
	c := newContest(s, rules, w, now)
	chosen := c.choose()
	reasons := make([]Reason, len(s.Jobs))
	for i := range s.Jobs {
		reasons[i] = c.reason(i, chosen)
	}
	return reasons
}

// ExplainJob is Explain for s.Jobs[index] alone, at about the cost of Choose: for asking about many workers.
func ExplainJob(s *Snapshot, rules farm.Rules, w *Worker, now time.Time, index int) Reason {
	c := newContest(s, rules, w, now)
	return c.reason(index, c.choose())
}

func (c *contest) reason(i, chosen int) Reason {
	e := c.entry(&c.s.Jobs[i])
	return Reason{Job: e.ID, Chosen: i == chosen, Class: e.class, Rating: e.rating, Text: c.explain(&e, i, chosen)}
}

func (c *contest) explain(e *entry, i, chosen int) string {
	switch {
	case i == chosen:
		return c.wins(e, i)
	case c.off(e.Job):
		return farm.WhyNoProcesses
	case e.bars(c.w) != "":
		return "this worker may not: " + e.bars(c.w)
	case e.Queued <= 0:
		return "none of the job's frames waits for a worker"
	case !c.lifted && c.full(e.Job):
		return fmt.Sprintf("the job has %d of %d workers; one more is over the cap of %.0f %% while another job wants it",
			e.Assigned, c.s.Slots, 100*c.rules.Cap)
	}
	// A candidate that was not chosen lost to the chosen one.
	winner := c.entry(&c.s.Jobs[chosen])
	_, by := c.compare(&winner, e)
	return c.because(by, &winner, e, fmt.Sprintf("job %d", winner.ID))
}

// wins says why the job goes before the next best.
func (c *contest) wins(e *entry, i int) string {
	var second *entry
	for k := range c.s.Jobs {
		if k == i || !c.candidate(&c.s.Jobs[k]) {
			continue
		}
		o := c.entry(&c.s.Jobs[k])
		if second == nil {
			second = &o
		} else if before, _ := c.compare(&o, second); before {
			second = &o
		}
	}
	if second == nil {
		return "no other job can use this worker now"
	}
	_, by := c.compare(e, second)
	text := c.because(by, e, second, "the job")
	if c.lifted {
		text += "; all that want this worker are over the cap, so that it does not count"
	}
	return text
}

// because is the sentence for what decided; who names the winner.
func (c *contest) because(by rule, winner, loser *entry, who string) string {
	switch by {
	case byClass:
		if winner.class == classAwaited {
			return who + " looks at a scene, and somebody waits for that"
		}
		if winner.class == classNew {
			return who + " is new, and new jobs get their first frames at once so that errors show early"
		}
		return fmt.Sprintf("%s had no worker for over %g minutes", who, c.rules.StaleMins)
	case byRating:
		return fmt.Sprintf("%s uses less of the farm for its priority (rating %.4f against %.4f)", who, winner.rating, loser.rating)
	case byWarmth:
		return who + " is about even, and this worker has its scene open"
	case byWait:
		return who + " is about even, and its last frame was handed out longer ago"
	}
	return who + " is about even, and older"
}

// bars says in one sentence why the worker may not render the job, or "" when it may.
func (j *Job) bars(w *Worker) string {
	switch {
	case !w.Enabled:
		return "it is disabled"
	case w.Draining:
		return "it takes no more work"
	case w.Rests != "":
		return "it rests: " + w.Rests
	case j.Scripts && !w.Facts.Scripts:
		return "the job runs scripts, and it does not allow them"
	case j.Stage == farm.StageProcess && !w.Facts.Takes(j.Stage):
		return "the job runs commands, and it does not allow them; netrender worker --allow-processes does"
	case !w.Facts.Takes(j.Stage):
		return "it is of an older version, which cannot do this"
	case j.NotClassic != "" && w.Facts.IsClassic():
		return "it speaks the original protocol, by which nobody " + j.NotClassic
	case j.refuses(w):
		return "it failed this job before, and others can render it; a retry lets it try again"
	case j.Needs == nil:
		return ""
	}
	return j.Needs.WhyNot(w.Worker)
}
