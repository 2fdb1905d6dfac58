package master_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// bench is a running master with its store, in a bubble of virtual time.
type bench struct {
	t      *testing.T
	store  *memStore
	blobs  *shelf
	guard  *blob.Guard // nil: none is before the blobs
	dir    string
	free   atomic.Int64 // on the disk, in bytes
	skew   atomic.Int64 // how far the master's clock is off
	kept   master.Store // what the next master has; nil: store
	m      *master.Master
	stop   func()
	pin    string // of the key that the door shows
	byName bool

	courier master.Courier // of the next master; nil: it tells nobody
}

// reserve is what the benches' disks keep free of scenes' files.
const reserve = 1 << 20

var root = master.Identity{Name: "root", Role: farm.RoleAdmin, Address: "127.0.0.1"}

// inFarm runs f with a master in virtual time: hours of leases pass at once.
func inFarm(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: newMemStore(), blobs: &shelf{}, dir: t.TempDir()}
		b.free.Store(1 << 40)
		b.start()
		defer func() { b.stop() }()
		f(b)
	})
}

// start runs a master on what is kept; stop ends it, as a kill would: nothing is said goodbye to.
func (b *bench) start() {
	b.t.Helper()
	var blobs blob.Store = b.blobs
	if b.guard != nil {
		blobs = b.guard
	}
	var kept master.Store = b.store
	if b.kept != nil {
		kept = b.kept
	}
	m, err := master.New(context.Background(), master.Options{
		Store: kept, Blobs: blobs, Dir: b.dir, Rand: rand.NewChaCha8([32]byte{1}),
		Room: blob.NewRoom(b.dir, func(string) (int64, error) { return b.free.Load(), nil }), Reserve: reserve,
		Now: func() time.Time { return time.Now().Add(time.Duration(b.skew.Load())) },
		Log: slog.New(slog.DiscardHandler), Program: "test", Pin: func() string { return b.pin }, ByName: b.byName, Courier: b.courier,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	loops.Go(func() { _ = m.Run(ctx) })
	loops.Go(func() { _ = m.Tend(ctx) })
	b.m = m
	b.stop = func() {
		cancel()
		loops.Wait()
	}
}

// restart replaces the master by another on the same store.
func (b *bench) restart() {
	b.stop()
	b.start()
}

// worker registers a worker that can render everything.
func (b *bench) worker(name string, slots int, tags ...string) farm.WorkerID {
	b.t.Helper()
	id := farm.WorkerID("worker-" + name)
	_, err := b.m.Register(context.Background(), root, farm.Registration{
		Protocol: farm.Protocol,
		ID:       id, Name: name, Slots: slots, Tags: tags,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// submit sends a job whose one file is there.
func (b *bench) submit(frames string, edit ...func(*farm.JobSpec)) farm.Job {
	b.t.Helper()
	return b.submitAs(root, frames, edit...)
}

func (b *bench) submitAs(who master.Identity, frames string, edit ...func(*farm.JobSpec)) farm.Job {
	b.t.Helper()
	set, err := farm.ParseFrameSet(frames)
	if err != nil {
		b.t.Fatal(err)
	}
	spec := farm.JobSpec{Name: "shot", Blend: "shot.blend", Frames: set, Options: farm.Options{EXR: "none"}}
	for _, e := range edit {
		e(&spec)
	}
	job, err := b.m.Submit(context.Background(), who, spec, []farm.File{b.file("shot.blend", "a scene")})
	if err != nil {
		b.t.Fatal(err)
	}
	return job
}

// file puts bytes in the blob store and returns their manifest entry.
func (b *bench) file(path, text string) farm.File {
	b.t.Helper()
	ref := blob.RefOf([]byte(text))
	if err := b.blobs.Put(context.Background(), ref, int64(len(text)), strings.NewReader(text)); err != nil {
		b.t.Fatal(err)
	}
	return farm.File{Path: path, Original: "/home/anna/" + path, Size: int64(len(text)), Ref: ref.String()}
}

// claim asks once, without waiting.
func (b *bench) claim(id farm.WorkerID, slot int) *farm.Grant {
	b.t.Helper()
	g, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: id, Slot: slot})
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

func reportOf(g *farm.Grant, frame int, outcome farm.Outcome) farm.Report {
	return farm.Report{
		Lease: g.Lease.ID, Worker: g.Lease.Worker, Job: g.Lease.Job, Frame: frame, Attempt: g.Lease.Attempt, Outcome: outcome,
		Seconds: 1,
	}
}

// report settles one frame of a lease.
func (b *bench) report(g *farm.Grant, frame int, outcome farm.Outcome, edit ...func(*farm.Report)) farm.Verdict {
	b.t.Helper()
	r := reportOf(g, frame, outcome)
	for _, e := range edit {
		e(&r)
	}
	v, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return v[0]
}

// upload sends a result's bytes and returns what the report says of it.
func (b *bench) upload(g *farm.Grant, frame int, name, text string) farm.Result {
	b.t.Helper()
	return b.uploadAs(farm.KindOutput, g, frame, name, text)
}

func (b *bench) uploadAs(kind farm.ResultKind, g *farm.Grant, frame int, name, text string) farm.Result {
	b.t.Helper()
	sum := sha256.Sum256([]byte(text))
	r := farm.Result{Kind: kind, Name: name, Size: int64(len(text)), Ref: hex.EncodeToString(sum[:]), Frame: frame}
	if _, whole, err := b.m.PutResult(context.Background(), root, g.Lease.ID, g.Lease.Worker, r, 0, strings.NewReader(text)); err != nil || !whole {
		b.t.Fatal(whole, err)
	}
	return r
}

func (b *bench) job(id farm.JobID) farm.Job {
	b.t.Helper()
	j, err := b.m.Job(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// beat renews leases at once.
func (b *bench) beat(id farm.WorkerID, grants ...*farm.Grant) farm.Orders {
	b.t.Helper()
	beats := make([]farm.Beat, len(grants))
	for i, g := range grants {
		beats[i] = farm.Beat{Lease: g.Lease.ID, Frame: g.Lease.Frames[0], Started: true}
	}
	o, err := b.m.Heartbeat(context.Background(), root, id, farm.Heartbeat{Beats: beats})
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

// want fails the test when got is not what it should be.
func want[T comparable](t *testing.T, what string, got, should T) {
	t.Helper()
	if got != should {
		t.Fatalf("%s: got %v, want %v", what, got, should)
	}
}

func wantText(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Fatalf("%s: %q does not say %q", what, got, part)
	}
}

func frames(g *farm.Grant) string {
	if g == nil {
		return "none"
	}
	return strings.Trim(fmt.Sprint(g.Lease.Frames), "[]")
}
