package master

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	maxTags         = 100
	maxRegistration = 64 << 10 // bytes, as JSON

	comeBack = 20 * time.Second // within that workers are back after a restart of the master
)

// places are how many workers may be known.
type places struct{ all, ofToken int }

var usualPlaces = places{all: 20_000, ofToken: 10_000}

// WorkerView is a worker as watchers see it.
type WorkerView struct {
	Worker  farm.Worker
	Online  bool
	Load    farm.Load
	Running []farm.Running

	Schedule *farm.Schedule // nil: it is given work at all times
}

// Register makes a worker known, or renews what is known of it. A second worker of the same name gets a number. From
// then on only the token that registered the worker speaks for it.
func (m *Master) Register(ctx context.Context, who Identity, r farm.Registration) (farm.Registered, error) {
	if err := farm.Fits(farm.Speaker{Program: r.Facts.Program, Protocol: r.Protocol}, m.speaker()); err != nil {
		return farm.Registered{}, err
	}
	if err := checkRegistration(&r); err != nil {
		return farm.Registered{}, err
	}
	return keep(ctx, m, func(e *engine) (farm.Registered, error) {
		w := e.workers[r.ID]
		if w == nil {
			if !e.makeRoom(who) {
				return farm.Registered{}, farm.Errorf(farm.TooLarge, "the farm knows as many workers as it can").
					WithHint("netrender worker-set NAME delete forgets one")
			}
			w = e.addWorker(farm.Worker{ID: r.ID, Enabled: true, Registered: m.opt.Now(), Token: who.Token})
			w.Tags = r.Tags
		}
		if err := e.takeOver(w, who); err != nil {
			return farm.Registered{}, err
		}
		if w.Wished != r.Name { // new, or started with another name; else the name it was given stays
			delete(e.names, w.Name)
			w.Name, w.Wished = e.freeName(r.Name, r.ID), r.Name
			e.names[w.Name] = w.ID
		}
		if len(r.Tags) > 0 {
			w.Tags = r.Tags
		}
		w.Facts, w.Address = r.Facts, who.Address
		w.Slots = w.SlotsOf(r.Slots)
		e.letGo(w, r.Fresh)
		w.Draining = w.Draining && !r.Fresh // only who starts it anew undoes what an admin asked for
		w.pace = e.rules.Heartbeat()
		w.spoke = w.spoke && !r.Fresh
		e.heard(w)
		e.reschedule(w, m.opt.Now())
		e.keepWorker(w)
		e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: "registered", Text: w.Name})
		out := farm.Registered{Worker: w.view(), HeartbeatMS: e.rules.HeartbeatMS, Program: m.opt.Program, Protocol: farm.Protocol}
		if !m.opt.NoPeers {
			out.Peer = m.peers.enter(m, &out.Worker, &r)
		}
		return out, nil
	})
}

// letGo answers held claims of a worker that registers which nobody waits for any more: those of slots that it does not
// have now, and all of an earlier process. What they were granted would lie with nobody until it expires.
func (e *engine) letGo(w *worker, fresh bool) {
	if w.held == 0 {
		return
	}
	for _, old := range slices.Clone(e.waiting) {
		if old.wish.Worker == w.ID && (fresh || old.wish.Slot >= w.Slots) {
			e.leave(old)
		}
	}
}

func (m *Master) speaker() farm.Speaker {
	return farm.Speaker{Program: m.opt.Program, Protocol: farm.Protocol}
}

func checkRegistration(r *farm.Registration) error {
	if !plainID(r.ID) {
		return errNoWorkerID
	}
	if r.Name == "" || len(r.Name) > farm.MaxName {
		return farm.Errorf(farm.Invalid, "a worker's name is 1 to %d bytes long", farm.MaxName)
	}
	if r.Slots < 1 || r.Slots > farm.MaxSlots {
		return farm.Errorf(farm.Invalid, "a worker has 1 to %d slots, not %d", farm.MaxSlots, r.Slots)
	}
	if r.Facts.Slots < 0 || r.Facts.Slots > farm.MaxSlots {
		return farm.Errorf(farm.Invalid, "a worker is started with 1 to %d slots, not %d", farm.MaxSlots, r.Facts.Slots)
	}
	if len(r.Tags) > maxTags || len(r.Facts.Blenders) > 100 || len(r.Facts.GPUs) > 100 {
		return farm.Errorf(farm.TooLarge, "a worker has at most %d tags, Blenders and GPUs", maxTags)
	}
	if text, err := json.Marshal(r); err != nil || len(text) > maxRegistration {
		return farm.Errorf(farm.TooLarge, "what a worker says of itself is over %d bytes", maxRegistration)
	}
	return nil
}

