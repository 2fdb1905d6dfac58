package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// looking is a worker's farm with one inspection of a scene called name.
func looking(t *testing.T, name string, change ...func(*farm.Grant)) (*fakeMaster, *fakeJob) {
	m := newMaster(t)
	j := m.job(1, func(j *fakeJob) {
		j.grant.Options, j.grant.Stage, j.grant.Blend = farm.Options{EXR: "none"}, farm.StageInspect, name
		j.files[0].Path, j.files[0].Original = name, name
		for _, f := range change {
			f(&j.grant)
		}
	})
	return m, j
}

// TestLooksAtAScene: what the fake makes up comes as a report of the kind that the farm knows.
func TestLooksAtAScene(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := looking(t, "missing.blend")
		first, last := 90, 99
		j.add(m, "textures/late.png", []byte("x")).First, j.files[1].Last = &first, &last // for frames that nobody asked for
		o := options(t, m, fake.Options{})
		o.Inspect = fake.Inspect(time.Second)
		o.CopyTo = t.TempDir()
		w := start(t, o)
		m.until("the report", func() bool { return len(j.done) == 1 })
		w.drain()
		r := j.done[1]
		if len(r.Results) != 1 || r.Results[0].Kind != farm.KindReport || r.Results[0].Name != farm.InspectionName || r.Install != "99.0.0" || len(r.Warnings) > 0 {
			t.Fatalf("%+v", r)
		}
		text := m.staged[place(r.Lease, 1)][farm.InspectionName]
		i, err := farm.ParseInspection(text)
		if err != nil || i.Scene == nil || i.Scene.Engine != "CYCLES" || i.Missing != 2 || i.Frames.String() != "1-250" || len(i.Errors) != 1 {
			t.Fatalf("%+v, %v", i, err)
		}
		paths := []string{}
		for _, f := range i.Files {
			paths = append(paths, f.Path+" "+f.Original)
		}
		want := []string{"_outside/home/artist/pictures/wall.png /home/artist/pictures/wall.png", "textures/floor.png ", "textures/late.png "}
		if len(paths) != 3 || paths[0] != want[0] || paths[1] != want[1] || !strings.HasPrefix(paths[2], want[2]) {
			t.Errorf("%q", paths)
		}
		if got := entries(t, o.CopyTo); len(got) > 0 {
			t.Errorf("a report was copied as a picture: %v", got)
		}
		if stages := m.known[w.ID()].Facts.Stages; !slices.Equal(stages, []farm.Stage{farm.StageParts, farm.StageFinish, farm.StageProbe, farm.StageBake, farm.StageViews, farm.StageEncode, farm.StageInspect}) {
			t.Errorf("it says that it does %v", stages)
		}
	})
}

// TestLooksInVain sorts what can go wrong: a scene that is none is a finding, a Blender that dies is an attempt.
func TestLooksInVain(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		found   string // the problem of the report
		text    string // of the failure
		scene   bool
		own     bool
		nothing bool // the worker does not look at scenes
	}{
		{name: "no scene", err: &blender.Error{Kind: blender.NotBlend, Message: "shot.blend is not a .blend file"}, found: "is not a .blend file"},
		{name: "truncated", err: &blender.Error{Kind: blender.Truncated, Message: "shot.blend ends too early"}, found: "ends too early"},
		{name: "too new", err: &blender.Error{Kind: blender.TooNew, Message: "made by Blender 100"}, text: "made by Blender 100", scene: true},
		{name: "crash", err: &blender.Error{Kind: blender.Crashed, Message: "Blender crashed"}, text: "Blender crashed"},
		{name: "no looker", nothing: true, text: "does not look at scenes", own: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, j := looking(t, "shot.blend")
				o := options(t, m, fake.Options{})
				o.Inspect = func(context.Context, worker.Setup, blender.Scene, func(int)) (blender.Collection, error) {
					return blender.Collection{}, c.err
				}
				if c.nothing {
					o.Inspect = nil
				}
				w := start(t, o)
				m.until("an answer", func() bool { return len(j.done)+len(j.failed) == 1 })
				w.drain()
				if c.found == "" {
					if r := j.failed[1]; !strings.Contains(r.Error, c.text) || r.Scene != c.scene || r.Fatal || r.OwnFault != c.own {
						t.Errorf("%+v", r)
					}
					return
				}
				i, err := farm.ParseInspection(m.staged[place(j.done[1].Lease, 1)][farm.InspectionName])
				if err != nil || !strings.Contains(i.Problem, c.found) || i.Hint == "" {
					t.Errorf("%+v, %v", i, err)
				}
			})
		})
	}
}

