// Package worker is a machine that renders: it asks the master for leases, fetches and lays out the files of their
// jobs, renders their frames in resident sessions of Blender and hands the results over.
//
//	Worker    one process; it registers once and has one or more slots
//	slot      renders one frame at a time and keeps one session
//	session   a running Blender with a scene open, kept between frames and leases
//	work      a lease with its job's folder, while a slot has it
//	folder    the laid-out files of a job
//	parcel    what became of a frame: its files, its log and its report, in a folder of the outbox
//	outbox    the parcels, in the order their frames finished; they stay until the master has answered
//	link      whether the master can be reached just now
//
// Rendering, writing, uploading and asking for the next lease go on beside one another. Nothing is said of a frame
// before its parcel is durable, and a parcel is removed only after the master's verdict; so the process may be killed
// at any instant.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/peer"
)

// Worker is a machine that renders. Make one with New and give it a goroutine with Run.
type Worker struct {
	opt     Options
	log     *slog.Logger
	id      farm.WorkerID
	master  Master
	link    link
	book    *book
	out     *outbox
	folders *folders
	copier  *copier
	machine *machine
	crew    *crew
	pace    atomic.Int64 // the farm's heartbeat, nanoseconds

	delivered time.Time     // when the master last answered a parcel; of the sender's goroutine
	leaving   chan struct{} // closed by Drain
	leaveOnce sync.Once
	rest      gate   // open while the master wants no more frames rendered here
	name      string // in the farm; of the heart's goroutine
	barred    string // why the master gives it nothing, as last heard; of the heart's goroutine
	barredNow atomic.Pointer[string]
	met       atomic.Bool  // the master has answered
	done      atomic.Int64 // frames rendered here that the master took
	failed    atomic.Int64
	unlock    func() error
}

// New makes the worker's folders and reads what an earlier process left in its outbox. Only one worker at a time may
// use Dir: another gets an error of kind Conflict.
func New(opt Options) (*Worker, error) {
	if err := opt.defaults(); err != nil {
		return nil, err
	}
	for _, name := range []string{cacheDir, jobsDir, outDir, leasesDir} {
		if err := os.MkdirAll(filepath.Join(opt.Dir, name), 0o700); err != nil {
			return nil, farm.Errorf(farm.Internal, "the worker's folder cannot be made: %w", err)
		}
	}
	unlock, err := lockDir(filepath.Join(opt.Dir, "lock"))
	if err != nil {
		return nil, farm.Errorf(farm.Conflict, "another worker uses the folder %s", opt.Dir).
			WithHint("give each worker a folder of its own, or stop the other one")
	}
	w := &Worker{opt: opt, log: opt.Log, master: opt.Master, leaving: make(chan struct{}), unlock: unlock}
	if err := w.load(); err != nil {
		unlock()
		return nil, err
	}
	return w, nil
}

// load reads what is kept in the worker's folder.
func (w *Worker) load() error {
	var err error
	if w.id, err = Identity(w.opt.Dir); err != nil {
		return err
	}
	if w.out, err = openOutbox(filepath.Join(w.opt.Dir, outDir), w.log); err != nil {
		return err
	}
	if w.folders, err = newFolders(&w.opt); err != nil {
		return err
	}
	w.folders.peers = w.openPeers()
	for _, of := range []string{homeDir, renderDir, partsDir} { // of sessions that are gone
		if err := removeTree(filepath.Join(w.opt.Dir, of)); err != nil {
			w.log.Warn("the folder of old sessions cannot be removed", "err", err)
		}
	}
	w.copier = newCopier(&w.opt)
	w.machine, w.crew = newMachine(&w.opt), newCrew(w.opt.slots())
	w.book = newBook(filepath.Join(w.opt.Dir, leasesDir))
	w.pace.Store(int64(farm.DefaultRules().Heartbeat()))
	w.resume()
	return nil
}

