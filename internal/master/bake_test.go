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

var (
	cloth = farm.Bake{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 250}}
	smoke = farm.Bake{{Kind: "fluid", Owner: "Fire", Name: "Fluid", Start: 1, End: 250}}
)

// bakes makes a job with bakes.
func bakes(list ...farm.Bake) func(*farm.JobSpec) {
	return func(s *farm.JobSpec) { s.Bakes = list }
}

func bakeNo(part int) int { return farm.Task{Stage: farm.StageBake, Part: part}.No() }

// baker registers a worker whose Blender of a version bakes some kinds.
func (b *bench) baker(name, version string, kinds ...string) farm.WorkerID {
	b.t.Helper()
	v, err := farm.ParseVersion(version)
	if err != nil {
		b.t.Fatal(err)
	}
	id := farm.WorkerID("worker-" + name)
	if _, err := b.m.Register(context.Background(), root, farm.Registration{
		Protocol: farm.Protocol, ID: id, Name: name, Slots: 1,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: v, Bakes: kinds}}, MemoryMB: 8000, Stages: []farm.Stage{farm.StageParts, farm.StageFinish, farm.StageBake, farm.StageViews}},
	}); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// cache sends cache files of a leased bake: one for each frame, of the text.
func (b *bench) cache(g *farm.Grant, text string, frames ...int) (list []farm.Result) {
	b.t.Helper()
	no := g.Lease.Frames[0]
	for _, f := range frames {
		r := b.uploadAs(farm.KindCache, g, no, fmt.Sprintf("netrender_cache/%d/%d.bphys", no>>22, f), fmt.Sprint(text, f))
		r.First, r.Last = &f, &f
		list = append(list, r)
	}
	return list
}

// baked settles a leased bake.
func (b *bench) baked(g *farm.Grant, version, text string, frames ...int) farm.Verdict {
	b.t.Helper()
	results := b.cache(g, text, frames...)
	return b.report(g, g.Lease.Frames[0], farm.Rendered, func(r *farm.Report) { r.Results, r.Install = results, version })
}

