package worker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

const (
	claimWait  = 30 * time.Second // how long the master holds the question for work
	answerTime = 10 * time.Second // a call that takes longer than it may be held is given up
	lowDisk    = 5 * time.Second  // between looks at a disk that is full

	handBackMany = 200 // frames handed back in one parcel, so that no call grows too large
)

// slot renders one frame at a time. Its fields belong to the goroutine of run.
type slot struct {
	w        *Worker
	no       int
	working  context.Context // ends when the worker drains, or has no such slot any more
	session  *session        // nil: none is running
	proc     *processSession // nil: no environments of a job of commands are entered
	root     atomic.Int64    // process that the session's descend from; 0: none. For any goroutine
	version  string          // of the Blender that the present frame is rendered with; "": none was chosen
	last     time.Duration   // what the last frame took; 0: not known
	finished chan *frame     // frames that are done with Blender, in order
}

// work is a lease with its files, while the slot has it.
type work struct {
	grant *farm.Grant
	held  *held
	files *fetching
}

func newSlot(w *Worker, no int, working context.Context) *slot {
	return &slot{w: w, no: no, working: working, finished: make(chan *frame, w.opt.Waiting+4)}
}

// run asks for leases and renders them until the worker drains or ctx ends.
func (s *slot) run(ctx context.Context) {
	var behind sync.WaitGroup
	behind.Go(func() {
		for f := range s.finished {
			s.w.conclude(f)
			s.w.out.done(s.no)
		}
	})
	defer behind.Wait()
	defer close(s.finished)
	defer s.endSession()
	defer s.leaveProcess()
	next := s.claim(ctx)
	for next != nil {
		if next = s.lease(ctx, next); next == nil {
			next = s.claim(ctx)
		}
	}
}

// take enters a grant in the book and starts to fetch its files.
func (s *slot) take(ctx context.Context, g *farm.Grant) *work {
	h := s.w.book.hold(ctx, &g.Lease, g.Name)
	return &work{grant: g, held: h, files: s.w.folders.fetch(h.ctx, s.w.master, g)}
}

// claim asks for a lease until there is one. It returns nil when the worker drains or ctx ends.
func (s *slot) claim(ctx context.Context) *work {
	w := s.w
	back := backoff{jitter: w.opt.Jitter}
	since := w.opt.Now()
	for low := false; ; {
		if w.opt.Now().Sub(since) >= w.opt.IdleSession && s.session != nil {
			w.log.Info("nothing to render: Blender is closed", "slot", s.no)
			s.endSession()
		}
		if !w.rest.await(s.working, false) || !w.link.await(s.working, true) || s.no >= w.crew.now() {
			return nil
		}
		if w.machine.low() {
			if !low {
				w.log.Warn("the disk is nearly full: no frames are rendered until there is room", "folder", w.opt.Dir)
			}
			low = true
			pause(s.working, lowDisk, nil)
			continue
		}
		low = false
		_, linked := w.link.state()
		wait := claimWait
		if s.proc != nil { // its job may go on in a moment
			wait = processWait
		}
		g, err := s.ask(s.working, farm.Wish{WaitMS: int(wait.Milliseconds())})
		if g == nil {
			s.leaveProcess()
		}
		if err == nil {
			back.reset()
		}
		if g != nil {
			return s.take(ctx, g)
		}
		if err != nil && s.working.Err() == nil {
			w.log.Debug("no lease could be asked for", "slot", s.no, "err", err)
			back.wait(s.working, linked)
		}
	}
}

// ask makes one claim; it is given up when the link is lost.
func (s *slot) ask(ctx context.Context, wish farm.Wish) (*farm.Grant, error) {
	wish.Worker, wish.Slot = s.w.id, s.no
	if s.session != nil {
		wish.Scene = s.session.scene
	}
	return s.w.claim(ctx, wish)
}

func (w *Worker) claim(ctx context.Context, wish farm.Wish) (*farm.Grant, error) {
	ctx, cancel := w.link.during(ctx)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, time.Duration(wish.WaitMS)*time.Millisecond+answerTime)
	defer stop()
	g, err := w.master.Claim(ctx, wish)
	if g != nil && len(g.Lease.Frames) == 0 {
		return nil, farm.Errorf(farm.Outdated, "the master granted a lease without frames")
	}
	return g, err
}

// lease renders the frames of a lease in order and returns the next one, if it is held by then.
func (s *slot) lease(ctx context.Context, k *work) *work {
	defer k.files.release()
	// Ends when nothing new is to be begun: the lease was canceled, the worker drains or stops.
	going, stop := context.WithCancelCause(k.held.ctx)
	defer stop(nil)
	defer context.AfterFunc(s.working, func() { stop(s.leaving()) })()
	frames := k.grant.Lease.Frames
	s.w.book.update(k.held, func(b *farm.Beat) { b.Started, b.Phase = true, "fetching files" })
	var next *ahead
	err := k.files.wait(going)
	i := 0
	for ; err == nil && i < len(frames); i++ {
		if s.w.rest.isOpen() || s.working.Err() != nil {
			err = s.leaving()
			break
		}
		if err = s.room(going); err != nil {
			break
		}
		if i == len(frames)-1 {
			next = s.newAhead(ctx, k)
		}
		err = s.frame(k, frames[i], next)
	}
	s.leave(k, frames[i:], err)
	return next.take()
}

