package farm

import (
	"fmt"
	"slices"
	"strings"
)

// Process makes a job one of commands instead of frames. The manifest file that JobSpec.Blend names is then a template, as
// package openjd reads it; what a worker makes of it with these parameters must be these steps. Tasks are the job's frames,
// numbered from 1, step after step. Those of a level wait for all of the levels before.
type Process struct {
	Parameters []ProcessValue `json:"parameters,omitempty"` // of the job: the values that were given or are defaults
	Steps      []ProcessStep  `json:"steps"`                // in the order of their levels
	Paths      []ProcessPath  `json:"paths,omitempty"`      // how paths of the submitter's machine are led to the job's files
}

// ProcessValue is the value of a parameter.
type ProcessValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ProcessStep is a command that is run once for each of its tasks.
type ProcessStep struct {
	Name  string `json:"name"`
	Level int    `json:"level"` // 0 waits for nothing
	Tasks int    `json:"tasks"` // at least 1
}

// ProcessPath leads what lies at or below From to a place that a worker has. The longest From that fits counts.
type ProcessPath struct {
	From   string `json:"from"`             // absolute, as the submitter's machine names it
	To     string `json:"to,omitempty"`     // manifest path of a file, or of a folder of some; "": the folder of all
	Output bool   `json:"output,omitempty"` // it leads to the task's output folder, and To is not looked at
}

// Limits of a job of commands.
const (
	MaxProcessTasks = 1_000_000 // they are numbered as frames are
	MaxProcessSteps = 256

	maxProcessParameters = 200
	maxProcessText       = 4096 // bytes of a parameter or path
	maxProcessPaths      = 1000
)

// Tasks is how many tasks there are.
func (p *Process) Tasks() int {
	n := 0
	for i := range p.Steps {
		n += min(max(p.Steps[i].Tasks, 0), MaxProcessTasks)
	}
	return min(n, MaxProcessTasks)
}

// Levels are the positions at which a level ends and another begins.
func (p *Process) Levels() (cuts []int) {
	at := 0
	for i := range p.Steps {
		if i > 0 && p.Steps[i].Level != p.Steps[i-1].Level && at > 0 {
			cuts = append(cuts, at)
		}
		at = min(at+min(max(p.Steps[i].Tasks, 0), MaxProcessTasks), MaxProcessTasks)
	}
	return slices.DeleteFunc(slices.Compact(cuts), func(c int) bool { return c >= at })
}

// Step is the step of a task, and which of its tasks it is, from 0; step is -1 when there is no such task.
func (p *Process) Step(no int) (step, task int) {
	for i := range p.Steps {
		if no < 1 {
			break
		}
		if no <= p.Steps[i].Tasks {
			return i, no - 1
		}
		no -= p.Steps[i].Tasks
	}
	return -1, 0
}

// defaults sets what a job of commands is to be.
func (p *Process) defaults(s *JobSpec) {
	n := &s.Needs
	if s.Frames.Count() != p.Tasks() {
		s.Frames = FrameRange(1, p.Tasks(), 1)
	}
	s.Order, s.Tiles, s.Samples, s.FPS = Linear, Tiles{}, 0, 0
	s.Bakes, s.InOrder, s.Film, s.Probe, s.Views = nil, false, nil, false, nil
	s.Options = Options{EXR: "none", Outputs: true}
	s.Needs = Needs{Allow: n.Allow, Deny: n.Deny, Tags: n.Tags, MemoryMB: n.MemoryMB, Shared: n.Shared, Cores: n.Cores, OS: n.OS, Arch: n.Arch}
}

func (p *Process) check(s *JobSpec) error {
	total := 0
	for i := range p.Steps {
		st := &p.Steps[i]
		before := 0
		if i > 0 {
			before = p.Steps[i-1].Level
		}
		switch {
		case st.Name == "" || len(st.Name) > maxProcessText:
			return Errorf(Invalid, "a step's name is 1 to %d bytes long", maxProcessText)
		case st.Tasks < 1 || st.Tasks > MaxProcessTasks:
			return Errorf(Invalid, "the step %s has %d tasks; it can have 1 to %d", clip(st.Name, 60), st.Tasks, MaxProcessTasks)
		case st.Level < before || st.Level > before+1 || i == 0 && st.Level != 0:
			return Errorf(Invalid, "the steps of the job are not in the order of their levels")
		}
		total += st.Tasks
	}
	switch {
	case len(p.Steps) == 0 || len(p.Steps) > MaxProcessSteps:
		return Errorf(Invalid, "a job of commands has 1 to %d steps, not %d", MaxProcessSteps, len(p.Steps))
	case total > MaxProcessTasks:
		return Errorf(TooLarge, "the steps have %d tasks together; a job has at most %d", total, MaxProcessTasks).WithHint("make several jobs of it")
	case s.Inspect:
		return Errorf(Invalid, "a job looks at a scene or runs commands, not both")
	case s.Frames.String() != FrameRange(1, total, 1).String() || s.Order != Linear:
		return Errorf(Invalid, "the tasks of a job of commands are numbered from 1 to %d", total)
	case len(p.Parameters) > maxProcessParameters:
		return Errorf(TooLarge, "the job has over %d parameters", maxProcessParameters)
	case len(p.Paths) > maxProcessPaths:
		return Errorf(TooLarge, "the job has over %d paths to lead elsewhere", maxProcessPaths)
	}
	for _, v := range p.Parameters {
		if v.Name == "" || len(v.Name) > maxProcessText || len(v.Value) > maxProcessText {
			return Errorf(TooLarge, "the parameter %s is over %d bytes long", clip(v.Name, 60), maxProcessText)
		}
	}
	for i := range p.Paths {
		m := &p.Paths[i]
		if len(m.From) > maxProcessText || !isFolder(m.From) || len(m.To) > maxProcessText || strings.Contains(m.To, `\`) {
			return Errorf(Invalid, "%s is not a path that can be led elsewhere", clip(m.From, 100))
		}
	}
	return nil
}

// WhyNoProcesses is what somebody is told whose commands nobody runs.
const WhyNoProcesses = "this farm runs no commands, only scenes"

// TaskName says which task a number is, for people.
func (p *Process) TaskName(no int) string {
	if i, task := p.Step(no); i >= 0 && p.Steps[i].Tasks > 1 {
		return fmt.Sprintf("task %d of the step %s", task+1, clip(p.Steps[i].Name, 60))
	} else if i >= 0 {
		return "the step " + clip(p.Steps[i].Name, 60)
	}
	return fmt.Sprintf("task %d", no)
}