// files are the paths of the job's files, each with the bake that made it.
func (b *bench) files(id farm.JobID) (list []string) {
	b.t.Helper()
	files, err := b.m.Files(context.Background(), id, "", 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range files {
		list = append(list, fmt.Sprint(f.Path, " ", f.Bake))
	}
	return list
}

func TestFramesWaitForBakes(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth", "fluid")
		other := b.baker("b", "4.5.1", "cloth")
		j := b.submit("1-3", bakes(smoke, cloth))
		g := b.claim(id, 0)
		if g == nil || g.Stage != farm.StageBake || g.Lease.Frames[0] != bakeNo(1) || g.Until != 3 || g.Needs.Exact.String() != "4.5.1" {
			t.Fatalf("the first lease is %+v", g)
		}
		h := b.claim(other, 0)
		if h == nil || h.Lease.Frames[0] != bakeNo(2) {
			t.Fatalf("the other simulation is baked beside it: %+v", h)
		}
		if v := b.report(g, bakeNo(1), farm.HandedBack); !v.Accepted {
			t.Fatal(v)
		}
		if v := b.baked(h, "4.5.1", "cloth", 1, 2, 3); !v.Accepted {
			t.Fatal(v)
		}
		if x := b.claim(other, 0); x != nil {
			t.Fatalf("who cannot bake smoke got %+v", x)
		}
		why, err := b.m.Why(context.Background(), j.ID)
		if err != nil || !slices.ContainsFunc(why, func(r farm.Reason) bool {
			return r.Worker == "b" && r.Text == "its Blender cannot bake fluid, and the frames wait for the bake of fluid in Fire"
		}) {
			t.Error("it does not say why:", why, err)
		}
		b.restart() // what is baked is kept
		b.baker("a", "4.5.1", "cloth", "fluid")
		b.baker("b", "4.5.1", "cloth")
		g = b.claim(id, 0)
		if v := b.baked(g, "4.5.1", "smoke", 1, 2, 3); !v.Accepted {
			t.Fatal(v)
		}
		want(t, "files", len(b.files(j.ID)), 7)
		x, y := b.claim(id, 0), b.claim(other, 0)
		if x == nil || y == nil || x.Stage != farm.StageRender || len(x.Bakes) != 2 || x.Baked == 0 {
			t.Fatalf("then frames are rendered: %+v %+v", x, y)
		}
		for _, g := range []*farm.Grant{x, y} {
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		x = b.claim(id, 0)
		b.report(x, x.Lease.Frames[0], farm.Rendered)
		want(t, "state", b.job(j.ID).State, farm.Done)
		a, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: j.ID, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(a, func(a farm.Attempt) bool { return len(a.Results) > 0 }) {
			t.Error("caches are among the results", a)
		}
		if _, err := b.m.Collect(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneVersionBakes(t *testing.T) {
	inFarm(t, func(b *bench) {
		old, young := b.baker("old", "4.5.1", "cloth", "fluid"), b.baker("young", "4.5.2", "cloth", "fluid")
		j := b.submit("1", bakes(cloth, smoke))
		g := b.claim(old, 0)
		if x := b.claim(young, 0); x != nil {
			t.Fatalf("another version bakes beside it: %+v", x)
		}
		b.report(g, bakeNo(1), farm.HandedBack)
		h := b.claim(young, 0)
		if h == nil || b.claim(old, 0) != nil {
			t.Fatal("nothing is baked yet: the next one decides")
		}
		time.Sleep(10 * time.Minute) // it falls silent, and an older one begins
		old = b.baker("old", "4.5.1", "cloth", "fluid")
		x := b.claim(old, 0)
		if x == nil {
			t.Fatal("nobody begins anew")
		}
		if v := b.baked(x, "4.5.1", "c", 1); !v.Accepted {
			t.Fatal(v)
		}
		if v := b.baked(h, "4.5.2", "late", 1); v.Accepted {
			t.Error("a late bake of another version is taken")
		}
		want(t, "version", b.job(j.ID).Needs.Exact.String(), "4.5.1")
	})
}

func TestAnotherJobTakesTheCaches(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth", "fluid")
		j := b.submit("1-2", bakes(cloth, smoke))
		b.baked(b.claim(id, 0), "4.5.1", "cloth", 1, 2)
		b.baked(b.claim(id, 0), "4.5.1", "smoke", 1, 2)
		for range 2 {
			g := b.claim(id, 0)
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		k := b.submit("2", bakes(cloth, smoke))
		want(t, "files", len(b.files(k.ID)), 5)
		want(t, "version", k.Needs.Exact.String(), "4.5.1")
		b.restart()
		id = b.baker("a", "4.5.1", "cloth", "fluid")
		g := b.claim(id, 0)
		if g == nil || g.Lease.Job != k.ID || g.Lease.Frames[0] != 2 {
			t.Fatalf("it is not rendered at once: %+v", g)
		}
		b.report(g, 2, farm.Rendered)
		want(t, "state", b.job(k.ID).State, farm.Done)
		// Not of more frames, other simulations, or what is not there any more.
		for name, l := range map[string]farm.Job{"more frames": b.submit("1-3", bakes(cloth, smoke)), "others": b.submit("1", bakes(smoke))} {
			want(t, name, len(b.files(l.ID)), 1)
			if err := b.m.Delete(context.Background(), root, l.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.blobs.Delete(context.Background(), blob.RefOf([]byte("smoke2"))); err != nil {
			t.Fatal(err)
		}
		l := b.submit("1", bakes(cloth, smoke))
		want(t, "files of what is whole", len(b.files(l.ID)), 3)
		if g := b.claim(id, 0); g == nil || g.Lease.Frames[0] != bakeNo(2) {
			t.Errorf("the rest is not baked: %+v", g)
		}
		_ = j
	})
}

func TestLostCacheIsBakedAgain(t *testing.T) {
	for _, same := range []bool{true, false} {
		inFarm(t, func(b *bench) {
			id, other := b.baker("a", "4.5.1", "cloth"), b.baker("b", "4.5.1", "cloth")
			j := b.submit("1-3", bakes(cloth))
			b.baked(b.claim(id, 0), "4.5.1", "cloth", 1, 2, 3)
			first := b.claim(id, 0)
			b.report(first, 1, farm.Rendered)
			held := b.claim(other, 0)
			ref := blob.RefOf([]byte("cloth2"))
			if err := b.blobs.Delete(context.Background(), ref); err != nil {
				t.Fatal(err)
			}
			if gone, err := b.m.BlobSuspect(context.Background(), ref); err != nil || !gone {
				t.Fatal(gone, err)
			}
			want(t, "state", b.job(j.ID).State, farm.Active)
			if o := b.beat(other, held); len(o.Cancel) != 1 {
				t.Errorf("the frame that needs it goes on: %+v", o)
			}
			if v := b.report(held, 2, farm.Rendered); v.Accepted {
				t.Error("a frame of the lost cache is taken")
			}
			b.restart()
			id, other = b.baker("a", "4.5.1", "cloth"), b.baker("b", "4.5.1", "cloth")
			g := b.claim(id, 0)
			if g == nil || g.Lease.Frames[0] != bakeNo(1) || b.claim(other, 0) != nil {
				t.Fatalf("it is not baked again: %+v", g)
			}
			text := "cloth"
			if !same {
				text = "other cloth"
			}
			if v := b.baked(g, "4.5.1", text, 1, 2, 3); !v.Accepted {
				t.Fatal(v)
			}
			left := 2
			if !same {
				left = 3
			}
			for range left {
				g := b.claim(id, 0)
				if g == nil {
					t.Fatalf("with the same bytes %v: too few frames are rendered again", same)
				}
				b.report(g, g.Lease.Frames[0], farm.Rendered)
			}
			want(t, fmt.Sprint("state with the same bytes ", same), b.job(j.ID).State, farm.Done)
		})
	}
}

func TestCachesThatCannotBe(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth")
		files := []farm.File{b.file("shot.blend", "a scene"), b.file("netrender_cache/1/2", "the artist's own")}
		if _, err := b.m.Submit(context.Background(), root, farm.JobSpec{
			Name: "x", Blend: "shot.blend", Frames: farm.Frames(1), Options: farm.Options{EXR: "none"}, Bakes: []farm.Bake{cloth},
		}, files); err != nil {
			t.Fatal(err)
		}
		g := b.claim(id, 0)
		put := func(kind farm.ResultKind, name string) error {
			r := farm.Result{Kind: kind, Name: name, Size: 1, Ref: blob.RefOf([]byte("x")).String(), Frame: bakeNo(1)}
			_, _, err := b.m.PutResult(context.Background(), root, g.Lease.ID, id, r, 0, strings.NewReader("x"))
			return err
		}
		for _, c := range []struct {
			kind farm.ResultKind
			name string
		}{{farm.KindOutput, "a.png"}, {farm.KindCache, "shot.blend"}, {farm.KindCache, "netrender_cache/../x"}} {
			if err := put(c.kind, c.name); farm.KindOf(err) != farm.Invalid {
				t.Errorf("%s %s: %v", c.kind, c.name, err)
			}
		}
		if _, _, err := b.m.Report(context.Background(), root, []farm.Report{reportOf(g, bakeNo(1), farm.Rendered)}, nil); farm.KindOf(err) != farm.Invalid {
			t.Errorf("a bake without a cache: %v", err)
		}
		own := b.uploadAs(farm.KindCache, g, bakeNo(1), "netrender_cache/1/2", "another")
		b.report(g, bakeNo(1), farm.Rendered, func(r *farm.Report) { r.Results = []farm.Result{own} })
		j := b.job(g.Lease.Job)
		if j.State != farm.Failed || !strings.Contains(j.Reason, "bake of cloth on Shirt") {
			t.Errorf("what lies where the artist's file lies: %s, %s", j.State, j.Reason)
		}
	})
}

func TestRetriedBakeThrowsAwayItsFrames(t *testing.T) {
	inFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth")
		j := b.submit("1-2", bakes(cloth))
		b.baked(b.claim(id, 0), "4.5.1", "cloth", 1, 2)
		for range 2 {
			g := b.claim(id, 0)
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Frames: farm.Frames(bakeNo(1))}); err != nil {
			t.Fatal(err)
		}
		want(t, "done", b.job(j.ID).Done, 0)
		b.baked(b.claim(id, 0), "4.5.1", "cloth", 1, 2)
		for range 2 {
			g := b.claim(id, 0)
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		want(t, "state", b.job(j.ID).State, farm.Done)
	})
}
