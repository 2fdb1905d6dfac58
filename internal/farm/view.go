package farm

import (
	"slices"
	"strings"
)

// View is a way to render the frames of a job: a scene of the file, one of its cameras, some of its view layers. A job with
// views has every frame of each of them, as pictures of their own: see Picture. The first view's come first.
type View struct {
	Name   string   `json:"name"`             // the folder of its results, unlike the other views'
	Scene  string   `json:"scene,omitempty"`  // "": the one the file opens with
	Camera string   `json:"camera,omitempty"` // the object; "": the scene's own
	Layers []string `json:"layers,omitempty"` // view layers that are rendered; none: as the scene says
	Frames FrameSet `json:"frames,omitzero"`  // of it; none: all of the job's
}

// Bounds of views.
const (
	MaxViews      = 256 // of a job
	maxViewName   = 100 // bytes
	maxViewLayers = 256
	maxDatablock  = 255 // bytes of a name in Blender, MAX_ID_NAME in its sources; 63 before 5.0
)

// Pictures are the numbers of all pictures of the job: its frames, or those of each view.
func (s *JobSpec) Pictures() FrameSet {
	if len(s.Views) == 0 {
		return s.Frames
	}
	var runs []run
	for i := range s.Views[:min(len(s.Views), MaxViews)] {
		for _, r := range s.framesOf(i).runs {
			r.first = Picture(i, r.first)
			runs = append(runs, r)
		}
	}
	return finish(runs)
}

// framesOf are the frames of a view.
func (s *JobSpec) framesOf(view int) FrameSet {
	if f := s.Views[view].Frames; f.Count() > 0 {
		return f
	}
	return s.Frames
}

// View is what a task renders; nil: the scene as it is.
func (s *JobSpec) View(no int) *View {
	if i := ViewOf(no); i < len(s.Views) {
		return &s.Views[i]
	}
	return nil
}

// PictureName says which picture a number means, for people: 12, or Left 12.
func (s *JobSpec) PictureName(no int) string {
	frame := Frames(FrameOf(no)).String()
	if v := s.View(no); v != nil {
		return v.Name + " " + frame
	}
	return frame
}

// Named reads pictures of the job: `1-10` are frames of every view that has them, `Left:1-10,20` those of one, `Left:` all that it has.
func (s *JobSpec) Named(text string) (FrameSet, error) {
	if len(s.Views) == 0 {
		return ParseFrameSet(text)
	}
	var runs []run
	of := -1 // view that is meant
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		name, frames, cut := strings.Cut(part, ":")
		if i := s.viewCalled(name); i >= 0 {
			if of = i; !cut || strings.TrimSpace(frames) == "" {
				runs = append(runs, s.framesOf(i).of(i).runs...)
				continue
			}
		} else if cut {
			return FrameSet{}, Errorf(Invalid, "the job has no view %s", clip(name, 60)).WithHint("it has %s", clip(s.viewNames(), 200))
		} else {
			frames = part
		}
		set, err := ParseFrameSet(frames)
		if err != nil {
			return FrameSet{}, err
		}
		if of >= 0 {
			runs = append(runs, set.of(of).runs...)
			continue
		}
		some := len(runs)
		for i := range s.Views {
			runs = append(runs, set.in(s.framesOf(i)).of(i).runs...)
		}
		if len(runs) == some { // no view has them: whoever asks is told of the first
			runs = append(runs, set.runs...)
		}
	}
	if len(runs) == 0 {
		return FrameSet{}, Errorf(Invalid, "no frames are named").WithHint("write them as 1-250, or Left:1-250 for those of a view")
	}
	return newFrameSet(runs), nil
}

// viewCalled is which view has the name; -1: none.
func (s *JobSpec) viewCalled(name string) int {
	name = strings.TrimSpace(name)
	return slices.IndexFunc(s.Views, func(v View) bool { return strings.EqualFold(v.Name, name) })
}

// PictureNames writes a set of pictures as Named reads it.
func (s *JobSpec) PictureNames(set FrameSet) string {
	if len(s.Views) == 0 {
		return set.String()
	}
	var parts []string
	for i := range s.Views {
		var runs []run
		for _, r := range set.runs {
			if v, frame := splitPicture(r.first); v == i {
				r.first = frame
				runs = append(runs, r)
			}
		}
		if len(runs) > 0 {
			parts = append(parts, s.Views[i].Name+":"+finish(runs).String())
		}
	}
	return strings.Join(parts, ",")
}

