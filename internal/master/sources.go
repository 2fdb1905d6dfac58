package master

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// sources knows which workers have which files, or are fetching them from whom, and tells who asks where to fetch. It
// is a function of what it was told and of the time it is given; it is in memory only and its size is bounded. Whoever
// calls it keeps calls apart.
//
// Readers of one file form chains: the first has the master, each next one the end of the chain, which hands on what has
// come so far; so every line carries the file about once, and all are done at about the same time. Nobody is led to
// who reads from it, at first or at any hand.
type sources struct {
	doors  map[farm.WorkerID]*door
	swarms map[string]*swarm // by ref
	most   int               // swarms kept
	turn   int64             // counts questions

	peers, master int64 // answers that led to a peer and to the master
}

// door is a worker that takes part.
type door struct {
	id     farm.WorkerID
	open   bool // others may fetch from it
	near   bool // it is on the master's own machine: nobody fetches from it, and what it fetches costs no line
	shut   bool // an admin wants it left alone
	token  string
	refs   map[string]struct{}         // swarms it is in
	shuns  map[farm.WorkerID]time.Time // peers that are not offered to it until then
	doubts map[farm.WorkerID]time.Time // who had trouble with it, until when that counts
	liar   map[string]time.Time        // who says that it gave wrong bytes, and when
	mute   map[string]time.Time        // who lately got no byte of it, until when that counts

	serving int // readers of it, of all files
}

// swarm is who has a file or fetches it.
type swarm struct {
	members map[farm.WorkerID]*member
	readers int       // of the master; those near it do not count
	pruned  time.Time // when silent readers were last looked for
	turn    int64     // when it was last asked about
}

type member struct {
	door  *door
	whole bool
	from  farm.WorkerID   // what it reads from; FromMaster; "" when it is whole
	have  int64           // bytes, as it last said
	rate  float64         // bytes per second that it read lately
	timed bool            // that is known
	seen  time.Time       // when it last spoke
	slow  time.Time       // when it last said that it is served slowly
	past  []farm.WorkerID // peers that it was led to, the newest last

	readers int // of it
}

const (
	silentMember = 45 * time.Second // a reader that says nothing for so long is taken for gone
	askAgain     = 10 * time.Second // readers say how far they are
	pruneEvery   = time.Second
	shunTime     = time.Minute      // for peers that were slow, silent or broke off
	blockTime    = 10 * time.Minute // for those that cannot be reached
	liarTime     = 24 * time.Hour   // for those that gave wrong bytes
	witnesses    = 2                // who must say that a peer lies, or gives nothing, before it is offered to nobody

	masterReaders = 2  // of a file at once, while anybody else can give it
	wholeReaders  = 4  // of a worker that has it all
	partReaders   = 2  // of one that is fetching it itself
	longChain     = 32 // readers behind one another; then a chain branches

	leastAhead = 32 << 20    // bytes that somebody must have more to be worth a change
	rateOver   = time.Second // what is read in less time tells no rate

	mostSwarms = 10_000
	mostShuns  = 1000 // peers that one worker speaks ill of
	mostPast   = 8    // peers that it may speak ill of for all
)

func newSources() sources {
	return sources{doors: make(map[farm.WorkerID]*door), swarms: make(map[string]*swarm), most: mostSwarms}
}

// enter makes a worker known that registers. A fresh one has nothing yet.
func (s *sources) enter(id farm.WorkerID, token string, open, near, fresh bool) {
	d := s.doors[id]
	if d == nil {
		d = &door{
			id: id, refs: make(map[string]struct{}), shuns: make(map[farm.WorkerID]time.Time),
			doubts: make(map[farm.WorkerID]time.Time), liar: make(map[string]time.Time), mute: make(map[string]time.Time),
		}
		s.doors[id] = d
	}
	if fresh {
		s.leave(id)
	}
	if d.near != near {
		s.leave(id)
	}
	clear(d.doubts) // it may be reachable now
	d.token, d.open, d.near = token, open, near
}

