package client

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
)

// Plan is a scene ready to be sent.
type Plan struct {
	Spec     farm.JobSpec
	Files    []LocalFile
	Missing  []Missing // files the scene names that are not on this machine
	Faults   []error   // why it is not to be sent as it is
	Warnings []string  // sentences
	Bytes    int64     // of all files
	OutDir   string    // where the scene's own output path points, on this machine
	Scene    Scene
	// Announced, when set, is told of the job as soon as the master knows it, before files are sent.
	Announced func(farm.Job)
	// Sent remembers what was sent, so that sending it again goes on with the same job; nil: each time is another job.
	Sent *Sent

	hashes *blob.HashCache // may be nil
}

// LocalFile is a manifest entry with the file it stands for.
type LocalFile struct {
	farm.File
	Local string
	stat  fs.FileInfo // from before it was hashed
}

func (f *LocalFile) changed() bool {
	now, err := os.Stat(f.Local)
	return err != nil || now.Size() != f.stat.Size() || !now.ModTime().Equal(f.stat.ModTime())
}

// Missing is a file that a scene names and that is not there.
type Missing struct {
	Path  string   `json:"path"`
	Kind  string   `json:"kind"`
	Users []string `json:"users"` // what in the scene needs it
	// Foreign: the path is one of another system, such as C:\x.png on Linux, as in a scene that was copied from there.
	Foreign bool `json:"foreign,omitempty"`
}

// Scene is what was read from the .blend: everything the job needs to know.
type Scene struct {
	Files    []SceneFile
	Frames   farm.FrameSet // the scene's own range and step
	FPS      float64       // frames a second; 0: not known
	Engine   string
	Camera   string       // empty: none
	Saved    farm.Version // Blender that wrote the file
	Denoiser bool         // the scene denoises while it renders
	Scripts  bool         // the scene holds Python that would run
	Movie    bool         // its output is a movie: frames come as pictures
	OutDir   string       // folder of its own output path
	GPU      bool         // it is set to compute on a GPU
	NoEngine bool         // the Blender that read it does not have Engine: an add-on that was not enabled holds it
	Unknown  []string     // its nodes of an add-on that was not enabled
	NoEXR    bool         // Blender cannot keep its pictures as EXR with every view: they are the sequencer's, for several views
	Warnings []string
	Name     string          // of the scene
	Every    []blender.Brief // of the file's scenes: what there is to choose from
	// Simulations are those that are not baked.
	Simulations []blender.Simulation
}

// SceneFile is a file the scene reads besides itself.
type SceneFile struct {
	Path        string // absolute, on this machine
	Kind        string
	Users       []string
	Missing     bool
	First, Last *int // frames that need it; nil: all
}

// PlanOptions say what to plan.
type PlanOptions struct {
	Blend string
	// Copy is a copy of Blend, elsewhere, whose bytes are sent in its place: with unsaved changes, or packed. Its relative
	// paths lead from where it lies. Blend need not exist then.
	Copy         string
	Spec         farm.JobSpec // what the artist asked for; what is left out comes from the scene
	AllowMissing bool
	Views        Choice // what of the file is rendered
	Bake         bool   // the farm bakes simulations that matter for the frames
	Anyway       bool   // go on although there are faults, to see the rest
	// Shared are folders whose files workers read for themselves.
	Shared []string
	// AddonFiles are zip files of add-ons that travel with the job, as local paths.
	AddonFiles []string
	// Read reads the scene by means of Blender.
	Read func(ctx context.Context, blend string) (Scene, error)
	// Hashes remembers files known from last time; may be nil.
	Hashes *blob.HashCache
	// Home is the user's own folder.
	Home string
	// Hashing is told how many bytes were looked at; may be nil.
	Hashing func(done, total int64)
}

// NewPlan reads the scene, checks that it can be rendered and works out its manifest. A scene with faults is an error,
// missing files among them unless they are allowed; the plan is returned with the error so that they can be shown.
func NewPlan(ctx context.Context, o PlanOptions) (*Plan, error) {
	blend, err := filepath.Abs(o.Blend)
	if err != nil {
		return nil, plainFile(o.Blend, err)
	}
	bytes := cmp.Or(o.Copy, blend)
	if bytes, err = filepath.Abs(bytes); err != nil {
		return nil, plainFile(o.Copy, err)
	}
	st, err := os.Stat(bytes)
	if err != nil {
		return nil, plainFile(cmp.Or(o.Copy, o.Blend), err)
	}
	if st.IsDir() {
		return nil, farm.Errorf(farm.Invalid, "%s is a folder, not a .blend file", cmp.Or(o.Copy, o.Blend))
	}
	scene, err := o.Read(ctx, bytes)
	if err != nil {
		return nil, err
	}
	p := &Plan{Spec: o.Spec, Scene: scene, Warnings: scene.Warnings, OutDir: scene.OutDir, hashes: o.Hashes}
	s := &p.Spec
	if err := p.views(&o.Views); err != nil {
		return p, err
	}
	if s.Frames.Count() == 0 {
		s.Frames = scene.Frames
	}
	s.JoinViews()
	s.FPS = cmp.Or(s.FPS, scene.FPS)
	if s.Name == "" {
		s.Name = strings.TrimSuffix(filepath.Base(blend), filepath.Ext(blend))
	}
	if s.Needs.Blender.IsZero() {
		s.Needs.Blender = farm.Version{Major: scene.Saved.Major, Minor: scene.Saved.Minor}
	}
	if s.Needs.Engine = cmp.Or(s.Needs.Engine, s.Options.Engine); s.Needs.Engine == "" {
		s.Needs.Engine = scene.Engine
	}
	s.Needs.Denoiser = s.Needs.Denoiser || scene.Denoiser
	for _, f := range scene.Files {
		if f.Missing {
			p.Missing = append(p.Missing, Missing{f.Path, f.Kind, f.Users, layout.Foreign(f.Path, blend)})
		}
	}
	check := farm.Preflight{
		Engine: scene.Engine, Camera: cmp.Or(scene.Camera, s.ViewCamera()), NoEngine: scene.NoEngine, NoEXR: scene.NoEXR, Scripts: scene.Scripts, Movie: scene.Movie,
		Unknown: scene.Unknown, Missing: len(p.Missing),
	}
	for i := range p.Missing {
		if p.Missing[i].Foreign {
			check.Foreign++
		}
	}
	p.Warnings = append(p.Warnings, check.Warnings(&s.Options)...)
	for _, o := range check.Obstacles(&s.Options, o.AllowMissing) {
		p.Faults = append(p.Faults, o.Err())
	}
	p.simulations(o.Bake)
	if len(p.Faults) > 0 && !o.Anyway {
		return p, p.Faults[0]
	}
	if err := p.addFiles(ctx, blend, bytes, st, &o); err != nil {
		return p, err
	}
	if err := p.share(o.Shared); err != nil {
		return p, err
	}
	s.Defaults()
	return p, s.Check()
}

