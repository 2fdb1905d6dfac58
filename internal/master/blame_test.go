package master_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func broken(text string, fatal bool) func(*farm.Report) {
	return func(r *farm.Report) { r.Scene, r.Fatal, r.Error = true, fatal, text }
}

func (b *bench) seen(id farm.WorkerID) farm.Worker {
	b.t.Helper()
	views, err := b.m.Workers(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range views {
		if v.Worker.ID == id {
			return v.Worker
		}
	}
	b.t.Fatalf("there is no worker %s", id)
	return farm.Worker{}
}

func (b *bench) retry(id farm.JobID, which master.RetryWhich) farm.Job {
	b.t.Helper()
	j, err := b.m.Retry(context.Background(), root, id, which)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// TestBrokenScenesBlameNobody: what no worker could render takes no worker out and keeps none from the job.
func TestBrokenScenesBlameNobody(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		for n := range 8 {
			job := b.submit("1-2")
			for _, frame := range []string{"1", "2"} {
				g := b.claim(oak, 0)
				want(t, "leased", frames(g), frame)
				b.report(g, g.Lease.Frames[0], farm.Errored, func(r *farm.Report) {
					r.Fatal = true
					if n%2 == 0 {
						broken("shot.blend is not a .blend file", true)(r)
					}
				})
				if n%2 == 0 {
					break // the second frame failed with it
				}
			}
			want(t, "state", b.job(job.ID).State, farm.Failed)
			want(t, "failed", b.job(job.ID).Failed, 2)
		}
		want(t, "enabled", b.seen(oak).Enabled, true)
	})
}

// TestSceneThatCannotBeRendered fails whole: a million frames without a record of each.
func TestSceneThatCannotBeRendered(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-1000000")
		g, other := b.claim(oak, 0), b.claim(elm, 0)
		before := b.store.changes
		b.report(g, 1, farm.Errored, broken("the scene has no camera", true))
		if n := b.store.changes - before; n > 6 {
			t.Fatalf("it took %d changes", n)
		}
		for _, restart := range []bool{false, true} {
			if restart {
				b.restart()
			}
			end := b.job(job.ID)
			want(t, "state", end.State, farm.Failed)
			want(t, "failed", end.Failed, 1_000_000)
			want(t, "running", end.Running, 0)
			want(t, "reason", end.Reason, "no frame of it can be rendered: the scene has no camera")
			states, err := b.m.Frames(context.Background(), job.ID)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "failed frames", states.Failed.String(), "1-1000000")
			want(t, "waiting frames", states.Queued.Count(), 0)
			if o := b.beat(elm, other); len(o.Cancel) != 1 {
				t.Fatalf("who renders it still is told %+v", o)
			}
		}
		b.worker("elm", 1)
		if _, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{}); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("a retry of nothing: %v", err)
		}
		want(t, "still failed", b.job(job.ID).Failed, 1_000_000)
		j := b.retry(job.ID, master.RetryWhich{Failed: true})
		want(t, "waits again", j.Queued(), 1_000_000)
		b.restart()
		b.worker("elm", 1)
		g = b.claim(elm, 0)
		want(t, "leased", frames(g), "1")
		want(t, "attempt", g.Lease.Attempt, 1)
		b.report(g, 1, farm.Rendered)
		want(t, "running on", b.job(job.ID).State, farm.Active)
	})
}

// TestSceneThatWasRenderedIsNotBroken: the word of one worker does not end a job of which others rendered frames.
func TestSceneThatWasRenderedIsNotBroken(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-9")
		b.report(b.claim(oak, 0), 1, farm.Rendered)
		b.report(b.claim(elm, 0), 2, farm.Errored, broken("shot.blend ends too early", true))
		j := b.job(job.ID)
		want(t, "state", j.State, farm.Active)
		want(t, "failed", j.Failed, 0)
		want(t, "given to who did not fail it", frames(b.claim(oak, 0)), "2")
		want(t, "given to who did", frames(b.claim(elm, 0)), "none")
	})
}

// TestSceneThatIsTooNew goes to workers that can, and fails whole when no worker that is there can.
func TestSceneThatIsTooNew(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm, ash := b.worker("oak", 1), b.worker("elm", 1), b.worker("ash", 1)
		job := b.submit("1-100000", func(s *farm.JobSpec) { s.Attempts = 2 })
		tooNew := broken("shot.blend was made by Blender 9.9; this is Blender 4.0", false)
		for _, id := range []farm.WorkerID{oak, elm} {
			g := b.claim(id, 0)
			want(t, "leased", frames(g), "1")
			b.report(g, 1, farm.Errored, tooNew)
			want(t, "given to who cannot", frames(b.claim(id, 0)), "none")
		}
		want(t, "goes on", b.job(job.ID).State, farm.Active)
		g := b.claim(ash, 0)
		want(t, "leased", frames(g), "2") // the first was tried often enough
		b.report(g, 2, farm.Errored, tooNew)
		end := b.job(job.ID)
		want(t, "state", end.State, farm.Failed)
		want(t, "failed", end.Failed, 100_000)
		wantText(t, "reason", end.Reason, "made by Blender 9.9")
		want(t, "oak is enabled", b.seen(oak).Enabled, true)
	})
}

