package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// show tells how far things are: bars on a terminal, plain lines now and then elsewhere, nothing with --json.
type show struct {
	mu     sync.Mutex
	out    io.Writer
	silent bool
	plain  bool
	bars   *mpb.Progress
	name   string
	now    *mpb.Bar
	last   time.Time
	began  time.Time
	left   pace
	frames farm.Progress
	parts  map[farm.WorkerID]float64 // fractions of frames under way
}

// lineEvery is how often plain lines are printed at most.
const lineEvery = 2 * time.Second

func (a *app) newShow() *show {
	s := &show{out: a.err, silent: a.json, plain: !terminal(a.err), began: time.Now(), parts: map[farm.WorkerID]float64{}}
	if !s.silent && !s.plain {
		s.bars = mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(44), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return s
}

// close ends the bars; what is shown stays.
func (s *show) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bars == nil {
		return
	}
	if s.now != nil && !s.now.Completed() {
		s.now.Abort(false)
	}
	s.bars.Wait()
	s.bars, s.now = nil, nil
}

// say prints a line above the bars.
func (s *show) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return
	}
	if s.bars != nil {
		fmt.Fprintf(s.bars, format+"\n", args...)
		return
	}
	fmt.Fprintf(s.out, format+"\n", args...)
}

// bar shows bytes.
func (s *show) bar(name string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || total < 8<<20 { // what is over in a moment is not worth a bar
		return
	}
	if s.plain {
		if time.Since(s.last) > lineEvery {
			s.last = time.Now()
			fmt.Fprintf(s.out, "%s: %s of %s\n", name, size(done), size(total))
		}
		return
	}
	if s.bars == nil {
		return
	}
	if s.now == nil || s.name != name {
		s.name = name
		s.now = s.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name(name, decor.WC{W: 16, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Name("  "), decor.EwmaETA(decor.ET_STYLE_GO, 30, decor.WC{W: 6})))
	}
	s.now.EwmaSetCurrent(done, time.Since(s.last))
	s.last = time.Now()
}

// event takes a job's event into the bar of frames.
func (s *show) event(ev *farm.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev.Progress != nil {
		s.frames = *ev.Progress
	}
	switch {
	case ev.Beat != nil:
		s.parts[ev.Worker] = ev.Beat.Fraction
	case ev.Kind == farm.EventFrame:
		delete(s.parts, ev.Worker)
	}
	s.draw()
}

// draw shows frames done, those under way counted by how far they are.
func (s *show) draw() {
	if s.bars == nil || s.frames.Total == 0 {
		return
	}
	const fine = 1000
	if s.now == nil || s.name != "rendering" {
		s.name = "rendering"
		s.now = s.bars.AddBar(int64(s.frames.Total)*fine,
			mpb.PrependDecorators(decor.Name("rendering", decor.WC{W: 16, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return s.caption() })))
	}
	part := 0.0
	for _, f := range s.parts {
		part += f
	}
	done := float64(s.frames.Done+s.frames.Failed) + min(part, float64(s.frames.Running))
	s.left.see(time.Now(), done, s.frames)
	s.now.SetCurrent(int64(done * fine))
}

// caption is called by the drawing of bars, which runs beside us.
func (s *show) caption() string {
	if !s.mu.TryLock() {
		return s.left.text
	}
	defer s.mu.Unlock()
	text := fmt.Sprintf("%d/%d frames", s.frames.Done, s.frames.Total)
	if s.frames.Failed > 0 {
		text += fmt.Sprintf(", %d failed", s.frames.Failed)
	}
	text += fmt.Sprintf(", %d running", s.frames.Running)
	if left, ok := s.left.left(time.Now(), s.frames.Total); ok {
		text += ", " + span(left) + " left"
	}
	s.left.text = text
	return text
}

// frame tells of a frame that is here.
func (s *show) frame(f client.FetchedFrame, here, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || !s.plain {
		return
	}
	first := ""
	if len(f.Paths) > 0 {
		first = f.Paths[len(f.Paths)-1]
		for i, r := range f.Results {
			if r.Kind == farm.KindOutput {
				first = f.Paths[i]
			}
		}
	}
	fmt.Fprintf(s.out, "frame %d  (%d/%d)  %s  %s\n", f.Frame, here, total, span(time.Duration(f.Attempt.Seconds*float64(time.Second))), first)
}

// pace estimates the time left from frames done over time, counted from the first that finished, so that Blender's
// start does not distort it; it is averaged so that it settles.
type pace struct {
	start    time.Time
	from     float64
	done     float64
	smoothed time.Duration
	at       time.Time
	text     string
}

func (p *pace) see(now time.Time, done float64, _ farm.Progress) {
	if p.start.IsZero() && done > 0 {
		p.start, p.from = now, done
	}
	p.done = done
}

// left is the time until all frames are done; ok is false while nothing can be said.
func (p *pace) left(now time.Time, total int) (time.Duration, bool) {
	gone := now.Sub(p.start)
	if p.start.IsZero() || p.done-p.from < 0.5 || gone < 2*time.Second {
		return 0, false
	}
	raw := time.Duration(float64(gone) * (float64(total) - p.done) / (p.done - p.from))
	if p.at.IsZero() {
		p.smoothed = raw
	} else {
		// The old estimate grows shorter by itself; a quarter of the new one is mixed in each second.
		old := p.smoothed - now.Sub(p.at)
		mix := min(1, 0.25*now.Sub(p.at).Seconds())
		p.smoothed = max(0, old+time.Duration(mix*float64(raw-old)))
	}
	p.at = now
	return p.smoothed, true
}
