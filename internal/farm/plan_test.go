package farm

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTaskNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		task := Task{
			rapid.SampledFrom(stages[:]).Draw(t, "stage"), rapid.IntRange(-MaxFrame, MaxFrame).Draw(t, "frame"), rapid.IntRange(0, MaxParts).Draw(t, "part"), rapid.SampledFrom([]int{0, 0, 1, 7, MaxViews - 1}).Draw(t, "view"),
		}
		no := task.No()
		if back, ok := TaskOf(no); !ok || back != task {
			t.Fatalf("%v has number %d, which is %v, %v", task, no, back, ok)
		}
		if picture, leads := PictureOfTask(no); leads != (task.Stage == StageRender || task.Stage == StageFinish) || leads && (FrameOf(picture) != task.Frame || ViewOf(picture) != task.View) {
			t.Fatalf("%v leads to the picture %d, %v", task, picture, leads)
		}
		if no > MaxTask || task.Picture() > MaxPicture {
			t.Fatalf("%v has number %d, its picture %d", task, no, task.Picture())
		}
		if no >= 1<<53 || no <= -1<<53 {
			t.Fatalf("the number of %v is %d: a float64 cannot tell it from others", task, no)
		}
		if task.IsFrame() != (no == task.Picture()) {
			t.Fatalf("%v has number %d", task, no)
		}
	})
	for _, no := range []int{-MaxFrame - 1, MaxFrame + 1, -1 << 22, len(stages) * (MaxParts + 1) << taskShift, -1 << 62, 1<<62 + 1} {
		if task, ok := TaskOf(no); ok {
			t.Errorf("%d is taken for %v", no, task)
		}
	}
	for task, want := range map[Task]string{
		{StageRender, -3, 0, 0}: "frame -3", {StageRender, 7, 12, 0}: "part 12 of frame 7", {StageFinish, 7, 0, 0}: "finish of frame 7",
		{StageBake, 0, 2, 0}: "bake 2", {StageEncode, 0, 0, 0}: "film", {StageEncode, 0, 0, 2}: "film of view 3",
		{StageRender, -3, 0, 1}: "frame -3 of view 2", {StageRender, 7, 12, 4}: "part 12 of frame 7 of view 5",
	} {
		if got := TaskName(task.No()); got != want {
			t.Errorf("%d is named %q, want %q", task.No(), got, want)
		}
	}
	if got := TaskName(-1 << 40); got != "task -1099511627776" {
		t.Errorf("no task is named %q", got)
	}
}

func drawPlan(t *rapid.T) Plan {
	first := rapid.IntRange(-20, 20).Draw(t, "first")
	spec := JobSpec{
		Frames: FrameRange(first, first+rapid.IntRange(0, 12).Draw(t, "frames"), rapid.IntRange(1, 3).Draw(t, "step")),
		Views:  make([]View, rapid.SampledFrom([]int{0, 0, 1, 2, 4}).Draw(t, "views")),
	}
	for i := range spec.Views {
		if rapid.Bool().Draw(t, "own") {
			spec.Views[i].Frames = FrameRange(first, first+rapid.IntRange(0, 3).Draw(t, "of view"), 1)
		}
	}
	if rapid.Bool().Draw(t, "film") {
		spec.Film = &Film{}
	}
	frames := spec.Pictures()
	p := MakePlan(
		Layout{Frames: frames, Chunk: rapid.IntRange(1, 5).Draw(t, "chunk"), Order: rapid.SampledFrom(orders).Draw(t, "order")},
		rapid.IntRange(0, 3).Draw(t, "bakes"), rapid.SampledFrom([]int{0, 0, 1, 2, 6}).Draw(t, "parts"), spec.Films(),
	)
	if p.Parts == 0 && p.Order == Linear && p.Frames.Count() > 1 && rapid.Bool().Draw(t, "levels") {
		cuts := rapid.SliceOfN(rapid.IntRange(1, p.Frames.Count()-1), 1, 4).Draw(t, "cuts")
		slices.Sort(cuts)
		p.Levels, p.Films = slices.Compact(cuts), 0
	}
	return p
}

