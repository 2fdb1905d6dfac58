package farm

import (
	"strings"
	"testing"
)

func TestValidAddon(t *testing.T) {
	for name, want := range map[string]bool{
		"node_wrangler": true, "bl_ext.blender_org.molecular-nodes": true, "a": true, "": false, "a b": false, "../x": false,
		".hidden": false, "a/b": false, "ä": false, strings.Repeat("a", MaxName+1): false, "x;import os": false,
	} {
		if ValidAddon(name) != want {
			t.Errorf("%q is the name of an add-on: %v", name, !want)
		}
	}
}

func TestAddonsOfAJob(t *testing.T) {
	good := JobSpec{Name: "a", Blend: "a.blend", Frames: Frames(1)}
	good.Defaults()
	for want, change := range map[string]func(*JobSpec){
		"":                    func(s *JobSpec) { s.Needs.Addons = []string{"x", "y.z"} },
		"is not the name":     func(s *JobSpec) { s.Needs.Addons = []string{"x", "y z"} },
		"at most":             func(s *JobSpec) { s.Needs.Addons = make([]string, 101) },
		"at most 100":         func(s *JobSpec) { s.Needs.AddonFiles = make([]string, 101) },
		"where its scripts":   func(s *JobSpec) { s.Needs.AddonFiles = []string{"_addons/x.zip"} },
		"<with scripts it is": func(s *JobSpec) { s.Needs.AddonFiles, s.Options.Scripts = []string{"_addons/x.zip"}, true },
	} {
		s := good
		change(&s)
		err := s.Check()
		if wrong := want != "" && want[0] != '<'; (err != nil) != wrong || wrong && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	keys := map[string]bool{}
	for _, n := range []Needs{{}, {Addons: []string{"x"}}, {AddonFiles: []string{"x"}}, {Addons: []string{"y"}}} {
		s := good
		s.Needs = n
		keys[SceneKey(&s, nil)] = true
	}
	s := good
	s.Options.Colours = "c/config.ocio"
	if keys[SceneKey(&s, nil)] {
		t.Error("jobs that differ in their colours share sessions")
	}
	if len(keys) != 4 {
		t.Errorf("4 jobs that differ in their add-ons share sessions: %d keys", len(keys))
	}
}

func TestWrongEngine(t *testing.T) {
	for _, c := range []struct {
		wants, opened string
		wrong         bool
	}{
		{"LUXCORE", "BLENDER_EEVEE", true},
		{"LUXCORE", "BLENDER_EEVEE_NEXT", true},
		{"LUXCORE", "LUXCORE", false},
		{"CYCLES", "BLENDER_EEVEE", false}, // a script of the scene's own changed it
		{"BLENDER_EEVEE_NEXT", "BLENDER_EEVEE", false},
		{"", "BLENDER_EEVEE", false},
	} {
		n := Needs{Engine: c.wants}
		if n.WrongEngine(c.opened) != c.wrong {
			t.Errorf("a scene of %s opened with %s is wrong: %v", c.wants, c.opened, !c.wrong)
		}
	}
}
