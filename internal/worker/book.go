package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// errCanceled ends the context of a lease that the master wants stopped.
var errCanceled = errors.New("the master canceled the lease")

// book knows every lease of the worker until all its frames are settled: those being rendered, those held ahead, and
// those whose parcels wait. Heartbeats renew what is in it. Each lease is also noted in a small file, so that the next
// start can hand back what a killed process held.
type book struct {
	dir string

	mu     sync.Mutex
	leases map[farm.LeaseID]*held
}

// held is a lease in the book.
type held struct {
	id   farm.LeaseID
	job  farm.JobID
	name string          // of the job
	ctx  context.Context // ends when the master wants the lease stopped
	stop context.CancelCauseFunc

	// Guarded by book.mu.
	left     map[int]struct{} // frames not settled
	beat     farm.Beat
	canceled bool
}

func newBook(dir string) *book { return &book{dir: dir, leases: make(map[farm.LeaseID]*held)} }

// hold enters a lease that was granted.
func (b *book) hold(ctx context.Context, l *farm.Lease, name string) *held {
	h := &held{id: l.ID, job: l.Job, name: name, left: make(map[int]struct{}, len(l.Frames)), beat: farm.Beat{Lease: l.ID}}
	h.ctx, h.stop = context.WithCancelCause(ctx)
	for _, f := range l.Frames {
		h.left[f] = struct{}{}
	}
	if len(l.Frames) > 0 {
		h.beat.Frame = l.Frames[0]
	}
	b.mu.Lock()
	b.leases[l.ID] = h
	b.mu.Unlock()
	if text, err := json.Marshal(l); err == nil {
		// Not synced, and no harm when it fails: without the note the lease expires after a crash.
		_ = os.WriteFile(b.note(l.ID), text, 0o600)
	}
	return h
}

// adopt enters the frame of a report that an earlier process left.
func (b *book) adopt(r *farm.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.leases[r.Lease]
	if h == nil {
		h = &held{id: r.Lease, left: make(map[int]struct{})}
		h.ctx, h.stop = context.WithCancelCause(context.Background())
		h.beat = farm.Beat{Lease: r.Lease, Frame: r.Frame, Started: true, Fraction: 1, Phase: phaseSending}
		b.leases[r.Lease] = h
	}
	h.left[r.Frame] = struct{}{}
}

// holds tells whether the frame of the lease is in the book.
func (b *book) holds(id farm.LeaseID, frame int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.leases[id]
	if h == nil {
		return false
	}
	_, ok := h.left[frame]
	return ok
}

// settle strikes a frame off its lease, and the lease with its last frame.
func (b *book) settle(id farm.LeaseID, frame int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.leases[id]
	if h == nil {
		return
	}
	if delete(h.left, frame); len(h.left) == 0 {
		b.drop(h)
	}
}

// drop forgets a lease. The caller holds mu.
func (b *book) drop(h *held) {
	delete(b.leases, h.id)
	h.stop(nil)
	_ = os.Remove(b.note(h.id))
}

// cancel stops work on the leases and no longer renews them. What is finished of them is still offered.
func (b *book) cancel(ids []farm.LeaseID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if h := b.leases[id]; h != nil && !h.canceled {
			h.canceled = true
			h.stop(errCanceled)
			_ = os.Remove(b.note(id))
		}
	}
}

// stopped tells whether the lease was canceled or is not known any more.
func (b *book) stopped(id farm.LeaseID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.leases[id]
	return h == nil || h.canceled
}

// update changes what the next heartbeat says of the lease.
func (b *book) update(h *held, change func(*farm.Beat)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&h.beat)
}

// beats is what a heartbeat says: every lease that is not canceled, oldest first.
func (b *book) beats() []farm.Beat {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]farm.Beat, 0, len(b.leases))
	for _, h := range b.leases {
		if !h.canceled {
			list = append(list, h.beat)
		}
	}
	slices.SortFunc(list, func(x, y farm.Beat) int { return cmp.Compare(x.Lease, y.Lease) })
	return list
}

func (b *book) note(id farm.LeaseID) string {
	return filepath.Join(b.dir, strconv.FormatInt(int64(id), 10)+".json")
}

// leftOver reads the notes of an earlier process, oldest lease first. Those that cannot be read are dropped.
func (b *book) leftOver(worker farm.WorkerID) []farm.Lease {
	entries, _ := os.ReadDir(b.dir)
	var list []farm.Lease
	for _, e := range entries {
		path := filepath.Join(b.dir, e.Name())
		var l farm.Lease
		text, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(text, &l) != nil || l.ID == 0 || l.Worker != worker || b.note(l.ID) != path {
			_ = os.Remove(path)
			continue
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(x, y farm.Lease) int { return cmp.Compare(x.ID, y.ID) })
	return list
}
