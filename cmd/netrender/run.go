package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/openjd"
)

var _ = verb("job", (*app).runVerb)

// runOptions are the settings of a job of commands.
type runOptions struct {
	params   []string
	with     []string
	frames   string
	out      string
	check    bool
	detach   bool
	name     string
	priority int
	chunk    int
	attempts int
	timeout  time.Duration
	allow    []string
	deny     []string
	tags     []string
}

func (a *app) runVerb() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run TEMPLATE | run [-f FRAMES] -- COMMAND [ARGUMENT...]", Short: "Run commands on the farm: a job template, or one command for each frame",
		Long: `Run commands on the farm instead of rendering a scene. TEMPLATE is a job template of the Open Job Description, in JSON or
YAML; what it says that this program does not know is refused. Without a template, the command after -- is run once, or
once for each of the frames; its words may hold {{Task.Param.Frame}}.

This is off until an admin switches it on (netrender rules processes=on), and only workers that were started with
--allow-processes do it: whoever may submit jobs may then run anything there. docs/process-jobs.md says more.

What a task leaves in the folder that NETRENDER_OUTPUT names ("output" in its working directory) comes back. --check sends
nothing and says what the job would be.`,
		Example: "  netrender run job.yaml -p Frames=1-10 --with textures/ -o results/\n  netrender run -f 1-10 -- python3 make.py --frame {{Task.Param.Frame}}\n  netrender run --check job.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			template, made, err := o.read(args, cmd.ArgsLenAtDash())
			if err != nil {
				return err
			}
			if o.check {
				return a.showProcess(made)
			}
			file, remove, err := o.file(args, cmd.ArgsLenAtDash(), template)
			if err != nil {
				return err
			}
			defer remove()
			spec, with, err := o.spec(made)
			if err != nil {
				return err
			}
			if err := client.CheckFolder(o.out); err != nil {
				return err
			}
			master, err := a.connect(cmd)
			if err != nil {
				return err
			}
			hashes := blob.OpenHashCache(filepath.Join(a.settings.data, "hashes"), time.Now)
			plan, err := client.ProcessPlan(cmd.Context(), client.ProcessOptions{Spec: spec, Template: file, With: with, Hashes: hashes})
			if err != nil {
				return err
			}
			if err := hashes.Save(); err != nil {
				a.note(map[string]any{"warning": err.Error()}, "note: what is known of the files could not be kept: %v", err)
			}
			if err := a.checkFarm(cmd.Context(), master, plan); err != nil {
				return err
			}
			if o.detach {
				job, err := a.send(cmd.Context(), master, plan)
				if err != nil {
					return interrupted(cmd.Context(), err)
				}
				if a.json {
					return a.print(job)
				}
				fmt.Fprintln(a.out, job.ID)
				return nil
			}
			return a.renderPlan(cmd.Context(), master, plan, &fetching{dir: o.out, kinds: []farm.ResultKind{farm.KindOutput}, plan: plan})
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	f := c.Flags()
	f.StringArrayVarP(&o.params, "param", "p", nil, "a value for a parameter of the template, as Name=Value")
	f.StringArrayVar(&o.with, "with", nil, "a file or folder that the commands read: it is sent along, and paths in parameters lead to it")
	f.StringVarP(&o.frames, "frames", "f", "", "run the command after -- once for each of these, as 1-250 or 1,5,9 or 1-100x5")
	f.StringVarP(&o.out, "out", "o", ".", "folder for what the commands leave")
	f.BoolVar(&o.check, "check", false, "send nothing: say which steps and tasks the job has, or what is refused")
	f.BoolVar(&o.detach, "detach", false, "print the job's number and do not wait")
	f.StringVar(&o.name, "name", "", "the job's name (default: the template's, or the command's)")
	f.IntVar(&o.priority, "priority", 1, "1 to 100; a job of priority 2 counts as two jobs")
	f.IntVar(&o.chunk, "chunk", 1, "tasks handed out together")
	f.IntVar(&o.attempts, "attempts", 0, "failed attempts before a task is failed (default: the farm's rule)")
	f.DurationVar(&o.timeout, "timeout", 0, "longest a task may take, as 20m or 2h")
	f.StringSliceVar(&o.allow, "allow", nil, "only these workers")
	f.StringSliceVar(&o.deny, "deny", nil, "not these workers")
	f.StringSliceVar(&o.tags, "need-tags", nil, "only workers that have all of these tags")
	return c
}

