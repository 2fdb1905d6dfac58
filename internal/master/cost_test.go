package master_test

import (
	"context"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestCostAndTimeLeft: every report costs, and what is left is known from what frames took and who renders now.
func TestCostAndTimeLeft(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		j := b.submit("1-10")
		took := func(s float64) func(*farm.Report) { return func(r *farm.Report) { r.Seconds = s } }
		want(t, "left of a job that nobody renders", b.job(j.ID).LeftS, 0.0)
		g := b.claim(oak, 0)
		want(t, "left before a frame is done", b.job(j.ID).LeftS, 0.0)
		b.report(g, 1, farm.Rendered, took(20))
		b.report(b.claim(oak, 0), 2, farm.Errored, took(7))
		b.report(b.claim(elm, 0), 2, farm.Rendered, took(40))
		now := b.job(j.ID)
		want(t, "of accepted frames", now.Seconds, 60.0)
		want(t, "of machines", now.Machine, 67.0)
		want(t, "left while nobody renders it", now.LeftS, 0.0)

		g1 := b.claim(elm, 0)
		want(t, "left with one worker", b.job(j.ID).LeftS, 8*30.0)
		if _, err := b.m.Heartbeat(context.Background(), root, elm, farm.Heartbeat{Beats: []farm.Beat{{
			Lease: g1.Lease.ID, Frame: g1.Lease.Frames[0], Started: true, Fraction: 0.5,
		}}}); err != nil {
			t.Fatal(err)
		}
		want(t, "left when half a frame is done", b.job(j.ID).LeftS, 7.5*30)
		ash := b.worker("ash", 1)
		g2 := b.claim(ash, 0)
		if g2 == nil {
			t.Fatal("no frame for ash")
		}
		want(t, "left with two workers", b.job(j.ID).LeftS, 7.5*30/2)
		list, err := b.m.Jobs(context.Background(), farm.JobFilter{Limit: 1})
		if err != nil || list[0].LeftS != 7.5*30/2 || list[0].Machine != 67 {
			t.Errorf("in a list: %+v, %v", list, err)
		}

		// A job that is paused has no end; what was spent stays spent, also when all is rendered again and after a restart.
		if p, err := b.m.Pause(context.Background(), root, j.ID); err != nil || p.LeftS != 0 {
			t.Error(p.LeftS, err)
		}
		if _, err := b.m.Resume(context.Background(), root, j.ID); err != nil {
			t.Error(err)
		}
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Frames: farm.Frames(2)}); err != nil {
			t.Fatal(err)
		}
		want(t, "of accepted frames after one was given back", b.job(j.ID).Seconds, 30.0)
		want(t, "of machines after that", b.job(j.ID).Machine, 67.0)
		b.report(g1, g1.Lease.Frames[0], farm.Rendered, took(10))
		b.report(g2, g2.Lease.Frames[0], farm.Errored, took(-5))
		b.restart()
		want(t, "of machines after a restart", b.job(j.ID).Machine, 77.0)
	})
}
