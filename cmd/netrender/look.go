package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var (
	_ = verb("steer", (*app).jobsVerb)
	_ = verb("steer", (*app).jobVerb)
)

func (a *app) jobsVerb() *cobra.Command {
	var states []string
	var owner, text, scene, before, sort, after string
	var limit int
	var turned, inspections bool
	c := &cobra.Command{
		Use: "jobs", Short: "List jobs, newest first", Args: cobra.NoArgs,
		Example: "  netrender jobs --state active,queued\n  netrender jobs --sort machine     the dearest first\n  netrender jobs --before 951       the page after job 951",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 1000 {
				return usagef("--limit is a whole number from 1 to 1000, not %d", limit)
			}
			filter := farm.JobFilter{Owner: owner, Text: text, Limit: limit, Inspect: inspections}
			for _, s := range states {
				if !slices.Contains(farm.JobStates(), farm.JobState(s)) {
					return usagef("a job's state is one of %s, not %q", strings.Join(stateNames(), ", "), s)
				}
				filter.States = append(filter.States, farm.JobState(s))
			}
			if scene != "" {
				ref, err := blob.ParseRef(scene)
				if err != nil {
					return usagef("--scene takes the SHA-256 of a .blend, 64 digits, not %q", shorten(scene, 80))
				}
				filter.Scene = ref.String()
			}
			if before != "" {
				var err error
				if filter.Before, err = oneJob([]string{before}); err != nil {
					return err
				}
			}
			if sort != "" || turned {
				if filter.Sort = farm.JobSort(sort); sort == "" {
					filter.Sort = farm.ByID
				}
				if !slices.Contains(farm.JobSorts(), filter.Sort) {
					return usagef("jobs are sorted by one of %s, not %q", strings.Join(sortNames(), ", "), sort)
				}
				filter.Rising = filter.Sort.Rises() != turned
			}
			if after != "" {
				var err error
				if filter.Behind, err = farm.ParseJobCursor(after, cmp.Or(filter.Sort, farm.ByID), filter.Rising); err != nil {
					return fmt.Errorf("%w%w", hidden{errUsage}, err)
				}
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			list, err := client.Jobs(cmd.Context(), filter)
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
				if len(states) > 0 || owner != "" || text != "" || scene != "" || before != "" || inspections {
					fmt.Fprintln(a.out, "No such jobs.")
				} else {
					fmt.Fprintln(a.out, "No jobs. netrender render FILE.blend makes one.")
				}
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
			switch {
			case list.Next != 0:
				fmt.Fprintf(a.out, "... and older ones: %s --before %d\n", sameWords(cmd, "before", "after"), list.Next)
			case list.After != "":
				fmt.Fprintf(a.out, "... of %s: %s --after %s\n", count(list.Total, "job"), sameWords(cmd, "after"), list.After)
			}
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringSliceVar(&states, "state", nil, "only jobs in these states: "+strings.Join(stateNames(), ", "))
	c.Flags().StringVar(&owner, "owner", "", "only jobs of this owner")
	c.Flags().StringVar(&text, "name", "", "only jobs whose name contains this")
	c.Flags().StringVar(&scene, "scene", "", "only jobs of the very scene whose .blend has this SHA-256")
	c.Flags().StringVar(&before, "before", "", "only jobs older than the one of this number")
	c.Flags().StringVar(&sort, "sort", "", "by "+strings.Join(sortNames(), ", ")+" (default id); name, state and owner rise, all else falls")
	c.Flags().BoolVar(&turned, "reverse", false, "sort the other way round")
	c.Flags().StringVar(&after, "after", "", "the page after the one that said so")
	c.Flags().BoolVar(&inspections, "inspections", false, "those in which a worker only looks at a scene, which are not listed otherwise")
	c.Flags().IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	return c
}

func sortNames() []string {
	names := make([]string, 0, 12)
	for _, s := range farm.JobSorts() {
		names = append(names, string(s))
	}
	return names
}

func stateNames() []string {
	names := make([]string, 0, 8)
	for _, s := range farm.JobStates() {
		names = append(names, string(s))
	}
	return names
}

// sameWords is the command as it was given, without some flags; so that the next page is of the same list.
func sameWords(cmd *cobra.Command, without ...string) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed || f.Name == "token" || slices.Contains(without, f.Name) {
			return
		}
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		words = append(words, "--"+f.Name, quoted(value))
	})
	return strings.Join(words, " ")
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\$`*?[]{}()<>|&;!#~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// taskCount says what all tasks of a job have come to.
func taskCount(j *farm.Job) string {
	return fmt.Sprintf("%d/%d", j.Done, j.Total) + failedCount(j)
}

// frameCount says what the frames of a job have come to, and other tasks apart from them.
func frameCount(j *farm.Job) string {
	s := progressCount(&j.Progress)
	if plan := j.Plan(); len(j.Stages) == 0 && plan.Staged() && j.Process == nil { // a list does not tell them apart
		s += " tasks"
	}
	return s + failedCount(j)
}

// progressCount is frames done of all, and what there is besides: "12/24, film 0/1".
func progressCount(p *farm.Progress) string {
	done, total, ok := p.FramesDone()
	if !ok || len(p.Stages) == 0 {
		return fmt.Sprintf("%d/%d", p.Done, p.Total)
	}
	text := fmt.Sprintf("%d/%d", done, total)
	finished := slices.ContainsFunc(p.Stages, func(s farm.StageProgress) bool { return s.Stage == farm.StageFinish })
	for _, s := range p.Stages {
		name := ""
		switch s.Stage {
		case farm.StageBake:
			name = "bakes"
		case farm.StageRender:
			if finished {
				name = "parts"
			}
		case farm.StageEncode:
			name = "film"
		case farm.StageFinish, farm.StageInspect, farm.StageProcess:
		}
		if name != "" {
			text += fmt.Sprintf(", %s %d/%d", name, s.Done, s.Total)
		}
	}
	return text
}

func failedCount(j *farm.Job) (s string) {
	if j.Failed > 0 {
		s += fmt.Sprintf(" (%d failed)", j.Failed)
	}
	return s
}

// stageLine says what the tasks of a stage have come to.
func stageLine(s *farm.StageProgress) string {
	text := fmt.Sprintf("%-7s %d/%d", s.Stage, s.Done, s.Total)
	for _, part := range []struct {
		n    int
		what string
	}{{s.Failed, "failed"}, {s.Running, "running"}, {s.Queued, "waiting"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
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
	Warns   []farm.Warning   `json:"warnings,omitempty"`
	Why     []farm.Reason    `json:"why,omitempty"`

	more bool // leases than Running has
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
	if a.json {
		v.Running, err = client.Running(ctx, id)
	} else {
		var page wire.RunningList
		page, err = client.SomeRunning(ctx, id, 2*maxShown) // half of them may wait behind the others
		v.Running, v.more = page.Running, page.Next != 0
	}
	if err != nil {
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
	if v.Warns, err = client.Warnings(ctx, id); err != nil {
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
	if len(v.Stages) > 0 {
		if done, total, ok := v.FramesDone(); ok {
			parts := ""
			switch {
			case v.Tiles.Count() > 0:
				parts = fmt.Sprintf(", each in %s tiles that are then put together", v.Tiles)
			case v.Samples > 0:
				parts = fmt.Sprintf(", each in %d parts of its samples that are then put together", v.Samples)
			}
			line("frames", "%d/%d of %s%s", done, total, shorten(v.PictureNames(v.Pictures()), 100), parts)
		}
		line("tasks", "%s", taskCount(&v.Job))
		for i := range v.Stages {
			line("", "%s", stageLine(&v.Stages[i]))
		}
	} else {
		line("frames", "%s of %s", frameCount(&v.Job), shorten(v.PictureNames(v.Pictures()), 100))
	}
	if v.FPS > 0 {
		line("", "a film of %s frames a second", rate(v.FPS))
	}
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
		noun := "frame"
		if len(v.Stages) > 0 {
			noun = "task"
		}
		line("time", "%s a %s", span(time.Duration(v.Seconds/float64(v.Done)*float64(time.Second))), noun)
	}
	if v.Machine > 0 {
		line("", "%s of machines, with tries that failed", span(time.Duration(v.Machine*float64(time.Second))))
	}
	if v.LeftS > 0 {
		line("", "%s left with the workers that it has", span(time.Duration(v.LeftS*float64(time.Second))))
	}
	line("results", "%s", v.Folder)
	for i := range v.Removed {
		line("", "%s", v.Removed[i].Sentence())
	}
	if v.Keep {
		line("", "kept: netrender clean leaves it alone")
	}
	shown := 0
	for i := range v.Running {
		if r := &v.Running[i]; !r.Ahead {
			if shown++; shown > maxShown {
				break
			}
			line("worker", "%s: %s, %.0f %%", plainText(r.WorkerName), taskOf(r), 100*r.Beat.Fraction)
		}
	}
	if v.more || shown > maxShown {
		line("", "... and more: netrender workers")
	}
	for _, f := range v.Missing {
		line("missing", "%s (%s)", plainText(f.Original), size(f.Size))
	}
	if more := v.Progress.Missing - len(v.Missing); more > 0 {
		line("", "... and %s more", count(more, "file"))
	}
	for i := range v.Errors {
		at := &v.Errors[i]
		line("error", "%s, attempt %d: %s", v.TaskName(at.Frame), at.Number, plainText(at.Error))
	}
	a.showWarnings(v.Warns, line)
	for _, r := range sameReasons(v.Why) {
		line("why", "%s", r)
	}
}

// rate writes frames a second: 24, 23.976.
func rate(fps float64) string {
	return strconv.FormatFloat(math.Round(1000*fps)/1000, 'f', -1, 64)
}

// sameReasons says each reason once, with the workers that have it.
func sameReasons(why []farm.Reason) []string {
	const most = 5 // names
	var texts []string
	who := map[string][]string{}
	for i := range why {
		r := &why[i]
		if who[r.Text] == nil {
			texts = append(texts, r.Text)
		}
		name := plainText(r.Worker)
		if name == "" {
			name = "farm"
		}
		who[r.Text] = append(who[r.Text], name)
	}
	for i, text := range texts {
		names := who[text]
		if more := len(names) - most; more > 0 {
			names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
		}
		texts[i] = strings.Join(names, ", ") + ": " + plainText(text)
	}
	return texts
}

// taskOf says which frame, or other task, a lease is at.
func taskOf(r *farm.Running) string {
	switch {
	case r.Task != "":
		return r.Task
	case !r.Beat.Started && len(r.Frames) > 0:
		return farm.TaskName(r.Frames[0])
	}
	return farm.TaskName(r.Beat.Frame)
}

// shorten cuts a list where one of its parts ends, and what is no list anywhere.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if i := strings.LastIndexByte(s[:n], ','); i > n/2 {
		return s[:i+1] + "..."
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