// refused is the error of what is no template that can be run.
func refused(err error) error {
	return farm.Errorf(farm.Invalid, "%v", err).WithHint("netrender run --check TEMPLATE says whether a template can be run; docs/process-jobs.md lists what is known")
}

// read gives the template and the job that it makes. dash is how many words come before --; -1: there is none.
func (o *runOptions) read(args []string, dash int) (text []byte, made *openjd.Job, err error) {
	if dash == 0 {
		if len(args) == 0 || len(o.params) > 0 {
			return nil, nil, usagef("after -- comes a command; parameters are of templates")
		}
		if text, err = o.short(args); err != nil {
			return nil, nil, err
		}
	} else {
		if len(args) != 1 || dash > 0 || o.frames != "" {
			return nil, nil, usagef("name one template, or write a command after --; -f goes with a command")
		}
		st, err := os.Stat(args[0])
		if err == nil && (!st.Mode().IsRegular() || st.Size() > openjd.MaxTemplate) {
			return nil, nil, farm.Errorf(farm.Invalid, "%s is no template: it is no plain file, or over %d bytes long", args[0], openjd.MaxTemplate).WithHint("name a job template in JSON or YAML")
		}
		if err == nil {
			text, err = os.ReadFile(args[0])
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil, farm.Errorf(farm.NotFound, "there is no file %s", args[0]).WithHint("check its name; names without a folder are looked for in %s", workingFolder())
		}
		if err != nil {
			return nil, nil, farm.Errorf(farm.Invalid, "%s cannot be read: %s", args[0], reasonOf(err)).WithHint("check the path and its permissions")
		}
	}
	t, err := openjd.Parse(text)
	if err != nil {
		return nil, nil, refused(err)
	}
	values := map[string]string{}
	for _, p := range o.params {
		name, value, ok := strings.Cut(p, "=")
		if _, twice := values[name]; !ok || twice {
			return nil, nil, usagef("-p takes each parameter once, as Name=Value, not %q", p)
		}
		values[name] = value
	}
	// Relative paths are of where the command is given, those of defaults of where the template lies.
	for _, p := range t.Parameters {
		v, given := values[p.Name]
		base := ""
		if !given && p.Default != nil && dash != 0 {
			v, base = *p.Default, filepath.Dir(args[0])
		}
		if p.Type != openjd.Path || v == "" || filepath.IsAbs(v) || !given && p.Default == nil {
			continue
		}
		if v, err = filepath.Abs(filepath.Join(base, v)); err != nil {
			return nil, nil, err
		}
		if p.Allowed == nil {
			values[p.Name] = v
		}
	}
	if made, err = t.Make(values); err != nil {
		return nil, nil, refused(err)
	}
	return text, made, nil
}

// short is the template of one command.
func (o *runOptions) short(argv []string) ([]byte, error) {
	type m = map[string]any
	step := m{"name": "run", "script": m{"actions": m{"onRun": m{"command": argv[0]}}}}
	if len(argv) > 1 {
		step["script"].(m)["actions"].(m)["onRun"].(m)["args"] = argv[1:]
	}
	if o.frames != "" {
		set, err := farm.ParseFrameSet(o.frames)
		if err != nil {
			return nil, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		step["parameterSpace"] = m{"taskParameterDefinitions": []any{m{"name": "Frame", "type": "INT", "range": strings.ReplaceAll(set.String(), "x", ":")}}}
	}
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '{' || r == '}' {
			return '_'
		}
		return r
	}, filepath.Base(argv[0])))
	return json.Marshal(m{"specificationVersion": openjd.Version, "name": name, "steps": []any{step}})
}

// file is where the template lies; that of a command is written.
func (o *runOptions) file(args []string, dash int, text []byte) (path string, remove func(), err error) {
	if dash != 0 {
		path, err = filepath.Abs(args[0])
		return path, func() {}, err
	}
	f, err := os.CreateTemp("", "netrender-run-*.json")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(f.Name()) }
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		remove()
	}
	return f.Name(), remove, err
}