// leave forgets what a worker has; it is not offered until it says so again.
func (s *sources) leave(id farm.WorkerID) {
	d := s.doors[id]
	if d == nil {
		return
	}
	for ref := range d.refs {
		s.drop(ref, id)
	}
}

// forget forgets a worker, but not that it lied.
func (s *sources) forget(id farm.WorkerID) {
	s.leave(id)
	if d := s.doors[id]; d != nil && len(d.liar) == 0 {
		delete(s.doors, id)
	}
}

// drop takes a worker out of a swarm. Who reads from it finds out by itself.
func (s *sources) drop(ref string, id farm.WorkerID) {
	delete(s.doors[id].refs, ref)
	if w := s.swarms[ref]; w != nil {
		m := w.members[id]
		if m == nil {
			return
		}
		w.lead(m, "")
		m.door.serving -= m.readers
		if delete(w.members, id); len(w.members) == 0 {
			delete(s.swarms, ref)
		}
	}
}

// join finds the worker's place in the swarm, and makes it.
func (s *sources) join(ref string, d *door) (*swarm, *member) {
	w := s.swarms[ref]
	if w == nil {
		s.makeRoom()
		w = &swarm{members: make(map[farm.WorkerID]*member)}
		s.swarms[ref] = w
	}
	s.turn++
	w.turn = s.turn
	m := w.members[d.id]
	if m == nil {
		m = &member{door: d}
		for _, o := range w.members { // it was here before, and they do not know that it went
			if o.from == d.id {
				m.readers++
			}
		}
		d.serving += m.readers
		w.members[d.id] = m
		d.refs[ref] = struct{}{}
	}
	return w, m
}

// makeRoom forgets the swarms that were asked about longest ago when there are too many.
func (s *sources) makeRoom() {
	if len(s.swarms) < s.most {
		return
	}
	refs := slices.SortedFunc(maps.Keys(s.swarms), func(a, b string) int { return cmp.Compare(s.swarms[a].turn, s.swarms[b].turn) })
	for _, ref := range refs[:max(1, len(refs)/10)] {
		for id := range s.swarms[ref].members {
			s.drop(ref, id)
		}
	}
}

// ask answers a question: from is a peer, FromMaster, or "" when the worker needs nothing; keep tells that it is what
// the worker reads from now. The worker has entered.
func (s *sources) ask(now time.Time, ref string, q *farm.SourceQuestion) (from farm.WorkerID, keep bool) {
	d := s.doors[q.Worker]
	w, m := s.join(ref, d)
	s.believe(now, w, d, m, q)
	m.hear(q, now)
	if q.Have >= q.Size {
		m.whole = true
		w.lead(m, "")
		return "", true
	}
	m.whole = false
	w.prune(s, ref, now)
	switch {
	case d.near:
		return s.tell(w, m, farm.FromMaster), q.From == farm.FromMaster
	case q.From == farm.FromMaster && !q.Slow: // whoever has the master stays there
		w.lead(m, farm.FromMaster)
		return m.from, true
	case m.from == "" && s.adopts(w, d, q):
		w.lead(m, q.From)
		return m.from, true
	case q.From != "" && q.From == m.from && !q.Slow:
		if ahead := s.ahead(now, w, d, q); ahead != "" {
			return s.tell(w, m, ahead), false
		}
		return m.from, true
	case q.From != "" && q.From == m.from:
		m.slow = now
		better := s.choose(now, w, d, q.Have, q.From)
		if better == "" {
			return m.from, true
		}
		return s.tell(w, m, better), false
	}
	from = s.choose(now, w, d, q.Have, "")
	return s.tell(w, m, from), from == q.From
}

// hear takes in how far a member is.
func (m *member) hear(q *farm.SourceQuestion, now time.Time) {
	have := max(q.Have, 0)
	if took := now.Sub(m.seen); took >= rateOver && !m.seen.IsZero() && have >= m.have && q.From == m.from {
		m.rate, m.timed = float64(have-m.have)/took.Seconds(), true
	}
	m.have, m.seen = have, now
}

