package openjd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sample is a template in which one part is replaced by each test.
const sample = `specificationVersion: jobtemplate-2023-09
name: "Job {{Param.A}}"
parameterDefinitions:
  - {name: A, type: STRING, default: x, allowedValues: [x, y]}
  - {name: N, type: INT, default: 3, minValue: 1, maxValue: "9"}
  - {name: P, type: PATH, default: in, objectType: FILE, dataFlow: IN}
  - {name: F, type: FLOAT, default: 1.5, minValue: 0.5}
jobEnvironments:
  - name: env
    variables: {V: "{{Param.A}} {{Param.P}}"}
    script:
      actions:
        onEnter: {command: sh, args: ["{{Env.File.e}}"]}
        onExit: {command: sh}
      embeddedFiles:
        - {name: e, type: TEXT, data: "echo {{Session.WorkingDirectory}}"}
steps:
  - name: one
    hostRequirements:
      amounts: [{name: amount.worker.vcpu, min: 2}, {name: amount.worker.memory, min: 512}]
      attributes: [{name: attr.worker.os.family, anyOf: [linux, macos]}]
    parameterSpace:
      taskParameterDefinitions:
        - {name: I, type: INT, range: "1-{{Param.N}}"}
        - {name: S, type: STRING, range: [a, b, "{{Param.A}}"]}
        - {name: G, type: FLOAT, range: [1, "2.5"]}
      combination: "G * (I, S)"
    script:
      actions:
        onRun:
          command: "{{Task.File.run}}"
          args: ["{{Task.Param.I}}", "{{Task.RawParam.S}}", "{{RawParam.P}}", ""]
          timeout: 60
          cancelation: {mode: NOTIFY_THEN_TERMINATE, notifyPeriodInSeconds: 5}
      embeddedFiles:
        - {name: run, type: TEXT, filename: run.sh, runnable: true, data: "#!/bin/sh"}
  - name: two
    dependencies: [{dependsOn: one}]
    script: {actions: {onRun: {command: sh}}}
`