// spec is the job, and what is sent with it.
func (o *runOptions) spec(made *openjd.Job) (s farm.JobSpec, with []string, err error) {
	p := processOf(made)
	with = slices.Clone(o.with)
	for i := range made.Values {
		v := &made.Values[i]
		if v.Type != openjd.Path || v.Value == "" {
			continue
		}
		switch v.DataFlow {
		case "IN":
			if _, err := os.Stat(v.Value); err == nil && !slices.Contains(with, v.Value) {
				with = append(with, v.Value)
			}
		case "OUT":
			from := v.Value
			if v.ObjectType == "FILE" {
				from = filepath.Dir(from)
			}
			if !slices.ContainsFunc(p.Paths, func(m farm.ProcessPath) bool { return m.From == from }) {
				p.Paths = append(p.Paths, farm.ProcessPath{From: from, Output: true})
			}
		case "INOUT":
			return s, nil, refused(fmt.Errorf("the parameter %s is a path that is read and written (INOUT); a worker has a copy of its own", v.Name))
		}
	}
	s = farm.JobSpec{
		Name: o.name, Priority: o.priority, Chunk: o.chunk, Attempts: o.attempts, Timeout: int(o.timeout.Round(time.Second).Seconds()),
		Needs: farm.Needs{Allow: o.allow, Deny: o.deny, Tags: o.tags}, Process: p,
	}
	if s.Name == "" {
		s.Name = made.Name
	}
	if err := hostNeeds(made, &s.Needs); err != nil {
		return s, nil, err
	}
	return s, with, nil
}

// processOf is the job as a farm knows it.
func processOf(made *openjd.Job) *farm.Process {
	p := &farm.Process{}
	for i := range made.Values {
		p.Parameters = append(p.Parameters, farm.ProcessValue{Name: made.Values[i].Name, Value: made.Values[i].Value})
	}
	for i := range made.Steps {
		p.Steps = append(p.Steps, farm.ProcessStep{Name: made.Steps[i].Name, Level: made.Steps[i].Level, Tasks: made.Steps[i].Tasks})
	}
	return p
}

// hostNeeds asks of every worker of the job what any of its steps asks.
func hostNeeds(made *openjd.Job, n *farm.Needs) error {
	systems := map[string]string{"linux": "linux", "windows": "windows", "macos": "darwin"}
	archs := map[string]string{"x86_64": "amd64", "arm64": "arm64"}
	narrow := func(have, want []string, names map[string]string) ([]string, error) {
		if len(want) == 0 {
			return have, nil
		}
		var list []string
		for _, w := range want {
			if name := names[w]; (len(have) == 0 || slices.Contains(have, name)) && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		if len(list) == 0 {
			return nil, refused(errors.New("its steps ask for different kinds of machines; a job's tasks all go to one kind"))
		}
		return list, nil
	}
	for i := range made.Steps {
		h := &made.Steps[i].Host
		n.Cores, n.MemoryMB = max(n.Cores, int(h.VCPU+0.999)), max(n.MemoryMB, int(h.MemoryMiB+0.999))
		var err error
		if n.OS, err = narrow(n.OS, h.OS, systems); err != nil {
			return err
		}
		if n.Arch, err = narrow(n.Arch, h.Arch, archs); err != nil {
			return err
		}
	}
	return nil
}

// showProcess says what a job would be.
func (a *app) showProcess(made *openjd.Job) error {
	var n farm.Needs
	if err := hostNeeds(made, &n); err != nil {
		return err
	}
	p := processOf(made)
	spec := farm.JobSpec{Name: made.Name, Blend: "template", Process: p}
	spec.Defaults()
	if err := spec.Check(); err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]any{"name": made.Name, "tasks": p.Tasks(), "parameters": p.Parameters, "steps": p.Steps, "needs": n})
	}
	fmt.Fprintf(a.out, "%s: %s in %s\n", plainText(made.Name), count(p.Tasks(), "task"), count(len(p.Steps), "step"))
	rows := make([][]string, 0, len(made.Steps))
	for i := range made.Steps {
		s := &made.Steps[i]
		first := s.Task(0)
		var words []string
		for _, name := range slices.Sorted(maps.Keys(first)) {
			words = append(words, name+"="+first[name])
		}
		rows = append(rows, []string{plainText(s.Name), fmt.Sprint(s.Tasks), plainText(strings.Join(s.DependsOn, ", ")), plainText(strings.Join(words, " "))})
	}
	a.rows([]string{"STEP", "TASKS", "AFTER", "FIRST TASK"}, rows)
	return nil
}
