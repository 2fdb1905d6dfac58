package master_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// rendered is a job of one frame that ended, with results, a log and a scene of its own.
func (b *bench) rendered(scene string, picture string, end func(id farm.JobID)) farm.Job {
	b.t.Helper()
	ctx := context.Background()
	oak := b.worker("oak", 1)
	job, err := b.m.Submit(ctx, root, farm.JobSpec{Name: "shot", Blend: "shot.blend", Frames: farm.Frames(1), Options: farm.Options{EXR: "none"}},
		[]farm.File{b.file("shot.blend", scene), b.file("tex.png", "a texture of all")})
	if err != nil {
		b.t.Fatal(err)
	}
	g := b.claim(oak, 0)
	if err := b.m.AppendLog(ctx, root, g.Lease.ID, oak, 1, 0, strings.NewReader("a log")); err != nil {
		b.t.Fatal(err)
	}
	if end != nil {
		end(job.ID)
		return b.job(job.ID)
	}
	r := b.upload(g, 1, "1.png", picture)
	b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
	want(b.t, "state", b.job(job.ID).State, farm.Done)
	return b.job(job.ID)
}

// there names the parts of the job that are on the disk.
func (b *bench) there(j farm.Job) string {
	var parts []string
	for name, path := range map[string]string{"outputs": "outputs/" + j.Folder, "logs": "logs/" + j.ID.String()} {
		if _, err := os.Stat(filepath.Join(b.dir, path)); err == nil {
			parts = append(parts, name)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func (b *bench) rules(c farm.Cleaning) {
	b.t.Helper()
	if err := b.m.SetCleaning(context.Background(), root, c); err != nil {
		b.t.Fatal(err)
	}
}

// clean tells what went, as JOB PART RULE.
func (b *bench) clean(dry bool) string {
	b.t.Helper()
	var lines []string
	if err := b.m.Clean(context.Background(), dry, func(c farm.Cleaned) error {
		lines = append(lines, c.Job.String()+" "+c.Rule)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(lines, ", ")
}

func (b *bench) keepJob(id farm.JobID, keep bool) {
	b.t.Helper()
	if _, err := b.m.Change(context.Background(), root, id, func(s *farm.JobSpec) { s.Keep = keep }); err != nil {
		b.t.Fatal(err)
	}
}

func TestCleaningByAgeAndState(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		done := b.rendered("first", "picture", nil)
		kept := b.rendered("second", "picture", nil)
		b.keepJob(kept.ID, true)
		canceled := b.rendered("third", "", func(id farm.JobID) {
			if _, err := b.m.Cancel(ctx, root, id); err != nil {
				t.Fatal(err)
			}
		})
		live := b.rendered("fourth", "", func(farm.JobID) {})
		want(t, "by no rules", b.clean(false), "")
		rules := farm.Cleaning{Outputs: farm.CleanRule{DoneDays: 2}, Logs: farm.CleanRule{DoneDays: 1}}
		b.rules(rules)
		want(t, "too early", b.clean(false), "")
		time.Sleep(23*time.Hour + 30*time.Minute) // between two rounds of its own
		rules.Logs.CanceledDays = 0.5
		b.rules(rules)
		want(t, "would go", b.clean(true), canceled.ID.String()+" logs.canceled=12h")
		ctx2, cancel := context.WithCancel(ctx)
		defer cancel()
		events := b.m.Watch(ctx2)
		time.Sleep(2 * time.Hour)
		want(t, "went by itself", b.there(canceled), "")
		want(t, "went by itself", b.there(done), "outputs")
		want(t, "of the kept", b.there(kept), "logs outputs")
		want(t, "of the live", b.there(live), "logs")
		told := ""
		for len(events) > 0 {
			if ev := <-events; ev.Kind == farm.EventJob && ev.Job == done.ID {
				told += ev.Text
			}
		}
		wantText(t, "the event", told, "its logs were removed on")
		time.Sleep(24 * time.Hour)
		want(t, "after two days", b.there(done), "")
		lost := b.lost(done.ID, farm.Outputs)
		if lost == nil || lost.Rule != "outputs.done=2d" {
			t.Fatal(b.job(done.ID).Removed)
		}
		_, err := b.m.OpenResult(ctx, done.ID, "1.png")
		want(t, "a result that is gone", farm.KindOf(err), farm.NotFound)
		wantText(t, "it says", err.Error(), "its results were removed on "+lost.At.Format("2 January 2006")+" by the rule outputs.done=2d")
		_, err = b.m.OpenLog(ctx, done.ID, 1, 0)
		wantText(t, "it says", err.Error(), "by the rule logs.done=1d")
		b.restart()
		want(t, "over a restart", b.clean(false), "")
		if b.lost(done.ID, farm.Outputs) == nil {
			t.Fatal("it is forgotten")
		}
		b.keepJob(kept.ID, false)
		want(t, "no longer kept", b.clean(true), kept.ID.String()+" outputs.done=2d, "+kept.ID.String()+" logs.done=1d")
	})
}

func (b *bench) lost(id farm.JobID, p farm.Part) *farm.Removal {
	b.t.Helper()
	j := b.job(id)
	return j.Lost(p)
}

func TestCleaningBySize(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.guarded()
		var jobs []farm.Job
		for i := range 4 {
			jobs = append(jobs, b.rendered(strings.Repeat("s", 1000+i), strings.Repeat("p", 1000), nil))
			time.Sleep(time.Minute)
		}
		b.keepJob(jobs[0].ID, true)
		b.rules(farm.Cleaning{Outputs: farm.CleanRule{MaxBytes: 2500}})
		want(t, "would go", b.clean(true), "2 outputs.max=2.5 kB, 3 outputs.max=2.5 kB")
		want(t, "went", b.clean(false), "2 outputs.max=2.5 kB, 3 outputs.max=2.5 kB")
		want(t, "left", b.there(jobs[3]), "logs outputs")
		want(t, "went again", b.clean(false), "")
		// Of inputs only what no other job names is freed: the texture stays.
		b.rules(farm.Cleaning{Inputs: farm.CleanRule{MaxBytes: 3100}})
		var freed int64
		if err := b.m.Clean(context.Background(), false, func(c farm.Cleaned) error { freed += c.Bytes; return nil }); err != nil {
			t.Fatal(err)
		}
		want(t, "bytes", freed, 1001)
		want(t, "lost", b.lost(2, farm.Inputs) != nil && b.lost(3, farm.Inputs) == nil, true)
		time.Sleep(2 * time.Hour)
		want(t, "files left", b.left(), 4)
	})
}

// TestRetryOfACleanedJob: what was rendered again is there; files that were collected must be sent again.
func TestRetryOfACleanedJob(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		b.guarded()
		job := b.rendered("a scene", "picture", nil)
		b.rules(farm.Cleaning{Outputs: farm.CleanRule{DoneDays: 1}, Inputs: farm.CleanRule{DoneDays: 1}})
		time.Sleep(50 * time.Hour)
		want(t, "files left", b.left(), 0)
		j, err := b.m.Retry(ctx, root, job.ID, master.RetryWhich{All: true})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "state", j.State, farm.Collecting)
		wantText(t, "reason", j.Reason, "its scene's files were removed on")
		want(t, "missing", j.Missing, 2)
		for _, f := range []farm.File{b.file("shot.blend", "a scene"), b.file("tex.png", "a texture of all")} {
			if err := b.m.BlobStored(ctx, f.Ref); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Hour)
		want(t, "files left while it needs them", b.left(), 2)
		oak := b.worker("oak", 1)
		g := b.claim(oak, 0)
		r := b.upload(g, 1, "1.png", "again")
		b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		f, err := b.m.OpenResult(ctx, job.ID, "1.png")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		b.restart() // what was removed once is not removed again
		time.Sleep(time.Minute)
		want(t, "after a restart", strings.Contains(b.there(job), "outputs"), true)
		want(t, "files left", b.left(), 2)
		time.Sleep(25 * time.Hour)
		want(t, "a day after its new end", b.there(job), "logs")
	})
}