var errNoWorkerID = farm.Errorf(farm.Invalid, "a worker's id is 8 to 64 letters, digits, - or _")

func plainID(id farm.WorkerID) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

func (e *engine) addWorker(fw farm.Worker) *worker {
	w := &worker{
		Worker: fw, slots: make(map[int]*slot), leases: make(map[farm.LeaseID]*lease), failures: make(map[farm.JobID]struct{}),
	}
	w.setHours()
	e.workers[fw.ID] = w
	if fw.Name != "" {
		e.names[fw.Name] = fw.ID
	}
	return w
}

// freeName returns the wished name, with a number when another worker has it.
func (e *engine) freeName(wish string, id farm.WorkerID) string {
	for n := 1; ; n++ {
		name := wish
		if n > 1 {
			name = fmt.Sprintf("%s-%d", wish, n)
		}
		if owner, taken := e.names[name]; !taken || owner == id {
			return name
		}
	}
}

func (w *worker) view() farm.Worker {
	v := w.Worker
	v.Tags = slices.Clone(v.Tags)
	v.Seen = w.seen
	return v
}

// keepWorker has the worker written with the next batch.
func (e *engine) keepWorker(w *worker) {
	e.change(farm.WorkerSet{Worker: w.view()})
	e.changed(w)
}

// heard notes that the worker spoke.
func (e *engine) heard(w *worker) {
	w.seen = e.m.opt.Now()
	if w.online {
		return
	}
	w.online, w.awaited = true, false
	e.changed(w)
	e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: "online", Text: w.Name})
}

// watchWorkers notices workers that fell silent. One that holds a claim open is not silent.
func (e *engine) watchWorkers(now time.Time) {
	for _, w := range e.workers {
		if w.awaited && now.Sub(e.began) >= max(e.rules.LeaseTime(), comeBack) {
			w.awaited = false
			e.changed(w)
		}
		if w.rests || w.scheduled() {
			e.reschedule(w, now)
		}
		if !w.online || w.held > 0 || now.Sub(w.seen) < e.patience(w) {
			continue
		}
		e.gone(w)
	}
}

// gone notes that the worker is not there any more.
func (e *engine) gone(w *worker) {
	w.online = false
	e.m.peers.leave(w.ID)
	e.changed(w)
	e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: "offline", Text: w.Name})
}

// nameOf is the name of the worker, "" when there is none of that id.
func (m *Master) nameOf(ctx context.Context, id farm.WorkerID) (string, error) {
	if id == "" {
		return "", nil
	}
	return ask(ctx, m, func(e *engine) (string, error) {
		if w := e.workers[id]; w != nil {
			return w.Name, nil
		}
		return "", nil
	})
}

// Workers lists all workers by name.
func (m *Master) Workers(ctx context.Context) ([]WorkerView, error) {
	return m.WorkersAfter(ctx, "", 0)
}

// WorkersAfter lists workers by name, those after a name; at most limit, or all with 0.
func (m *Master) WorkersAfter(ctx context.Context, after string, limit int) ([]WorkerView, error) {
	return ask(ctx, m, func(e *engine) ([]WorkerView, error) {
		list := e.workersAfter(after, limit)
		views := make([]WorkerView, len(list))
		for i, w := range list {
			views[i] = e.viewWorker(w)
		}
		return views, nil
	})
}

func (e *engine) workersAfter(after string, limit int) []*worker {
	list := make([]*worker, 0, len(e.workers))
	for _, w := range e.workers {
		if w.Name > after {
			list = append(list, w)
		}
	}
	return firsts(list, limit, func(a, b *worker) int { return cmp.Compare(a.Name, b.Name) })
}

// firsts sorts the list and leaves its first entries; all with limit 0.
func firsts[T any](list []T, limit int, by func(a, b T) int) []T {
	slices.SortFunc(list, by)
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list
}

