package master_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestGlance: the first page's answer is right, serves all who ask within its time, and is made anew after that.
func TestGlance(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		look := func() *farm.Glance {
			t.Helper()
			g, err := b.m.Glance(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		words := func(g *farm.Glance) string {
			var all []string
			for _, w := range g.Workers {
				frame := ""
				if w.Frame != nil {
					frame = fmt.Sprintf(" frame %d", *w.Frame)
				}
				all = append(all, fmt.Sprintf("%s %s%s", w.Name, w.State, frame))
			}
			return strings.Join(all, ", ")
		}
		if g := look(); len(g.Jobs)+len(g.Ended)+len(g.Workers)+len(g.Latest)+g.InAll != 0 {
			t.Errorf("an empty farm: %+v", g)
		}
		oak := b.worker("oak", 1)
		b.worker("elm", 1)
		b.scheduled("yew", 1, "mon 03:00-03:01", 0)
		waits := b.submit("1-9")
		ends := b.submit("1", func(s *farm.JobSpec) { s.Priority = 100 })
		first := b.claim(oak, 0)
		if first.Lease.Job != ends.ID && first.Lease.Job != waits.ID {
			t.Fatal(first.Lease.Job)
		}
		if g := look(); len(g.Jobs) != 0 {
			t.Error("one answer does not serve all who ask within its time")
		}
		time.Sleep(time.Second)
		g := look()
		if g.InAll != 2 || len(g.Jobs) != 2 || words(g) != "elm idle, oak working, yew resting" {
			t.Errorf("%d jobs; %s", g.InAll, words(g))
		}

		done := b.submit("5")
		lease := b.claim("worker-elm", 0)
		for lease.Lease.Job != done.ID { // whichever comes first
			b.report(lease, lease.Lease.Frames[0], farm.Rendered)
			lease = b.claim("worker-elm", 0)
		}
		b.report(lease, 5, farm.Rendered, func(r *farm.Report) {
			r.Results = []farm.Result{b.upload(lease, 5, "x.exr", "no browser shows it"), b.uploadAs(farm.KindPreview, lease, 5, "p/0005.jpg", "picture")}
		})
		time.Sleep(time.Second)
		g = look()
		if len(g.Ended) == 0 || g.Ended[0].ID != done.ID || g.Ended[0].State != farm.Done {
			t.Errorf("ended: %+v", g.Ended)
		}
		if len(g.Latest) != 1 || g.Latest[0].Job != done.ID || g.Latest[0].Frame != 5 || g.Latest[0].File != "p/0005.jpg" {
			t.Errorf("pictures: %+v", g.Latest)
		}
	})
}

func TestPicture(t *testing.T) {
	exr, png := farm.Result{Kind: farm.KindEXR, Name: "a.exr"}, farm.Result{Kind: farm.KindOutput, Name: "a.PNG"}
	preview := farm.Result{Kind: farm.KindPreview, Name: "p.jpg"}
	for want, results := range map[string][]farm.Result{
		"": {exr}, "a.PNG": {exr, png}, "p.jpg": {exr, png, preview},
	} {
		if got := master.Picture(results); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
