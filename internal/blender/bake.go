package blender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// CacheFolder is where renders look for what Session.Bake made: beside the .blend.
const CacheFolder = "netrender_cache"

// The kinds of Simulation.Kind.
const (
	Cloth         = "cloth"
	SoftBody      = "soft_body"
	Particles     = "particles"
	Hair          = "hair"
	DynamicPaint  = "dynamic_paint"
	RigidBody     = "rigid_body"
	Fluid         = "fluid"
	GeometryNodes = "geometry_nodes"
)

// Simulation is something a scene computes frame after frame and keeps in a cache.
type Simulation struct {
	Kind  string `json:"kind"`
	Owner string `json:"owner"` // name of the object; of the scene for rigid bodies
	// Name tells those of one owner apart: that of the modifier, the particle system, the paint surface; "" for rigid bodies.
	Name  string `json:"name"`
	Start int    `json:"start"` // first frame of its cache
	End   int    `json:"end"`   // last, inclusive
	// Refused says why it cannot be baked, in a sentence; "" when it can be.
	Refused string `json:"refused,omitempty"`
}

// String is what people are told: "cloth on Shirt".
func (k Simulation) String() string {
	kind := strings.ReplaceAll(k.Kind, "_", " ")
	switch k.Kind {
	case RigidBody:
		return "rigid bodies in " + k.Owner
	case Fluid:
		return "fluid in " + k.Owner
	case GeometryNodes:
		return "simulation of geometry nodes on " + k.Owner
	}
	return kind + " on " + k.Owner
}

// wrong tells of a simulation that no scene can have.
func (k Simulation) wrong() bool {
	return k.Kind == "" || k.Owner == "" || k.Start < -lastFrame || k.End > lastFrame || k.Start > k.End && k.Refused == ""
}

// Bakes groups simulations that are computed together: whatever acts on one another in a step of time is computed in one
// pass, and no bake waits for another. Those that are refused are left out. The order of the groups is that of their first
// members, so that it is the same for the same scene.
func Bakes(all []Simulation) [][]Simulation {
	var groups [][]Simulation
	at := map[string]int{}
	for _, k := range all {
		if k.Refused != "" {
			continue
		}
		group := "points" // everything with a point cache
		switch k.Kind {
		case Fluid:
			group = "fluid " + k.Owner
		case GeometryNodes:
			group = k.Kind
		}
		i, known := at[group]
		if !known {
			i = len(groups)
			at[group] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], k)
	}
	return groups
}

// Bake is one pass over the timeline of the open scene that fills the caches of some of its simulations.
type Bake struct {
	Simulations []Simulation // one of the groups of Bakes
	OutDir      string       // absolute path of a folder that is empty or does not exist yet; every file lies in it
	Until       int          // last frame that is wanted; those of the caches after it are not computed
}

// CacheFile is one complete file of a cache.
type CacheFile struct {
	Path string `json:"path"` // absolute, in Bake.OutDir
	// Name is where renders look for it, relative to the folder of the .blend, with forward slashes.
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
	// First and Last bound the frames whose render reads it, inclusive; nil: no bound.
	First *int `json:"first"`
	Last  *int `json:"last"`
}

// BakeResult is what a bake wrote.
type BakeResult struct {
	Files        int     // handed on
	Bytes        int64   // of those
	Seconds      float64 // wall time inside Blender
	PeakMemory   int64   // bytes
	Warnings     []string
	ScriptErrors []string
}