// FitFor tells how many of the workers that are there may render a job with these needs, and what the others lack.
func (m *Master) FitFor(ctx context.Context, needs farm.Needs, scripts bool) (farm.Fit, error) {
	return ask(ctx, m, func(e *engine) (farm.Fit, error) {
		var fit farm.Fit
		lacks := map[string]int{}
		for _, w := range e.workers {
			if !w.online {
				continue
			}
			fit.Online++
			why := ""
			switch {
			case !w.Enabled:
				why = "it is disabled"
			case w.Draining:
				why = "it takes no more frames"
			case w.Facts.IsClassic():
				why = "it speaks the original protocol, which few jobs can be rendered by"
			case !needs.Suits(&w.Worker):
				why = needs.WhyNot(&w.Worker)
			case scripts && !w.Facts.Scripts:
				why = "it does not allow scripts"
			}
			if why == "" {
				fit.Fit++
				if w.Facts.Takes(farm.StageParts) {
					fit.Slots += w.Slots
				}
				continue
			}
			at, known := lacks[why]
			if !known {
				at = len(fit.Lacks)
				lacks[why] = at
				fit.Lacks = append(fit.Lacks, farm.Lack{Text: why})
			}
			l := &fit.Lacks[at]
			if l.Workers++; l.Worker == "" || w.Name < l.Worker {
				l.Worker = w.Name
			}
		}
		slices.SortFunc(fit.Lacks, func(a, b farm.Lack) int {
			return cmp.Or(cmp.Compare(b.Workers, a.Workers), cmp.Compare(a.Text, b.Text))
		})
		return fit, nil
	})
}

// Worker returns a worker as it is now.
func (m *Master) Worker(ctx context.Context, id farm.WorkerID) (WorkerView, error) {
	return ask(ctx, m, func(e *engine) (WorkerView, error) {
		if w := e.worker(id); w != nil {
			return e.viewWorker(w), nil
		}
		return WorkerView{}, noWorker(id)
	})
}

func (e *engine) viewWorker(w *worker) WorkerView {
	v := WorkerView{Worker: w.view(), Online: w.online, Load: w.load, Running: []farm.Running{}}
	if w.scheduled() {
		s := w.schedule
		v.Schedule = &s
	}
	for _, l := range w.leases {
		v.Running = append(v.Running, e.running(l))
	}
	slices.SortFunc(v.Running, func(a, b farm.Running) int { return cmp.Compare(a.ID, b.ID) })
	return v
}

func (e *engine) running(l *lease) farm.Running {
	r := farm.Running{Lease: l.Lease, Beat: l.beat, Seen: l.seen, Ahead: l.ahead > 0}
	r.Frames = make([]int, 0, len(l.left))
	for no := range l.left {
		if f, ok := farm.PictureOfTask(no); ok {
			r.Frames = append(r.Frames, f)
		}
	}
	slices.Sort(r.Frames)
	r.Frames = slices.Compact(r.Frames)
	for _, no := range l.Frames {
		if t, ok := farm.TaskOf(no); ok && !t.IsFrame() { // it is alone
			r.Task, r.No = l.job.TaskName(no), no
		}
	}
	r.Beat.Frame = farm.PictureOf(l.beat.Frame)
	if w := e.workers[l.Worker]; w != nil {
		r.WorkerName = w.Name
	}
	return r
}

