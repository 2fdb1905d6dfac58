package master_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// early hands over cache files of a leased bake; the frames up to ready have all of theirs.
func (b *bench) early(g *farm.Grant, text string, ready int, whole bool, frames ...int) (master.EarlyAnswer, error) {
	b.t.Helper()
	return b.m.CachesReady(context.Background(), root, &master.EarlyCaches{
		Lease: g.Lease.ID, Worker: g.Lease.Worker, Task: g.Lease.Frames[0], Results: b.cache(g, text, frames...), Ready: ready, Whole: whole,
	})
}

// earlier is early that must be taken.
func (b *bench) earlier(g *farm.Grant, text string, ready int, frames ...int) {
	b.t.Helper()
	if a, err := b.early(g, text, ready, false, frames...); err != nil || a.Other || len(a.Missing) > 0 {
		b.t.Fatalf("caches are not taken: %+v, %v", a, err)
	}
}

// renders claims frames of the job and reports them until there are none.
func (b *bench) renders(id farm.WorkerID) (frames []int) {
	b.t.Helper()
	for {
		g := b.claim(id, 0)
		if g == nil {
			return frames
		}
		for _, f := range g.Lease.Frames {
			if v := b.report(g, f, farm.Rendered, func(r *farm.Report) {
				if farm.IsPart(f) {
					r.Results = []farm.Result{b.uploadAs(farm.KindPart, g, f, farm.PartName(f), "x")}
				} else if g.Options.Outputs {
					r.Results = []farm.Result{b.upload(g, f, fmt.Sprint(f>>24, ".png"), "x")}
				}
			}); !v.Accepted {
				b.t.Fatal(f, v)
			}
			frames = append(frames, f)
		}
	}
}

// bakers are workers with a slot each.
func (b *bench) bakers(n int) (ids []farm.WorkerID) {
	b.t.Helper()
	for i := range n {
		ids = append(ids, b.baker(fmt.Sprint("w", i), "4.5.1", "cloth", "fluid"))
	}
	return ids
}

func TestFramesBeginWhileBaked(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(3)
		j := b.submit("1-6", bakes(cloth, smoke))
		g, h := b.claim(id[0], 0), b.claim(id[1], 0)
		b.earlier(g, "cloth", 3, 1, 2, 3, 4)
		if x := b.claim(id[2], 0); x != nil {
			t.Fatalf("of the other simulation nothing is there: %+v", x)
		}
		b.earlier(h, "smoke", 2, 1, 2, 3)
		x := b.claim(id[2], 0)
		if x == nil || x.Lease.Frames[0] != 1 || x.Ready == nil || *x.Ready != 2 || x.Baked == 0 || len(b.files(j.ID)) != 8 {
			t.Fatalf("a frame whose caches are there is not begun: %+v", x)
		}
		b.report(x, 1, farm.Rendered)
		want(t, "frames", fmt.Sprint(b.renders(id[2])), "[2]")
		b.restart()
		b.bakers(3)
		if x := b.claim(id[2], 0); x != nil {
			t.Fatalf("after a restart nothing is known of how far the bakes are: %+v", x)
		}
		b.earlier(h, "smoke", 4, 4, 5)
		b.earlier(g, "cloth", 3, 4) // said again
		want(t, "frames", fmt.Sprint(b.renders(id[2])), "[3]")
		if v := b.baked(g, "4.5.1", "cloth", 1, 2, 3, 4, 5, 6); !v.Accepted {
			t.Fatal(v)
		}
		baked := x.Baked
		if x = b.claim(id[2], 0); x == nil || x.Lease.Frames[0] != 4 {
			t.Fatalf("the other bake alone decides: %+v", x)
		}
		b.report(x, 4, farm.Rendered)
		again := x.Baked
		b.earlier(h, "smoke", farm.MaxFrame, 6)
		if x = b.claim(id[2], 0); x == nil || x.Baked != again || baked == 0 {
			t.Fatalf("the files that were there are said to be others: %+v", x)
		}
		b.report(x, 5, farm.Rendered)
		b.renders(id[2])
		want(t, "done", b.job(j.ID).Done, 7)
		if v := b.baked(h, "4.5.1", "smoke", 1, 2, 3, 4, 5, 6); !v.Accepted {
			t.Fatal(v)
		}
		want(t, "state", b.job(j.ID).State, farm.Done)
		want(t, "files", len(b.files(j.ID)), 13)
	})
}