// leaving says why nothing new is begun.
func (s *slot) leaving() error {
	if context.Cause(s.working) == errFewer {
		return errFewer
	}
	return errLeaving
}

// room waits until another frame may be begun: the uploads keep up, and, while the master is away and nothing can be
// uploaded, the disk has room.
func (s *slot) room(ctx context.Context) error {
	w := s.w
	for {
		if err := w.out.room(ctx, s.no, w.opt.Waiting, &w.link); err != nil {
			return err
		}
		up, linked := w.link.state()
		if up || !w.machine.low() {
			return nil
		}
		pause(ctx, lowDisk, linked)
	}
}

// leave hands back the frames that were not begun, and says why, unless the lease was canceled.
func (s *slot) leave(k *work, frames []int, why error) {
	if len(frames) == 0 {
		return
	}
	if k.held.ctx.Err() != nil { // canceled: nothing is said; or the process stops: the next one hands them back
		if context.Cause(k.held.ctx) == errCanceled {
			for _, f := range frames {
				s.w.book.settle(k.held.id, f)
			}
		}
		return
	}
	if why != errLeaving && why != errFewer && !isRest(why) { // the files could not be had: the first frame tells why
		fault := faultOf(why, 0, nil)
		r := s.report(k, frames[0])
		fault.tell(&r)
		s.w.log.Warn("the files of a lease could not be had", "job", r.Job, "why", fault.text)
		s.hand(&frame{slot: s.no, reports: []farm.Report{r}})
		frames, why = frames[1:], restError{fault.text}
	}
	for some := range slices.Chunk(frames, handBackMany) {
		f := &frame{slot: s.no, reports: make([]farm.Report, 0, len(some))}
		for _, no := range some {
			r := s.report(k, no)
			r.Outcome, r.Error = farm.HandedBack, why.Error()
			f.reports = append(f.reports, r)
		}
		s.hand(f)
	}
}

// hand gives what became of a frame to be kept and reported.
func (s *slot) hand(f *frame) {
	s.w.out.begin(s.no)
	s.finished <- f
}

func (s *slot) report(k *work, no int) farm.Report {
	l := &k.grant.Lease
	return farm.Report{Lease: l.ID, Worker: s.w.id, Job: l.Job, Frame: no, Attempt: l.Attempt}
}

// ahead asks for the next lease while the last frame of the present one renders: once, when it is near its end.
type ahead struct {
	slot  *slot
	ctx   context.Context
	scene string
	once  sync.Once
	timer *time.Timer
	got   chan *work
}

// newAhead gets ready to ask. How near the end is, is told by the renderer's progress and by the time that the last
// frame took; frames under a second are near their end at once.
func (s *slot) newAhead(ctx context.Context, k *work) *ahead {
	a := &ahead{slot: s, ctx: ctx, scene: k.grant.Scene, got: make(chan *work, 1)}
	switch {
	case s.last == 0:
	case s.last < time.Second:
		a.ask()
	default:
		a.timer = time.AfterFunc(s.last*8/10, a.ask)
	}
	return a
}

// progress is told how much of the frame is rendered, 0..1.
func (a *ahead) progress(fraction float64) {
	if a != nil && fraction >= 0.8 {
		a.ask()
	}
}

func (a *ahead) ask() {
	a.once.Do(func() {
		w := a.slot.w
		if a.slot.working.Err() != nil || w.rest.isOpen() || !w.link.isOpen() || w.machine.low() {
			a.got <- nil
			return
		}
		go func() {
			g, err := w.claim(a.ctx, farm.Wish{Worker: w.id, Slot: a.slot.no, Scene: a.scene, Ahead: true})
			if err != nil || g == nil {
				a.got <- nil
				return
			}
			a.got <- a.slot.take(a.ctx, g)
		}()
	})
}

// take is the lease that was asked for, if any.
func (a *ahead) take() *work {
	if a == nil {
		return nil
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.once.Do(func() { a.got <- nil })
	return <-a.got
}

// install picks the Blender for a lease.
func (s *slot) install(n *farm.Needs) (*blender.Install, error) {
	i, why := n.Pick(s.w.machine.fixed.Blenders)
	if i < 0 {
		return nil, &fault{text: "the worker has no Blender for this scene: " + why, own: true, rest: true}
	}
	return &s.w.opt.Installs[i], nil
}
