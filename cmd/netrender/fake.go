package main

import (
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	fakes "github.com/netrender/netrender/internal/worker/fake"
)

// fake makes a worker that renders nothing: for trials of a farm without Blender.
func fake(o *worker.Options, frame time.Duration) {
	o.Installs = []blender.Install{fakes.Install()}
	o.NewRenderer = fakes.New(fakes.Options{FrameTime: frame})
}
