package farm

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// An inspection is a job of one task, in which a worker's Blender looks at a scene and says what it found. Its only result
// beside a thumbnail is the report: an Inspection as JSON.

// What the results of an inspection are called.
const (
	InspectionName = "inspection.json" // of kind KindReport
	ThumbnailName  = "thumbnail.png"   // of kind KindThumbnail
)

// InspectionFrame is the only frame of an inspection.
const InspectionFrame = 1

// MaxInspection is the largest report, in bytes of JSON.
const MaxInspection = 8 << 20

// Bounds of what a report holds of one thing.
const (
	maxInspectedText  = 4096 // bytes of a path
	maxInspectedUsers = 20
	maxInspectedList  = 500 // names in a list of the scene, and sentences
	maxInspectedName  = 300 // bytes of a name or sentence
	inspectedRoom     = MaxInspection / 2
)

// Inspection is what Blender says of a scene.
type Inspection struct {
	// Problem is why Blender could not read the scene, a sentence; "": it could. There is nothing else in a report with a
	// problem.
	Problem string `json:"problem,omitempty"`
	Hint    string `json:"hint,omitempty"` // what to do about the problem

	Scene *InspectedScene `json:"scene,omitempty"`
	// Files are those that the scene reads besides its .blend: what is missing and needed comes first, then what else is
	// missing, then the rest, each by path.
	Files []InspectedFile `json:"files"`
	// Total and Missing count files, also those that were cut from the list; Missing those that the scene needs and lacks.
	Total   int `json:"files_total"`
	Missing int `json:"files_missing"`
	Cut     int `json:"files_cut,omitempty"` // left out of Files, from its end, because it would be too long

	// Frames and Needs are what a job of the scene may ask for: the scene's own frames, and what a worker must have.
	Frames FrameSet `json:"frames"`
	Needs  Needs    `json:"needs"`
	// Colours is what Options.Colours of the job must be: the path of the scene's colour configuration; "": there is none.
	Colours string `json:"colours,omitempty"`

	// Simulations are those of the scene that are not baked. A scene that has more than a job may bake names none.
	Simulations []InspectedSimulation `json:"simulations,omitempty"`

	Probe *Probe `json:"probe,omitempty"` // of a job that has spec.probe: the only thing in its report

	Errors   []Obstacle `json:"errors"`   // what keeps the scene from rendering as it is
	Warnings []string   `json:"warnings"` // sentences
}

// InspectedSimulation is a simulation that is not baked.
type InspectedSimulation struct {
	Simulation
	Bake    int    `json:"bake"`              // which of JobSpec.Bakes it belongs to, from 0: those of one are computed together
	Text    string `json:"text"`              // for people: "cloth on Shirt"
	Refused string `json:"refused,omitempty"` // why it cannot be baked, a sentence; "": it can be
}

// InspectedFile is a file that the scene reads.
type InspectedFile struct {
	// Path is where the file lies in the job's manifest or, of a missing one, where it must lie to be found: a manifest with
	// it there and with Original beside it is right. "" of a missing file that cannot be given a place.
	Path     string   `json:"path"`
	Original string   `json:"original"`           // for the manifest's Original; "" where it needs none
	Stored   string   `json:"stored"`             // the path as the scene stores it, for people; "//" is the scene's own folder
	Kind     string   `json:"kind"`               // for people: image, library, sound, volume, ...
	Users    []string `json:"users"`              // what needs it: "Image floor.png"; at most 20
	Missing  bool     `json:"missing"`            // it is not among the job's files
	Needed   bool     `json:"needed"`             // the scene that renders uses it
	Folder   bool     `json:"folder,omitempty"`   // a whole cache is missing, of which only the folder's name is known
	Sequence bool     `json:"sequence,omitempty"` // a picture of a sequence, tiles or a cache: others of it may be missing, too
	First    *int     `json:"first,omitempty"`    // frames that need it; both nil: all
	Last     *int     `json:"last,omitempty"`
}

// InspectedScene are the facts of the scene that renders. Field for field it is what package blender collects.
type InspectedScene struct {
	Name         string   `json:"name"`
	Scenes       []string `json:"scenes"`        // of the file, in its order
	Engine       string   `json:"engine"`        // as Blender names it: CYCLES, BLENDER_EEVEE, ...
	Camera       string   `json:"camera"`        // "" for none; a camera bound to a marker counts
	Cameras      []string `json:"cameras"`       // of the scene
	Width        int      `json:"width"`         // pixels, resolution percentage applied
	Height       int      `json:"height"`        // pixels
	Percent      int      `json:"percent"`       // resolution percentage
	FrameStart   int      `json:"frame_start"`   //
	FrameEnd     int      `json:"frame_end"`     // inclusive
	FrameStep    int      `json:"frame_step"`    //
	FrameCurrent int      `json:"frame_current"` //
	FPS          float64  `json:"fps"`           // frames a second
	Samples      int      `json:"samples"`       // 0 when the engine has none
	Denoiser     string   `json:"denoiser"`      // OPENIMAGEDENOISE, OPTIX; "" when Cycles does not denoise
	ViewLayers   []string `json:"view_layers"`   // those that render
	Views        []string `json:"views"`         // suffixes of multi-view output, nil for one view
	Output       string   `json:"output"`        // output path as stored
	OutputPath   string   `json:"output_path"`   // the same, absolute where the scene was looked at
	Format       string   `json:"format"`        // PNG, OPEN_EXR, FFMPEG, ...
	Movie        bool     `json:"movie"`         // Format is a movie
	Compositor   bool     `json:"compositor"`    // compositing nodes change the picture
	OutputNodes  int      `json:"output_nodes"`  // File Output nodes at the top of those
	Sequencer    bool     `json:"sequencer"`     // the picture comes from the sequencer's strips
	Scripts      []string `json:"scripts"`       // what runs Python of the scene's own if it is allowed to, as clauses
	Unbaked      []string `json:"unbaked"`       // simulations not baked: "cloth on Shirt"
	Clashes      []string `json:"clashes"`       // outputs that write the same file, as sentences
	GPU          bool     `json:"gpu"`           // Cycles is set to compute on a GPU
	UnknownNodes []string `json:"unknown_nodes"` // of an add-on that is not enabled: "Weave in Cloth"
	NoEngine     bool     `json:"no_engine"`     // the Blender that looked does not have Engine: an add-on holds it
	SavedBy      string   `json:"saved_by"`      // Blender that wrote the file: "4.5.15", the last number not a release but a file version
	Blender      string   `json:"blender"`       // Blender that looked: "4.5.15 LTS"
}

