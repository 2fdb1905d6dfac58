package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// show tells how far things are: bars on a terminal, plain lines now and then elsewhere, nothing with --json but
// what --progress asks for.
type show struct {
	mu     sync.Mutex
	out    io.Writer
	clock  func() time.Time
	silent bool
	plain  bool
	bars   *mpb.Progress
	bar    *mpb.Bar  // the last one
	name   string    // of it
	last   time.Time // when a plain line was printed
	left   pace
	done   int64 // bytes
	total  int64
	frames farm.Progress
	each   int             // parts that each frame is rendered in; 0: whole
	part   string          // what a part is
	told   int             // parts and frames of the last plain line
	parts  map[int]float64 // how far frames under way are, 0..1
	steps  *steps          // of --progress
	baked  bool            // bakes are counted, too
	baking string          // what a bake does now; "": nothing is baked
}

// lineEvery is how often plain lines are printed at most.
const lineEvery = 2 * time.Second

func (a *app) newShow() *show {
	s := &show{out: a.err, clock: time.Now, silent: a.json, plain: !movesCursor(a.err), parts: map[int]float64{}, steps: a.newSteps()}
	if !s.silent && !s.plain {
		s.bars = mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(44), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return s
}

// close ends the bars; what is shown stays.
func (s *show) close() {
	s.steps.end()
	s.mu.Lock()
	bars, bar := s.bars, s.bar
	s.bars, s.bar = nil, nil
	s.mu.Unlock() // they are drawn once more
	if bars == nil {
		return
	}
	if bar != nil {
		bar.Abort(false)
	}
	bars.Wait()
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

// bytes shows how far files are.
func (s *show) bytes(name string, done, total int64) {
	s.steps.bytes(name, done, total)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || total < 8<<20 { // what is over in a moment is not worth a bar
		return
	}
	now := s.clock()
	if name != s.name {
		s.begin(name, 0, s.bytesCaption)
	}
	s.done, s.total = done, total
	s.left.see(now, float64(done))
	if s.plain && now.Sub(s.last) > lineEvery {
		s.last = now
		fmt.Fprintf(s.out, "%s: %s\n", name, s.bytesCaption(now))
	}
	if s.bar != nil {
		s.bar.SetTotal(total, false)
		s.bar.SetCurrent(done)
	}
}

// begin makes another bar; caption is what stands behind it, and is called with the lock held. The bar's total is set
// with each step, for it may grow; so a bar ends only by being aborted.
func (s *show) begin(name string, unit float64, caption func(now time.Time) string) {
	s.name, s.left = name, pace{unit: unit}
	if s.bars == nil {
		return
	}
	if s.bar != nil {
		s.bar.Abort(false)
	}
	text := "" // of the bar's own goroutine, which must not wait for us
	s.bar = s.bars.AddBar(0,
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: 16, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			if s.mu.TryLock() {
				defer s.mu.Unlock()
				if s.name == name {
					text = caption(s.clock())
				}
			}
			return text
		})))
}

func (s *show) bytesCaption(now time.Time) string {
	text := size(s.done) + " of " + size(s.total)
	if left, ok := s.left.left(now, float64(s.total)); ok {
		text += ", " + span(left) + " left"
	}
	return text
}

// event takes a job's event into the bar of frames.
func (s *show) event(ev *farm.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev.Progress != nil {
		s.frames = *ev.Progress
	}
	switch {
	case ev.Frame == nil && ev.Beat != nil:
		s.bakes(ev)
	case ev.Frame == nil:
	case ev.Beat != nil:
		s.parts[*ev.Frame] = ev.Beat.Fraction
		if s.steps != nil {
			s.steps.beat(*ev.Frame, ev.Beat.Fraction)
		}
	case ev.Kind == farm.EventFrame:
		delete(s.parts, *ev.Frame)
	}
	s.draw()
}

// bakes shows how far a bake is. It is called with the lock held.
func (s *show) bakes(ev *farm.Event) {
	s.baking = ""
	if ev.Beat.Fraction < 1 {
		s.baking = plainText(ev.Beat.Phase)
	}
	if s.steps != nil {
		s.steps.bake(ev.Text, ev.Beat.Fraction)
	}
	if now := s.clock(); s.plain && !s.silent && s.baking != "" && now.Sub(s.last) > lineEvery {
		s.last = now
		fmt.Fprintln(s.out, s.baking)
	}
}

// draw shows frames done, those under way counted by how far they are.
func (s *show) draw() {
	if s.frames.Total == 0 {
		return
	}
	const name, fine = "rendering", 1000
	if s.name != name {
		s.begin(name, 1, s.framesCaption)
	}
	part := 0.0
	for _, f := range s.parts {
		part += f
	}
	done := float64(s.frames.Done+s.frames.Failed) + min(part, float64(s.frames.Running))
	now := s.clock()
	s.left.see(now, done)
	if s.plain && !s.silent && s.each > 0 && s.frames.Done > s.told && now.Sub(s.last) > lineEvery {
		s.last, s.told = now, s.frames.Done
		fmt.Fprintln(s.out, s.framesCaption(now))
	}
	if s.bar != nil {
		s.bar.SetTotal(int64(s.frames.Total)*fine, false)
		s.bar.SetCurrent(int64(done * fine))
	}
}

func (s *show) framesCaption(now time.Time) string {
	noun := "frames"
	if s.each > 0 {
		noun = s.part + "s and frames"
	} else if s.baked {
		noun = "bakes and frames"
	}
	switch {
	case s.each == 0 || s.frames.Total != s.each+1 || s.frames.Failed > 0 || s.frames.Done > s.each:
	case s.frames.Done == s.each:
		return fmt.Sprintf("all %d %ss are there, the frame is finished", s.each, s.part)
	default: // one frame
		text := fmt.Sprintf("%s %d of %d, %d running", s.part, s.frames.Done, s.each, s.frames.Running)
		if left, ok := s.left.left(now, float64(s.frames.Total)); ok {
			text += ", " + span(left) + " left"
		}
		return text
	}
	text := fmt.Sprintf("%d/%d %s", s.frames.Done, s.frames.Total, noun)
	if done, total, ok := s.frames.FramesDone(); ok && len(s.frames.Stages) > 0 {
		counts := strings.SplitN(progressCount(&s.frames), ",", 2)
		if text = fmt.Sprintf("%d/%d frames", done, total); len(counts) > 1 {
			text += "," + counts[1]
		}
	}
	if s.frames.Failed > 0 {
		text += fmt.Sprintf(", %d failed", s.frames.Failed)
	}
	if s.frames.Done+s.frames.Failed == s.frames.Total {
		return text
	}
	text += fmt.Sprintf(", %d running", s.frames.Running)
	if s.baking != "" {
		return text + ", " + s.baking
	}
	if left, ok := s.left.left(now, float64(s.frames.Total)); ok {
		text += ", " + span(left) + " left"
	}
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
	fmt.Fprintf(s.out, "%s  (%d/%d)  %s  %s\n", farm.TaskName(f.Frame), here, total, span(time.Duration(f.Attempt.Seconds*float64(time.Second))), first)
}
