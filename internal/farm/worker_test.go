package farm

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNeedsWhyNot(t *testing.T) {
	cycles := []string{"BLENDER_EEVEE_NEXT", "CYCLES"}
	w := Worker{
		ID: "w-000001", Name: "one", Tags: []string{"big", "linux"},
		Facts: Facts{MemoryMB: 16000, GPUs: []GPU{{"RTX", "cuda"}, {"RTX", "optix"}}, Devices: []string{"cpu", "optix:1"}, Blenders: []Blender{{Version: Version{4, 2, 0}, Engines: cycles, Addons: []string{"cycles", "weave"}}}},
	}
	for _, c := range []struct {
		name  string
		needs Needs
		want  string // part of the sentence; empty: it may
	}{
		{"nothing", Needs{}, ""},
		{"it is allowed", Needs{Allow: []string{"two", "one"}}, ""},
		{"others are allowed", Needs{Allow: []string{"two"}}, "not among"},
		{"its id is no name", Needs{Allow: []string{"w-000001"}}, "not among"},
		{"it is denied", Needs{Deny: []string{"two", "one"}}, "denies"},
		{"others are denied", Needs{Deny: []string{"two"}}, ""},
		{"allowed and denied", Needs{Allow: []string{"one"}, Deny: []string{"one"}}, "denies"},
		{"its tags", Needs{Tags: []string{"linux", "big"}}, ""},
		{"a tag too many", Needs{Tags: []string{"linux", "fast"}}, "the tag fast"},
		{"its memory", Needs{MemoryMB: 16000}, ""},
		{"more memory", Needs{MemoryMB: 16001}, "memory"},
		{"its device", Needs{GPU: "optix"}, ""},
		{"another device", Needs{GPU: "metal"}, "no metal device"},
		{"a device that is not used", Needs{GPU: "cuda"}, "a cuda device that its slots do not use"},
		{"its Blender", Needs{Blender: Version{4, 2, 0}}, ""},
		{"an older one", Needs{Blender: Version{3, 6, 9}}, ""},
		{"a newer one", Needs{Blender: Version{4, 2, 1}}, "older than 4.2.1"},
		{"its engine", Needs{Engine: "CYCLES"}, ""},
		{"its engine by another name", Needs{Engine: "BLENDER_EEVEE"}, ""},
		{"another engine", Needs{Engine: "LUXCORE"}, "cannot render with LUXCORE"},
		{"a denoiser", Needs{Denoiser: true}, "no denoiser"},
		{"its add-ons", Needs{Addons: []string{"weave", "cycles"}}, ""},
		{"another add-on", Needs{Addons: []string{"weave", "bl_ext.user_default.knit"}}, "lacks the add-on bl_ext.user_default.knit"},
		{"an engine that an add-on may hold", Needs{Engine: "LUXCORE", Addons: []string{"weave"}}, ""},
		{"an engine that comes with the job", Needs{Engine: "LUXCORE", AddonFiles: []string{"_addons/lux.zip"}}, ""},
	} {
		why := c.needs.WhyNot(&w)
		if (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("%s: %q, want %q", c.name, why, c.want)
		}
		if c.needs.Suits(&w) != (why == "") {
			t.Errorf("%s: it suits: %v, but %q", c.name, c.needs.Suits(&w), why)
		}
	}
	if why := (&Needs{}).WhyNot(&Worker{}); !strings.Contains(why, "no Blender") {
		t.Errorf("a worker without Blender: %q", why)
	}
}

func TestSlotOfAWorker(t *testing.T) {
	gpu := Needs{GPU: "cuda"}
	for devices, want := range map[string]string{"cpu cuda:0": "no yes", "cuda:0 cuda:1": "yes yes", "cuda": "yes", "cpu": "no", "": ""} {
		w := Worker{Facts: Facts{Devices: strings.Fields(devices), Blenders: []Blender{{}}}}
		var got []string
		for i := range w.Facts.Devices {
			got = append(got, map[bool]string{true: "yes", false: "no"}[gpu.Suits(w.Slot(i))])
		}
		if strings.Join(got, " ") != want || w.Slot(7) != &w {
			t.Errorf("slots on %s get GPU jobs: %v", devices, got)
		}
	}
}

func TestNeedsSuitsAllocatesNothing(t *testing.T) {
	w := Worker{Name: "one", Facts: Facts{Blenders: []Blender{{Version: Version{4, 2, 0}}}}}
	for _, n := range []Needs{{}, {Tags: []string{"x"}}, {GPU: "cuda"}, {Blender: Version{9, 0, 0}}, {Denoiser: true}, {Addons: []string{"weave"}}} {
		if a := testing.AllocsPerRun(100, func() { n.Suits(&w) }); a != 0 {
			t.Errorf("%+v: %g allocations", n, a)
		}
	}
}

