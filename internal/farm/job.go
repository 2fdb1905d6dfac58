package farm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JobID names a job within one farm; it counts up from 1.
type JobID int64

func (id JobID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseJobID reads the decimal form.
func ParseJobID(text string) (JobID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, Errorf(Invalid, "%q is not a job number", clip(text, 40)).WithHint("netrender jobs lists them")
	}
	return JobID(n), nil
}

// Job is a scene with its files, a frame set and options, and how far it is.
type Job struct {
	ID      JobID     `json:"id"`
	Owner   string    `json:"owner"`              // name of the token that submitted it, for people
	OwnerID string    `json:"owner_id,omitempty"` // id of that token: whose holder may steer the job
	State   JobState  `json:"state"`
	Reason  string    `json:"reason,omitempty"` // why it failed or waits, for people
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"` // first dispatch
	Ended   time.Time `json:"ended,omitzero"`   // when it became done, failed or canceled
	Scene   string    `json:"scene_key"`        // equal for jobs that one open session can serve
	Folder  string    `json:"folder"`           // of its results, below the master's outputs folder
	Removed []Removal `json:"removed,omitempty"`
	JobSpec
	Progress
}

// JobSpec is what a client asks for. The manifest travels beside it.
type JobSpec struct {
	Name     string   `json:"name"`
	Blend    string   `json:"blend"` // manifest path of the scene file
	Frames   FrameSet `json:"frames"`
	Chunk    int      `json:"chunk"`    // frames handed out together, 1..10000
	Priority int      `json:"priority"` // 1..100
	Order    Order    `json:"order"`
	Attempts int      `json:"attempts,omitempty"` // failed attempts before a frame is failed; 0: the farm's rule
	Timeout  int      `json:"timeout_s,omitempty"`
	FPS      float64  `json:"fps,omitempty"` // frames a second of the scene's film, 0..MaxFPS; 0: not known
	Needs    Needs    `json:"needs"`
	Options  Options  `json:"options"`
	Tiles    Tiles    `json:"tiles,omitzero"`          // of each frame; none: frames are rendered whole
	Samples  int      `json:"samples_split,omitempty"` // parts of its samples that each frame is rendered in, 2..MaxSampleParts; 0: all at once
	Film     *Film    `json:"film,omitempty"`          // is made of the frames; nil: none
	Views    []View   `json:"views,omitempty"`         // cameras, scenes, view layers that are rendered; none: the scene as it is
	Keep     bool     `json:"keep,omitempty"`          // the farm's cleaning leaves alone what the job left
	Key      string   `json:"key,omitempty"`           // the client's own mark: submitting the same key twice makes one job
	// Inspect has a worker's Blender look at the scene instead of rendering it: see Inspection. Frames, options and most of the
	// needs are the master's to set then. Such a job is not among those that people see, and goes an hour after it ended.
	Inspect bool `json:"inspect,omitempty"`
	// Bakes are simulations of the scene that are computed first, each bake by one worker; frames read their caches.
	Bakes []Bake `json:"bakes,omitempty"`
	// InOrder has the frames rendered by one worker, which steps through all frames first: so a simulation that is not baked
	// comes out as it does on one machine. Who takes over the rest steps through them again, and renders what is left alone.
	InOrder bool `json:"in_order,omitempty"`
	// Probe has such a job render small pictures of its first frame instead, with its own needs and options, to find out what
	// the whole one takes: see Probe.
	Probe bool `json:"probe,omitempty"`
	// Process has commands run instead of rendering: see Process. Frames, options and most of the needs follow from it.
	Process *Process `json:"process,omitempty"`
}

