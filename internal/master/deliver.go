package master

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Courier brings messages to their targets; package notify is one.
type Courier interface {
	// Check refuses a URL to which nothing can be delivered. where is what may be shown of it; a webhook has a secret.
	Check(url string) (where string, webhook bool, err error)
	// Secret writes a key as the secret of a webhook.
	Secret(key []byte) string
	// Send tries once, and returns soon: to a webhook the first message, to another target all of them as one.
	Send(ctx context.Context, t *farm.Target, list []farm.Message) farm.Answer
}

const (
	gatherFor  = 5 * time.Second // messages of a kind that come in it go to people as one
	tellFor    = 24 * time.Hour  // a message is tried for so long; a target is failing after it
	maxPending = 1000            // for one target; beyond it messages are dropped
	maxNoted   = 50              // deliveries of a target that are remembered
)

// waits are how long a try is waited for after so many that failed.
var waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

func waitAfter(tries int) time.Duration { return waits[min(max(tries, 1), len(waits))-1] }

// teller knows the targets and what waits for them. Its own lock guards it: the engine puts messages in and waits for
// nothing; deliver takes them out.
type teller struct {
	some atomic.Bool // there are targets
	wake chan struct{}

	mu  sync.Mutex
	all map[string]*telling
}

// telling is a target with what waits for it.
type telling struct {
	farm.Target
	queue  []*waiting // the oldest first
	coming int        // messages whose change is being written
	busy   bool       // a try is under way
	fails  int        // tries in a row that failed
	since  time.Time  // the first of them
	pause  time.Time  // nothing is tried before
	log    []farm.Delivery
}

type waiting struct {
	farm.Message
	tries int
	next  time.Time // not before; zero: at once, or when it was gathered
	last  farm.Answer
}

// load takes over what is kept: at the start, and after a write failed.
func (t *teller) load(targets []farm.Target, pending []farm.Pending, now time.Time) (stale []farm.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.all
	t.all = make(map[string]*telling, len(targets))
	for _, target := range targets {
		tl := &telling{Target: target}
		if o := old[target.ID]; o != nil {
			tl.busy, tl.fails, tl.since, tl.pause, tl.log = o.busy, o.fails, o.since, o.pause, o.log
		}
		t.all[target.ID] = tl
	}
	for _, p := range pending {
		tl := t.all[p.Target]
		if tl == nil || !tl.Enabled || tl.got(p.Message.ID) || now.Sub(p.Message.Time) >= tellFor {
			stale = append(stale, farm.PendingEnd{Target: p.Target, Messages: []string{p.Message.ID}})
			if tl != nil && tl.Enabled && !tl.got(p.Message.ID) {
				tl.note(farm.Delivery{Messages: []string{p.Message.ID}, Kind: p.Message.Kind, Text: p.Message.Text, Time: now, State: farm.Dropped})
			}
			continue
		}
		tl.queue = append(tl.queue, &waiting{Message: p.Message})
	}
	t.changed()
	return stale
}

// got tells whether the target has the message, though it is still kept for it.
func (tl *telling) got(id string) bool {
	return slices.ContainsFunc(tl.log, func(d farm.Delivery) bool { return d.State == farm.Delivered && slices.Contains(d.Messages, id) })
}

