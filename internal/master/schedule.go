package master

import (
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// A worker may have hours, and may be meant to work only while nobody uses its machine. The master decides, from what the
// worker tells: outside of its hours, and while somebody uses it, it rests. What it renders when its hours end is
// finished, what it has not begun is given to others; when its user comes back all of it is given back at once, and the
// user has the machine. Neither counts as a failure.

// notSaid is why a worker rests that is to leave its user alone and was not heard of since it started.
const notSaid = "it has not said yet whether somebody uses the machine"

// reschedule works out whether the worker is given work now.
func (e *engine) reschedule(w *worker, now time.Time) {
	s := farm.Schedule{Open: true}
	if w.scheduled() {
		_, here := now.Zone()
		s = farm.ScheduleOf(&w.Worker, w.hours, &w.load, now, time.Duration(here)*time.Second)
		if s.Open && w.WhenIdle > 0 && !w.spoke {
			s.Open, s.Text = false, notSaid
		}
	}
	before := w.schedule
	w.schedule = s
	if w.rests == s.Open {
		w.rests = !s.Open
		state := "ready"
		if w.rests {
			state = "resting"
		}
		e.changed(w)
		w.order()
		e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: state, Text: w.Name})
	}
	if !w.rests && !s.InUse {
		return
	}
	back := s.InUse && !before.InUse
	for _, l := range w.leases {
		if back || l.early && !l.started {
			l.rested = true
			e.revoke(l)
		}
	}
}

// scheduled tells whether it matters what time it is, or who is at the machine.
func (w *worker) scheduled() bool { return w.WhenIdle > 0 || !w.hours.Always() }

// rest is why the worker is given nothing now; empty: it is.
func (w *worker) rest() string {
	if !w.rests {
		return ""
	}
	return w.schedule.Text
}

// setHours reads the worker's hours. Ones that cannot be read, as of a damaged record, are none.
func (w *worker) setHours() {
	w.hours, _ = farm.ParseHours(w.Hours)
}
