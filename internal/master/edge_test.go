package master_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func (b *bench) register(edit func(*farm.Registration)) error {
	r := farm.Registration{
		ID: "worker-oak", Name: "oak", Slots: 1, Protocol: farm.Protocol,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, Program: "0.9"},
	}
	edit(&r)
	_, err := b.m.Register(context.Background(), root, r)
	return err
}

func TestProgramThatDoesNotFit(t *testing.T) {
	inFarm(t, func(b *bench) {
		for protocol, hint := range map[int]string{
			0:                 "install netrender test on the worker's machine",
			farm.Protocol + 1: "install netrender 0.9 on the master's machine",
		} {
			err := b.register(func(r *farm.Registration) { r.Protocol = protocol })
			if farm.KindOf(err) != farm.Outdated {
				t.Fatalf("protocol %d: %v", protocol, err)
			}
			wantText(t, "the sentence", err.Error(), "the worker is netrender 0.9 (protocol ")
			wantText(t, "the sentence", err.Error(), "the master is netrender test (protocol ")
			want(t, "the hint", err.(*farm.Error).Hint, hint)
		}
		views, err := b.m.Workers(context.Background())
		if err != nil || len(views) > 0 {
			t.Fatal("it is a worker all the same", views, err)
		}
	})
}

// TestDrainOutlastsReconnects: only a worker that is started anew takes frames again.
func TestDrainOutlastsReconnects(t *testing.T) {
	inFarm(t, func(b *bench) {
		fresh := func(yes bool) {
			t.Helper()
			if err := b.register(func(r *farm.Registration) { r.Fresh = yes }); err != nil {
				t.Fatal(err)
			}
		}
		fresh(true)
		b.submit("1")
		if _, err := b.m.ChangeWorker(context.Background(), root, "worker-oak", func(w *farm.Worker) { w.Draining = true }); err != nil {
			t.Fatal(err)
		}
		fresh(false)
		want(t, "drains after a reconnect", b.seen("worker-oak").Draining, true)
		b.restart()
		fresh(false)
		want(t, "is given", frames(b.claim("worker-oak", 0)), "none")
		fresh(true)
		want(t, "is given when started anew", frames(b.claim("worker-oak", 0)), "1")
	})
}

// TestDoneWithoutFiles: a frame counts only when the files that its job asks for are there.
func TestDoneWithoutFiles(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-2", func(s *farm.JobSpec) { s.Options = farm.Options{EXR: "half", Outputs: true, Preview: true} })
		g := b.claim(oak, 0)
		kinds := []farm.ResultKind{farm.KindEXR, farm.KindOutput, farm.KindPreview}
		var all []farm.Result
		for _, kind := range kinds {
			all = append(all, b.uploadAs(kind, g, 1, string(kind), string(kind)))
		}
		for lack := range kinds[:2] { // the preview is a convenience
			var some []farm.Result
			for i := range all {
				if i != lack {
					some = append(some, all[i])
				}
			}
			r := reportOf(g, 1, farm.Rendered)
			r.Results = some
			if _, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil); farm.KindOf(err) != farm.Invalid {
				t.Fatalf("without %s: %v", kinds[lack], err)
			}
		}
		// One such report keeps none of its call from being settled later.
		none := reportOf(g, 1, farm.Rendered)
		back := b.claim(oak, 0)
		if _, _, err := b.m.Report(context.Background(), root, []farm.Report{reportOf(back, 2, farm.HandedBack), none}, nil); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("without any: %v", err)
		}
		want(t, "done", b.job(job.ID).Done, 0)
		want(t, "handed back", b.report(back, 2, farm.HandedBack).Accepted, true)
		want(t, "with all", b.report(g, 1, farm.Rendered, func(r *farm.Report) { r.Results = all }).Accepted, true)
		// What is not taken anyway is answered, so that the worker drops it.
		want(t, "again, without files", b.report(g, 1, farm.Rendered).Accepted, false)
	})
}

