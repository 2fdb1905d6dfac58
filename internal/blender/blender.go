// Package blender finds installs of Blender, starts resident sessions, drives them, kills their process trees and reads their logs.
//
// An install is a Blender executable, or a Python interpreter that can import the bpy module. A session is one Blender
// process that holds one scene open between renders; a scene is a .blend file together with the places its other files were
// moved to; a task is one frame to render; a result is the list of files that Blender wrote for it. The runner is the small
// process between us and Blender that keeps its process tree together (RunTree).
//
// The package knows nothing of farms: no jobs, no leases, no network but the private channel to the process it started.
package blender

import (
	"image"
	"io"
	"time"
)

// Scene names what Session.Open loads.
type Scene struct {
	// Blend is the absolute local path of the .blend file. It is never written to.
	Blend string
	// Original is the absolute path the .blend had where its Files were collected; "" when it has not moved. Relative
	// paths that lead out of the laid-out folder are resolved against it before they are looked up in Files.
	Original string
	// Files maps the original absolute path of a file (of any platform) to where it lies now. Paths it does not list are
	// left as they are. A folder of files mapped with their names kept also maps its unlisted neighbours: UDIM tiles,
	// image sequences, caches.
	Files map[string]string
	// Scripts lets the scene run its own Python: text blocks, drivers. The session must have been started with Scripts too.
	Scripts bool
	// Engine renders instead of the scene's own; "": the scene's own. An install that does not have it is NoEngine. EEVEE is
	// taken by either of its names.
	Engine string
	// Name selects a scene of the file; "" is the one that was active when the file was saved.
	Name string
	// Camera renders instead of the scene's own, also where markers of the timeline name others; "": those.
	Camera string
	// Layers are the view layers that are rendered; none: as the scene says.
	Layers []string
	// InOrder has a scene that is stateful (SceneFacts.Stateful) not opened anew before each frame: before the first, the
	// timeline is gone through once, from where the simulations begin up to the frame Until, and Blender remembers what it
	// simulated. Frames up to Until are then those of an animation that was played; a later one has it played anew.
	InOrder bool
	Until   int
	// Baked are simulations whose caches were made by Session.Bake and lie beside the .blend where CacheFile.Name says, those
	// of the frames that will be rendered at least. In memory they are set to be read; none of them is computed.
	Baked []Simulation
}

// SceneFacts is what Open found in the scene that will be rendered.
type SceneFacts struct {
	Name   string `json:"name"`
	Engine string `json:"engine"` // CYCLES, BLENDER_EEVEE, BLENDER_EEVEE_NEXT, BLENDER_WORKBENCH, ...
	Width  int    `json:"width"`  // pixels, resolution percentage applied
	Height int    `json:"height"` // pixels
	// PictureWidth and PictureHeight are the pixels of what is rendered: the frame, or the scene's own border in it.
	// Tiles are cut of that.
	PictureWidth  int `json:"picture_width"`
	PictureHeight int `json:"picture_height"`

	FrameStart int      `json:"frame_start"` //
	FrameEnd   int      `json:"frame_end"`   // inclusive
	FrameStep  int      `json:"frame_step"`  //
	FPS        float64  `json:"fps"`         // frames a second
	SavedBy    string   `json:"saved_by"`    // version of the Blender that wrote the file, "4.5.15"
	Format     string   `json:"format"`      // the scene's own file format as Blender names it: PNG, OPEN_EXR, FFMPEG, ...
	Movie      bool     `json:"movie"`       // the scene's own output is a movie: its frames are written as PNG
	Views      []string `json:"views"`       // suffixes of multi-view output, nil for one view
	Samples    int      `json:"samples"`     // render samples, 0 when the engine has none
	// Stateful says why a frame depends on the frames visited before it ("unbaked cloth on Shirt"); "" when it does not.
	// A stateful scene is opened anew before each frame after the first, so that every frame equals one rendered alone.
	Stateful string `json:"stateful"`
	// Missing lists files that the scene names and that are not there, as local paths.
	Missing []string `json:"missing"`
	// Mapped counts paths that were changed by Files.
	Mapped int `json:"mapped"`
	// Warnings are sentences: a node that cannot be redirected, a device that is not there.
	Warnings []string `json:"warnings"`
	// ScriptErrors are sentences: what the scene's own Python raised while it was opened. Blender goes on after that.
	ScriptErrors []string `json:"script_errors"`
	// OpenSeconds is what loading and mapping took.
	OpenSeconds float64 `json:"open_seconds"`
}

// EXR says how the multilayer EXR with every pass is kept.
type EXR string

// The depths of Task.EXR.
const (
	EXRNone EXR = "none" // no EXR
	EXRHalf EXR = "half" // 16-bit float, ZIP
	EXRFull EXR = "full" // 32-bit float, ZIP: exactly what Blender computed
)

