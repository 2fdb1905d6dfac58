package farm

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPictures: every frame of every view is a picture, numbered once, and a set of them is read back from what is written.
func TestPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := JobSpec{Frames: FrameRange(-3, -3+rapid.IntRange(0, 9).Draw(t, "frames"), rapid.IntRange(1, 4).Draw(t, "step"))}
		for i := range rapid.IntRange(1, 4).Draw(t, "views") {
			v := View{Name: string(rune('a' + i)), Camera: "Camera"}
			if rapid.Bool().Draw(t, "own") {
				v.Frames = FrameRange(5, 5+rapid.IntRange(0, 4).Draw(t, "frames of view"), 1)
			}
			s.Views = append(s.Views, v)
		}
		all := s.Pictures()
		n := 0
		for i := range s.Views {
			for f := range s.framesOf(i).All() {
				no := Picture(i, f)
				if at, ok := all.Index(no); !ok || at != n || FrameOf(no) != f || ViewOf(no) != i {
					t.Fatalf("frame %d of view %d is the picture %d at %d, %v; it is frame %d of view %d", f, i, no, at, ok, FrameOf(no), ViewOf(no))
				}
				n++
			}
		}
		if all.Count() != n {
			t.Fatalf("%d pictures, not %d", all.Count(), n)
		}
		var some []int
		for no := range all.All() {
			if rapid.Bool().Draw(t, "some") {
				some = append(some, no)
			}
		}
		for _, set := range []FrameSet{all, Frames(some...)} {
			if set.Count() == 0 {
				continue
			}
			if back, err := ParseFrameSet(set.String()); err != nil || back.String() != set.String() || back.Count() != set.Count() {
				t.Fatalf("%s is read as %s, %v", set, back, err)
			}
			text := s.PictureNames(set)
			if back, err := s.Named(text); err != nil || back.String() != set.String() {
				t.Fatalf("%s is written %s and read as %s, %v", set, text, back, err)
			}
		}
	})
}

func TestPicturesNamed(t *testing.T) {
	s := JobSpec{Frames: FrameRange(1, 10, 1), Views: []View{{Name: "Left"}, {Name: "Right side", Frames: FrameRange(3, 4, 1)}}}
	for text, want := range map[string]string{
		"2": "Left:2", "2-3": "Left:2-3,Right side:3", "99": "Left:99", "left": "Left:1-10", "left:": "Left:1-10", "Left:2-3": "Left:2-3", "right side:3,4": "Right side:3-4", "Left:1,Right side": "Left:1,Right side:3-4",
		"Left,Right side:4": "Left:1-10,Right side:4",
	} {
		if set, err := s.Named(text); err != nil || s.PictureNames(set) != want {
			t.Errorf("%s is %s, %v, not %s", text, s.PictureNames(set), err, want)
		}
	}
	for _, text := range []string{"", "Up:3", "Left:x", "Up:", "Up"} {
		if set, err := s.Named(text); err == nil {
			t.Errorf("%q is taken for %s", text, set)
		}
	}
	if got := s.PictureName(Picture(1, 4)); got != "Right side 4" {
		t.Errorf("a picture is called %q", got)
	}
	for no, want := range map[int]string{
		Picture(1, 4): "frame 4 of Right side", PartOf(4, 2): "part 2 of frame 4 of Left", Task{Stage: StageEncode, View: 1}.No(): "film of Right side",
	} {
		if got := s.TaskName(no); got != want {
			t.Errorf("a task is called %q, not %q", got, want)
		}
	}
	plain := JobSpec{Frames: FrameRange(1, 10, 1)}
	if set, err := plain.Named("2-3"); err != nil || plain.PictureNames(set) != "2-3" || plain.PictureName(2) != "2" {
		t.Errorf("without views: %s, %v", set, err)
	}
}

func TestViewsThatMakeNoSense(t *testing.T) {
	good := func() JobSpec {
		s := JobSpec{Blend: "a.blend", Frames: FrameRange(1, 4, 1), Views: []View{{Name: "a", Camera: "A"}, {Name: "b", Layers: []string{"L"}, Frames: FrameRange(3, 9, 1)}}, Options: Options{Outputs: true}}
		s.Defaults()
		return s
	}
	s := good()
	if err := s.Check(); err != nil || s.Frames.String() != "1-9" || s.Plan().Tasks() != 11 || s.Asks() != StageViews {
		t.Fatalf("%v, frames %s, %d tasks, asks %s", err, s.Frames, s.Plan().Tasks(), s.Asks())
	}
	for what, harm := range map[string]func(*JobSpec){
		"no name":       func(s *JobSpec) { s.Views[0].Name = "" },
		"way out":       func(s *JobSpec) { s.Views[0].Name = ".." },
		"hidden":        func(s *JobSpec) { s.Views[0].Name = ".netrender-parts" },
		"folders":       func(s *JobSpec) { s.Views[0].Name = "a/b" },
		"ends in dot":   func(s *JobSpec) { s.Views[0].Name = "a." },
		"same name":     func(s *JobSpec) { s.Views[1].Name = "A" },
		"long name":     func(s *JobSpec) { s.Views[0].Name = strings.Repeat("a", maxViewName+1) },
		"long camera":   func(s *JobSpec) { s.Views[0].Camera = strings.Repeat("a", maxDatablock+1) },
		"empty layer":   func(s *JobSpec) { s.Views[1].Layers = []string{""} },
		"nothing":       func(s *JobSpec) { s.Views[0].Camera = "" },
		"in order":      func(s *JobSpec) { s.InOrder = true },
		"too many":      func(s *JobSpec) { s.Views = make([]View, MaxViews+1) },
		"far frames":    func(s *JobSpec) { s.Frames = Frames(Picture(1, 1)) },
		"far own ones":  func(s *JobSpec) { s.Views[1].Frames = Frames(Picture(1, 1)) },
		"of a process":  func(s *JobSpec) { s.Process = &Process{} },
		"of inspection": func(s *JobSpec) { s.Inspect = true },
	} {
		s := good()
		harm(&s)
		if err := s.Check(); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if set, err := ParseFrameSet("1-" + Frames(Picture(1, 1)).String()); err == nil {
		t.Errorf("a range over two views is taken for %s", set)
	}
}

// TestViewNamesAreFolders: whatever datablocks are called.
func TestViewNamesAreFolders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := ViewName(rapid.String().Draw(t, "scene"), rapid.String().Draw(t, "camera"))
		if !isPlainName(name) {
			t.Fatalf("%q is no folder", name)
		}
	})
	if got := ViewName("Scene", `a/b\c:d `); got != "Scene-a_b_c_d" {
		t.Errorf("named %q", got)
	}
}

// TestOldJobsHaveNoViews: a record from before there were any is as it was.
func TestOldJobsHaveNoViews(t *testing.T) {
	var s JobSpec
	if err := json.Unmarshal([]byte(`{"frames":"1-3","chunk":1}`), &s); err != nil || s.Pictures().String() != "1-3" || s.Plan().Tasks() != 3 || s.View(2) != nil {
		t.Fatalf("%v, %v", err, s.Pictures())
	}
}