// TestCleaningThatACrashCutShort: what is noted as gone goes at the next start.
func TestCleaningThatACrashCutShort(t *testing.T) {
	inFarm(t, func(b *bench) {
		job := b.rendered("a scene", "picture", nil)
		b.stop()
		if err := b.store.Apply(context.Background(), []farm.Change{farm.JobLost{ID: job.ID, Removal: farm.Removal{Part: farm.Outputs, At: time.Now(), Rule: "x"}}}); err != nil {
			t.Fatal(err)
		}
		b.start()
		time.Sleep(time.Minute)
		want(t, "left", b.there(job), "logs")
	})
}

func TestBlobsOfRetriedJobsAreNotCollected(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		guard := b.guarded()
		job := b.rendered("a scene", "picture", nil)
		b.rules(farm.Cleaning{Inputs: farm.CleanRule{DoneDays: 1}})
		time.Sleep(24*time.Hour + 30*time.Second)
		if got := b.clean(false); !strings.Contains(got, "inputs.done=1d") {
			t.Fatal(got)
		}
		c := guard.Begin() // it has looked, and found that nothing names them
		if _, err := b.m.Retry(ctx, root, job.ID, master.RetryWhich{All: true}); err != nil {
			t.Fatal(err)
		}
		gone, err := c.Delete(ctx, blob.RefOf([]byte("a scene")))
		c.End()
		want(t, "state", b.job(job.ID).State, farm.Active)
		if gone || err != nil {
			t.Fatal("a file of a job that goes on was collected", err)
		}
	})
}
