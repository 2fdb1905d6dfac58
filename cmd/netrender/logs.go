package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("steer", (*app).logsVerb)

func (a *app) logsVerb() *cobra.Command {
	var frames string
	var follow bool
	c := &cobra.Command{
		Use: "logs ID", Short: "Print what Blender said while it rendered frames of a job", Args: cobra.ExactArgs(1),
		Example: "  netrender logs 12 -f 40\n  netrender logs 12 -f 40 --follow",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			set, err := a.logFrames(cmd, client, id, frames)
			if err != nil {
				return err
			}
			job, err := client.Job(cmd.Context(), id)
			if err != nil {
				return err
			}
			tasks := tasksOf(&job, set)
			some := false
			for _, no := range tasks {
				head := ""
				if len(tasks) > 1 && !a.json {
					head = fmt.Sprintf("== %s\n", job.TaskName(no))
				}
				printed, err := a.printLog(cmd, client, wire.LogRange{Job: id, Frame: no}, head, follow)
				if err != nil && (farm.KindOf(err) != farm.NotFound || len(tasks) == 1) {
					return interrupted(cmd.Context(), err)
				}
				some = some || printed
			}
			if !some {
				return farm.Errorf(farm.NotFound, "there are no logs of %s of job %d yet", framesText(set), id).
					WithHint("netrender job %d shows which frames were rendered; --follow waits for one that is being rendered", id)
			}
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringVarP(&frames, "frames", "f", "", "whose frames' logs (default: those that failed or are being rendered, else the last)")
	c.Flags().BoolVar(&follow, "follow", false, "go on while more is written")
	return c
}

// logFrames chooses the frames whose logs a person most likely wants.
func (a *app) logFrames(cmd *cobra.Command, client *wire.Client, id farm.JobID, text string) (farm.FrameSet, error) {
	if text != "" {
		job, err := client.Job(cmd.Context(), id)
		if err != nil {
			return farm.FrameSet{}, err
		}
		set, err := picturesOf(&job, text)
		if err != nil {
			return set, err
		}
		return set, insideJob(&job, set)
	}
	states, err := client.Frames(cmd.Context(), id)
	if err != nil {
		return farm.FrameSet{}, err
	}
	for _, set := range []farm.FrameSet{states.Failed, states.Running} {
		if set.Count() > 0 {
			return set, nil
		}
	}
	if states.Done.Count() == 0 {
		return farm.FrameSet{}, farm.Errorf(farm.NotFound, "nothing of job %d was rendered yet", id)
	}
	return farm.Frames(states.Done.Last()), nil
}

// tasksOf are the tasks of some frames, each of which has a log of its own.
func tasksOf(job *farm.Job, frames farm.FrameSet) (tasks []int) {
	plan := job.Plan()
	for f := range frames.All() {
		positions, _ := plan.Find(f)
		for p := range positions.All() {
			if no, ok := plan.Task(p); ok {
				tasks = append(tasks, no)
			}
		}
	}
	return tasks
}

// framesText is a set in words.
func framesText(set farm.FrameSet) string {
	if set.Count() == 1 {
		return "frame " + set.String()
	}
	return "frames " + shorten(set.String(), 80)
}

// printLog prints a log below a head, and tells whether there was any.
func (a *app) printLog(cmd *cobra.Command, client *wire.Client, r wire.LogRange, head string, follow bool) (some bool, err error) {
	show := func(text []byte) error {
		if a.json {
			some = true
			line := map[string]any{"frame": farm.FrameOf(r.Frame), "text": string(text)}
			if farm.FrameOf(r.Frame) != r.Frame {
				line["task"] = farm.TaskName(r.Frame)
			}
			return a.print(line)
		}
		if !some {
			fmt.Fprint(a.out, head)
			some = true
		}
		return plainLog(a.out, text)
	}
	if follow {
		for text, err := range client.FollowLog(cmd.Context(), r) {
			if err != nil {
				return some, err
			}
			if err := show(text); err != nil {
				return some, err
			}
		}
		return some, nil
	}
	for {
		text, next, _, err := client.Log(cmd.Context(), r, 0)
		if err != nil {
			return some, err
		}
		if len(text) == 0 {
			return some, nil
		}
		if err := show(text); err != nil {
			return some, err
		}
		r = next
	}
}
