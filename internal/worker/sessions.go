package worker

import (
	"context"
	"slices"

	"github.com/netrender/netrender/internal/blender"
)

// Sessions returns a NewRenderer that starts real Blenders. base carries what all have in common: Runner, Environ, Env,
// Channel and Xvfb; the rest is filled in for each session. With fenced each is confined to the folders of its Setup.
func Sessions(base blender.Options, fenced bool) NewRenderer {
	return func(ctx context.Context, s Setup) (Renderer, error) {
		o := base
		o.Install, o.Device, o.Threads, o.Scripts, o.Addons, o.Home, o.Log = s.Install, s.Device, s.Threads, s.Scripts, s.Addons, s.Home, s.Log
		if s.Colours != "" { // BLENDER_OCIO is of newer Blenders, and goes before OCIO
			o.Env = append(slices.Clone(o.Env), "OCIO="+s.Colours, "BLENDER_OCIO="+s.Colours)
		}
		if fenced {
			o.Fence = &blender.Fence{Read: []string{s.Job, s.In}, Write: append([]string{s.Out}, s.Writes...)}
		}
		session, err := blender.Start(ctx, o)
		if err != nil {
			return nil, err
		}
		return session, nil
	}
}

// Inspections returns an Inspector that has real Blenders look at scenes. base and fenced are as for Sessions.
func Inspections(base blender.Options, fenced bool) Inspector {
	return func(ctx context.Context, s Setup, scene blender.Scene, started func(pid int)) (blender.Collection, error) {
		o := blender.CollectOptions{
			Temp: s.Home, Runner: base.Runner, Environ: base.Environ, Original: scene.Original, Mapped: scene.Files, Log: s.Log, Started: started,
		}
		if fenced {
			o.Fence = &blender.Fence{Read: []string{s.Job}}
		}
		return blender.Collect(ctx, s.Install, scene.Blend, o)
	}
}

var _ Renderer = (*blender.Session)(nil)
