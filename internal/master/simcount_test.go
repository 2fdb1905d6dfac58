package master_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// counts are what happened in a run.
type counts struct {
	events                int // that the world made happen
	calls                 int // of workers and clients
	lost, doubled, late   int // messages; late ones took up to 12 seconds
	kills, deaths, cuts   int // masters; workers; workers that were cut off or stood still
	jumps, full, rot      int // of the clock; of the disk; files that were damaged
	jobs                  int
	leases, frames        atomic.Int64 // handed out, accepted
	virtual, longest, end time.Duration
	story                 uint64 // a digest of it
}

// simTotals adds up the counts of many runs.
type simTotals struct {
	mu  sync.Mutex
	n   int
	sum counts
}

func (s *simTotals) add(c *counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	t := &s.sum
	t.events += c.events
	t.calls += c.calls
	t.lost += c.lost
	t.doubled += c.doubled
	t.late += c.late
	t.kills += c.kills
	t.deaths += c.deaths
	t.cuts += c.cuts
	t.jumps += c.jumps
	t.full += c.full
	t.rot += c.rot
	t.jobs += c.jobs
	t.leases.Add(c.leases.Load())
	t.frames.Add(c.frames.Load())
	t.virtual += c.virtual
	t.longest = max(t.longest, c.end)
}

func (s *simTotals) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.sum
	return fmt.Sprintf("%d runs, %.1f days of virtual time: %d jobs, %d leases, %d results accepted; %d calls, of whose messages %d were lost, "+
		"%d doubled and %d late; %d masters killed, %d workers killed, %d cut off or stopped, %d jumps of the clock, %d times a full disk, "+
		"%d files damaged; after the last harm every job had ended within %s", s.n, t.virtual.Hours()/24, t.jobs, t.leases.Load(),
		t.frames.Load(), t.calls, t.lost, t.doubled, t.late, t.kills, t.deaths, t.cuts, t.jumps, t.full, t.rot, t.longest.Round(time.Second))
}
