package master_test

import (
	"maps"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// clone is a copy of what is kept, as a backup has it.
func (s *memStore) clone() *memStore {
	c := newMemStore()
	c.epoch, c.nextJob, c.rules = s.epoch, s.nextJob, s.rules
	c.jobs, c.files, c.leases = maps.Clone(s.jobs), maps.Clone(s.files), maps.Clone(s.leases)
	c.workers, c.tokens = maps.Clone(s.workers), maps.Clone(s.tokens)
	for id := range s.jobs {
		c.done[id], c.resets[id], c.undone[id] = maps.Clone(s.done[id]), maps.Clone(s.resets[id]), maps.Clone(s.undone[id])
		c.history[id] = append([]farm.Attempt(nil), s.history[id]...)
	}
	return c
}

// TestOlderStore puts an older copy of the store back under workers that go on: leases that it knows go on, those that
// it does not know are never taken for new ones, even where the numbers of jobs come twice.
func TestOlderStore(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.stop()
		time.Sleep(time.Until(time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)))
		b.start()
		w := b.worker("oak", 4)
		b.submit("1-9")
		kept := b.claim(w, 0)
		copied := b.store.clone()
		want(t, "frame that the old master took", b.report(kept, 1, farm.Rendered).Accepted, true)
		b.restart()
		unknown := b.claim(w, 1)
		b.submit("1-9", func(s *farm.JobSpec) { s.Name, s.Priority = "lost", 100 })
		lost := b.claim(w, 2)
		want(t, "job of the lease", lost.Lease.Job, 2)
		b.stop()

		time.Sleep(time.Hour)
		b.store = copied
		b.start()
		other := b.submit("1-9", func(s *farm.JobSpec) { s.Name, s.Priority = "other", 100 })
		want(t, "the number comes again", other.ID, lost.Lease.Job)
		orders := b.beat(w, kept, unknown, lost)
		want(t, "leases to stop", len(orders.Cancel), 2)
		for _, g := range []*farm.Grant{unknown, lost} {
			want(t, "report of a lease that is not known", b.report(g, g.Lease.Frames[0], farm.Rendered).Accepted, false)
		}
		want(t, "done of the other job", b.job(other.ID).Done, 0)
		given := map[farm.LeaseID]bool{kept.Lease.ID: true, unknown.Lease.ID: true, lost.Lease.ID: true}
		for slot := range 3 {
			g := b.claim(w, 1+slot)
			want(t, "lease is old", given[g.Lease.ID], false)
			given[g.Lease.ID] = true
		}
		want(t, "report of the lease that is known", b.report(kept, 1, farm.Rendered).Accepted, true)
		want(t, "done", b.job(1).Done, 1)
	})
}
