package peer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Origin is the master as one that has a blob.
type Origin struct {
	// Open opens the blob from an offset on. What it gives is as good as the master's line.
	Open func(ctx context.Context, offset int64) io.ReadCloser
	// Recipe tells the chunks of the blob, by which the bytes of peers are verified while they pass; nil: they are when
	// all have come.
	Recipe func(ctx context.Context) (blob.Recipe, error)
}

const (
	slowSpan   = 4 * time.Second // spent waiting for a peer, after which its speed is looked at
	slowRate   = 64 << 10        // bytes per second; a slower peer may be exchanged for another
	mostFaults = 6               // peers that failed in one transfer; then the master gives the rest
	greetTime  = 3 * time.Second // for a peer to answer
	dialTime   = 1500 * time.Millisecond
	headStart  = 150 * time.Millisecond // of one of a peer's addresses before the next
)

// Fetch sees to it that the blob is in the cache, as Cache.Fetch does: from peers where the master says so and they do
// give it, else from the master.
func (n *Node) Fetch(ctx context.Context, ref blob.Ref, size int64, master Origin) error {
	cache, k := n.opt.Cache, n.key.Load()
	counted := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return &counter{master.Open(ctx, offset), &n.fromMaster}, nil
	}
	if k == nil || size < k.least {
		return cache.Fetch(ctx, ref, size, counted)
	}
	if cache.Has(ref) {
		n.tell(ref, size)
		return cache.Fetch(ctx, ref, size, counted)
	}
	t := &transfer{node: n, ref: ref, size: size, master: counted, ask: master.Recipe, start: -1}
	err := cache.Fetch(ctx, ref, size, t.open)
	if errors.Is(err, blob.ErrMismatch) { // the bytes of a peer, or what an earlier transfer left
		t.blame()
		t.alone = true
		err = cache.Fetch(ctx, ref, size, t.open)
	}
	if err != nil {
		return err
	}
	t.convict()
	if len(t.faults) > 0 { // nobody heard of these yet
		_, _ = n.ask(ctx, ref, farm.SourceQuestion{Size: size, Have: size, Failed: t.faults})
	}
	n.tell(ref, size)
	return nil
}

// transfer is the fetching of one blob. Its methods are called by one goroutine.
type transfer struct {
	node   *Node
	ref    blob.Ref
	size   int64
	master func(context.Context, int64) (io.ReadCloser, error)
	ask    func(context.Context) (blob.Recipe, error) // nil: it was asked, or cannot be
	recipe blob.Recipe                                // nil: there is none
	alone  bool                                       // no peers any more

	start    int64 // where its first byte belongs; -1: none came
	faults   []farm.SourceFault
	failed   int                      // faults in all
	suspects []suspect                // whose bytes were not those of the recipe
	gave     map[farm.WorkerID]giving // peers that gave bytes which nothing verified on their way
	mastered bool                     // the master gave some
}

// giving is what is known of a peer that gave bytes.
type giving struct{ whole bool }

// blame says whose bytes were wrong, as far as that can be told: the only one who gave any, and that of a blob which
// was whole there, and so verified. Else it is only somebody to stay away from.
func (t *transfer) blame() {
	for id, g := range t.gave {
		how := farm.FaultDoubtful
		if len(t.gave) == 1 && !t.mastered && t.start == 0 && g.whole {
			how = farm.FaultLied
		}
		t.fault(id, how)
	}
}

func (t *transfer) fault(id farm.WorkerID, how farm.FaultKind) {
	t.failed++
	if len(t.faults) < mostFaults {
		t.faults = append(t.faults, farm.SourceFault{Peer: id, How: how})
	}
}

// open is what Cache.Fetch reads from.
func (t *transfer) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if t.start < 0 {
		t.start = offset
	}
	ctx, cancel := context.WithCancel(ctx)
	return &relay{transfer: t, ctx: ctx, cancel: cancel, at: offset}, nil
}

// relay reads a blob from an offset on, from one source after the other.
type relay struct {
	*transfer
	ctx    context.Context
	cancel context.CancelFunc
	at     int64

	from   farm.WorkerID // "": nobody
	body   io.ReadCloser
	line   *line            // to the peer; nil: the master is read from
	again  time.Duration    // how often the master is told how far this is; 0: never
	spoke  time.Time        // when it was told last
	advice chan farm.Source // the answer to a question that is under way; nil: none is
	slow   bool             // that was the question

	part part // of the peer's bytes, where there is a recipe

	waited time.Duration // for the peer, since its speed was looked at
	came   int64
}

