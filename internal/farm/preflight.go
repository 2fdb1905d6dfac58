package farm

import (
	"cmp"
	"fmt"
	"strings"
)

// What is said of a scene before it is rendered, in the same words to whoever sends it: from the command line, the add-on,
// a page.

// ObstacleKind sorts what keeps a scene from rendering.
type ObstacleKind string

// The kinds of obstacles.
const (
	LacksFiles  ObstacleKind = "missing" // files are not there
	LacksCamera ObstacleKind = "camera"  // there is none
	LacksEXR    ObstacleKind = "exr"     // Blender cannot keep its pictures as a multilayer EXR
	LacksEngine ObstacleKind = "engine"  // the engine that it names cannot be had
)

// Obstacle is something that keeps a scene from rendering.
type Obstacle struct {
	About ObstacleKind `json:"about,omitempty"` // empty: something else
	Text  string       `json:"text"`
	Hint  string       `json:"hint,omitempty"`
}

func (o *Obstacle) Error() string { return o.Text }

// Err is the obstacle as an error of a kind; the obstacle is its cause.
func (o *Obstacle) Err() error {
	kind := Invalid
	if o.About == LacksFiles {
		kind = NotFound
	}
	why := *o
	return &Error{Kind: kind, Text: o.Text, Hint: o.Hint, Err: &why}
}

// Preflight is what of a scene decides whether it can be sent as it is.
type Preflight struct {
	Engine   string   // of the scene
	Camera   string   // "": none
	NoEngine bool     // the Blender that looked does not have Engine
	NoEXR    bool     // Blender cannot keep its pictures as a multilayer EXR
	Scripts  bool     // it holds Python that would run
	Movie    bool     // its output is a movie
	Unknown  []string // its nodes of an add-on that was not enabled
	Missing  int      // files that are missing and needed
	Foreign  int      // of those, how many have a path of another system
}

// enable says how an add-on comes to be there.
const enable = "name the add-on with --addon NAME where the workers have it, or --addon FILE.zip to send it along"

// Obstacles are what keeps the scene from being rendered with the options; missing files do not where they are allowed.
func (p *Preflight) Obstacles(o *Options, allowMissing bool) (list []Obstacle) {
	if p.Missing > 0 && !allowMissing {
		list = append(list, p.missing())
	}
	if p.Camera == "" {
		list = append(list, Obstacle{LacksCamera, "the scene has no camera", "add one in Blender (Add > Camera), save and send again"})
	}
	if p.NoEXR && o.EXR != "none" {
		list = append(list, Obstacle{
			LacksEXR, "Blender cannot keep pictures of the sequencer for several views as a multilayer EXR",
			"send it with --exr none: the files that the scene itself writes come all the same",
		})
	}
	if o.Engine == "" && (p.NoEngine || p.Engine == OwnEngine) {
		list = append(list, EngineObstacle(p.Engine))
	}
	return list
}

// missing says what to do about missing files.
func (p *Preflight) missing() Obstacle {
	f := Obstacle{LacksFiles, fmt.Sprintf("%d of the scene's files are missing", p.Missing), "put them in place, or go on without them with --allow-missing"}
	if p.Foreign > 0 {
		f.Hint = fmt.Sprintf("the paths of %d are of another system, where the scene was made: send it from there, or find them in Blender "+
			"(File > External Data > Find Missing Files) and save, or go on without them with --allow-missing", p.Foreign)
	}
	return f
}

// EngineObstacle says that a scene's own engine cannot render it.
func EngineObstacle(engine string) Obstacle {
	if engine == OwnEngine {
		return Obstacle{LacksEngine, "the scene's engine is Network Render, which sends to the farm", "say with --engine which engine renders, as CYCLES or BLENDER_EEVEE"}
	}
	return Obstacle{LacksEngine, fmt.Sprintf("the scene is rendered with %s, which an add-on holds that is not enabled", engine), enable}
}

// Warnings are what a picture may lack when the scene is rendered with the options.
func (p *Preflight) Warnings(o *Options) (list []string) {
	if p.Scripts && !o.Scripts {
		list = append(list, "the scene holds Python scripts or drivers; they will not run (use --scripts, on workers that allow it)")
	}
	if p.Movie {
		list = append(list, "the scene's output is a movie: its frames come as pictures")
	}
	if len(p.Unknown) > 0 {
		list = append(list, "nodes of an add-on that is not enabled do nothing: "+firstOf(p.Unknown, 3)+"; "+enable)
	}
	return list
}

// Preflight is what of the scene decides whether it can be sent; missing files are not counted.
func (s *InspectedScene) Preflight() Preflight {
	return Preflight{
		Engine: s.Engine, Camera: s.Camera, NoEngine: s.NoEngine, NoEXR: s.Sequencer && len(s.Views) > 0,
		Scripts: len(s.Scripts) > 0, Movie: s.Movie, Unknown: s.UnknownNodes,
	}
}

// Remarks are sentences about the scene that hold whatever is asked of it.
func (s *InspectedScene) Remarks() (list []string) {
	for _, u := range s.Unbaked {
		list = append(list, u+" is not baked: every frame is rendered as if it were the first one asked for")
	}
	return append(list, s.Clashes...)
}

// NotUsed says that a missing file does not matter.
func NotUsed(path string) string {
	return path + " is missing, but the scene that renders does not use it"
}

// Saved is the version of Blender that wrote the file, its third number left out; none when it is not known.
func (s *InspectedScene) Saved() Version {
	v, err := ParseVersion(s.SavedBy)
	if err != nil {
		return Version{}
	}
	return Version{Major: v.Major, Minor: v.Minor}
}

// OwnFrames are the frames of the scene's own range and step.
func (s *InspectedScene) OwnFrames() FrameSet {
	return FrameRange(s.FrameStart, s.FrameEnd, max(s.FrameStep, 1))
}

// OwnNeeds is what a worker must have to render the scene with the options.
func (s *InspectedScene) OwnNeeds(o *Options) Needs {
	return Needs{Blender: s.Saved(), Engine: cmp.Or(o.Engine, s.Engine), Denoiser: s.Denoiser != ""}
}

// firstOf names the first few.
func firstOf(names []string, most int) string {
	text := strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
