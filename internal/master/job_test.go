package master_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func TestJobFromSubmitToDone(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.worker("oak", 1)
		job := b.submit("1-3")
		want(t, "state", job.State, farm.Queued)
		for i := range 3 {
			g := b.claim(id, 0)
			want(t, "leased", frames(g), fmt.Sprint(i+1))
			want(t, "state while rendering", b.job(job.ID).State, farm.Active)
			r := b.upload(g, i+1, fmt.Sprintf("shot_%04d.png", i+1), fmt.Sprint("picture ", i))
			v := b.report(g, i+1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
			want(t, "accepted", v.Accepted, true)
		}
		end := b.job(job.ID)
		want(t, "state at the end", end.State, farm.Done)
		want(t, "done", end.Done, 3)
		text, err := os.ReadFile(filepath.Join(b.dir, "outputs", end.Folder, "shot_0002.png"))
		if err != nil || string(text) != "picture 1" {
			t.Fatalf("the result is %q, %v", text, err)
		}
		left, err := os.ReadDir(filepath.Join(b.dir, "incoming"))
		if err != nil || len(left) > 0 {
			t.Fatalf("left in incoming: %v, %v", left, err)
		}
		if g := b.claim(id, 0); g != nil {
			t.Fatalf("a job that is done gave %v", g)
		}
	})
}

func TestCollectingWaitsForFiles(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.worker("oak", 1)
		absent := farm.File{Path: "tex/wood.png", Original: "/x/wood.png", Size: 4, Ref: blob.RefOf([]byte("wood")).String()}
		job, err := b.m.Submit(context.Background(), root, farm.JobSpec{
			Blend: "shot.blend", Frames: farm.FrameRange(1, 2, 1),
		}, []farm.File{b.file("shot.blend", "a scene"), absent})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "state", job.State, farm.Collecting)
		want(t, "name from the file", job.Name, "shot")
		if g := b.claim(id, 0); g != nil {
			t.Fatal("a job without its files was handed out")
		}
		missing, err := b.m.Missing(context.Background(), job.ID, "", 10)
		if err != nil || len(missing) != 1 || missing[0].Path != "tex/wood.png" {
			t.Fatalf("missing: %v, %v", missing, err)
		}
		b.restart() // what is missing is worked out again
		want(t, "state after a restart", b.job(job.ID).State, farm.Collecting)
		b.file("tex/wood.png", "wood")
		if err := b.m.BlobStored(context.Background(), absent.Ref); err != nil {
			t.Fatal(err)
		}
		want(t, "state", b.job(job.ID).State, farm.Queued)
		want(t, "leased", frames(b.claim(id, 0)), "1")
	})
}

func TestSameKeyIsOneJob(t *testing.T) {
	inFarm(t, func(b *bench) {
		key := func(s *farm.JobSpec) { s.Key = "k1" }
		first := b.submit("1", key)
		want(t, "the same job", b.submit("1", key).ID, first.ID)
		b.restart()
		want(t, "the same job after a restart", b.submit("1", key).ID, first.ID)
		id := b.worker("oak", 1)
		b.report(b.claim(id, 0), 1, farm.Rendered)
		want(t, "the same job when done", b.submit("1", key).ID, first.ID)
	})
}

