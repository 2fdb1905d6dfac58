package master_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simGrace is how long a file that nobody names is kept.
const simGrace = 3 * time.Second

// life is a master from its start to its kill.
type life struct {
	m      *master.Master
	disk   *disk
	blobs  *blob.Guard
	cancel context.CancelFunc
	loops  sync.WaitGroup
}

// boot starts a master on what is durable.
func (w *world) boot() {
	if w.life != nil || w.wrong != nil {
		return
	}
	if w.store = w.reopen(); w.wrong != nil {
		return
	}
	now := func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }
	l := &life{blobs: blob.NewGuard(w.blobs, simGrace, now)}
	l.disk = &disk{
		Store: w.store, ledger: w.ledger, seed: w.seed, writes: rand.New(rand.NewPCG(w.seed, uint64(w.count.events))),
	}
	if !w.calm && w.chance.slow > 0 {
		l.disk.slow = 30 * time.Millisecond
	}
	var err error
	l.m, err = master.New(context.Background(), master.Options{
		Store: l.disk, Blobs: l.blobs, Dir: w.dir, Now: now, Rules: w.rules,
		Room: blob.NewRoom(w.dir, func(string) (int64, error) { return 1 << 40, nil }),
		Rand: rand.NewChaCha8([32]byte{1}), Log: slog.New(slog.DiscardHandler), Program: "sim",
	})
	if err != nil {
		w.fail("the master does not start: %v", err)
		return
	}
	master.Pause(l.m, l.disk.pause)
	w.mu.Lock()
	w.guards[l.m] = l.blobs
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.loops.Go(func() { _ = l.m.Run(ctx) })
	l.loops.Go(func() { _ = l.m.Tend(ctx) })
	w.life = l
	w.rules = nil // from now on those that are kept
	w.say("a master starts")
}

// guardOf is what a door stores scenes' files in.
func (w *world) guardOf(m *master.Master) *blob.Guard {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.guards[m]
}

// kill ends the master as kill -9 would: what is not durable is lost, and so are the answers under way.
func (w *world) kill() {
	l := w.life
	if l == nil {
		return
	}
	w.say("the master is killed")
	w.life = nil
	l.disk.die()
	for c := range w.open {
		if c.life == l {
			c.lost = true
			c.cancel()
		}
	}
	l.cancel()
	l.loops.Wait()
}

// disk is the store as one master sees it: slow, full at times, and gone when the master is killed.
type disk struct {
	master.Store
	ledger *ledger
	seed   uint64
	writes *rand.Rand // of the writer's goroutine
	slow   time.Duration

	mu   sync.Mutex // guards all below
	dead bool
	full bool
	busy bool // a batch is being written
}

func chance(rng *rand.Rand, most time.Duration) time.Duration {
	if most <= 0 || rng.IntN(3) > 0 {
		return 0
	}
	return time.Duration(rng.Int64N(int64(most)))
}

func (d *disk) state() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.dead:
		return errDead
	case d.full:
		return farm.Errorf(farm.NoRoom, "the master's disk is full")
	}
	return nil
}

func (d *disk) failing() bool { return d.state() != nil }

func (d *disk) occupied(busy bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = busy
}

// settled tells whether everything that the master did is durable, when it has nothing left to do.
func (d *disk) settled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.busy && !d.dead && !d.full
}

func (d *disk) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

func (d *disk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Apply takes its time, and the master may be killed before the batch is durable or after.
func (d *disk) Apply(ctx context.Context, changes []farm.Change) error {
	d.occupied(true)
	defer d.occupied(false)
	time.Sleep(chance(d.writes, d.slow))
	if err := d.state(); err != nil {
		return err
	}
	if err := d.Store.Apply(ctx, changes); err != nil {
		return d.ledger.refused(changes, err)
	}
	d.ledger.apply(changes)
	time.Sleep(chance(d.writes, d.slow))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errDead
	}
	return nil
}

func (d *disk) Load(ctx context.Context, least int64) (farm.State, error) {
	if err := d.state(); err != nil {
		return farm.State{}, err
	}
	return d.Store.Load(ctx, least)
}

// pause lets others in between two steps of a report. A master that is killed takes no further step.
func (d *disk) pause(step string) {
	// Made of what is the same whenever the seed is repeated, as the order of goroutines is not.
	time.Sleep(chance(rand.New(rand.NewPCG(d.seed, uint64(time.Now().UnixNano())^uint64(len(step)))), 40*d.slow))
	if d.state() == errDead {
		runtime.Goexit()
	}
}

// simShelf keeps scenes' files. Some of them rot.
type simShelf struct {
	blob.Memory
	mu     sync.Mutex
	rotten map[blob.Ref]bool
}

func (s *simShelf) rot(ref blob.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotten[ref] = true
}

func (s *simShelf) isRotten(ref blob.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rotten[ref]
}

func (s *simShelf) Open(ctx context.Context, ref blob.Ref) (blob.Reader, error) {
	r, err := s.Memory.Open(ctx, ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !s.rotten[ref] {
		return r, err
	}
	return blob.Verify(ref, 3, &platter{strings.NewReader("rot"), nil}), r.Close()
}

func (s *simShelf) Delete(ctx context.Context, ref blob.Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rotten, ref)
	return s.Memory.Delete(ctx, ref)
}
