package blender

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// collectLimit is how long Collect waits for Blender unless it is told otherwise: a big scene on a cold file server is slow.
const collectLimit = 15 * time.Minute

// answerLimit bounds the collector's answer, in bytes: about two million files.
const answerLimit = 1 << 30

// Collection is what a .blend reads and what its scene is.
type Collection struct {
	Blend string          `json:"blend"` // absolute; in a collector's answer the place where it lies, or would
	Scene CollectedScene  `json:"scene"`
	Files []CollectedFile `json:"files"` // sorted by path; each once; without the .blend itself
	// Warnings are sentences about files that could not be found out, or that cannot be sent.
	Warnings []string `json:"warnings"`
	// Simulations are those of the scene that are not baked, in an order that is the same for the same scene.
	Simulations []Simulation `json:"simulations"`
	// Every are the scenes of the file itself, in its order, the one that renders too; nil of answers from before they were told.
	Every []Brief `json:"every"`
}

// CollectedFile is a file that the scene reads.
type CollectedFile struct {
	// Path is where the file is on this machine: absolute, or, of a file that is missing, what another platform calls absolute.
	Path string `json:"path"`
	// Original is the path as the .blend or its library stores it, "//" for its own folder; of a sequence, a tile or a cache
	// the stored path with this file's name in its place.
	Original string `json:"original"`
	// Kind says what it is, for people: image, image sequence, image tile, movie, movie clip, library, sound, font, strip,
	// movie index, volume, volume sequence, cache file, USD layer, mesh cache, sculpted detail, ocean cache, fluid cache,
	// point cache, geometry nodes bake, IES light, OSL script, OSL file, imported geometry, colour configuration, colour
	// table, other.
	Kind string `json:"kind"`
	// Users are datablocks that need it, with their kinds: "Image floor.png", "Material Floor". The first one names the path.
	Users []string `json:"users"`
	// Missing: it is not there, or cannot be named. A whole cache that is missing is named by its folder.
	Missing bool `json:"missing"`
	// Needed: the scene that renders reaches one of the users. Other files belong to other scenes or to nothing at all, and a
	// render does not miss them; a linked library that is not needed still makes Blender say so when it opens the file.
	Needed bool `json:"needed"`
	// First and Last bound the frames of the scene that need the file, inclusive; nil: no bound.
	First *int `json:"first"`
	Last  *int `json:"last"`
}

// Paths are those of the files, in their order.
func (c *Collection) Paths() []string {
	paths := make([]string, len(c.Files))
	for i := range c.Files {
		paths[i] = c.Files[i].Path
	}
	return paths
}

// ColourConfiguration is the kind of the file, one at most, that Blender must be given as OCIO when it starts.
const ColourConfiguration = "colour configuration"

// CollectedScene are the facts of the scene that renders.
type CollectedScene struct {
	Name         string   `json:"name"`
	Scenes       []string `json:"scenes"`        // of the file, in its order
	Engine       string   `json:"engine"`        // as SceneFacts.Engine
	Camera       string   `json:"camera"`        // "" for none; a camera bound to a marker counts
	Cameras      []string `json:"cameras"`       // names of the scene's cameras, and of those bound to its markers
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
	OutputPath   string   `json:"output_path"`   // the same, absolute; it ends in a separator when it names a folder
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
	NoEngine     bool     `json:"no_engine"`     // the install does not have Engine: an add-on that is not enabled holds it
	SavedBy      string   `json:"saved_by"`      // Blender that wrote the file: "4.5.15", the last number not a release but a file version
	Blender      string   `json:"blender"`       // Blender that read it: "4.5.15 LTS"
}

// Brief is what there is to choose from in a scene of the file.
type Brief struct {
	Name       string   `json:"name"`
	FrameStart int      `json:"frame_start"`
	FrameEnd   int      `json:"frame_end"` // inclusive
	FrameStep  int      `json:"frame_step"`
	Engine     string   `json:"engine"`
	Camera     string   `json:"camera"`  // "" for none
	Cameras    []string `json:"cameras"` // in the scene's order
	Layers     []string `json:"layers"`  // view layers that render
}

// CollectOptions say how Collect works; the zero value is good but for Environ.
type CollectOptions struct {
	Scene string // of the file; "" is the one that was active when it was saved
	// Others are scenes that are rendered as well, each with its own range where Frames are empty; All: every one.
	Others []string
	All    bool
	Frames []int // that will be rendered, in any order; empty: the scene's own range and step
	// Place is where the .blend would lie, when it is a copy of another; "": where it lies.
	Place string
	// Engine will render the scene instead of its own, which need not be there; "": its own.
	Engine string
	// Addons are enabled before the file is opened; one that cannot be is NoAddon.
	Addons []Addon
	// Temp is an existing folder for a private one that is removed at the end; "": the system's.
	Temp string
	// Runner is as in Options; empty: Install.Runner.
	Runner []string
	// Environ is as in Options: the caller passes os.Environ().
	Environ []string
	// Limit bounds the time Blender may take; 0: 15 minutes.
	Limit time.Duration
	// Original and Mapped are as Scene's Original and Files: the .blend is read with its files where they lie now.
	Original string
	Mapped   map[string]string
	// Fence confines Blender, where CanFence; what the install and the collector need is added. Nil: not confined.
	Fence *Fence
	// Log takes what Blender says, besides the errors; nil: nothing does.
	Log io.Writer
	// Started is told of the process that Blender's descend from; may be nil.
	Started func(pid int)
}

