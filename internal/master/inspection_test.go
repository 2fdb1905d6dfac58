package master_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func inspecting(s *farm.JobSpec) { s.Inspect = true }

// looker registers a worker that also looks at scenes.
func (b *bench) looker(name string) farm.WorkerID {
	b.t.Helper()
	id := farm.WorkerID("worker-" + name)
	_, err := b.m.Register(context.Background(), root, farm.Registration{
		Protocol: farm.Protocol, ID: id, Name: name, Slots: 1,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, Stages: []farm.Stage{farm.StageInspect}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// looked uploads and reports a finding.
func (b *bench) looked(g *farm.Grant, problem string) farm.Verdict {
	b.t.Helper()
	i := farm.Inspection{Problem: problem, Files: []farm.InspectedFile{}, Errors: []farm.Obstacle{}, Warnings: []string{}}
	text, err := json.Marshal(&i)
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.uploadAs(farm.KindReport, g, 1, farm.InspectionName, string(text))
	return b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
}

// listed are the jobs, or the inspections, that a list has.
func (b *bench) listed(inspect bool) int {
	b.t.Helper()
	page, err := b.m.JobPage(context.Background(), farm.JobFilter{Inspect: inspect, Sort: farm.ByID, Limit: 10})
	if err != nil {
		b.t.Fatal(err)
	}
	return page.Total
}

// TestInspection: it goes before first frames, to a worker that can do it; its report is read by its owner; nobody else sees
// it, and it goes an hour after it ended.
func TestInspection(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		anna := master.Identity{Name: "anna", Role: farm.RoleSubmit, Token: "a"}
		bert := master.Identity{Name: "bert", Role: farm.RoleSubmit, Token: "b"}
		film := b.submit("1-9")
		job := b.submitAs(anna, "5-8", inspecting, func(s *farm.JobSpec) { s.Needs.Engine, s.Options.EXR = "NOBODY_HAS_IT", "full" })
		want(t, "frames", job.JobSpec.Frames.String(), "1")
		plain := b.worker("old", 1)
		want(t, "of a worker that does not know it", b.claim(plain, 0).Lease.Job, film.ID)
		_, err := b.m.Inspection(ctx, anna, job.ID)
		want(t, "before", farm.KindOf(err), farm.NotFound)
		wantText(t, "before", err.Error(), "no worker has looked at the scene yet")

		oak := b.looker("oak")
		g := b.claim(oak, 0)
		want(t, "goes first", g.Lease.Job, job.ID)
		want(t, "stage", g.Stage, farm.StageInspect)
		_, err = b.m.Inspection(ctx, anna, job.ID)
		wantText(t, "meanwhile", err.Error(), "a worker is looking")
		if _, _, err := b.m.Report(ctx, root, []farm.Report{reportOf(g, 1, farm.Rendered)}, nil); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("a report was taken without the report: %v", err)
		}
		want(t, "accepted", b.looked(g, "not a scene").Accepted, true)
		got, err := b.m.Inspection(ctx, anna, job.ID)
		if err != nil || got.Problem != "not a scene" {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = b.m.Inspection(ctx, bert, job.ID)
		want(t, "of another", farm.KindOf(err), farm.Denied)
		_, err = b.m.Inspection(ctx, root, film.ID)
		want(t, "of a job of frames", farm.KindOf(err), farm.NotFound)

		want(t, "jobs", b.listed(false), 1)
		want(t, "inspections", b.listed(true), 1)
		glance, err := b.m.Glance(ctx)
		if err != nil || len(glance.Ended) != 0 || glance.InAll != 1 {
			t.Fatalf("%+v, %v", glance, err)
		}
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		want(t, "kept", b.listed(true), 1)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		want(t, "an hour later", b.listed(true), 0)
		_, err = b.m.Job(ctx, job.ID)
		want(t, "an hour later", farm.KindOf(err), farm.NotFound)
		want(t, "the film", b.listed(false), 1)
	})
}

// TestInspectionsAreAbandoned: one whose files nobody sends goes, one that waits for a worker stays.
func TestInspectionsAreAbandoned(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		waits := b.submit("1", inspecting)
		spec := farm.JobSpec{Name: "lost", Blend: "a.blend", Inspect: true}
		lost, err := b.m.Submit(ctx, root, spec, []farm.File{{Path: "a.blend", Size: 3, Ref: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}})
		if err != nil || lost.State != farm.Collecting {
			t.Fatal(lost, err)
		}
		_, err = b.m.Inspection(ctx, root, lost.ID)
		wantText(t, "collecting", err.Error(), "files are not all there")
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		list, err := b.m.Attention(ctx, root)
		if err != nil || len(list.Attention) > 0 {
			t.Fatalf("somebody is called: %+v, %v", list, err)
		}
		end := b.m.Receiving("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") // still being sent
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		want(t, "while it is sent", b.listed(true), 2)
		end()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		want(t, "a little later", b.listed(true), 2)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		want(t, "when nobody sends it", b.listed(true), 1)
		want(t, "the one that waits", b.job(waits.ID).State, farm.Queued)
	})
}

// TestInspectionsBlameNobody: a scene that crashes Blender fails, and its workers go on; one that is too new for a worker is
// given to another.
func TestInspectionsBlameNobody(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, elm := b.looker("oak"), b.looker("elm")
		for range 5 {
			job := b.submit("1", inspecting)
			for range 3 {
				id := oak
				g := b.claim(id, 0)
				if g == nil {
					id = elm
					g = b.claim(id, 0)
				}
				b.report(g, 1, farm.Errored, func(r *farm.Report) { r.Error = "Blender crashed" })
			}
			want(t, "state", b.job(job.ID).State, farm.Failed)
			_, err := b.m.Inspection(ctx, root, job.ID)
			wantText(t, "failed", err.Error(), "could not be looked at")
		}
		want(t, "oak", b.seen(oak).Enabled, true)
		want(t, "elm", b.seen(elm).Enabled, true)
		list, err := b.m.Attention(ctx, root)
		if err != nil || len(list.Attention) > 0 {
			t.Fatalf("somebody is called: %+v, %v", list, err)
		}
		job := b.submit("1", inspecting)
		g := b.claim(oak, 0)
		b.report(g, 1, farm.Errored, broken("made by Blender 5.2; this is Blender 4.0", false))
		if again := b.claim(oak, 0); again != nil {
			t.Fatal("the same worker gets it again")
		}
		b.looked(b.claim(elm, 0), "x")
		want(t, "done", b.job(job.ID).State, farm.Done)

		job = b.submit("1", inspecting) // deleted under the worker
		g = b.claim(oak, 0)
		if err := b.m.Delete(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "orders", len(b.beat(oak, g).Cancel), 1)
		want(t, "late", b.report(g, 1, farm.Errored).Accepted, false)
	})
}

// TestInspectionsAreToldToNobody: messages go out for jobs, not for what somebody looks at.
func TestInspectionsAreToldToNobody(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.store.targets["t"] = farm.Target{ID: "t", Name: "chat", Kinds: []farm.MessageKind{farm.TellDone, farm.TellFailed}, Enabled: true}
		b.restart()
		oak := b.looker("oak")
		b.submit("1", inspecting)
		b.looked(b.claim(oak, 0), "x")
		b.submit("1", inspecting, func(s *farm.JobSpec) { s.Attempts = 1 })
		b.report(b.claim(oak, 0), 1, farm.Errored)
		want(t, "told", len(b.store.pending), 0)
		b.submit("1")
		b.report(b.claim(oak, 0), 1, farm.Rendered)
		want(t, "told of a job", len(b.store.pending), 1)
	})
}
