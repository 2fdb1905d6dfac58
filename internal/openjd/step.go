package openjd

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

func (c *check) step(n *node, where string, early, late, names map[string]bool) (s StepTemplate) {
	f := c.object(n, where, "name!", "description", "dependencies", "stepEnvironments", "hostRequirements", "parameterSpace", "script!")
	s.Name = c.label(f["name"], where+".name", 64)
	c.describe(f["description"], where+".description")
	for i, d := range c.items(f["dependencies"], where+".dependencies", 1000) {
		m := c.object(d, fmt.Sprintf("%s.dependencies[%d]", where, i), "dependsOn!")
		on := c.label(m["dependsOn"], fmt.Sprintf("%s.dependencies[%d].dependsOn", where, i), 64)
		if slices.Contains(s.DependsOn, on) {
			c.say(where+".dependencies", "%s is there twice", clip(on))
		}
		s.DependsOn = append(s.DependsOn, on)
	}
	own := with(names) // of the job's environments; other steps may have the same
	s.Environments = c.environments(f["stepEnvironments"], where+".stepEnvironments", late, own)
	if f["hostRequirements"] != nil {
		s.Host = c.host(f["hostRequirements"], where+".hostRequirements")
	}
	known := late
	if space := f["parameterSpace"]; space != nil {
		where := where + ".parameterSpace"
		m := c.object(space, where, "taskParameterDefinitions!", "combination")
		for i, n := range c.items(m["taskParameterDefinitions"], where+".taskParameterDefinitions", 16) {
			p := c.taskParameter(n, fmt.Sprintf("%s.taskParameterDefinitions[%d]", where, i), early)
			if known["Task.Param."+p.Name] {
				c.say(where, "two parameters are called %s", p.Name)
			}
			known = with(known, "Task.Param."+p.Name, "Task.RawParam."+p.Name)
			s.Parameters = append(s.Parameters, p)
		}
		if m["combination"] != nil {
			s.Combination = c.text(m["combination"], where+".combination", 1, 1280)
			if _, err := combine(s.Combination, s.Parameters, nil); err != nil {
				c.say(where+".combination", "%s", err.Error())
			}
		}
	}
	where += ".script"
	script := c.object(f["script"], where, "actions!", "embeddedFiles")
	s.Files, known = c.files(script["embeddedFiles"], where+".embeddedFiles", "Task.File.", known)
	actions := c.object(script["actions"], where+".actions", "onRun!")
	s.Run = *c.action(actions["onRun"], where+".actions.onRun", known, 0, 120)
	return s
}

func (c *check) taskParameter(n *node, where string, early map[string]bool) (p TaskParameter) {
	f := c.object(n, where, "name!", "type!", "range!")
	p.Name, p.Type = c.name(f["name"], where+".name"), c.oneOf(f["type"], where+".type", Int, Float, String, Path)
	r := f["range"]
	if p.Type == Int && r != nil && r.kind == isString {
		p.Expr = r.text
		c.format(p.Expr, where+".range", early)
		if !strings.Contains(p.Expr, "{{") && c.err == nil {
			if _, err := ParseRange(p.Expr); err != nil {
				c.say(where+".range", "%s", err.Error())
			}
		}
		return p
	}
	if r == nil {
		return p
	}
	for i, n := range c.items(r, where+".range", 1024) {
		where := fmt.Sprintf("%s.range[%d]", where, i)
		if n.kind == isString && strings.Contains(n.text, "{{") || p.Type == String || p.Type == Path {
			text := c.text(n, where, 1, 0)
			c.format(text, where, early)
			p.Range = append(p.Range, text)
			continue
		}
		p.Range = append(p.Range, c.value(n, where, p.Type))
	}
	return p
}

