package farm

import "fmt"

// stages are those that tasks of one job may have; the place of each is part of the numbers of tasks and never changes.
var stages = [taskStages]Stage{StageRender, StageBake, StageFinish, StageEncode}

const taskStages = 4

// MaxParts bounds the parts of a frame.
const MaxParts = 1 << 12

// Task is the least that is handed to a worker, tried again and accepted by itself. A whole frame is the part 0 of a
// frame in the stage render; parts of frames, and bakes, count from 1. What does not belong to a frame has Frame 0.
type Task struct {
	Stage Stage
	Frame int // as Blender counts
	Part  int // 0..MaxParts
	View  int // of the job, 0..MaxViews-1: see View
}

const (
	taskShift = 22 // has room for every frame that Blender knows, of either sign
	viewShift = 37 // and for the stages and parts
)

// No is the number by which leases, reports and attempts name the task within its job. That of a whole frame of the first
// view is the frame's own, so that what knows only of frames is right about them. It is less than 2^53.
func (t Task) No() int {
	for i, s := range stages {
		if s == t.Stage {
			return (i*(MaxParts+1)+t.Part)<<taskShift + t.Picture()
		}
	}
	return t.Picture()
}

// TaskOf is the task with a number; ok is false when no task has it.
func TaskOf(no int) (t Task, ok bool) {
	view, rest := splitPicture(no)
	high := (rest + 1<<(taskShift-1)) >> taskShift
	t.Frame, t.View = rest-high<<taskShift, view
	if high < 0 || high >= len(stages)*(MaxParts+1) || view < 0 || view >= MaxViews || t.Frame > MaxFrame || t.Frame < -MaxFrame {
		return Task{}, false
	}
	t.Stage, t.Part = stages[high/(MaxParts+1)], high%(MaxParts+1)
	return t, true
}

// Picture numbers the pictures of a job: a frame of a view. Of the first view it is the frame's own number.
func (t Task) Picture() int { return Picture(t.View, t.Frame) }

// Picture is the number of a frame of a view.
func Picture(view, frame int) int { return view<<viewShift + frame }

func splitPicture(no int) (view, rest int) {
	view = (no + 1<<(taskShift-1)) >> viewShift
	return view, no - view<<viewShift
}

// IsPicture tells whether a picture may have that number.
func IsPicture(no int) bool {
	view, frame := splitPicture(no)
	return view >= 0 && view < MaxViews && frame >= -MaxFrame && frame <= MaxFrame
}

// of is the task of a picture.
func (t Task) of(picture int) Task {
	t.View, t.Frame = splitPicture(picture)
	return t
}

// Asks is what a worker must take to be given the task.
func (t Task) Asks() Stage {
	if t.Stage == StageRender && t.Part > 0 {
		return StageParts
	}
	return t.Stage
}

// IsFrame tells whether the task is a whole frame.
func (t Task) IsFrame() bool { return t.Stage == StageRender && t.Part == 0 }

func (t Task) String() string {
	if t.View > 0 {
		return t.named(fmt.Sprintf("view %d", t.View+1))
	}
	return t.named("")
}

// named is what the task is, of a view with a name; "": of the only one.
func (t Task) named(view string) string {
	text, film := fmt.Sprintf("frame %d", t.Frame), "film"
	if view != "" {
		text, film = text+" of "+view, film+" of "+view
	}
	switch {
	case t.Stage == StageBake:
		return fmt.Sprintf("bake %d", t.Part)
	case t.Stage == StageFinish:
		return "finish of " + text
	case t.Stage == StageEncode:
		return film
	case t.Part > 0:
		return fmt.Sprintf("part %d of %s", t.Part, text)
	}
	return text
}

// Names tells whether a set of numbers names a task: by its own number, or by that of its picture.
func Names(set FrameSet, no int) bool {
	if set.Contains(no) {
		return true
	}
	t, ok := TaskOf(no)
	return ok && (t.Stage == StageRender || t.Stage == StageFinish) && set.Contains(t.Picture())
}

// FrameOf is the frame that a task belongs to, as Blender counts.
func FrameOf(no int) int {
	t, _ := TaskOf(no)
	return t.Frame
}

// PictureOf is the number of the picture that a task belongs to.
func PictureOf(no int) int {
	t, _ := TaskOf(no)
	return t.Picture()
}

// ViewOf is the view that a task belongs to.
func ViewOf(no int) int {
	t, _ := TaskOf(no)
	return t.View
}

// PictureOfTask is the picture that a task leads to; ok is false when it leads to none or to all.
func PictureOfTask(no int) (picture int, ok bool) {
	t, ok := TaskOf(no)
	return t.Picture(), ok && (t.Stage == StageRender || t.Stage == StageFinish)
}

// PartOf is the task that renders a part of a picture.
func PartOf(picture, part int) int { return Task{Stage: StageRender, Part: part}.of(picture).No() }

// IsPart tells whether a task renders a part of a frame.
func IsPart(no int) bool {
	t, ok := TaskOf(no)
	return ok && t.Asks() == StageParts
}

// IsFilm tells whether a task makes the job's film.
func IsFilm(no int) bool {
	t, ok := TaskOf(no)
	return ok && t.Stage == StageEncode
}

// MaxTask is the largest number of a task; the smallest is -MaxFrame.
const MaxTask = (MaxViews-1)<<viewShift + (taskStages*(MaxParts+1)-1)<<taskShift + MaxFrame

// MaxPicture is the largest number of a picture; the smallest is -MaxFrame.
const MaxPicture = (MaxViews-1)<<viewShift + MaxFrame

// partsFolder is where parts of frames lie among a job's results, until the frame is finished.
const partsFolder = ".netrender-parts"

// PartName is what the result of a part of a frame is called, below the job's results folder.
func PartName(no int) string {
	t, _ := TaskOf(no)
	return fmt.Sprintf("%s/%d.exr", PartsFolder(t.Picture()), t.Part)
}

// PartsFolder is where the parts of a picture lie, below the job's results folder.
func PartsFolder(picture int) string { return fmt.Sprintf("%s/%d", partsFolder, picture) }

// TaskName says which task a number is, for people.
func TaskName(no int) string {
	if t, ok := TaskOf(no); ok {
		return t.String()
	}
	return fmt.Sprintf("task %d", no)
}
