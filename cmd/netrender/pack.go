package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// bytes is the file whose bytes are sent for a scene.
func (o *jobOptions) bytes(file string) string {
	if o.unsaved != "" {
		return o.unsaved
	}
	return file
}

// packed makes a copy of a scene, for as long as the command runs, that holds what can be packed into it. It has the
// scene's own name: caches of simulations go by that.
func (a *app) packed(ctx context.Context, file string, o *jobOptions, addons []string) (copied string, warnings []string, err error) {
	installs, err := a.findBlenders(ctx, o.blender, true)
	if err != nil {
		return "", nil, err
	}
	in := newestOf(installs)
	for i := range installs {
		if installs[i].Series == blender.SeriesOf(o.bytes(file)) {
			in = installs[i]
		}
	}
	dir, err := os.MkdirTemp("", "netrender-pack-*")
	if err != nil {
		return "", nil, farm.Errorf(farm.Internal, "there is no place to pack the scene in: %w", err)
	}
	a.cleanups = append(a.cleanups, func() { _ = os.RemoveAll(dir) })
	copied = filepath.Join(dir, filepath.Base(file))
	enabled, _ := localAddons(&in, addons)
	warnings, err = blender.Pack(ctx, in, o.bytes(file), copied, blender.CollectOptions{Engine: o.engine, Addons: enabled, Runner: runner(), Environ: os.Environ()})
	var be *blender.Error
	if errors.As(err, &be) && be.Kind == blender.NoEngine {
		lack := farm.EngineObstacle(be.Message)
		return "", nil, lack.Err()
	}
	if err != nil {
		return "", nil, sceneError(err)
	}
	return copied, warnings, nil
}