func TestNeedsPick(t *testing.T) {
	b := func(major, minor int, change ...func(*Blender)) Blender {
		b := Blender{Version: Version{major, minor, 0}, Engines: []string{"CYCLES"}, Denoiser: true}
		for _, f := range change {
			f(&b)
		}
		return b
	}
	module := func(b *Blender) { b.Module = true }
	plain := func(b *Blender) { b.Denoiser = false }
	without := func(b *Blender) { b.Engines = []string{"BLENDER_WORKBENCH"} }
	broken := func(b *Blender) { b.Engines = nil }
	for _, c := range []struct {
		name     string
		needs    Needs
		installs []Blender
		want     int
		why      string
	}{
		{"none", Needs{}, nil, -1, "no Blender"},
		{"the only one", Needs{}, []Blender{b(4, 2)}, 0, ""},
		{"the oldest", Needs{}, []Blender{b(4, 5), b(3, 6), b(4, 2)}, 1, ""},
		{"the oldest that is new enough", Needs{Blender: Version{4, 0, 0}}, []Blender{b(4, 5), b(3, 6), b(4, 2)}, 2, ""},
		{"the same", Needs{Blender: Version{4, 2, 0}}, []Blender{b(4, 5), b(4, 2)}, 1, ""},
		{"all too old", Needs{Blender: Version{5, 0, 0}}, []Blender{b(4, 5), b(4, 2)}, -1, "older than 5.0.0"},
		{"an executable before a module", Needs{}, []Blender{b(4, 2, module), b(4, 2)}, 1, ""},
		{"an executable before a module, in its turn", Needs{}, []Blender{b(4, 2), b(4, 2, module)}, 0, ""},
		{"an older module before a newer executable", Needs{}, []Blender{b(4, 5), b(4, 2, module)}, 1, ""},
		{"the engine", Needs{Engine: "CYCLES"}, []Blender{b(4, 2, without), b(4, 5)}, 1, ""},
		{"no engine", Needs{Engine: "CYCLES"}, []Blender{b(4, 2, without)}, -1, "CYCLES"},
		{"no engine that works", Needs{Engine: "CYCLES"}, []Blender{b(4, 2, broken)}, -1, "CYCLES"},
		{"the denoiser", Needs{Denoiser: true}, []Blender{b(4, 2, plain), b(4, 5)}, 1, ""},
		{"no denoiser", Needs{Denoiser: true}, []Blender{b(4, 2, plain), b(4, 5, plain)}, -1, "denoiser"},
		{"new enough, but without", Needs{Denoiser: true, Blender: Version{4, 0, 0}}, []Blender{b(4, 2, plain), b(3, 6)}, -1, "denoiser"},
	} {
		got, why := c.needs.Pick(c.installs)
		if got != c.want || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %d, %q; want %d, %q", c.name, got, why, c.want, c.why)
		}
	}
}

// TestPickProperties: what is picked has what is needed, and nothing that has it is older; none is picked only where
// none has it.
func TestPickProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.Custom(func(t *rapid.T) Version {
			return Version{rapid.IntRange(2, 5).Draw(t, "major"), rapid.IntRange(0, 2).Draw(t, "minor"), 0}
		})
		engines := rapid.SampledFrom([][]string{nil, {"CYCLES"}, {"BLENDER_EEVEE"}, {"BLENDER_EEVEE", "CYCLES"}})
		n := Needs{
			Blender: version.Draw(t, "needed"), Denoiser: rapid.Bool().Draw(t, "denoise"),
			Engine: rapid.SampledFrom([]string{"", "CYCLES", "BLENDER_EEVEE"}).Draw(t, "engine"),
		}
		has := func(b Blender) bool {
			return !b.Version.Before(n.Blender) && (!n.Denoiser || b.Denoiser) &&
				(n.Engine == "" || strings.Contains(strings.Join(b.Engines, ","), n.Engine))
		}
		var installs []Blender
		for range rapid.IntRange(0, 6).Draw(t, "installs") {
			installs = append(installs, Blender{
				Version: version.Draw(t, "version"), Denoiser: rapid.Bool().Draw(t, "denoiser"), Engines: engines.Draw(t, "engines"),
				Module: rapid.Bool().Draw(t, "module"),
			})
		}
		i, why := n.Pick(installs)
		if (i < 0) != (why != "") {
			t.Fatalf("%d was picked, and %q", i, why)
		}
		if i >= 0 && !has(installs[i]) {
			t.Fatalf("%+v was picked", installs[i])
		}
		for _, b := range installs {
			if !has(b) {
				continue
			}
			if i < 0 || b.Version.Before(installs[i].Version) || b.Version == installs[i].Version && installs[i].Module && !b.Module {
				t.Fatalf("%d was picked instead of %+v", i, b)
			}
		}
	})
}

func TestRoleIncludes(t *testing.T) {
	want := map[Role][]Role{ // what each may
		RoleView:   {RoleView},
		RoleSubmit: {RoleView, RoleSubmit},
		RoleWorker: {RoleWorker},
		RoleAdmin:  {RoleView, RoleSubmit, RoleWorker, RoleAdmin},
	}
	if len(Roles()) != len(want) {
		t.Errorf("there are %d roles", len(Roles()))
	}
	for _, r := range Roles() {
		for _, needed := range Roles() {
			may := strings.Contains(join(want[r]), string(needed))
			if r.Includes(needed) != may {
				t.Errorf("%s includes %s: %v", r, needed, !may)
			}
		}
	}
	for _, needed := range Roles() {
		if Role("").Includes(needed) || Role("root").Includes(needed) {
			t.Errorf("a role that is none includes %s", needed)
		}
	}
}

func join(roles []Role) string {
	var b strings.Builder
	for _, r := range roles {
		b.WriteString(string(r) + " ")
	}
	return b.String()
}
