package client

import (
	"context"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// Probe has a worker find out what the first frame of the plan takes, by rendering a few small pictures of it. The plan's files
// are sent for that; the job that it takes is deleted. Waiting is told when the worker is awaited; it and sending may be nil.
func Probe(ctx context.Context, c *wire.Client, plan *Plan, sending func(Sending), waiting func(farm.Job)) (*farm.Probe, error) {
	p := *plan
	p.Sent, p.Announced = nil, nil
	s := &p.Spec
	s.Inspect, s.Probe, s.Key, s.Tiles, s.Samples = true, true, "", farm.Tiles{}, 0
	s.Name = clipName(s.Name)
	report, err := look(ctx, c, &p, InspectOptions{Sending: sending, Waiting: waiting})
	if err != nil {
		return nil, err
	}
	if report.Probe == nil {
		return nil, farm.Errorf(farm.Outdated, "the worker did not say what the frame takes").WithHint("install the master's version on it")
	}
	return report.Probe, nil
}