// addFiles lays the files out and hashes them. The scene's bytes are those of copied, at the place of blend; read is what that
// file was before it was read.
func (p *Plan) addFiles(ctx context.Context, blend, copied string, read fs.FileInfo, o *PlanOptions) error {
	byPath := make(map[string]*SceneFile)
	paths := []string{}
	for i := range p.Scene.Files {
		f := &p.Scene.Files[i]
		if f.Missing || f.Path == blend || f.Path == copied {
			continue
		}
		if f.First != nil && f.Last != nil && !needed(p.Spec.Frames, *f.First, *f.Last) {
			continue
		}
		if _, twice := byPath[f.Path]; !twice {
			byPath[f.Path] = f
			paths = append(paths, f.Path)
		}
	}
	if len(paths) >= farm.MaxFiles {
		return farm.Errorf(farm.TooLarge, "the scene reads %d files; a job has at most %d", len(paths), farm.MaxFiles-1)
	}
	slices.Sort(paths)
	places := layout.Of(blend, paths, o.Home)
	p.Spec.Blend = places[blend]
	places[copied] = places[blend]
	all := append([]string{copied}, paths...)
	extra, err := placeAddons(o.AddonFiles, places)
	if err != nil {
		return err
	}
	all = append(all, extra...)
	p.Spec.Needs.AddonFiles = nil
	for _, path := range extra {
		p.Spec.Needs.AddonFiles = append(p.Spec.Needs.AddonFiles, places[path])
	}
	for _, path := range paths {
		if byPath[path].Kind == blender.ColourConfiguration {
			p.Spec.Options.Colours = places[path]
		}
	}
	stats := make(map[string]fs.FileInfo, len(all)) // before they are hashed: a change in between is seen when they are sent
	for _, path := range all {
		if stats[path], err = os.Stat(path); err != nil {
			return plainFile(path, err)
		}
	}
	if now := stats[copied]; now.Size() != read.Size() || !now.ModTime().Equal(read.ModTime()) {
		return hashError(copied, blob.ErrChanged) // the list is of other bytes
	}
	infos, err := hashAll(ctx, all, stats, o)
	if err != nil {
		return err
	}
	for _, path := range all {
		f := LocalFile{Local: path, stat: stats[path], File: farm.File{
			Path: places[path], Original: path, Size: infos[path].Size, Ref: infos[path].Ref.String(),
		}}
		if sf := byPath[path]; sf != nil {
			f.First, f.Last = sf.First, sf.Last
		}
		p.Files = append(p.Files, f)
		p.Bytes += f.Size
	}
	return nil
}

// hashAll names the bytes of the files; those known from last time are not read.
func hashAll(ctx context.Context, paths []string, stats map[string]fs.FileInfo, o *PlanOptions) (map[string]blob.Info, error) {
	var total, done int64
	for _, st := range stats {
		total += st.Size()
	}
	infos := make(map[string]blob.Info, len(paths))
	var first error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := blob.HashFiles(ctx, paths, runtime.NumCPU(), o.Hashes, func(h blob.Hashed) {
		if h.Err != nil {
			if first == nil {
				first = hashError(h.Name, h.Err)
			}
			cancel()
			return
		}
		infos[h.Name] = h.Info
		done += h.Size
		if o.Hashing != nil {
			o.Hashing(done, total)
		}
	})
	if first != nil {
		return nil, first
	}
	return infos, err
}

func hashError(path string, err error) error {
	if errors.Is(err, blob.ErrChanged) {
		return farm.Errorf(farm.Conflict, "%s was changed while it was read", path).WithHint("wait until it is saved, and send the job again")
	}
	return plainFile(path, err)
}

// needed tells whether the set has a frame in first..last.
func needed(set farm.FrameSet, first, last int) bool {
	for f := range set.All() {
		if f > last {
			return false
		}
		if f >= first {
			return true
		}
	}
	return false
}