// Needs says which workers may render a job.
type Needs struct {
	Allow    []string `json:"allow,omitempty"` // names of workers; empty: all
	Deny     []string `json:"deny,omitempty"`  // names of workers
	Tags     []string `json:"tags,omitempty"`  // the worker must have all of them
	Blender  Version  `json:"blender,omitzero"`
	Engine   string   `json:"engine,omitempty"`    // as Blender names it: CYCLES, BLENDER_EEVEE, ...
	Denoiser bool     `json:"denoiser,omitempty"`  // the build must have OpenImageDenoise
	MemoryMB int      `json:"memory_mb,omitempty"` // least memory of the machine
	Cores    int      `json:"cores,omitempty"`     // least processors of the machine, as its system counts them
	OS       []string `json:"os,omitempty"`        // any of linux, darwin, windows; empty: all
	Arch     []string `json:"arch,omitempty"`      // any of amd64, arm64; empty: all
	GPU      string   `json:"gpu,omitempty"`       // a device kind: cuda, optix, hip, oneapi, metal
	Addons   []string `json:"addons,omitempty"`    // Blender add-ons by the names of their modules: enabled for the job
	// AddonFiles are manifest paths of add-ons that travel with the job, as zip files. They are Python: Options.Scripts
	// must be set.
	AddonFiles []string `json:"addon_files,omitempty"`
	// Shared are folders, as the submitter's machine names them, whose files workers read for themselves: the master need
	// not have them.
	Shared []string `json:"shared,omitempty"`
	// Exact is the one version that may bake and render a job with Bakes, since its first simulation was baked with it:
	// the master sets it.
	Exact Version  `json:"exact,omitzero"`
	Bakes []string `json:"bakes,omitempty"` // kinds of simulations that its Blender must be able to bake
}

// Options says how to render and what to keep.
type Options struct {
	Scripts bool   `json:"scripts"`           // may the scene's Python run
	EXR     string `json:"exr"`               // full | half | none: the multilayer EXR of every frame
	Outputs bool   `json:"outputs"`           // keep the files the scene itself writes
	Preview bool   `json:"preview"`           // keep a preview JPEG
	Threads int    `json:"threads,omitempty"` // render threads per worker slot; 0: all
	// FailOnScriptError makes frames fail when the scene's own Python raises or a driver does not work; else that is a
	// warning.
	FailOnScriptError bool `json:"fail_on_script_error,omitempty"`
	// Engine renders instead of the scene's own, as Blender names it: CYCLES, BLENDER_EEVEE, ...; "": the scene's own.
	Engine string `json:"engine,omitempty"`
	// Colours is the manifest path of a colour configuration (OpenColorIO) that Blender takes instead of its own; "": its own,
	// or that of the worker.
	Colours string `json:"colours,omitempty"`
	// CopyTo is a folder, as the submitter's machine names it, that workers copy results to, besides the master's.
	CopyTo string `json:"copy_to,omitempty"`
	// Overscan is how many pixels more are rendered on each side of a tile, 0..MaxOverscan, for effects that look at neighbours.
	Overscan int `json:"overscan,omitempty"`
	// KeepAdaptive leaves adaptive sampling on in tiles: quicker, but pixels near the cuts differ from those of a whole frame.
	KeepAdaptive bool `json:"keep_adaptive,omitempty"`
}

// OwnEngine is the engine that Netrender's add-on has in an artist's Blender: it renders by sending to the farm, whose
// workers do not have it.
const OwnEngine = "NETRENDER"

// engineName is what Blender lets an engine be called, RenderEngine.bl_idname.
var engineName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// Asks tells whether the job asks for any files at all. Benchmarks of a farm do without.
func (o *Options) Asks() bool { return o.EXR != "none" || o.Outputs || o.Preview }

// LacksOf names what a task was to bring and is not among its results; "" when all is there.
func (s *JobSpec) LacksOf(no int, results []Result) string {
	if IsFilm(no) {
		if len(results) != 1 || results[0].Kind != KindFilm {
			return "the film"
		}
		return ""
	}
	if _, _, bakes := s.Baking(no); bakes {
		if len(results) == 0 {
			return "a cache"
		}
		return ""
	}
	if !IsPart(no) {
		return s.Lacks(results)
	}
	if len(results) != 1 || results[0].Kind != KindPart {
		return "the EXR of the part"
	}
	return ""
}

// Lacks names what the options ask for and is not among the results of a frame; "" when all is there.
func (o *Options) Lacks(results []Result) string {
	has := make(map[ResultKind]bool, 4)
	for i := range results {
		has[results[i].Kind] = true
	}
	switch {
	case o.EXR != "none" && !has[KindEXR]:
		return "the multilayer EXR"
	case o.Outputs && !has[KindOutput]:
		return "the file that the scene writes"
	case o.EXR == "none" && !o.Outputs && o.Preview && !has[KindPreview]: // beside others it is a convenience
		return "the preview"
	}
	return ""
}