// TestWorkersThatAreNotToBlameComeBack: what several workers failed is the scene's fault, and who was taken out for it
// works again.
func TestWorkersThatAreNotToBlameComeBack(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm, ash := b.worker("oak", 1), b.worker("elm", 1), b.worker("ash", 1)
		for range 3 {
			b.submit("1")
		}
		for _, id := range []farm.WorkerID{oak, elm} {
			for range 3 {
				g := b.claim(id, 0)
				if g == nil {
					t.Fatalf("nothing for %s", id)
				}
				b.report(g, 1, farm.Errored, func(r *farm.Report) { r.Error = "Blender crashed" })
			}
			want(t, "enabled after three failed jobs", b.seen(id).Enabled, false)
		}
		b.report(b.claim(ash, 0), 1, farm.Errored)
		for _, id := range []farm.WorkerID{oak, elm, ash} {
			want(t, "enabled", b.seen(id).Enabled, true)
			want(t, "reason", b.seen(id).Reason, "")
		}
	})
}

// TestRefusalsOutliveTheMaster: a worker that failed a job is kept from it after a restart as before, and one that was
// pardoned is not.
func TestRefusalsOutliveTheMaster(t *testing.T) {
	inFarm(t, func(b *bench) {
		names := []string{"oak", "elm", "ash"}
		restart := func() {
			b.restart()
			for _, name := range names {
				b.worker(name, 1)
			}
		}
		for _, name := range names {
			b.worker(name, 1)
		}
		const oak, elm, ash farm.WorkerID = "worker-oak", "worker-elm", "worker-ash"
		job := b.submit("1-9", func(s *farm.JobSpec) { s.Attempts = 2 })
		b.report(b.claim(oak, 0), 1, farm.Errored)
		b.report(b.claim(elm, 0), 1, farm.Rendered) // the frame's failure is forgotten with this, the worker's is not
		restart()
		want(t, "given to who failed it", frames(b.claim(oak, 0)), "none")
		b.report(b.claim(elm, 0), 2, farm.Errored)
		b.report(b.claim(ash, 0), 2, farm.Errored) // given up: the scene is to blame, elm and ash are not
		restart()
		want(t, "oak", frames(b.claim(oak, 0)), "none")
		g := b.claim(elm, 0)
		want(t, "elm", frames(g), "3")
		b.report(g, 3, farm.HandedBack)
		b.retry(job.ID, master.RetryWhich{Failed: true})
		restart()
		want(t, "oak after a retry", frames(b.claim(oak, 0)), "2")
	})
}

// TestFailedFrameGoesElsewhereFirst: when all workers failed something of a job and so all may go on, each gets what
// others failed before what it failed itself.
func TestFailedFrameGoesElsewhereFirst(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		b.submit("1-3", func(s *farm.JobSpec) { s.Attempts = 9 })
		first, second := b.claim(oak, 0), b.claim(elm, 0)
		b.report(b.claim(elm, 0), 3, farm.Rendered)
		b.report(first, 1, farm.Errored)
		b.report(second, 2, farm.Errored)
		g := b.claim(oak, 0)
		want(t, "oak", frames(g), "2")
		want(t, "oak again", frames(b.claim(oak, 0)), "none")
		got := make(chan *farm.Grant)
		go func() { got <- b.holds(oak, time.Minute) }()
		synctest.Wait()
		// Where nobody else is left, there is no elsewhere.
		if _, err := b.m.ChangeWorker(context.Background(), root, elm, func(w *farm.Worker) { w.Draining = true }); err != nil {
			t.Fatal(err)
		}
		want(t, "the frame that only oak can try", frames(<-got), "1")
		b.report(g, 2, farm.Errored)
		want(t, "what both failed", frames(b.claim(oak, 0)), "2")
	})
}

// TestWorkersAreWaitedForAfterARestart: a worker that failed a job and comes back first is not taken for the only one.
func TestWorkersAreWaitedForAfterARestart(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		b.submit("1-3")
		b.report(b.claim(oak, 0), 1, farm.Errored)
		b.restart()
		b.worker("oak", 1)
		want(t, "while elm is waited for", frames(b.holds(oak, 15*time.Second)), "none")
		want(t, "when it does not come", frames(b.holds(oak, 15*time.Second)), "1")
	})
}