// TestLookingIsStopped: a canceled inspection says nothing, one that hangs or takes too long fails.
func TestLookingIsStopped(t *testing.T) {
	for name, limit := range map[string]int{"canceled": 0, "too long": 30, "hung": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, j := looking(t, "shot.blend", func(g *farm.Grant) { g.Timeout = limit })
				o := options(t, m, fake.Options{})
				begun, ended := make(chan struct{}), make(chan struct{})
				o.Inspect = func(ctx context.Context, _ worker.Setup, _ blender.Scene, started func(int)) (blender.Collection, error) {
					started(1)
					close(begun)
					<-ctx.Done()
					close(ended)
					return blender.Collection{}, &blender.Error{Kind: blender.Killed, Message: "it was stopped"}
				}
				if name == "hung" {
					o.HangTimeout = time.Minute
				}
				w := start(t, o)
				<-begun
				if name == "canceled" {
					m.cancel(j)
					<-ended
				} else {
					m.until("the failure", func() bool { return len(j.failed) == 1 })
					if r := j.failed[1]; r.OwnFault || !strings.Contains(r.Error, map[string]string{"too long": "limit of 30 seconds", "hung": "no sign of life"}[name]) {
						t.Errorf("%+v", r)
					}
				}
				w.drain()
				if len(j.done) > 0 || name == "canceled" && len(j.failed) > 0 {
					t.Errorf("%v, %v", j.done, j.failed)
				}
			})
		})
	}
}

