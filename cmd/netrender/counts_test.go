package main

import (
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

// Frames are counted as frames: films, bakes and parts of frames are said apart.
func TestProgressCount(t *testing.T) {
	stage := func(s farm.Stage, done, total int) farm.StageProgress {
		return farm.StageProgress{Stage: s, Done: done, Total: total}
	}
	for want, p := range map[string]farm.Progress{
		"3/24":            {Done: 3, Total: 24},
		"24/24, film 0/1": {Done: 24, Total: 25, Stages: []farm.StageProgress{stage(farm.StageRender, 24, 24), stage(farm.StageEncode, 0, 1)}},
		"2/24, bakes 1/2, film 0/1": {Done: 3, Total: 27, Stages: []farm.StageProgress{
			stage(farm.StageBake, 1, 2), stage(farm.StageRender, 2, 24), stage(farm.StageEncode, 0, 1),
		}},
		"1/2, parts 5/8": {Done: 6, Total: 10, Stages: []farm.StageProgress{stage(farm.StageRender, 5, 8), stage(farm.StageFinish, 1, 2)}},
	} {
		if got := progressCount(&p); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	j := farm.Job{JobSpec: farm.JobSpec{Frames: farm.FrameRange(1, 24, 1), Film: &farm.Film{}}, Progress: farm.Progress{Done: 24, Total: 25, Failed: 1}}
	if got := frameCount(&j); got != "24/25 tasks (1 failed)" {
		t.Errorf("in a list that does not tell its stages apart: %q", got)
	}
}
