package main

import (
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// progressEvery is how often --progress prints a line at most.
const progressEvery = 200 * time.Millisecond

// steps are the lines of --progress: how far what is done now is, in bytes. The first and the last of each thing that is
// done are always printed.
type steps struct {
	print func(v any) error
	clock func() time.Time

	mu      sync.Mutex
	now     step
	printed time.Time
	waiting bool // now is not printed yet
}

// step is what one line says.
type step struct {
	What  string `json:"what"` // reading, packing, checking files, sending, fetching
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

func (a *app) progressFlag(c *cobra.Command) {
	c.Flags().BoolVar(&a.progress, "progress", false, `with --json, print how far things are, too: {"progress": {"what", "done", "total"}}, in bytes, and {"beat": {"frame", "fraction"}} of frames being rendered, {"baking": {"task", "fraction"}} of simulations`)
}

// newSteps is nil when nobody asked for it.
func (a *app) newSteps() *steps {
	if !a.json || !a.progress {
		return nil
	}
	return &steps{print: a.print, clock: time.Now}
}

// bytes takes in how far something is; s may be nil.
func (s *steps) bytes(what string, done, total int64) {
	if s == nil || total <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := what != s.now.What
	if first {
		s.flush()
	}
	s.now, s.waiting = step{what, done, total}, true
	if now := s.clock(); first || now.Sub(s.printed) >= progressEvery {
		s.printed = now
		s.flush()
	}
}

// end prints the last of it; s may be nil.
func (s *steps) end() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
}

func (s *steps) flush() {
	if s.waiting {
		s.waiting = false
		_ = s.print(map[string]step{"progress": s.now})
	}
}

// bake tells how far a bake is, 0..1.
func (s *steps) bake(task string, fraction float64) {
	_ = s.print(map[string]any{"baking": map[string]any{"task": task, "fraction": fraction}})
}

// beat tells how far a frame is that is being rendered, 0..1.
func (s *steps) beat(frame int, fraction float64) {
	_ = s.print(map[string]any{"beat": map[string]any{"frame": frame, "fraction": fraction}})
}