// levelOf is which level the task at a position of the stage render is of, and where that begins.
func levelOf(p *Plan, at int) (level, from int) {
	for _, cut := range p.Levels {
		if at-p.Bakes >= cut {
			level, from = level+1, cut
		}
	}
	return level, from + p.Bakes
}

// TestPlanIsABijection: each task has one position, and each position at most one task.
func TestPlanIsABijection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		seen := map[int]bool{}
		for at := range p.Positions() {
			no, ok := p.Task(at)
			if !ok {
				continue
			}
			if seen[no] {
				t.Fatalf("%s has two positions", TaskName(no))
			}
			seen[no] = true
			if back, ok := p.Position(no); !ok || back != at {
				t.Fatalf("%s is at %d, and its position is %d, %v", TaskName(no), at, back, ok)
			}
		}
		if len(seen) != p.Tasks() {
			t.Fatalf("%d tasks have a position, there are %d", len(seen), p.Tasks())
		}
		var tasks, end int
		for _, s := range p.Segments() {
			if s.Lo != end {
				t.Fatalf("the stage %s begins at %d, the one before it ended at %d", s.Stage, s.Lo, end)
			}
			end = s.Hi
			tasks += s.Tasks
			for at := s.Lo; at < s.Hi; at++ {
				if no, ok := p.Task(at); ok {
					if task, _ := TaskOf(no); task.Stage != s.Stage {
						t.Fatalf("%v is among those of the stage %s", task, s.Stage)
					}
				}
			}
		}
		if tasks != p.Tasks() || end != p.Positions() {
			t.Fatalf("the stages have %d tasks and end at %d; the plan has %d and ends at %d", tasks, end, p.Tasks(), p.Positions())
		}
		for _, no := range []int{
			Task{StageBake, 0, p.Bakes + 1, 0}.No(), Task{StageBake, 1, 1, 0}.No(), Task{Stage: StageFinish, Part: 1}.of(p.Frames.At(0)).No(), Task{Stage: StageRender, Part: p.Parts + 1}.of(p.Frames.At(0)).No(),
			Task{StageBake, 0, 1, 1}.No(), Task{StageEncode, 0, 0, max(1, p.Films)}.No(), Task{StageRender, 0, 0, 5}.No(),
			Task{StageRender, 21, 0, 0}.No() + 1<<20, Task{StageEncode, 0, 1, 0}.No(), -1 << 40,
		} {
			if at, ok := p.Position(no); ok {
				t.Fatalf("%s, which is none of the plan's, is at %d", TaskName(no), at)
			}
		}
		for _, at := range []int{-1, p.Positions()} {
			if no, ok := p.Task(at); ok {
				t.Fatalf("position %d has task %s", at, TaskName(no))
			}
		}
	})
}

// TestPlanWaits: who waits for whom is the same seen from both sides, and nothing waits for itself or for what comes later.
func TestPlanWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		for at := range p.Positions() {
			no, ok := p.Task(at)
			if !ok {
				continue
			}
			task, _ := TaskOf(no)
			lo, hi, tasks := p.Needs(at)
			if hi > at {
				t.Fatalf("%v at %d waits for %d to %d", task, at, lo, hi)
			}
			n := 0
			for b := range at {
				other, ok := p.Task(b)
				needed := ok && b >= lo && b < hi
				opensLo, opensHi := p.Opens(b)
				if needed != (ok && at >= opensLo && at < opensHi) {
					t.Fatalf("%v waits for %s: %v; the other way round %d to %d", task, TaskName(other), needed, opensLo, opensHi)
				}
				if !needed {
					continue
				}
				n++
				o, _ := TaskOf(other)
				own, _ := levelOf(&p, at)
				theirs, _ := levelOf(&p, b)
				fits := map[Stage]bool{
					StageRender: o.Stage == StageBake && own == 0 || o.Stage == StageRender && own > 0 && theirs == own-1, StageFinish: o.Stage == StageRender && o.Picture() == task.Picture(),
					StageEncode: o.Stage == StageFinish || o.Stage == StageRender && p.Parts == 0,
				}[task.Stage]
				if !fits {
					t.Fatalf("%v waits for %v", task, o)
				}
			}
			want := map[Stage]int{StageBake: 0, StageRender: p.Bakes, StageFinish: p.Parts, StageEncode: p.Frames.Count()}[task.Stage]
			if level, from := levelOf(&p, at); task.Stage == StageRender && level > 0 {
				_, before := levelOf(&p, from-1)
				want = from - before
			}
			if n != tasks || n != want {
				t.Fatalf("%v waits for %d tasks, says %d, should for %d", task, n, tasks, want)
			}
		}
	})
}

func TestPlanOfFramesAloneIsTheirLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		plain := MakePlan(p.Layout, 0, 0, 0)
		if plain.Staged() || plain.Positions() != p.Layout.Positions() || plain.Tasks() != p.Frames.Count() {
			t.Fatalf("%d positions, %d tasks", plain.Positions(), plain.Tasks())
		}
		for at := range plain.Positions() + 1 {
			no, ok := plain.Task(at)
			if f, is := p.Layout.Frame(at); ok != is || no != f {
				t.Fatalf("position %d: %d, %v; the layout has %d, %v", at, no, ok, f, is)
			}
			if lo, hi := plain.Opens(at); lo != hi {
				t.Fatalf("position %d opens %d to %d", at, lo, hi)
			}
		}
	})
}

// TestPlanChunks: chunks are whole, and none crosses into another stage.
func TestPlanChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		for at := 0; at < p.Positions(); {
			end := p.ChunkEnd(at)
			if end <= at || end > p.Positions() || end-at > p.Chunk {
				t.Fatalf("the chunk at %d of %d ends at %d", at, p.Positions(), end)
			}
			stage := Stage("")
			for ; at < end; at++ {
				if no, ok := p.Task(at); ok {
					task, _ := TaskOf(no)
					if stage != "" && stage != task.Stage {
						t.Fatalf("a chunk holds %s and %s", stage, task.Stage)
					}
					if own, _ := levelOf(&p, at); len(p.Levels) > 0 && task.Stage == StageRender {
						if last, _ := levelOf(&p, end-1); own != last && end <= p.Bakes+p.Layout.Positions() {
							t.Fatalf("a chunk holds tasks of the levels %d and %d", own, last)
						}
					}
					stage = task.Stage
				}
			}
		}
		for f := range p.Frames.All() {
			at, ok := p.Picture(f)
			if got, has := p.Frame(at); !ok || !has || got != f {
				t.Fatalf("the picture of frame %d is at %d, %v, which leads to frame %d", f, at, ok, got)
			}
		}
	})
}

// TestAttemptsAreShown: what is shown of a task leads back to its number.
func TestAttemptsAreShown(t *testing.T) {
	for _, task := range []Task{{StageRender, 7, 0, 0}, {StageRender, -7, 3, 0}, {StageFinish, 7, 0, 0}, {StageBake, 0, 2, 0}, {StageEncode, 0, 0, 0}, {StageRender, 7, 0, 2}, {StageFinish, -7, 0, 3}, {StageRender, 7, 3, 1}, {StageEncode, 0, 0, 2}} {
		kept := Attempt{Frame: task.No()}
		shown := kept.Shown()
		if shown.Frame != task.Picture() || shown.Part != task.Part || (shown.Stage == "") != task.IsFrame() || shown.Task() != task.No() || kept.Task() != task.No() {
			t.Errorf("%v is shown as %+v, which is %s", task, shown, TaskName(shown.Task()))
		}
	}
}