func TestManifestIsNotTrusted(t *testing.T) {
	inFarm(t, func(b *bench) {
		scene := b.file("shot.blend", "a scene")
		for name, f := range map[string]farm.File{
			"up":       {Path: "../x", Ref: scene.Ref},
			"absolute": {Path: "/etc/passwd", Ref: scene.Ref},
			"drive":    {Path: "C:/x", Ref: scene.Ref},
			"twice":    {Path: "SHOT.blend", Ref: scene.Ref, Size: scene.Size},
			"no hash":  {Path: "x", Ref: "abc"},
			"size":     {Path: "x", Ref: scene.Ref, Size: 3},
		} {
			_, err := b.m.Submit(context.Background(), root, farm.JobSpec{Blend: "shot.blend", Frames: farm.Frames(1)}, []farm.File{scene, f})
			if farm.KindOf(err) != farm.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := b.m.Submit(context.Background(), root, farm.JobSpec{Blend: "other.blend", Frames: farm.Frames(1)}, []farm.File{scene})
		wantText(t, "no scene", fmt.Sprint(err), "other.blend is not in the manifest")
	})
}

func TestPauseResumeCancelRetry(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		id := b.worker("oak", 1)
		job := b.submit("1-4")
		g := b.claim(id, 0)
		if _, err := b.m.Pause(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "paused frames go on", b.report(g, 1, farm.Rendered).Accepted, true)
		if got := b.claim(id, 0); got != nil {
			t.Fatal("a paused job was handed out")
		}
		if _, err := b.m.Resume(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		g = b.claim(id, 0)
		want(t, "leased", frames(g), "2")
		if _, err := b.m.Cancel(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "canceled", b.job(job.ID).State, farm.Canceled)
		if o := b.beat(id, g); len(o.Cancel) != 1 || o.Cancel[0] != g.Lease.ID {
			t.Fatalf("orders: %+v", o)
		}
		want(t, "a report after cancel", b.report(g, 2, farm.Rendered).Accepted, false)
		if _, err := b.m.Cancel(ctx, root, job.ID); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("canceled twice: %v", err)
		}
		j, err := b.m.Retry(ctx, root, job.ID, master.RetryWhich{Failed: true})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "goes on", j.State, farm.Active)
		want(t, "what is there stays", j.Done, 1)
		for _, f := range []int{2, 3, 4} {
			g := b.claim(id, 0)
			want(t, "leased", frames(g), fmt.Sprint(f))
			b.report(g, f, farm.Rendered)
		}
		want(t, "done", b.job(job.ID).State, farm.Done)
		if _, err := b.m.Retry(ctx, root, job.ID, master.RetryWhich{Failed: true}); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("retry of nothing: %v", err)
		}
		want(t, "still done", b.job(job.ID).State, farm.Done)
		if _, err := b.m.Retry(ctx, root, job.ID, master.RetryWhich{Frames: farm.Frames(9)}); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("retry of a frame it has not: %v", err)
		}
		j, err = b.m.Retry(ctx, root, job.ID, master.RetryWhich{Frames: farm.Frames(3)})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "one frame again", j.Done, 3)
		b.restart()
		g = b.claim(id, 0)
		want(t, "leased", frames(g), "3")
		b.report(g, 3, farm.Rendered)
		want(t, "done again", b.job(job.ID).State, farm.Done)
	})
}

// TestRetryOfManyFrames: it costs by spans, not by frames, and what is being rendered is let be.
func TestRetryOfManyFrames(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		job := b.submit("1-5000", func(s *farm.JobSpec) { s.Chunk = 1000 })
		render := func(frames []int, g *farm.Grant) {
			t.Helper()
			reports := make([]farm.Report, len(frames))
			for i, f := range frames {
				reports[i] = reportOf(g, f, farm.Rendered)
			}
			if _, _, err := b.m.Report(context.Background(), root, reports, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			g := b.claim(oak, 0)
			render(g.Lease.Frames, g)
		}
		g := b.claim(oak, 0)
		render(g.Lease.Frames[:10], g)
		before := b.store.changes
		retry := func(which master.RetryWhich, done int) {
			t.Helper()
			j, err := b.m.Retry(context.Background(), root, job.ID, which)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "done", j.Done, done)
			want(t, "running", j.Running, 990)
		}
		retry(master.RetryWhich{Frames: farm.FrameRange(501, 1500, 1)}, 2010)
		retry(master.RetryWhich{Frames: farm.FrameRange(2, 3000, 2)}, 1010)
		retry(master.RetryWhich{All: true}, 0)
		if n := b.store.changes - before; n > 12 {
			t.Fatalf("three retries were %d changes", n)
		}
		if _, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{Frames: farm.FrameRange(1, 9999, 1)}); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("retry of frames it has not: %v", err)
		}
		for _, restart := range []bool{false, true} {
			if restart {
				b.restart()
			}
			states, err := b.m.Frames(context.Background(), job.ID)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "running", states.Running.String(), "3011-4000")
			want(t, "queued", states.Queued.String(), "1-3010,4001-5000")
		}
		render(g.Lease.Frames[10:], g)
		for _, first := range []int{1, 1001, 2001, 3001, 4001} {
			g := b.claim(oak, 0)
			want(t, "leased", g.Lease.Frames[0], first)
			render(g.Lease.Frames, g)
		}
		want(t, "state", b.job(job.ID).State, farm.Done)
	})
}

