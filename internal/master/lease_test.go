package master_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func TestSilentWorkerLosesItsLease(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		time.Sleep(14 * time.Second)
		b.beat(oak, g) // a sign of life renews it
		time.Sleep(14 * time.Second)
		if got := b.claim(elm, 0); got != nil {
			t.Fatal("a lease that was renewed was given to another")
		}
		time.Sleep(3 * time.Second)
		got := b.claim(elm, 0)
		want(t, "leased", frames(got), "1")
		want(t, "attempt", got.Lease.Attempt, 2)
		if o := b.beat(oak, g); len(o.Cancel) != 1 {
			t.Fatalf("the first worker is not told to stop: %+v", o)
		}
		want(t, "the second one's report", b.report(got, 1, farm.Rendered).Accepted, true)
		late := b.report(g, 1, farm.Rendered)
		want(t, "the late report", late.Accepted, false)
		end := b.job(job.ID)
		want(t, "state", end.State, farm.Done)
		want(t, "done", end.Done, 1)
	})
}

func TestLateResultCountsWhenNobodyElseWasFaster(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-2")
		g := b.claim(oak, 0)
		time.Sleep(20 * time.Second) // expired
		again := b.claim(elm, 0)
		want(t, "leased again", frames(again), "1")
		r := b.upload(g, 1, "a.png", "late but right")
		v := b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		want(t, "late result", v.Accepted, true)
		if o := b.beat(elm, again); len(o.Cancel) != 1 {
			t.Fatalf("work that is not needed goes on: %+v", o)
		}
		want(t, "the other's report", b.report(again, 1, farm.Rendered).Accepted, false)
		want(t, "done", b.job(job.ID).Done, 1)
		want(t, "next", frames(b.claim(elm, 0)), "2")
	})
}

func TestWorkerThatWasCutOffTakesUpItsLeaseAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		time.Sleep(5 * time.Minute)
		want(t, "running while cut off", b.job(job.ID).Running, 0)
		if o := b.beat(oak, g); len(o.Cancel) != 0 {
			t.Fatalf("it is told to stop although nobody else took the frame: %+v", o)
		}
		want(t, "running again", b.job(job.ID).Running, 1)
		b.worker("elm", 1)
		if got := b.claim("worker-elm", 0); got != nil {
			t.Fatal("the frame was given away as well")
		}
		want(t, "accepted", b.report(g, 1, farm.Rendered).Accepted, true)
	})
}

// TestFasterPaceHarmsNobody: a worker that was not told yet of a shorter heartbeat keeps its lease; one whose heartbeat
// is held is told at once.
func TestFasterPaceHarmsNobody(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		rules := farm.DefaultRules()
		pace := func(ms int) {
			t.Helper()
			rules.HeartbeatMS = ms
			if err := b.m.SetRules(ctx, root, rules); err != nil {
				t.Fatal(err)
			}
		}
		pace(60_000)
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-2")
		g := b.claim(oak, 0)
		b.claim(elm, 0)
		beat := func(id farm.WorkerID, h farm.Heartbeat) farm.Orders {
			t.Helper()
			o, err := b.m.Heartbeat(ctx, root, id, h)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		of := []farm.Beat{{Lease: g.Lease.ID, Frame: 1, Started: true}}
		beat(oak, farm.Heartbeat{Beats: of, PaceMS: 60_000})
		told := make(chan farm.Orders)
		go func() { told <- beat(elm, farm.Heartbeat{PaceMS: 60_000, WaitMS: 60_000}) }()
		synctest.Wait()
		began := time.Now()
		pace(1000)
		want(t, "the pace that a held heartbeat is told", (<-told).HeartbeatMS, 1000)
		want(t, "waited", time.Since(began), 0)
		time.Sleep(100 * time.Second) // oak has said nothing yet, as it may
		want(t, "running", b.job(job.ID).Running, 2)
		o := beat(oak, farm.Heartbeat{Beats: of, PaceMS: 60_000, WaitMS: 60_000})
		want(t, "waited for news", time.Since(began), 100*time.Second)
		want(t, "the pace", o.HeartbeatMS, 1000)
		b.restart() // with the new rules: what the workers keep is as before
		beat(oak, farm.Heartbeat{Beats: of, PaceMS: 1000})
		time.Sleep(5 * time.Second)
		want(t, "running after silence at the new pace", b.job(job.ID).Running, 0)
	})
}