// ChangeWorker lets edit change name, tags, SetSlots, hours, Enabled and Draining of a worker, named by its id or its name.
// Enabling a worker forgets what it failed. Slots that it has no more finish their frames.
func (m *Master) ChangeWorker(ctx context.Context, who Identity, id farm.WorkerID, edit func(*farm.Worker)) (WorkerView, error) {
	return keep(ctx, m, func(e *engine) (WorkerView, error) {
		w := e.workers[id]
		if w == nil {
			if owner, ok := e.names[string(id)]; ok {
				w = e.workers[owner]
			}
		}
		if w == nil {
			return WorkerView{}, noWorker(id)
		}
		next := w.view()
		edit(&next)
		if next.Name != w.Name {
			if _, taken := e.names[next.Name]; taken {
				return WorkerView{}, farm.Errorf(farm.Conflict, "another worker is named %s", next.Name)
			}
			if next.Name == "" || len(next.Name) > farm.MaxName {
				return WorkerView{}, farm.Errorf(farm.Invalid, "a worker's name is 1 to %d bytes long", farm.MaxName)
			}
		}
		if len(next.Tags) > maxTags {
			return WorkerView{}, farm.Errorf(farm.TooLarge, "a worker has at most %d tags", maxTags)
		}
		if err := next.CheckSchedule(); err != nil {
			return WorkerView{}, err
		}
		if next.SetSlots != w.SetSlots { // what it was set to stays when its machine has changed
			if err := next.CheckSlots(); err != nil {
				return WorkerView{}, err
			}
			next.Slots = next.SlotsOf(cmp.Or(w.Facts.Slots, w.Slots))
		}
		if next.Name != w.Name { // nothing refuses the change from here on
			delete(e.names, w.Name)
			e.names[next.Name] = w.ID
		}
		state := "changed"
		if next.Enabled != w.Enabled {
			w.Reason, w.out, state = "", false, "disabled"
			if next.Enabled {
				clear(w.failures)
				w.faults, state = 0, "enabled"
				for _, j := range e.jobs {
					e.pardon(j, w.ID)
				}
			} else {
				w.Reason = next.Reason
			}
		}
		before := w.view()
		e.audit(who, farm.DidChangeWorker, before.Name, "%s", differ(&before, &next))
		w.Name, w.Tags, w.Enabled, w.Draining = next.Name, next.Tags, next.Enabled, next.Draining
		w.Hours, w.WhenIdle, w.SetSlots, w.Slots = next.Hours, next.WhenIdle, next.SetSlots, next.Slots
		e.letGo(w, false)
		w.setHours()
		e.reschedule(w, m.opt.Now())
		m.peers.shut(w.ID, w.Draining || !w.Enabled)
		e.keepWorker(w)
		w.order()
		e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: state, Text: w.Name})
		return e.viewWorker(w), nil
	})
}

// DeleteWorker forgets a worker, named by its id or its name; what it holds is given back. It may register again.
func (m *Master) DeleteWorker(ctx context.Context, who Identity, id farm.WorkerID) error {
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		w := e.workers[id]
		if w == nil {
			if w = e.workers[e.names[string(id)]]; w == nil {
				return struct{}{}, noWorker(id)
			}
		}
		e.audit(who, farm.DidDeleteWorker, w.Name, "%s", w.ID)
		e.forgetWorker(w)
		return struct{}{}, nil
	})
	return err
}

func (e *engine) forgetWorker(w *worker) {
	for _, l := range w.leases {
		e.giveBack(l)
	}
	delete(e.workers, w.ID)
	delete(e.names, w.Name)
	e.m.peers.forget(w.ID)
	w.order()
	e.waiting = slices.DeleteFunc(e.waiting, func(held *waiter) bool {
		if held.wish.Worker == w.ID {
			e.turnAway(held)
		}
		return held.wish.Worker == w.ID
	})
	e.change(farm.WorkerDelete{ID: w.ID})
	e.changed(w)
	e.event(farm.Event{Kind: farm.EventWorker, Worker: w.ID, State: "deleted", Text: w.Name})
}

// makeRoom tells whether one more worker may be known. Those that come and go with the cloud leave records behind: when
// there are too many, of the farm or of one token, the one that has been gone longest is forgotten.
func (e *engine) makeRoom(who Identity) bool {
	most := e.m.places
	if len(e.workers) < most.ofToken {
		return true
	}
	same := 0
	var gone, sameGone *worker
	longer := func(w, than *worker) bool {
		return !w.online && !w.awaited && len(w.leases) == 0 && (than == nil || w.seen.Before(than.seen))
	}
	for _, w := range e.workers {
		if longer(w, gone) {
			gone = w
		}
		if w.Token == who.Token {
			if same++; longer(w, sameGone) {
				sameGone = w
			}
		}
	}
	switch {
	case same >= most.ofToken && who.Role != farm.RoleAdmin:
		gone = sameGone
	case len(e.workers) < most.all:
		return true
	}
	if gone == nil {
		return false
	}
	e.forgetWorker(gone)
	return true
}

func noWorker(id farm.WorkerID) error {
	return farm.Errorf(farm.NotFound, "there is no worker %s", clip(string(id), 80)).WithHint("netrender workers lists them")
}