// TestPathsAreLedBack: whatever Blender calls the files, the report names places that the next manifest can have, with what
// leads Blender there.
func TestPathsAreLedBack(t *testing.T) {
	src := filepath.Join(t.TempDir(), "src")
	at := func(name string) string { return filepath.Join(src, filepath.FromSlash(name)) }
	lost := func(path, stored string) blender.CollectedFile {
		return blender.CollectedFile{Path: path, Original: stored, Kind: "image", Missing: true, Needed: true}
	}
	manifest := []farm.File{
		{Path: "shots/a.blend", Original: "/home/anna/film/shots/a.blend"},
		{Path: "shots/tex/a.png"},
		{Path: "_outside/srv/lib/b.png", Original: "/srv/lib/b.png"},
		{Path: "_outside/srv/lib/c.png", Original: "/srv/lib/c.png"},
	}
	here := lost(at("shots/tex/a.png"), "//tex/a.png")
	here.Missing = false
	sequence := lost(at("shots/seq"), "//seq")
	sequence.Kind = "fluid cache"
	idle := lost("/x/idle.png", "/x/idle.png")
	idle.Needed = false
	own := lost(filepath.Join(filepath.Dir(src), "own.png"), "/somewhere/own.png") // of the worker's machine
	own.Missing = false
	c := &blender.Collection{
		Warnings: []string{at("x.png") + " is odd"},
		Files: []blender.CollectedFile{
			here, lost(at("_outside/srv/lib/b.png"), at("_outside/srv/lib/b.png")), lost(at("shots/tex/lost.png"), "//tex/lost.png"),
			lost(filepath.Join(filepath.Dir(src), "up.png"), "//../../up.png"), lost("/srv/lib/c.png", "/srv/lib/c.png"), lost("/home/x/d.png", "/home/x/d.png"),
			lost("C:/tex/e.png", `C:\tex\e.png`), lost("/c/tex/e.png", "/c/tex/e.png"), lost(at("_outside/srv/lib/near.png"), at("_outside/srv/lib/near.png")),
			lost(at("shots/tex/a:b?.png"), "//tex/a:b?.png"), lost("/y/con", "/y/con"), lost("/y/"+strings.Repeat("n", 5000), "long"), lost("/y/\x01\n.png", "/y/\x01\n.png"),
			sequence, idle, own,
		},
		Scene: blender.CollectedScene{Camera: "Camera", Engine: "CYCLES", FrameStart: 1, FrameEnd: 3, FrameStep: 1, OutputPath: at("out")},
	}
	i := worker.InspectionOf(c, src, "shots/a.blend", manifest)
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
	got := map[string]farm.InspectedFile{}
	places := map[string]bool{}
	for _, f := range i.Files {
		got[f.Stored] = f
		if f.Path == "" {
			continue
		}
		clean, err := blob.CleanPath(f.Path)
		if fold := blob.FoldPath(f.Path); err != nil || clean != f.Path || places[fold] {
			t.Errorf("%q is a place twice, or none: %v", f.Path, err)
		}
		places[blob.FoldPath(f.Path)] = true
		if f.Missing && strings.HasPrefix(f.Path, "_outside/") && f.Original == "" {
			t.Errorf("nothing leads to %+v", f)
		}
	}
	for stored, want := range map[string]struct {
		path, original string
		missing        bool
	}{
		"//tex/a.png": {"shots/tex/a.png", "", false}, "/srv/lib/b.png": {"_outside/srv/lib/b.png", "/srv/lib/b.png", false},
		"//tex/lost.png": {"shots/tex/lost.png", "", true}, "//../../up.png": {"_outside/home/anna/up.png", "/home/anna/up.png", true},
		"/home/x/d.png": {"_outside/home/x/d.png", "/home/x/d.png", true}, `C:\tex\e.png`: {"_outside/C/tex/e.png", "C:/tex/e.png", true},
		"/srv/lib/near.png": {"_outside/srv/lib/near.png", "/srv/lib/near.png", true}, "//seq": {"shots/seq", "", true},
		"/somewhere/own.png": {"*", filepath.Join(filepath.Dir(src), "own.png"), true}, "/srv/lib/c.png": {"_outside/srv/lib/c.png", "/srv/lib/c.png", false},
	} {
		f, ok := got[stored]
		if !ok || want.path != "*" && f.Path != want.path || f.Original != want.original || f.Missing != want.missing {
			t.Errorf("%s: %+v, %v", stored, f, ok)
		}
	}
	if f := got["//tex/a:b?.png"]; f.Original != "/home/anna/film/shots/tex/a:b?.png" || f.Path == "" {
		t.Errorf("a name that not every platform can have: %+v", f)
	}
	if _, twice := got["/c/tex/e.png"]; twice {
		t.Error("a path of Windows counts twice")
	}
	if !got["//seq"].Folder || got["//tex/a.png"].Folder {
		t.Errorf("%+v", got["//seq"])
	}
	text, err := json.Marshal(i)
	if err != nil || strings.Contains(string(text), src) {
		t.Errorf("the report tells where the worker keeps its files: %s, %v", text, err)
	}
	if len(i.Errors) != 1 || i.Errors[0].About != farm.LacksFiles || !strings.Contains(strings.Join(i.Warnings, "\n"), "idle.png is missing, but") {
		t.Errorf("%+v, %q", i.Errors, i.Warnings)
	}
}

// TestManyFilesAreMissing: a hundred thousand are reported within bounds.
func TestManyFilesAreMissing(t *testing.T) {
	c := &blender.Collection{Scene: blender.CollectedScene{Camera: "Camera", Engine: "CYCLES", FrameEnd: 3}}
	for n := range 100_000 {
		p := fmt.Sprintf("/y/%06d.png", n)
		c.Files = append(c.Files, blender.CollectedFile{Path: p, Original: p, Kind: "image sequence", Users: []string{"Image y"}, Missing: true, Needed: n%2 == 0})
	}
	i := worker.InspectionOf(c, filepath.Join(t.TempDir(), "src"), "a.blend", []farm.File{{Path: "a.blend", Original: "a.blend"}})
	text, err := json.Marshal(i)
	if err != nil || len(text) > farm.MaxInspection || i.Missing != 50_000 || i.Total != 100_000 || i.Cut == 0 {
		t.Errorf("%d bytes, %d missing of %d, %d cut, %v", len(text), i.Missing, i.Total, i.Cut, err)
	}
	if _, err := farm.ParseInspection(text); err != nil {
		t.Error(err)
	}
}
