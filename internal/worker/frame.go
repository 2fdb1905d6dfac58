package worker

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// errLeaving ends what a draining worker has not begun.
var errLeaving = errors.New("the worker takes no more frames")

// frame is what became of a frame on its way from Blender to the outbox.
type frame struct {
	slot    int
	dir     string      // the parcel's folder; "" when there is none
	log     *attemptLog // nil: none
	result  *blender.Result
	options farm.Options  // what the job asks for
	view    string        // the folder of its results; "": none of their own
	warned  []string      // what may be wrong with the picture: sentences
	goals   []goal        // where its results are copied to
	caches  []cache       // of a bake, as result.Files
	reports []farm.Report // one, or those of frames that are handed back
}

// frame renders one frame and hands on what became of it. An error means that the lease cannot go on: the frames after
// this one are to be handed back.
func (s *slot) frame(k *work, no int, next *ahead) error {
	ctx := k.held.ctx
	s.w.book.update(k.held, func(b *farm.Beat) {
		*b = farm.Beat{Lease: b.Lease, Frame: no, Started: true}
	})
	r := s.report(k, no)
	f := &frame{slot: s.no, options: k.grant.Options, reports: []farm.Report{r}}
	if v := k.grant.View(no); v != nil {
		f.view = v.Name
	}
	looks, notCopied := k.grant.Stage == farm.StageInspect && !k.grant.Probe, ""
	runs := k.grant.Stage == farm.StageProcess
	if !looks && k.grant.Stage != farm.StageBake {
		f.goals, notCopied = s.w.copier.goals(k.grant)
	}
	report := &f.reports[0]
	began := s.w.opt.Now()
	s.version = ""
	var pulse pulse
	err := s.prepare(k, f, no, &pulse)
	var tail []byte
	if err == nil && runs {
		err = s.process(ctx, k, f, no)
		tail = f.log.lastLines(8 << 10)
	} else if err == nil && looks {
		err = s.inspect(ctx, k, f, &pulse)
		tail = f.log.lastLines(8 << 10)
	} else if err == nil {
		fresh := s.session == nil || s.session.frames == 0
		err = s.render(ctx, k, f, no, next, &pulse)
		if isWorn(err) && !fresh && ctx.Err() == nil && !k.grant.InOrder {
			// A process that rendered other frames before may be worn out. Alone, the frame gets a fair try.
			s.w.log.Warn("Blender did not get through a frame; trying once more in a fresh session", "job", r.Job, named(no), "err", err)
			if err = os.RemoveAll(filepath.Join(f.dir, filesDir)); err == nil {
				err = s.render(ctx, k, f, no, next, &pulse)
			}
		}
		if s.session != nil {
			s.session.renderer.SetLog(nil) // the log is about to be sealed: its end must be in it
		}
		tail = f.log.lastLines(8 << 10)
	}
	report.Install, report.Warnings = s.version, farm.Sentences(f.warned)
	if !looks && !runs {
		s.tidy(err)
	}
	if err == nil {
		if notCopied != "" {
			report.Warnings = farm.Sentences(append(report.Warnings, notCopied))
		}
		report.Outcome, report.Seconds = farm.Rendered, f.result.Seconds
		report.MemoryMB = int(max(f.result.PeakMemory, f.result.Memory) >> 20)
		s.w.book.update(k.held, func(b *farm.Beat) { b.Fraction, b.Phase, b.LeftS = 1, phaseSending, 0 })
		s.hand(f)
		return nil
	}
	if ctx.Err() != nil {
		f.discard()
		if context.Cause(ctx) == errCanceled {
			s.w.log.Info("a frame was stopped: the master does not want it any more", "job", r.Job, named(no))
			s.w.book.settle(k.held.id, no)
		}
		return context.Cause(ctx)
	}
	fault := faultOf(err, s.w.opt.HangTimeout, tail)
	fault.tell(report)
	report.Seconds = s.w.opt.Now().Sub(began).Seconds()
	s.w.log.Warn("a frame failed", "job", r.Job, named(no), "why", fault.text)
	f.result = nil
	s.hand(f)
	if fault.rest || k.grant.InOrder { // what it had computed up to here is gone
		return restError{fault.text}
	}
	return nil
}

// prepare makes the frame's folder and log.
func (s *slot) prepare(k *work, f *frame, no int, p *pulse) error {
	if s.w.machine.low() {
		return errLowDisk
	}
	dir, err := s.w.out.folder()
	if err != nil {
		return err
	}
	f.dir = dir
	lease := k.held.id
	f.log, err = newAttemptLog(filepath.Join(dir, logFile), s.w.opt.LogBytes, p.beat, func(ctx context.Context, offset int64, text []byte) error {
		if !s.w.link.isOpen() {
			return errNotNow
		}
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		return s.w.master.AppendLog(ctx, lease, s.w.id, no, offset, text)
	})
	return err
}

