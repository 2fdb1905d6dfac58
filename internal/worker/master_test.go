package worker_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// fakeMaster is a farm's master in memory, as far as a worker can tell. It checks what a worker promises: results
// arrive before their report, whole, and no frame is accepted twice.
type fakeMaster struct {
	t     testing.TB
	chunk int
	beat  int // HeartbeatMS
	speak int // the protocol

	mu      sync.Mutex
	changed chan struct{}
	jobs    map[farm.JobID]*fakeJob
	leases  map[farm.LeaseID]*fakeLease
	blobs   map[string][]byte
	recipes map[string]blob.Recipe
	ranged  int64                        // bytes that were asked for in ranges
	offsets map[string][]int64           // ref -> where fetches began
	staged  map[string]map[string][]byte // lease/frame -> name -> bytes
	logs    map[string][]byte            // lease/frame -> text
	lastID  farm.LeaseID
	// before1st is the newest lease at a registration, until the first heartbeat after it.
	before1st farm.LeaseID
	known     map[farm.WorkerID]farm.Registration
	orders    farm.Orders  // Drain, Disabled, HeartbeatMS and Slots
	asked     map[int]bool // slots that asked for work
	noAhead   bool
	reports   []farm.Report // in the order they came
	calls     map[string]int
	called    chan struct{} // has something after a call began
	beats     []farm.Beat   // of the last heartbeat
	last      farm.Heartbeat
	// before is called at the beginning of every call, without the lock; an error is the answer.
	before func(ctx context.Context, call string) error
	// refuses is asked at every put, log and report with the report, or the part of it that is known, with the lock; an error is the answer.
	refuses func(call string, r *farm.Report) error
	// onReport is told how many reports a call brought, with the lock.
	onReport func(n int)
	// early is asked what becomes of caches that are handed over, with the lock.
	early func(in wire.CacheRequest) (wire.CacheReply, error)
	// after is called at the end of every call that took effect; an error is the answer that arrives.
	after func(call string) error
	// noticed is told when the link is lost ("suspect") or open again ("refresh"), without the lock.
	noticed func(what string)
}

type fakeJob struct {
	id     farm.JobID
	grant  farm.Grant // what all leases of the job have in common
	files  []farm.File
	queue  []int
	done   map[int]farm.Report
	failed map[int]farm.Report
	back   int // frames handed back
	over   bool
}

type fakeLease struct {
	farm.Lease
	job  *fakeJob
	left map[int]bool
}

func newMaster(t testing.TB) *fakeMaster {
	return &fakeMaster{
		t: t, chunk: 1, beat: 5000, speak: farm.Protocol, changed: make(chan struct{}), jobs: make(map[farm.JobID]*fakeJob),
		leases: make(map[farm.LeaseID]*fakeLease), blobs: make(map[string][]byte), recipes: make(map[string]blob.Recipe), offsets: make(map[string][]int64), staged: make(map[string]map[string][]byte),
		logs: make(map[string][]byte), known: make(map[farm.WorkerID]farm.Registration), asked: make(map[int]bool), calls: make(map[string]int), called: make(chan struct{}, 1),
	}
}

var errAway = &wire.Unreachable{Address: "http://fake", Err: errors.New("it is away")}

func refOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// job adds a job of frames 1..n with one .blend.
func (m *fakeMaster) job(n int, change ...func(*fakeJob)) *fakeJob {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := farm.JobID(len(m.jobs) + 1)
	blend := fmt.Appendf(nil, "BLENDER scene of job %d", id)
	j := &fakeJob{id: id, done: make(map[int]farm.Report), failed: make(map[int]farm.Report)}
	j.grant = farm.Grant{Name: "job", Blend: "scene.blend", Scene: "scene-" + id.String(), Options: farm.Options{EXR: "full"}}
	j.add(m, "scene.blend", blend)
	for f := 1; f <= n; f++ {
		j.queue = append(j.queue, f)
	}
	for _, f := range change {
		f(j)
	}
	m.jobs[id] = j
	m.wake()
	return j
}

// add puts a file into the manifest.
func (j *fakeJob) add(m *fakeMaster, path string, text []byte) *farm.File {
	m.blobs[refOf(text)] = text
	j.files = append(j.files, farm.File{Path: path, Original: "/home/artist/" + path, Size: int64(len(text)), Ref: refOf(text)})
	return &j.files[len(j.files)-1]
}

