package master_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func writes(s *farm.JobSpec) { s.Options.Outputs = true }

// TestReservedFrameIsReleased: a frame whose results were being put in place while the store could not be written is
// taken when it can be again.
func TestReservedFrameIsReleased(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1", writes)
		g := b.claim(oak, 0)
		reached, goOn := make(chan struct{}), make(chan struct{})
		master.Pause(b.m, func(step string) {
			if step == "published" {
				close(reached)
				<-goOn
			}
		})
		r := reportOf(g, 1, farm.Rendered)
		r.Results = []farm.Result{b.upload(g, 1, "1.png", "picture")}
		told := make(chan error, 1)
		go func() {
			_, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil)
			told <- err
		}()
		<-reached
		b.store.breaks(errors.New("the disk is full"))
		if _, err := b.m.Pause(context.Background(), root, job.ID); err == nil {
			t.Fatal("it was acknowledged")
		}
		close(goOn)
		if <-told == nil {
			t.Fatal("the report was acknowledged")
		}
		b.store.breaks(nil)
		time.Sleep(3 * time.Second)
		master.Pause(b.m, nil)
		b.upload(g, 1, "1.png", "picture")
		want(t, "accepted", b.report(g, 1, farm.Rendered, func(again *farm.Report) { again.Results = r.Results }).Accepted, true)
		want(t, "state", b.job(job.ID).State, farm.Done)
	})
}

// TestReportWaitsForItsDouble: while a frame's results are put in place nobody knows what becomes of them. Who sends the
// report again meanwhile is not told that another was accepted, for then it would throw its work away.
func TestReportWaitsForItsDouble(t *testing.T) {
	for name, fails := range map[string]error{"kept": nil, "not kept": errors.New("the disk is full")} {
		t.Run(name, func(t *testing.T) {
			inFarm(t, func(b *bench) {
				oak := b.worker("oak", 1)
				b.submit("1", writes)
				g := b.claim(oak, 0)
				goOn := make(chan struct{})
				master.Pause(b.m, func(step string) {
					if step == "published" {
						<-goOn
					}
				})
				r := reportOf(g, 1, farm.Rendered)
				r.Results = []farm.Result{b.upload(g, 1, "1.png", "picture")}
				var accepted, refused, lacks atomic.Int32
				for range 2 {
					go func() {
						switch v, _, err := b.m.Report(context.Background(), root, []farm.Report{r}, nil); {
						case err != nil:
						case v[0].Accepted:
							accepted.Add(1)
						case len(v[0].Missing) > 0:
							lacks.Add(1)
						default:
							refused.Add(1)
						}
					}()
				}
				synctest.Wait()
				want(t, "refused while nothing is kept", refused.Load(), 0)
				b.store.breaks(fails)
				close(goOn)
				time.Sleep(time.Second)
				if want(t, "refused", refused.Load() > 0, fails == nil); fails == nil {
					want(t, "accepted", accepted.Load(), 1)
				}
			})
		})
	}
}

// TestReporterWhoLeaves: a connection that ends while its report is taken up leaves no frame reserved for nobody.
func TestReporterWhoLeaves(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-40", writes, func(s *farm.JobSpec) { s.Chunk = 40 })
		g := b.claim(oak, 0)
		gone, leave := context.WithCancel(context.Background())
		leave()
		for f := range job.Frames.All() {
			r := reportOf(g, f, farm.Rendered)
			r.Results = []farm.Result{b.upload(g, f, fmt.Sprint(f, ".png"), "picture")}
			_, _, _ = b.m.Report(gone, root, []farm.Report{r}, nil)
			if v := b.report(g, f, farm.Rendered, func(again *farm.Report) { again.Results = r.Results }); len(v.Missing) > 0 {
				t.Fatalf("frame %d: %+v", f, v)
			}
		}
		want(t, "state", b.job(job.ID).State, farm.Done)
	})
}
