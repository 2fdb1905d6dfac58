// Package master is the engine of a farm: it accepts jobs, leases frames to workers, takes their reports and keeps
// everything. Doors (package api and others) translate their protocols onto its methods.
//
// One goroutine, the loop in Run, owns the moving state, the engine. Methods hand it closures; no lock guards the
// engine. Changes are gathered and written to the Store in batches by a second goroutine; whoever asked for a change
// is answered when its batch is durable, never before. When a batch cannot be written, everybody in it gets the
// error and the engine is read anew from the store, so that memory never runs ahead of what is kept.
package master

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Store keeps the farm. Apply is called by one goroutine at a time; reads may run beside it and see only what was
// applied.
type Store interface {
	// Load returns everything that still moves and durably counts the start: the count becomes one more, and at least
	// least. It is called once, before all else, and again only after an Apply failed.
	Load(ctx context.Context, least int64) (farm.State, error)
	// Apply makes the changes in one transaction and returns when they are durable. On an error none was made.
	Apply(ctx context.Context, changes []farm.Change) error
	Job(ctx context.Context, id farm.JobID) (farm.Job, error)
	LoadJob(ctx context.Context, id farm.JobID) (farm.JobLoad, error)
	JobByKey(ctx context.Context, key string) (farm.JobID, error)
	Jobs(ctx context.Context, f farm.JobFilter) ([]farm.Job, error)
	// JobPage is a page of a sorted list, and how many jobs its filter selects in all.
	JobPage(ctx context.Context, f farm.JobFilter) (farm.JobPage, error)
	Manifest(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.File, error)
	// PathOf is a path that the job's manifest gives the blob; "" when the job does not have it.
	PathOf(ctx context.Context, id farm.JobID, ref string) (string, error)
	// BakesOf lists the bakes of the job that made the blob, rising; 0 is among them when it came with the scene.
	BakesOf(ctx context.Context, id farm.JobID, ref string) ([]int, error)
	Attempts(ctx context.Context, f farm.AttemptFilter) ([]farm.Attempt, error)
	// Traces hands on every try at the positions of a job, or at all of them with nil; those of one position come in the
	// order they ended, but the accepted one may come first. newest is the Seq of the job's last attempt.
	Traces(ctx context.Context, id farm.JobID, positions *farm.Spans, each func(*farm.Trace)) (newest int64, err error)
	// WorkerAttempts lists attempts of one worker, of all jobs that are there, the newest first.
	WorkerAttempts(ctx context.Context, f farm.WorkerAttemptFilter) ([]farm.WorkerAttempt, error)
	// Statistics reads what was rendered, also for jobs that are deleted: rows by the filter's keys, and the sum of all.
	Statistics(ctx context.Context, f farm.StatFilter) (rows []farm.StatRow, total farm.StatSum, err error)
	// Warnings lists what a job's attempts warned of, each sentence once, the most frequent first.
	Warnings(ctx context.Context, id farm.JobID) ([]farm.Warning, error)
	Audit(ctx context.Context, f farm.AuditFilter) ([]farm.Audit, error)
	Size(ctx context.Context) (int64, error)
	// About says what the store is, and how many jobs it keeps.
	About(ctx context.Context) (about farm.StoreAbout, jobs int, err error)
	// Inspect reads all that is kept, slowly, until ctx ends. An error is of damage that it found, or of ctx.
	Inspect(ctx context.Context) (rows int64, err error)
	// Snapshot writes what is kept at this moment to a file that is empty, while others go on.
	Snapshot(ctx context.Context, path string) (farm.Kept, error)
	// Contents tells of every file that the records of a snapshot refer to.
	Contents(ctx context.Context, path string, each func(farm.Stored) error) error
	Close() error
}

// Options are what a master is made of.
type Options struct {
	Store    Store
	Blobs    blob.Store       // a *blob.Guard: what no job names is collected; the doors must speak to it too
	Dir      string           // holds outputs/, logs/ and incoming/
	Room     *blob.Room       // of the file system of Dir; nil: nobody else writes to it
	Reserve  int64            // bytes of it that are kept free of scenes' files; a part of them also of results
	Now      func() time.Time // the clock
	Rand     io.Reader        // for tokens and codes; crypto/rand in earnest
	Log      *slog.Logger
	Program  string        // version of this program
	Pin      func() string // of the key that newcomers see; nil, or "": the door does not encrypt
	ByName   bool          // newcomers may know the door's certificate by its name, and then show no letters
	AuditAge time.Duration // how long the audit is kept; 0: 400 days
	Rules    *farm.Rules   // nil: those kept, or the defaults
	Keep     []Kept        // files that a backup holds besides the database
	NoPeers  bool          // workers fetch everything from the master
	Courier  Courier       // nil: nobody is told of anything outside the farm
}

