package master_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simWorker is a worker as package worker makes them, as far as a master can tell.
type simWorker struct {
	*node
	w     *world
	id    farm.WorkerID
	wish  string  // the name it wishes; another may have it
	slots int     // that it is started with
	obeys bool    // it has as many as the master says
	speed float64 // of rendering; more is slower
	weak  float64 // how often a frame fails by its fault

	// What lies on its disk and outlives the process.
	outbox []*simParcel
	notes  map[farm.LeaseID]*farm.Lease // leases with frames that are not finished
	files  map[blob.Ref]bool

	// Of the process.
	lists    map[farm.JobID]*simFiles // of jobs that are baked
	fresh    bool
	known    bool
	asks     bool // a registration is under way
	drains   bool // it was told to take no more frames
	leaves   bool // it is to end as soon as it can
	sending  bool
	pace     time.Duration
	book     map[farm.LeaseID]*simLease
	works    []*simSlot
	has      int // slots; those of works behind it take nothing more
	failures int // of calls, in a row
}

// simLease is a lease in the worker's book until all its frames are settled.
type simLease struct {
	farm.Lease
	options  farm.Options
	baked    int64
	ready    int
	until    int               // of a bake
	bake     *simBake          // nil: frames are rendered
	saw      map[string]string // the caches of the frame that is rendered
	left     map[int]bool      // not settled
	frame    int
	fraction float64
	started  bool
	canceled bool
}

func newSimWorker(w *world, n int) *simWorker {
	s := &simWorker{
		node: &node{name: fmt.Sprint("worker-", n)}, w: w, id: farm.WorkerID(fmt.Sprintf("worker-%03d", n)),
		wish: simNames[w.rng.IntN(len(simNames))], slots: 1 + w.rng.IntN(2), speed: 0.5 + 3*w.rng.Float64()*w.rng.Float64(),
		notes: make(map[farm.LeaseID]*farm.Lease), files: make(map[blob.Ref]bool),
	}
	s.obeys = w.rng.IntN(5) > 0
	switch w.rng.IntN(10) {
	case 0, 1, 2:
		s.weak = 0.4 * w.rng.Float64()
	case 3:
		s.weak = 1 // it fails everything
	}
	return s
}

// boot starts the process: what an earlier one finished is sent, what it did not finish is handed back.
func (s *simWorker) boot() {
	s.alive++
	s.frozen = 0
	s.fresh, s.known, s.asks, s.drains, s.leaves, s.sending, s.failures = true, false, false, false, false, false, 0
	if s.w.luck(0.1) {
		s.slots = 1 + s.w.rng.IntN(3)
	}
	s.pace = farm.DefaultRules().Heartbeat()
	s.book, s.lists = make(map[farm.LeaseID]*simLease), make(map[farm.JobID]*simFiles)
	s.works, s.has = nil, 0
	s.resize(s.slots)
	in := func(l farm.LeaseID, frame int) bool {
		return slices.ContainsFunc(s.outbox, func(p *simParcel) bool { return p.report.Lease == l && p.report.Frame == frame })
	}
	for _, p := range s.outbox {
		p.sent = 0
		s.adopt(&p.report)
	}
	ids := make([]farm.LeaseID, 0, len(s.notes))
	for id := range s.notes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		l := s.notes[id]
		for _, f := range l.Frames {
			if !in(id, f) {
				r := s.report(l, f, farm.HandedBack)
				s.outbox = append(s.outbox, &simParcel{report: r})
				s.adopt(&r)
			}
		}
	}
	clear(s.notes)
	s.w.say("%s starts with %d parcels", s.name, len(s.outbox))
	s.register()
}

// resize obeys the master's word on how many slots there are.
func (s *simWorker) resize(n int) {
	s.has = n
	for i := len(s.works); i < n; i++ {
		s.works = append(s.works, &simSlot{no: i})
	}
	for _, x := range s.works {
		s.claim(x)
	}
}

// adopt enters a frame of an earlier process into the book.
func (s *simWorker) adopt(r *farm.Report) {
	l := s.book[r.Lease]
	if l == nil {
		l = &simLease{left: make(map[int]bool), started: true, fraction: 1, frame: r.Frame, Lease: farm.Lease{ID: r.Lease, Job: r.Job}}
		s.book[r.Lease] = l
	}
	l.left[r.Frame] = true
}

// die ends the process at once.
func (s *simWorker) die() {
	s.w.say("%s dies", s.name)
	s.alive++
	s.known = false
	s.book, s.works = nil, nil
}

func (s *simWorker) report(l *farm.Lease, frame int, o farm.Outcome) farm.Report {
	return farm.Report{Lease: l.ID, Worker: s.id, Job: l.Job, Frame: frame, Attempt: l.Attempt, Outcome: o}
}

// patience grows with failures in a row.
func (s *simWorker) patience() time.Duration {
	s.failures = min(s.failures+1, 6)
	return 50*time.Millisecond<<s.failures + s.w.upTo(50*time.Millisecond)
}

