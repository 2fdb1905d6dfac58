package farm

import (
	"slices"
	"testing"
)

func TestBakesComeFirst(t *testing.T) {
	s := aSpec()
	s.Blend, s.Frames = "shots/a.blend", FrameRange(10, 12, 1)
	s.Bakes = []Bake{{{"cloth", "Shirt", "Cloth", 1, 250}, {"hair", "Head", "Hair", 1, 5}}, {{"rigid_body", "Scene", "", 20, 30}}, {{"particles", "Rain", "P", 1, 11}}}
	p := s.Plan()
	if p.Bakes != 3 || p.Tasks() != 6 {
		t.Fatalf("the plan has %d bakes, %d tasks", p.Bakes, p.Tasks())
	}
	for at, want := range []struct {
		name  string
		until int
	}{{"bake of cloth on Shirt, hair on Head", 12}, {"bake of rigid bodies in Scene", 20}, {"bake of particles on Rain", 11}, {"frame 10", 0}} {
		no, _ := p.Task(at)
		b, until, ok := s.Baking(no)
		if s.TaskName(no) != want.name || until != want.until || ok != (at < 3) {
			t.Errorf("task %d is %q until %d, %v", at, s.TaskName(no), until, ok)
		}
		if n := s.NeedsOf(no); ok && !slices.Equal(n.Bakes, b.Kinds()) || !ok && n.Bakes != nil {
			t.Errorf("task %d needs %v", at, n.Bakes)
		}
	}
	if s.Asks() != StageBake {
		t.Errorf("it asks for %s", s.Asks())
	}
	path := s.CachePath(CacheFolder + "/cloth/1.bphys")
	name, ok := s.CacheName(path)
	if path != "shots/netrender_cache/cloth/1.bphys" || name != CacheFolder+"/cloth/1.bphys" || !ok {
		t.Errorf("%s %s %v", path, name, ok)
	}
	for _, path := range []string{"netrender_cache/1", "shots/other/1", "shots/netrender_cachet/1"} {
		if _, ok := s.CacheName(path); ok {
			t.Errorf("%s is taken for a cache", path)
		}
	}
	key := SceneKey(&s, []File{{Path: "shots/a.blend", Ref: "1"}})
	if SceneKey(&s, []File{{Path: "shots/a.blend", Ref: "1"}, {Path: path, Ref: "2", Bake: 1}}) != key {
		t.Error("what is baked makes another scene of it")
	}
	want := s
	if want.Bakes = nil; s.Serves(&want) {
		t.Error("frames of what is baked serve one that is not")
	}
}

func TestWhoMayBake(t *testing.T) {
	cloth := Blender{Version: Version{4, 5, 1}, Bakes: []string{"cloth"}}
	smoke := Blender{Version: Version{4, 5, 2}, Bakes: []string{"cloth", "fluid"}}
	for _, c := range []struct {
		needs Needs
		want  int
		why   string
	}{
		{Needs{}, 0, ""},
		{Needs{Bakes: []string{"fluid"}}, 1, ""},
		{Needs{Bakes: []string{"rigid_body"}}, -1, "its Blender cannot bake rigid body"},
		{Needs{Exact: Version{4, 5, 2}}, 1, ""},
		{Needs{Exact: Version{4, 5, 3}}, -1, "it has no Blender 4.5.3, with which the job's simulations are baked"},
		{Needs{Exact: Version{4, 5, 1}, Bakes: []string{"fluid"}}, -1, "it has no Blender 4.5.1, with which the job's simulations are baked"},
	} {
		if got, why := c.needs.Pick([]Blender{cloth, smoke}); got != c.want || why != c.why {
			t.Errorf("%+v: %d, %q", c.needs, got, why)
		}
	}
}
