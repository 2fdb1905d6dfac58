package farm

import "slices"

// IsClassic tells whether the worker speaks the original protocol.
func (f *Facts) IsClassic() bool { return slices.Contains(f.Stages, StageClassic) }

// WhyNotClassic says what of the job a worker that speaks the original protocol cannot do, or "" when it can do all. Such a
// worker renders whole frames to multilayer EXRs, of the file it was sent, with that file's settings. alone: the job has no
// other files, which it would have to lay out.
func (s *JobSpec) WhyNotClassic(alone bool) string {
	o, n := &s.Options, &s.Needs
	switch {
	case s.Inspect:
		return "looks at scenes"
	case s.Process != nil:
		return "runs commands"
	case s.Parts() > 0:
		return "renders parts of frames"
	case len(s.Bakes) > 0:
		return "bakes"
	case s.InOrder:
		return "renders frames in order"
	case s.Film != nil:
		return "makes films"
	case o.EXR != "full":
		return "renders anything but whole multilayer EXRs"
	case o.Outputs:
		return "writes the scene's own files"
	case o.Scripts:
		return "runs scripts by the job's choice"
	case o.FailOnScriptError || o.Threads != 0 || o.Engine != "" || o.Colours != "" || o.CopyTo != "" || s.Timeout != 0:
		return "follows the job's options"
	case len(n.Shared) > 0 || len(n.Addons) > 0 || len(n.AddonFiles) > 0:
		return "has what the job needs besides Blender"
	case !alone:
		return "lays out scenes of several files"
	}
	return ""
}
