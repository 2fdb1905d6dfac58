package farm

import (
	"slices"
	"strings"
)

// Simulation is something of a scene that must be computed frame after frame, and whose result frames read from a cache.
// A job may have some of its scene's simulations computed by a worker before its frames: each is a task of StageBake.
type Simulation struct {
	Kind  string `json:"kind"`  // one of SimulationKinds
	Owner string `json:"owner"` // name of its object; of the scene for rigid bodies
	Name  string `json:"name"`  // of the modifier, particle system or paint surface: what tells those of one owner apart
	Start int    `json:"start"` // first frame of its cache
	End   int    `json:"end"`   // last, inclusive
}

// SimulationKinds are the kinds of simulations that can be baked by a farm.
func SimulationKinds() []string {
	return []string{"cloth", "soft_body", "particles", "hair", "dynamic_paint", "rigid_body", "fluid", "geometry_nodes"}
}

// String says it as people do: "cloth on Shirt".
func (s Simulation) String() string {
	switch s.Kind {
	case "rigid_body":
		return "rigid bodies in " + s.Owner
	case "fluid":
		return "fluid in " + s.Owner
	case "geometry_nodes":
		return "simulation of geometry nodes on " + s.Owner
	}
	return strings.ReplaceAll(s.Kind, "_", " ") + " on " + s.Owner
}

// same tells whether both are one simulation of the scene.
func (s *Simulation) same(o Simulation) bool {
	return s.Kind == o.Kind && s.Owner == o.Owner && s.Name == o.Name
}

// Bake is what one worker computes in one pass: simulations that may act on one another. Those of different bakes do not.
type Bake []Simulation

func (b Bake) String() string {
	names := make([]string, len(b))
	for i := range b {
		names[i] = b[i].String()
	}
	return firstOf(names, 3)
}

// Until is the last frame up to which it must be computed for a job of the frames: within those of its simulations.
func (b Bake) Until(frames FrameSet) (until int) {
	for i := range b {
		last := min(max(frames.Last(), b[i].Start), b[i].End)
		if i == 0 || last > until {
			until = last
		}
	}
	return until
}

// Kinds are those of its simulations, each once.
func (b Bake) Kinds() (kinds []string) {
	for i := range b {
		if !slices.Contains(kinds, b[i].Kind) {
			kinds = append(kinds, b[i].Kind)
		}
	}
	return kinds
}

// CacheFolder is where the caches of baked simulations lie, beside the .blend.
const CacheFolder = "netrender_cache"

// Bounds of what is baked for a job.
const (
	MaxBakes      = 256
	MaxCacheFiles = MaxFiles / 2 // of one bake
	maxSimulation = 256          // bytes of a name
	maxTogether   = 1000         // simulations of a job
)

// CachePath is where a cache file lies in a job's manifest: beside the .blend.
func (s *JobSpec) CachePath(name string) string {
	return s.Blend[:strings.LastIndexByte(s.Blend, '/')+1] + name
}

// CacheName is the inverse of CachePath; false for what is no cache.
func (s *JobSpec) CacheName(path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path, s.Blend[:strings.LastIndexByte(s.Blend, '/')+1])
	return name, ok && strings.HasPrefix(name, CacheFolder+"/")
}

// checkBakes refuses simulations that make no sense.
func (s *JobSpec) checkBakes() error {
	switch {
	case len(s.Bakes) > MaxBakes:
		return Errorf(TooLarge, "a job bakes at most %d simulations, not %d", MaxBakes, len(s.Bakes))
	case len(s.Bakes) > 0 && s.InOrder:
		return Errorf(Invalid, "what is baked need not be rendered in order").WithHint("use --bake or --in-order, not both")
	case s.InOrder && (s.Parts() > 0 || s.Frames.Count() > MaxChunk):
		return Errorf(Invalid, "frames in order are rendered by one worker, whole, and are at most %d", MaxChunk)
	}
	var all []Simulation
	for _, bake := range s.Bakes {
		if len(bake) == 0 || len(all)+len(bake) > maxTogether {
			return Errorf(Invalid, "a bake has simulations, and a job at most %d of them", maxTogether)
		}
		for _, b := range bake {
			switch {
			case !slices.Contains(SimulationKinds(), b.Kind):
				return Errorf(Invalid, "%q is not a kind of simulation", clip(b.Kind, 40)).WithHint("the kinds are %s", strings.Join(SimulationKinds(), ", "))
			case b.Owner == "" || len(b.Owner) > maxSimulation || len(b.Name) > maxSimulation:
				return Errorf(Invalid, "a simulation has an owner, and names of at most %d bytes", maxSimulation)
			case b.Start > b.End || b.Start < -MaxFrame || b.End > MaxFrame:
				return Errorf(Invalid, "%s has no frames: %d to %d", clip(b.String(), 100), b.Start, b.End)
			case slices.ContainsFunc(all, b.same):
				return Errorf(Invalid, "%s is to be baked twice", clip(b.String(), 100))
			}
			all = append(all, b)
		}
	}
	return nil
}

// Baking is what a task bakes, and up to which frame; ok is false when it bakes nothing.
func (s *JobSpec) Baking(no int) (b Bake, until int, ok bool) {
	t, ok := TaskOf(no)
	if !ok || t.Stage != StageBake || t.Frame != 0 || t.Part < 1 || t.Part > len(s.Bakes) {
		return b, 0, false
	}
	b = s.Bakes[t.Part-1]
	return b, b.Until(s.Frames), true
}

// NeedsOf is what a worker must have for a task of the job.
func (s *JobSpec) NeedsOf(no int) Needs {
	n := s.Needs
	if b, _, ok := s.Baking(no); ok {
		n.Bakes = b.Kinds()
	}
	return n
}

// TaskName says which task of the job a number is, for people.
func (s *JobSpec) TaskName(no int) string {
	if s.Process != nil {
		return s.Process.TaskName(no)
	}
	if b, _, ok := s.Baking(no); ok {
		return "bake of " + b.String()
	}
	if t, ok := TaskOf(no); ok && t.View < len(s.Views) {
		return t.named(s.Views[t.View].Name)
	}
	return TaskName(no)
}

// lacksBake is the first kind that the install cannot bake; "" when it can bake what is needed.
func (n *Needs) lacksBake(b *Blender) string {
	for _, kind := range n.Bakes {
		if !slices.Contains(b.Bakes, kind) {
			return kind
		}
	}
	return ""
}

// SameBakes tells whether both jobs bake the same in the same parts.
func (s *JobSpec) SameBakes(o *JobSpec) bool { return sameBakes(s.Bakes, o.Bakes) }

func sameBakes(a, b []Bake) bool {
	return slices.EqualFunc(a, b, func(x, y Bake) bool { return slices.Equal(x, y) })
}