// host reads what a step asks of machines. Capabilities that are no machine's own are refused.
func (c *check) host(n *node, where string) (h Host) {
	f := c.object(n, where, "amounts", "attributes")
	if f["amounts"] == nil && f["attributes"] == nil {
		c.say(where, "amounts or attributes are missing")
	}
	seen := map[string]bool{}
	for i, n := range c.items(f["amounts"], where+".amounts", 50) {
		where := fmt.Sprintf("%s.amounts[%d]", where, i)
		m := c.object(n, where, "name!", "min", "max")
		name := strings.ToLower(c.text(m["name"], where+".name", 1, 100))
		least := c.amount(m["min"], where+".min")
		if most := c.amount(m["max"], where+".max"); m["max"] != nil && (most <= 0 || most < least) {
			c.say(where, "max is above 0 and not below min")
		}
		if m["min"] == nil && m["max"] == nil || seen[name] {
			c.say(where, "each amount is there once and has min or max")
		}
		seen[name] = true
		switch name {
		case "amount.worker.vcpu":
			h.VCPU = least
		case "amount.worker.memory":
			h.MemoryMiB = least
		default:
			c.say(where, "no machine here says how much it has of %s, only of amount.worker.vcpu and amount.worker.memory", clip(name))
		}
	}
	for i, n := range c.items(f["attributes"], where+".attributes", 50) {
		where := fmt.Sprintf("%s.attributes[%d]", where, i)
		m := c.object(n, where, "name!", "anyOf", "allOf")
		name := strings.ToLower(c.text(m["name"], where+".name", 1, 100))
		if m["anyOf"] == nil && m["allOf"] == nil || seen[name] {
			c.say(where, "each attribute is there once and has anyOf or allOf")
		}
		seen[name] = true
		among := []string{"linux", "windows", "macos"}
		switch name {
		case "attr.worker.os.family":
		case "attr.worker.cpu.arch":
			among = []string{"x86_64", "arm64"}
		default:
			c.say(where, "no machine here has the attribute %s, only attr.worker.os.family and attr.worker.cpu.arch", clip(name))
		}
		values := c.attributes(m["anyOf"], where+".anyOf", among)
		if all := c.attributes(m["allOf"], where+".allOf", among); len(all) > 1 {
			c.say(where+".allOf", "no machine has several values of %s", name)
		} else if len(all) == 1 {
			if values != nil && !slices.Contains(values, all[0]) {
				c.say(where, "no machine has all of that")
			}
			values = all
		}
		if name == "attr.worker.os.family" {
			h.OS = values
		} else {
			h.Arch = values
		}
	}
	return h
}

func (c *check) amount(n *node, where string) float64 {
	if n == nil {
		return 0
	}
	v, ok := parseFloat(n.text)
	if n.kind != isInt && n.kind != isFloat || !ok || v < 0 || v > 1e12 {
		c.say(where, "%q is not a number from 0", clip(n.text))
	}
	return v
}

func (c *check) attributes(n *node, where string, among []string) (list []string) {
	for i, n := range c.items(n, where, 50) {
		v := c.text(n, fmt.Sprintf("%s[%d]", where, i), 1, 0)
		switch {
		case strings.Contains(v, "{{"):
			c.say(where, "what a machine must have cannot come from a parameter here")
		case !attribute.MatchString(v):
			c.say(where, "%q is not a value of an attribute", clip(v))
		case !slices.Contains(among, strings.ToLower(v)):
			c.say(where, "%q is none of %s", clip(v), strings.Join(among, ", "))
		}
		list = append(list, strings.ToLower(v))
	}
	return list
}

// levels tells of each step how many others come one after the other before it.
func levels(steps []StepTemplate) ([]int, error) {
	at := make(map[string]int, len(steps))
	for i := range steps {
		at[steps[i].Name] = i
	}
	level := make([]int, len(steps))
	waits, opens := make([]int, len(steps)), make([][]int, len(steps))
	for i := range steps {
		for _, on := range steps[i].DependsOn {
			j, known := at[on]
			if !known || j == i {
				return nil, refuse(fmt.Sprintf("steps[%d].dependencies", i), "there is no other step %s", clip(on))
			}
			waits[i]++
			opens[j] = append(opens[j], i)
		}
	}
	var ready []int
	for i := range steps {
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	done := 0
	for ; len(ready) > 0; ready = ready[1:] {
		done++
		for _, i := range opens[ready[0]] {
			level[i] = max(level[i], level[ready[0]]+1)
			if waits[i]--; waits[i] == 0 {
				ready = append(ready, i)
			}
		}
	}
	if done < len(steps) {
		return nil, refuse("steps", "the steps wait for one another in a circle")
	}
	return level, nil
}

// tooLong tells of a name that is one only once its parameters are known.
func tooLong(s string, most int) bool { return utf8.RuneCountInString(s) > most }