// openPeers lets other workers fetch files here; nil: neither that nor the other way round.
func (w *Worker) openPeers() *peer.Node {
	o := w.opt.Peers
	if o == nil {
		return nil
	}
	n, err := peer.Open(peer.Options{
		Worker: w.id, Cache: w.folders.cache, Port: o.Port, TLS: o.TLS, Ask: w.master.Sources, Log: w.log, Now: w.opt.Now,
	})
	if err != nil {
		w.log.Warn("other workers cannot fetch files from here", "err", err, "hint", hintOf(err))
	}
	return n
}

// resume takes up the leases of an earlier process: those with parcels are renewed until these are sent, and the
// frames that were not finished are handed back, so that nobody waits for the leases to expire.
func (w *Worker) resume() {
	for _, p := range w.out.all() {
		for i := range p.Reports {
			w.book.adopt(&p.Reports[i])
		}
	}
	for _, l := range w.book.leftOver(w.id) {
		reports := make([]farm.Report, 0, len(l.Frames))
		for _, f := range l.Frames {
			if w.book.holds(l.ID, f) {
				continue
			}
			r := farm.Report{
				Lease: l.ID, Worker: w.id, Job: l.Job, Frame: f, Attempt: l.Attempt, Outcome: farm.HandedBack,
				Error: "the worker was stopped while it rendered",
			}
			reports = append(reports, r)
		}
		for i := range reports {
			w.book.adopt(&reports[i])
		}
		if len(reports) > 0 {
			w.out.push(&parcel{record: record{Slot: l.Slot, Reports: reports}})
		}
	}
}

// ID is the worker's name in the farm for ever.
func (w *Worker) ID() farm.WorkerID { return w.id }

// Drain makes Run finish the frames in hand, hand back all others, send what is in the outbox and return.
func (w *Worker) Drain() {
	w.leaveOnce.Do(func() { close(w.leaving) })
}

// Run works until it is drained, and then returns nil; until ctx ends, and then returns ctx's error with Blender
// killed and unsent parcels kept for the next start; or until the master will not have it, and then returns an error
// of kind Denied or Outdated. It may be called once.
func (w *Worker) Run(ctx context.Context) error {
	defer w.unlock()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var beside sync.WaitGroup
	beside.Go(func() {
		if err := w.heart(ctx); err != nil {
			stop(err)
		}
	})
	beside.Go(func() { w.machine.sample(ctx) })
	beside.Go(func() { w.send(ctx) })
	if w.folders.peers != nil {
		beside.Go(func() { w.folders.peers.Run(ctx) })
	}
	working, leave := context.WithCancel(ctx)
	defer leave()
	beside.Go(func() {
		select {
		case <-w.leaving:
			w.log.Debug("draining: the frames in hand are finished, the others handed back")
			leave()
		case <-ctx.Done():
		}
	})
	w.work(ctx, working)
	w.handOver(ctx)
	err := ctx.Err()
	if cause := context.Cause(ctx); err != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	stop(nil)
	beside.Wait()
	if err == nil {
		w.sayGoodbye()
	}
	w.folders.close()
	return err
}

// handOver waits until the outbox is empty. A master that is away is waited for only so long: what is finished stays in
// the outbox for the next start.
func (w *Worker) handOver(ctx context.Context) {
	wait := w.opt.DrainTimeout
	for ctx.Err() == nil && wait > 0 {
		if up, changed := w.link.state(); !up && w.out.left() > 0 {
			began := w.opt.Now()
			w.log.Warn("the master is away: waiting for it before leaving", "finished frames", w.out.left(), "at most", wait.Round(time.Second))
			pause(ctx, wait, changed)
			wait -= w.opt.Now().Sub(began)
			continue
		}
		there, cancel := w.link.during(ctx)
		done := w.out.settled(there)
		cancel()
		if done {
			return
		}
	}
	if left := w.out.left(); left > 0 && ctx.Err() == nil {
		w.log.Warn("the master is still away: leaving; what is finished is kept and sent at the next start", "finished frames", left, "folder", w.opt.Dir)
	}
}

// heartbeat is the farm's pace: the longest time that a working worker stays silent.
func (w *Worker) heartbeat() time.Duration { return time.Duration(w.pace.Load()) }
