package master_test

import (
	"context"
	"fmt"
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

// verify tells what is harmed, as PART STATE NAME FRAME, and the sum.
func (b *bench) verify(o master.VerifyOptions) (harm string, sum farm.Verified) {
	b.t.Helper()
	var lines []string
	if err := b.m.Verify(context.Background(), o, func(s farm.VerifyStep) error {
		if s.Verified != nil {
			sum = *s.Verified
			return nil
		}
		line := fmt.Sprintf("%s %s %s", s.Damage.Part, s.Damage.State, s.Damage.Name)
		if s.Damage.Frame != nil {
			line += fmt.Sprintf(" of %d", *s.Damage.Frame)
		}
		lines = append(lines, line)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, ", "), sum
}

func (b *bench) output(j farm.Job, name string) string {
	return filepath.Join(b.dir, "outputs", j.Folder, filepath.FromSlash(name))
}

func (b *bench) spoil(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// renderAll renders what the farm gives out, each frame with a picture of its own.
func (b *bench) renderAll(oak farm.WorkerID) {
	b.t.Helper()
	for g := b.claim(oak, 0); g != nil; g = b.claim(oak, 0) {
		for _, f := range g.Lease.Frames {
			r := b.upload(g, f, fmt.Sprintf("pic/%04d.png", f), fmt.Sprintf("picture %d", f))
			b.report(g, f, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		}
	}
}

func TestVerifyFindsAndMendsWhatIsHarmed(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-5")
		b.renderAll(oak)
		want(t, "state", b.job(job.ID).State, farm.Done)
		harm, sum := b.verify(master.VerifyOptions{})
		want(t, "of what is whole", harm, "")
		want(t, "read", sum, farm.Verified{Files: 1, Results: 5, Bytes: 5*9 + 7})

		b.spoil(b.output(job, "pic/0002.png"), "pictura 2") // the same size
		b.spoil(b.output(job, "pic/0003.png"), "pict")
		if err := os.Remove(b.output(job, "pic/0004.png")); err != nil {
			t.Fatal(err)
		}
		const found = "outputs damaged pic/0002.png of 2, outputs damaged pic/0003.png of 3, outputs missing pic/0004.png of 4"
		harm, sum = b.verify(master.VerifyOptions{})
		want(t, "harm", harm, found)
		want(t, "mended", sum.Mended, 0)
		want(t, "nothing was touched", b.job(job.ID).State, farm.Done)

		harm, sum = b.verify(master.VerifyOptions{Repair: true})
		want(t, "harm", harm, found)
		want(t, "mended", sum.Mended, 3)
		j := b.job(job.ID)
		want(t, "state", j.State, farm.Active)
		want(t, "done", j.Done, 2)
		b.restart()
		b.worker("oak", 1)
		b.renderAll(oak)
		want(t, "state", b.job(job.ID).State, farm.Done)
		harm, _ = b.verify(master.VerifyOptions{})
		want(t, "afterwards", harm, "")
	})
}

func TestVerifyOfScenesFiles(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		job := b.submit("1-2")
		b.damage("a scene", "a SCENE")
		harm, _ := b.verify(master.VerifyOptions{})
		want(t, "harm", harm, "inputs damaged shot.blend")
		want(t, "state", b.job(job.ID).State, farm.Queued)
		harm, sum := b.verify(master.VerifyOptions{Repair: true})
		want(t, "harm", harm, "inputs damaged shot.blend")
		want(t, "mended", sum.Mended, 1)
		want(t, "it waits", b.job(job.ID).State, farm.Collecting)
		harm, _ = b.verify(master.VerifyOptions{}) // it is asked for already
		want(t, "harm", harm, "")
		b.file("shot.blend", "a scene")
		if err := b.m.BlobStored(context.Background(), blob.RefOf([]byte("a scene")).String()); err != nil {
			t.Fatal(err)
		}
		if err := b.blobs.Delete(context.Background(), blob.RefOf([]byte("a scene"))); err != nil {
			t.Fatal(err)
		}
		harm, _ = b.verify(master.VerifyOptions{Repair: true})
		want(t, "harm", harm, "inputs missing shot.blend")
		want(t, "it waits", b.job(job.ID).State, farm.Collecting)
	})
}