// The frames whose caches are there come in the job's order, and parts of them, too.
func TestEarlyFramesOfAnyOrder(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*farm.JobSpec)
		want   string
	}{
		"reverse":    {func(s *farm.JobSpec) { s.Order = farm.Reverse }, "[3 2 1]"},
		"outside in": {func(s *farm.JobSpec) { s.Order = farm.OutsideIn }, "[1 3 2]"},
		"chunks":     {func(s *farm.JobSpec) { s.Chunk = 2 }, "[1 2 3]"},
	} {
		inFarm(t, func(b *bench) {
			id := b.bakers(2)
			j := b.submit("1-6", bakes(cloth), c.change)
			g := b.claim(id[0], 0)
			b.earlier(g, "cloth", 3, 1, 2, 3, 4)
			want(t, name, fmt.Sprint(b.renders(id[1])), c.want)
			b.baked(g, "4.5.1", "cloth", 1, 2, 3, 4, 5, 6)
			want(t, name, len(b.renders(id[1])), 3)
			want(t, name, b.job(j.ID).State, farm.Done)
			if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Frames: farm.Frames(2)}); err != nil {
				t.Fatal(err)
			}
			want(t, name+": again", fmt.Sprint(b.renders(id[1])), "[2]")
		})
	}
	inFarm(t, func(b *bench) {
		id := b.bakers(2)
		j := b.submit("1-3", bakes(cloth), func(s *farm.JobSpec) { s.Views = []farm.View{{Name: "a", Camera: "A"}, {Name: "b", Camera: "B"}} })
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 2, 1, 2, 3)
		frames := map[int]int{}
		for _, no := range b.renders(id[1]) {
			frames[farm.FrameOf(no)]++
		}
		want(t, "frames of two views", fmt.Sprint(frames), "map[1:2 2:2]")
		b.baked(g, "4.5.1", "cloth", 1, 2, 3)
		want(t, "the rest of them", len(b.renders(id[1])), 2)
		want(t, "state of views", b.job(j.ID).State, farm.Done)
	})
	inFarm(t, func(b *bench) {
		id := b.bakers(2)
		j := b.submit("1-3", bakes(cloth), func(s *farm.JobSpec) {
			s.Tiles, s.Options.Outputs = farm.Tiles{X: 2, Y: 1}, true
		})
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 1, 1, 2)
		want(t, "parts and their frame", len(b.renders(id[1])), 3)
		b.baked(g, "4.5.1", "cloth", 1, 2, 3)
		b.renders(id[1])
		want(t, "state of parts", b.job(j.ID).State, farm.Done)
	})
}

