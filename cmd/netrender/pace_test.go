package main

import (
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/netrender/netrender/internal/farm"
)

// series is a simulated run: at(t) is what is done after so many seconds, out of total.
type series struct {
	name  string
	unit  float64
	total float64
	at    func(t float64) float64
	// from says from which second on the time left must be right, within off of what is truly left or three seconds.
	from, off float64
}

// ends finds when all is done.
func (s *series) ends() float64 {
	t := 0.0
	for s.at(t) < s.total {
		t += 0.1
	}
	return t
}

// TestPaceSettles plays runs of uploads and of rendering through the estimate, as it is asked for by a bar that is drawn
// several times a second.
func TestPaceSettles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]float64, 100_000)
	for i := 1; i < len(noise); i++ {
		noise[i] = noise[i-1] + 0.2*rng.Float64()
	}
	noisy := func(t float64) float64 { return noise[min(int(t*10), len(noise)-1)] }
	for _, s := range []series{
		{"an even upload", 0, 1e9, func(t float64) float64 { return 1e7 * t }, 4, 0.05},
		{"an upload that goes on at 60 %", 0, 1e9, func(t float64) float64 { return 6e8 + 5e6*t }, 4, 0.05},
		{"a noisy upload", 0, 200, noisy, 10, 0.2},
		{"a network that slows down to a third after a minute", 0, 1e9, func(t float64) float64 { return 1e7*min(t, 60) + 3e6*max(0, t-60) }, 130, 0.1},
		{"an upload that stands still for 30 s", 0, 2e9, func(t float64) float64 { return 1e7 * (min(t, 20) + max(0, t-50)) }, 120, 0.1},
		{"frames of 20 s, told when they are done", 1, 60, func(t float64) float64 { return math.Floor(t / 20) }, 45, 0.1},
		{"frames of 5 s told as they go, after Blender's start of 30 s", 1, 40, func(t float64) float64 { return max(0, t-30) / 5 }, 40, 0.05},
		{"three workers that go in step", 1, 90, func(t float64) float64 { return 3 * math.Floor(t/12) }, 30, 0.1},
		{"frames of ten minutes", 1, 12, func(t float64) float64 { return t / 600 }, 700, 0.05},
		{"a second worker comes after two minutes", 1, 100, func(t float64) float64 { return t/6 + max(0, t-120)/6 }, 230, 0.15},
	} {
		t.Run(s.name, func(t *testing.T) {
			start := time.Unix(1e9, 0)
			at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
			p := pace{unit: s.unit}
			end := s.ends()
			said := -1.0
			for now := 0.0; now < end; now += 0.1 {
				if done := s.at(now); done != p.done || now == 0 {
					p.see(at(now), done)
				}
				left, ok := p.left(at(now), s.total)
				if !ok {
					if now >= s.from {
						t.Fatalf("nothing is said after %.1f s", now)
					}
					continue
				}
				is, truth := left.Seconds(), end-now
				if now >= s.from && math.Abs(is-truth) > max(3, s.off*truth) {
					t.Fatalf("after %.1f s it says %.1f s, but %.1f s are left", now, is, truth)
				}
				if now >= s.from && said >= 0 && math.Abs(is-said) > max(0.5, 0.03*said) {
					t.Fatalf("after %.1f s it jumps from %.1f s to %.1f s", now, said, is)
				}
				said = is
			}
			p.see(at(end), s.total)
			if left, ok := p.left(at(end), s.total); ok {
				t.Errorf("all is done and %s are left", left)
			}
		})
	}
}

// A transfer that broke goes on a little earlier; one that stands still is not said to end soon.
func TestPaceOfBrokenTransfers(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pace{}
	for i := range 20 {
		now = now.Add(time.Second)
		p.see(now, float64(10*(i+1)))
	}
	p.see(now, 150)
	now = now.Add(5 * time.Second)
	p.see(now, 200)
	left, ok := p.left(now, 300)
	if !ok || left < 7*time.Second || left > 15*time.Second {
		t.Errorf("%s left (%v)", left, ok)
	}
	for range 600 {
		now = now.Add(time.Second)
		left, _ = p.left(now, 300)
	}
	if left < time.Minute {
		t.Errorf("nothing moved for ten minutes, and %s are left", left)
	}
}

