package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// checkGPU warns when a scene is set to compute on a GPU and nobody's slots would. Workers compute on what they were told to.
func (a *app) checkGPU(ctx context.Context, master *wire.Client, plan *client.Plan, tell func(string)) error {
	if !plan.Scene.GPU || plan.Spec.Needs.GPU != "" {
		return nil
	}
	workers, err := master.Workers(ctx)
	if err != nil {
		return err
	}
	fit := 0
	for i := range workers {
		w := &workers[i]
		if !w.Online || !w.Enabled || !plan.Spec.Needs.Suits(&w.Worker) {
			continue
		}
		fit++
		if slices.ContainsFunc(w.Facts.Devices, func(d string) bool { return d != "cpu" }) {
			return nil
		}
	}
	if fit > 0 {
		tell("the scene is set to compute on a GPU, and no worker that is online uses one (netrender worker --devices): it is rendered on CPUs")
	}
	return nil
}

// checkShared has the files of shared folders sent that not all workers see, and tells of it.
func (a *app) checkShared(ctx context.Context, master *wire.Client, plan *client.Plan, tell func(string)) error {
	if len(plan.Spec.Needs.Shared) == 0 {
		return nil
	}
	workers, err := master.Workers(ctx)
	if err != nil {
		return err
	}
	blind := plan.Unshare(workers)
	for _, folder := range slices.Sorted(maps.Keys(blind)) {
		names := blind[folder]
		who := names[0]
		if len(names) > 1 {
			who += " and " + count(len(names)-1, "other worker")
		}
		tell(fmt.Sprintf("the files in %s are sent: %s cannot read them there (netrender worker --shared says where they are)", folder, who))
	}
	return nil
}

// lookEvery is how often it is looked whether a job waits for files, besides being told.
const lookEvery = 15 * time.Second

// serveFiles sends what a job that is followed comes to lack, until ctx ends.
func (a *app) serveFiles(ctx context.Context, master *wire.Client, plan *client.Plan, id farm.JobID, asked <-chan struct{}, show *show) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failed := "" // as it was told last
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		case <-tick.C:
			if j, err := master.Job(ctx, id); err != nil || j.State != farm.Collecting {
				continue
			}
		}
		told := false
		err := client.SendMissing(ctx, master, plan, id, func(s client.Sending) {
			if !told && s.Files > 0 {
				told = true
				show.say("The farm asks for %s, %s", count(s.Files, "file"), size(s.Bytes))
			}
		})
		switch {
		case err == nil:
			failed = ""
		case ctx.Err() == nil && err.Error() != failed:
			failed = err.Error()
			show.say("They could not be sent, and the job waits for them: %v. netrender job %d names them.", err, id)
		}
	}
}
