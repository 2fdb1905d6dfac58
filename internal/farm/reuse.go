package farm

import (
	"cmp"
	"slices"
)

// Serves tells whether frames of a job of s are frames that want asks for: they show the same and nothing is lacking, when
// the files of both are the same. Which frames they are is another question.
//
// Whatever can change a picture must be equal, also who may render: machines of other kinds compute other last bits.
func (s *JobSpec) Serves(want *JobSpec) bool {
	has, asked := &s.Options, &want.Options
	switch {
	case s.Process != nil || want.Process != nil: // what commands make is not known
		return false
	case len(s.Views) > 0 || len(want.Views) > 0: // their pictures have other names
		return false
	case s.Blend != want.Blend, has.Scripts != asked.Scripts, has.Threads != asked.Threads, has.Colours != asked.Colours:
		return false
	case s.Tiles.Count() > 0 && want.Parts() == 0: // where samples adapt, tiles are not the same to the last bit
		return false
	case s.Samples > 0 && want.Samples == 0: // parts of samples never are
		return false
	case has.KeepAdaptive != asked.KeepAdaptive, has.Overscan < asked.Overscan:
		return false
	case !sameBakes(s.Bakes, want.Bakes), s.InOrder != want.InOrder:
		return false
	case asked.EXR != "none" && has.EXR != asked.EXR, asked.Outputs && !has.Outputs, asked.Preview && !has.Preview:
		return false
	case asked.FailOnScriptError && !has.FailOnScriptError, asked.CopyTo != "" && has.CopyTo != asked.CopyTo:
		return false
	}
	a, b := &s.Needs, &want.Needs
	return a.Blender == b.Blender && s.engine() == want.engine() && a.Denoiser == b.Denoiser && a.GPU == b.GPU &&
		sameNames(a.Allow, b.Allow) && sameNames(a.Deny, b.Deny) && sameNames(a.Tags, b.Tags) && sameNames(a.OS, b.OS) && sameNames(a.Arch, b.Arch) &&
		slices.Equal(a.Addons, b.Addons) && slices.Equal(a.AddonFiles, b.AddonFiles)
}

// engine is what renders the job: where none was asked for it is the scene's own, which workers must have.
func (s *JobSpec) engine() string { return cmp.Or(s.Options.Engine, s.Needs.Engine) }

// sameNames compares lists whose order does not matter.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// Kinds are the kinds of results that the options ask for, among some.
func (o *Options) Kinds(among []ResultKind) (kinds []ResultKind) {
	for _, k := range among {
		switch k {
		case KindEXR:
			if o.EXR == "none" {
				continue
			}
		case KindOutput, KindNode:
			if !o.Outputs {
				continue
			}
		case KindPreview:
			if !o.Preview {
				continue
			}
		}
		kinds = append(kinds, k)
	}
	return kinds
}