// Master is the engine with its doors' methods. Make one with New and give it a goroutine with Run.
type Master struct {
	started time.Time
	opt     Options
	inbox   chan func(*engine)
	quit    chan struct{} // closed when Run has ended
	eng     *engine       // owned by the goroutine of Run
	hub     hub
	auth    auth
	pairs   pairs
	peers   peers
	logs    logBoard
	notices notices
	teller  teller
	glances glances
	audits  logBoard // under no job

	arrivals *blob.Inbox // results on their way into incoming/
	leftover leftover    // what may be removed of it
	folders  jobLocks
	guard    *blob.Guard       // nil: no blob is ever collected
	breath   time.Duration     // between two pieces of a chore
	places   places            // for workers
	pause    func(step string) // tests let others in between two steps; else nil

	cleaning   sync.Mutex        // held by a round of cleaning
	sizes      map[partKey]int64 // guarded by cleaning: of parts of ended jobs
	verifying  sync.Mutex        // held by a verification
	suspecting chan struct{}     // holds one while a suspect result is read
	purging    sync.Mutex        // held while a suspect blob is read and taken out
	backing    sync.Mutex        // held while a backup is made
	foreseeing chan struct{}     // holds one while it is worked out what rules would change
	importing  sync.Mutex        // held while what was imported is put in place

	commitTime atomic.Int64 // nanoseconds of the last batch
	batchSize  atomic.Int64
	sound      atomic.Pointer[Soundness] // nil: nothing is known yet
}

// New reads the store and gets the engine ready. Run must be called for anything to happen, and Tend beside it for the
// disk to be looked after.
func New(ctx context.Context, opt Options) (*Master, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	m := &Master{
		opt: opt, started: opt.Now(), breath: usualBreath, places: usualPlaces, inbox: make(chan func(*engine), 4096), quit: make(chan struct{}),
		suspecting: make(chan struct{}, 1), foreseeing: make(chan struct{}, 1),
		peers: peers{places: newSources(), keys: make(map[farm.WorkerID]*opening)},
	}
	if g, ok := opt.Blobs.(*blob.Guard); ok {
		m.guard, m.opt.Blobs = g, g.Under()
	}
	if m.opt.Room == nil {
		m.opt.Room = blob.NewRoom(opt.Dir, nil)
	}
	m.arrivals = blob.NewInbox(opt.Dir, blob.DiskOptions{Room: m.opt.Room, Reserve: opt.Reserve / resultShare})
	m.leftover.wake, m.teller.wake = make(chan struct{}, 1), make(chan struct{}, 1)
	if err := m.makeFolders(); err != nil {
		return nil, err
	}
	m.sweepBackups()
	m.sweepImports()
	state, err := opt.Store.Load(ctx, farm.EpochAt(opt.Now()))
	if err != nil {
		return nil, err
	}
	m.auth.load(state.Tokens, state.Logins)
	stale := m.teller.load(state.Targets, state.Pending, opt.Now())
	m.eng, err = m.newEngine(ctx, state)
	if err != nil {
		return nil, err
	}
	m.eng.pending = append(m.eng.pending, stale...)
	if opt.Rules != nil && *opt.Rules != m.eng.rules {
		if err := opt.Rules.Check(); err != nil {
			return nil, err
		}
		m.eng.rules = *opt.Rules
		m.eng.change(farm.RulesSet{Rules: *opt.Rules})
	}
	if err := m.sweepIncoming(m.eng); err != nil {
		return nil, err
	}
	return m, nil
}

// batch is what one transaction carries, and who waits for it.
type batch struct {
	changes []farm.Change
	after   []func(error)
	events  []farm.Event
}