// adopts tells whether a worker that is met in the middle may go on as it does: this master was started anew, or forgot
// the file.
func (s *sources) adopts(w *swarm, d *door, q *farm.SourceQuestion) bool {
	return q.From != "" && !q.Slow && len(q.Failed) == 0 && s.doors[q.From] != nil && !w.reads(q.From, d.id)
}

// lead notes whom a member reads from.
func (w *swarm) lead(m *member, from farm.WorkerID) {
	count := func(of farm.WorkerID, n int) {
		if of == farm.FromMaster && !m.door.near {
			w.readers += n
		} else if o := w.members[of]; o != nil {
			o.readers += n
			o.door.serving += n
		}
	}
	count(m.from, -1)
	m.from = from
	count(m.from, 1)
}

func (s *sources) tell(w *swarm, m *member, from farm.WorkerID) farm.WorkerID {
	if w.lead(m, from); from == farm.FromMaster {
		s.master++
	} else {
		s.peers++
		if m.past = append(m.past, from); len(m.past) > mostPast {
			m.past = m.past[1:]
		}
	}
	return from
}

// believe takes in what the worker says of peers. It counts for more than the worker itself only where the worker was
// led to that peer.
func (s *sources) believe(now time.Time, w *swarm, d *door, m *member, q *farm.SourceQuestion) {
	for _, f := range q.Failed {
		peer := s.doors[f.Peer]
		if peer == nil || peer == d {
			continue
		}
		until := now.Add(shunTime)
		switch f.How {
		case farm.FaultUnreachable:
			until = now.Add(blockTime)
		case farm.FaultLied, farm.FaultDoubtful:
			until = now.Add(liarTime)
		}
		remember(d.shuns, f.Peer, until, now)
		if m.from == f.Peer {
			w.lead(m, "")
		}
		if !slices.Contains(m.past, f.Peer) {
			continue
		}
		switch f.How {
		case farm.FaultLied:
			peer.liar[witness(d, peer)] = now
		case farm.FaultRefused, farm.FaultSilent, farm.FaultUnreachable:
			peer.mute[witness(d, peer)] = now.Add(shunTime)
		}
		remember(peer.doubts, d.id, until, now)
	}
}

// witness is who counts as one where a peer is said to lie: a token, so that whoever has one cannot speak with many
// voices; of the peer's own token, the worker: who shares a token is trusted with it.
func witness(d, peer *door) string {
	if d.token != peer.token {
		return "token " + d.token
	}
	return "worker " + string(d.id)
}

// remember keeps the map small.
func remember(in map[farm.WorkerID]time.Time, id farm.WorkerID, until, now time.Time) {
	if len(in) >= mostShuns {
		maps.DeleteFunc(in, func(_ farm.WorkerID, end time.Time) bool { return !end.After(now) })
	}
	if len(in) < mostShuns || !in[id].IsZero() {
		in[id] = until
	}
}

func (d *door) lies(now time.Time) bool {
	maps.DeleteFunc(d.liar, func(_ string, at time.Time) bool { return now.Sub(at) > liarTime })
	return len(d.liar) >= witnesses
}

// gives tells whether what it says it has is worth asking for: nobody loses time with a peer that gave others nothing. A
// reader that hands on what comes may be silent because those before it are, and is not judged by this.
func (d *door) gives(now time.Time) bool {
	maps.DeleteFunc(d.mute, func(_ string, until time.Time) bool { return !now.Before(until) })
	return len(d.mute) < witnesses
}

// prune takes out readers that fell silent.
func (w *swarm) prune(s *sources, ref string, now time.Time) {
	if gap := now.Sub(w.pruned); gap >= 0 && gap < pruneEvery {
		return
	}
	w.pruned = now
	for id, m := range w.members {
		if !m.whole && now.Sub(m.seen) > silentMember {
			s.drop(ref, id)
		}
	}
}
