package master_test

import (
	"container/heap"
	"context"
	"flag"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/store"
)

// The simulation runs the engine under virtual time, thousands of times, each with another seed:
//
//	world     one run: what happens when, and by which chance
//	node      a machine that speaks to the master over a network that loses, doubles, delays and reorders
//	life      a master from its start to its kill; the disk under it keeps what was durable then
//	simWorker a worker: it renders, dies, hangs, is cut off, and comes back with an old outbox
//	simClient who submits jobs and steers them
//	simAdmin  who drains, disables, renames and forgets workers, and changes the rules
//	liar      sends reports of what nobody rendered
//	ledger    what is durable, as it became so; it knows at once when something is promised that is not
//
// After a time of chaos all is calm, and every job must come to its end. One goroutine, the world's, makes everything
// happen, one thing after the other, and waits each time until the master has nothing left to do; so a seed tells the
// same story again.
var (
	simRuns  = flag.Int("sim.runs", 0, "simulated runs of the engine (default 300; 100 with -short)")
	simSQL   = flag.Int("sim.sqlite", 3, "simulated runs with a database on disk")
	simFrom  = flag.Uint64("sim.from", 1, "the first of their seeds")
	simTwice = flag.Int("sim.twice", 10, "simulated runs that are repeated and compared")
	simSeed  = flag.Uint64("sim.seed", 0, "repeat the run of this seed alone and tell its story")
)

func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed, false, true)
		return
	}
	runs := uint64(*simRuns)
	switch {
	case runs > 0:
	case testing.Short():
		runs = 100
	default:
		runs = 300
	}
	var sum simTotals
	t.Cleanup(func() { t.Log(&sum) })
	shards := uint64(runtime.GOMAXPROCS(0))
	for shard := range shards {
		t.Run(fmt.Sprint("part ", shard+1), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < runs && !t.Failed(); i += shards {
				sum.add(simulate(t, *simFrom+i, false, false))
			}
		})
	}
}

// TestSimulationRepeats: a seed tells the same story again. Goroutines of the master that become ready at the same
// instant may run in either order, which has shown in about one of a thousand runs on a busy machine: one of ten may
// differ.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	var differ []uint64
	for i := range uint64(*simTwice) {
		seed := *simFrom + i
		if one, two := simulate(t, seed, false, false), simulate(t, seed, false, false); one.story != two.story {
			differ = append(differ, seed)
		}
	}
	if t.Log("told two stories:", differ); len(differ) > *simTwice/10 {
		t.Errorf("%d of %d seeds told two stories", len(differ), *simTwice)
	}
}

func TestSimulationWithDatabase(t *testing.T) {
	t.Parallel()
	for i := range uint64(*simSQL) {
		if t.Failed() {
			break
		}
		simulate(t, *simFrom+i, true, false)
	}
}

// memoryDir is a folder whose files cost no waiting for a disk, where there is one.
func memoryDir(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "netrender-sim-*"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// world is one run. Everything in it belongs to the goroutine of run, but for what mu guards.
type world struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	began time.Time
	queue events
	count counts

	mu     sync.Mutex
	ended  []*call
	guards map[*master.Master]*blob.Guard
	wake   chan struct{} // has something after a call ended

	calls   int
	open    map[*call]struct{} // calls in the master's hands
	reports int                // of them, reports
	chance  chances
	calm    bool // chaos is over
	life    *life
	skew    atomic.Int64 // nanoseconds that the master's clock is off
	rules   *farm.Rules  // of the first master
	store   master.Store // what is under all lives
	reopen  func() master.Store
	blobs   *simShelf
	dir     string
	ledger  *ledger
	workers []*simWorker
	clients []*simClient
	readers int // of results that rotted, who are not heard yet
	loud    bool
	story   []string
	digest  hash.Hash64 // of the whole story
	wrong   error
}

// chances are how likely what goes wrong is, per message or per second.
type chances struct {
	lost, unheard, doubled, slow, leave float64
	die, hang, cut, kill, jump, full    float64
	rot                                 float64
}

type event struct {
	at time.Duration
	n  int
	f  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func simulate(t *testing.T, seed uint64, sql, loud bool) (count *counts) {
	t.Helper()
	dir := memoryDir(t)
	defer os.RemoveAll(dir)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, dir, sql, loud)
		count = &w.count
		w.run()
		w.end()
		count.story = w.digest.Sum64()
		if w.wrong != nil {
			what := fmt.Sprintf("-run '^TestSimulation$' -sim.seed %d", seed)
			if sql {
				what = fmt.Sprintf("-run TestSimulationWithDatabase -sim.sqlite 1 -sim.from %d", seed)
			}
			t.Errorf("seed %d: %v\nrepeat it with: go test ./internal/master %s -v\nits end:\n%s", seed, w.wrong, what,
				strings.Join(w.story[max(0, len(w.story)-40):], "\n"))
		}
	})
	return count
}

