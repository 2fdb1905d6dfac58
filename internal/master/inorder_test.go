package master_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func TestInOrder(t *testing.T) {
	inFarm(t, func(b *bench) {
		id, other, young := b.baker("a", "4.5.1"), b.baker("b", "4.5.1"), b.baker("c", "4.5.2")
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
		if x := b.claim(id, 0); x != nil {
			t.Fatalf("who failed the next frame has those after it: %v", x.Lease.Frames)
		}
		if x := b.claim(young, 0); x != nil {
			t.Fatalf("another version goes on with it: %+v", x)
		}
		g = b.claim(other, 0) // the rest alone: it plays what comes before
		if g == nil || fmt.Sprint(g.Lease.Frames) != "[2 3 4]" || b.claim(id, 0) != nil {
			t.Fatalf("the other worker got %+v", g)
		}
		for f := 2; f <= 4; f++ {
			if v := b.report(g, f, farm.Rendered); !v.Accepted {
				t.Error(f, v)
			}
		}
		want(t, "state", b.job(j.ID).State, farm.Done)

		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Frames: farm.Frames(3)}); err != nil {
			t.Fatal(err)
		}
		g = b.claim(id, 0)
		if g == nil || fmt.Sprint(g.Lease.Frames) != "[3]" {
			t.Fatalf("the frame that was asked for again: %+v", g)
		}
		b.report(g, 3, farm.Rendered)
		want(t, "state", b.job(j.ID).State, farm.Done)
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{All: true}); err != nil {
			t.Fatal(err)
		}
		g = b.claim(young, 0)
		if g == nil || len(g.Lease.Frames) != 4 {
			t.Fatalf("all again, by whoever comes first: %+v", g)
		}
		time.Sleep(10 * time.Minute) // it falls silent, and one of an older version begins
		id = b.baker("a", "4.5.1")
		h := b.claim(id, 0)
		if h == nil || len(h.Lease.Frames) != 4 {
			t.Fatalf("nobody begins anew: %+v", h)
		}
		if v := b.report(g, 1, farm.Rendered, func(r *farm.Report) { r.Install = "4.5.2" }); v.Accepted {
			t.Error("a late frame of another version is taken")
		}
		if v := b.report(h, 1, farm.Rendered, func(r *farm.Report) { r.Install = "4.5.1" }); !v.Accepted {
			t.Error(v)
		}
	})
}