// Progress is what a job's frames have come to.
type Progress struct {
	Total      int     `json:"total"`          // frames
	Done       int     `json:"done"`           // frames rendered and accepted
	Failed     int     `json:"failed"`         // frames given up
	Running    int     `json:"running"`        // frames leased now
	Dispatched int     `json:"dispatched"`     // frames ever handed out
	Seconds    float64 `json:"render_seconds"` // sum over accepted frames
	Missing    int     `json:"missing,omitempty"`
	// Machine is the sum over all attempts that ended with a report: failed ones too, and those from before a reset. How long
	// a worker took that fell silent is not known.
	Machine float64 `json:"machine_seconds"`
	// LeftS is how many seconds the job will take with the workers that render it now; 0: not known. It is found when the
	// job is looked at, and not kept.
	LeftS float64 `json:"left_s,omitempty"`
	// Stages are those of a job that has more than whole frames, in their order. The counts above are of all their tasks.
	// They are found when the job is looked at, and not kept; lists of jobs have those of jobs in progress, and of done ones.
	Stages []StageProgress `json:"stages,omitempty"`
}

// StageProgress is what the tasks of a stage have come to.
type StageProgress struct {
	Stage   Stage `json:"stage"`
	Total   int   `json:"total"`   // tasks: bakes, frames or parts of frames, frames that are finished, films
	Done    int   `json:"done"`    // done and accepted
	Failed  int   `json:"failed"`  // given up, and what cannot be done without them
	Running int   `json:"running"` // leased now
	Queued  int   `json:"queued"`  // what waits for a worker, or for other tasks
}

// FramesDone is how many frames are there whole, of how many. Those of a job of several stages are known from Stages; ok is
// false when it has none of frames.
func (p *Progress) FramesDone() (done, total int, ok bool) {
	if len(p.Stages) == 0 {
		return p.Done, p.Total, true
	}
	for _, s := range p.Stages {
		if s.Stage == StageRender || s.Stage == StageFinish {
			done, total, ok = s.Done, s.Total, true
		}
	}
	return done, total, ok
}

// TimeLeft is how many seconds are left with some frames under way, of which parts are done that add up to begun frames:
// what is left at the mean time of a frame. 0: not known.
func (p *Progress) TimeLeft(underWay int, begun float64) float64 {
	if p.Done == 0 || p.Seconds <= 0 || underWay == 0 {
		return 0
	}
	return max(float64(p.Total-p.Done-p.Failed)-begun, 0) * p.Seconds / float64(p.Done) / float64(underWay)
}

// Queued is the number of frames that wait.
func (p Progress) Queued() int { return p.Total - p.Done - p.Failed - p.Running }

// Plan places the job's tasks in their order. A chunk or a number of parts that no job may have, as a damaged record does,
// counts as the nearest that may be.
func (s *JobSpec) Plan() *Plan {
	l := Layout{Frames: s.Pictures(), Chunk: min(max(1, s.Chunk), MaxChunk), Order: s.Order}
	p := MakePlan(l, min(len(s.Bakes), MaxBakes), min(max(0, s.Parts()), MaxParts), s.Films())
	if s.Process != nil && !p.Staged() {
		p.Levels = s.Process.Levels()
		if end := l.Positions(); len(p.Levels) > 0 && p.Levels[len(p.Levels)-1] >= end { // of a damaged record
			p.Levels = nil
		}
	}
	return &p
}

// Parts is how many parts each frame is rendered in; 0: it is rendered whole.
func (s *JobSpec) Parts() int { return max(s.Tiles.Count(), s.Samples) }

// Limits of what a job may ask.
const (
	MaxChunk    = 10_000
	MaxPriority = 100
	MaxAttempts = 100
	MaxFiles    = 200_000
	MaxName     = 200 // bytes
	MaxFPS      = 1000
	maxList     = 1_000

	MaxSampleParts = 64   // of a frame
	MaxOverscan    = 1024 // pixels on each side of a tile

	maxPartTasks = 1 << 20 // of a job whose frames are rendered in parts
)