// Collect has Blender open a .blend, with its scripts off, and say what it reads. The file is not changed and nothing is
// rendered. Files that are not there are no error but Missing. Errors are *Error: NoFile, NotBlend, Truncated and TooNew
// (both mostly without starting Blender), NoScene, NoAddon, NoStart, Crashed, Agent, BadTalk, and Killed when ctx or Limit ends it.
func Collect(ctx context.Context, in Install, blend string, opts CollectOptions) (Collection, error) {
	answer, log, err := runScript(ctx, in, "collect.py", "looking for the files of", blend, opts, map[string]any{
		"scene": opts.Scene, "others": opts.Others, "all": opts.All, "frames": opts.Frames, "place": opts.Place, "engine": opts.Engine, "original": opts.Original, "mapped": opts.Mapped,
	})
	if err != nil {
		return Collection{}, err
	}
	if engine := lostEngine(log, answer.Scene.Name); engine != "" && opts.Engine == "" {
		answer.Scene.Engine, answer.Scene.NoEngine = engine, true
	}
	return answer.Collection, nil
}

// Pack has Blender write a copy of a .blend that holds what can be packed into it: pictures, sounds and fonts. Relative
// paths of the copy lead from where it lies; what it needs besides is found by Collect, with Place. The .blend is not
// changed. It must be of the install's own series: another one would be changed over. It returns sentences about what
// could not be packed. Errors are those of Collect, NoStart when the series is another, and NoEngine, whose message is the
// engine's name, when the copy would be one of EEVEE because the install lacks the scene's own.
func Pack(ctx context.Context, in Install, blend, packed string, opts CollectOptions) (warnings []string, err error) {
	if saved, err := readHead(blend); err != nil {
		return nil, err
	} else if saved != (series{}) && saved.String() != in.Series {
		return nil, &Error{Kind: NoStart, Message: fmt.Sprintf("%s was made by Blender %s, which packs it as it is; this is Blender %s", filepath.Base(blend), saved, in.Version)}
	}
	answer, log, err := runScript(ctx, in, "pack.py", "packing", blend, opts, map[string]any{"copy": packed})
	if err != nil {
		return answer.Warnings, err
	}
	if engine := lostEngine(log, answer.Scene.Name); engine != "" && opts.Engine == "" {
		return answer.Warnings, &Error{Kind: NoEngine, Message: engine}
	}
	_, err = readHead(packed)
	return answer.Warnings, err
}

// runScript has an install run one of the collector's scripts on a .blend. Doing says what, for people.
func runScript(ctx context.Context, in Install, script, doing, blend string, opts CollectOptions, request map[string]any) (answer collectorAnswer, said string, err error) {
	blend, err = filepath.Abs(blend)
	if err != nil {
		return answer, "", &Error{Kind: NoFile, Message: "the scene's path cannot be made absolute: " + err.Error(), cause: err}
	}
	name := filepath.Base(blend)
	saved, err := readHead(blend)
	if err != nil {
		return answer, "", err
	}
	if saved.after(in.Version) {
		return answer, "", &Error{Kind: TooNew, Message: fmt.Sprintf("%s was made by Blender %s; this is Blender %s", name, saved, in.Version)}
	}
	home, err := os.MkdirTemp(opts.Temp, "netrender-collect-")
	if err != nil {
		return answer, "", &Error{Kind: NoStart, Message: "no temporary folder can be made: " + err.Error(), cause: err}
	}
	defer os.RemoveAll(home)
	request["blend"], request["addons"] = blend, opts.Addons
	place, err := layCollector(home, script, request)
	if err != nil {
		return answer, "", &Error{Kind: NoStart, Message: "the collector cannot be written: " + err.Error(), cause: err}
	}
	limit := cmp.Or(opts.Limit, collectLimit)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if len(opts.Runner) > 0 {
		in.Runner = opts.Runner
	}
	fence := ""
	if opts.Fence != nil {
		fence = filepath.Join(home, "fence.json")
		f := opts.Fence.around(in, opts.Environ, home)
		f.Read = append(f.Read, folders(opts.Addons)...)
		if err := f.write(fence); err != nil {
			return answer, "", &Error{Kind: NoStart, Message: "the fence cannot be written: " + err.Error(), cause: err}
		}
	}
	cmd := runnerCommand(limited, in.Runner, 0, fence, in.argv(place.script, false, "", place.request))
	cmd.Env, cmd.Dir = environment(opts.Environ, home, place.tmp, nil), place.tmp
	var log limitedBuffer
	var out io.Writer = &log
	if opts.Log != nil {
		out = io.MultiWriter(&log, opts.Log)
	}
	cmd.Stdout, cmd.Stderr = out, out
	running := cmd.Start()
	if running == nil {
		if opts.Started != nil {
			opts.Started(cmd.Process.Pid)
		}
		running = cmd.Wait()
	}
	answer, err = readAnswer(place.result)
	if err == nil && answer.Error == nil {
		answer.Blend = blend
		return answer, log.String(), nil
	}
	failure := &Error{Kind: BadTalk, Message: "Blender's answer about " + name + " makes no sense", cause: err}
	if cmd.ProcessState != nil {
		failure.Status = cmd.ProcessState.ExitCode()
	}
	switch {
	case err == nil:
		failure.Kind, failure.Message = answer.Error.Kind, answer.Error.Message
	case ctx.Err() != nil:
		failure.Kind, failure.Message, failure.cause = Killed, doing+" "+name+" was stopped", ctx.Err()
	case limited.Err() != nil:
		failure.Kind, failure.cause = Killed, limited.Err()
		failure.Message = fmt.Sprintf("Blender took longer than %s: %s %s", limit, doing, name)
	case cmd.ProcessState == nil:
		failure.Kind, failure.Message, failure.cause = NoStart, "Blender cannot be started: "+running.Error(), running
	case errors.Is(err, os.ErrNotExist) && running != nil:
		failure.Kind, failure.cause = Crashed, running
		failure.Message = fmt.Sprintf("Blender (%s) %s while it read %s", in.Path, statusText(failure.Status), name)
	}
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(log.String(), "\uFFFD")), "\n")
	failure.Log = lines[max(0, len(lines)-lastLines):]
	if failure.Kind == Crashed && strconv.Itoa(failure.Status) == pythonExitCode {
		failure.Kind, failure.Message = Agent, doing+" "+name+" failed: "+raised(failure)
	}
	return collectorAnswer{}, "", failure
}

