package openjd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Job is a template with values for its parameters.
type Job struct {
	Name         string
	Values       []Value // of its parameters, in the template's order
	Environments []Environment
	Steps        []Step // in the order of their levels, and of the template within one
}

// Value is that of a parameter.
type Value struct {
	Parameter
	Value string
}

// Step is one whose tasks are known.
type Step struct {
	StepTemplate
	Level int // how many steps come one after the other before it
	Tasks int // at least 1

	space  *space
	values [][]string // of each parameter
}

// Make gives the template's parameters values. Missing ones are those of the defaults. Errors are *Refusal.
func (t *Template) Make(given map[string]string) (*Job, error) {
	j := &Job{Environments: t.Environments}
	scope := Scope{}
	for name := range given {
		if !slices.ContainsFunc(t.Parameters, func(p Parameter) bool { return p.Name == name }) {
			return nil, refuse("", "the template has no parameter %s", clip(name))
		}
	}
	for _, p := range t.Parameters {
		v, has := given[p.Name]
		if !has {
			if p.Default == nil {
				return nil, refuse("", "the parameter %s has no default and needs a value", p.Name)
			}
			v = *p.Default
		}
		if why := p.wrong(v); why != "" {
			return nil, refuse(p.Name, "%s", why)
		}
		if p.Type == Int {
			n, _ := parseInt(v)
			v = strconv.FormatInt(n, 10)
		}
		if p.Type != Path {
			scope["Param."+p.Name] = v
		}
		scope["RawParam."+p.Name] = v
		j.Values = append(j.Values, Value{p, v})
	}
	var err error
	if j.Name, err = scope.Resolve(t.Name); err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(j.Name); n < 1 || n > 128 || controls(j.Name, "") {
		return nil, refuse("name", "%q is not the name of a job: 1 to 128 characters, none of them a control character", clip(j.Name))
	}
	at, err := levels(t.Steps)
	if err != nil {
		return nil, err
	}
	for i := range t.Steps {
		s := Step{StepTemplate: t.Steps[i], Level: at[i]}
		if err := s.expand(scope); err != nil {
			return nil, refuse(fmt.Sprintf("steps[%d]", i), "%s", err.Error())
		}
		j.Steps = append(j.Steps, s)
	}
	slices.SortStableFunc(j.Steps, func(a, b Step) int { return a.Level - b.Level })
	return j, nil
}

// expand finds the tasks of the step.
func (s *Step) expand(scope Scope) (err error) {
	counts := make([]int, len(s.Parameters))
	for i := range s.Parameters {
		p := &s.Parameters[i]
		var list []string
		if p.Expr != "" {
			text, err := scope.Resolve(p.Expr)
			if err != nil {
				return err
			}
			numbers, err := ParseRange(text)
			if err != nil {
				return err
			}
			for _, n := range numbers {
				list = append(list, strconv.FormatInt(n, 10))
			}
		}
		for _, format := range p.Range {
			v, err := scope.Resolve(format)
			if err != nil {
				return err
			}
			_, isInt := parseInt(v)
			_, isFloat := parseFloat(v)
			if p.Type == Int && !isInt || p.Type == Float && !isFloat || v == "" || tooLong(v, 1024) {
				return fmt.Errorf("%q is no value of the type %s for %s", clip(v), p.Type, p.Name)
			}
			list = append(list, v)
		}
		s.values, counts[i] = append(s.values, list), len(list)
	}
	if s.space, err = combine(s.Combination, s.Parameters, counts); err != nil {
		return err
	}
	s.Tasks = s.space.n
	return nil
}

// Task gives the values of the step's i-th task, 0 <= i < Tasks, by the names of its parameters.
func (s *Step) Task(i int) map[string]string {
	values := make(map[string]string, len(s.Parameters))
	s.space.pick(i, func(param, value int) { values[s.Parameters[param].Name] = s.values[param][value] })
	return values
}

// Scope is what format strings of environments know: the parameters, with paths as lead leads them, and the session's.
func (j *Job) Scope(lead func(path string) string, session map[string]string) Scope {
	scope := Scope{}
	for i := range j.Values {
		v := &j.Values[i]
		scope["RawParam."+v.Name], scope["Param."+v.Name] = v.Value, v.Value
		if v.Type == Path {
			scope["Param."+v.Name] = lead(v.Value)
		}
	}
	for name, value := range session {
		scope["Session."+name] = value
	}
	return scope
}

// TaskScope is a scope with the values of a task.
func (s *Step) TaskScope(base Scope, i int, lead func(path string) string) Scope {
	scope := base.With(nil)
	values := s.Task(i)
	for _, p := range s.Parameters {
		v := values[p.Name]
		scope["Task.RawParam."+p.Name], scope["Task.Param."+p.Name] = v, v
		if p.Type == Path {
			scope["Task.Param."+p.Name] = lead(v)
		}
	}
	return scope
}

// With is the scope with more names.
func (s Scope) With(more map[string]string) Scope {
	all := make(Scope, len(s)+len(more))
	for _, m := range []map[string]string{s, more} {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}

// Line is what a line says that a command prints.
type Line struct {
	What  string  // progress, status, fail, env, unset_env or redacted_env; "": nothing to us
	Text  string  // the message, or the name of a variable
	Value string  // of the variable
	Done  float64 // 0..1, of progress
}

// ParseLine reads a line without its end. One that begins as ours and makes no sense says nothing.
func ParseLine(line string) Line {
	rest, ours := strings.CutPrefix(line, "openjd_")
	what, text, colon := strings.Cut(rest, ": ")
	if !ours || !colon {
		return Line{}
	}
	switch what {
	case "progress":
		v, ok := parseFloat(text)
		if !ok || v < 0 || v > 100 {
			return Line{}
		}
		return Line{What: what, Done: v / 100}
	case "status", "fail":
		return Line{What: what, Text: strings.TrimSpace(text)}
	case "env", "redacted_env":
		name, value, ok := strings.Cut(strings.TrimLeft(text, " "), "=")
		if !ok || !variable.MatchString(name) {
			return Line{}
		}
		return Line{What: what, Text: name, Value: value}
	case "unset_env":
		if name := strings.TrimSpace(text); variable.MatchString(name) {
			return Line{What: what, Text: name}
		}
	}
	return Line{}
}
