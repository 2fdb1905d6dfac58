package master_test

import (
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

func TestInOrder(t *testing.T) {
	inFarm(t, func(b *bench) {
		id, other := b.baker("a", "4.5.1"), b.baker("b", "4.5.1")
		j := b.submit("1-4", func(s *farm.JobSpec) { s.InOrder = true })
		g := b.claim(id, 0)
		if g == nil || len(g.Lease.Frames) != 4 || !g.InOrder || b.claim(other, 0) != nil {
			t.Fatalf("one worker has them all: %+v", g)
		}
		b.report(g, 1, farm.Rendered)
		b.report(g, 2, farm.Errored)
		for f := 3; f <= 4; f++ {
			b.report(g, f, farm.HandedBack)
		}
		g = b.claim(other, 0) // it has nothing of what was computed before: it begins anew
		if g == nil || len(g.Lease.Frames) != 4 || g.Lease.Frames[0] != 1 || b.claim(id, 0) != nil {
			t.Fatalf("the other worker got %+v", g)
		}
		for f := 1; f <= 4; f++ {
			if v := b.report(g, f, farm.Rendered); !v.Accepted {
				t.Error(f, v)
			}
		}
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}