// Bound brings the report below MaxInspection: it sorts the files, shortens what is long and cuts what is too much, from the
// end of the list of files.
func (i *Inspection) Bound() {
	i.Problem, i.Hint = clip(i.Problem, maxInspectedName*4), clip(i.Hint, maxInspectedName*4)
	i.Warnings = boundList(i.Warnings, maxInspectedList, 2*maxInspectedName)
	if s := i.Scene; s != nil {
		for _, list := range []*[]string{&s.Scenes, &s.Cameras, &s.ViewLayers, &s.Views, &s.Scripts, &s.Unbaked, &s.Clashes, &s.UnknownNodes} {
			*list = boundList(*list, maxInspectedList, maxInspectedName)
		}
		for _, text := range []*string{&s.Name, &s.Camera, &s.Output, &s.OutputPath, &s.Engine, &s.Denoiser, &s.Format, &s.SavedBy, &s.Blender} {
			*text = clip(*text, maxInspectedText)
		}
	}
	if len(i.Simulations) > maxTogether || slices.ContainsFunc(i.Simulations, func(s InspectedSimulation) bool { return s.Bake >= MaxBakes }) {
		i.Simulations = nil
	}
	for k := range i.Simulations {
		s := &i.Simulations[k]
		if len(s.Owner) > maxSimulation || len(s.Name) > maxSimulation {
			s.Owner, s.Name, s.Refused = clip(s.Owner, maxSimulation), clip(s.Name, maxSimulation), "its name is too long"
		}
		s.Text, s.Refused = clip(s.Text, maxInspectedName), clip(s.Refused, maxInspectedName)
	}
	slices.SortStableFunc(i.Files, func(a, b InspectedFile) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), strings.Compare(a.Path, b.Path), strings.Compare(a.Stored, b.Stored))
	})
	i.Total, i.Missing = len(i.Files), 0
	room, kept := inspectedRoom, len(i.Files)
	for k := range i.Files {
		f := &i.Files[k]
		if f.Missing && f.Needed {
			i.Missing++
		}
		if k >= kept {
			continue
		}
		f.Users = boundList(f.Users, maxInspectedUsers, maxInspectedName)
		f.Stored, f.Kind = clip(f.Stored, maxInspectedText), clip(f.Kind, maxInspectedName)
		if f.Missing && (len(f.Path) > maxInspectedText || len(f.Original) > maxInspectedText) { // shortened it would be of another file
			f.Path, f.Original = "", ""
		}
		text, err := json.Marshal(f)
		if room -= len(text) + 1; err != nil || room < 0 {
			kept = k
		}
	}
	i.Cut = len(i.Files) - kept
	i.Files = i.Files[:kept]
}

func (f *InspectedFile) urgency() int {
	switch {
	case f.Missing && f.Needed:
		return 0
	case f.Missing:
		return 1
	}
	return 2
}

// boundList is the list as a report may carry it; it is never nil.
func boundList(list []string, most, long int) []string {
	kept := make([]string, 0, min(len(list), most))
	for _, text := range list[:min(len(list), most)] {
		kept = append(kept, clip(strings.ToValidUTF8(text, "?"), long))
	}
	return kept
}

// ParseInspection reads a report that Check finds right.
func ParseInspection(data []byte) (*Inspection, error) {
	if len(data) > MaxInspection {
		return nil, Errorf(TooLarge, "the report has over %d bytes", MaxInspection)
	}
	var i Inspection
	if err := json.Unmarshal(data, &i); err != nil {
		return nil, Errorf(Mismatch, "the report makes no sense: %w", err)
	}
	return &i, i.Check()
}

// Check refuses a report that cannot be one.
func (i *Inspection) Check() error {
	switch {
	case i.Probe != nil:
		return i.Probe.Check()
	case (i.Problem == "") == (i.Scene == nil):
		return Errorf(Mismatch, "the report names neither a scene nor a problem, or both")
	case i.Total < 0 || i.Missing < 0 || i.Cut < 0 || i.Total != len(i.Files)+i.Cut || i.Missing > i.Total:
		return Errorf(Mismatch, "the report's files are counted wrong")
	case i.Scene != nil && i.Frames.Count() == 0:
		return Errorf(Mismatch, "the report names no frames")
	}
	for k := range i.Files {
		f := &i.Files[k]
		if f.Path == "" && !f.Missing {
			return Errorf(Mismatch, "the report names a file that has no place")
		}
		if f.First != nil && f.Last != nil && *f.First > *f.Last {
			return Errorf(Mismatch, "the report names a file for no frame")
		}
	}
	return nil
}
