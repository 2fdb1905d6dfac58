package client

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// Choice says which views of a file to render: each of the scenes, by each of the cameras, each of the view layers by itself.
// They are named, or All. Of what is left out the file's own is taken.
type Choice struct {
	Scenes, Cameras, Layers []string
}

// All stands for every one of them.
const All = "all"

// Empty tells whether nothing is chosen.
func (c *Choice) Empty() bool { return len(c.Scenes)+len(c.Cameras)+len(c.Layers) == 0 }

// ReadsAll tells whether other scenes than the file's own may be chosen, so that their files must be found as well.
func (c *Choice) ReadsAll() bool { return len(c.Scenes) > 0 }

// views makes the views of a choice. Without own frames each has those of its scene.
func (p *Plan) views(c *Choice) error {
	s := &p.Spec
	if c.Empty() {
		return nil
	}
	ranged := len(c.Scenes) > 0 && s.Frames.Count() == 0
	scenes, err := chosen("scene", "the file", c.Scenes, names(p.Scene.Every))
	if err != nil {
		return err
	}
	if len(c.Scenes) == 0 {
		scenes = []string{p.Scene.Name}
	}
	cameras := make(map[string]bool, len(c.Cameras)) // whether it was found
	for _, name := range scenes {
		i := slices.IndexFunc(p.Scene.Every, func(b blender.Brief) bool { return b.Name == name })
		if i < 0 {
			return farm.Errorf(farm.Invalid, "the scene %s is linked from another file, and its cameras are not known", name)
		}
		if err := p.viewsOf(&p.Scene.Every[i], c, ranged, cameras); err != nil {
			return err
		}
	}
	for _, name := range c.Cameras {
		if name != All && !cameras[name] {
			return farm.Errorf(farm.Invalid, "there is no camera %s", name).WithHint("there is %s", orNone(p.cameras(scenes)))
		}
	}
	uniquely(s.Views)
	return nil
}

// viewsOf adds those of a scene.
func (p *Plan) viewsOf(b *blender.Brief, c *Choice, ranged bool, found map[string]bool) error {
	cameras := []string{""}
	if len(c.Cameras) > 0 {
		cameras = slices.DeleteFunc(slices.Clone(b.Cameras), func(name string) bool { return !slices.Contains(c.Cameras, name) && !slices.Contains(c.Cameras, All) })
	}
	for _, name := range cameras {
		found[name] = true
	}
	if len(c.Cameras) == 0 && b.Camera == "" {
		return farm.Errorf(farm.Invalid, "the scene %s has no camera", b.Name).WithHint("add one in Blender, or choose other scenes")
	}
	layers := []string{""}
	if len(c.Layers) > 0 {
		var err error
		if layers, err = chosen("view layer that renders", "the scene "+b.Name, c.Layers, b.Layers); err != nil {
			return err
		}
	}
	if b.Engine != p.Scene.Engine && p.Spec.Options.Engine == "" {
		return farm.Errorf(farm.Invalid, "the scene %s is rendered with %s and %s with %s: one job has one engine", b.Name, b.Engine, p.Scene.Name, p.Scene.Engine).
			WithHint("submit them one by one, or have one engine render both: --engine")
	}
	for _, camera := range cameras {
		for _, layer := range layers {
			v := farm.View{Camera: camera}
			var parts []string
			if len(c.Scenes) > 0 {
				v.Scene = b.Name
				parts = append(parts, b.Name)
			}
			if camera != "" {
				parts = append(parts, camera)
			}
			if layer != "" {
				v.Layers = []string{layer}
				parts = append(parts, layer)
			}
			if ranged {
				v.Frames = farm.FrameRange(b.FrameStart, b.FrameEnd, max(1, b.FrameStep))
			}
			v.Name = farm.ViewName(parts...)
			p.Spec.Views = append(p.Spec.Views, v)
		}
	}
	return nil
}

// chosen are those that were asked for of what there is, in the order of what there is.
func chosen(what, where string, asked, there []string) (list []string, err error) {
	for _, name := range asked {
		if name != All && !slices.Contains(there, name) {
			return nil, farm.Errorf(farm.Invalid, "%s has no %s %s", where, what, name).WithHint("it has %s", orNone(there))
		}
	}
	for _, name := range there {
		if slices.Contains(asked, All) || slices.Contains(asked, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

// uniquely gives views whose names would be one folder different ones.
func uniquely(views []farm.View) {
	taken := make(map[string]bool, len(views))
	for i := range views {
		name := views[i].Name
		for n := 2; taken[strings.ToLower(views[i].Name)]; n++ {
			views[i].Name = fmt.Sprintf("%s-%d", name, n)
		}
		taken[strings.ToLower(views[i].Name)] = true
	}
}

func names(list []blender.Brief) []string {
	found := make([]string, len(list))
	for i := range list {
		found[i] = list[i].Name
	}
	return found
}

// cameras are those of some scenes.
func (p *Plan) cameras(scenes []string) (list []string) {
	for i := range p.Scene.Every {
		if slices.Contains(scenes, p.Scene.Every[i].Name) {
			list = append(list, p.Scene.Every[i].Cameras...)
		}
	}
	return list
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list[:min(len(list), 20)], ", ")
}