// Lacks names what the job asks for and is not among the results of a frame; "" when all is there.
func (s *JobSpec) Lacks(results []Result) string {
	if s.Inspect {
		if !slices.ContainsFunc(results, func(r Result) bool { return r.Kind == KindReport }) {
			return "the report"
		}
		return ""
	}
	if s.Process != nil { // commands leave what they leave
		return ""
	}
	return s.Options.Lacks(results)
}

// Defaults fills what was left out. Of an inspection it sets what it is to be.
func (s *JobSpec) Defaults() {
	if s.Inspect && s.Probe {
		if s.Frames.Count() > 0 {
			s.Frames = Frames(s.Frames.First())
		}
		o := &s.Options
		s.Chunk, s.Order, s.Keep, s.Tiles, s.Samples, s.Bakes, s.InOrder, s.Film, s.Views = 1, Linear, false, Tiles{}, 0, nil, false, nil, nil
		s.Options = Options{EXR: "none", Scripts: o.Scripts, Threads: o.Threads, Engine: o.Engine, Colours: o.Colours}
	} else if s.Inspect {
		n := &s.Needs
		s.Frames, s.Chunk, s.Order, s.Keep = Frames(InspectionFrame), 1, Linear, false
		s.Options, s.Tiles, s.Samples, s.FPS, s.Film = Options{EXR: "none"}, Tiles{}, 0, 0, nil
		s.Bakes, s.InOrder, s.Views = nil, false, nil
		s.Needs = Needs{Allow: n.Allow, Deny: n.Deny, Tags: n.Tags, Blender: n.Blender, Shared: n.Shared}
	}
	if s.Process != nil && !s.Inspect {
		s.Process.defaults(s)
	}
	if s.Chunk == 0 {
		s.Chunk = 1
	}
	if s.Priority == 0 {
		s.Priority = 1
	}
	if s.Order == "" {
		s.Order = Linear
	}
	if s.Options.EXR == "" {
		s.Options.EXR = "full"
	}
	s.JoinViews()
	s.Chunk = min(s.Chunk, max(1, s.Pictures().Count()))
	if s.InOrder {
		s.Chunk, s.Order = max(1, s.Frames.Count()), Linear
	}
	if s.Name = strings.TrimSpace(s.Name); s.Name == "" {
		s.Name = strings.TrimSuffix(s.Blend[strings.LastIndexByte(s.Blend, '/')+1:], ".blend")
	}
}