func (s *simWorker) register() {
	if s.known || s.asks {
		return
	}
	s.asks = true
	r := farm.Registration{
		ID: s.id, Name: s.wish, Slots: s.slots, Fresh: s.fresh, Protocol: farm.Protocol, Facts: farm.Facts{
			MemoryMB: 8000, Stages: []farm.Stage{farm.StageParts, farm.StageFinish, farm.StageEncode, farm.StageProcess, farm.StageBake, farm.StageViews}, Blenders: []farm.Blender{{Version: farm.Version{Major: 4}, Bakes: farm.SimulationKinds()}},
		},
	}
	if s.obeys {
		r.Facts.Slots = s.slots
	}
	ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (farm.Registered, error) {
		return m.Register(ctx, root, r)
	}, func(reg farm.Registered, err error) {
		s.asks = false
		if err != nil {
			s.w.later(s.node, s.patience(), s.register)
			return
		}
		s.known, s.fresh, s.failures = true, false, 0
		s.pace = time.Duration(reg.HeartbeatMS) * time.Millisecond
		s.order(reg.Worker.Slots)
		s.beat()
		s.goOn()
	})
}

// order has as many slots as the master says, where the worker's program can.
func (s *simWorker) order(slots int) {
	if s.obeys && slots > 0 && slots != s.has {
		s.w.say("%s has %d slots, not %d", s.name, slots, s.has)
		s.resize(slots)
	}
}

// goOn does what waited for the link.
func (s *simWorker) goOn() {
	for _, x := range s.works {
		s.claim(x)
	}
	s.send()
}

func (s *simWorker) lose() {
	s.known = false
	s.w.later(s.node, s.patience(), s.register)
}

func (s *simWorker) beat() {
	if !s.known {
		return
	}
	var beats []farm.Beat
	for _, l := range s.book {
		if !l.canceled {
			beats = append(beats, farm.Beat{Lease: l.ID, Frame: l.frame, Started: l.started, Fraction: l.fraction})
		}
	}
	slices.SortFunc(beats, func(a, b farm.Beat) int { return int(a.Lease - b.Lease) })
	wait := s.pace
	if len(beats) > 0 {
		wait = min(wait/2, 2*time.Second)
	}
	if s.leaves && len(s.book) == 0 && len(s.outbox) == 0 {
		s.leave()
		return
	}
	h := farm.Heartbeat{Beats: beats, PaceMS: int(s.pace.Milliseconds()), WaitMS: int(wait.Milliseconds())}
	if s.obeys {
		h.Slots = s.has
	}
	ask(s.w, s.node, wait+s.pace, func(ctx context.Context, m *master.Master) (farm.Orders, error) {
		return m.Heartbeat(ctx, root, s.id, h)
	}, func(o farm.Orders, err error) {
		if err != nil || o.Unknown {
			s.lose()
			return
		}
		s.failures = 0
		s.pace = time.Duration(o.HeartbeatMS) * time.Millisecond
		for _, id := range o.Cancel {
			s.cancel(id)
		}
		s.order(o.Slots)
		if was := s.drains; was != o.Drain {
			if s.drains = o.Drain; was {
				s.goOn()
			}
		}
		s.w.later(s.node, 100*time.Millisecond, s.beat)
	})
}

// leave says that the worker has ended its work, and ends it. It starts again later.
func (s *simWorker) leave() {
	ask(s.w, s.node, time.Second, func(ctx context.Context, m *master.Master) (farm.Orders, error) {
		return m.Heartbeat(ctx, root, s.id, farm.Heartbeat{Leaves: true})
	}, func(farm.Orders, error) {
		s.die()
		s.w.after(s.w.upTo(20*time.Second), func() {
			if s.book == nil {
				s.boot()
			}
		})
	})
}

// rests tells whether it takes no more frames.
func (s *simWorker) rests() bool { return s.drains || s.leaves }

// cancel stops a lease. What is finished of it is still offered.
func (s *simWorker) cancel(id farm.LeaseID) {
	l := s.book[id]
	if l == nil || l.canceled {
		return
	}
	l.canceled = true
	s.w.say("%s stops lease %d", s.name, id)
	for f := range l.left {
		if !slices.ContainsFunc(s.outbox, func(p *simParcel) bool { return p.report.Lease == id && p.report.Frame == f }) {
			s.settle(id, f)
		}
	}
	for _, x := range s.works {
		if x.next == l {
			x.next = nil
		}
		if x.busy == l {
			s.done(x)
		}
	}
}

// settle strikes a frame from the book and from the notes.
func (s *simWorker) settle(id farm.LeaseID, frame int) {
	s.finish(id, frame)
	if l := s.book[id]; l != nil {
		if delete(l.left, frame); len(l.left) == 0 {
			delete(s.book, id)
		}
	}
}

// finish strikes a frame from the notes: it needs not be handed back.
func (s *simWorker) finish(id farm.LeaseID, frame int) {
	if l := s.notes[id]; l != nil {
		l.Frames = slices.DeleteFunc(slices.Clone(l.Frames), func(f int) bool { return f == frame })
		if len(l.Frames) == 0 {
			delete(s.notes, id)
		}
	}
}