// bars is a show whose bars are drawn nowhere, and its clock.
func bars(t *testing.T) (s *show, now *time.Time) {
	t.Helper()
	at := time.Unix(1e9, 0)
	s = &show{clock: func() time.Time { return at }, parts: map[int]float64{}, out: io.Discard}
	s.bars = mpb.New(mpb.WithOutput(io.Discard), mpb.WithAutoRefresh())
	t.Cleanup(s.close)
	return s, &at
}

// The bar of an upload that went on at some place says at once how far it is, and never how long a clock that began in
// the year 1 would take.
func TestBarOfBytes(t *testing.T) {
	s, now := bars(t)
	const total = 1e9
	s.bytes("sending", 6e8, total)
	if s.bar == nil || s.bar.Current() != 6e8 {
		t.Fatalf("the bar stands at %d", s.bar.Current())
	}
	if text := s.bytesCaption(*now); text != "600.0 MB of 1.0 GB" {
		t.Errorf("at once it says %q", text)
	}
	for i := range 10 {
		*now = now.Add(time.Second)
		s.bytes("sending", 6e8+1e7*int64(i+1), total)
	}
	if text := s.bytesCaption(*now); text != "700.0 MB of 1.0 GB, 30 s left" {
		t.Errorf("after ten seconds it says %q", text)
	}
	s.bytes("sending", total, total)
	if text := s.bytesCaption(*now); text != "1.0 GB of 1.0 GB" {
		t.Errorf("at the end it says %q", text)
	}
}

func TestBarOfFrames(t *testing.T) {
	s, now := bars(t)
	frame := func(n int, p farm.Progress) {
		s.event(&farm.Event{Kind: farm.EventFrame, Frame: &n, State: string(farm.Rendered), Progress: &p})
	}
	for i := range 4 {
		*now = now.Add(5 * time.Second)
		frame(i+1, farm.Progress{Total: 6, Done: i + 1, Running: 1})
	}
	if text := s.framesCaption(*now); text != "4/6 frames, 1 running, 10 s left" {
		t.Errorf("it says %q", text)
	}
	five := 5
	*now = now.Add(2500 * time.Millisecond)
	s.event(&farm.Event{Kind: farm.EventBeat, Frame: &five, Beat: &farm.Beat{Fraction: 0.5}, Progress: nil})
	if at := s.bar.Current(); at != 4500 {
		t.Errorf("a frame that is half done counts as %d", at-4000)
	}
	*now = now.Add(2500 * time.Millisecond)
	frame(5, farm.Progress{Total: 6, Done: 5, Running: 1})
	*now = now.Add(5 * time.Second)
	frame(6, farm.Progress{Total: 6, Done: 6})
	if text := s.framesCaption(*now); text != "6/6 frames" {
		t.Errorf("all are done, and it says %q", text)
	}
	frame(6, farm.Progress{Total: 6, Done: 5, Failed: 1})
	if text := s.framesCaption(*now); text != "5/6 frames, 1 failed" {
		t.Errorf("all are done or failed, and it says %q", text)
	}
}

// Where there is no terminal, lines are printed now and then.
func TestLinesOfBytes(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1e9, 0)
	s := &show{clock: func() time.Time { return now }, plain: true, out: &out}
	for i := range 101 {
		s.bytes("sending", int64(i)*1e7, 1e9)
		now = now.Add(100 * time.Millisecond)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) < 4 || len(lines) > 6 || lines[0] != "sending: 0 bytes of 1.0 GB" || !strings.HasSuffix(lines[3], " left") {
		t.Errorf("%q", lines)
	}
}