// changed is called with mu held.
func (t *teller) changed() {
	t.some.Store(len(t.all) > 0)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// reserve finds the targets that want the message and have room for it.
func (t *teller) reserve(m *farm.Message) (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, tl := range t.all {
		if !tl.Wants(m) {
			continue
		}
		if len(tl.queue)+tl.coming >= maxPending {
			tl.note(farm.Delivery{Messages: []string{}, Kind: m.Kind, Text: m.Text, Time: m.Time, State: farm.Dropped, Answer: farm.Answer{Said: "too many messages wait for it"}})
			continue
		}
		tl.coming++
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// push puts in what was reserved; durable: it may be told.
func (t *teller) push(id string, m farm.Message, durable bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tl := t.all[id]
	if tl == nil {
		return
	}
	tl.coming = max(tl.coming-1, 0) // load begins anew
	if durable && tl.Enabled {
		tl.queue = append(tl.queue, &waiting{Message: m})
		t.changed()
	}
}

// note remembers a delivery. It is called with the teller's lock held.
func (tl *telling) note(d farm.Delivery) {
	d.Target = tl.ID
	if tl.log = append(tl.log, d); len(tl.log) > maxNoted {
		tl.log = slices.Clone(tl.log[len(tl.log)-maxNoted:])
	}
}

// due are the messages that go in the next try, and when that is; zero: nothing waits. It is called with the lock held.
func (tl *telling) due(now time.Time) (list []*waiting, at time.Time) {
	if !tl.Enabled || tl.busy {
		return nil, time.Time{}
	}
	gathers := tl.Secret == ""
	for _, w := range tl.queue {
		next := w.next
		if gathers && w.tries == 0 {
			next = w.Time.Add(gatherFor)
		}
		if next.Before(tl.pause) {
			next = tl.pause
		}
		if at.IsZero() || next.Before(at) {
			at = next
		}
		if !now.Before(next) {
			at = now
			list = append(list, w)
			break
		}
	}
	if len(list) == 0 || !gathers {
		return list, at
	}
	for _, w := range tl.queue { // those that came since go along
		if w != list[0] && w.Kind == list[0].Kind && (w.tries == 0 || !now.Before(w.next)) {
			list = append(list, w)
		}
	}
	return list, at
}

// deliver brings messages to their targets until ctx ends. Each target has one try at a time, and nobody waits for another.
func (m *Master) deliver(ctx context.Context) {
	t := &m.teller
	var tries sync.WaitGroup
	defer tries.Wait()
	for {
		var soonest time.Time
		now := m.opt.Now()
		t.mu.Lock()
		for _, tl := range t.all {
			list, at := tl.due(now)
			if len(list) > 0 {
				tl.busy = true
				target := tl.Target
				tries.Go(func() { m.try(ctx, &target, list) })
			} else if !at.IsZero() && (soonest.IsZero() || at.Before(soonest)) {
				soonest = at
			}
		}
		t.mu.Unlock()
		var timer <-chan time.Time
		var ticks *time.Timer
		if !soonest.IsZero() {
			ticks = time.NewTimer(min(max(soonest.Sub(now), 10*time.Millisecond), time.Minute)) // a clock that is set is noticed
			timer = ticks.C
		}
		select {
		case <-t.wake:
		case <-timer:
		case <-ctx.Done():
		}
		if ticks != nil {
			ticks.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// try sends once and settles what became of it.
func (m *Master) try(ctx context.Context, target *farm.Target, list []*waiting) {
	messages := make([]farm.Message, len(list))
	for i, w := range list {
		messages[i] = w.Message
	}
	a := m.opt.Courier.Send(ctx, target, messages)
	t := &m.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.changed()
	tl := t.all[target.ID]
	if tl == nil {
		return
	}
	tl.busy = false
	if ctx.Err() != nil && !a.OK {
		return // the master stops: that is no fault of the target
	}
	now := m.opt.Now()
	was := tl.Target
	d := farm.Delivery{Kind: list[0].Kind, Text: list[0].Text, Time: now, Answer: a, Tries: list[0].tries + 1}
	var end []string
	for _, w := range list {
		d.Messages = append(d.Messages, w.ID)
	}
	switch {
	case a.OK:
		d.State, end = farm.Delivered, d.Messages
		tl.well()
		tl.note(d)
	default:
		if tl.fails++; tl.fails == 1 {
			tl.since = now
		}
		tl.pause = now.Add(waitAfter(tl.fails))
		for _, w := range list {
			w.tries++
			w.next, w.last = now.Add(waitAfter(w.tries)), a
			if a.Gone || now.Sub(w.Time) >= tellFor {
				end = append(end, w.ID)
			}
		}
		if len(end) > 0 {
			d.State, d.Messages = farm.Dropped, end
			tl.note(d)
		}
		if first := list[0].Time; first.Before(tl.since) && len(end) > 0 {
			tl.since = first // it began before a restart
		}
		if tl.Failing.IsZero() && now.Sub(tl.since) >= tellFor {
			tl.Failing = tl.since
		}
		if !tl.Failing.IsZero() {
			tl.Error = a.Said
		}
		if a.Gone {
			tl.Enabled, tl.Error = false, "it answered that it is gone (410), and is told nothing more"
			for _, w := range tl.queue {
				if !slices.Contains(end, w.ID) {
					end = append(end, w.ID)
				}
			}
		}
	}
	tl.queue = slices.DeleteFunc(tl.queue, func(w *waiting) bool { return slices.Contains(end, w.ID) })
	m.keepTold(&was, tl, end)
}

// well forgets what went wrong. It is called with the teller's lock held.
func (tl *telling) well() {
	tl.fails, tl.pause, tl.since, tl.Failing, tl.Error = 0, time.Time{}, time.Time{}, time.Time{}, ""
}

// keepTold has what a try came to written down. It is called with the teller's lock held, and does not wait: what is not
// written is told again, by the same id.
func (m *Master) keepTold(was *farm.Target, tl *telling, end []string) {
	now := tl.Target
	changed := was.Failing != now.Failing || was.Error != now.Error || was.Enabled != now.Enabled
	if len(end) == 0 && !changed {
		return
	}
	go m.post(func(e *engine) { // the loop may be waiting for the lock
		if len(end) > 0 {
			e.change(farm.PendingEnd{Target: now.ID, Messages: end})
		}
		if changed {
			e.m.teller.mu.Lock()
			tl, there := e.m.teller.all[now.ID]
			if there {
				now = tl.Target // an admin may have changed it
			}
			e.m.teller.mu.Unlock()
			if there {
				e.change(farm.TargetSet{Target: now})
				e.targetNeeds(was, &now)
			}
		}
	})
}

// targetNeeds tells watchers that a target began or ended to need a person.
func (e *engine) targetNeeds(was, now *farm.Target) {
	before, after := targetAttention(was), targetAttention(now)
	switch {
	case before == nil && after != nil:
		e.event(farm.Event{Kind: farm.EventAttention, State: farm.AttentionRaised, Text: after.Text})
	case before != nil && after == nil:
		e.event(farm.Event{Kind: farm.EventAttention, State: farm.AttentionCleared, Text: before.Text})
	}
}

// targetAttention is what a target needs of a person; nil: nothing.
func targetAttention(t *farm.Target) *farm.Attention {
	if t.Failing.IsZero() && (t.Enabled || t.Error == "") {
		return nil
	}
	a := &farm.Attention{
		ID: "notify:" + t.ID, Kind: farm.NeedsTarget, Name: t.Name, Since: t.Failing.UTC(),
		Text: "notifications do not reach " + clip(t.Name, 100) + ": " + clip(t.Error, 300),
		Hint: "netrender notify test " + t.ID + " tries it; netrender notify set changes it",
	}
	if t.Failing.IsZero() {
		a.Since = t.Created.UTC()
	}
	return a
}
