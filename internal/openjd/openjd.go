// Package openjd reads job templates of the Open Job Description, as its specification 2023-09 says
// (github.com/OpenJobDescription/openjd-specifications), and makes jobs of them:
//
//	Template  what a file says, checked
//	Job       a template with values for its parameters: steps in the order of their levels, tasks by their number
//	Scope     what the names in format strings stand for
//	Line      what a line says that a command prints
//
// It runs nothing and knows of no farm. What it does not know - extensions, environment templates, capabilities of hosts
// other than those of machines - is refused with a sentence: a job that ran without it would be another one.
package openjd

import "fmt"

// Version is the specification that templates must name.
const Version = "jobtemplate-2023-09"

// Refusal is why a template, or values for it, are not taken.
type Refusal struct {
	Where string // in the template: steps[0].script; "": everywhere
	Text  string // a sentence without its end
}

func (r *Refusal) Error() string {
	if r.Where == "" {
		return r.Text
	}
	return r.Where + ": " + r.Text
}

func refuse(where, format string, args ...any) error {
	return &Refusal{where, fmt.Sprintf(format, args...)}
}

// Template is a checked job template.
type Template struct {
	Name         string // a format string
	Parameters   []Parameter
	Environments []Environment
	Steps        []StepTemplate
}

// The types of parameters.
const (
	String = "STRING"
	Path   = "PATH"
	Int    = "INT"
	Float  = "FLOAT"
)

// Parameter is a parameter of the job.
type Parameter struct {
	Name       string
	Type       string
	Default    *string  // nil: a value must be given
	Allowed    []string // nil: any
	MinLength  *int
	MaxLength  *int
	Min, Max   *float64
	ObjectType string // of PATH: FILE or DIRECTORY
	DataFlow   string // of PATH: NONE, IN, OUT or INOUT
}

// Environment surrounds the tasks of a job or step on each machine.
type Environment struct {
	Name      string
	Variables []Variable
	Enter     *Action
	Exit      *Action
	Files     []File
}

// Variable is set while an environment is entered. Value is a format string.
type Variable struct{ Name, Value string }

// Action is a command. Command and Args are format strings.
type Action struct {
	Command string
	Args    []string
	Timeout int // seconds; 0: no limit
	Notify  int // seconds between SIGTERM and the end of all its processes; 0: at once
}

// File is written before an action runs. Data is a format string.
type File struct {
	Name     string // as format strings name it
	Filename string // "": any
	Runnable bool
	Data     string
}

// Host is what a step asks of machines. Empty lists mean all.
type Host struct {
	VCPU      float64
	MemoryMiB float64
	OS        []string // linux, windows, macos
	Arch      []string // x86_64, arm64
}

// StepTemplate is a step as the template has it.
type StepTemplate struct {
	Name         string
	DependsOn    []string
	Environments []Environment
	Host         Host
	Parameters   []TaskParameter
	Combination  string // "": the product of all
	Run          Action
	Files        []File
}

// TaskParameter takes another value with each task.
type TaskParameter struct {
	Name  string
	Type  string
	Range []string // format strings
	Expr  string   // of INT, instead: a format string that becomes a range expression
}