// What a bake handed over before its worker fell silent stays, until the next one makes other bytes.
func TestEarlyCachesOfTwoBakes(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(3)
		j := b.submit("1-5", bakes(cloth))
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 3, 1, 2, 3, 4)
		x := b.claim(id[2], 0)
		b.report(x, 1, farm.Rendered)
		time.Sleep(10 * time.Minute)
		id = b.bakers(3)
		h := b.claim(id[1], 0)
		if h == nil || h.Lease.Frames[0] != bakeNo(1) {
			t.Fatalf("it is not baked again: %+v", h)
		}
		if _, err := b.early(g, "cloth", 4, false, 5); farm.KindOf(err) != farm.Conflict {
			t.Error("a bake that was given up is listened to:", err)
		}
		held := b.claim(id[2], 0)
		if held == nil || held.Lease.Frames[0] != 2 {
			t.Fatalf("frames wait although their caches are there: %+v", held)
		}
		b.earlier(h, "cloth", 0, 1) // the same
		want(t, "done", b.job(j.ID).Done, 1)
		a, err := b.early(h, "other cloth", 1, false, 2)
		if err != nil || !a.Other || len(b.files(j.ID)) != 5 || b.job(j.ID).Done != 1 {
			t.Fatalf("other bytes are taken as they come: %+v, %v, %v", a, err, b.files(j.ID))
		}
		results := append(b.cache(h, "cloth", 1), b.cache(h, "other cloth", 2)...)
		if a, err := b.m.CachesReady(context.Background(), root, &master.EarlyCaches{
			Lease: h.Lease.ID, Worker: id[1], Task: bakeNo(1), Results: results, Ready: 1, Whole: true,
		}); err != nil || a.Other {
			t.Fatal(a, err)
		}
		want(t, "done", b.job(j.ID).Done, 0)
		want(t, "files", len(b.files(j.ID)), 3)
		if o := b.beat(id[2], held); len(o.Cancel) != 1 {
			t.Errorf("a frame of the earlier bake goes on: %+v", o)
		}
		if v := b.report(held, 2, farm.Rendered); v.Accepted {
			t.Error("a frame of the earlier bake is taken")
		}
		again := b.claim(id[2], 0)
		if again == nil || again.Lease.Frames[0] != 1 || again.Baked == held.Baked {
			t.Fatalf("the frames of the new one: %+v", again)
		}
		b.report(again, 1, farm.Rendered)
		if x := b.claim(id[2], 0); x != nil {
			t.Fatalf("a frame is begun of which nothing is there: %+v", x)
		}
		results = append(results, b.cache(h, "other cloth", 3, 4, 5)...)
		if v := b.report(h, bakeNo(1), farm.Rendered, func(r *farm.Report) { r.Results, r.Install = results, "4.5.1" }); !v.Accepted {
			t.Fatal(v)
		}
		want(t, "the rest", fmt.Sprint(b.renders(id[2])), "[2 3 4 5]")
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}

// A bake that ends the job is compared with the earlier one before the job is over.
func TestLastBakeDiffers(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(3)
		j := b.submit("1-3", bakes(cloth))
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 3, 1, 2, 3)
		for range 2 {
			x := b.claim(id[2], 0)
			b.report(x, x.Lease.Frames[0], farm.Rendered)
		}
		time.Sleep(10 * time.Minute)
		id = b.bakers(3)
		h, held := b.claim(id[1], 0), b.claim(id[2], 0)
		if held == nil || held.Lease.Frames[0] != 3 {
			t.Fatalf("the last frame is not rendered: %+v", held)
		}
		if v := b.baked(h, "4.5.1", "other cloth", 1, 2, 3); !v.Accepted {
			t.Fatal(v)
		}
		want(t, "state", b.job(j.ID).State, farm.Active)
		if v := b.report(held, 3, farm.Rendered); v.Accepted {
			t.Error("a frame of the earlier bake is taken")
		}
		again := b.claim(id[2], 0)
		if again == nil || again.Lease.Frames[0] != 1 || again.Baked == held.Baked {
			t.Fatalf("who has the files of the earlier bake is not told of others: %+v", again)
		}
		b.report(again, 1, farm.Rendered)
		want(t, "frames again", len(b.renders(id[2])), 2)
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}

