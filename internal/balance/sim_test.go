package balance

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// sim is a farm in virtual time: slots take frames, render them for random times and ask again with the session open
// that they rendered in; usage ticks every 10 seconds.
type sim struct {
	t     testing.TB
	rng   *rand.Rand
	now   time.Time
	tick  time.Time
	rules farm.Rules
	s     Snapshot
	slots []*simSlot
	idle  []*simSlot
	busy  events
	took  func(j farm.JobID, rng *rand.Rand) time.Duration // of one frame
	cold  bool                                             // sessions are never warm

	share map[farm.JobID]float64   // slot-seconds held since the last clear
	gave  func(j *Job, w *simSlot) // sees every frame handed out, before it is counted
}

type simSlot struct {
	Worker
	until time.Time
}

type events []*simSlot

func (e events) Len() int           { return len(e) }
func (e events) Less(i, k int) bool { return e[i].until.Before(e[k].until) }
func (e events) Swap(i, k int)      { e[i], e[k] = e[k], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(*simSlot)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// newSim is a farm of n slots whose frames take 5 to 60 seconds.
func newSim(t testing.TB, n int) *sim {
	m := &sim{t: t, rng: rand.New(rand.NewPCG(1, uint64(n))), now: noon, tick: noon, rules: farm.DefaultRules(), share: map[farm.JobID]float64{}}
	m.took = func(_ farm.JobID, rng *rand.Rand) time.Duration {
		return 5*time.Second + time.Duration(rng.Int64N(int64(55*time.Second)))
	}
	m.s.Slots = n
	for i := range n {
		fw := aWorker().Worker
		fw.ID, fw.Name = farm.WorkerID(fmt.Sprint("worker-", i)), fmt.Sprint(i)
		m.slots = append(m.slots, &simSlot{Worker: Worker{Worker: fw}})
	}
	m.idle = append(m.idle, m.slots...)
	return m
}

// add submits a job of so many frames; frames < 0: without end.
func (m *sim) add(id farm.JobID, priority, frames int, change ...func(*Job)) {
	if frames < 0 {
		frames = math.MaxInt32
	}
	j := Job{ID: id, Priority: priority, Queued: frames, Created: m.now, Scene: fmt.Sprint("scene of ", id), Needs: &farm.Needs{}}
	for _, f := range change {
		f(&j)
	}
	m.s.Jobs = append(m.s.Jobs, j)
	m.wake()
}

// wake lets the idle slots ask, in their order.
func (m *sim) wake() {
	idle := m.idle
	m.idle = nil
	for _, w := range idle {
		m.ask(w)
	}
}

func (m *sim) job(id farm.JobID) *Job {
	for i := range m.s.Jobs {
		if m.s.Jobs[i].ID == id {
			return &m.s.Jobs[i]
		}
	}
	return nil
}

// remove takes a job out, as cancel does; its frames in flight are nobody's then.
func (m *sim) remove(id farm.JobID) {
	for i := range m.s.Jobs {
		if m.s.Jobs[i].ID == id {
			last := len(m.s.Jobs) - 1
			m.s.Jobs[i] = m.s.Jobs[last]
			m.s.Jobs = m.s.Jobs[:last]
			return
		}
	}
}

func (m *sim) ask(w *simSlot) {
	i, ok := Choose(&m.s, m.rules, &w.Worker, m.now)
	if old := m.job(w.Holds); old != nil {
		old.Assigned--
	}
	w.Holds = 0
	if !ok {
		for k := range m.s.Jobs {
			if j := &m.s.Jobs[k]; j.Queued > 0 && j.Suits(&w.Worker) {
				m.t.Fatalf("slot %s idles while job %d waits", w.Name, j.ID)
			}
		}
		m.idle = append(m.idle, w)
		return
	}
	j := &m.s.Jobs[i]
	if m.gave != nil {
		m.gave(j, w)
	}
	j.Assigned++
	j.Running++
	j.Queued--
	j.Dispatched++
	j.LastDispatch = m.now
	w.Holds = j.ID
	if !m.cold {
		w.Scene = j.Scene
	}
	w.until = m.now.Add(m.took(j.ID, m.rng))
	heap.Push(&m.busy, w)
}

// run lets d pass.
func (m *sim) run(d time.Duration) {
	end := m.now.Add(d)
	for {
		next := m.tick.Add(10 * time.Second)
		if len(m.busy) > 0 && !m.busy[0].until.After(next) {
			next = m.busy[0].until
		}
		if next.After(end) {
			m.pass(end)
			return
		}
		m.pass(next)
		if len(m.busy) == 0 || m.busy[0].until.After(next) {
			m.tick = next
			for i := range m.s.Jobs {
				j := &m.s.Jobs[i]
				j.Usage = Tick(j.Usage, j.Assigned, m.s.Slots)
			}
			continue
		}
		w := heap.Pop(&m.busy).(*simSlot)
		if j := m.job(w.Holds); j != nil {
			if j.Running--; j.Running == 0 && j.Queued == 0 {
				m.remove(j.ID)
			}
		}
		m.ask(w)
	}
}

func (m *sim) pass(to time.Time) {
	for i := range m.s.Jobs {
		m.share[m.s.Jobs[i].ID] += float64(m.s.Jobs[i].Assigned) * to.Sub(m.now).Seconds()
	}
	m.now = to
}

// measured runs for d and returns how many slots each job held on average.
func (m *sim) measured(d time.Duration) map[farm.JobID]float64 {
	clear(m.share)
	m.run(d)
	for id := range m.share {
		m.share[id] /= d.Seconds()
	}
	return m.share
}