// Task is one frame to render, or a part of one.
type Task struct {
	Frame int
	// OutDir is an absolute path of a folder that is empty or does not exist yet; every file of the result lies in it.
	OutDir string
	EXR    EXR
	// Outputs asks for the file that the scene's own output settings describe, and for the files of its File Output nodes.
	Outputs bool
	// Preview asks for a JPEG about 640 pixels wide, made by Blender's own colour management.
	Preview bool

	// Tile is the part of the picture to render, in pixels from its top left corner (SceneFacts.PictureWidth); the zero
	// rectangle is all of it. A tile asks for EXRFull and for nothing else: its EXR is a picture of Result.Window alone,
	// with all passes and view layers as the engine computed them. Compositor, File Output nodes and denoising are left to
	// the finish; what the denoiser reads is kept in passes named "Denoising ...". Scenes that cannot be cut are NoParts.
	Tile image.Rectangle
	// Overscan is how many pixels more are rendered on each side of the tile, as far as the picture goes.
	Overscan int
	// Samples are the samples to render; the zero value is all of them. Cycles alone can do that. Such a part is, like a tile,
	// an EXRFull and nothing else; a part may be both. Adaptive sampling is off.
	Samples Samples
	// KeepAdaptive leaves adaptive sampling on in a tile: quicker, but pixels near the cuts differ from those of a whole frame.
	KeepAdaptive bool

	// Percent renders the picture in so many hundredths of its size, 1..99, and otherwise like a part, to learn what it takes;
	// 0: in its own size.
	Percent int

	// Finish is the absolute path of a multilayer EXR that was put together of parts of this frame. It is not rendered but
	// read, and goes through the rest of Blender's own pipeline: compositor, File Output nodes, colour management, the
	// scene's output format. What the task asks for is what the frame's own render would have written.
	Finish string

	// Film is the absolute path of a Reel, written with its Write: no frame is rendered, but a film is made of pictures that
	// were, with the sound and the frame rate of the open scene. A film asks for nothing else.
	Film string
}

// Samples are some of the samples of a frame.
type Samples struct {
	Offset int // the first, from 0
	Count  int
	Total  int // of the frame: SceneFacts.Samples
}

// Progress is one report from within a frame; at most about four a second.
type Progress struct {
	Frame     int
	Sample    int           // samples done in this layer, 0 when the engine does not say
	Samples   int           // samples in total
	Elapsed   time.Duration // since Blender began with the frame
	Remaining time.Duration // Blender's own estimate, 0 when it has none
	Memory    int64         // bytes in use by the render, 0 when unknown
	Peak      int64         // bytes, highest so far
	Text      string        // what Blender says it is doing: "Scene, ViewLayer | Sample 12/64"
}

// Kind says what a file of a result is.
type Kind string

// The kinds of File.Kind.
const (
	KindEXR     Kind = "exr"     // the multilayer EXR with every pass
	KindOutput  Kind = "output"  // what the scene's own output settings write
	KindNode    Kind = "node"    // written by a File Output node
	KindPreview Kind = "preview" // the small JPEG
	KindFilm    Kind = "film"    // the video of Task.Film
)

// File is one file of a result.
type File struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"` // absolute, inside Task.OutDir
	Name string `json:"name"` // relative, with forward slashes, as the artist expects it; unique within a result whatever the case of letters
	Size int64  `json:"size"` // bytes
}

// Result is what Blender wrote for a Task.
type Result struct {
	Files      []File
	Seconds    float64 // wall time inside Blender, from the start of the render to the last file
	Render     float64 // of those, the render and the scene's own outputs
	EXRSeconds float64 // of those, writing the multilayer EXR
	Preview    float64 // of those, making the preview
	Reopened   bool    // the scene was opened anew for this frame (see SceneFacts.Stateful)
	Memory     int64   // bytes the process holds after the frame
	PeakMemory int64   // bytes, highest the process has held since it started
	// Window is what of the picture the EXR of a tile shows: the tile and its overscan. Zero for whole frames.
	Window image.Rectangle
	// Width and Height are the pixels that a Task.Percent became; 0 of others.
	Width, Height int
	Warnings      []string // sentences
	// ScriptErrors are sentences: what the scene's own Python raised, and drivers of it that do not work.
	ScriptErrors []string
}

// Channel says how the session talks to Blender.
type Channel string

// The ways of Options.Channel.
const (
	ChannelAuto   Channel = ""       // an inherited socket where there is one, else TCP
	ChannelSocket Channel = "socket" // a socket pair inherited by Blender; not on Windows
	ChannelTCP    Channel = "tcp"    // loopback TCP and a secret used once
)

// Options say how Start runs Blender.
type Options struct {
	Install Install
	// Runner is the command that ends in RunTree, to which "--fds N -- COMMAND ..." is appended: {"netrender", "run-tree"}.
	// Empty: Install.Runner.
	Runner []string
	// Home is an absolute path of a private folder; Blender's HOME, configuration and temporary files lie in it.
	Home string
	// Scripts lets scenes run their own Python.
	Scripts bool
	// Device is cpu, cuda:0, optix:0, hip:0, oneapi:0, metal:0 or TYPE:all; "" leaves the scene's setting with Blender's factory preferences.
	Device string
	// Threads limits Blender's threads; 0 means all cores.
	Threads int
	// Addons are enabled before a scene is opened; one that cannot be is NoAddon.
	Addons []Addon
	// Log takes Blender's stdout and stderr; nil drops them. See Session.SetLog.
	Log io.Writer
	// Channel is ChannelAuto in real life.
	Channel Channel
	// Env is added to Blender's environment, "NAME=value". Nothing else but a short list of system variables is inherited from Environ.
	Env []string
	// Environ is the environment to take system variables from (PATH, LANG, drivers' settings); the caller passes os.Environ().
	Environ []string
	// Xvfb is the path of the virtual display server, "" to look for it on PATH; "none" never starts one. It is started
	// only for engines whose facts say Virtual.
	Xvfb string
	// Fence confines Blender, where CanFence. What the install and the session itself need is added. Nil: not confined.
	Fence *Fence

	quitLimit time.Duration // for tests; 0 means the constant of that name
}