// cases are changes of the sample, each with a part of what is said to it; "": it is taken. unlike says why the reference
// judges otherwise.
var cases = []struct{ old, new, want, unlike string }{
	{"", "", "", ""},
	{"jobtemplate-2023-09", "jobtemplate-2019-01", "is not known", ""},
	{"jobtemplate-2023-09", "environment-2023-09", "not of a job", ""},
	{"name: \"Job {{Param.A}}\"", "", `"name" is missing`, ""},
	{"name: \"Job {{Param.A}}\"", "name: \"{{Param.P}}\"", "nothing is called Param.P", ""},
	{"name: \"Job {{Param.A}}\"", "name: \"{{RawParam.P}}\"", "", ""},
	{"name: \"Job {{Param.A}}\"", "name: \"{{Param.A\"", "not closed", ""},
	{"name: \"Job {{Param.A}}\"", "name: \"{{Param.Nobody}}\"", "nothing is called Param.Nobody", ""},
	{"name: \"Job {{Param.A}}\"", "name: \"{{1 + 2}}\"", "extension", ""},
	{"name: \"Job {{Param.A}}\"", "name: j\nextensions: [TASK_CHUNKING]", "TASK_CHUNKING is not known", "it knows that extension"},
	{"name: \"Job {{Param.A}}\"", "name: j\nfoo: 1", `"foo" is not known`, ""},
	{"default: x,", "default: z,", "none of the values", ""},
	{"name: N, type: INT", "name: A, type: INT", "two parameters", ""},
	{"name: N, type: INT", "name: 1N, type: INT", "not a name", ""},
	{"type: INT, default: 3", "type: LIST, default: 3", "not a type", ""},
	{"type: INT, default: 3", "type: INT, default: 30", "bounds", ""},
	{"type: INT, default: 3", "type: INT, default: three", "no value", ""},
	{"type: INT, default: 3", "type: INT, default: \"3\"", "", ""},
	{"minValue: 1,", "minValue: 10,", "the least is more", ""},
	{"minValue: 0.5}", "minValue: 0.5, minLength: 1}", `"minLength" is not known`, ""},
	{"dataFlow: IN", "dataFlow: SIDEWAYS", "none of", ""},
	{"variables: {V:", "variables: {1V:", "not a name of a variable", ""},
	{"{{Env.File.e}}", "{{Task.File.e}}", "nothing is called", ""},
	{"{{Param.A}} {{Param.P}}", "{{Task.Param.I}}", "nothing is called", ""},
	{"amount.worker.memory, min: 512", "amount.worker.gpu, min: 1", "no machine here says", "it is a capability, which farms may have"},
	{"amount.worker.memory, min: 512", "amount.worker.memory", "min or max", ""},
	{"amount.worker.vcpu, min: 2", "amount.worker.vcpu, min: -2", "not a number from 0", ""},
	{"anyOf: [linux, macos]", "anyOf: [beos]", "none of linux", ""},
	{"range: \"1-{{Param.N}}\"", "range: \"3-1,2-5:0\"", "not a range", ""},
	{"range: \"1-{{Param.N}}\"", "range: \"1-3,3\"", "overlap", ""},
	{"range: \"1-{{Param.N}}\"", "range: [1, 2, \"{{Param.N}}\"]", "", ""},
	{"range: \"1-{{Param.N}}\"", "range: [1, 2.5, 3]", "no value of the type INT", ""},
	{"range: [1, \"2.5\"]", "range: []", "a list of", ""},
	{"range: [1, \"2.5\"]", "range: \"1-3\"", "a list of", ""},
	{"G * (I, S)", "G * (I, S", "not closed", ""},
	{"G * (I, S)", "G * I", "not every parameter", ""},
	{"G * (I, S)", "G * (I, S) * G", "twice", ""},
	{"G * (I, S)", "G * (I, X)", "no parameter", "it finds that when the job is made"},
	{"G * (I, S)", "(G * I, S)", "", ""}, // lengths are known when there are values
	{"dependsOn: one", "dependsOn: two", "no other step", ""},
	{"dependsOn: one", "dependsOn: three", "no other step", ""},
	{"  - name: one\n", "  - name: one\n    dependencies: [{dependsOn: two}]\n", "circle", ""},
	{"  - name: two\n", "  - name: one\n", "two steps", ""},
	{"timeout: 60", "timeout: 0", "whole number", ""},
	{"mode: NOTIFY_THEN_TERMINATE, notify", "mode: TERMINATE, notify", "not known", ""},
	{"notifyPeriodInSeconds: 5", "notifyPeriodInSeconds: 601", "whole number", ""},
	{"filename: run.sh", "filename: ../run.sh", "without a folder", "it takes names with folders in some versions"},
	{"script: {actions: {onRun: {command: sh}}}", "script: {actions: {}}", `"onRun" is missing`, ""},
	{"onRun: {command: sh}", "onRun: {command: \"\"}", "characters", ""},
	{"onExit: {command: sh}", "onExit: {command: \"s\\nh\"}", "control", ""},
}

