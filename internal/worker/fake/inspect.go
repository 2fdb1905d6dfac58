package fake

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
)

// Inspect makes up what a Blender would say of a scene, after a time: its name says what there is. A name with "missing" in
// it lacks two pictures, one beside the scene and one from elsewhere; "camera" lacks a camera; "broken" cannot be read;
// "scripts" holds Python; "cloth" has one that is not baked, and "liquid" one that cannot be; "movie" writes one; "eevee" is
// rendered with it. Pictures below textures/ are its own, as soon as they are there.
func Inspect(takes time.Duration) worker.Inspector {
	return func(ctx context.Context, s worker.Setup, scene blender.Scene, _ func(int)) (blender.Collection, error) {
		t := time.NewTimer(takes)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return blender.Collection{}, &blender.Error{Kind: blender.Killed, Message: "Blender was stopped"}
		}
		if s.Log != nil {
			_, _ = io.WriteString(s.Log, "Blender 99.0.0 (fake)\n")
		}
		name := filepath.Base(scene.Blend)
		if _, err := os.Stat(scene.Blend); err != nil {
			return blender.Collection{}, &blender.Error{Kind: blender.NoFile, Message: name + " does not exist"}
		}
		if strings.Contains(name, "broken") {
			return blender.Collection{}, &blender.Error{Kind: blender.NotBlend, Message: name + " is not a .blend file"}
		}
		return collection(scene, name), nil
	}
}

func collection(scene blender.Scene, name string) blender.Collection {
	c := blender.Collection{Blend: scene.Blend, Files: []blender.CollectedFile{}, Warnings: []string{}, Scene: blender.CollectedScene{
		Name: "Scene", Scenes: []string{"Scene"}, Engine: "CYCLES", Camera: "Camera", Cameras: []string{"Camera"},
		Width: 1920, Height: 1080, Percent: 100, FrameStart: 1, FrameEnd: 250, FrameStep: 1, FrameCurrent: 1, FPS: 24, Samples: 128,
		Denoiser: "OPENIMAGEDENOISE", ViewLayers: []string{"ViewLayer"}, Output: "/tmp/", OutputPath: "/tmp/", Format: "PNG",
		SavedBy: "4.5.0", Blender: "99.0.0 fake",
	}}
	if strings.Contains(name, "camera") {
		c.Scene.Camera, c.Scene.Cameras = "", nil
	}
	if strings.Contains(name, "scripts") {
		c.Scene.Scripts = []string{"the text block setup.py, which registers itself"}
	}
	if strings.Contains(name, "cloth") {
		c.Simulations = append(c.Simulations, blender.Simulation{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 250})
	}
	if strings.Contains(name, "liquid") {
		c.Simulations = append(c.Simulations, blender.Simulation{Kind: blender.Fluid, Owner: "Pool", Name: "Fluid", Start: 1, End: 250, Refused: "it is linked without an override"})
	}
	if strings.Contains(name, "movie") {
		c.Scene.Format, c.Scene.Movie = "FFMPEG", true
	}
	if strings.Contains(name, "eevee") {
		c.Scene.Engine, c.Scene.Samples = "BLENDER_EEVEE", 0
	}
	for k := range c.Simulations {
		c.Scene.Unbaked = append(c.Scene.Unbaked, c.Simulations[k].String())
	}
	dir := filepath.Dir(scene.Blend)
	add := func(path, stored, kind string, needed bool) {
		_, err := os.Stat(path)
		c.Files = append(c.Files, blender.CollectedFile{
			Path: path, Original: stored, Kind: kind, Users: []string{"Image " + filepath.Base(path), "Material Fake"}, Missing: err != nil, Needed: needed,
		})
	}
	inside, _ := os.ReadDir(filepath.Join(dir, "textures"))
	for _, e := range inside {
		if e.Name() != "floor.png" && !e.IsDir() {
			add(filepath.Join(dir, "textures", e.Name()), "//textures/"+e.Name(), "image", true)
		}
	}
	if strings.Contains(name, "missing") {
		add(filepath.Join(dir, "textures", "floor.png"), "//textures/floor.png", "image", true)
		elsewhere := "/home/artist/pictures/wall.png"
		if now := scene.Files[elsewhere]; now != "" {
			add(now, elsewhere, "image", true)
		} else {
			c.Files = append(c.Files, blender.CollectedFile{
				Path: elsewhere, Original: elsewhere, Kind: "image", Users: []string{"Image wall.png", "Material Fake"}, Missing: true, Needed: true,
			})
		}
	}
	return c
}
