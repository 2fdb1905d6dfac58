package farm

import (
	"slices"
	"strings"
	"testing"
)

func aProcess(steps ...ProcessStep) JobSpec {
	return JobSpec{Name: "p", Blend: "template.json", Process: &Process{Steps: steps}}
}

func TestProcess(t *testing.T) {
	s := aProcess(ProcessStep{"a", 0, 3}, ProcessStep{"b", 0, 1}, ProcessStep{"c", 1, 2}, ProcessStep{"d", 2, 1})
	s.Needs, s.Order, s.Tiles, s.FPS = Needs{Engine: "CYCLES", Tags: []string{"t"}, Cores: 4, OS: []string{"linux"}}, Reverse, Tiles{2, 2}, 25
	s.Defaults()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if s.Frames.String() != "1-7" || s.Order != Linear || s.Parts() != 0 || s.Needs.Engine != "" || s.Needs.Cores != 4 || len(s.Needs.Tags) != 1 || s.Asks() != StageProcess {
		t.Errorf("defaults are %+v", s)
	}
	if got := s.Process.Levels(); !slices.Equal(got, []int{4, 6}) {
		t.Errorf("levels end at %v", got)
	}
	p := s.Plan()
	if lo, hi, n := p.Needs(4); lo != 0 || hi != 4 || n != 4 {
		t.Errorf("the first task of c waits for %d to %d, %d", lo, hi, n)
	}
	if lo, hi, n := p.Needs(3); lo != hi || n != 0 {
		t.Errorf("the task of b waits for %d to %d, %d", lo, hi, n)
	}
	for no, want := range map[int]string{1: "task 1 of the step a", 3: "task 3 of the step a", 4: "the step b", 6: "task 2 of the step c", 7: "the step d", 8: "task 8", 0: "task 0"} {
		if got := s.Process.TaskName(no); got != want {
			t.Errorf("task %d is %q, want %q", no, got, want)
		}
	}
	if s.Lacks(nil) != "" {
		t.Error("a command that leaves nothing lacks something")
	}
	if s.Serves(&s) {
		t.Error("what commands made is taken for what others would make")
	}
}

func TestProcessCheck(t *testing.T) {
	for want, s := range map[string]JobSpec{
		"no frames":              aProcess(),
		"has 0 tasks":            aProcess(ProcessStep{"a", 0, 0}, ProcessStep{"b", 0, 1}),
		"order of their levels":  aProcess(ProcessStep{"a", 1, 1}),
		"their levels":           aProcess(ProcessStep{"a", 0, 1}, ProcessStep{"b", 2, 1}),
		"of their levels":        aProcess(ProcessStep{"a", 0, 1}, ProcessStep{"b", 1, 1}, ProcessStep{"c", 0, 1}),
		"have 1000001 tasks":     aProcess(ProcessStep{"a", 0, MaxProcessTasks}, ProcessStep{"b", 1, 1}),
		"name is 1 to":           aProcess(ProcessStep{"", 0, 1}),
		"not a path that can be": {Name: "p", Blend: "t", Process: &Process{Steps: []ProcessStep{{"a", 0, 1}}, Paths: []ProcessPath{{From: "here"}}}},
		"over 4096 bytes":        {Name: "p", Blend: "t", Process: &Process{Steps: []ProcessStep{{"a", 0, 1}}, Parameters: []ProcessValue{{"n", strings.Repeat("v", 4097)}}}},
	} {
		s.Defaults()
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestProcessOfADamagedRecord: nonsense makes no plan that breaks.
func TestProcessOfADamagedRecord(t *testing.T) {
	for _, steps := range [][]ProcessStep{{{"a", 3, -5}, {"b", 1, 1 << 62}, {"c", 0, 7}}, {{"a", 0, 2}, {"b", 1, 9}}, {{"a", 0, 0}, {"b", 1, 0}}} {
		s := JobSpec{Frames: FrameRange(1, 3, 1), Process: &Process{Steps: steps}}
		p := s.Plan()
		for at := range p.Positions() {
			if lo, hi, _ := p.Needs(at); lo > hi || hi > at {
				t.Errorf("%v: position %d waits for %d to %d", steps, at, lo, hi)
			}
			p.Opens(at)
			p.ChunkEnd(at)
		}
		s.Process.Step(2)
	}
}
