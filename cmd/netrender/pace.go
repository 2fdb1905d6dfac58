package main

import (
	"math"
	"time"
)

// pace estimates the time left from how much is done over time. What is long ago counts less, so that it follows a
// farm that grows or a network that slows down; what is shown moves slowly, so that it settles. It counts from the
// first that was done, so that Blender's start does not distort it. Its clock is that of its callers.
type pace struct {
	unit float64 // what is done at once, as a frame; 0: it flows

	began  time.Time
	moved  time.Time // when something was done last
	done   float64
	work   float64 // done since began, old work counting less
	during float64 // seconds it took, weighted alike
	steps  float64 // in how many steps, weighted alike

	shown time.Duration
	at    time.Time // when shown was true
}

const (
	paceMemory = 20.0 // seconds, or as long as paceUnits take: what is older counts less than 1/e
	paceUnits  = 10.0
	paceFirst  = 2.0 // seconds that must have passed before anything is said
)

// see takes in how much is done.
func (p *pace) see(now time.Time, done float64) {
	if p.began.IsZero() {
		if done > 0 {
			p.began, p.moved, p.done = now, now, done
		}
		return
	}
	step := done - p.done
	if p.done = done; step <= 0 { // a transfer that broke begins a little earlier
		return
	}
	gone := now.Sub(p.moved).Seconds()
	memory := paceMemory
	if p.work > 0 {
		memory = max(memory, paceUnits*p.unit*p.during/p.work)
	}
	keep := math.Exp(-gone / memory)
	p.work, p.during, p.steps, p.moved = p.work*keep+step, p.during*keep+gone, p.steps*keep+1, now
}

// left is the time until total is done; ok is false while nothing can be said, and when all is done.
func (p *pace) left(now time.Time, total float64) (left time.Duration, ok bool) {
	if p.work <= 0 || p.work < p.unit/2 || p.done >= total || now.Sub(p.began).Seconds() < paceFirst || p.during <= 0 {
		return 0, false
	}
	// Between two steps nothing is late until the next one is due.
	idle := now.Sub(p.moved).Seconds()
	due := p.during / p.steps
	rate := p.work / (p.during + max(0, idle-due))
	raw := seconds(max(0, (total-p.done)/rate-min(idle, due)))
	if p.at.IsZero() {
		p.shown = raw
	} else {
		gone := now.Sub(p.at)
		old := p.shown - gone // it grows shorter by itself
		mix := 1 - math.Exp(-gone.Seconds()/4)
		p.shown = max(0, old+time.Duration(mix*float64(raw-old)))
	}
	p.at = now
	return p.shown, true
}

// seconds is a duration that may be too long for one.
func seconds(s float64) time.Duration {
	return time.Duration(min(s*float64(time.Second), math.MaxInt64/4))
}
