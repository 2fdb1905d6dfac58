package farm

import "slices"

// Stage is a step of a job, and so what a worker does with a lease of it. The tasks of a stage wait for those of the
// stages before it, as Plan says.
type Stage string

// The stages, in the order in which a job may have them.
const (
	StageInspect Stage = "inspect" // Blender looks at the scene and renders nothing: see Inspection; the only one of its job
	StageBake    Stage = "bake"    // a simulation is computed, and what frames need of it is kept
	StageRender  Stage = "render"  // frames, or parts of frames; what a lease is for that does not say
	StageFinish  Stage = "finish"  // the parts of a frame become the frame
	StageEncode  Stage = "encode"  // the frames become a film
	StageProcess Stage = "process" // a command is run: see Process; the only one of its job, for whose tasks it stands instead of render
)

// StageParts is among the stages that a worker takes when it renders parts of frames, too. StageViews: also the views of a
// job, and parts of their frames.
const (
	StageParts Stage = "parts"
	StageViews Stage = "views"
)

// StageClassic is among the stages of a worker that speaks the original protocol: it renders what that can say, see
// JobSpec.WhyNotClassic, and nothing else.
const StageClassic Stage = "classic"

// ClassicToken is what jobs and workers of the classic door have in place of the id of a token. No token has it.
const ClassicToken = "classic"

// Stages lists all.
func Stages() []Stage {
	return []Stage{StageInspect, StageBake, StageRender, StageFinish, StageEncode, StageProcess}
}

// Stage is what the job is for.
func (s *JobSpec) Stage() Stage {
	if s.Inspect {
		return StageInspect
	}
	if s.Process != nil {
		return StageProcess
	}
	return StageRender
}

// Asks is what a worker must take to be given tasks of the job. Who renders parts of frames finishes them, too.
func (s *JobSpec) Asks() Stage {
	switch {
	case len(s.Views) > 0:
		return StageViews
	case len(s.Bakes) > 0 && !s.Inspect: // who bakes renders parts, too, and reads what was baked
		return StageBake
	case s.Inspect && s.Probe:
		return StageProbe
	case s.Parts() > 0 && !s.Inspect:
		return StageParts
	}
	return s.Stage()
}

// Takes tells whether the worker does what the stage asks for. All render; what else one can do it says.
func (f *Facts) Takes(s Stage) bool {
	return s == StageRender || s == "" || slices.Contains(f.Stages, s)
}
