package peer

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
	"github.com/netrender/netrender/internal/farm"
)

var theKey = [32]byte{7}

// node makes a Node with a cache of its own and a door on loopback, run until the test ends. The master's clock is an hour
// behind.
func node(t testing.TB, id farm.WorkerID, ask func(q farm.SourceQuestion) (farm.Source, error), edit ...func(*Options)) *Node {
	t.Helper()
	disk, err := blob.OpenDisk(t.TempDir(), blob.DiskOptions{Free: func(string) (int64, error) { return 1 << 40, nil }})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := blob.OpenCache(context.Background(), disk, blob.CacheOptions{Limit: 1 << 40, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Worker: id, Cache: cache, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	o.Ask = func(_ context.Context, _ string, q farm.SourceQuestion) (farm.Source, error) {
		if ask == nil {
			return farm.Source{}, nil
		}
		return ask(q)
	}
	for _, e := range edit {
		e(&o)
	}
	n, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	n.Keyed(&farm.PeerKey{Key: hex.EncodeToString(theKey[:]), TimeMS: masterTime().UnixMilli(), Least: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { n.Run(ctx); close(done) }()
	t.Cleanup(func() {
		cancel()
		<-done
		disk.Close()
	})
	return n
}

func masterTime() time.Time { return time.Now().Add(-time.Hour) }

// source is what a master says of the node to a reader.
func source(n *Node, reader farm.WorkerID, ref blob.Ref) farm.Source {
	return sourceAt(n.door.listen.Addr().String(), n.opt.Worker, n.door.pin, reader, ref)
}

func sourceAt(address string, door farm.WorkerID, pin string, reader farm.WorkerID, ref blob.Ref) farm.Source {
	return farm.Source{AgainMS: 10_000, Peer: &farm.PeerSource{
		Worker: door, Name: string(door), Addresses: []string{loopback(address)}, Pin: pin, SilentMS: 1000,
		Ticket: farm.PeerTicket(theKey, door, ref.String(), reader, masterTime().Add(time.Minute)),
	}}
}

// master is where blobs come from in the end; it counts what it gives.
type master struct {
	whole []byte

	mu      sync.Mutex
	offsets []int64
	given   int64
	gate    chan struct{} // if not nil: a piece goes out with each value
}

func (m *master) open(_ context.Context, offset int64) io.ReadCloser {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offsets = append(m.offsets, offset)
	return io.NopCloser(&masterReader{m, bytes.NewReader(m.whole[offset:])})
}

type masterReader struct {
	m *master
	r io.Reader
}

func (r *masterReader) Read(p []byte) (int, error) {
	if r.m.gate != nil {
		<-r.m.gate
		p = p[:min(len(p), 100_000)]
	}
	n, err := r.r.Read(p)
	r.m.mu.Lock()
	r.m.given += int64(n)
	r.m.mu.Unlock()
	return n, err
}

// holds tells whether the node's cache has the bytes.
func holds(t *testing.T, n *Node, ref blob.Ref, want []byte) {
	t.Helper()
	r, err := n.opt.Cache.Open(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

// TestChain: a blob goes from the master through a chain of workers, each of which hands on what has come so far, plain
// and encrypted.
func TestChain(t *testing.T) {
	for _, secure := range []bool{false, true} {
		whole := blobtest.Bytes(3_000_000, 1)
		ref := blob.RefOf(whole)
		m := &master{whole: whole, gate: make(chan struct{})}
		const length = 4
		nodes := make([]*Node, length)
		var group sync.WaitGroup
		errs := make([]error, length)
		for i := range nodes {
			id := farm.WorkerID("worker-" + string(rune('a'+i)))
			nodes[i] = node(t, id, func(q farm.SourceQuestion) (farm.Source, error) {
				switch {
				case q.Have == q.Size || q.From != "":
					return farm.Source{Keep: true}, nil
				case i == 0:
					return farm.Source{}, nil
				}
				return source(nodes[i-1], id, ref), nil
			}, func(o *Options) { o.TLS = secure })
			group.Go(func() { errs[i] = nodes[i].Fetch(context.Background(), ref, int64(len(whole)), Origin{Open: m.open}) })
			// The next one asks when this one is under way.
			for i > 0 && nodes[i].fromPeers.Load() == 0 || i == 0 && m.count() == 0 {
				select {
				case m.gate <- struct{}{}:
				case <-time.After(time.Millisecond):
				}
			}
		}
		close(m.gate)
		group.Wait()
		for i, n := range nodes {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			holds(t, n, ref, whole)
		}
		if m.given != int64(len(whole)) {
			t.Errorf("encrypted %v: the master gave %d bytes of %d", secure, m.given, len(whole))
		}
		if l := nodes[1].Load(); l.FromPeers != int64(len(whole)) || l.Given != int64(len(whole)) || l.FromMaster != 0 {
			t.Errorf("encrypted %v: it counts %+v", secure, l)
		}
	}
}

func (m *master) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.offsets)
}

// TestOldMaster: where the master knows no peers, or does not answer, it gives all itself.
func TestOldMaster(t *testing.T) {
	whole := blobtest.Bytes(100_000, 1)
	for what, edit := range map[string]func(*Node){
		"knows nothing": func(n *Node) { n.Keyed(nil) },
		"nonsense":      func(n *Node) { n.Keyed(&farm.PeerKey{Key: "nonsense"}) },
		"too small":     func(n *Node) { n.Keyed(&farm.PeerKey{Key: hex.EncodeToString(theKey[:]), Least: 1 << 20}) },
		"fails":         func(*Node) {},
	} {
		asked := 0
		n := node(t, "worker-a", func(farm.SourceQuestion) (farm.Source, error) {
			asked++
			return farm.Source{}, errors.New("it is away")
		})
		edit(n)
		m := &master{whole: whole}
		if err := n.Fetch(context.Background(), blob.RefOf(whole), int64(len(whole)), Origin{Open: m.open}); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		holds(t, n, blob.RefOf(whole), whole)
		if what != "fails" && asked > 0 {
			t.Errorf("%s: it was asked", what)
		}
	}
}
