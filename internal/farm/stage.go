package farm

import "slices"

// Stage is what a worker does with a lease of a job.
type Stage string

// The stages.
const (
	StageRender  Stage = "render"  // frames; what a lease is for that does not say
	StageInspect Stage = "inspect" // Blender looks at the scene and renders nothing: see Inspection
)

// Stages lists all.
func Stages() []Stage { return []Stage{StageRender, StageInspect} }

// Stage is what the job is for.
func (s *JobSpec) Stage() Stage {
	if s.Inspect {
		return StageInspect
	}
	return StageRender
}

// Takes tells whether the worker does what the stage asks for. All render; what else one can do it says.
func (f *Facts) Takes(s Stage) bool {
	return s == StageRender || s == "" || slices.Contains(f.Stages, s)
}