func TestOnlyOwnersSteer(t *testing.T) {
	inFarm(t, func(b *bench) {
		anna := master.Identity{Token: "t1", Name: "anna", Role: farm.RoleSubmit}
		job := b.submitAs(anna, "1")
		want(t, "shown as", job.Owner, "anna")
		for _, who := range []master.Identity{
			{Token: "t2", Name: "eve", Role: farm.RoleSubmit},
			{Token: "t2", Name: "anna", Role: farm.RoleSubmit},
			{Name: "anna", Role: farm.RoleSubmit},
			{Token: "t1", Name: "anna", Role: farm.RoleView},
			{Token: "t1", Name: "anna", Role: farm.RoleWorker},
		} {
			if _, err := b.m.Cancel(context.Background(), who, job.ID); farm.KindOf(err) != farm.Denied {
				t.Errorf("%v canceled: %v", who, err)
			}
			if err := b.m.Delete(context.Background(), who, job.ID); farm.KindOf(err) != farm.Denied {
				t.Errorf("%v deleted: %v", who, err)
			}
		}
		b.restart()
		if _, err := b.m.Cancel(context.Background(), anna, job.ID); err != nil {
			t.Errorf("the owner: %v", err)
		}
		if _, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{All: true}); err != nil {
			t.Errorf("an admin: %v", err)
		}
		// A job from before tokens were noted, of an owner who has none any more.
		old := b.submitAs(master.Identity{Name: "ida", Role: farm.RoleSubmit}, "1")
		if _, err := b.m.Cancel(context.Background(), master.Identity{Name: "ida", Role: farm.RoleSubmit}, old.ID); farm.KindOf(err) != farm.Denied {
			t.Errorf("nobody's job: %v", err)
		}
	})
}

func TestDeleteForgetsEverything(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.worker("oak", 1)
		job := b.submit("1-2")
		g := b.claim(id, 0)
		r := b.upload(g, 1, "a.png", "x")
		b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		if err := b.m.AppendLog(context.Background(), root, g.Lease.ID, id, 1, 0, strings.NewReader("late")); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("log of a settled lease: %v", err)
		}
		if err := b.m.Delete(context.Background(), root, job.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.m.Job(context.Background(), job.ID); farm.KindOf(err) != farm.NotFound {
			t.Fatalf("job after delete: %v", err)
		}
		if _, err := os.Stat(filepath.Join(b.dir, "outputs", job.Folder)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("results after delete: %v", err)
		}
	})
}

func TestFailedFrames(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm, ash := b.worker("oak", 1), b.worker("elm", 1), b.worker("ash", 1)
		job := b.submit("1")
		for i, id := range []farm.WorkerID{oak, elm, ash} {
			for _, other := range []farm.WorkerID{oak, elm, ash}[:i] {
				if g := b.claim(other, 0); g != nil {
					t.Fatalf("attempt %d went to a worker that had failed it", i+1)
				}
			}
			g := b.claim(id, 0)
			if g == nil {
				t.Fatalf("attempt %d was given to nobody", i+1)
			}
			want(t, "attempt", g.Lease.Attempt, i+1)
			b.report(g, 1, farm.Errored, func(r *farm.Report) { r.Error = "Cycles ran out of memory" })
		}
		end := b.job(job.ID)
		want(t, "state", end.State, farm.Failed)
		want(t, "failed", end.Failed, 1)
		page, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 10})
		if err != nil || len(page) != 3 || !page[2].Final || page[2].Error != "Cycles ran out of memory" {
			t.Fatalf("attempts: %+v, %v", page, err)
		}
		if _, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{Failed: true}); err != nil {
			t.Fatal(err)
		}
		g := b.claim(oak, 0)
		want(t, "first attempt again", g.Lease.Attempt, 1)
		b.report(g, 1, farm.Rendered)
		want(t, "done", b.job(job.ID).State, farm.Done)
	})
}

func TestFailureOnTheOnlyWorkerIsTriedThereAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1")
		for range 3 {
			g := b.claim(oak, 0)
			if g == nil {
				t.Fatal("the only worker is not given the frame again")
			}
			b.report(g, 1, farm.Errored)
		}
		want(t, "state", b.job(job.ID).State, farm.Failed)
	})
}

func TestFatalIsNotTriedAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		job := b.submit("1")
		b.report(b.claim(oak, 0), 1, farm.Errored, func(r *farm.Report) { r.Fatal = true })
		want(t, "state", b.job(job.ID).State, farm.Failed)
	})
}

func TestWorkerThatFailsEverythingIsTakenOut(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		for range 3 {
			b.submit("1-9")
			g := b.claim(oak, 0)
			if g == nil {
				t.Fatal("nothing for oak")
			}
			b.report(g, g.Lease.Frames[0], farm.Errored, func(r *farm.Report) { r.Error = "no GPU" })
		}
		views, err := b.m.Workers(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want(t, "oak is enabled", views[1].Worker.Enabled, false)
		wantText(t, "why", views[1].Worker.Reason, "no GPU")
		want(t, "elm is enabled", views[0].Worker.Enabled, true)
		if g := b.claim(oak, 0); g != nil {
			t.Fatal("a worker that is out was given work")
		}
		if _, err := b.m.ChangeWorker(context.Background(), root, oak, func(w *farm.Worker) { w.Enabled = true }); err != nil {
			t.Fatal(err)
		}
		if g := b.claim(oak, 0); g == nil {
			t.Fatal("a worker that was let in again gets nothing")
		}
	})
}