func TestFailedBakeClosesItsFrames(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(2)
		j := b.submit("1-4", bakes(cloth))
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 3, 1, 2, 3, 4)
		x := b.claim(id[1], 0)
		b.report(x, 1, farm.Rendered)
		held := b.claim(id[1], 0)
		b.report(g, bakeNo(1), farm.Errored, func(r *farm.Report) { r.Fatal, r.Error = true, "it exploded" })
		got := b.job(j.ID)
		if got.State != farm.Failed || got.Done != 1 || got.Failed != 4 {
			t.Fatalf("the job is %s, %d done, %d failed: %s", got.State, got.Done, got.Failed, got.Reason)
		}
		if v := b.report(held, 2, farm.Rendered); v.Accepted {
			t.Error("a frame that the failed bake stopped is taken")
		}
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Failed: true}); err != nil {
			t.Fatal(err)
		}
		g = b.claim(id[0], 0)
		if g == nil || g.Lease.Frames[0] != bakeNo(1) || b.claim(id[1], 0) != nil {
			t.Fatalf("it is not baked first: %+v", g)
		}
		b.baked(g, "4.5.1", "cloth", 1, 2, 3, 4)
		want(t, "frames", len(b.renders(id[1])), 4) // who has it baked again has its frames made again
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}

// A file that was handed over early and is harmed comes again with the whole bake; until then no frame is begun.
func TestEarlyCacheIsLost(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(2)
		j := b.submit("1-3", bakes(cloth))
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 2, 1, 2, 3)
		ref := blob.RefOf([]byte("cloth2"))
		if err := b.blobs.Delete(context.Background(), ref); err != nil {
			t.Fatal(err)
		}
		if gone, err := b.m.BlobSuspect(context.Background(), ref); err != nil || !gone {
			t.Fatal(gone, err)
		}
		if x := b.claim(id[1], 0); x != nil {
			t.Fatalf("a frame is begun whose cache is gone: %+v", x)
		}
		if _, err := b.early(g, "cloth", 3, false, 3); farm.KindOf(err) != farm.Conflict {
			t.Error("more is taken of it:", err)
		}
		results := b.cache(g, "cloth", 1, 3)
		r := farm.Result{Kind: farm.KindCache, Name: strings.Replace(results[0].Name, "/1.bphys", "/2.bphys", 1), Size: 6, Ref: ref.String(), Frame: bakeNo(1)}
		report := reportOf(g, bakeNo(1), farm.Rendered)
		report.Results, report.Install = append(results, r), "4.5.1"
		v, _, err := b.m.Report(context.Background(), root, []farm.Report{report}, nil)
		if err != nil || !slices.Equal(v[0].Missing, []string{r.Name}) {
			t.Fatalf("it is not asked for again: %+v %v", v, err)
		}
		b.baked(g, "4.5.1", "cloth", 1, 2, 3)
		want(t, "frames", len(b.renders(id[1])), 3)
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}

func TestEarlyCachesThatCannotBe(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.bakers(2)
		b.submit("1-3", bakes(cloth))
		g := b.claim(id[0], 0)
		some := b.cache(g, "cloth", 1)
		for name, c := range map[string]struct {
			change func(*master.EarlyCaches)
			kind   farm.Kind
		}{
			"a frame":                {func(c *master.EarlyCaches) { c.Task = 1 }, farm.Invalid},
			"a result of a frame":    {func(c *master.EarlyCaches) { c.Results[0].Frame = 1 }, farm.Invalid},
			"a name that leads out":  {func(c *master.EarlyCaches) { c.Results[0].Name = "netrender_cache/../x" }, farm.Invalid},
			"another worker's lease": {func(c *master.EarlyCaches) { c.Worker = id[1] }, farm.Conflict},
			"a lease that never was": {func(c *master.EarlyCaches) { c.Lease++ }, farm.Conflict},
		} {
			bad := &master.EarlyCaches{Lease: g.Lease.ID, Worker: id[0], Task: bakeNo(1), Results: slices.Clone(some), Ready: 3}
			c.change(bad)
			if _, err := b.m.CachesReady(context.Background(), root, bad); farm.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
		gone := some[0]
		gone.Ref = blob.RefOf([]byte("never sent")).String()
		a, err := b.m.CachesReady(context.Background(), root, &master.EarlyCaches{Lease: g.Lease.ID, Worker: id[0], Task: bakeNo(1), Results: []farm.Result{gone}, Ready: 3})
		if err != nil || len(a.Missing) != 1 || b.claim(id[1], 0) != nil {
			t.Error("files that never came are taken", a, err)
		}
	})
}
