package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// jobOptions are the settings of a job.
type jobOptions struct {
	frames       string
	name         string
	priority     int
	chunk        int
	order        string
	attempts     int
	timeout      time.Duration
	allow, deny  []string
	tags         []string
	scripts      bool
	scriptsFail  bool
	exr          string
	noOutputs    bool
	noPreview    bool
	threads      int
	memory       string
	gpu          string
	anyBlender   bool
	allowMissing bool
	blender      []string
	addons       []string
	shared       []string
	copyTo       string
	pack         bool
	unsaved      string
	collected    string
	engine       string
	tiles        string
	film         string
	noFilm       bool
	bake         bool
	inOrder      bool
	samplesSplit string
	overscan     int
	keepAdaptive bool
	views        client.Choice
}

// gpuKinds are the devices that Blender knows by these names.
var gpuKinds = []string{"cuda", "optix", "hip", "oneapi", "metal"}

func jobSettings(c *cobra.Command, o *jobOptions) {
	f := c.Flags()
	f.StringVarP(&o.frames, "frames", "f", "", "frames, as 1-250 or 1,5,9 or 1-100x5 or -10--5 (default: the scene's own range)")
	f.StringVar(&o.name, "name", "", "the job's name (default: the file's)")
	f.IntVarP(&o.priority, "priority", "p", 1, "1 to 100; a job of priority 2 counts as two jobs")
	f.IntVar(&o.chunk, "chunk", 1, "frames handed out together")
	f.StringVar(&o.tiles, "tiles", "", "render each frame in so many tiles, as 4x3, on as many workers, or auto; they are put together and finished as one frame")
	f.StringVar(&o.samplesSplit, "samples-split", "", "render each frame in so many parts of its samples, 2 to 64, on as many workers, or auto (Cycles); they are merged and finished as one frame")
	f.IntVar(&o.overscan, "overscan", 0, "render so many pixels more on each side of a tile, for effects that look at neighbours")
	f.BoolVar(&o.keepAdaptive, "keep-adaptive", false, "leave adaptive sampling on in tiles: quicker, but pixels near the cuts differ from those of a whole frame")
	f.StringSliceVar(&o.views.Scenes, "scenes", nil, "render these scenes of the file, or all, each with its own frames (or --frames)")
	f.StringSliceVar(&o.views.Cameras, "cameras", nil, "render by each of these cameras, or all")
	f.StringSliceVar(&o.views.Layers, "view-layers", nil, "render each of these view layers by itself, or all: on as many workers; the compositor finds the others empty")
	f.StringVar(&o.film, "film", "", "make a film of the frames, with the scene's sound, when they are done: auto (the scene's own encoding when its output is a movie, else as mp4, else as webm), scene, mp4 (H.264), webm (VP9 or AV1) or lossless (FFV1)")
	f.Lookup("film").NoOptDefVal = "auto"
	f.BoolVar(&o.noFilm, "no-film", false, "make no film, although the scene's own output is a movie")
	f.BoolVar(&o.bake, "bake", false, "have the farm compute the scene's simulations first that are not baked; frames read their caches (see netrender fetch --caches)")
	f.BoolVar(&o.inOrder, "in-order", false, "render the frames on one worker, which plays the animation from its beginning first, for simulations that are not baked; a frame that is retried is rendered alone, after the animation was played up to it")
	f.StringVar(&o.order, "order", string(farm.Linear), "linear, reverse or outside-in")
	f.IntVar(&o.attempts, "attempts", 0, "failed attempts before a frame is failed (default: the farm's rule)")
	f.DurationVar(&o.timeout, "timeout", 0, "longest a frame may take, as 20m or 2h")
	f.StringSliceVar(&o.allow, "allow", nil, "only these workers")
	f.StringSliceVar(&o.deny, "deny", nil, "not these workers")
	f.StringSliceVar(&o.tags, "need-tags", nil, "only workers that have all of these tags")
	f.BoolVar(&o.scripts, "scripts", false, "let the scene's own Python run, on workers that allow it")
	f.BoolVar(&o.scriptsFail, "fail-on-script-error", false, "fail frames when the scene's own Python raises or a driver does not work (else: a warning)")
	f.StringVar(&o.exr, "exr", "full", "multilayer EXR of every frame: full, half or none")
	f.BoolVar(&o.noOutputs, "no-outputs", false, "leave out the files that the scene itself writes")
	f.BoolVar(&o.noPreview, "no-preview", false, "leave out the preview pictures")
	f.IntVar(&o.threads, "threads", 0, "render threads for each frame (default: all)")
	f.StringVar(&o.memory, "memory", "", "only workers with at least so much memory, as 16GB")
	f.StringVar(&o.gpu, "gpu", "", "only workers whose slots use such a device: cuda, optix, hip, oneapi or metal")
	f.BoolVar(&o.anyBlender, "any-blender", false, "let workers with an older Blender than the scene's try it")
	f.BoolVar(&o.allowMissing, "allow-missing", false, "go on although files of the scene are missing")
	f.StringArrayVar(&o.addons, "addon", nil, "an add-on that the scene needs: its name where workers have it, or a zip file to send along (needs --scripts)")
	f.StringArrayVar(&o.shared, "shared", nil, "a folder that the workers see as well: its files are not sent where all of them do (see netrender worker --shared)")
	f.StringVar(&o.copyTo, "copy-to", "", "have the workers copy results to this folder as well, which they must allow (netrender worker --copy-root)")
	f.BoolVar(&o.pack, "pack", false, "send pictures, sounds and fonts inside the .blend, not beside it; your file is not changed")
	f.StringVar(&o.unsaved, "unsaved", "", "send this copy of FILE.blend, which holds changes that were not saved to it")
	f.StringVar(&o.collected, "collected", "", "what the scene is and reads, as a Blender that has it open collected it (JSON): none is started to read it")
	f.StringVar(&o.engine, "engine", "", "render with this engine instead of the scene's own, as Blender names it: CYCLES, BLENDER_EEVEE, BLENDER_EEVEE_NEXT or BLENDER_WORKBENCH")
	f.StringSliceVar(&o.blender, "blender", nil, "Blender to read the scene with (default: the newest found)")
}

