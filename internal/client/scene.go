package client

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// SceneOf takes from what Blender said of a scene what a job needs to know.
func SceneOf(c *blender.Collection) Scene {
	s := Scene{
		Frames: farm.FrameRange(c.Scene.FrameStart, c.Scene.FrameEnd, max(c.Scene.FrameStep, 1)), Engine: c.Scene.Engine,
		Camera: c.Scene.Camera, NoEngine: c.Scene.NoEngine, Denoiser: c.Scene.Denoiser != "", Scripts: len(c.Scene.Scripts) > 0, Movie: c.Scene.Movie,
		OutDir: outFolder(c.Scene.OutputPath), Warnings: c.Warnings,
	}
	if v, err := farm.ParseVersion(c.Scene.SavedBy); err == nil {
		s.Saved = v
	}
	if c.Scene.FPS > 0 && c.Scene.FPS <= farm.MaxFPS { // Blender allows more, that nobody can look at
		s.FPS = c.Scene.FPS
	}
	for _, u := range c.Scene.Unbaked {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s is not baked: every frame is rendered as if it were the first one asked for", u))
	}
	s.Warnings = append(s.Warnings, c.Scene.Clashes...)
	s.GPU = c.Scene.GPU
	s.NoEXR = c.Scene.Sequencer && len(c.Scene.Views) > 0
	if n := len(c.Scene.UnknownNodes); n > 0 {
		s.Alien = "nodes of an add-on that is not enabled do nothing: " + listed(c.Scene.UnknownNodes, 3)
	}
	drives := map[string]bool{}
	for i := range c.Files {
		if p := c.Files[i].Path; windows(p) && p[1] == ':' {
			drives["/"+strings.ToLower(p[:1])+slashes(p)[2:]] = true
		}
	}
	for i := range c.Files {
		f := &c.Files[i]
		if f.Missing && drives[f.Path] {
			continue // C:/x once more: what Linux' Blender makes of it in its own list is /c/x
		}
		if f.Missing && !f.Needed {
			s.Warnings = append(s.Warnings, fmt.Sprintf("%s is missing, but the scene that renders does not use it", f.Path))
			continue
		}
		s.Files = append(s.Files, SceneFile{
			Path: f.Path, Kind: f.Kind, Users: f.Users, Missing: f.Missing, First: f.First, Last: f.Last,
		})
	}
	return s
}

// listed names the first few.
func listed(names []string, most int) string {
	text := strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
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