func (m *fakeMaster) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// enter counts the call and lets the test interfere.
func (m *fakeMaster) enter(ctx context.Context, call string) error {
	m.mu.Lock()
	m.calls[call]++
	before := m.before
	m.mu.Unlock()
	select {
	case m.called <- struct{}{}:
	default:
	}
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *fakeMaster) leave(call string) error {
	m.mu.Lock()
	after := m.after
	m.mu.Unlock()
	if after != nil {
		return after(call)
	}
	return nil
}

// set changes what the test may change, and wakes whoever waits.
func (m *fakeMaster) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.wake()
}

func (m *fakeMaster) Register(ctx context.Context, r farm.Registration) (farm.Registered, error) {
	if err := m.enter(ctx, "register"); err != nil {
		return farm.Registered{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[r.ID] = r
	m.before1st = m.lastID
	return farm.Registered{Worker: farm.Worker{ID: r.ID, Name: r.Name, Slots: m.orders.Slots}, HeartbeatMS: m.beat, Program: "test", Protocol: m.speak}, nil
}

// wait holds a call until something changes; false when it is over. The caller holds mu.
func (m *fakeMaster) wait(ctx context.Context, until <-chan time.Time) bool {
	changed := m.changed
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case <-changed:
		return true
	case <-until:
	case <-ctx.Done():
	}
	return false
}

// Sources leads nobody to a peer.
func (m *fakeMaster) Sources(context.Context, string, farm.SourceQuestion) (farm.Source, error) {
	return farm.Source{}, nil
}

func (m *fakeMaster) Heartbeat(ctx context.Context, id farm.WorkerID, h farm.Heartbeat) (farm.Orders, error) {
	if err := m.enter(ctx, "heartbeat"); err != nil {
		return farm.Orders{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beats, m.last = h.Beats, h
	m.wake()
	m.expire(h.Beats)
	timer := time.NewTimer(time.Duration(h.WaitMS) * time.Millisecond)
	defer timer.Stop()
	before := m.orders
	for {
		o := m.orders
		if _, ok := m.known[id]; !ok {
			return farm.Orders{Unknown: true}, nil
		}
		for i := range h.Beats {
			if m.leases[h.Beats[i].Lease] == nil {
				o.Cancel = append(o.Cancel, h.Beats[i].Lease)
			}
		}
		if len(o.Cancel) > 0 || o.Drain != before.Drain || o.Disabled != before.Disabled ||
			o.HeartbeatMS != before.HeartbeatMS || o.Slots != before.Slots || !m.wait(ctx, timer.C) {
			return o, ctx.Err()
		}
		if m.before != nil { // the master may have gone away meanwhile
			m.mu.Unlock()
			err := m.before(ctx, "held heartbeat")
			m.mu.Lock()
			if err != nil {
				return farm.Orders{}, err
			}
		}
	}
}

// expire takes back what the worker does not name in its first heartbeat after a registration; a real master waits for
// the lease time.
func (m *fakeMaster) expire(beats []farm.Beat) {
	for id, l := range m.leases {
		named := slices.ContainsFunc(beats, func(b farm.Beat) bool { return b.Lease == id })
		if id > m.before1st || named {
			continue
		}
		delete(m.leases, id)
		for f := range l.left {
			l.job.queue = append(l.job.queue, f)
		}
	}
	m.before1st = 0
}

func (m *fakeMaster) Claim(ctx context.Context, wish farm.Wish) (*farm.Grant, error) {
	call := "claim"
	if wish.Ahead {
		call = "ahead"
	}
	if err := m.enter(ctx, call); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[wish.Slot] = true
	if _, ok := m.known[wish.Worker]; !ok {
		return nil, farm.Errorf(farm.NotFound, "the master does not know this worker")
	}
	timer := time.NewTimer(time.Duration(wish.WaitMS) * time.Millisecond)
	defer timer.Stop()
	for {
		if g := m.grant(wish); g != nil {
			return g, nil
		}
		if wish.Ahead || !m.wait(ctx, timer.C) {
			return nil, ctx.Err()
		}
	}
}

func (m *fakeMaster) grant(wish farm.Wish) *farm.Grant {
	if m.orders.Drain || m.orders.Disabled != "" || wish.Ahead && m.noAhead {
		return nil
	}
	ids := make([]farm.JobID, 0, len(m.jobs))
	for id := range m.jobs {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, cmp.Compare)
	for _, id := range ids {
		j := m.jobs[id]
		if j.over || len(j.queue) == 0 {
			continue
		}
		n := min(m.chunk, len(j.queue))
		m.lastID++
		l := &fakeLease{job: j, left: make(map[int]bool), Lease: farm.Lease{
			ID: m.lastID, Job: id, Worker: wish.Worker, Slot: wish.Slot, Frames: slices.Clone(j.queue[:n]), Attempt: 1,
		}}
		j.queue = j.queue[n:]
		for _, f := range l.Frames {
			l.left[f] = true
		}
		m.leases[l.ID] = l
		m.wake()
		g := j.grant
		g.Lease = l.Lease
		return &g
	}
	return nil
}

func place(lease farm.LeaseID, frame int) string { return fmt.Sprintf("%d/%d", lease, frame) }

func (m *fakeMaster) PutResult(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, r farm.Result, open func() (io.ReadSeekCloser, error)) error {
	if err := m.enter(ctx, "put"); err != nil {
		return err
	}
	body, err := open()
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	m.mu.Lock()
	l := m.leases[lease]
	switch refused := m.refused("put", &farm.Report{Frame: r.Frame}); {
	case refused != nil:
		err = refused
	case l == nil || !l.left[r.Frame]:
		err = farm.Errorf(farm.Conflict, "the lease is over")
	case refOf(text) != r.Ref || int64(len(text)) != r.Size:
		err = farm.Errorf(farm.Mismatch, "the bytes do not match")
	default:
		key := place(lease, r.Frame)
		if m.staged[key] == nil {
			m.staged[key] = make(map[string][]byte)
		}
		m.staged[key][r.Name] = text
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.leave("put")
}

func (m *fakeMaster) CachesReady(ctx context.Context, lease farm.LeaseID, in wire.CacheRequest) (wire.CacheReply, error) {
	if err := m.enter(ctx, "caches"); err != nil {
		return wire.CacheReply{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[lease]
	if l == nil || !l.left[in.Task] || m.early == nil {
		return wire.CacheReply{}, farm.Errorf(farm.Conflict, "the lease is over")
	}
	for _, r := range in.Results {
		if m.staged[place(lease, in.Task)][r.Name] == nil {
			m.t.Errorf("%s is handed over before it was sent", r.Name)
		}
	}
	return m.early(in)
}

func (m *fakeMaster) AppendLog(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, frame int, offset int64, text []byte) error {
	if err := m.enter(ctx, "log"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refused("log", &farm.Report{Frame: frame}); err != nil {
		return err
	}
	l := m.leases[lease]
	if l == nil {
		return farm.Errorf(farm.Conflict, "the lease is over")
	}
	key := place(lease, frame)
	have := m.logs[key]
	if offset > int64(len(have)) {
		return farm.Errorf(farm.Conflict, "there would be a gap")
	}
	m.logs[key] = append(have[:offset:offset], text...)
	return nil
}

func (m *fakeMaster) Files(ctx context.Context, id farm.JobID) iter.Seq2[farm.File, error] {
	return func(yield func(farm.File, error) bool) {
		if err := m.enter(ctx, "files"); err != nil {
			yield(farm.File{}, err)
			return
		}
		m.mu.Lock()
		files := m.jobs[id].files
		m.mu.Unlock()
		for _, f := range files {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (m *fakeMaster) Parts(context.Context, farm.LeaseID) ([]farm.Result, error) {
	return nil, farm.Errorf(farm.Conflict, "there are no parts")
}

func (m *fakeMaster) FetchPart(context.Context, farm.LeaseID, farm.Result, string, func(bytes, size int64)) error {
	return farm.Errorf(farm.NotFound, "there are no parts")
}

func (m *fakeMaster) SuspectPart(context.Context, farm.LeaseID, int) (farm.Suspicion, error) {
	return farm.Suspicion{}, nil
}

func (m *fakeMaster) Suspect() { m.tell("suspect") }
func (m *fakeMaster) Refresh() { m.tell("refresh") }

// tell lets the test know what the heart noticed.
func (m *fakeMaster) tell(what string) {
	m.mu.Lock()
	noticed := m.noticed
	m.mu.Unlock()
	if noticed != nil {
		noticed(what)
	}
}

func (m *fakeMaster) FetchBlobFrom(ctx context.Context, ref string, offset int64, w io.Writer) error {
	if err := m.enter(ctx, "blob "+ref[:8]); err != nil {
		return err
	}
	m.mu.Lock()
	text, ok := m.blobs[ref]
	m.offsets[ref] = append(m.offsets[ref], offset)
	m.mu.Unlock()
	if !ok {
		return farm.Errorf(farm.NotFound, "there is no such blob")
	}
	_, err := w.Write(text[offset:])
	return err
}

func (m *fakeMaster) OpenBlobRange(ctx context.Context, ref string, offset, n int64) (io.ReadCloser, error) {
	if err := m.enter(ctx, "range "+ref[:8]); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.blobs[ref]
	if !ok {
		return nil, farm.Errorf(farm.NotFound, "there is no such blob")
	}
	m.ranged += n
	return io.NopCloser(bytes.NewReader(text[offset:][:n])), nil
}

func (m *fakeMaster) FetchRecipe(ctx context.Context, ref string, size int64) (blob.Recipe, error) {
	if err := m.enter(ctx, "recipe "+ref[:8]); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	recipe, ok := m.recipes[ref]
	if !ok {
		return nil, farm.Errorf(farm.NotFound, "there is no recipe")
	}
	return recipe, nil
}

func (m *fakeMaster) Report(ctx context.Context, r wire.ReportRequest) (wire.ReportReply, error) {
	if err := m.enter(ctx, "report"); err != nil {
		return wire.ReportReply{}, err
	}
	m.mu.Lock()
	for i := range r.Reports {
		if err := m.refused("report", &r.Reports[i]); err != nil {
			m.mu.Unlock()
			return wire.ReportReply{}, err
		}
	}
	var reply wire.ReportReply
	if m.onReport != nil {
		m.onReport(len(r.Reports))
	}
	for i := range r.Reports {
		reply.Verdicts = append(reply.Verdicts, m.settle(&r.Reports[i]))
	}
	m.wake()
	m.mu.Unlock()
	return reply, m.leave("report")
}

func (m *fakeMaster) refused(call string, r *farm.Report) error {
	if m.refuses == nil {
		return nil
	}
	return m.refuses(call, r)
}

func (m *fakeMaster) settle(r *farm.Report) farm.Verdict {
	v := farm.Verdict{Lease: r.Lease, Frame: r.Frame}
	l := m.leases[r.Lease]
	if l == nil || !l.left[r.Frame] {
		v.Reason = "the lease is over or the frame was reported"
		return v
	}
	staged := m.staged[place(r.Lease, r.Frame)]
	for _, res := range r.Results {
		if text, ok := staged[res.Name]; !ok || refOf(text) != res.Ref {
			v.Missing = append(v.Missing, res.Name)
		}
	}
	if len(v.Missing) > 0 {
		return v
	}
	m.reports = append(m.reports, *r)
	v.Accepted = true
	if delete(l.left, r.Frame); len(l.left) == 0 {
		delete(m.leases, r.Lease)
	}
	switch r.Outcome {
	case farm.Rendered:
		if _, twice := l.job.done[r.Frame]; twice {
			m.t.Errorf("frame %d was accepted twice", r.Frame)
		}
		if len(r.Results) == 0 {
			m.t.Errorf("frame %d is done without results", r.Frame)
		}
		l.job.done[r.Frame] = *r
	case farm.Errored:
		l.job.failed[r.Frame] = *r
	case farm.HandedBack:
		l.job.back++
		l.job.queue = append(l.job.queue, r.Frame)
	}
	return v
}

// cancel ends a job: its leases are gone.
func (m *fakeMaster) cancel(j *fakeJob) {
	m.set(func() {
		j.over = true
		for id, l := range m.leases {
			if l.job == j {
				delete(m.leases, id)
			}
		}
	})
}

// until waits until the condition, called with the lock, holds.
func (m *fakeMaster) until(what string, holds func() bool) {
	m.t.Helper()
	limit := time.NewTimer(24 * time.Hour) // of a synctest bubble; or of the test's own time limit
	defer limit.Stop()
	ctx := context.Background()
	m.mu.Lock()
	defer m.mu.Unlock()
	for !holds() {
		if !m.wait(ctx, limit.C) {
			m.t.Fatalf("it never happened: %s", what)
		}
	}
}