// exception is the last line of what Python says of one.
var exception = regexp.MustCompile(`^[A-Za-z_][\w.]*(Error|Exception)\b`)

// raised is what a script raised. What Blender says for itself may come after it: the two have buffers of their own.
func raised(e *Error) string {
	for i := len(e.Log) - 1; i >= 0; i-- {
		if exception.MatchString(e.Log[i]) {
			return e.Log[i]
		}
	}
	return e.lastLine()
}

// lostEngine is the engine of the scene, when Blender said that it does not have it. It says so nowhere else: from then on
// the scene's engine is EEVEE (readfile: "Engine '%s' not available for scene '%s' ...").
func lostEngine(log, scene string) string {
	for line := range strings.Lines(log) {
		_, rest, found := strings.Cut(line, "Engine '")
		engine, rest, ends := strings.Cut(rest, "' not available for scene '")
		if found && ends && strings.HasPrefix(rest, scene+"' (") {
			return engine
		}
	}
	return ""
}

// collectorRun are the files of one run of the collector; all lie in its private folder.
type collectorRun struct{ script, request, result, tmp string }

// layCollector writes the scripts and the request into home.
func layCollector(home, script string, request map[string]any) (collectorRun, error) {
	place := collectorRun{
		request: filepath.Join(home, "request.json"),
		result:  filepath.Join(home, "result.json"),
		tmp:     filepath.Join(home, "tmp"),
	}
	agent, err := unpackAgent(home)
	if err != nil {
		return place, err
	}
	scripts, err := unpackCollector(home)
	if err != nil {
		return place, err
	}
	place.script = filepath.Join(scripts, script)
	request["agent"], request["result"], request["scratch"] = agent, place.result, place.tmp
	text, err := json.Marshal(request)
	if err != nil {
		return place, err
	}
	if err := os.Mkdir(place.tmp, 0o700); err != nil {
		return place, err
	}
	if err := os.WriteFile(place.request, text, 0o600); err != nil {
		return place, err
	}
	return place, nil
}

// collectorAnswer is what collect.py writes.
type collectorAnswer struct {
	Collection
	// File is the .blend as it was on the disk when an open Blender collected; nil: not said.
	File *struct {
		Changed int64 `json:"mtime_ns"` // since 1970
		Size    int64 `json:"size"`     // bytes
	} `json:"file"`
	Error *struct {
		Kind    ErrorKind `json:"kind"`
		Message string    `json:"message"`
	} `json:"error"`
}

func readAnswer(path string) (collectorAnswer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return collectorAnswer{}, err
	}
	if info.Size() > answerLimit {
		return collectorAnswer{}, fmt.Errorf("it has %d bytes", info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return collectorAnswer{}, err
	}
	return parseAnswer(data)
}

// parseAnswer believes nothing that the rest of the program relies on.
func parseAnswer(data []byte) (answer collectorAnswer, err error) {
	if err := json.Unmarshal(data, &answer); err != nil {
		return answer, err
	}
	for _, file := range answer.Files {
		if file.Path == "" || !file.Missing && !filepath.IsAbs(file.Path) {
			return answer, fmt.Errorf("%q is no absolute path", file.Path)
		}
	}
	return answer, nil
}
