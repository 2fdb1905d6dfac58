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
	Frame int
	Part  int // 0..MaxParts
}

// taskShift has room for every frame that Blender knows, of either sign.
const taskShift = 22

// No is the number by which leases, reports and attempts name the task within its job. That of a whole frame is the
// frame's own, so that what knows only of frames is right about them. It is less than 2^53.
func (t Task) No() int {
	for i, s := range stages {
		if s == t.Stage {
			return (i*(MaxParts+1)+t.Part)<<taskShift + t.Frame
		}
	}
	return t.Frame
}

// TaskOf is the task with a number; ok is false when no task has it.
func TaskOf(no int) (t Task, ok bool) {
	high := (no + 1<<(taskShift-1)) >> taskShift
	t.Frame = no - high<<taskShift
	if high < 0 || high >= len(stages)*(MaxParts+1) || t.Frame > MaxFrame || t.Frame < -MaxFrame {
		return Task{}, false
	}
	t.Stage, t.Part = stages[high/(MaxParts+1)], high%(MaxParts+1)
	return t, true
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
	switch {
	case t.Stage == StageBake:
		return fmt.Sprintf("bake %d", t.Part)
	case t.Stage == StageFinish:
		return fmt.Sprintf("finish of frame %d", t.Frame)
	case t.Stage == StageEncode:
		return "film"
	case t.Part > 0:
		return fmt.Sprintf("part %d of frame %d", t.Part, t.Frame)
	}
	return fmt.Sprintf("frame %d", t.Frame)
}

// Names tells whether a set of numbers names a task: by its own number, or by that of its frame.
func Names(set FrameSet, no int) bool {
	if set.Contains(no) {
		return true
	}
	t, ok := TaskOf(no)
	return ok && (t.Stage == StageRender || t.Stage == StageFinish) && set.Contains(t.Frame)
}

// FrameOf is the frame that a task belongs to.
func FrameOf(no int) int {
	t, _ := TaskOf(no)
	return t.Frame
}

// FrameOfTask is the frame whose picture a task leads to; ok is false when it leads to none or to all.
func FrameOfTask(no int) (frame int, ok bool) {
	t, ok := TaskOf(no)
	return t.Frame, ok && (t.Stage == StageRender || t.Stage == StageFinish)
}

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
const MaxTask = (taskStages*(MaxParts+1)-1)<<taskShift + MaxFrame

// partsFolder is where parts of frames lie among a job's results, until the frame is finished.
const partsFolder = ".netrender-parts"

// PartName is what the result of a part of a frame is called, below the job's results folder.
func PartName(no int) string {
	t, _ := TaskOf(no)
	return fmt.Sprintf("%s/%d.exr", PartsFolder(t.Frame), t.Part)
}

// PartsFolder is where the parts of a frame lie, below the job's results folder.
func PartsFolder(frame int) string { return fmt.Sprintf("%s/%d", partsFolder, frame) }

// TaskName says which task a number is, for people.
func TaskName(no int) string {
	if t, ok := TaskOf(no); ok {
		return t.String()
	}
	return fmt.Sprintf("task %d", no)
}