// Check refuses a job that makes no sense, with a sentence.
func (s *JobSpec) Check() error {
	switch {
	case s.Frames.Count() == 0:
		return Errorf(Invalid, "the job has no frames").WithHint("name some, as 1-250")
	case s.Chunk < 1 || s.Chunk > MaxChunk:
		return Errorf(Invalid, "a chunk has 1 to %d frames, not %d", MaxChunk, s.Chunk)
	case s.Priority < 1 || s.Priority > MaxPriority:
		return Errorf(Invalid, "a priority is a whole number from 1 to %d, not %d", MaxPriority, s.Priority)
	case !s.Order.Valid():
		return Errorf(Invalid, "%q is not a frame order", clip(string(s.Order), 40)).WithHint("use linear, reverse or outside-in")
	case s.Attempts < 0 || s.Attempts > MaxAttempts:
		return Errorf(Invalid, "attempts are 1 to %d, not %d", MaxAttempts, s.Attempts)
	case !s.Tiles.ok():
		return Errorf(Invalid, "a frame has 1 to %d tiles in each direction, and at most %d in all", maxTiles, MaxParts).WithHint("write them as 4x3")
	case s.Probe && !s.Inspect:
		return Errorf(Invalid, "a probe is a kind of inspection").WithHint("submit it with inspect set as well")
	case s.Samples != 0 && s.Tiles.Count() > 0:
		return Errorf(Invalid, "a frame is cut into tiles or into parts of its samples, not both").WithHint("leave out one of --tiles and --samples-split")
	case s.Samples != 0 && (s.Samples < 2 || s.Samples > MaxSampleParts):
		return Errorf(Invalid, "the samples of a frame are shared out in 2 to %d parts, not %d", MaxSampleParts, s.Samples)
	case s.Samples != 0 && s.engine() != "" && s.engine() != "CYCLES":
		return Errorf(Invalid, "only Cycles renders parts of the samples of a frame, and this scene is rendered with %s", clip(s.engine(), 40)).
			WithHint("cut its frames into tiles: --tiles 4x3")
	case s.Parts() > 0 && s.Pictures().Count()*(s.Parts()+1) > maxPartTasks:
		return Errorf(TooLarge, "%d frames in %d parts each are over %d tasks", s.Pictures().Count(), s.Parts(), maxPartTasks).
			WithHint("use fewer parts, or several jobs")
	case s.Parts() > 0 && !s.Options.Asks():
		return Errorf(Invalid, "parts of frames of which nothing is kept cannot be put together")
	case s.Options.Overscan < 0 || s.Options.Overscan > MaxOverscan:
		return Errorf(Invalid, "the overscan of a tile is 0 to %d pixels, not %d", MaxOverscan, s.Options.Overscan)
	case (s.Options.Overscan > 0 || s.Options.KeepAdaptive) && s.Tiles.Count() == 0:
		return Errorf(Invalid, "overscan and keeping adaptive sampling are for frames in tiles").WithHint("say how many with --tiles 4x3")
	case s.Film != nil && !s.Film.Format.Valid():
		return Errorf(Invalid, "%q is not a kind of film", clip(string(s.Film.Format), 40)).WithHint("use %s", FilmFormatNames())
	case s.Film != nil && !s.Options.Outputs && s.Options.EXR == "none":
		return Errorf(Invalid, "a film cannot be made of frames of which no picture is kept").WithHint("keep the scene's own outputs")
	case s.Film != nil && s.filmFrames() > MaxFilmFrames:
		return Errorf(TooLarge, "a film has at most %d frames, not %d", MaxFilmFrames, s.filmFrames()).WithHint("use several jobs")
	case s.Timeout < 0:
		return Errorf(Invalid, "a time limit cannot be negative")
	case !(s.FPS >= 0 && s.FPS <= MaxFPS): // not a number neither
		return Errorf(Invalid, "a film has 0 to %d frames a second, not %g", MaxFPS, s.FPS)
	case s.Options.Threads < 0 || s.Options.Threads > 1024:
		return Errorf(Invalid, "render threads are 1 to 1024, not %d", s.Options.Threads)
	case s.Options.EXR != "full" && s.Options.EXR != "half" && s.Options.EXR != "none":
		return Errorf(Invalid, "%q is not a kind of EXR result", clip(s.Options.EXR, 40)).WithHint("use full, half or none")
	case strings.TrimSpace(s.Name) == "" || len(s.Name) > MaxName:
		return Errorf(Invalid, "a job's name is 1 to %d bytes long", MaxName)
	case s.Blend == "":
		return Errorf(Invalid, "the job names no .blend file")
	case s.Options.CopyTo != "" && (len(s.Options.CopyTo) > 4096 || !isFolder(s.Options.CopyTo)):
		return Errorf(Invalid, "%q is not a folder to copy to", clip(s.Options.CopyTo, 100)).WithHint("write an absolute path, as /mnt/renders/shot")
	case s.Options.Engine == OwnEngine:
		return Errorf(Invalid, "the engine Network Render sends to the farm and renders nothing").WithHint("name the engine that renders, as CYCLES or BLENDER_EEVEE")
	case s.Options.Engine != "" && !engineName.MatchString(s.Options.Engine):
		return Errorf(Invalid, "%q is not an engine's name", clip(s.Options.Engine, 40)).WithHint("write it as Blender does: CYCLES, BLENDER_EEVEE, BLENDER_EEVEE_NEXT, BLENDER_WORKBENCH")
	case len(s.Key) > MaxName:
		return Errorf(Invalid, "the submission key is over %d bytes long", MaxName)
	}
	for _, list := range [][]string{s.Needs.Allow, s.Needs.Deny, s.Needs.Tags} {
		if len(list) > maxList {
			return Errorf(TooLarge, "a list of workers or tags has over %d entries", maxList)
		}
	}
	if len(s.Needs.OS) > maxList || len(s.Needs.Arch) > maxList || s.Needs.Cores < 0 {
		return Errorf(Invalid, "what the job asks of machines makes no sense")
	}
	if s.Process != nil {
		if err := s.Process.check(s); err != nil {
			return err
		}
	}
	if err := s.checkViews(); err != nil {
		return err
	}
	if err := s.checkShared(); err != nil {
		return err
	}
	if err := s.checkBakes(); err != nil {
		return err
	}
	return s.checkAddons()
}

