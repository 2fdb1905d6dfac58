package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("steer", (*app).watchVerb)

func (a *app) watchVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "watch [ID]", Short: "Print what happens, as it happens: of one job until it ends, or of the whole farm", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id farm.JobID
			if len(args) == 1 {
				var err error
				if id, err = oneJob(args); err != nil {
					return err
				}
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), client, id)
		},
	}
	a.masterFlags(c)
	return c
}

// watch prints what happens until the job ends; with id 0, until a person breaks it off.
func (a *app) watch(ctx context.Context, client *wire.Client, id farm.JobID) error {
	began := false
	shown := farm.JobState("")
	for ev, err := range client.Events(ctx, wire.EventFilter{Job: id}) {
		if err != nil {
			return interrupted(ctx, err)
		}
		stands := ev.Kind == farm.EventLost // from here on nothing is missed; before the first of them nothing was
		if ev.Time.IsZero() {
			ev.Time = time.Now()
		}
		if began || !stands {
			if err := a.showEvent(&ev); err != nil {
				return err
			}
		}
		began = true
		if ev.Kind == farm.EventJob {
			shown = farm.JobState(ev.State)
		}
		if over := ev.Kind == farm.EventJob && (shown.Ended() || ev.State == "deleted"); id == 0 || !stands && !over {
			continue
		}
		job, err := client.Job(ctx, id)
		if err != nil {
			return interrupted(ctx, err)
		}
		if job.State != shown {
			shown = job.State
			if err := a.showEvent(stateOf(&job)); err != nil {
				return err
			}
		}
		if job.State.Ended() {
			return a.ended(&job)
		}
	}
	return errInterrupted
}

// stateOf is how a job stands, as an event.
func stateOf(job *farm.Job) *farm.Event {
	ev := &farm.Event{Time: time.Now(), Kind: farm.EventJob, Job: job.ID, State: string(job.State), Text: job.Reason, Progress: &job.Progress}
	if job.State.Ended() {
		ev.Time = job.Ended
	}
	return ev
}

// ended turns a job's end into the command's.
func (a *app) ended(job *farm.Job) error {
	if job.State == farm.Done {
		return nil
	}
	if !a.json {
		text := "was canceled"
		if job.State == farm.Failed {
			text = "failed"
		}
		if job.Reason != "" {
			text += ": " + plainText(job.Reason)
		}
		fmt.Fprintf(a.err, "netrender: job %d %s\n", job.ID, text)
		if job.State == farm.Canceled {
			fmt.Fprintf(a.err, "           netrender retry %d lets it go on\n", job.ID)
		} else {
			fmt.Fprintf(a.err, "           netrender job %d shows the errors, netrender retry %d renders the failed frames again\n", job.ID, job.ID)
		}
	}
	return errFailed
}

func (a *app) showEvent(ev *farm.Event) error {
	if a.json {
		return a.print(ev)
	}
	when := ev.Time.Local().Format(time.TimeOnly)
	text := ""
	if ev.Text != "" {
		text = ": " + plainText(ev.Text)
	}
	progress := ""
	if ev.Progress != nil {
		progress = fmt.Sprintf("  (%s)", progressCount(ev.Progress))
	}
	switch ev.Kind {
	case farm.EventJob:
		fmt.Fprintf(a.out, "%s  job %d %s%s%s\n", when, ev.Job, a.paint(ev.State, ev.State), text, progress)
	case farm.EventFrame:
		fmt.Fprintf(a.out, "%s  job %d %s %s%s%s\n", when, ev.Job, farm.TaskName(*ev.Frame), a.paint(ev.State, ev.State), text, progress)
	case farm.EventBeat:
		if ev.Frame == nil { // a bake
			fmt.Fprintf(a.out, "%s  job %d %s %.0f %%\n", when, ev.Job, plainText(ev.Text), 100*ev.Beat.Fraction)
			return nil
		}
		fmt.Fprintf(a.out, "%s  job %d %s %.0f %%\n", when, ev.Job, farm.TaskName(*ev.Frame), 100*ev.Beat.Fraction)
	case farm.EventWorker:
		fmt.Fprintf(a.out, "%s  worker %s%s\n", when, a.paint(ev.State, ev.State), text)
	case farm.EventDisk:
		fmt.Fprintf(a.out, "%s  disk %s%s\n", when, a.paint(ev.State, ev.State), text)
	case farm.EventAttention:
		fmt.Fprintf(a.out, "%s  attention %s%s\n", when, ev.State, text)
	case farm.EventPair:
		fmt.Fprintf(a.out, "%s  pairing %s %s\n", when, ev.State, plainText(ev.Text))
	case farm.EventAudit:
		fmt.Fprintf(a.out, "%s  audit: %s%s\n", when, ev.State, text)
	case farm.EventLost:
		fmt.Fprintf(a.out, "%s  (some events were lost on the way)\n", when)
	}
	return nil
}