// TestLapsesThatWereMadeGoodDoNotCount: a frame whose worker is cut off again and again, and comes back each time, is
// not given up, over restarts as well.
func TestLapsesThatWereMadeGoodDoNotCount(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-2", func(s *farm.JobSpec) { s.Chunk = 2 })
		g := b.claim(oak, 0)
		for n := range 40 {
			time.Sleep(time.Minute)
			want(t, "running while cut off", b.job(job.ID).Running, 0)
			if n%3 == 1 {
				b.restart() // the lapse is remembered
			}
			if o := b.beat(oak, g); len(o.Cancel) > 0 {
				t.Fatalf("cut %d: the lease is not taken up again", n+1)
			}
			want(t, "running again", b.job(job.ID).Running, 2)
			if n%3 == 2 {
				b.restart() // and that it was made good
			}
		}
		want(t, "accepted", b.report(g, 1, farm.Rendered).Accepted, true)
		b.report(g, 2, farm.HandedBack)
		want(t, "the attempt", b.claim(oak, 0).Lease.Attempt, 1)
	})
}

// TestSettledFramesOfALeaseStaySettled: what was reported of a lease that lives on is not taken for being rendered
// after a restart, and does not count twice.
func TestSettledFramesOfALeaseStaySettled(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		job := b.submit("1-4", func(s *farm.JobSpec) { s.Chunk = 4 })
		g := b.claim(oak, 0)
		b.report(g, 1, farm.Errored)
		b.restart()
		want(t, "running after a failure", b.job(job.ID).Running, 3)
		b.report(g, 2, farm.HandedBack)
		b.restart()
		b.report(g, 3, farm.Rendered)
		b.restart()
		j := b.job(job.ID)
		want(t, "running", j.Running, 1)
		want(t, "waiting", j.Queued(), 2)
		want(t, "the same failure again", b.report(g, 1, farm.Errored).Accepted, false)
		next := b.claim("worker-elm", 0)
		want(t, "leased", frames(next), "1")
		want(t, "attempt", next.Lease.Attempt, 2)
	})
}

func TestRestartUnderRunningWorkers(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, elm := b.worker("oak", 2), b.worker("elm", 1)
		job := b.submit("1-4")
		g1, g2, g3 := b.claim(oak, 0), b.claim(oak, 1), b.claim(elm, 0)
		b.report(g3, 3, farm.Rendered)
		r := b.upload(g1, 1, "a.png", "picture")
		b.restart()
		want(t, "running after the restart", b.job(job.ID).Running, 2)
		if o := b.beat(oak, g1, g2); len(o.Cancel) != 0 || o.Unknown {
			t.Fatalf("orders after the restart: %+v", o)
		}
		v := b.report(g1, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		want(t, "the report over the restart", v.Accepted, true)
		want(t, "only what waits is given", frames(b.claim(elm, 0)), "4")
		time.Sleep(10 * time.Second)
		b.beat(oak, g2)
		b.restart()
		time.Sleep(20 * time.Second) // elm's lease expires: it never came back; oak's too
		got := map[string]bool{frames(b.claim(elm, 0)): true, frames(b.claim(oak, 0)): true}
		if !got["2"] || !got["4"] {
			t.Fatalf("what was lost is not given again: %v", got)
		}
	})
}

func TestReportsAreGuarded(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.worker("eve", 1)
		job := b.submit("1-3")
		g := b.claim(oak, 0)
		for name, edit := range map[string]func(*farm.Report){
			"another worker":  func(r *farm.Report) { r.Worker = "worker-eve" },
			"another attempt": func(r *farm.Report) { r.Attempt = 2 },
			"another frame":   func(r *farm.Report) { r.Frame = 2 },
			"another job":     func(r *farm.Report) { r.Job = 99 },
			"another lease":   func(r *farm.Report) { r.Lease++ },
		} {
			if b.report(g, 1, farm.Rendered, edit).Accepted {
				t.Errorf("a report of %s was accepted", name)
			}
		}
		want(t, "accepted", b.report(g, 1, farm.Rendered).Accepted, true)
		want(t, "repeated", b.report(g, 1, farm.Rendered).Accepted, false)
		want(t, "done", b.job(job.ID).Done, 1)
	})
}

