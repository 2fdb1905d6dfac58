package master

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

const (
	// LeastShared is the size from which workers ask who has a file, in bytes. A question costs less than sending 64 kB
	// does, and the connection to a peer comes on top; see docs/performance.md.
	LeastShared = 1 << 20

	ticketTime     = 2 * time.Minute // within that a transfer must begin
	silentPeer     = 3 * time.Second // without a byte a peer is given up
	silentDepth    = time.Second / 2 // and so much later for each that stands between it and the source: who is next to the trouble acts first
	maxAddresses   = 8               // of a worker
	maxFaults      = 16              // in a question
	maxUnreachable = 20              // peers that a worker names
)

// peers leads workers to one another. It is beside the engine: questions do not wait in its loop for this.
type peers struct {
	mu     sync.Mutex
	places sources // guarded by mu
	keys   map[farm.WorkerID]*opening
}

// opening is what opens a worker's door.
type opening struct {
	key       [sha256.Size]byte
	name      string
	addresses []string // IP:PORT
	pin       string
}

// enter notes where a registering worker can be fetched from, and makes a key for its door.
func (p *peers) enter(m *Master, w *farm.Worker, r *farm.Registration) *farm.PeerKey {
	o := &opening{name: w.Name}
	if r.Peer != nil {
		o.addresses, o.pin = dialable(r.Peer, w.Address), r.Peer.Pin
	}
	if _, err := io.ReadFull(m.opt.Rand, o.key[:]); err != nil {
		m.opt.Log.Error("no key can be made for a worker's door", "err", err)
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[w.ID] = o
	p.places.enter(w.ID, w.Token, len(o.addresses) > 0, isLoopback(w.Address), r.Fresh)
	p.places.doors[w.ID].shut = w.Draining || !w.Enabled
	return &farm.PeerKey{Key: hex.EncodeToString(o.key[:]), TimeMS: m.opt.Now().UnixMilli(), Least: LeastShared}
}

// leave is told of a worker that is gone, or whose leases expired.
func (p *peers) leave(id farm.WorkerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places.leave(id)
}

// forget is told of a worker that is not known any more.
func (p *peers) forget(id farm.WorkerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places.forget(id)
	delete(p.keys, id)
}

// drop is told of a worker that does not have a file any more.
func (p *peers) drop(ref string, id farm.WorkerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places.doors[id] != nil {
		p.places.drop(ref, id)
	}
}

// shut has a worker left alone, or lets others go to it again.
func (p *peers) shut(id farm.WorkerID, shut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.places.doors[id]; d != nil {
		d.shut = shut
	}
}

// dialable are the addresses of a door: the one that the worker is seen at, and those it names.
func dialable(d *farm.PeerDoor, seen string) []string {
	if d.Port < 1 || d.Port > 65535 || d.Pin != "" && !isHash(d.Pin) {
		return nil
	}
	var list []string
	for _, text := range slices.Concat([]string{seen}, d.Addresses[:min(len(d.Addresses), maxAddresses)]) {
		ip, err := netip.ParseAddr(text)
		if ip = ip.Unmap(); err != nil || !(ip.IsGlobalUnicast() || ip.IsLinkLocalUnicast() && ip.Zone() == "" && ip.Is4()) {
			continue
		}
		if at := net.JoinHostPort(ip.String(), strconv.Itoa(d.Port)); !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	return list
}

func isHash(text string) bool {
	_, err := blob.ParseRef(text)
	return err == nil
}

func isLoopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && ip.Unmap().IsLoopback()
}

// Sources tells a worker where to fetch a file. A worker that has all of it only says so; else it must be one that may
// fetch it.
func (m *Master) Sources(ctx context.Context, who Identity, ref blob.Ref, q farm.SourceQuestion) (farm.Source, error) {
	if q.Size < 0 || q.Have < 0 || len(q.Failed) > maxFaults {
		return farm.Source{}, farm.Errorf(farm.Invalid, "the question cannot be right")
	}
	if err := m.maySpeak(ctx, who, q.Worker); err != nil {
		return farm.Source{}, err
	}
	if q.Gone {
		m.peers.drop(ref.String(), q.Worker)
		return farm.Source{}, nil
	}
	if q.Have < q.Size {
		if err := m.MayFetch(ctx, who, ref); err != nil {
			return farm.Source{}, err
		}
	}
	if m.opt.NoPeers {
		return farm.Source{}, nil
	}
	return m.peers.ask(m, ref.String(), &q), nil
}

func (m *Master) maySpeak(ctx context.Context, who Identity, id farm.WorkerID) error {
	_, err := ask(ctx, m, func(e *engine) (struct{}, error) {
		if e.speaks(who, id) {
			return struct{}{}, nil
		}
		return struct{}{}, noWorker(id)
	})
	return err
}

func (p *peers) ask(m *Master, ref string, q *farm.SourceQuestion) farm.Source {
	now := m.opt.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places.doors[q.Worker] == nil { // from before this master's start; it registers soon
		return farm.Source{}
	}
	for _, f := range q.Failed {
		if o := p.keys[f.Peer]; o != nil && f.How == farm.FaultLied {
			m.opt.Log.Warn("a worker says that another gave it wrong bytes; the file was fetched elsewhere", "worker", p.keys[q.Worker].name, "from", o.name, "ref", ref)
		}
	}
	from, keep := p.places.ask(now, ref, q)
	again := int(askAgain.Milliseconds())
	o := p.keys[from]
	switch {
	case from == "":
		return farm.Source{Keep: true}
	case keep:
		return farm.Source{Keep: true, AgainMS: again}
	case o == nil:
		return farm.Source{AgainMS: again}
	}
	depth := p.places.swarms[ref].depth(from)
	return farm.Source{AgainMS: again, Peer: &farm.PeerSource{
		Worker: from, Name: o.name, Addresses: o.addresses, Pin: o.pin,
		Ticket:   farm.PeerTicket(o.key, from, ref, q.Worker, now.Add(ticketTime)),
		SilentMS: int((silentPeer + time.Duration(depth)*silentDepth).Milliseconds()),
	}}
}

// trim bounds what is kept of what a worker says.
func trim(l *farm.PeerLoad) *farm.PeerLoad {
	if l == nil {
		return nil
	}
	short := *l
	short.Unreachable = slices.Clone(l.Unreachable[:min(len(l.Unreachable), maxUnreachable)])
	for i, name := range short.Unreachable {
		short.Unreachable[i] = clip(name, farm.MaxName)
	}
	return &short
}

// PeerStats are counts since the start.
type PeerStats struct {
	ToPeers, ToMaster int64 // questions that led to a peer, and to the master
}

// PeerStats tells how often workers were led where.
func (m *Master) PeerStats() PeerStats {
	m.peers.mu.Lock()
	defer m.peers.mu.Unlock()
	return PeerStats{m.peers.places.peers, m.peers.places.master}
}
