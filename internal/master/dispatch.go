package master

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/balance"
	"github.com/netrender/netrender/internal/farm"
)

// maxWaitMS bounds how long a claim is held open.
const maxWaitMS = 60_000

// maxAhead bounds the leases that a slot may have.
const maxAhead = 4

// waiter is a claim held open.
type waiter struct {
	who  Identity
	wish farm.Wish
	ch   chan answer[*farm.Grant] // room for one
	gone bool                     // answered: granted, refused, replaced or given up
}

// Claim returns a lease for the slot, or nil when there is nothing for it within the wish's wait. The lease is
// durable when Claim returns.
func (m *Master) Claim(ctx context.Context, who Identity, wish farm.Wish) (*farm.Grant, error) {
	w := newWaiter(who, wish)
	select {
	case m.inbox <- func(e *engine) { e.claim(w) }:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.quit:
		return nil, errStopped
	}
	return m.await(ctx, w)
}

func newWaiter(who Identity, wish farm.Wish) *waiter {
	return &waiter{who: who, wish: wish, ch: make(chan answer[*farm.Grant], 1)}
}

// await returns what the claim brought, within its wish's wait.
func (m *Master) await(ctx context.Context, w *waiter) (*farm.Grant, error) {
	timer := time.NewTimer(time.Duration(min(max(w.wish.WaitMS, 0), maxWaitMS)) * time.Millisecond)
	defer timer.Stop()
	if w.wish.WaitMS <= 0 { // answered at once, by the next batch at the latest
		timer.Stop()
	}
	select {
	case a := <-w.ch:
		return a.v, a.err
	case <-m.quit:
		return nil, errStopped
	case <-timer.C:
		return m.withdraw(w, false)
	case <-ctx.Done():
		_, _ = m.withdraw(w, true)
		return nil, ctx.Err()
	}
}

// withdraw takes the claim out of the queue. A grant that was under way is returned; it is given back when the asker
// has left.
func (m *Master) withdraw(w *waiter, left bool) (*farm.Grant, error) {
	if !m.post(func(e *engine) { e.leave(w) }) {
		return nil, errStopped
	}
	var a answer[*farm.Grant]
	select {
	case a = <-w.ch:
	case <-m.quit:
		return nil, errStopped
	}
	if a.v != nil && left {
		id := a.v.Lease.ID
		m.post(func(e *engine) { e.giveBack(e.leases[id]) })
	}
	return a.v, a.err
}

// refuse answers a claim with an error, which may be nil: nothing for now.
func (w *waiter) refuse(err error) {
	w.gone = true
	w.ch <- answer[*farm.Grant]{nil, err}
}

// claim answers at once when there is work, else holds the question open.
func (e *engine) claim(w *waiter) {
	if e.broken != nil {
		w.refuse(e.broken)
		return
	}
	wk := e.workers[w.wish.Worker]
	if wk == nil || !wk.speaks(w.who) {
		w.refuse(farm.Errorf(farm.NotFound, "the master does not know this worker").WithHint("register first"))
		return
	}
	if w.wish.Slot < 0 || w.wish.Slot >= wk.Slots {
		w.refuse(farm.Errorf(farm.Invalid, "worker %s has %d slots, there is no slot %d", wk.Name, wk.Slots, w.wish.Slot))
		return
	}
	e.heard(wk)
	if !w.wish.Ahead && wk.held > 0 { // a slot asks once; a newer question replaces the old one
		for _, old := range slices.Clone(e.waiting) {
			if old.wish.Worker == w.wish.Worker && old.wish.Slot == w.wish.Slot {
				e.leave(old)
			}
		}
	}
	if e.grantTo(w, wk) {
		return
	}
	if w.wish.Ahead || w.wish.WaitMS <= 0 {
		w.refuse(nil)
		return
	}
	if e.takeBackFor(w, wk) {
		return
	}
	wk.held++
	e.waiting = append(e.waiting, w)
}

