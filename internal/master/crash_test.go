package master_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

var errDead = errors.New("the master was killed")

// mortal is the store of a master that is killed exactly before or after a batch is durable.
type mortal struct {
	*memStore
	after  bool
	fatal  func(c farm.Change) bool // the batch that has one kills
	mu     sync.Mutex
	dead   bool
	killed chan struct{}
}

func (s *mortal) Apply(ctx context.Context, changes []farm.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return errDead
	}
	for _, c := range changes {
		s.dead = s.dead || s.fatal(c)
	}
	if s.dead {
		close(s.killed)
	}
	if s.dead && !s.after {
		return errDead
	}
	if err := s.memStore.Apply(ctx, changes); err != nil {
		return err
	}
	if s.dead {
		return errDead
	}
	return nil
}

func (s *mortal) Load(ctx context.Context, least int64) (farm.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return farm.State{}, errDead
	}
	return s.memStore.Load(ctx, least)
}

// dying restarts the master with a store that kills it at such a change; what is returned waits for that and starts
// another master on what is durable.
func (b *bench) dying(after bool, at func(c farm.Change) bool) (kill func()) {
	b.t.Helper()
	b.stop()
	s := &mortal{memStore: b.store, after: after, fatal: at, killed: make(chan struct{})}
	b.kept = s
	b.start()
	return func() {
		b.t.Helper()
		select {
		case <-s.killed:
		case <-time.After(time.Minute):
			b.t.Fatal("it was not killed")
		}
		b.stop()
		b.kept = nil
		b.start()
	}
}

// fails calls f, which must not be acknowledged.
func (b *bench) fails(f func() error) {
	b.t.Helper()
	if err := f(); err == nil {
		b.t.Fatal("it was acknowledged by a master that was killed")
	}
}

func whenKilled(t *testing.T, f func(t *testing.T, b *bench, after bool)) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			inFarm(t, func(b *bench) { f(t, b, after) })
		})
	}
}

// TestKilledAtAClaim: a lease that was kept but never told expires, one that was not never was.
func TestKilledAtAClaim(t *testing.T) {
	whenKilled(t, func(t *testing.T, b *bench, after bool) {
		job := b.submit("1-2")
		kill := b.dying(after, func(c farm.Change) bool { _, is := c.(farm.LeaseAdd); return is })
		oak := b.worker("oak", 1)
		b.fails(func() error {
			_, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak})
			return err
		})
		kill()
		b.worker("oak", 1)
		first, second := "1", "2"
		if after {
			first, second = "2", "1"
		}
		g := b.claim(oak, 0)
		want(t, "leased", frames(g), first)
		want(t, "accepted", b.report(g, g.Lease.Frames[0], farm.Rendered).Accepted, true)
		g = b.holds(oak, time.Minute)
		want(t, "leased", frames(g), second)
		want(t, "accepted", b.report(g, g.Lease.Frames[0], farm.Rendered).Accepted, true)
		want(t, "state", b.job(job.ID).State, farm.Done)
	})
}

// TestKilledAtAReport: the worker reports again, and the frame counts once.
func TestKilledAtAReport(t *testing.T) {
	whenKilled(t, func(t *testing.T, b *bench, after bool) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1-2", func(s *farm.JobSpec) { s.Chunk = 2 })
		g := b.claim(oak, 0)
		kill := b.dying(after, func(c farm.Change) bool { _, is := c.(farm.FrameDone); return is })
		r := reportOf(g, 1, farm.Rendered)
		r.Results = []farm.Result{b.upload(g, 1, "a.png", "picture")}
		b.fails(func() error {
			_, _, err := b.m.Report(ctx, root, []farm.Report{r}, nil)
			return err
		})
		kill()
		b.worker("oak", 1)
		want(t, "done", b.job(job.ID).Done == 1, after)
		v, _, err := b.m.Report(ctx, root, []farm.Report{r}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(v[0].Missing) > 0 { // they were put in place, and that was not kept
			b.upload(g, 1, "a.png", "picture")
			if v, _, err = b.m.Report(ctx, root, []farm.Report{r}, nil); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "accepted now", v[0].Accepted, !after)
		b.report(g, 2, farm.Rendered)
		end := b.job(job.ID)
		want(t, "state", end.State, farm.Done)
		want(t, "seconds", end.Seconds, 2)
		page, err := b.m.Attempts(ctx, farm.AttemptFilter{Job: job.ID, Limit: 9})
		if err != nil || len(page) != 2 {
			t.Fatalf("attempts: %v, %v", page, err)
		}
		f, err := b.m.OpenResult(ctx, job.ID, "a.png")
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	})
}

// TestKilledAtAFailure: it counts once.
func TestKilledAtAFailure(t *testing.T) {
	whenKilled(t, func(t *testing.T, b *bench, after bool) {
		oak := b.worker("oak", 1)
		b.submit("1-2", func(s *farm.JobSpec) { s.Chunk = 2 })
		g := b.claim(oak, 0)
		kill := b.dying(after, func(c farm.Change) bool { _, is := c.(farm.FrameTried); return is })
		r := reportOf(g, 1, farm.Errored)
		b.fails(func() error {
			_, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil)
			return err
		})
		kill()
		b.worker("oak", 1)
		want(t, "accepted now", b.report(g, 1, farm.Errored).Accepted, !after)
		b.report(g, 2, farm.Rendered)
		again := b.claim(oak, 0) // nobody else is there
		want(t, "leased", frames(again), "1")
		want(t, "attempt", again.Lease.Attempt, 2)
	})
}

// TestClockJumps: an hour forward takes no lease from a worker that beats, an hour back lets none live on.
func TestClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inFarm(t, func(b *bench) {
				oak, elm := b.worker("oak", 1), b.worker("elm", 1)
				job := b.submit("1-3")
				g := b.claim(oak, 0)
				other := b.claim(elm, 0)
				b.beat(oak, g)
				b.beat(elm, other)
				b.skew.Add(int64(jump))
				for range 8 {
					time.Sleep(2 * time.Second)
					want(t, "orders", len(b.beat(oak, g).Cancel), 0)
				}
				time.Sleep(4 * time.Second) // elm said nothing since the jump
				want(t, "running", b.job(job.ID).Running, 1)
				b.beat(oak, g)
				want(t, "given again", frames(b.claim(elm, 0)), "2")
				want(t, "accepted", b.report(g, 1, farm.Rendered).Accepted, true)
				page, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 9})
				if err != nil || len(page) != 1 || page[0].Worker != elm {
					t.Fatalf("lost: %v, %v", page, err)
				}
				b.skew.Add(int64(-jump)) // somebody sets it right
				time.Sleep(2 * time.Second)
				want(t, "running after the clock was set right", b.job(job.ID).Running, 1)
			})
		})
	}
}