// in are the frames that are in another set, too.
func (s FrameSet) in(other FrameSet) FrameSet {
	var list []int
	for f := range s.All() {
		if other.Contains(f) {
			list = append(list, f)
		}
	}
	return FrameSet{}.fromList(list)
}

// of are the pictures that frames are of a view.
func (s FrameSet) of(view int) FrameSet {
	runs := slices.Clone(s.runs)
	for i := range runs {
		runs[i].first += Picture(view, 0)
	}
	return finish(runs)
}

func (s *JobSpec) viewNames() string {
	names := make([]string, len(s.Views))
	for i := range s.Views {
		names[i] = s.Views[i].Name
	}
	return strings.Join(names, ", ")
}

// Films is how many films the job makes: one of each view.
func (s *JobSpec) Films() int {
	if s.Film == nil {
		return 0
	}
	return min(max(1, len(s.Views)), MaxViews)
}

// ViewCamera is a camera that all views have one of; "" when one of them has the scene's own.
func (s *JobSpec) ViewCamera() (camera string) {
	for i := range s.Views {
		if camera = s.Views[i].Camera; camera == "" {
			return ""
		}
	}
	return camera
}

// OtherScenes tells whether a view is of another scene than the one named.
func (s *JobSpec) OtherScenes(name string) bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { return v.Scene != "" && v.Scene != name })
}

// JoinViews has the job's frames be those of all views, where some have their own; then all have.
func (s *JobSpec) JoinViews() {
	if !slices.ContainsFunc(s.Views, func(v View) bool { return v.Frames.Count() > 0 }) || len(s.Views) > MaxViews {
		return
	}
	var runs []run
	s.Views = slices.Clone(s.Views)
	for i := range s.Views {
		s.Views[i].Frames = s.framesOf(i)
		runs = append(runs, s.Views[i].Frames.runs...)
	}
	s.Frames = newFrameSet(runs)
}

// checkViews refuses views that make no sense.
func (s *JobSpec) checkViews() error {
	switch {
	case s.Frames.First() < -MaxFrame || s.Frames.Last() > MaxFrame:
		return Errorf(Invalid, "frames are outside Blender's range of -%d to %d", MaxFrame, MaxFrame)
	case len(s.Views) == 0:
		return nil
	case len(s.Views) > MaxViews:
		return Errorf(TooLarge, "a job has at most %d views, not %d", MaxViews, len(s.Views)).WithHint("use several jobs")
	case s.InOrder:
		return Errorf(Invalid, "frames in their order are of one view").WithHint("submit a job for each camera or scene")
	case s.Inspect || s.Process != nil:
		return Errorf(Invalid, "only a job that renders has views")
	}
	seen := make(map[string]bool, len(s.Views))
	for i := range s.Views {
		v := &s.Views[i]
		name := strings.ToLower(v.Name)
		switch {
		case !isPlainName(v.Name) || len(v.Name) > maxViewName:
			return Errorf(Invalid, "%q is no name for a view: it becomes a folder", clip(v.Name, 60)).WithHint("use letters, digits and -_., at most %d of them", maxViewName)
		case seen[name]:
			return Errorf(Invalid, "two views are called %s", clip(v.Name, 60)).WithHint("their results would lie in one folder")
		case len(v.Scene) > maxDatablock || len(v.Camera) > maxDatablock || len(v.Layers) > maxViewLayers:
			return Errorf(Invalid, "what the view %s renders makes no sense", clip(v.Name, 60))
		case v.Frames.Count() > 0 && (v.Frames.First() < -MaxFrame || v.Frames.Last() > MaxFrame):
			return Errorf(Invalid, "the view %s has frames outside Blender's range", clip(v.Name, 60))
		case len(v.Scene)+len(v.Camera)+len(v.Layers) == 0 && len(s.Views) > 1:
			return Errorf(Invalid, "the view %s does not say what it renders", clip(v.Name, 60)).WithHint("name a scene, a camera or view layers")
		}
		for _, layer := range v.Layers {
			if layer == "" || len(layer) > maxDatablock {
				return Errorf(Invalid, "the view %s names a view layer that cannot be", clip(v.Name, 60))
			}
		}
		seen[name] = true
	}
	return nil
}

// ViewName makes a view's name of those of datablocks: what file systems do not take becomes _.
func ViewName(parts ...string) string {
	return fileName(strings.Join(parts, "-"), "view")
}

// isPlainName tells whether file systems take the name for a folder, as it is. None that begins with a dot is one.
func isPlainName(name string) bool {
	return name != "" && fileName(name, "") == name
}
