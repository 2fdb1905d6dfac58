package blender

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

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
	// First and Last bound the frames whose render reads it, inclusive; nil: no bound. A frame can be rendered when all
	// files that it reads are there; which are still to come is known from Through.
	First *int `json:"first"`
	Last  *int `json:"last"`
}

// BakeResult is what a bake wrote.
type BakeResult struct {
	Files        int     // handed on
	Bytes        int64   //
	Through      int     // last frame that was computed
	Seconds      float64 // wall time inside Blender
	PeakMemory   int64   // bytes
	Warnings     []string
	ScriptErrors []string
}

// Bake computes simulations of the open scene. Files is called while it goes on, one call at a time, with files that are
// complete: each once, in order of frames; through is the last frame all of whose files have been handed on. An error of
// files ends the bake. Before Bake returns files has had the rest. Success is that every frame's files lie on the disk,
// whatever Blender said. When ctx ends first the process is killed. What is in OutDir after an error is for the caller to remove.
func (s *Session) Bake(ctx context.Context, bake Bake, progress func(Progress), files func(list []CacheFile, through int) error) (BakeResult, error) {
	if i := slices.IndexFunc(bake.Simulations, func(k Simulation) bool { return k.Refused != "" }); i >= 0 {
		return BakeResult{}, &Error{Kind: NoBake, Message: fmt.Sprintf("%s cannot be baked: %s", bake.Simulations[i], bake.Simulations[i].Refused)}
	}
	return BakeResult{}, &Error{Kind: NoBake, Message: "this version of the session does not bake"}
}