func newWorld(t *testing.T, seed uint64, dir string, sql, loud bool) *world {
	w := &world{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), began: time.Now(), wake: make(chan struct{}, 1),
		open: make(map[*call]struct{}), blobs: &simShelf{rotten: map[blob.Ref]bool{}}, dir: dir, loud: loud,
		guards: make(map[*master.Master]*blob.Guard), digest: fnv.New64a(),
	}
	rules := simRules(w)
	w.rules = &rules
	w.ledger = newLedger(w)
	w.reopen = func() master.Store { return w.store }
	w.store = newMemStore()
	if sql {
		w.reopen = func() master.Store {
			if old, ok := w.store.(*store.SQLite); ok {
				_ = old.Close()
			}
			s, err := store.OpenSQLite(context.Background(), filepath.Join(dir, "farm.db"))
			if err != nil {
				w.fail("the database does not open: %v", err)
			}
			return s
		}
	}
	// Some runs are wild, some have one thing go wrong alone.
	some := func(most float64) float64 {
		if w.rng.Float64() < 0.5 {
			return 0
		}
		return most * w.rng.Float64()
	}
	w.chance = chances{
		lost: some(0.1), unheard: some(0.1), doubled: some(0.1), slow: some(0.2), leave: some(0.3),
		die: some(0.02), hang: some(0.02), cut: some(0.03), kill: some(0.06), jump: some(0.02), full: some(0.02),
		rot: some(0.05),
	}
	return w
}

// run makes the run happen.
func (w *world) run() {
	w.boot()
	for i := range 2 + w.rng.IntN(3) {
		w.workers = append(w.workers, newSimWorker(w, i))
	}
	for i := range 1 + w.rng.IntN(3) {
		w.clients = append(w.clients, newSimClient(w, i))
	}
	newSimAdmin(w)
	newLiar(w)
	for _, s := range w.workers {
		w.after(w.upTo(time.Second), s.boot)
	}
	for _, c := range w.clients {
		w.after(w.upTo(2*time.Second), c.begin)
	}
	w.after(time.Second, w.trouble)
	chaos := 20*time.Second + w.upTo(80*time.Second)
	w.after(chaos, w.calmDown)
	calm := chaos + 3*time.Second // a master that could not write tries again every second
	w.until(chaos+30*time.Minute, func() bool { return w.now() > calm && w.allOver() })
	if w.wrong == nil && !w.allOver() {
		w.fail("half an hour after all was calm a job has not come to its end: %s", w.unfinished())
	}
	w.count.virtual, w.count.end = w.now(), w.now()-chaos
	if w.wrong == nil {
		w.lastLook()
	}
}

// until lets things happen until the condition holds or it is so late.
func (w *world) until(limit time.Duration, holds func() bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for w.wrong == nil {
		synctest.Wait() // the master has nothing left to do
		if w.collect() {
			continue
		}
		w.look()
		if w.wrong != nil || holds() || w.now() > limit {
			return
		}
		next := limit + 1
		if len(w.queue) > 0 {
			next = w.queue[0].at
		}
		if next <= w.now() {
			w.count.events++
			heap.Pop(&w.queue).(event).f()
			continue
		}
		timer.Reset(next - w.now())
		select {
		case <-timer.C:
		case <-w.wake:
		}
	}
}

// collect goes on with calls that ended, in the order they were made.
func (w *world) collect() bool {
	w.mu.Lock()
	ended := w.ended
	w.ended = nil
	w.mu.Unlock()
	slices.SortFunc(ended, func(a, b *call) int { return a.id - b.id })
	for _, c := range ended {
		delete(w.open, c)
		c.then()
	}
	return len(ended) > 0
}

// end stops everything, so that the bubble can close.
func (w *world) end() {
	w.kill()
	time.Sleep(time.Hour) // who pauses between two steps wakes up, finds the master dead and ends
	synctest.Wait()
	if s, ok := w.store.(*store.SQLite); ok {
		_ = s.Close()
	}
}

func (w *world) now() time.Duration { return time.Since(w.began) }

// after has f happen so much later. No two things happen at the same time.
func (w *world) after(d time.Duration, f func()) {
	w.count.events++
	heap.Push(&w.queue, event{w.now() + d + time.Duration(w.count.events%1009), w.count.events, f})
}

func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

// luck tells whether something of this likelihood happens. When all is calm, nothing does.
func (w *world) luck(p float64) bool { return !w.calm && w.rng.Float64() < p }

func (w *world) fail(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf(format, args...)
		w.say("WRONG: %v", w.wrong)
	}
}

func (w *world) say(format string, args ...any) {
	line := fmt.Sprintf("%9.3fs ", w.now().Seconds()) + fmt.Sprintf(format, args...)
	if w.loud {
		w.t.Log(line)
	}
	_, _ = io.WriteString(w.digest, line)
	if w.story = append(w.story, line); len(w.story) > 400 {
		w.story = w.story[200:]
	}
}
