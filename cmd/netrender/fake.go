package main

import (
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	fakes "github.com/netrender/netrender/internal/worker/fake"
)

// fake makes a worker that renders nothing: for trials of a farm without Blender. The edge of its pictures is in pixels;
// 0 is what the fake thinks fit.
func fake(o *worker.Options, frame, finish time.Duration, edge int) {
	o.Installs = []blender.Install{fakes.Install()}
	o.Inspect = fakes.Inspect(frame)
	o.NewRenderer = fakes.New(fakes.Options{FrameTime: frame, BakeTime: frame, FinishTime: finish, Width: edge, Height: edge})
}
