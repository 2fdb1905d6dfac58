package worker

import (
	"context"
	"errors"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	registerTime = 15 * time.Second       // a registration that takes longer is begun anew
	freshBeat    = 2 * time.Second        // progress shown to watchers is at most that old
	leastBeat    = 100 * time.Millisecond // between two heartbeats
	seekTime     = 10 * time.Second       // a search for the master's new address that takes longer is given up
	seekAfter    = 2                      // heartbeats without an answer
	goodbyeTime  = 2 * time.Second
)

var errSilent = errors.New("it did not answer in time")

// heart registers, again after every lost connection, and sends one heartbeat after the other: the answer to one is
// held by the master until it has orders or the wait is over. It returns when ctx ends, or with an error when the
// master will not have this worker.
func (w *Worker) heart(ctx context.Context) error {
	back := backoff{jitter: w.opt.Jitter}
	known, lost := false, time.Time{} // since when the master does not answer; zero: it does
	strange := false                  // somebody else answered since
	for ctx.Err() == nil {
		var err error
		if !known {
			if err = w.register(ctx); rejected(err) {
				w.link.set(false)
				return err
			}
		}
		if err == nil {
			if known = true; !w.link.isOpen() {
				w.master.Refresh() // before anybody makes a call that is worth keeping
				w.link.set(true)
				w.met.Store(true)
				lost, strange = time.Time{}, false
				w.log.Info("the master answers")
			}
			began := w.opt.Now()
			if known, err = w.beat(ctx); err == nil {
				back.reset()
				pause(ctx, leastBeat-w.opt.Now().Sub(began), nil)
				continue
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		known = false // also when it was rejected: the next registration says so for good
		w.link.set(false)
		w.master.Suspect()
		if stranger := kindOf(err) == farm.Untrusted; stranger && !strange {
			w.log.Error("what answers is not the master that is known here; rendering goes on, asking again", "err", err, "hint", hintOf(err))
			strange = true
		}
		if lost.IsZero() {
			lost = w.opt.Now()
			w.log.Warn("the master does not answer; rendering goes on, asking again", "err", err)
		}
		back.wait(ctx, nil)
		w.seek(ctx, lost)
	}
	return nil
}

// seek looks for the master at other addresses when it has been lost for a while.
func (w *Worker) seek(ctx context.Context, lost time.Time) {
	if w.opt.Seek == nil || ctx.Err() != nil || w.opt.Now().Sub(lost) < seekAfter*w.heartbeat() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, seekTime)
	defer cancel()
	w.opt.Seek(ctx)
}

// register presents the worker and learns the farm's pace.
func (w *Worker) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	us := farm.Registration{
		ID: w.id, Name: w.opt.Name, Slots: w.opt.slots(), Tags: w.opt.Tags, Facts: w.machine.facts(),
		Fresh: w.name == "", Protocol: farm.Protocol,
	}
	peers := w.folders.peers
	if peers != nil {
		us.Peer = peers.Door()
	}
	reg, err := w.master.Register(ctx, us)
	if err != nil {
		return err
	}
	me, it := farm.Speaker{Program: w.opt.Program, Protocol: farm.Protocol}, farm.Speaker{Program: reg.Program, Protocol: reg.Protocol}
	if err := farm.Fits(me, it); err != nil {
		return err
	}
	if reg.Worker.Name != w.name {
		w.name = reg.Worker.Name
		w.log.Info("registered", "name", w.name, "master", reg.Program)
	}
	w.keepPace(reg.HeartbeatMS)
	w.resize(reg.Worker.Slots)
	if peers != nil {
		peers.Keyed(reg.Peer)
	}
	return nil
}

// keepPace follows the farm's pace from now on.
func (w *Worker) keepPace(ms int) {
	if ms > 0 {
		w.pace.Store(int64(time.Duration(ms) * time.Millisecond))
	}
}

// beat makes one heartbeat and obeys the orders that come back. known is false when the worker must register again.
func (w *Worker) beat(ctx context.Context) (known bool, err error) {
	beats := w.book.beats()
	wait := w.heartbeat()
	if len(beats) > 0 {
		wait = min(wait/2, freshBeat)
	}
	// A master that is gone without a word is noticed before the leases expire, after three heartbeats.
	limit, cancel := context.WithTimeout(ctx, wait+w.heartbeat())
	defer cancel()
	orders, err := w.master.Heartbeat(limit, w.id, farm.Heartbeat{
		Beats: beats, Load: w.doing(), Slots: w.crew.now(), PaceMS: int(w.heartbeat().Milliseconds()), WaitMS: int(wait.Milliseconds()),
	})
	switch {
	case kindOf(err) == farm.NotFound:
		return false, nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return true, errSilent
	case err != nil:
		return true, err
	}
	w.obey(&orders)
	return !orders.Unknown, nil
}

// doing is what the machine does, and what it fetched and gave.
func (w *Worker) doing() farm.Load {
	l := w.machine.load()
	if w.folders.peers != nil {
		l.Peer = w.folders.peers.Load()
	}
	return l
}

// sayGoodbye tells the master that the worker goes, so that nobody waits for it. It matters little when that is not heard.
func (w *Worker) sayGoodbye() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if _, err := w.master.Heartbeat(ctx, w.id, farm.Heartbeat{Load: w.doing(), Leaves: true}); err != nil {
		w.log.Debug("the master did not hear the goodbye", "err", err)
	}
}

func (w *Worker) obey(o *farm.Orders) {
	w.book.cancel(o.Cancel)
	w.keepPace(o.HeartbeatMS)
	w.resize(o.Slots)
	if w.rest.set(o.Drain) {
		if o.Drain {
			w.log.Info("the master asks this worker to take no more frames")
		} else {
			w.log.Info("the master lets this worker go on")
		}
	}
	if o.Disabled != w.barred {
		w.barredNow.Store(&o.Disabled)
		if w.barred = o.Disabled; w.barred != "" {
			w.log.Warn("the master gives this worker nothing to do", "why", w.barred)
		} else {
			w.log.Info("the master gives this worker frames again")
		}
	}
}

// pause waits for d; less when wake is closed or ctx ends.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}