// leave answers a claim with nothing, unless it was answered.
func (e *engine) leave(w *waiter) {
	if w.gone {
		return
	}
	w.refuse(nil)
	i := slices.Index(e.waiting, w)
	if i < 0 {
		return
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	if wk := e.workers[w.wish.Worker]; wk != nil {
		wk.held--
	}
}

// grantTo lets the balancer choose and leases the frames; false when there is nothing for this slot.
func (e *engine) grantTo(w *waiter, wk *worker) bool {
	bw := balance.Worker{Worker: wk.Slot(w.wish.Slot), Scene: w.wish.Scene, Rests: wk.rest()}
	s := wk.slot(w.wish.Slot)
	if l := s.latest(); l != nil {
		bw.Holds = l.Job
	}
	now := e.m.opt.Now()
	var passed []*job // whose waiting frames are for other workers
	defer func() {
		for _, j := range passed {
			e.snap.Jobs[j.at].Queued = j.waiting()
		}
	}()
	for {
		i, ok := balance.Choose(&e.snap, e.rules, &bw, now)
		if !ok {
			return false
		}
		j := e.order[i]
		if w.wish.Ahead && (j.waiting() < e.snap.Slots+j.Chunk || len(s.leases) >= maxAhead) {
			return false
		}
		l := e.lease(j, wk, &w.wish, now)
		if l == nil {
			e.snap.Jobs[i].Queued = 0
			passed = append(passed, j)
			continue
		}
		w.gone = true
		g := &farm.Grant{
			Lease: l.Lease, Name: j.Name, Blend: j.Blend, Scene: j.Scene, Needs: j.NeedsOf(l.Frames[0]), Bakes: j.Bakes, Baked: j.baked, InOrder: j.InOrder, Options: j.Options, Timeout: j.Timeout, Folder: j.Folder, Tiles: j.Tiles, Samples: j.Samples, Probe: j.Probe, Stage: j.Stage(), Process: j.Process, Views: j.Views,
		}
		if _, until, bakes := j.Baking(l.Frames[0]); bakes {
			g.Stage, g.Until, g.Timeout = farm.StageBake, until, 0
		}
		if farm.IsFilm(l.Frames[0]) {
			shot := j.Shot(farm.ViewOf(l.Frames[0]))
			g.Film, g.Shot = j.Film, &shot
		}
		if j.bakesLeft() > 0 {
			ready := j.reached
			g.Ready = &ready
		}
		e.after(func(err error) {
			if err != nil {
				w.ch <- answer[*farm.Grant]{nil, err}
				return
			}
			w.ch <- answer[*farm.Grant]{g, nil}
		})
		return true
	}
}

// lease takes the job's next frames for the slot; nil when what waits is for other workers.
func (e *engine) lease(j *job, wk *worker, wish *farm.Wish, now time.Time) *lease {
	positions, attempt := e.take(j, wk)
	if len(positions) == 0 {
		return nil
	}
	e.leaseNo++
	e.granted++
	l := &lease{
		Lease: farm.Lease{
			ID: farm.LeaseID(e.epoch<<32 | e.leaseNo), Job: j.ID, Worker: wk.ID, Slot: wish.Slot,
			Frames: make([]int, 0, len(positions)), Attempt: attempt, Issued: now,
		},
		job: j, left: make(map[int]int, len(positions)), seen: now, early: wish.Ahead,
	}
	for _, p := range positions {
		f, _ := j.plan.Task(p)
		l.Frames = append(l.Frames, f)
		l.left[f] = p
		j.held[p] = l
	}
	j.Dispatched += len(positions)
	j.lastSent = now
	if j.Started.IsZero() {
		j.Started = now
	}
	e.pinVersion(j, wk, positions[0])
	e.playAgain(j, wk, l)
	e.hold(wk, l)
	e.change(farm.LeaseAdd{Lease: l.Lease})
	if j.State == farm.Queued {
		e.toState(j, farm.Active, "")
	}
	e.mark(j)
	e.sync(j)
	if e.m.hub.wanted(farm.EventFrame) {
		for _, f := range l.Frames {
			e.frameEvent(j, f, wk.ID, "running", "", 0)
		}
	}
	return l
}

// maxLook bounds how many positions that came back are looked at for one claim.
const maxLook = 1000

// take removes the next frames for the worker from what waits: first what came back, one frame at a time when it was
// tried before, then the next chunk. What the worker failed is left to others that could try it.
func (e *engine) take(j *job, wk *worker) (positions []int, attempt int) {
	looked := 0
	var gone []int
	if j.InOrder {
		if len(j.held) > 0 {
			return nil, 0 // one worker has them all
		}
	}
	for p := range j.again.All() {
		if looked++; looked > maxLook && !j.InOrder || len(positions) == j.Chunk {
			break
		}
		if !j.waits(p) {
			gone = append(gone, p)
			continue
		}
		n := j.attempt(p)
		if len(positions) > 0 && !j.InOrder && (n > 1 || attempt > 1 || j.plan.ChunkEnd(positions[0]) <= p) {
			break
		}
		if t := j.tries[p]; t != nil && slices.Contains(t.workers, wk.ID) && e.elsewhere(j, t) {
			if j.InOrder { // who takes it takes the rest, too
				return nil, 0
			}
			continue
		}
		if !j.canBake(wk, p) {
			continue
		}
		positions, attempt = append(positions, p), max(attempt, n)
	}
	for _, list := range [][]int{gone, positions} {
		for _, p := range list {
			j.again.Remove(p)
		}
	}
	if len(positions) > 0 {
		return positions, attempt
	}
	end := j.free()
	for j.next < end && len(positions) == 0 {
		stop := min(end, j.plan.ChunkEnd(j.next))
		for ; j.next < stop; j.next++ {
			if j.waits(j.next) {
				positions = append(positions, j.next)
			}
		}
	}
	return positions, 1
}

// waits tells whether the position can be handed out.
func (j *job) waits(p int) bool {
	_, ok := j.plan.Task(p)
	return ok && j.ready(p) && !j.finished.Contains(p) && j.held[p] == nil && !j.gaveUp(p) && j.settling[p] == nil
}

// putBack makes the position wait again, in its old place.
func (e *engine) putBack(j *job, p int) {
	if !j.ready(p) { // what it waits for is made anew; then it is opened
		return
	}
	j.again.Add(p)
	e.offer(j)
}

// hold enters the lease everywhere.
func (e *engine) hold(wk *worker, l *lease) {
	e.leases[l.ID] = l
	wk.leases[l.ID] = l
	s := wk.slot(l.Slot)
	l.slot = s
	before := s.latest()
	i, _ := slices.BinarySearchFunc(s.leases, l.ID, func(o *lease, id farm.LeaseID) int { return cmp.Compare(o.ID, id) })
	s.leases = slices.Insert(s.leases, i, l)
	if l.early && len(s.leases) > 1 {
		l.wait()
	} else { // what the slot had before is rendered by now, only its report is on the way
		for _, o := range s.leases {
			if o != l {
				o.wait()
			}
		}
	}
	e.rank(s)
	e.reassign(before, s.latest())
}

// reassign moves a slot from the job of one lease to that of another; either may be nil.
func (e *engine) reassign(from, to *lease) {
	if from == to {
		return
	}
	if from != nil {
		e.assign(from.job, -1)
	}
	if to != nil {
		e.assign(to.job, +1)
	}
}

func (e *engine) assign(j *job, d int) {
	j.assigned += d
	if j.at >= 0 {
		e.snap.Jobs[j.at].Assigned = j.assigned
	}
}

// drop removes the lease everywhere; its frames were settled or are put back by the caller.
func (e *engine) drop(l *lease) {
	if e.leases[l.ID] != l {
		return
	}
	delete(e.leases, l.ID)
	if wk := e.workers[l.Worker]; wk != nil {
		delete(wk.leases, l.ID)
	}
	s := l.slot
	before := s.latest()
	s.leases = slices.DeleteFunc(s.leases, func(o *lease) bool { return o == l })
	delete(e.ahead, l)
	l.notAhead()
	if live := s.leases; len(live) > 0 && !slices.ContainsFunc(live, func(o *lease) bool { return o.ahead == 0 }) {
		live[0].notAhead()
	}
	e.rank(s)
	e.reassign(before, s.latest())
	for _, p := range l.left {
		if l.job.held[p] == l {
			delete(l.job.held, p)
		}
	}
	e.change(farm.LeaseEnd{ID: l.ID})
	e.m.leftover.end(l.ID)
}

// wait says that the slot renders another lease than this one.
func (l *lease) wait() {
	if l.ahead == 0 {
		l.ahead = len(l.left)
		l.job.ahead += l.ahead
	}
}

// notAhead says that the slot renders the lease, or that it is gone.
func (l *lease) notAhead() {
	l.job.ahead -= l.ahead
	l.ahead = 0
}

// giveBack ends a lease that came to nothing, as if it had never been.
func (e *engine) giveBack(l *lease) {
	if l == nil {
		return
	}
	e.drop(l)
	for _, p := range l.left {
		if !l.job.finished.Contains(p) {
			e.putBack(l.job, p)
		}
	}
	e.mark(l.job)
	e.sync(l.job)
}

// latest is the newest lease of the slot that lives, or nil.
func (s *slot) latest() *lease {
	if len(s.leases) == 0 {
		return nil
	}
	return s.leases[len(s.leases)-1]
}

func (w *worker) slot(n int) *slot {
	s := w.slots[n]
	if s == nil {
		s = &slot{}
		w.slots[n] = s
	}
	return s
}
