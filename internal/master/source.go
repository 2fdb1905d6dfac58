package master

import (
	"cmp"
	"math"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// candidate is a peer that could be offered.
type candidate struct {
	id      farm.WorkerID
	class   int // lower is better
	trouble int // others had trouble with it
	readers int
	serving int // readers of all files
	have    int64
}

// The classes of sources; the master stands between the last two.
const (
	wholeIdle = iota // has it all, and nobody reads from it
	chainEnd         // is fetching it, is not behind, and nobody reads from it
	wholeBusy
	masterFree
	partBusy // anybody else that may serve one more
	nobodyElse
)

// choose finds the source for a worker that has so many bytes. When the one it has is slow, it is named; then "" says
// that there is no better one.
func (s *sources) choose(now time.Time, w *swarm, d *door, have int64, slow farm.WorkerID) farm.WorkerID {
	own := w.members[d.id]
	barred := map[farm.WorkerID]bool{d.id: true} // and those who read from it, at any hand
	if slow != "" {                              // those who read from it are as slow
		barred[slow] = true
	}
	if own.readers > 0 || slow != "" {
		behind := make(map[farm.WorkerID][]farm.WorkerID)
		for id, m := range w.members {
			behind[m.from] = append(behind[m.from], id)
		}
		for _, id := range []farm.WorkerID{d.id, slow} {
			if id != "" {
				tail(behind, id, barred)
			}
		}
	}
	busy := w.readers // of the master, but for this one
	if own.from == farm.FromMaster && !d.near {
		busy--
	}
	best := candidate{class: nobodyElse, trouble: math.MaxInt}
	for id, m := range w.members {
		if barred[id] {
			continue
		}
		p := m.door
		if !p.open || p.near || p.shut || now.Before(d.shuns[id]) || p.lies(now) || m.whole && !p.gives(now) {
			continue
		}
		c := candidate{id: id, class: partBusy, trouble: p.trouble(now), readers: m.readers, serving: p.serving, have: m.have}
		if id == own.from {
			c.readers--
			c.serving--
		}
		switch {
		case m.whole && c.readers == 0:
			c.class = wholeIdle
		case m.whole && c.readers < wholeReaders:
			c.class = wholeBusy
		case m.whole, m.from == "", c.readers >= partReaders:
			continue
		case c.readers == 0 && m.have >= have && w.depth(id) < longChain:
			c.class = chainEnd
		}
		if slow != "" && !m.whole && m.have <= have {
			continue
		}
		if c.before(&best) {
			best = c
		}
	}
	switch {
	case best.class < masterFree, slow != "" && best.class == partBusy:
		return best.id
	case slow != "" && (slow == farm.FromMaster || busy >= masterReaders || w.troubled(slow, now)):
		return ""
	case busy < masterReaders, best.class == nobodyElse:
		return farm.FromMaster
	}
	return best.id
}

// ahead finds a better source for a reader whose peer has little more than itself while others have much more: one that
// has it all and serves nobody, or, where the peer is what holds it up, one further up. So a slow line in the middle of a
// chain does not slow those behind it for long, and nobody leaves a chain in which all are about as quick: two readers of
// one line halve it. What members have is what they last said, and so the least they have.
func (s *sources) ahead(now time.Time, w *swarm, d *door, q *farm.SourceQuestion) farm.WorkerID {
	much := q.Have + max(leastAhead, q.Size/16)
	p := w.members[q.From]
	if p == nil || p.whole || p.have >= much {
		return ""
	}
	quickest, somebody := 0.0, false
	for _, m := range w.members {
		if m.whole || m.have >= much {
			quickest, somebody = max(quickest, m.rate), true
		}
	}
	if !somebody {
		return ""
	}
	better := s.choose(now, w, d, much, q.From)
	m := w.members[better]
	if m == nil || !(m.whole && m.readers == 0) && !w.holdsUp(p, quickest) {
		return ""
	}
	return better
}

// holdsUp tells whether a member reads at less than half of its part of a line that carries so many bytes per second.
func (w *swarm) holdsUp(p *member, rate float64) bool {
	readers := w.readers
	if m := w.members[p.from]; m != nil {
		readers = m.readers
	}
	return p.timed && p.rate*2*float64(max(readers, 1)) < rate
}

func (c *candidate) before(o *candidate) bool {
	return cmp.Or(
		cmp.Compare(min(c.trouble, 1), min(o.trouble, 1)), cmp.Compare(c.class, o.class), cmp.Compare(c.trouble, o.trouble),
		cmp.Compare(c.readers, o.readers), cmp.Compare(c.serving, o.serving), cmp.Compare(o.have, c.have), cmp.Compare(c.id, o.id),
	) < 0
}

// trouble counts those who lately had trouble with the worker.
func (d *door) trouble(now time.Time) (n int) {
	for _, until := range d.doubts {
		if now.Before(until) {
			n++
		}
	}
	return n
}

// tail adds those who read from a member, at any hand.
func tail(behind map[farm.WorkerID][]farm.WorkerID, id farm.WorkerID, into map[farm.WorkerID]bool) {
	for _, next := range behind[id] {
		if !into[next] {
			into[next] = true
			tail(behind, next, into)
		}
	}
}

// depth is how many stand between a member and where its bytes come from, at most longChain.
func (w *swarm) depth(id farm.WorkerID) (n int) {
	for n < longChain {
		m := w.members[id]
		if m == nil || m.whole || m.from == "" || m.from == farm.FromMaster {
			return n
		}
		id = m.from
		n++
	}
	return n
}

// troubled tells whether a member itself just said that it is served slowly: then the trouble lies further up.
func (w *swarm) troubled(id farm.WorkerID, now time.Time) bool {
	m := w.members[id]
	return m != nil && !m.whole && now.Sub(m.slow) < askAgain
}

// reads tells whether a member reads from another, at any hand.
func (w *swarm) reads(id, from farm.WorkerID) bool {
	for range len(w.members) + 1 {
		if id == from {
			return true
		}
		m := w.members[id]
		if m == nil || m.from == "" {
			return false
		}
		id = m.from
	}
	return true
}