// TestFramesThatCannotBeRenderedAgain: the scene is gone, the job was canceled, the results were cleaned.
func TestFramesThatCannotBeRenderedAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1")
		b.renderAll(oak)
		canceled := b.submit("1-2")
		g := b.claim(oak, 0)
		r := b.upload(g, 1, "pic/0001.png", "picture 1")
		b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		if _, err := b.m.Cancel(ctx, root, canceled.ID); err != nil {
			t.Fatal(err)
		}
		b.spoil(b.output(canceled, "pic/0001.png"), "x")
		s, err := b.m.ResultSuspect(ctx, canceled.ID, 1, "pic/0001.png")
		if err != nil || s.Again || s.Fine {
			t.Fatal(s, err)
		}
		wantText(t, "the canceled", s.Text, "netrender retry 2")
		want(t, "done", b.job(canceled.ID).Done, 0)
		want(t, "state", b.job(canceled.ID).State, farm.Canceled)

		if err := b.blobs.Delete(ctx, blob.RefOf([]byte("a scene"))); err != nil {
			t.Fatal(err)
		}
		b.spoil(b.output(job, "pic/0001.png"), "x")
		s, err = b.m.ResultSuspect(ctx, job.ID, 1, "pic/0001.png")
		if err != nil || s.Again || s.Fine {
			t.Fatal(s, err)
		}
		wantText(t, "without its scene", s.Text, "submit the scene again")
		want(t, "state", b.job(job.ID).State, farm.Done)

		b.rules(farm.Cleaning{Outputs: farm.CleanRule{DoneDays: 1}})
		time.Sleep(26 * time.Hour)
		s, err = b.m.ResultSuspect(ctx, job.ID, 1, "pic/0001.png")
		if err != nil || s.Again {
			t.Fatal(s, err)
		}
		wantText(t, "cleaned", s.Text, "its results were removed on")
		harm, _ := b.verify(master.VerifyOptions{})
		want(t, "harm", strings.Contains(harm, "outputs"), false)
	})
}

func TestSuspectResultThatIsFine(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1-2")
		b.renderAll(oak)
		s, err := b.m.ResultSuspect(ctx, job.ID, 1, "pic/0001.png")
		if err != nil || !s.Fine || s.Again {
			t.Fatal(s, err)
		}
		if _, err := b.m.ResultSuspect(ctx, job.ID, 1, "../../x"); farm.KindOf(err) != farm.NotFound {
			t.Fatal(err)
		}
		b.spoil(b.output(job, "pic/0001.png"), "x")
		for range 2 { // told twice
			if s, err = b.m.ResultSuspect(ctx, job.ID, 1, "pic/0001.png"); err != nil || !s.Again {
				t.Fatal(s, err)
			}
		}
		want(t, "done", b.job(job.ID).Done, 1)
	})
}

// TestFramesThatShareAName: a result that every frame writes anew is there once, and that is no damage.
func TestFramesThatShareAName(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-3")
		for g := b.claim(oak, 0); g != nil; g = b.claim(oak, 0) {
			f := g.Lease.Frames[0]
			r := b.upload(g, f, "stats.txt", fmt.Sprintf("frame %d", f))
			b.report(g, f, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		}
		harm, _ := b.verify(master.VerifyOptions{})
		want(t, "harm", harm, "")
		b.spoil(b.output(job, "stats.txt"), "none of them")
		harm, _ = b.verify(master.VerifyOptions{})
		want(t, "harm", harm, "outputs damaged stats.txt of 1, outputs damaged stats.txt of 2, outputs damaged stats.txt of 3")
	})
}

func TestVerifyKeepsItsPace(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.submit("1")
		g := b.claim(oak, 0)
		r := b.upload(g, 1, "big.exr", strings.Repeat("x", 10<<20))
		b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		began := time.Now()
		if harm, sum := b.verify(master.VerifyOptions{Rate: 1 << 20}); harm != "" || sum.Bytes < 10<<20 {
			t.Fatal(harm, sum)
		}
		if took := time.Since(began); took < 9*time.Second || took > 12*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
