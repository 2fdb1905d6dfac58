package master

import (
	"fmt"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	tellAgain    = time.Hour        // the same thing that needs a person is told again after so long at the earliest
	pairingsTold = 10               // in pairingsIn: whoever asks has shown no token
	pairingsIn   = 10 * time.Minute // so that strangers cannot flood anybody
)

// told is what of the attention was told to targets. It belongs to the engine.
type told struct {
	looked   bool                 // what stands at the first look after a start was told before it
	lately   map[string]time.Time // by id of the attention
	pairings []time.Time
}

// tell has the message delivered to the targets that want it, once the changes made so far are durable.
func (e *engine) tell(m farm.Message) {
	t := &e.m.teller
	if !t.some.Load() {
		return
	}
	m.Time = e.m.opt.Now().UTC()
	e.seq++
	for _, id := range t.reserve(&m) {
		to := m
		to.ID = fmt.Sprintf("msg_%x_%s", e.seq, id)
		e.change(farm.PendingAdd{Pending: farm.Pending{Target: id, Message: to}})
		e.after(func(err error) { t.push(id, to, err == nil) })
	}
}

// tellEnd tells that a job is done or failed.
func (e *engine) tellEnd(j *job) {
	if j.State != farm.Done && j.State != farm.Failed || j.Inspect || !e.m.teller.some.Load() {
		return
	}
	m := farm.Message{Kind: farm.TellDone, Path: fmt.Sprintf("/jobs/%d", j.ID), Job: messageJob(j)}
	took := ""
	if m.Job.TookS > 0 {
		took = " in " + lapse(m.Job.TookS)
	}
	name := clip(j.Name, 100)
	if j.State == farm.Done {
		m.Text = fmt.Sprintf("%s is done: %s%s", name, plural(j.Done, "frame"), took)
		if j.Machine >= 1 {
			m.Text += "; " + machineTime(j.Machine)
		}
	} else {
		m.Kind = farm.TellFailed
		m.Text = fmt.Sprintf("%s failed%s: %d of %s could not be rendered", name, took, j.Failed, plural(j.Total, "frame"))
		if j.Reason != "" {
			m.Text = fmt.Sprintf("%s failed%s: %s", name, took, clip(j.Reason, 300))
		}
		m.Hint = fmt.Sprintf("netrender job %d says what went wrong; netrender retry %d --failed tries again", j.ID, j.ID)
	}
	e.tell(m)
}

func messageJob(j *job) *farm.MessageJob {
	out := &farm.MessageJob{
		ID: j.ID, Name: j.Name, Owner: j.Owner, State: j.State, Total: j.Total, Done: j.Done, Failed: j.Failed, Machine: j.Machine,
	}
	if !j.Started.IsZero() && j.Job.Ended.After(j.Started) {
		out.TookS = j.Job.Ended.Sub(j.Started).Seconds()
	}
	return out
}

// tellAlarm tells of something that needs a person.
func (e *engine) tellAlarm(a *farm.Attention) {
	if !e.m.teller.some.Load() {
		return
	}
	now := e.m.opt.Now()
	if last, ok := e.told.lately[a.ID]; ok && now.Sub(last) < tellAgain {
		return
	}
	m := farm.Message{Text: a.Text, Hint: a.Hint, Path: "/"}
	switch a.Kind {
	case farm.NeedsWorkers, farm.NeedsCare, farm.NeedsFit, farm.NeedsFiles:
		m.Kind = farm.TellHelp
	case farm.NeedsWorker:
		m.Kind = farm.TellWorker
	case farm.NeedsDisk, farm.NeedsRoom:
		m.Kind = farm.TellDisk
	case farm.NeedsDatabase, farm.NeedsDamage:
		m.Kind = farm.TellDamage
	case farm.NeedsLook, farm.NeedsAnswer, farm.NeedsTarget: // told where they happen, or not
		return
	}
	switch {
	case a.Worker != "":
		m.Path = "/workers/" + string(a.Worker)
	case a.Job != 0:
		m.Path = fmt.Sprintf("/jobs/%d", a.Job)
		if j := e.jobs[a.Job]; j != nil {
			m.Job = messageJob(j)
		}
	}
	if e.told.lately == nil {
		e.told.lately = make(map[string]time.Time)
	}
	for id, at := range e.told.lately {
		if now.Sub(at) >= tellAgain {
			delete(e.told.lately, id)
		}
	}
	e.told.lately[a.ID] = now
	e.tell(m)
}

// tellPairing tells that a newcomer asks to be let in. The code is not told: it is compared with the newcomer's own.
func (e *engine) tellPairing(p *farm.Pairing) {
	now := e.m.opt.Now()
	for len(e.told.pairings) > 0 && now.Sub(e.told.pairings[0]) >= pairingsIn {
		e.told.pairings = e.told.pairings[1:]
	}
	if len(e.told.pairings) >= pairingsTold {
		return
	}
	e.told.pairings = append(e.told.pairings, now)
	e.tell(farm.Message{
		Kind: farm.TellPairing, Path: "/add-worker", Text: fmt.Sprintf("%s (%s) asks to be let in as %s", clip(p.Name, 100), p.Address, p.Role),
		Hint: "compare the code that it shows with the one that the farm shows, then accept or refuse it",
	})
}

// lapse writes seconds for people, in the two largest units.
func lapse(seconds float64) string {
	s := int(seconds + 0.5)
	units := []struct {
		name string
		n    int
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, u := range units {
		if s < u.n && u.n > 1 {
			continue
		}
		parts := []string{fmt.Sprintf("%d %s", s/u.n, u.name)}
		if i+1 < len(units) && u.n > 60 && s%u.n/units[i+1].n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", s%u.n/units[i+1].n, units[i+1].name))
		}
		return strings.Join(parts, " ")
	}
	return "0 s"
}

// machineTime writes what machines spent.
func machineTime(seconds float64) string {
	if seconds < 360 {
		return lapse(seconds) + " of machines"
	}
	return fmt.Sprintf("%.1f machine hours", seconds/3600)
}
