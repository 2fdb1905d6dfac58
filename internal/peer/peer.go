// Package peer lets workers of a farm fetch blobs from one another.
//
//	Node      a worker's part in it: its door, and its fetching
//	door      hands blobs of the worker's cache to whoever shows a ticket of the master, also while they still arrive
//	transfer  fetches one blob: asks the master for a source, reads, and goes on elsewhere where that fails
//
// Nothing that a peer sends is trusted: the cache verifies each blob. A peer that is slow, gone or lying costs time; in
// the end there is always the master.
package peer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Options are what a Node is made of. All must be given but Port and TLS.
type Options struct {
	Worker farm.WorkerID
	Cache  *blob.Cache
	Port   int  // TCP port of the door; 0: any that is free
	TLS    bool // the door encrypts, and only doors that do are gone to: as the master does
	// Ask asks the master where to fetch a blob.
	Ask func(ctx context.Context, ref string, q farm.SourceQuestion) (farm.Source, error)
	Log *slog.Logger
	Now func() time.Time
}

// Node is a worker's part in the fetching from one another. Its methods may be called by many goroutines.
type Node struct {
	opt  Options
	door *door         // nil: it could not be opened
	span time.Duration // spent waiting for a peer, after which its speed is looked at
	key  atomic.Pointer[key]

	given, fromPeers, fromMaster atomic.Int64 // bytes

	mu     sync.Mutex
	news   []blob.Info               // guarded by mu: to be told to the master; a size below 0 says that it is gone
	told   map[blob.Ref]int64        // guarded by mu: what it was told that is here, with its size
	beyond map[farm.WorkerID]blocked // guarded by mu: peers that could not be reached
	wake   chan struct{}             // has something when there are news
}

// key is what the master said last.
type key struct {
	secret [sha256.Size]byte
	ahead  time.Duration // of the master's clock before ours
	least  int64
}

// blocked is a peer that cannot be reached.
type blocked struct {
	name string
	at   time.Time
}

const (
	mostTold     = 10_000
	mostBeyond   = 100
	beyondTime   = 10 * time.Minute // how long a peer is said to be out of reach
	answerTime   = 5 * time.Second  // the master is not waited for longer
	mostOfMyself = 8                // addresses that are named to the master
)

// Open opens the door. When that fails the Node fetches all the same, and err says why it gives nothing.
func Open(o Options) (n *Node, err error) {
	n = &Node{opt: o, span: slowSpan, told: make(map[blob.Ref]int64), beyond: make(map[farm.WorkerID]blocked), wake: make(chan struct{}, 1)}
	n.door, err = openDoor(n)
	return n, err
}

// Run serves until ctx ends; then all transfers end.
func (n *Node) Run(ctx context.Context) {
	var group sync.WaitGroup
	if n.door != nil {
		group.Go(func() { n.door.serve(ctx) })
	}
	group.Go(func() { n.spread(ctx) })
	group.Wait()
}

// Close closes the door of a Node that is not run.
func (n *Node) Close() {
	if n.door != nil {
		n.door.listen.Close()
	}
}

// Door is what a registration says; nil: others can fetch nothing here.
func (n *Node) Door() *farm.PeerDoor {
	if n.door == nil {
		return nil
	}
	return &farm.PeerDoor{Port: n.door.listen.Addr().(*net.TCPAddr).Port, Pin: n.door.pin, Addresses: ownAddresses()}
}

// ownAddresses are the addresses by which others may reach this machine.
func ownAddresses() (list []string) {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && len(list) < mostOfMyself {
			list = append(list, ip.IP.String())
		}
	}
	return list
}

// Keyed takes the answer to a registration; nil: the master does not lead workers to one another.
func (n *Node) Keyed(k *farm.PeerKey) {
	if k == nil {
		n.key.Store(nil)
		return
	}
	secret, err := hex.DecodeString(k.Key)
	if err != nil || len(secret) != sha256.Size {
		n.key.Store(nil)
		return
	}
	n.key.Store(&key{secret: [sha256.Size]byte(secret), ahead: time.UnixMilli(k.TimeMS).Sub(n.opt.Now()), least: k.Least})
	n.mu.Lock() // a master that was started anew, or took us for gone, knows nothing of what we have
	news := make([]blob.Info, 0, len(n.told))
	for ref, size := range n.told {
		if n.opt.Cache.Holds(ref) {
			news = append(news, blob.Info{Ref: ref, Size: size})
		} else {
			delete(n.told, ref)
		}
	}
	n.news = news
	n.mu.Unlock()
	n.nudge()
}

// Load is what a heartbeat says.
func (n *Node) Load() *farm.PeerLoad {
	if n.key.Load() == nil {
		return nil
	}
	l := &farm.PeerLoad{Given: n.given.Load(), FromPeers: n.fromPeers.Load(), FromMaster: n.fromMaster.Load()}
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.beyond, func(_ farm.WorkerID, b blocked) bool { return n.opt.Now().Sub(b.at) > beyondTime })
	for _, b := range n.beyond {
		l.Unreachable = append(l.Unreachable, b.name)
	}
	slices.Sort(l.Unreachable)
	return l
}

// outOfReach notes that a peer cannot be reached, and says so once in a while.
func (n *Node) outOfReach(p *farm.PeerSource, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.opt.Now()
	if b, ok := n.beyond[p.Worker]; ok && now.Sub(b.at) < beyondTime || len(n.beyond) >= mostBeyond {
		return
	}
	n.beyond[p.Worker] = blocked{p.Name, now}
	n.opt.Log.Warn("another worker cannot be reached; files come from elsewhere", "worker", p.Name, "at", p.Addresses, "err", err,
		"hint", "open that TCP port there; netrender worker --peer-port gives it a number that stays, --peer-port off does without")
}

// tell has the master told that a blob is here, once.
func (n *Node) tell(ref blob.Ref, size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.told[ref]; known || len(n.told) >= mostTold {
		return
	}
	n.told[ref] = size
	n.news = append(n.news, blob.Info{Ref: ref, Size: size})
	n.nudge()
}

// lost has the master told that a blob is not here, though it sent somebody for it.
func (n *Node) lost(ref blob.Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.told, ref)
	if len(n.news) < mostTold {
		n.news = append(n.news, blob.Info{Ref: ref, Size: -1})
		n.nudge()
	}
}

func (n *Node) nudge() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// spread tells the master what is here. What is not heard is not said again: it only makes the master give the bytes.
func (n *Node) spread(ctx context.Context) {
	for {
		select {
		case <-n.wake:
		case <-ctx.Done():
			return
		}
		for {
			n.mu.Lock()
			if len(n.news) == 0 {
				n.mu.Unlock()
				break
			}
			b := n.news[0]
			n.news = n.news[1:]
			n.mu.Unlock()
			_, _ = n.ask(ctx, b.Ref, farm.SourceQuestion{Size: max(b.Size, 0), Have: max(b.Size, 0), Gone: b.Size < 0})
		}
	}
}

// ask asks the master, who is not waited for long.
func (n *Node) ask(ctx context.Context, ref blob.Ref, q farm.SourceQuestion) (farm.Source, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	q.Worker = n.opt.Worker
	return n.opt.Ask(ctx, ref.String(), q)
}
