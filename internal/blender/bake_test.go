package blender

import (
	"errors"
	"strings"
	"testing"
)

// A bake believes no path, no name and no count, and ends with the error of whoever takes its files.
func TestBakeBelievesNothing(t *testing.T) {
	full := errors.New("nowhere to put it")
	for name, c := range map[string]struct {
		file, name, count string
		taken             error
		kind              ErrorKind // "": none
		says              string
	}{
		"good":             {"1.bphys", "netrender_cache/1.bphys", "1", nil, "", ""},
		"fewer than said":  {"1.bphys", "netrender_cache/1.bphys", "2", nil, BadTalk, "baked 2 files, and named 1"},
		"not there":        {"2.bphys", "netrender_cache/2.bphys", "1", nil, NoBake, "is no file"},
		"empty":            {"empty", "netrender_cache/empty", "1", nil, NoBake, "an empty one"},
		"outside":          {"../1.bphys", "netrender_cache/../1.bphys", "1", nil, BadTalk, "outside its folder"},
		"another's place":  {"1.bphys", "scene.blend", "1", nil, BadTalk, "outside its folder"},
		"two names":        {"1.bphys", "netrender_cache/2.bphys", "1", nil, BadTalk, "outside its folder"},
		"not taken":        {"1.bphys", "netrender_cache/1.bphys", "1", full, "", full.Error()},
		"a folder as file": {"", "netrender_cache/.", "1", nil, NoBake, "is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := startFake(t, "ok", func(o *Options) {
				o.Env = append(o.Env, "FAKE_CACHE="+c.file, "FAKE_NAME="+c.name, "FAKE_COUNT="+c.count)
			})
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			cloth := []Simulation{{Kind: Cloth, Owner: "Shirt", Name: "Cloth", Start: 1, End: 2}}
			r, err := s.Bake(t.Context(), Bake{Simulations: cloth, OutDir: t.TempDir(), Until: 2}, nil, func(list []CacheFile, ready int) error {
				got += len(list)
				if len(list) != 1 || list[0].Size != 5 || ready != 1 {
					t.Errorf("was handed %+v, up to %d", list, ready)
				}
				return c.taken
			})
			switch {
			case c.says == "":
				if err != nil || got != 1 || r.Files != 1 {
					t.Errorf("%v, %d files", err, got)
				}
			case c.taken != nil:
				if !errors.Is(err, c.taken) {
					t.Errorf("got %v", err)
				}
				<-s.Done()
			case kindOfError(err) != c.kind || !strings.Contains(err.Error(), c.says):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBakesAreGrouped(t *testing.T) {
	groups := Bakes([]Simulation{
		{Kind: RigidBody, Owner: "Scene"},
		{Kind: Fluid, Owner: "Tank"},
		{Kind: Cloth, Owner: "Shirt"},
		{Kind: GeometryNodes, Owner: "Moss"},
		{Kind: Hair, Owner: "Head", Refused: "it is linked"},
		{Kind: Fluid, Owner: "Pool"},
		{Kind: GeometryNodes, Owner: "Ivy"},
	})
	var got []string
	for _, group := range groups {
		var names []string
		for _, k := range group {
			names = append(names, k.String())
		}
		got = append(got, strings.Join(names, " and "))
	}
	want := "rigid bodies in Scene and cloth on Shirt, fluid in Tank, " +
		"simulation of geometry nodes on Moss and simulation of geometry nodes on Ivy, fluid in Pool"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s", text)
	}
}