func TestResultsAreNotTrusted(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		b.submit("1")
		g := b.claim(oak, 0)
		good := b.upload(g, 1, "a.png", "picture")
		put := func(edit func(*farm.Result), text string) error {
			r := good
			edit(&r)
			_, _, err := b.m.PutResult(ctx, root, g.Lease.ID, oak, r, 0, strings.NewReader(text))
			return err
		}
		as := func(lease farm.LeaseID, worker farm.WorkerID) error {
			_, _, err := b.m.PutResult(ctx, root, lease, worker, good, 0, strings.NewReader("picture"))
			return err
		}
		for name, c := range map[string]struct {
			err  error
			kind farm.Kind
		}{
			"outside":    {put(func(r *farm.Result) { r.Name = "../x.png" }, "picture"), farm.Invalid},
			"absolute":   {put(func(r *farm.Result) { r.Name = "/x.png" }, "picture"), farm.Invalid},
			"size":       {put(func(r *farm.Result) { r.Name, r.Size = "b.png", 6 }, "picture"), farm.Mismatch},
			"other":      {put(func(r *farm.Result) { r.Name = "b.png" }, "PICTURE"), farm.Mismatch},
			"no frame":   {put(func(r *farm.Result) { r.Frame = 7 }, "picture"), farm.Conflict},
			"no lease":   {as(g.Lease.ID+1, oak), farm.Conflict},
			"not theirs": {as(g.Lease.ID, "worker-eve"), farm.Conflict},
		} {
			if farm.KindOf(c.err) != c.kind {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		v := b.report(g, 1, farm.Rendered, func(r *farm.Report) {
			r.Results = []farm.Result{good, {Kind: farm.KindEXR, Name: "exr/1.exr", Size: 3, Ref: good.Ref}}
		})
		want(t, "accepted", v.Accepted, false)
		want(t, "missing", strings.Join(v.Missing, " "), "exr/1.exr")
		if err := put(func(*farm.Result) {}, "picture"); err != nil {
			t.Errorf("sending again: %v", err)
		}
		want(t, "accepted at last", b.report(g, 1, farm.Rendered, func(r *farm.Report) { r.Results = []farm.Result{good} }).Accepted, true)
	})
}

// TestResultGoesOnAfterARestart: what came of a result is there for the next process, and so is what is whole.
func TestResultGoesOnAfterARestart(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		text := strings.Repeat("picture ", 10_000)
		r := farm.Result{Kind: farm.KindEXR, Name: "1.exr", Size: int64(len(text)), Ref: blob.RefOf([]byte(text)).String(), Frame: 1}
		broken := errors.New("the cable broke")
		body := io.MultiReader(strings.NewReader(text[:50_000]), iotest.ErrReader(broken))
		if have, whole, err := b.m.PutResult(ctx, root, g.Lease.ID, oak, r, 0, body); have != 50_000 || whole || !errors.Is(err, broken) {
			t.Fatal(have, whole, err)
		}
		b.restart()
		if have, whole, err := b.m.ResultOffset(ctx, root, g.Lease.ID, oak, r); have != 50_000 || whole || err != nil {
			t.Fatal(have, whole, err)
		}
		if _, _, err := b.m.ResultOffset(ctx, root, g.Lease.ID, "worker-eve", r); farm.KindOf(err) != farm.Conflict {
			t.Fatal("a stranger is told", err)
		}
		want(t, "a report before it is whole", len(b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} }).Missing), 1)
		if have, whole, err := b.m.PutResult(ctx, root, g.Lease.ID, oak, r, 50_000, strings.NewReader(text[50_000:])); have != r.Size || !whole || err != nil {
			t.Fatal(have, whole, err)
		}
		b.restart()
		want(t, "accepted", b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} }).Accepted, true)
		f, err := b.m.OpenResult(ctx, job.ID, "1.exr")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := io.ReadAll(f); string(got) != text || err != nil {
			t.Fatal("other bytes are there", err)
		}
	})
}

func TestFullDatabaseDiskLosesNothing(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-2")
		g := b.claim(oak, 0)
		full := farm.Errorf(farm.NoRoom, "the master's disk is full")
		b.store.mu.Lock()
		b.store.fail = full
		b.store.mu.Unlock()
		r := reportOf(g, 1, farm.Rendered)
		if _, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil); !errors.Is(err, full) {
			t.Fatalf("a report that was not kept was answered with %v", err)
		}
		if _, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: oak}); !errors.Is(err, full) {
			t.Fatalf("a claim: %v", err)
		}
		b.store.mu.Lock()
		b.store.fail = nil
		b.store.mu.Unlock()
		time.Sleep(2 * time.Second) // it tries again by itself
		want(t, "done", b.job(job.ID).Done, 0)
		want(t, "running", b.job(job.ID).Running, 1)
		want(t, "the same report again", b.report(g, 1, farm.Rendered).Accepted, true)
		want(t, "next", frames(b.claim(oak, 0)), "2")
	})
}

