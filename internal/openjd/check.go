package openjd

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// check reads a tree with complaints that say where. Its first complaint counts; what is read after it means nothing.
type check struct{ err error }

func (c *check) say(where, format string, args ...any) {
	if c.err == nil {
		c.err = refuse(where, format, args...)
	}
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	variable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,255}$`)
	attribute  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)
)

// object is a map with some fields and no others; the names of those that must be there end with !.
func (c *check) object(n *node, where string, fields ...string) map[string]*node {
	if n == nil || n.kind != isMap {
		c.say(where, "an object is expected")
		return map[string]*node{}
	}
	for _, key := range n.keys {
		if !slices.Contains(fields, key) && !slices.Contains(fields, key+"!") {
			c.say(where, "%q is not known here", clip(key))
		}
	}
	for _, f := range fields {
		if name, must := strings.CutSuffix(f, "!"); must && n.fields[name] == nil {
			c.say(where, "%q is missing", name)
		}
	}
	return n.fields
}

// items is a list of at least one and at most most; nil: there is none.
func (c *check) items(n *node, where string, most int) []*node {
	if n == nil {
		return nil
	}
	if n.kind != isList || len(n.list) == 0 || len(n.list) > most {
		c.say(where, "a list of 1 to %d is expected", most)
		return nil
	}
	return n.list
}

func controls(s, but string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cc, r) && !strings.ContainsRune(but, r) })
}

// text is a string of some characters, most 0: any number.
func (c *check) text(n *node, where string, least, most int) string {
	if n == nil {
		return ""
	}
	l := utf8.RuneCountInString(n.text)
	switch {
	case n.kind != isString:
		c.say(where, "text is expected")
	case l < least || most > 0 && l > most:
		c.say(where, "the text has %d characters; it may have %d to %d", l, least, most)
	}
	return n.text
}

// label is text without control characters.
func (c *check) label(n *node, where string, most int) string {
	s := c.text(n, where, 1, most)
	if controls(s, "") {
		c.say(where, "the text holds control characters")
	}
	return s
}

func (c *check) describe(n *node, where string) {
	if s := c.text(n, where, 1, 2048); n != nil && controls(s, "\n\r\t") {
		c.say(where, "the text holds control characters")
	}
}

func (c *check) name(n *node, where string) string {
	s := c.text(n, where, 1, 64)
	if !identifier.MatchString(s) {
		c.say(where, "%q is not a name: letters, digits and _, not beginning with a digit, at most 64", clip(s))
	}
	return s
}

func (c *check) oneOf(n *node, where string, among ...string) string {
	if n == nil {
		return ""
	}
	if n.kind != isString || !slices.Contains(among, n.text) {
		c.say(where, "%q is none of %s", clip(n.text), strings.Join(among, ", "))
	}
	return n.text
}

// whole is a whole number written as one.
func (c *check) whole(n *node, where string, least, most int) int {
	if n == nil {
		return 0
	}
	v, err := strconv.Atoi(n.text)
	if n.kind != isInt || err != nil || v < least || v > most {
		c.say(where, "%q is not a whole number from %d to %d", clip(n.text), least, most)
	}
	return v
}

func (c *check) truth(n *node, where string) bool {
	if n != nil && n.kind != isBool {
		c.say(where, "true or false is expected")
	}
	return n != nil && strings.EqualFold(n.text, "true")
}

// parseInt reads a whole number as a parameter's value has it.
func parseInt(s string) (int64, bool) {
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return v, err == nil
}

func parseFloat(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) && !strings.ContainsAny(s, "xXpP_")
}

// value is a scalar that a parameter of the type may have.
func (c *check) value(n *node, where, typ string) string {
	bad := false
	switch typ {
	case Int:
		_, ok := parseInt(n.text)
		bad = !ok || n.kind != isInt && n.kind != isString
		if v, ok := parseFloat(n.text); n.kind == isFloat && ok && v == math.Trunc(v) && math.Abs(v) < 1<<53 { // 2.0
			return strconv.FormatInt(int64(v), 10)
		}
	case Float:
		_, ok := parseFloat(n.text)
		bad = !ok || n.kind != isInt && n.kind != isFloat && n.kind != isString
	default:
		bad = n.kind != isString || utf8.RuneCountInString(n.text) > 1024
	}
	if bad {
		c.say(where, "%q is no value of the type %s", clip(n.text), typ)
	}
	return n.text
}

// format is a format string whose names must be among some.
func (c *check) format(s, where string, known map[string]bool) {
	err := pieces(s, func(string) {}, func(name string) error {
		if !known[name] {
			return refuse("", "nothing is called %s here", clip(name))
		}
		return nil
	})
	if err != nil {
		c.say(where, "%s", err.Error())
	}
}

// with are the names of a scope and more.
func with(known map[string]bool, more ...string) map[string]bool {
	all := make(map[string]bool, len(known)+len(more))
	for name := range known {
		all[name] = true
	}
	for _, name := range more {
		all[name] = true
	}
	return all
}

// Parse reads a job template in JSON or YAML. Errors are *Refusal.
func Parse(text []byte) (*Template, error) {
	root, err := read(text)
	if err != nil {
		return nil, err
	}
	c := &check{}
	if root.kind != isMap {
		return nil, refuse("", "the template is no object")
	}
	if v := root.fields["specificationVersion"]; v == nil || v.text != Version {
		was := ""
		if v != nil {
			was = v.text
		}
		if strings.HasPrefix(was, "environment-") {
			return nil, refuse("specificationVersion", "this is a template of an environment, not of a job")
		}
		return nil, refuse("specificationVersion", "%q is not known, only %s", clip(was), Version)
	}
	f := c.object(root, "the template", "specificationVersion!", "$schema", "extensions", "name!", "description", "parameterDefinitions", "jobEnvironments", "steps!")
	for _, x := range c.items(f["extensions"], "extensions", 100) {
		if x.text != "REDACTED_ENV_VARS" { // that is honoured in any case
			c.say("extensions", "the extension %s is not known here", clip(x.text))
		}
	}
	t := &Template{Name: c.text(f["name"], "name", 1, 0)}
	c.describe(f["description"], "description")
	early := map[string]bool{} // what is known before a task runs
	late := map[string]bool{"Session.WorkingDirectory": true, "Session.HasPathMappingRules": true, "Session.PathMappingRulesFile": true}
	for i, n := range c.items(f["parameterDefinitions"], "parameterDefinitions", 50) {
		p := c.parameter(n, fmt.Sprintf("parameterDefinitions[%d]", i))
		if late["RawParam."+p.Name] {
			c.say("parameterDefinitions", "two parameters are called %s", p.Name)
		}
		if p.Type != Path {
			early["Param."+p.Name] = true
		}
		early["RawParam."+p.Name] = true
		late["Param."+p.Name], late["RawParam."+p.Name] = true, true
		t.Parameters = append(t.Parameters, p)
	}
	c.format(t.Name, "name", early)
	names := map[string]bool{}
	t.Environments = c.environments(f["jobEnvironments"], "jobEnvironments", late, names)
	steps := map[string]bool{}
	for i, n := range c.items(f["steps"], "steps", 1000) {
		s := c.step(n, fmt.Sprintf("steps[%d]", i), early, late, names)
		if steps[s.Name] {
			c.say("steps", "two steps are called %s", clip(s.Name))
		}
		steps[s.Name] = true
		t.Steps = append(t.Steps, s)
	}
	if c.err == nil {
		_, c.err = levels(t.Steps)
	}
	if c.err != nil {
		return nil, c.err
	}
	return t, nil
}

func (c *check) parameter(n *node, where string) (p Parameter) {
	typ := ""
	if n != nil && n.kind == isMap && n.fields["type"] != nil {
		typ = n.fields["type"].text
	}
	fields := []string{"name!", "type!", "description", "default", "allowedValues", "userInterface"}
	switch typ {
	case String:
		fields = append(fields, "minLength", "maxLength")
	case Path:
		fields = append(fields, "minLength", "maxLength", "objectType", "dataFlow")
	case Int, Float:
		fields = append(fields, "minValue", "maxValue")
	default:
		c.say(where, "%q is not a type of a parameter; it is STRING, PATH, INT or FLOAT", clip(typ))
		return p
	}
	f := c.object(n, where, fields...)
	p = Parameter{Name: c.name(f["name"], where+".name"), Type: typ, ObjectType: "DIRECTORY", DataFlow: "NONE"}
	c.describe(f["description"], where+".description")
	if f["objectType"] != nil {
		p.ObjectType = c.oneOf(f["objectType"], where+".objectType", "FILE", "DIRECTORY")
	}
	if f["dataFlow"] != nil {
		p.DataFlow = c.oneOf(f["dataFlow"], where+".dataFlow", "NONE", "IN", "OUT", "INOUT")
	}
	for i, v := range c.items(f["allowedValues"], where+".allowedValues", 10_000) {
		p.Allowed = append(p.Allowed, c.value(v, fmt.Sprintf("%s.allowedValues[%d]", where, i), typ))
	}
	length := func(name string) *int {
		if f[name] == nil {
			return nil
		}
		v := c.whole(f[name], where+"."+name, 0, 1<<30)
		return &v
	}
	bound := func(name string) *float64 {
		if f[name] == nil {
			return nil
		}
		v, _ := parseFloat(c.value(f[name], where+"."+name, typ))
		return &v
	}
	p.MinLength, p.MaxLength, p.Min, p.Max = length("minLength"), length("maxLength"), bound("minValue"), bound("maxValue")
	if p.MinLength != nil && p.MaxLength != nil && *p.MinLength > *p.MaxLength || p.Min != nil && p.Max != nil && *p.Min > *p.Max {
		c.say(where, "the least is more than the most")
	}
	free := p // what is allowed need not be told so
	free.Allowed = nil
	for _, v := range p.Allowed {
		if why := free.wrong(v); why != "" {
			c.say(where+".allowedValues", "%s", why)
		}
	}
	if d := f["default"]; d != nil {
		v := c.value(d, where+".default", typ)
		if p.Default = &v; c.err == nil {
			if why := p.wrong(v); why != "" {
				c.say(where+".default", "%s", why)
			}
		}
	}
	c.widget(f["userInterface"], where+".userInterface", &p)
	return p
}

// widget checks what is said of a parameter's place in a window, which has no use here.
func (c *check) widget(n *node, where string, p *Parameter) {
	if n == nil {
		return
	}
	fields := []string{"control", "label", "groupLabel"}
	free := []string{"SPIN_BOX"}
	switch p.Type {
	case String:
		free = []string{"LINE_EDIT", "MULTILINE_EDIT"}
	case Path:
		fields, free = append(fields, "fileFilters", "fileFilterDefault"), []string{"CHOOSE_INPUT_FILE", "CHOOSE_OUTPUT_FILE", "CHOOSE_DIRECTORY"}
	case Int:
		fields = append(fields, "singleStepDelta")
	case Float:
		fields = append(fields, "decimals", "singleStepDelta")
	}
	f := c.object(n, where, fields...)
	chosen := []string{"DROPDOWN_LIST"}
	if p.Type == String {
		chosen = append(chosen, "CHECK_BOX")
	}
	control := c.oneOf(f["control"], where+".control", append(append(slices.Clone(free), chosen...), "HIDDEN")...)
	if slices.Contains(free, control) && p.Allowed != nil || slices.Contains(chosen, control) && p.Allowed == nil {
		c.say(where+".control", "%s does not go with allowedValues as they are", control)
	}
	if f["label"] != nil {
		c.label(f["label"], where+".label", 64)
	}
	if f["groupLabel"] != nil {
		c.label(f["groupLabel"], where+".groupLabel", 64)
	}
}

// wrong says why a text is no value for the parameter; "" when it is one.
func (p *Parameter) wrong(v string) string {
	switch p.Type {
	case Int:
		i, ok := parseInt(v)
		if !ok {
			return fmt.Sprintf("%q is not a whole number", clip(v))
		}
		if p.Min != nil && float64(i) < *p.Min || p.Max != nil && float64(i) > *p.Max {
			return fmt.Sprintf("%s is not within the bounds of %s", clip(v), p.Name)
		}
	case Float:
		x, ok := parseFloat(v)
		if !ok {
			return fmt.Sprintf("%q is not a number", clip(v))
		}
		if p.Min != nil && x < *p.Min || p.Max != nil && x > *p.Max {
			return fmt.Sprintf("%s is not within the bounds of %s", clip(v), p.Name)
		}
	default:
		n := utf8.RuneCountInString(v)
		if p.MinLength != nil && n < *p.MinLength || p.MaxLength != nil && n > *p.MaxLength || n > 1024 {
			return fmt.Sprintf("%q has %d characters, which %s may not have", clip(v), n, p.Name)
		}
	}
	if p.Allowed != nil && !slices.ContainsFunc(p.Allowed, func(a string) bool { return p.same(a, v) }) {
		return fmt.Sprintf("%q is none of the values that %s may have: %s", clip(v), p.Name, clip(strings.Join(p.Allowed, ", ")))
	}
	return ""
}

// same compares values: 1 and 01 are one number.
func (p *Parameter) same(a, b string) bool {
	switch p.Type {
	case Int:
		x, _ := parseInt(a)
		y, _ := parseInt(b)
		return x == y
	case Float:
		x, _ := parseFloat(a)
		y, _ := parseFloat(b)
		return x == y
	}
	return a == b
}

func (c *check) environments(n *node, where string, late, names map[string]bool) (list []Environment) {
	for i, n := range c.items(n, where, 100) {
		where := fmt.Sprintf("%s[%d]", where, i)
		f := c.object(n, where, "name!", "description", "script", "variables")
		e := Environment{Name: c.label(f["name"], where+".name", 64)}
		c.describe(f["description"], where+".description")
		if names[e.Name] {
			c.say(where, "two environments are called %s", clip(e.Name))
		}
		names[e.Name] = true
		if f["script"] == nil && f["variables"] == nil {
			c.say(where, "an environment has a script or variables")
		}
		if v := f["variables"]; v != nil {
			if v.kind != isMap || len(v.keys) == 0 {
				c.say(where+".variables", "names with values are expected")
			}
			for _, key := range v.keys {
				if !variable.MatchString(key) {
					c.say(where+".variables", "%q is not a name of a variable", clip(key))
				}
				value := c.text(v.fields[key], where+".variables."+key, 0, 2048)
				c.format(value, where+".variables."+key, late)
				e.Variables = append(e.Variables, Variable{key, value})
			}
		}
		if f["script"] != nil {
			where += ".script"
			s := c.object(f["script"], where, "actions!", "embeddedFiles")
			known := late
			e.Files, known = c.files(s["embeddedFiles"], where+".embeddedFiles", "Env.File.", late)
			a := c.object(s["actions"], where+".actions", "onEnter", "onExit")
			if a["onEnter"] == nil && a["onExit"] == nil {
				c.say(where+".actions", "onEnter or onExit is missing")
			}
			if a["onEnter"] != nil {
				e.Enter = c.action(a["onEnter"], where+".actions.onEnter", known, 0, 30)
			}
			if a["onExit"] != nil {
				e.Exit = c.action(a["onExit"], where+".actions.onExit", known, 300, 30)
			}
		}
		list = append(list, e)
	}
	return list
}

func (c *check) action(n *node, where string, known map[string]bool, timeout, notify int) *Action {
	f := c.object(n, where, "command!", "args", "timeout", "cancelation")
	a := &Action{Command: c.label(f["command"], where+".command", 0), Timeout: timeout}
	c.format(a.Command, where+".command", known)
	if args := f["args"]; args != nil {
		for i, n := range c.items(args, where+".args", 100_000) {
			s := c.text(n, fmt.Sprintf("%s.args[%d]", where, i), 0, 0)
			c.format(s, fmt.Sprintf("%s.args[%d]", where, i), known)
			a.Args = append(a.Args, s)
		}
	}
	if f["timeout"] != nil {
		a.Timeout = c.whole(f["timeout"], where+".timeout", 1, math.MaxInt32)
	}
	if n := f["cancelation"]; n != nil {
		mode := ""
		if n.kind == isMap && n.fields["mode"] != nil {
			mode = n.fields["mode"].text
		}
		switch mode {
		case "TERMINATE":
			c.object(n, where+".cancelation", "mode!")
		case "NOTIFY_THEN_TERMINATE":
			m := c.object(n, where+".cancelation", "mode!", "notifyPeriodInSeconds")
			if a.Notify = notify; m["notifyPeriodInSeconds"] != nil {
				a.Notify = c.whole(m["notifyPeriodInSeconds"], where+".cancelation.notifyPeriodInSeconds", 1, 600)
			}
		default:
			c.say(where+".cancelation", "%q is neither TERMINATE nor NOTIFY_THEN_TERMINATE", clip(mode))
		}
	}
	return a
}

// files also gives the names by which the script that has them knows them.
func (c *check) files(n *node, where, prefix string, known map[string]bool) (list []File, all map[string]bool) {
	all = with(known)
	for i, n := range c.items(n, where, 1000) {
		where := fmt.Sprintf("%s[%d]", where, i)
		f := c.object(n, where, "name!", "type!", "filename", "runnable", "data!")
		file := File{Name: c.name(f["name"], where+".name"), Runnable: c.truth(f["runnable"], where+".runnable"), Data: c.text(f["data"], where+".data", 1, 0)}
		c.oneOf(f["type"], where+".type", "TEXT")
		if f["filename"] != nil {
			file.Filename = c.label(f["filename"], where+".filename", 64)
			if strings.ContainsAny(file.Filename, `/\:`) || file.Filename == "." || file.Filename == ".." {
				c.say(where+".filename", "%q is not the name of a file without a folder", clip(file.Filename))
			}
		}
		if all[prefix+file.Name] {
			c.say(where, "two files are called %s", file.Name)
		}
		all[prefix+file.Name] = true
		list = append(list, file)
	}
	for i := range list {
		c.format(list[i].Data, fmt.Sprintf("%s[%d].data", where, i), all)
	}
	return list, all
}