// spec makes what the artist asked for out of the flags.
func (o *jobOptions) spec() (farm.JobSpec, error) {
	s := farm.JobSpec{
		Name: o.name, Priority: o.priority, Chunk: o.chunk, Order: farm.Order(o.order), Attempts: o.attempts,
		Timeout: int(o.timeout.Round(time.Second).Seconds()),
		Needs:   farm.Needs{Allow: o.allow, Deny: o.deny, Tags: o.tags, GPU: o.gpu},
		Options: farm.Options{Scripts: o.scripts, EXR: o.exr, Outputs: !o.noOutputs, Preview: !o.noPreview, Threads: o.threads, FailOnScriptError: o.scriptsFail, Engine: o.engine, CopyTo: o.copyTo, Overscan: o.overscan, KeepAdaptive: o.keepAdaptive},
	}
	s.InOrder = o.inOrder
	if !o.views.Empty() && o.inOrder {
		return s, usagef("--in-order is for one view: leave out --scenes, --cameras and --view-layers, or submit a job for each")
	}
	if o.bake && o.inOrder {
		return s, usagef("use --bake or --in-order, not both: what is baked need not be rendered in order")
	}
	if o.frames != "" {
		set, err := farm.ParseFrameSet(o.frames)
		if err != nil {
			return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		s.Frames = set
	}
	if o.tiles != "" && o.samplesSplit != "" {
		return s, usagef("a frame is cut into tiles or into parts of its samples: leave out one of --tiles and --samples-split")
	}
	switch o.tiles {
	case "":
	case auto:
		s.Tiles = farm.Tiles{X: 1, Y: 1} // until it is decided
	default:
		tiles, err := farm.ParseTiles(o.tiles)
		if err != nil {
			return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		s.Tiles = tiles
	}
	switch o.samplesSplit {
	case "":
	case auto:
		s.Samples = 2 // until it is decided
	default:
		n, err := strconv.Atoi(o.samplesSplit)
		if err != nil || n == 0 {
			return s, usagef("--samples-split is a number of parts from 2 to %d or auto, not %q", farm.MaxSampleParts, o.samplesSplit)
		}
		s.Samples = n
	}
	if o.film != "" {
		film, err := farm.ParseFilm(o.film)
		if err != nil {
			return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		s.Film = film
	}
	if o.film != "" && o.noFilm {
		return s, usagef("--film and --no-film do not go together")
	}
	if o.collected != "" && o.pack {
		return s, usagef("--collected and --pack do not go together: the packed copy is another scene, which is read anew")
	}
	if o.memory != "" {
		n, err := parseSize(o.memory)
		if err != nil {
			return s, err
		}
		s.Needs.MemoryMB = int(n >> 20)
	}
	if s.Needs.GPU != "" && !slices.Contains(gpuKinds, s.Needs.GPU) {
		return s, usagef("a device is %s, not %q", strings.Join(gpuKinds, ", "), s.Needs.GPU)
	}
	names, zips, err := o.splitAddons()
	if err != nil {
		return s, err
	}
	s.Needs.Addons = names
	check := s
	check.Needs.AddonFiles = zips
	check.Blend, check.Frames = "x.blend", farm.Frames(1)
	check.Defaults()
	if err := check.Check(); err != nil {
		return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	if !check.Options.Asks() {
		return s, usagef("with --exr none, --no-outputs and --no-preview nothing of the job would be kept")
	}
	return s, nil
}

// imply has a film made of a scene whose own output is a movie, where that was not asked for or against. A single frame is
// none.
func (o *jobOptions) imply(s *farm.JobSpec, movie bool) bool {
	if !movie || o.noFilm || s.Film != nil || s.Frames.Count() < 2 {
		return false
	}
	s.Film = &farm.Film{}
	if s.Check() != nil { // it has no pictures, or too many
		s.Film = nil
	}
	return s.Film != nil
}