// TestRemovedWorkerLeavesNoClaim: what it asked is answered, and does not count when it comes back.
func TestRemovedWorkerLeavesNoClaim(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		got := make(chan error, 1)
		go func() {
			_, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak, WaitMS: 60_000})
			got <- err
		}()
		synctest.Wait()
		if err := b.m.DeleteWorker(context.Background(), root, oak); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		want(t, "the claim", farm.KindOf(<-got), farm.NotFound)
		want(t, "waited", time.Since(began), 0)
		b.worker("oak", 1)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _, _ = b.m.Claim(ctx, root, farm.Wish{Worker: oak, WaitMS: 60_000}) }()
		time.Sleep(50 * time.Second) // who holds a claim open is not silent
		stats, err := b.m.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want(t, "online", stats.WorkersOnline, 1)
		want(t, "claims held", stats.Waiting, 1)
		cancel()
		synctest.Wait()
	})
}

// TestReportWhoseCallerLeft: what its wish is granted goes to somebody else at once.
func TestReportWhoseCallerLeft(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-2")
		g := b.claim(oak, 0)
		disk := make(chan struct{})
		b.store.slow(func() { <-disk })
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, _, err := b.m.Report(ctx, root, []farm.Report{reportOf(g, 1, farm.Rendered)}, &farm.Wish{Worker: oak})
			ended <- err
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		b.store.slow(nil)
		close(disk)
		if err := <-ended; err == nil {
			t.Fatal("the caller stayed")
		}
		synctest.Wait()
		want(t, "running", b.job(job.ID).Running, 0)
		want(t, "given", frames(b.claim(elm, 0)), "2")
		want(t, "what was reported stands", b.report(g, 1, farm.Rendered).Accepted, false)
	})
}

// TestWhyLooksAtAllSlots: a worker with several slots works for several jobs.
func TestWhyLooksAtAllSlots(t *testing.T) {
	inFarm(t, func(b *bench) {
		why := func(j farm.Job) farm.Reason {
			t.Helper()
			reasons, err := b.m.Why(context.Background(), j.ID)
			if err != nil || len(reasons) != 1 {
				t.Fatal(reasons, err)
			}
			return reasons[0]
		}
		oak := b.worker("oak", 3)
		first := b.submit("1-9")
		b.claim(oak, 0)
		second := b.submit("1-9", func(s *farm.JobSpec) { s.Name = "other" })
		b.claim(oak, 1)
		for _, j := range []farm.Job{first, second} {
			want(t, "why", why(j).Text, "it works for this job now")
		}
	})
}

// TestSteererWhoLeaves: a job that had ended and was brought back for somebody who then left is let go again.
func TestSteererWhoLeaves(t *testing.T) {
	inFarm(t, func(b *bench) {
		job := b.submit("1")
		b.report(b.claim(b.worker("oak", 1), 0), 1, farm.Rendered)
		for range 40 {
			ctx, leave := context.WithCancel(context.Background())
			b.store.onLoadJob = leave // in the midst of it
			_, _ = b.m.Change(ctx, root, job.ID, func(s *farm.JobSpec) { s.Priority = 2 })
			synctest.Wait()
			if _, err := master.Examine(context.Background(), b.m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestHeldClaimOfEarlierProcess: a claim that a worker's earlier process held open is not granted when the worker was
// started anew: its lease would lie with nobody.
func TestHeldClaimOfEarlierProcess(t *testing.T) {
	for name, again := range map[string]farm.Registration{"fresh": {Slots: 2, Fresh: true}, "fewer slots": {Slots: 1}} {
		t.Run(name, func(t *testing.T) {
			inFarm(t, func(b *bench) {
				oak := b.worker("oak", 2)
				held := make(chan *farm.Grant, 1)
				go func() {
					g, _ := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak, Slot: 1, WaitMS: 60_000})
					held <- g
				}()
				synctest.Wait()
				if err := b.register(func(r *farm.Registration) { r.Slots, r.Fresh = again.Slots, again.Fresh }); err != nil {
					t.Fatal(err)
				}
				b.submit("1")
				if g := <-held; g != nil {
					t.Fatalf("slot 1 of the earlier process has lease %d", g.Lease.ID)
				}
				want(t, "leased", frames(b.claim(oak, 0)), "1")
			})
		})
	}
}