func TestChunksAndOrder(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 2)
		job := b.submit("1-10", func(s *farm.JobSpec) { s.Chunk, s.Order = 4, farm.Reverse })
		g := b.claim(oak, 0)
		want(t, "first chunk", frames(g), "9 10")
		b.report(g, 9, farm.Rendered)
		b.report(g, 10, farm.HandedBack)
		g = b.claim(oak, 0)
		want(t, "handed back", frames(g), "10")
		want(t, "attempt", g.Lease.Attempt, 1)
		g = b.claim(oak, 1)
		want(t, "next chunk", frames(g), "5 6 7 8")
		states, err := b.m.Frames(context.Background(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "done", states.Done.String(), "9")
		want(t, "running", states.Running.String(), "5-8,10")
		want(t, "queued", states.Queued.String(), "1-4")
	})
}

func TestWaitingClaimGetsANewJobAtOnce(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		got := make(chan *farm.Grant)
		go func() {
			g, _ := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak, WaitMS: 60_000})
			got <- g
		}()
		synctest.Wait()
		began := time.Now()
		b.submit("7")
		want(t, "leased", frames(<-got), "7")
		want(t, "waited", time.Since(began), 0)
	})
}

func TestClaimEndsWithItsWait(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		began := time.Now()
		g, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak, WaitMS: 20_000})
		if g != nil || err != nil {
			t.Fatalf("claim: %v, %v", g, err)
		}
		want(t, "waited", time.Since(began), 20*time.Second)
		stats, err := b.m.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want(t, "claims held", stats.Waiting, 0)
	})
}

func TestAClaimWhoseAskerLeftIsGivenBack(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			_, _ = b.m.Claim(ctx, root, farm.Wish{Worker: oak, WaitMS: 60_000})
			close(ended)
		}()
		synctest.Wait()
		cancel()
		<-ended
		job := b.submit("1")
		synctest.Wait()
		want(t, "running", b.job(job.ID).Running, 0)
		want(t, "leased", frames(b.claim(oak, 0)), "1")
	})
}

func TestAheadOnlyWhenMuchWaits(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		b.submit("1-5")
		ahead := func() *farm.Grant {
			g, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak, Ahead: true})
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		b.claim(oak, 0)
		want(t, "ahead of 4 waiting", frames(ahead()), "2")
		want(t, "ahead of 3 waiting", frames(ahead()), "3")
		want(t, "ahead of 2 waiting, 2 slots", frames(ahead()), "none")
	})
}

// One slot renders one frame, whatever it holds ahead.
func TestWhatIsHeldAheadIsNotRunning(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1-9")
		running := func() string {
			t.Helper()
			j := b.job(job.ID)
			states, err := b.m.Frames(ctx, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			leases, err := b.m.Running(ctx, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for i := range leases {
				text += fmt.Sprintf(" %d", leases[i].Frames[0])
				if leases[i].Ahead {
					text += "*"
				}
			}
			return fmt.Sprintf("%d: %s of%s, %d queued: %s", j.Running, states.Running, text, j.Queued(), states.Queued)
		}
		claim := func(ahead bool) *farm.Grant {
			g, err := b.m.Claim(ctx, root, farm.Wish{Worker: oak, Ahead: ahead})
			if err != nil || g == nil {
				t.Fatal(g, err)
			}
			return g
		}
		first, second := claim(false), claim(true)
		claim(true)
		want(t, "three leases of one slot", running(), "1: 1 of 1 2* 3*, 8 queued: 2-9")
		b.report(first, 1, farm.Rendered)
		want(t, "when the first is done", running(), "1: 2 of 2 3*, 7 queued: 3-9")
		b.report(second, 2, farm.HandedBack)
		want(t, "when the second was handed back", running(), "1: 3 of 3, 7 queued: 2,4-9")
		claim(false) // 3 is rendered by now, its report is on the way
		want(t, "when the slot asked for more", running(), "1: 2 of 3* 2, 7 queued: 3-9")
		if _, err := b.m.Cancel(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "when all was stopped", b.job(job.ID).Running, 0)
	})
}

