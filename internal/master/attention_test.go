package master_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// needs lists what needs a person, as kind: text.
func (b *bench) needs(who master.Identity) (list []string) {
	b.t.Helper()
	synctest.Wait()
	l, err := b.m.Attention(context.Background(), who)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range l.Attention {
		if a.Since.IsZero() || a.Since.After(time.Now()) {
			b.t.Errorf("%s stands since %s", a.ID, a.Since)
		}
		list = append(list, string(a.Kind)+": "+a.Text)
	}
	return list
}

func (b *bench) needsJust(want ...string) {
	b.t.Helper()
	got := b.needs(root)
	if len(got) != len(want) {
		b.t.Fatalf("needs a person:\n%s\nwanted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			b.t.Errorf("needs a person: %s\nwanted: %s", got[i], want[i])
		}
	}
}

func TestAttentionToJobsAndWorkers(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		tick := func() { time.Sleep(1100 * time.Millisecond) }
		events := b.m.Watch(ctx, farm.EventAttention)
		said := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(events) > 0 {
				ev := <-events
				got = append(got, ev.State+" "+ev.Text)
			}
			if len(got) != len(want) {
				t.Fatalf("events %q, wanted %q", got, want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("event %q, wanted %q", got[i], want[i])
				}
			}
		}
		tick()
		b.needsJust()

		// Nobody is there; somebody is, who cannot; who can.
		job := b.submit("1-4", func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} })
		tick()
		b.needsJust("no-workers: a job waits, and no worker is there")
		said("raised a job waits, and no worker is there")
		oak := b.worker("oak", 1)
		tick()
		b.needsJust("nobody: no worker can render job 1 (shot): 1 worker (it lacks the tag gpu)")
		tick()
		said("cleared a job waits", "raised no worker can render job 1 (shot)") // and not again every second
		b.worker("elm", 1, "gpu")
		tick()
		b.needsJust()
		said("cleared no worker can render job 1 (shot)")
		time.Sleep(time.Minute) // elm is gone
		b.worker("oak", 1)
		tick()
		b.needsJust("nobody: no worker can render job 1 (shot): 1 worker (it could, but it is not there), 1 worker (it lacks the tag gpu)")
		if _, err := b.m.Change(ctx, root, job.ID, func(s *farm.JobSpec) { s.Needs.Tags = nil }); err != nil {
			t.Fatal(err)
		}
		tick()
		b.needsJust()
		said("raised a job waits", "cleared a job waits", "raised no worker", "cleared no worker")

		// Frames fail for good while others go on.
		g := b.claim(oak, 0)
		b.report(g, 1, farm.Errored, func(r *farm.Report) { r.Fatal = true })
		tick()
		b.needsJust("frames-failed: 1 frame of job 1 (shot) failed; the others go on")
		b.retry(job.ID, master.RetryWhich{Failed: true})
		tick()
		b.needsJust()
	})
}

// TestAttentionToJobsThatAllFail: before any frame is given up it is seen that none comes.
func TestAttentionToJobsThatAllFail(t *testing.T) {
	inFarm(t, func(b *bench) {
		for _, id := range []farm.WorkerID{b.worker("oak", 1), b.worker("elm", 1), b.worker("ash", 1)} {
			if id != "worker-ash" {
				b.submit("1-9")
			}
			g := b.claim(id, 0)
			b.report(g, g.Lease.Frames[0], farm.Errored)
			time.Sleep(1100 * time.Millisecond)
		}
		if got := strings.Join(b.needs(root), "\n"); !strings.Contains(got, "frames-failed: 2 workers failed job ") {
			t.Errorf("needs a person: %s", got)
		}
	})
}

func TestAttentionToFailedJobs(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1", func(s *farm.JobSpec) { s.Attempts = 1 })
		g := b.claim(oak, 0)
		b.report(g, 1, farm.Errored)
		time.Sleep(1100 * time.Millisecond)
		b.needsJust("job-failed: job 1 (shot) failed: 1 frame failed")
		b.restart()
		time.Sleep(1100 * time.Millisecond)
		b.needsJust("job-failed: job 1 (shot) failed: 1 frame failed")
		b.retry(job.ID, master.RetryWhich{Failed: true})
		time.Sleep(1100 * time.Millisecond)
		b.needsJust()
		b.worker("oak", 1)
		g = b.claim(oak, 0)
		b.report(g, 1, farm.Errored)
		time.Sleep(1100 * time.Millisecond)
		b.needsJust("job-failed: ")
		if err := b.m.Delete(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		b.needsJust()

		b.submit("1", func(s *farm.JobSpec) { s.Attempts = 1 })
		b.worker("oak", 1)
		g = b.claim(oak, 0)
		b.report(g, 1, farm.Errored)
		b.skew.Add(int64(8 * 24 * time.Hour))
		time.Sleep(1100 * time.Millisecond)
		b.needsJust()
	})
}

