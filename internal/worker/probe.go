package worker

import (
	"context"
	"encoding/json"
	"os"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

const (
	smallProbe = 5    // hundredths of the picture's size
	largeProbe = 10   // the same
	longProbe  = 20.0 // seconds after which a small picture is not rendered once more
)

// probe renders small pictures of the frame in the session, whose scene is open, and reports what the whole one would take.
// What two sizes take tells apart what the pixels take and what every render does. The first picture warms up: what is
// read and compiled for it is there for the next ones.
func (s *slot) probe(ctx context.Context, k *work, f *frame, no int, stage string, p *pulse) error {
	s.phase(k, "trying how long it takes")
	x := s.session
	var all blender.Result
	try := func(percent int) (seconds float64, pixels int, err error) {
		if err := os.RemoveAll(stage); err != nil {
			return 0, 0, err
		}
		task := blender.Task{Frame: farm.FrameOf(no), OutDir: stage, EXR: blender.EXRFull, Percent: percent}
		r, err := x.renderer.Render(ctx, task, func(blender.Progress) { p.beat() })
		if err != nil {
			return 0, 0, err
		}
		all.Seconds += r.Seconds
		all.Memory, all.PeakMemory = r.Memory, max(all.PeakMemory, r.PeakMemory)
		return r.Render, r.Width * r.Height, nil
	}
	small, few, err := try(smallProbe)
	if err == nil && small < longProbe {
		small, few, err = try(smallProbe)
	}
	if err != nil {
		return err
	}
	large, many, err := try(largeProbe)
	if err != nil {
		return err
	}
	facts := &x.facts
	probe := farm.Probe{Frame: farm.FrameOf(no), Engine: facts.Engine, Width: facts.PictureWidth, Height: facts.PictureHeight, Samples: facts.Samples}
	pixel := 0.0
	if many > few {
		pixel = max(0, large-small) / float64(many-few)
	}
	probe.Fixed = max(0, large-pixel*float64(many))
	probe.Render = pixel * float64(probe.Width) * float64(probe.Height)
	text, err := json.Marshal(farm.Inspection{Probe: &probe, Files: []farm.InspectedFile{}, Errors: []farm.Obstacle{}, Warnings: []string{}})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(stage); err != nil {
		return err
	}
	f.result = &all
	return f.add(blender.Kind(farm.KindReport), farm.InspectionName, text)
}