var errNotNow = errors.New("the master is away")

// tidy ends a session that cannot go on or holds too much memory, and counts the others' frames.
func (s *slot) tidy(err error) {
	x := s.session
	if x == nil {
		return
	}
	if err != nil {
		if !alive(err) {
			s.endSession()
		}
		return
	}
	x.frames++
}

// render gets the session ready and renders the frame in it. It is stopped, with Blender, when ctx ends, when nothing
// was heard of Blender for too long, or when it goes over a limit of time or memory.
func (s *slot) render(ctx context.Context, k *work, f *frame, no int, next *ahead, p *pulse) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hang := time.AfterFunc(s.w.opt.HangTimeout, func() { stop(errHung) })
	defer hang.Stop()
	p.start(hang, s.w.opt.HangTimeout)
	defer p.stop()
	defer s.limitMemory(ctx, stop)()
	err := s.ready(ctx, k, no, f.log)
	if err == nil {
		f.warned = s.session.warnings()
		err = s.session.openFault(k)
	}
	if err == nil {
		if k.grant.Stage != farm.StageBake {
			defer s.limitTime(k, stop)()
		}
		err = s.renderOpen(ctx, k, f, no, next, p)
	}
	if err != nil && ctx.Err() != nil {
		s.endSession() // whatever it was doing
		return context.Cause(ctx)
	}
	if err != nil && !alive(err) {
		s.endSession()
	}
	return err
}

// renderOpen renders the frame in the session, whose scene is open.
func (s *slot) renderOpen(ctx context.Context, k *work, f *frame, no int, next *ahead, p *pulse) error {
	x := s.session
	defer context.AfterFunc(ctx, x.renderer.Kill)()
	began := s.w.opt.Now()
	stage := filepath.Join(x.setup.Out, filesDir)
	if err := os.RemoveAll(stage); err != nil { // of a frame that failed
		return err
	}
	if k.grant.Probe {
		return s.probe(ctx, k, f, no, stage, p)
	}
	if k.grant.Stage == farm.StageBake {
		return s.bakeOpen(ctx, k, f, no, stage, p)
	}
	task, err := s.task(ctx, k, f, no, stage, p)
	if err != nil {
		return err
	}
	s.phase(k, "rendering")
	result, err := x.renderer.Render(ctx, task, func(b blender.Progress) {
		p.beat()
		fraction := 0.0
		if b.Samples > 0 {
			fraction = min(max(float64(b.Sample)/float64(b.Samples), 0), 1)
		}
		s.w.book.update(k.held, func(beat *farm.Beat) {
			beat.Fraction, beat.Phase = fraction, clip(b.Text)
			beat.LeftS, beat.MemoryMB = b.Remaining.Seconds(), int(b.Memory>>20)
		})
		next.progress(fraction)
	})
	if err != nil {
		return err
	}
	f.warned = append(append(f.warned, result.ScriptErrors...), result.Warnings...)
	if err := frameFault(k, &result); err != nil {
		return err
	}
	if err := f.take(stage, result.Files); err != nil {
		return err
	}
	f.result = &result
	s.last = s.w.opt.Now().Sub(began)
	if limit := s.w.machine.sessionMemory(s.w.crew.now()); limit > 0 && result.Memory > limit && !k.grant.InOrder {
		s.w.log.Info("Blender holds much memory and is started anew", "slot", s.no, "megabytes", result.Memory>>20)
		x.frames++
		s.endSession()
	}
	return nil
}

// take moves what Blender wrote into the parcel. Links are refused: they could lead to files that a scene may not read.
func (f *frame) take(stage string, files []blender.File) error {
	dir := filepath.Join(f.dir, filesDir)
	if err := os.Rename(stage, dir); err != nil {
		return err
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() {
			err = &fault{text: "among the frame's results is " + d.Name() + ", which is no plain file"}
		}
		return err
	})
	for i := range files {
		inside, err := filepath.Rel(stage, files[i].Path)
		if err != nil || !filepath.IsLocal(inside) {
			return &fault{text: "Blender wrote " + files[i].Path + ", which is outside the frame's folder", own: true}
		}
		files[i].Path = filepath.Join(dir, inside)
	}
	return err
}

// discard drops a frame of which nothing is reported.
func (f *frame) discard() {
	if f.log != nil {
		f.log.discard()
	}
	if f.dir != "" {
		_ = os.RemoveAll(f.dir) // what is left goes at the next start
	}
}

// pulse puts off the end of a frame's patience at every sign of life from Blender.
type pulse struct {
	timer atomic.Pointer[time.Timer]
	limit time.Duration
}

func (p *pulse) start(t *time.Timer, limit time.Duration) {
	p.limit = limit
	p.timer.Store(t)
}

func (p *pulse) stop() { p.timer.Store(nil) }

func (p *pulse) beat() {
	if t := p.timer.Load(); t != nil {
		t.Reset(p.limit)
	}
}