func TestAttentionToWorkersThatAreOut(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		b.submit("1-9")
		for range 3 {
			g := b.claim(oak, 0)
			b.report(g, g.Lease.Frames[0], farm.Errored, func(r *farm.Report) { r.OwnFault, r.Error = true, "the disk is broken" })
		}
		time.Sleep(1100 * time.Millisecond)
		if got := strings.Join(b.needs(root), "\n"); !strings.Contains(got, "worker-out: worker oak was taken out: it could not work several times in a row: the disk is broken") {
			t.Fatalf("needs a person: %s", got)
		}
		for _, enabled := range []bool{true, false} { // what a person does is no matter for a person
			if _, err := b.m.ChangeWorker(ctx, root, oak, func(w *farm.Worker) { w.Enabled, w.Reason = enabled, "disabled by root" }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
			if got := strings.Join(b.needs(root), "\n"); strings.Contains(got, "worker-out") {
				t.Fatalf("needs a person: %s", got)
			}
		}
		if _, err := b.m.ChangeWorker(ctx, root, oak, func(w *farm.Worker) { w.Enabled = true }); err != nil {
			t.Fatal(err)
		}
		if _, err := b.m.Heartbeat(ctx, root, oak, farm.Heartbeat{Load: farm.Load{Idle: "its disk is nearly full"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if got := strings.Join(b.needs(root), "\n"); !strings.Contains(got, "worker-idle: worker oak asks for no frames: its disk is nearly full") {
			t.Fatalf("needs a person: %s", got)
		}
	})
}

func TestAttentionToFilesThatNobodySends(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		f := b.file("tex.png", "a picture")
		if err := b.blobs.Delete(ctx, blob.RefOf([]byte("a picture"))); err != nil {
			t.Fatal(err)
		}
		set, _ := farm.ParseFrameSet("1")
		_, err := b.m.Submit(ctx, root, farm.JobSpec{Name: "shot", Blend: "tex.png", Frames: set, Options: farm.Options{EXR: "none"}}, []farm.File{f})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		b.needsJust()
		end := b.m.Receiving(f.Ref)
		time.Sleep(time.Hour) // a slow line
		b.needsJust()
		end()
		time.Sleep(30 * time.Second)
		b.needsJust()
		time.Sleep(time.Minute)
		b.needsJust("files: job 1 (shot) waits for 1 file, and nobody sends them")
		if err := b.m.BlobStored(ctx, f.Ref); err != nil {
			t.Fatal(err)
		}
		b.worker("oak", 1)
		time.Sleep(1100 * time.Millisecond)
		b.needsJust()
	})
}

func TestAttentionToTheMaster(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		events := b.m.Watch(ctx, farm.EventAttention)
		b.free.Store(reserve - 1)
		time.Sleep(11 * time.Second)
		b.needsJust("disk: the master's disk is nearly full")
		b.free.Store(0)
		time.Sleep(11 * time.Second)
		b.needsJust("disk: the master's disk is full")
		b.free.Store(1 << 40)
		time.Sleep(11 * time.Second)
		b.needsJust()
		for _, state := range []string{farm.AttentionRaised, farm.AttentionChanged, farm.AttentionCleared} {
			want(t, "event", (<-events).State, state)
		}
		if _, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "ash", Role: farm.RoleWorker, Address: "10.0.0.9"}); err != nil {
			t.Fatal(err)
		}
		b.needsJust("pairing: ash asks to be let in as worker")
		if got := b.needs(master.Identity{Role: farm.RoleView}); len(got) > 0 {
			t.Errorf("somebody who is no admin learns %q", got)
		}
		b.stop()
		b.store.damage = errors.New("page 7 is torn")
		b.start()
		b.needsJust("database: the database is damaged: the master's log says where")
	})
}

func TestAttentionToDamage(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-2", func(s *farm.JobSpec) { s.Options.Outputs = true })
		b.renderAll(oak)
		b.needsJust()
		b.spoil(b.output(job, "pic/0002.png"), "other bytes")
		b.verify(master.VerifyOptions{})
		b.needsJust("damage: 1 stored file or result found damaged or missing")
		b.verify(master.VerifyOptions{Repair: true})
		b.needsJust()
	})
}
