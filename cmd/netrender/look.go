package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var (
	_ = verb("steer", (*app).jobsVerb)
	_ = verb("steer", (*app).jobVerb)
	_ = verb("steer", (*app).logsVerb)
	_ = verb("steer", (*app).watchVerb)
)

func (a *app) jobsVerb() *cobra.Command {
	var states []string
	var owner, text string
	var limit int
	c := &cobra.Command{
		Use: "jobs", Short: "List jobs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 1000 {
				return usagef("--limit is a whole number from 1 to 1000, not %d", limit)
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			filter := farm.JobFilter{Owner: owner, Text: text, Limit: limit}
			for _, s := range states {
				filter.States = append(filter.States, farm.JobState(s))
			}
			list, err := client.Jobs(cmd.Context(), filter)
			if farm.KindOf(err) == farm.Invalid { // the flags are all that was said
				return fmt.Errorf("%w%w", hidden{errUsage}, err)
			}
			if err != nil {
				return err
			}
			if !a.json {
				a.warnDisk(cmd.Context(), client)
			}
			if a.json {
				for i := range list.Jobs {
					if err := a.print(&list.Jobs[i]); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list.Jobs) == 0 {
				fmt.Fprintln(a.out, "No jobs. netrender render FILE.blend makes one.")
				return nil
			}
			rows := make([][]string, 0, len(list.Jobs))
			for i := range list.Jobs {
				j := &list.Jobs[i]
				rows = append(rows, []string{
					j.ID.String(), plainText(j.Name), a.paint(string(j.State), string(j.State)), frameCount(j),
					strconv.Itoa(j.Running), strconv.Itoa(j.Priority), plainText(j.Owner), j.Created.Local().Format("Jan 2 15:04"),
				})
			}
			a.rows([]string{"JOB", "NAME", "STATE", "FRAMES", "RUNNING", "PRIORITY", "OWNER", "SENT"}, rows)
			if list.Next != 0 {
				fmt.Fprintf(a.out, "... and older ones: netrender jobs --limit %d\n", limit*4)
			}
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringSliceVar(&states, "state", nil, "only jobs in these states: collecting, queued, active, paused, done, failed, canceled")
	c.Flags().StringVar(&owner, "owner", "", "only jobs of this owner")
	c.Flags().StringVar(&text, "name", "", "only jobs whose name contains this")
	c.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	return c
}

func frameCount(j *farm.Job) string {
	s := fmt.Sprintf("%d/%d", j.Done, j.Total)
	if j.Failed > 0 {
		s += fmt.Sprintf(" (%d failed)", j.Failed)
	}
	return s
}

func (a *app) jobVerb() *cobra.Command {
	var why bool
	c := &cobra.Command{
		Use: "job ID", Short: "Show a job: state, frames, files that are missing, and why it gets workers or not", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			view, err := a.jobView(cmd, client, id, why)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(view)
			}
			a.showJob(view)
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().BoolVar(&why, "why", false, "say for each worker why it works for the job or not")
	return c
}

// jobView is what netrender job prints.
type jobView struct {
	farm.Job
	States  farm.FrameStates `json:"frame_states"`
	Running []farm.Running   `json:"running_leases"`
	Missing []farm.File      `json:"missing_files,omitempty"`
	Errors  []farm.Attempt   `json:"errors,omitempty"`
	Why     []farm.Reason    `json:"why,omitempty"`
}

// maxShown bounds the lists that the job page shows.
const maxShown = 20

func (a *app) jobView(cmd *cobra.Command, client *wire.Client, id farm.JobID, why bool) (*jobView, error) {
	ctx := cmd.Context()
	job, err := client.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &jobView{Job: job}
	if v.States, err = client.Frames(ctx, id); err != nil {
		return nil, err
	}
	if v.Running, err = client.Running(ctx, id); err != nil {
		return nil, err
	}
	if job.Progress.Missing > 0 {
		for f, err := range client.Missing(ctx, id) {
			if err != nil {
				return nil, err
			}
			if v.Missing = append(v.Missing, f); len(v.Missing) == maxShown && !a.json {
				break
			}
		}
	}
	if page, err := client.Attempts(ctx, farm.AttemptFilter{Job: id, Failed: true, Limit: maxShown}, 0); err == nil {
		v.Errors = page.Attempts
	} else {
		return nil, err
	}
	if why {
		if v.Why, err = client.Why(ctx, id); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (a *app) showJob(v *jobView) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(a.out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("job", "%d  %s", v.ID, plainText(v.Name))
	state := a.paint(string(v.State), string(v.State))
	if v.Reason != "" {
		state += ": " + plainText(v.Reason)
	}
	line("state", "%s", state)
	line("frames", "%s of %s", frameCount(&v.Job), v.JobSpec.Frames)
	for _, part := range []struct {
		name string
		set  farm.FrameSet
	}{{"failed", v.States.Failed}, {"rendering", v.States.Running}, {"waiting", v.States.Queued}} {
		if part.set.Count() > 0 {
			line("", "%s: %s", part.name, shorten(part.set.String(), 100))
		}
	}
	line("sent", "%s by %s, priority %d", v.Created.Local().Format(time.DateTime), plainText(v.Owner), v.Priority)
	if v.Done > 0 {
		line("time", "%s a frame", span(time.Duration(v.Seconds/float64(v.Done)*float64(time.Second))))
	}
	line("results", "%s", v.Folder)
	for _, r := range v.Running {
		line("worker", "%s: frame %d, %.0f %%", plainText(r.WorkerName), r.Beat.Frame, 100*r.Beat.Fraction)
	}
	for _, f := range v.Missing {
		line("missing", "%s (%s)", plainText(f.Original), size(f.Size))
	}
	if more := v.Progress.Missing - len(v.Missing); more > 0 {
		line("", "... and %s more", count(more, "file"))
	}
	for i := range v.Errors {
		at := &v.Errors[i]
		line("error", "frame %d, attempt %d: %s", at.Frame, at.Number, plainText(at.Error))
	}
	for _, r := range v.Why {
		who := r.Worker
		if who == "" {
			who = "farm"
		}
		line("why", "%s: %s", plainText(who), plainText(r.Text))
	}
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:strings.LastIndexByte(s[:n], ',')+1] + "..."
}

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
			for f := range set.All() {
				if set.Count() > 1 && !a.json {
					fmt.Fprintf(a.out, "== frame %d\n", f)
				}
				if err := a.printLog(cmd, client, wire.LogRange{Job: id, Frame: f}, follow); err != nil {
					if farm.KindOf(err) == farm.NotFound && set.Count() > 1 {
						continue
					}
					return err
				}
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
		set, err := farm.ParseFrameSet(text)
		if err != nil {
			return set, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		return set, nil
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

func (a *app) printLog(cmd *cobra.Command, client *wire.Client, r wire.LogRange, follow bool) error {
	show := func(text []byte) error {
		if a.json {
			return a.print(map[string]any{"frame": r.Frame, "text": string(text)})
		}
		return plainLog(a.out, text)
	}
	if follow {
		for text, err := range client.FollowLog(cmd.Context(), r) {
			if err != nil {
				return err
			}
			if err := show(text); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		text, next, _, err := client.Log(cmd.Context(), r, 0)
		if err != nil {
			return err
		}
		if len(text) == 0 {
			return nil
		}
		if err := show(text); err != nil {
			return err
		}
		r = next
	}
}

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
			if id != 0 {
				job, err := client.Job(cmd.Context(), id)
				if err != nil {
					return err
				}
				if job.State.Ended() {
					return a.ended(&job)
				}
			}
			for ev, err := range client.Events(cmd.Context(), wire.EventFilter{Job: id}) {
				if err != nil {
					return err
				}
				if err := a.showEvent(&ev); err != nil {
					return err
				}
				over := id != 0 && ev.Kind == farm.EventJob && farm.JobState(ev.State).Ended()
				if over || id != 0 && ev.Kind == farm.EventLost {
					job, err := client.Job(cmd.Context(), id)
					if err != nil {
						return err
					}
					if job.State.Ended() {
						return a.ended(&job)
					}
				}
			}
			return nil
		},
	}
	a.masterFlags(c)
	return c
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
	switch ev.Kind {
	case farm.EventJob:
		fmt.Fprintf(a.out, "%s  job %d %s%s\n", when, ev.Job, a.paint(ev.State, ev.State), text)
	case farm.EventFrame:
		progress := ""
		if ev.Progress != nil {
			progress = fmt.Sprintf("  (%d/%d)", ev.Progress.Done, ev.Progress.Total)
		}
		fmt.Fprintf(a.out, "%s  job %d frame %d %s%s%s\n", when, ev.Job, *ev.Frame, a.paint(ev.State, ev.State), text, progress)
	case farm.EventBeat:
		fmt.Fprintf(a.out, "%s  job %d frame %d %.0f %%\n", when, ev.Job, *ev.Frame, 100*ev.Beat.Fraction)
	case farm.EventWorker:
		fmt.Fprintf(a.out, "%s  worker %s%s\n", when, a.paint(ev.State, ev.State), text)
	case farm.EventDisk:
		fmt.Fprintf(a.out, "%s  disk %s%s\n", when, a.paint(ev.State, ev.State), text)
	case farm.EventPair:
		fmt.Fprintf(a.out, "%s  pairing %s %s\n", when, ev.State, plainText(ev.Text))
	case farm.EventLost:
		fmt.Fprintf(a.out, "%s  (some events were lost on the way)\n", when)
	}
	return nil
}
