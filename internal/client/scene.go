package client

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
)

// SceneOf takes from what Blender said of a scene what a job needs to know.
func SceneOf(c *blender.Collection) Scene {
	s := Scene{
		Frames: farm.FrameRange(c.Scene.FrameStart, c.Scene.FrameEnd, max(c.Scene.FrameStep, 1)), Engine: c.Scene.Engine,
		Camera: c.Scene.Camera, NoEngine: c.Scene.NoEngine, Denoiser: c.Scene.Denoiser != "", Scripts: len(c.Scene.Scripts) > 0, Movie: c.Scene.Movie,
		OutDir: outFolder(c.Scene.OutputPath), Warnings: c.Warnings, Name: c.Scene.Name, Every: c.Every,
	}
	if v, err := farm.ParseVersion(c.Scene.SavedBy); err == nil {
		s.Saved = v
	}
	if c.Scene.FPS > 0 && c.Scene.FPS <= farm.MaxFPS { // Blender allows more, that nobody can look at
		s.FPS = c.Scene.FPS
	}
	facts := farm.InspectedScene(c.Scene)
	s.Simulations = c.Simulations
	facts.Unbaked = slices.DeleteFunc(slices.Clone(facts.Unbaked), func(name string) bool { // said by whoever knows the frames
		return slices.ContainsFunc(c.Simulations, func(k blender.Simulation) bool { return k.String() == name })
	})
	s.Warnings = append(s.Warnings, facts.Remarks()...)
	s.GPU, s.NoEXR, s.Unknown = c.Scene.GPU, facts.Preflight().NoEXR, c.Scene.UnknownNodes
	twins := layout.Twins(c.Paths())
	for i := range c.Files {
		f := &c.Files[i]
		if f.Missing && twins[f.Path] {
			continue
		}
		if f.Missing && !f.Needed {
			s.Warnings = append(s.Warnings, farm.NotUsed(f.Path))
			continue
		}
		s.Files = append(s.Files, SceneFile{
			Path: f.Path, Kind: f.Kind, Users: f.Users, Missing: f.Missing, First: f.First, Last: f.Last,
		})
	}
	return s
}

// outFolder is the folder of an output path, which may end in a name.
func outFolder(path string) string {
	if path == "" {
		return "."
	}
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, `\`) {
		return filepath.Clean(path)
	}
	return filepath.Dir(path)
}