// A worker that leaves in good order is gone at once.
func TestGoodbye(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 2)
		watching, stop := context.WithCancel(ctx)
		defer stop()
		events := b.m.Watch(watching)
		online := func() bool {
			t.Helper()
			views, err := b.m.Workers(ctx)
			if err != nil || len(views) != 1 {
				t.Fatal(views, err)
			}
			return views[0].Online
		}
		want(t, "online", online(), true)
		if _, err := b.m.Heartbeat(ctx, root, oak, farm.Heartbeat{Leaves: true, WaitMS: 0}); err != nil {
			t.Fatal(err)
		}
		want(t, "online after the goodbye", online(), false)
		if ev := <-events; ev.Kind != farm.EventWorker || ev.State != "offline" || ev.Worker != oak {
			t.Errorf("%+v", ev)
		}
		if s, err := b.m.Stats(ctx); err != nil || s.Slots != 0 || s.WorkersOnline != 0 {
			t.Errorf("%+v %v", s, err)
		}
		b.worker("oak", 2)
		want(t, "online when it is back", online(), true)
	})
}

func TestWhySaysWhatDecided(t *testing.T) {
	inFarm(t, func(b *bench) {
		why := func(id farm.JobID) string {
			reasons, err := b.m.Why(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			var text string
			for _, r := range reasons {
				text += r.Worker + ": " + r.Text + "\n"
			}
			return text
		}
		job := b.submit("1-9", func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} })
		wantText(t, "no workers", why(job.ID), "no workers")
		oak := b.worker("oak", 1)
		wantText(t, "a tag", why(job.ID), "it lacks the tag gpu")
		other := b.submit("1-9")
		b.claim(oak, 0)
		wantText(t, "at work", why(other.ID), "works for this job now")
		h := farm.Heartbeat{Load: farm.Load{Idle: "its disk is nearly full"}}
		if _, err := b.m.Heartbeat(context.Background(), root, oak, h); err != nil {
			t.Fatal(err)
		}
		wantText(t, "a full disk", why(job.ID), "oak: it asks for no frames: its disk is nearly full")
		b.beat(oak)
		if _, err := b.m.Pause(context.Background(), root, job.ID); err != nil {
			t.Fatal(err)
		}
		wantText(t, "paused", why(job.ID), "paused")
		time.Sleep(time.Minute)
		wantText(t, "offline", why(other.ID), "oak: the worker is offline")
	})
}

func TestScriptJobIsNotLeftToWorkersThatRefuseScripts(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("elm", 1) // does not allow scripts
		oak := farm.WorkerID("worker-oak")
		if _, err := b.m.Register(context.Background(), root, farm.Registration{
			Protocol: farm.Protocol,
			ID:       oak, Name: "oak", Slots: 1, Facts: farm.Facts{Scripts: true, Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}},
		}); err != nil {
			t.Fatal(err)
		}
		b.submit("1", func(s *farm.JobSpec) { s.Options.Scripts = true })
		b.report(b.claim(oak, 0), 1, farm.Errored)
		if b.claim(oak, 0) == nil {
			t.Fatal("nobody else could render it, and it is not tried again")
		}
	})
}

// A job that has ended can be changed, for it may be retried; and it rests again afterwards. What makes no sense any
// more is refused with a step that does.
func TestSteeringAJobThatEnded(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		id := b.worker("oak", 1)
		job := b.submit("1-1")
		b.report(b.claim(id, 0), 1, farm.Rendered)
		want(t, "state", b.job(job.ID).State, farm.Done)
		rename := func(name string) (farm.Job, error) {
			return b.m.Change(ctx, root, job.ID, func(s *farm.JobSpec) { s.Name = name })
		}
		if _, err := rename("film"); err != nil {
			t.Fatal(err)
		}
		if _, err := rename("  "); farm.KindOf(err) != farm.Invalid {
			t.Errorf("a name of blanks: %v", err)
		}
		for range 2 {
			now := b.job(job.ID)
			want(t, "name", now.Name, "film")
			want(t, "state after the change", now.State, farm.Done)
			want(t, "frames", now.Done, 1)
			want(t, "when it ended", now.Ended, now.Ended.Truncate(time.Microsecond))
			b.restart()
		}
		if s, err := b.m.Stats(ctx); err != nil || len(s.Jobs) != 0 {
			t.Errorf("the engine holds a job that ended: %v %v", s.Jobs, err)
		}
		for name, c := range map[string]struct {
			call func(context.Context, master.Identity, farm.JobID) (farm.Job, error)
			hint string
		}{
			"cancel": {b.m.Cancel, "netrender delete 1"}, "pause": {b.m.Pause, "nothing of it is left"}, "resume": {b.m.Resume, "retry 1 --all"},
		} {
			var e *farm.Error
			if _, err := c.call(ctx, root, job.ID); !errors.As(err, &e) || e.Kind != farm.Conflict || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%s: %v %+v", name, err, e)
			}
		}
	})
}