// Bake computes simulations of the scene that was opened, which must not be rendered afterwards unless it is opened again.
// Files is called while it goes on, one call at a time, with files that are complete, each once: the frames up to ready,
// inclusive, have all of theirs; while there is no such frame, ready is before the first. It may take its time; its error
// ends the bake and the process. Bake returns nil when files has had all that Bake.Until asks for: every frame of every
// cache was looked for on the disk. When ctx ends first the process is killed. What lies in OutDir then, and after an
// error, is for the caller to remove.
func (s *Session) Bake(ctx context.Context, bake Bake, progress func(Progress), files func(list []CacheFile, ready int) error) (BakeResult, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	if !filepath.IsAbs(bake.OutDir) {
		return BakeResult{}, &Error{Kind: NoSpace, Message: fmt.Sprintf("%q is not an absolute path", bake.OutDir)}
	}
	if len(bake.Simulations) == 0 {
		return BakeResult{}, &Error{Kind: NoBake, Message: "the bake asks for no simulation at all"}
	}
	if err := os.MkdirAll(bake.OutDir, 0o700); err != nil {
		return BakeResult{}, &Error{Kind: NoSpace, Message: "the folder for the caches cannot be made: " + err.Error(), cause: err}
	}
	if progress != nil {
		stop := s.relay(0, func(p Progress) {
			if p.Frame != 0 { // not a line of the log
				progress(p)
			}
		})
		defer stop()
	}
	taken := s.takeBaked(ctx, bake.OutDir, files)
	var answer struct {
		Files    int      `json:"files"`
		Bytes    int64    `json:"bytes"`
		Warnings []string `json:"warnings"`
		Scripts  []string `json:"script_errors"`
		Seconds  float64  `json:"seconds"`
		Peak     int64    `json:"peak"`
	}
	err := s.call(ctx, map[string]any{
		"verb": "bake", "simulations": bake.Simulations, "out_dir": bake.OutDir, "until": bake.Until,
	}, &answer)
	count, failed := taken()
	switch {
	case failed != nil:
		return BakeResult{}, failed
	case err != nil:
		return BakeResult{}, err
	case count != answer.Files:
		return BakeResult{}, &Error{Kind: BadTalk, Message: fmt.Sprintf("the agent says it baked %d files, and named %d", answer.Files, count)}
	}
	return BakeResult{
		Files: answer.Files, Bytes: answer.Bytes, Seconds: answer.Seconds, PeakMemory: answer.Peak,
		Warnings: answer.Warnings, ScriptErrors: answer.Scripts,
	}, nil
}

// takeBaked hands on what the agent names, from a goroutine of its own, so that a slow receiver does not hold Blender up.
// The function it returns waits for that and says how many files there were.
func (s *Session) takeBaked(ctx context.Context, folder string, files func([]CacheFile, int) error) (taken func() (int, error)) {
	var mu sync.Mutex
	var waiting []message // mu
	more, quit, ended := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	count, failed := 0, error(nil) // of the goroutine, until it has ended
	hand := func() {
		mu.Lock()
		list := waiting
		waiting = nil
		mu.Unlock()
		for _, m := range list {
			if failed != nil || ctx.Err() != nil {
				return
			}
			if err := checkCache(folder, m.Files); err != nil {
				failed = s.withLog(err)
			} else if failed = files(m.Files, m.Frame); failed == nil {
				count += len(m.Files)
			}
			if failed != nil {
				s.Kill()
			}
		}
	}
	go func() {
		defer close(ended)
		for {
			select {
			case <-more:
				hand()
			case <-quit:
				hand()
				return
			}
		}
	}()
	take := func(m message) {
		mu.Lock()
		waiting = append(waiting, m)
		mu.Unlock()
		select {
		case more <- struct{}{}:
		default:
		}
	}
	s.baked.Store(&take)
	return func() (int, error) {
		s.baked.Store(nil)
		close(quit)
		<-ended
		return count, failed
	}
}

// checkCache believes no name and no size.
func checkCache(folder string, list []CacheFile) *Error {
	for i := range list {
		f := &list[i]
		inside, err := filepath.Rel(folder, f.Path)
		rest, in := strings.CutPrefix(f.Name, CacheFolder+"/")
		if err != nil || !in || !filepath.IsLocal(inside) || filepath.ToSlash(inside) != rest || strings.Contains(f.Name, "\\") {
			return &Error{Kind: BadTalk, Message: fmt.Sprintf("the bake names a file outside its folder: %q as %q", f.Path, f.Name)}
		}
		if f.First != nil && f.Last != nil && *f.First > *f.Last {
			return &Error{Kind: BadTalk, Message: f.Name + " is for no frame"}
		}
		info, err := os.Lstat(f.Path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return &Error{Kind: NoBake, Message: fmt.Sprintf("Blender says it baked %s, which is no file, or an empty one", f.Name)}
		}
		f.Size = info.Size()
	}
	return nil
}