// Read gives what the sources give. Only the master's errors, and those of ctx, are its own.
func (r *relay) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	for {
		if n := r.part.give(p); n > 0 {
			r.at += int64(n)
			return n, nil
		}
		if r.body == nil {
			if err := r.choose(); err != nil {
				return 0, err
			}
		}
		r.chat()
		if r.body == nil {
			continue
		}
		if r.line == nil {
			n, err := r.body.Read(p)
			r.at += int64(n)
			r.mastered = r.mastered || n > 0
			return n, err
		}
		if n := r.peerRead(p); n > 0 {
			r.at += int64(n)
			return n, nil
		}
	}
}

// peerRead reads from the peer into p, or, where there is a recipe, into the chunk that is next. Where that fails the peer
// is left.
func (r *relay) peerRead(p []byte) int {
	began := r.node.opt.Now()
	if r.recipe != nil {
		p = r.part.room()
	} else {
		p = p[:min(int64(len(p)), r.size-r.at)]
	}
	n, err := r.line.Read(p)
	r.waited += r.node.opt.Now().Sub(began)
	r.came += int64(n)
	r.node.fromPeers.Add(int64(n))
	if r.recipe != nil {
		return r.verify(n, err)
	}
	if n > 0 {
		if r.gave == nil {
			r.gave = make(map[farm.WorkerID]giving)
		}
		r.gave[r.from] = giving{r.line.whole}
	}
	if err != nil && r.at+int64(n) < r.size {
		r.broke()
	}
	return n
}

// broke leaves a peer whose line ended too early.
func (r *relay) broke() {
	if r.ctx.Err() != nil {
		r.drop()
		return
	}
	r.leave(r.line.why())
}

// leave lets a peer go that failed.
func (r *relay) leave(how farm.FaultKind) {
	r.node.opt.Log.Debug("a file is fetched elsewhere", "ref", r.ref.String(), "peer", r.from, "at", r.at, "why", how)
	r.fault(r.from, how)
	r.drop()
}

// drop ends the reading from a source.
func (r *relay) drop() {
	if r.body != nil {
		r.body.Close()
	}
	r.body, r.line, r.from, r.waited, r.came = nil, nil, "", 0, 0
}

// choose asks the master for a source and opens it.
func (r *relay) choose() error {
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if r.alone || r.failed >= mostFaults {
			return r.toMaster()
		}
		source, err := r.node.ask(r.ctx, r.ref, farm.SourceQuestion{Size: r.size, Have: r.at, Failed: r.faults})
		if err != nil { // it does not know the question, or is away: fetching from it waits for it
			r.alone = true
			continue
		}
		r.faults = nil
		if r.take(&source) {
			return nil
		}
	}
}

// take goes to the source; false when that is a peer that does not give the blob.
func (r *relay) take(source *farm.Source) bool {
	r.again, r.spoke = time.Duration(source.AgainMS)*time.Millisecond, r.node.opt.Now()
	if source.Peer == nil {
		return r.toMaster() == nil
	}
	peer := source.Peer
	r.learn()
	line, err := r.node.call(r.ctx, peer, r.ref, r.size, r.part.begin(r.recipe, r.at))
	if err != nil {
		if r.ctx.Err() == nil {
			how := farm.FaultRefused
			var refused *fault
			if errors.As(err, &refused) {
				how = refused.how
			}
			if how == farm.FaultUnreachable {
				r.node.outOfReach(peer, err)
			}
			r.from = peer.Worker
			r.leave(how)
		}
		return false
	}
	r.from, r.line, r.body = peer.Worker, line, line
	return true
}

func (r *relay) toMaster() error {
	body, err := r.master(r.ctx, r.at)
	if err == nil {
		r.from, r.body, r.line = farm.FromMaster, body, nil
	}
	return err
}

// chat tells the master now and then how far this is, and asks for a better source when the peer is slow. Reading goes
// on meanwhile.
func (r *relay) chat() {
	if r.advice != nil {
		select {
		case source := <-r.advice:
			r.advice = nil
			if r.line == nil || source.Keep { // who has the master stays there
				return
			}
			if r.slow {
				r.fault(r.from, farm.FaultSlow)
			}
			r.drop()
			r.take(&source)
		default:
		}
		return
	}
	if r.alone || r.again == 0 {
		return
	}
	slow := false
	if r.waited >= r.node.span {
		slow = float64(r.came) < slowRate*r.waited.Seconds()
		r.waited, r.came = 0, 0
	}
	now := r.node.opt.Now()
	if !slow && now.Sub(r.spoke) < r.again {
		return
	}
	r.spoke, r.slow = now, slow
	advice := make(chan farm.Source, 1)
	r.advice = advice
	q := farm.SourceQuestion{Size: r.size, Have: r.at, From: r.from, Slow: slow}
	go func() {
		source, err := r.node.ask(r.ctx, r.ref, q)
		if err != nil {
			source = farm.Source{Keep: true}
		}
		advice <- source
	}()
}

// Close ends the transfer's reading.
func (r *relay) Close() error {
	r.cancel()
	r.drop()
	return nil
}