func TestParse(t *testing.T) {
	for _, c := range cases {
		text := strings.Replace(sample, c.old, c.new, 1)
		if c.old != "" && text == sample {
			t.Errorf("%q is not in the sample", c.old)
		}
		_, err := Parse([]byte(text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q -> %q: got %v, want %q", c.old, c.new, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "[1]": "no object", "a: {": "neither JSON nor YAML", "a: 1\n---\nb: 2": "more than one", "a: 1\na: 2": "twice",
		`{"a":1,"a":2}`: "twice", "? [a]\n: b": "plain text", "a: !!binary aGk=": "not known in templates", strings.Repeat("[", 9000): "",
		strings.Repeat(" ", MaxTemplate+1): "over",
		"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e]": "holds too much",
		"a: &a [*a]": "",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
}

func TestMake(t *testing.T) {
	tpl, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	j, err := tpl.Make(map[string]string{"A": "y", "P": "/else"})
	if err != nil {
		t.Fatal(err)
	}
	if j.Name != "Job y" || len(j.Steps) != 2 || j.Steps[0].Tasks != 6 || j.Steps[1].Tasks != 1 || j.Steps[0].Level != 0 || j.Steps[1].Level != 1 {
		t.Fatalf("%+v", j)
	}
	var got []string
	for i := range 6 {
		v := j.Steps[0].Task(i)
		got = append(got, v["G"]+v["I"]+v["S"])
	}
	if want := []string{"11a", "12b", "13y", "2.51a", "2.52b", "2.53y"}; !slices.Equal(got, want) {
		t.Errorf("tasks are %v, want %v", got, want)
	}
	lead := func(p string) string { return "/here" + p }
	scope := j.Steps[0].TaskScope(j.Scope(lead, map[string]string{"WorkingDirectory": "/w"}), 5, lead)
	text, err := scope.Resolve("{{Param.P}} {{ RawParam.P }} {{Task.Param.I}}{{Session.WorkingDirectory}} {x}")
	if err != nil || text != "/here/else /else 3/w {x}" {
		t.Errorf("%q, %v", text, err)
	}
	for want, given := range map[string]map[string]string{
		"no parameter Z": {"Z": "1"}, "none of the values": {"A": "z"}, "bounds": {"N": "10"}, "not a whole number": {"N": "1.5"}, "one has 2 values, another 3": {"N": "2"},
	} {
		if _, err := tpl.Make(given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", given, err, want)
		}
	}
	tpl.Parameters[0].Default = nil
	if _, err := tpl.Make(nil); err == nil || !strings.Contains(err.Error(), "needs a value") {
		t.Error(err)
	}
}

func TestRange(t *testing.T) {
	for text, want := range map[string]string{
		"1 - 5": "[1 2 3 4 5]", "1 - -1": "[1]", "-1 - 1": "[-1 0 1]", "1-5:2": "[1 3 5]", "10-15:2,1-5": "[1 2 3 4 5 10 12 14]", "1-10:4": "[1 5 9]",
		"5": "[5]", "-5--3": "[-5 -4 -3]", "5-1:-2": "[1 3 5]", "7-1:-4, 20": "[3 7 20]",
	} {
		if got, err := ParseRange(text); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "1-", "1-2:", "1-2:0", "1,,2", "1-10:4,9-15", "1-5,3", "1-2000000", "99999999999999999999", "1-9999999999999:3", "1 2"} {
		if got, err := ParseRange(text); err == nil {
			t.Errorf("%q is %v", text, got[:min(5, len(got))])
		}
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string]Line{
		"openjd_progress: 50": {What: "progress", Done: 0.5}, "openjd_progress: 101": {}, "openjd_progress: x": {}, "openjd_status: a b": {What: "status", Text: "a b"},
		"openjd_fail: no": {What: "fail", Text: "no"}, "openjd_env: A=b=c": {What: "env", Text: "A", Value: "b=c"}, "openjd_env: 1=2": {}, "openjd_env: A": {},
		"openjd_unset_env: A": {What: "unset_env", Text: "A"}, "openjd_redacted_env: S=x": {What: "redacted_env", Text: "S", Value: "x"}, " openjd_fail: x": {}, "openjd_other: x": {}, "hello": {},
	} {
		if got := ParseLine(text); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}

// TestReference holds our judgement against that of the specification's own program, where it is installed: NETRENDER_OPENJD
// names its openjd.
func TestReference(t *testing.T) {
	program := os.Getenv("NETRENDER_OPENJD")
	if program == "" {
		t.Skip("NETRENDER_OPENJD names no openjd (pip install openjd-cli)")
	}
	dir := t.TempDir()
	for i, c := range cases {
		file := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(file, []byte(strings.Replace(sample, c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "check", file).CombinedOutput()
		if (err == nil) != (c.want == "") && c.unlike == "" {
			t.Errorf("%q -> %q: the reference says %v: %s", c.old, c.new, err, out)
		}
	}
	file := filepath.Join(dir, "0.yaml")
	out, err := exec.Command(program, "summary", file, "-p", "P=/in", "--output", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Tasks int `json:"total_tasks"`
		Steps int `json:"total_steps"`
	}
	if err := json.Unmarshal(out, &summary); err != nil || summary.Tasks != 7 || summary.Steps != 2 {
		t.Errorf("the reference counts %s, %v", out, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(strings.Replace(sample, c.old, c.new, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tpl, err := Parse(text)
		if err != nil {
			return
		}
		j, err := tpl.Make(nil)
		if err != nil {
			return
		}
		for i := range j.Steps {
			s := &j.Steps[i]
			for _, k := range []int{0, s.Tasks / 2, s.Tasks - 1} {
				scope := s.TaskScope(j.Scope(func(p string) string { return p }, map[string]string{"WorkingDirectory": "", "HasPathMappingRules": "", "PathMappingRulesFile": ""}), k, func(p string) string { return p })
				for _, file := range s.Files {
					scope["Task.File."+file.Name] = ""
				}
				for _, arg := range append([]string{s.Run.Command}, s.Run.Args...) {
					if _, err := scope.Resolve(arg); err != nil {
						t.Fatalf("%q was taken: %v", arg, err)
					}
				}
			}
		}
	})
}
