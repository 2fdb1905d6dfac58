package master_test

import (
	"context"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestStagesAreShown: a job of tiles says what each stage has come to, while it runs, when it failed, when it is over, and
// in lists; its frames are told from its tasks.
func TestStagesAreShown(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := farm.WorkerID("worker-oak")
		if _, err := b.m.Register(context.Background(), root, farm.Registration{
			Protocol: farm.Protocol, ID: oak, Name: "oak", Slots: 1,
			Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, Stages: []farm.Stage{farm.StageParts, farm.StageFinish}},
		}); err != nil {
			t.Fatal(err)
		}
		tiled := func(s *farm.JobSpec) {
			s.Tiles, s.Attempts, s.Options = farm.Tiles{X: 2, Y: 1}, 1, farm.Options{EXR: "none", Outputs: true}
		}
		j := b.submit("1-2", tiled)
		stages := func(what string, render, finish farm.StageProgress) {
			t.Helper()
			render.Stage, finish.Stage = farm.StageRender, farm.StageFinish
			if got := b.job(j.ID).Stages; !slices.Equal(got, []farm.StageProgress{render, finish}) {
				t.Errorf("%s: %+v", what, got)
			}
		}
		do := func(outcome farm.Outcome) {
			t.Helper()
			g := b.claim(oak, 0)
			no := g.Lease.Frames[0]
			kind, name := farm.KindPart, farm.PartName(no)
			if !farm.IsPart(no) {
				kind, name = farm.KindOutput, "a.png"
			}
			b.report(g, no, outcome, func(r *farm.Report) {
				if outcome == farm.Rendered {
					r.Results = []farm.Result{b.uploadAs(kind, g, no, name, "x")}
				}
			})
		}
		stages("at first", farm.StageProgress{Total: 4, Queued: 4}, farm.StageProgress{Total: 2, Queued: 2})
		g := b.claim(oak, 0)
		stages("with a tile under way", farm.StageProgress{Total: 4, Running: 1, Queued: 3}, farm.StageProgress{Total: 2, Queued: 2})
		running, err := b.m.Running(context.Background(), j.ID)
		if err != nil || len(running) != 1 || running[0].No != g.Lease.Frames[0] || !slices.Equal(running[0].Frames, []int{1}) {
			t.Errorf("running: %+v, %v", running, err)
		}
		b.report(g, g.Lease.Frames[0], farm.HandedBack)
		do(farm.Rendered)
		do(farm.Rendered)
		do(farm.Rendered) // a tile of the second frame, or what finishes the first
		do(farm.Rendered)
		stages("with a frame done", farm.StageProgress{Total: 4, Done: 3, Queued: 1}, farm.StageProgress{Total: 2, Done: 1, Queued: 1})
		now := b.job(j.ID)
		if done, total, ok := now.FramesDone(); done != 1 || total != 2 || !ok {
			t.Errorf("%d of %d frames, %v", done, total, ok)
		}
		attempts, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: j.ID, Frames: farm.Frames(1), Limit: 10})
		if err != nil || len(attempts) == 0 || !farm.IsPart(attempts[0].No) {
			t.Errorf("attempts: %+v, %v", attempts, err)
		}

		do(farm.Errored)
		over := func(what string) {
			t.Helper()
			stages(what, farm.StageProgress{Total: 4, Done: 3, Failed: 1}, farm.StageProgress{Total: 2, Done: 1, Failed: 1})
			grid, err := b.m.Grid(context.Background(), j.ID, nil, 10)
			if err != nil || !slices.Equal(grid.States, []farm.FrameState{farm.GridDone, farm.GridFailed}) {
				t.Errorf("%s, the grid: %v, %v", what, grid.States, err)
			}
			if f, err := b.m.Frames(context.Background(), j.ID); err != nil || f.Failed.String() != "2" || f.Done.String() != "1" {
				t.Errorf("%s, frames: %+v, %v", what, f, err)
			}
		}
		over("when a tile failed")
		b.restart()
		over("after a restart")
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Failed: true}); err != nil {
			t.Fatal(err)
		}
		stages("when it is tried again", farm.StageProgress{Total: 4, Done: 3, Queued: 1}, farm.StageProgress{Total: 2, Done: 1, Queued: 1})
		if _, err := b.m.Register(context.Background(), root, farm.Registration{
			Protocol: farm.Protocol, ID: oak, Name: "oak", Slots: 1, Fresh: true,
			Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, Stages: []farm.Stage{farm.StageParts, farm.StageFinish}},
		}); err != nil {
			t.Fatal(err)
		}
		do(farm.Rendered)
		do(farm.Rendered)
		stages("when it is done", farm.StageProgress{Total: 4, Done: 4}, farm.StageProgress{Total: 2, Done: 2})
		list, err := b.m.Jobs(context.Background(), farm.JobFilter{Limit: 1})
		if err != nil || len(list) != 1 || len(list[0].Stages) != 2 || list[0].Stages[1].Done != 2 {
			t.Errorf("in a list: %+v, %v", list, err)
		}
		if plain := b.submit("1-3"); len(b.job(plain.ID).Stages) != 0 {
			t.Error("a job of whole frames has stages")
		}
	})
}