// Run owns the engine until ctx ends; then it writes what is pending and returns.
func (m *Master) Run(ctx context.Context) error {
	batches := make(chan batch)
	written := make(chan error, 1)
	var writer sync.WaitGroup
	writer.Go(func() {
		for b := range batches {
			written <- m.write(b)
		}
	})
	inspecting, stopInspecting := context.WithCancel(ctx)
	writer.Go(func() { m.inspect(inspecting) })
	if m.opt.Courier != nil {
		writer.Go(func() { m.deliver(inspecting) })
	}
	defer func() {
		close(m.quit)
		close(batches)
		stopInspecting()
		writer.Wait()
	}()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	writing := false
	for {
		e := m.eng
		if !writing && e.hasBatch() {
			batches <- e.takeBatch()
			writing = true
		}
		select {
		case f := <-m.inbox:
			f(e)
			for range 1024 { // gather what is there: one batch serves all
				select {
				case f := <-m.inbox:
					f(e)
					continue
				default:
				}
				break
			}
		case err := <-written:
			writing = false
			if err != nil {
				m.recover(err)
			}
		case <-ticker.C:
			if e.broken != nil {
				m.recover(e.broken)
			}
			m.eng.tick()
		case <-ctx.Done():
			if writing {
				<-written
			}
			if e.hasBatch() {
				batches <- e.takeBatch()
				<-written
			}
			e.releaseAll()
			return nil
		}
		m.eng.match()
	}
}

// step is where a test may stop a report for a while.
func (m *Master) step(name string) {
	if m.pause != nil {
		m.pause(name)
	}
}

// write makes one batch durable and answers those who wait for it.
func (m *Master) write(b batch) error {
	var err error
	if len(b.changes) > 0 {
		began := m.opt.Now()
		// A batch that was begun is finished, also while the program stops.
		err = m.opt.Store.Apply(context.Background(), b.changes)
		m.commitTime.Store(int64(m.opt.Now().Sub(began)))
		m.batchSize.Store(int64(len(b.changes)))
	}
	for _, f := range b.after {
		f(err)
	}
	if err == nil {
		m.hub.publish(b.events)
	}
	return err
}

// recover drops what could not be written and reads the engine anew.
func (m *Master) recover(cause error) {
	old := m.eng
	if old.broken == nil {
		m.opt.Log.Error("a write to the database failed; reading it anew", "err", cause)
	}
	old.broken = cause
	b := old.takeBatch()
	for _, f := range b.after {
		f(cause)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	state, err := m.opt.Store.Load(ctx, farm.EpochAt(m.opt.Now()))
	if err != nil {
		old.broken = err
		return
	}
	stale := m.teller.load(state.Targets, state.Pending, m.opt.Now())
	fresh, err := m.newEngine(ctx, state)
	if err != nil {
		old.broken = err
		return
	}
	fresh.pending = append(fresh.pending, stale...)
	m.auth.load(state.Tokens, state.Logins)
	fresh.inherit(old)
	m.eng = fresh
}

var errStopped = farm.Errorf(farm.Stopping, "the master is going down").WithHint("try again when it is up")

// ask runs f in the loop and returns what it returns, at once. For reads.
func ask[T any](ctx context.Context, m *Master, f func(e *engine) (T, error)) (T, error) {
	return hand(ctx, m, false, f)
}

// keep runs f in the loop and returns what it returns when all changes made so far are durable.
func keep[T any](ctx context.Context, m *Master, f func(e *engine) (T, error)) (T, error) {
	return hand(ctx, m, true, f)
}

// post has the loop run f, also while the store cannot be written; false when it has ended.
func (m *Master) post(f func(e *engine)) bool {
	select {
	case m.inbox <- f:
		return true
	case <-m.quit:
		return false
	}
}

type answer[T any] struct {
	v   T
	err error
}

func hand[T any](ctx context.Context, m *Master, durable bool, f func(e *engine) (T, error)) (T, error) {
	ch := make(chan answer[T], 1)
	var zero T
	run := func(e *engine) {
		if e.broken != nil {
			ch <- answer[T]{zero, e.broken}
			return
		}
		v, err := f(e)
		if err != nil || !durable {
			ch <- answer[T]{v, err}
			return
		}
		e.after(func(err error) { ch <- answer[T]{v, err} })
	}
	select {
	case m.inbox <- run:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-m.quit:
		return zero, errStopped
	}
	select {
	case a := <-ch:
		return a.v, a.err
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-m.quit:
		select {
		case a := <-ch: // answered by the last batch
			return a.v, a.err
		default:
			return zero, errStopped
		}
	}
}
