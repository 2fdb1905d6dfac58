package farm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func aReport() *Inspection {
	s := &InspectedScene{
		Name: "Scene", Scenes: []string{"Scene"}, Engine: "CYCLES", Camera: "Camera", Cameras: []string{"Camera"}, Width: 1920, Height: 1080, Percent: 100,
		FrameStart: 1, FrameEnd: 250, FrameStep: 2, FPS: 24, Samples: 64, Denoiser: "OPENIMAGEDENOISE", ViewLayers: []string{"ViewLayer"}, Format: "PNG",
		SavedBy: "4.5.15", Blender: "4.5.3 LTS",
	}
	return &Inspection{
		Scene: s, Frames: s.OwnFrames(), Needs: s.OwnNeeds(&Options{}), Errors: []Obstacle{}, Warnings: []string{},
		Files: []InspectedFile{
			{Path: "textures/b.png", Stored: "//textures/b.png", Kind: "image", Users: []string{"Image b.png"}, Needed: true},
			{Path: "textures/c.png", Stored: "//textures/c.png", Kind: "image", Users: []string{}, Missing: true},
			{Path: "_outside/a.png", Original: "/x/a.png", Stored: "/x/a.png", Kind: "image", Users: []string{}, Missing: true, Needed: true},
		},
	}
}

