package master

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	diskEvery   = 10 * time.Second
	choresEvery = time.Hour
	// stalePart is how long an upload that broke off is kept to be resumed.
	stalePart = 7 * 24 * time.Hour
)

// Tend looks after the disk until ctx ends: it tells of the disk running low, and removes what nobody needs any more.
// It is run beside Run.
func (m *Master) Tend(ctx context.Context) error {
	tight := make(chan struct{}, 1)
	var slow sync.WaitGroup
	slow.Go(func() { m.chores(ctx, tight) })
	defer slow.Wait()
	disk := time.NewTicker(diskEvery)
	defer disk.Stop()
	state := m.watchDisk(farm.DiskOK)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.quit:
			return nil
		case <-m.leftover.wake:
			m.removeArrivals(ctx, m.leftover.take())
		case <-disk.C:
			if err := m.dropInspections(ctx); err != nil && ctx.Err() == nil {
				m.opt.Log.Error("inspections that are over cannot be removed", "err", err)
			}
			now := m.watchDisk(state)
			if now != state && now != farm.DiskOK { // perhaps that helps
				select {
				case tight <- struct{}{}:
				default:
				}
			}
			state = now
		}
	}
}

// chores are what takes long and nobody waits for.
func (m *Master) chores(ctx context.Context, tight <-chan struct{}) {
	m.sweepFolders(ctx)
	if err := m.finishCleaning(ctx); err != nil && ctx.Err() == nil {
		m.opt.Log.Error("an earlier cleaning cannot be finished", "err", err)
	}
	hour := time.NewTicker(choresEvery)
	defer hour.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.quit:
			return
		case <-tight:
		case <-hour.C:
		}
		m.sweep(ctx)
		if err := m.trimAudit(ctx); err != nil && ctx.Err() == nil {
			m.opt.Log.Error("the audit cannot be trimmed", "err", err)
		}
		if err := m.Clean(ctx, false, nil); err != nil && ctx.Err() == nil {
			m.opt.Log.Error("the rules of cleaning cannot be followed", "err", err)
		}
		m.collect(ctx)
	}
}

// collect removes blobs, and tells of it.
func (m *Master) collect(ctx context.Context) {
	sum, err := m.Collect(ctx)
	if err != nil && ctx.Err() == nil {
		m.opt.Log.Error("files that no job names cannot be removed", "err", err)
	}
	if sum.Blobs > 0 {
		m.opt.Log.Info("files that no job names were removed", "files", sum.Blobs, "bytes", sum.Bytes)
	}
}

// sweep removes what was left lying about.
func (m *Master) sweep(ctx context.Context) {
	if s, ok := m.opt.Blobs.(interface {
		Sweep(ctx context.Context, before time.Time) (int64, error)
	}); ok {
		freed, err := s.Sweep(ctx, m.opt.Now().Add(-stalePart))
		if err != nil && ctx.Err() == nil {
			m.opt.Log.Error("uploads that broke off cannot be removed", "err", err)
		}
		if freed > 0 {
			m.opt.Log.Info("uploads that nobody went on with were removed", "bytes", freed)
		}
	}
	ids, err := m.arrivalFolders()
	if err != nil {
		m.opt.Log.Error("the incoming folder cannot be read", "err", err)
	}
	m.removeArrivals(ctx, ids)
}

// leftover gathers leases that ended and may have left files in incoming/.
type leftover struct {
	wake chan struct{} // holds at most one

	mu    sync.Mutex
	came  map[farm.LeaseID]struct{} // leases something came for
	ended []farm.LeaseID
}

// expect notes that something comes for a lease.
func (l *leftover) expect(id farm.LeaseID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.came == nil {
		l.came = make(map[farm.LeaseID]struct{})
	}
	l.came[id] = struct{}{}
}

// end notes that a lease may be over. It costs little where nothing came for it.
func (l *leftover) end(id farm.LeaseID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, came := l.came[id]; !came {
		return
	}
	delete(l.came, id)
	l.ended = append(l.ended, id)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *leftover) take() []farm.LeaseID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.ended
	l.ended = nil
	return ids
}

// removeArrivals removes what came for those of the leases that are over. A lapsed lease is not: its worker may still
// deliver, and then it is told again that it ended.
func (m *Master) removeArrivals(ctx context.Context, ids []farm.LeaseID) {
	if len(ids) == 0 {
		return
	}
	over, err := ask(ctx, m, func(e *engine) ([]farm.LeaseID, error) {
		return slices.DeleteFunc(slices.Clone(ids), func(id farm.LeaseID) bool { return e.leases[id] != nil || e.lapsed[id] != nil }), nil
	})
	if err != nil {
		return // the next sweep or start finds them
	}
	for _, id := range ids {
		if !slices.Contains(over, id) {
			m.leftover.expect(id)
		}
	}
	for _, id := range over {
		m.removeArrival(id)
	}
}