func TestCancelReachesAHeldHeartbeatAtOnce(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		got := make(chan farm.Orders)
		go func() {
			o, _ := b.m.Heartbeat(context.Background(), root, oak, farm.Heartbeat{Beats: []farm.Beat{{Lease: g.Lease.ID, Frame: 1, Started: true}}, WaitMS: 5000})
			got <- o
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := b.m.Cancel(context.Background(), root, job.ID); err != nil {
			t.Fatal(err)
		}
		o := <-got
		want(t, "waited", time.Since(began), 0)
		if len(o.Cancel) != 1 || o.Cancel[0] != g.Lease.ID {
			t.Fatalf("orders: %+v", o)
		}
	})
}

func TestHeartbeatOfAnUnknownWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		o, err := b.m.Heartbeat(context.Background(), root, "worker-none", farm.Heartbeat{WaitMS: 60_000})
		if err != nil || !o.Unknown {
			t.Fatalf("orders: %+v, %v", o, err)
		}
	})
}

func TestFrameThatKillsEveryWorkerIsGivenUp(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1")
		for n := 0; b.job(job.ID).State != farm.Failed; n++ {
			if n > 20 {
				t.Fatal("it is tried for ever")
			}
			b.claim(oak, 0)
			time.Sleep(20 * time.Second)
		}
	})
}

func TestLogs(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		add := func(offset int64, text string) error {
			return b.m.AppendLog(ctx, root, g.Lease.ID, oak, 1, offset, strings.NewReader(text))
		}
		grows := b.m.LogGrows(job.ID)
		if err := errors.Join(add(0, "Fra:1 "), add(0, "Fra:1 "), add(6, "Mem:2M")); err != nil {
			t.Fatal(err)
		}
		<-grows
		if err := add(99, "gap"); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("a gap: %v", err)
		}
		read := func(lease farm.LeaseID) (string, *master.Log) {
			t.Helper()
			l, err := b.m.OpenLog(ctx, job.ID, 1, lease)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			text, err := io.ReadAll(l)
			if err != nil {
				t.Fatal(err)
			}
			return string(text), l
		}
		text, l := read(0)
		if text != "Fra:1 Mem:2M" || !l.Growing || l.Lease != g.Lease.ID {
			t.Fatalf("log %q, %+v", text, l)
		}
		if _, err := b.m.OpenLog(ctx, job.ID, 2, 0); farm.KindOf(err) != farm.NotFound {
			t.Fatalf("log of another frame: %v", err)
		}

		// The attempt fails: its own log is at its end, that of the frame is not.
		b.report(g, 1, farm.Errored)
		if _, l = read(g.Lease.ID); l.Growing {
			t.Fatal("the log of an attempt that has ended grows")
		}
		again := b.claim(oak, 0)
		if text, l = read(0); text != "Fra:1 Mem:2M" || !l.Growing || l.Lease != g.Lease.ID {
			t.Fatalf("before the next attempt says anything: log %q, %+v", text, l)
		}
		first := g
		g = again
		if err := add(0, "again"); err != nil {
			t.Fatal(err)
		}
		if text, l = read(0); text != "again" || !l.Growing || l.Lease != again.Lease.ID {
			t.Fatalf("the newest: log %q, %+v", text, l)
		}
		if text, l = read(first.Lease.ID); text != "Fra:1 Mem:2M" || l.Lease != first.Lease.ID {
			t.Fatalf("the first: log %q, %+v", text, l)
		}
		b.report(again, 1, farm.Rendered)
		if _, l = read(0); l.Growing {
			t.Fatal("the log of a frame that is done grows")
		}
	})
}

func TestResultNamesCannotLeaveTheFolder(t *testing.T) {
	inFarm(t, func(b *bench) {
		job := b.submit("1")
		if err := os.Symlink("/etc", b.dir+"/outputs/link"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"../link/passwd", "/etc/passwd", "..", ""} {
			if f, err := b.m.OpenResult(context.Background(), job.ID, name); err == nil {
				_ = f.Close()
				t.Errorf("%q was opened", name)
			}
		}
	})
}