// TestInspectionTravels: what is missing and needed comes first, and a report comes back as it was.
func TestInspectionTravels(t *testing.T) {
	i := aReport()
	i.Bound()
	if got := []string{i.Files[0].Path, i.Files[1].Path, i.Files[2].Path}; !slices.Equal(got, []string{"_outside/a.png", "textures/c.png", "textures/b.png"}) {
		t.Errorf("files are in the order %v", got)
	}
	if i.Total != 3 || i.Missing != 1 || i.Cut != 0 {
		t.Errorf("counted %d, %d missing, %d cut", i.Total, i.Missing, i.Cut)
	}
	if i.Frames.String() != "1-249x2" || i.Needs.Blender != (Version{4, 5, 0}) || i.Needs.Engine != "CYCLES" || !i.Needs.Denoiser {
		t.Errorf("suggests %s, %+v", i.Frames, i.Needs)
	}
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseInspection(text)
	sets := cmp.Comparer(func(a, b FrameSet) bool { return a.String() == b.String() })
	if diff := cmp.Diff(i, back, sets); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestInspectionIsBounded: however much is missing and however long its names are, the report can be sent, and says what
// it leaves out.
func TestInspectionIsBounded(t *testing.T) {
	for name, long := range map[string]string{"short": "", "long": strings.Repeat("\u0001é<", 900), "endless": strings.Repeat("x", 100_000)} {
		i := aReport()
		for n := range 100_000 {
			users := []string{"Image " + long}
			if n == 0 {
				users = slices.Repeat(users, 100)
			}
			i.Files = append(i.Files, InspectedFile{
				Path: fmt.Sprintf("textures/%06d%s", n, long), Original: long, Stored: long, Kind: "image", Users: users, Missing: true, Needed: true,
			})
			if long != "" && n == 1500 {
				break
			}
		}
		i.Warnings, i.Scene.Unbaked, i.Scene.Name = slices.Repeat([]string{long + "w"}, 5000), slices.Repeat([]string{long}, 5000), long
		all := len(i.Files)
		i.Bound()
		text, err := json.Marshal(i)
		if err != nil || len(text) > MaxInspection {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		if i.Cut == 0 || i.Cut+len(i.Files) != all || i.Total != all || i.Missing != all-2 {
			t.Errorf("%s: %d files, %d cut, %d in all, %d missing, of %d", name, len(i.Files), i.Cut, i.Total, i.Missing, all)
		}
		if _, err := ParseInspection(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInspectionCheck(t *testing.T) {
	one, two := 1, 2
	for name, change := range map[string]func(*Inspection){
		"neither":       func(i *Inspection) { i.Scene = nil },
		"both":          func(i *Inspection) { i.Problem = "x" },
		"count":         func(i *Inspection) { i.Total++ },
		"missing":       func(i *Inspection) { i.Missing = 9 },
		"negative":      func(i *Inspection) { i.Cut, i.Total = -1, len(i.Files)-1 },
		"no frames":     func(i *Inspection) { i.Frames = FrameSet{} },
		"no place":      func(i *Inspection) { i.Files[2].Path = "" },
		"for no frames": func(i *Inspection) { i.Files[0].First, i.Files[0].Last = &two, &one },
	} {
		i := aReport()
		i.Bound()
		if err := i.Check(); err != nil {
			t.Fatal(err)
		}
		change(i)
		if err := i.Check(); KindOf(err) != Mismatch {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := &Inspection{Problem: "shot.blend is not a .blend file"}
	p.Bound()
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", "{", "[]", `{"scene": 1}`, "{}"} {
		if _, err := ParseInspection([]byte(text)); KindOf(err) != Mismatch {
			t.Errorf("%q is a report: %v", text, err)
		}
	}
}

// TestInspectionIsAskedFor: an inspection is one task that asks for no picture, whatever else the client wrote; it keeps who
// may do it.
func TestInspectionIsAskedFor(t *testing.T) {
	s := aSpec()
	s.Inspect, s.Keep = true, true
	s.Needs = Needs{Tags: []string{"fast"}, Engine: "CYCLES", GPU: "cuda", Denoiser: true, MemoryMB: 1 << 20, Addons: []string{"x"}, Blender: Version{4, 2, 0}}
	s.Options = Options{Scripts: true, EXR: "full", Outputs: true, Preview: true, CopyTo: "/x"}
	s.Defaults()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if s.Frames.String() != "1" || s.Options != (Options{EXR: "none"}) || s.Keep || s.Stage() != StageInspect {
		t.Errorf("it became %+v", s)
	}
	if diff := cmp.Diff(Needs{Tags: []string{"fast"}, Blender: Version{4, 2, 0}}, s.Needs); diff != "" {
		t.Error(diff)
	}
	if s.Lacks([]Result{{Kind: KindThumbnail}}) == "" || s.Lacks([]Result{{Kind: KindThumbnail}, {Kind: KindReport}}) != "" {
		t.Error("a report may be lacking")
	}
	plain := aSpec()
	plain.Options.Outputs = false
	if plain.Stage() != StageRender || plain.Lacks([]Result{{Kind: KindReport}}) == "" || plain.Lacks([]Result{{Kind: KindEXR}}) != "" {
		t.Error("a job of frames wants its pictures")
	}
	cut := JobSpec{Tiles: Tiles{2, 2}}
	if plain.Asks() != StageRender || cut.Asks() != StageParts || s.Asks() != StageInspect {
		t.Errorf("asked for are %s, %s, %s", plain.Asks(), cut.Asks(), s.Asks())
	}
	old, new := Facts{}, Facts{Stages: []Stage{StageInspect}}
	if !old.Takes(StageRender) || !old.Takes("") || old.Takes(StageInspect) || !new.Takes(StageInspect) {
		t.Error("a worker takes what it does not know, or not what it knows")
	}
}

func TestObstacles(t *testing.T) {
	fine := InspectedScene{Engine: "CYCLES", Camera: "Camera"}
	for _, c := range []struct {
		name    string
		change  func(*Preflight)
		options Options
		allow   bool
		about   []ObstacleKind
		warns   string
	}{
		{"fine", func(*Preflight) {}, Options{EXR: "full"}, false, nil, ""},
		{"files", func(p *Preflight) { p.Missing = 2 }, Options{EXR: "full"}, false, []ObstacleKind{LacksFiles}, ""},
		{"files allowed", func(p *Preflight) { p.Missing = 2 }, Options{EXR: "full"}, true, nil, ""},
		{"all", func(p *Preflight) { p.Missing, p.Camera, p.NoEXR, p.NoEngine = 1, "", true, true }, Options{EXR: "half"}, false, []ObstacleKind{LacksFiles, LacksCamera, LacksEXR, LacksEngine}, ""},
		{"no EXR", func(p *Preflight) { p.NoEXR = true }, Options{EXR: "none"}, false, nil, ""},
		{"another engine", func(p *Preflight) { p.NoEngine = true }, Options{EXR: "none", Engine: "CYCLES"}, false, nil, ""},
		{"our own", func(p *Preflight) { p.Engine = OwnEngine }, Options{EXR: "none"}, false, []ObstacleKind{LacksEngine}, ""},
		{"scripts", func(p *Preflight) { p.Scripts = true }, Options{}, false, nil, "will not run"},
		{"scripts allowed", func(p *Preflight) { p.Scripts = true }, Options{Scripts: true}, false, nil, ""},
		{"movie", func(p *Preflight) { p.Movie = true }, Options{}, false, nil, "a movie"},
		{"nodes", func(p *Preflight) { p.Unknown = []string{"a", "b", "c", "d", "e"} }, Options{}, false, nil, "a, b, c and 2 more; name the add-on"},
	} {
		p := fine.Preflight()
		c.change(&p)
		var about []ObstacleKind
		for _, o := range p.Obstacles(&c.options, c.allow) {
			about = append(about, o.About)
			want := Invalid
			if o.About == LacksFiles {
				want = NotFound
			}
			if err := o.Err(); o.Text == "" || o.Hint == "" || KindOf(err) != want || err.Error() != o.Text {
				t.Errorf("%s: %+v is %v", c.name, o, err)
			}
		}
		if !slices.Equal(about, c.about) {
			t.Errorf("%s: %v", c.name, about)
		}
		if got := strings.Join(p.Warnings(&c.options), "\n"); (got == "") != (c.warns == "") || !strings.Contains(got, c.warns) {
			t.Errorf("%s: warns %q", c.name, got)
		}
	}
	if p := (&InspectedScene{Sequencer: true, Views: []string{"_L"}}).Preflight(); !p.NoEXR {
		t.Error("the sequencer's views can be kept as EXR")
	}
	if o := (&Preflight{Missing: 3, Foreign: 2}).missing(); !strings.Contains(o.Hint, "the paths of 2 are of another system") {
		t.Errorf("%+v", o)
	}
	r := (&InspectedScene{Unbaked: []string{"cloth on Shirt"}, Clashes: []string{"two write one"}}).Remarks()
	if len(r) != 2 || !strings.HasPrefix(r[0], "cloth on Shirt is not baked") || r[1] != "two write one" {
		t.Errorf("%q", r)
	}
}