// File is one entry of a job's manifest.
type File struct {
	Path     string `json:"path"`     // where it lies below the job's folder, with slashes
	Original string `json:"original"` // its path in the scene, as the scene names it
	Size     int64  `json:"size"`
	Ref      string `json:"sha256"`
	First    *int   `json:"first,omitempty"` // frames that need it; both nil: all
	Last     *int   `json:"last,omitempty"`
	Bake     int    `json:"bake,omitempty"` // the bake of the job that made it, counted from 1; 0: it came with the scene
}

// JobState is where a job stands.
type JobState string

// The states of a job, each with who moves it on.
const (
	Collecting JobState = "collecting" // files are missing; the client's uploads move it on (or the last running frame ends it)
	Queued     JobState = "queued"     // no frame was handed out yet; the first lease moves it on
	Active     JobState = "active"     // frames are rendered; the last report moves it on
	Paused     JobState = "paused"     // no frame is handed out; a person moves it on (or the last running frame ends it)
	Done       JobState = "done"       // every frame is there
	Failed     JobState = "failed"     // some frames were given up, nothing is left to do; a retry moves it on
	Canceled   JobState = "canceled"   // a person stopped it; a retry moves it on
)

// transitions is the one table of what may follow what.
var transitions = map[JobState][]JobState{
	Collecting: {Queued, Active, Paused, Done, Failed, Canceled},
	Queued:     {Collecting, Active, Paused, Canceled}, // collecting again: a file was found damaged
	Active:     {Collecting, Paused, Done, Failed, Canceled},
	Paused:     {Collecting, Queued, Active, Done, Failed, Canceled},
	Done:       {Collecting, Active},
	Failed:     {Collecting, Active},
	Canceled:   {Collecting, Queued, Active},
}

// JobStates lists all states, for tables and constraints.
func JobStates() []JobState {
	return []JobState{Collecting, Queued, Active, Paused, Done, Failed, Canceled}
}

// May tells whether to may follow s.
func (s JobState) May(to JobState) bool {
	for _, t := range transitions[s] {
		if t == to {
			return true
		}
	}
	return false
}

// Ended tells whether nothing more happens by itself.
func (s JobState) Ended() bool { return s == Done || s == Failed || s == Canceled }

// Dispatches tells whether frames are handed out in this state.
func (s JobState) Dispatches() bool { return s == Queued || s == Active }

// Version is a Blender version; parts left out are 0.
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads `4`, `4.5` or `4.5.3`; a fourth part and what follows a blank or dash are ignored.
func ParseVersion(text string) (Version, error) {
	body, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	body, _, _ = strings.Cut(body, "-")
	var v Version
	parts := strings.Split(body, ".")
	for i, p := range []*int{&v.Major, &v.Minor, &v.Patch} {
		if i >= len(parts) {
			break
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > 99999 {
			return Version{}, Errorf(Invalid, "%q is not a Blender version", clip(text, 40)).WithHint("write it as 4.5 or 4.5.3")
		}
		*p = n
	}
	return v, nil
}

// Before tells whether v is older than w.
func (v Version) Before(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}

// IsZero tells whether no version is named.
func (v Version) IsZero() bool { return v == Version{} }

func (v Version) String() string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) + "." + strconv.Itoa(v.Patch)
}

// MarshalText writes the version as String does; no version is empty text.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads what ParseVersion reads; empty text is no version.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	w, err := ParseVersion(string(text))
	if err == nil {
		*v = w
	}
	return err
}
