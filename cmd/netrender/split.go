package main

import (
	"context"
	"fmt"
	"time"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// auto is the word for a number of parts that is found out.
const auto = "auto"

// split decides into how many parts frames are cut, where that was left to us: by how many slots could take parts now, and
// by what a worker finds the first frame to take. What was chosen stands in the job from then on.
func (a *app) split(ctx context.Context, master *wire.Client, plan *client.Plan, o *jobOptions) error {
	if o.tiles != auto && o.samplesSplit != auto {
		return nil
	}
	fit, err := fitOf(ctx, master, plan)
	if err != nil {
		return err
	}
	frames := plan.Spec.Pictures().Count()
	plan.Spec.Tiles, plan.Spec.Samples = farm.Tiles{}, 0
	choice := map[string]any{"tiles": "", "samples_split": 0, "slots": fit.Slots, "why": ""}
	tell := func(why string) error {
		plan.Spec.Options.Overscan, plan.Spec.Options.KeepAdaptive = 0, false // they are for tiles
		choice["why"] = why
		a.note(map[string]any{"split": choice}, "Frames are rendered whole: %s", plainText(why))
		return nil
	}
	if why, ok := farm.WorthProbing(fit.Slots, frames); !ok {
		return tell(why)
	}
	probe, err := a.probe(ctx, master, plan)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case farm.KindOf(err) == "" && err != nil:
		return err
	case err != nil:
		return tell("what one takes could not be found out: " + err.Error())
	}
	choice["probe"] = probe
	s, how, why := &plan.Spec, "", ""
	if o.tiles == auto {
		s.Tiles, why = probe.Tiles(fit.Slots, frames)
		choice["tiles"], how = s.Tiles.String(), fmt.Sprintf("%s tiles", s.Tiles)
	} else {
		s.Samples, why = probe.SampleParts(fit.Slots, frames)
		choice["samples_split"], how = s.Samples, fmt.Sprintf("%d parts of its samples", s.Samples)
	}
	if s.Parts() == 0 {
		return tell(why)
	}
	a.note(map[string]any{"split": choice}, "Each frame is rendered in %s: one would take about %s on one of %s", how,
		span(time.Duration(probe.Seconds()*float64(time.Second))), count(fit.Slots, "slot"))
	return nil
}

// probe has a worker find out what a frame takes, telling how it goes.
func (a *app) probe(ctx context.Context, master *wire.Client, plan *client.Plan) (*farm.Probe, error) {
	show := a.newShow()
	defer show.close()
	return client.Probe(ctx, master, plan, func(s client.Sending) {
		if s.Bytes > 0 {
			show.bytes("sending", s.BytesSent, s.Bytes)
		}
	}, func(farm.Job) { show.say("Waiting for a worker to try how long a frame takes") })
}
