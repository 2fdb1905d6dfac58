package farm

import "slices"

// Plan places the tasks of a job in the order they are handed out, and says which of them wait for which. A *position*
// is a place in that order. The stages follow one another:
//
//	bakes   wait for nothing
//	render  every frame, or every part of every frame, waits for all bakes
//	finish  of a frame waits for all parts of that frame
//	film    of each view waits for all frames
//
// A frame stands for a picture here: of a job with several views, a frame of one of them.
//
// It holds no list: a job of a million frames costs nothing. A job without other stages has its frames alone, where
// Layout has them.
type Plan struct {
	Layout
	Bakes int // simulations to compute first
	Parts int // of each frame, which are then finished; 0: frames are whole
	Films int // the frames become films: one, or one of each view
	// Levels are cuts between whole frames, among the positions of the stage render, rising: frames behind a cut wait for all
	// of those between it and the cut before. Such frames are whole and become no film.
	Levels []int
	frames int // how many there are, counted once
}

// MakePlan lays out the tasks of a job. Parts of frames are handed out one by one: chunk is not looked at then.
func MakePlan(l Layout, bakes, parts, films int) Plan {
	if parts > 0 {
		l.Chunk = 1
	}
	return Plan{Layout: l, Bakes: bakes, Parts: parts, Films: films, frames: l.Frames.Count()}
}

// Staged tells whether there is more to the job than whole frames that wait for nothing.
func (p *Plan) Staged() bool { return p.Bakes > 0 || p.Parts > 0 || p.Films > 0 || len(p.Levels) > 0 }

// Tasks is how many tasks there are.
func (p *Plan) Tasks() int {
	n := p.Bakes + p.frames*max(1, p.Parts)
	if p.Parts > 0 {
		n += p.frames
	}
	return n + p.Films
}

// Segment is where a stage's tasks are: positions from Lo to before Hi, of which Tasks have one.
type Segment struct {
	Stage         Stage
	Lo, Hi, Tasks int
}

// Segments are the stages of the job, in the order of their positions.
func (p *Plan) Segments() []Segment {
	list := make([]Segment, 0, len(stages))
	at := 0
	add := func(s Stage, positions, tasks int) {
		if tasks > 0 {
			list = append(list, Segment{s, at, at + positions, tasks})
			at += positions
		}
	}
	add(StageBake, p.Bakes, p.Bakes)
	add(StageRender, p.Layout.Positions()*max(1, p.Parts), p.frames*max(1, p.Parts))
	if p.Parts > 0 {
		add(StageFinish, p.frames, p.frames)
	}
	add(StageEncode, p.Films, p.Films)
	return list
}

// TurnsEnd is where the positions end that are handed out in turn. Those behind are of stages that are not waited for in
// turn, but opened one by one.
func (p *Plan) TurnsEnd() int {
	_, end := p.render()
	return end
}

// Find is where the task with a number is, or, for a frame that is rendered in parts, all that belongs to it.
func (p *Plan) Find(no int) (positions Spans, ok bool) {
	if at, ok := p.Position(no); ok {
		return SpanOf(at, at+1), true
	}
	at, ok := p.Layout.Position(no)
	if !ok || p.Parts == 0 {
		return Spans{}, false
	}
	lo, hi := p.render()
	positions = SpanOf(lo+at*p.Parts, lo+(at+1)*p.Parts)
	positions.Add(hi + at)
	return positions, true
}

// render is where the stage render begins and ends.
func (p *Plan) render() (lo, hi int) { return p.Bakes, p.Bakes + p.Layout.Positions()*max(1, p.Parts) }

// Positions is the number of positions, at least Tasks.
func (p *Plan) Positions() int {
	_, n := p.render()
	if p.Parts > 0 {
		n += p.frames
	}
	return n + p.Films
}

// Task returns the number of the task at the position; ok is false when there is none.
func (p *Plan) Task(position int) (no int, ok bool) {
	if !p.Staged() {
		return p.Layout.Frame(position)
	}
	lo, hi := p.render()
	switch {
	case position < 0 || position >= p.Positions():
		return 0, false
	case position < lo:
		return Task{Stage: StageBake, Part: position + 1}.No(), true
	case position < hi && p.Parts > 0:
		f, ok := p.Layout.Frame((position - lo) / p.Parts)
		return Task{Stage: StageRender, Part: (position-lo)%p.Parts + 1}.of(f).No(), ok
	case position < hi:
		return p.Layout.Frame(position - lo)
	case p.Parts > 0 && position < hi+p.frames:
		f, ok := p.Layout.Frame(position - hi)
		return Task{Stage: StageFinish}.of(f).No(), ok
	}
	return Task{Stage: StageEncode, View: position - (p.Positions() - p.Films)}.No(), true
}

// Position is the inverse of Task.
func (p *Plan) Position(no int) (position int, ok bool) {
	if !p.Staged() {
		return p.Layout.Position(no)
	}
	t, ok := TaskOf(no)
	if !ok {
		return 0, false
	}
	lo, hi := p.render()
	switch t.Stage {
	case StageBake:
		return t.Part - 1, t.Frame == 0 && t.View == 0 && t.Part >= 1 && t.Part <= p.Bakes
	case StageEncode:
		return p.Positions() - p.Films + t.View, t.View < p.Films && t.Frame == 0 && t.Part == 0
	case StageRender, StageFinish:
	}
	at, ok := p.Layout.Position(t.Picture())
	switch {
	case !ok || t.Stage == StageFinish && (p.Parts == 0 || t.Part != 0):
		return 0, false
	case t.Stage == StageFinish:
		return hi + at, true
	case p.Parts == 0:
		return lo + at, t.Part == 0
	}
	return lo + at*p.Parts + t.Part - 1, t.Part >= 1 && t.Part <= p.Parts
}

// ChunkEnd is where the chunk ends that a position belongs to: what is handed out together comes before it.
func (p *Plan) ChunkEnd(position int) int {
	lo, hi := p.render()
	if p.Parts > 0 || position < lo || position >= hi {
		return position + 1
	}
	end := min(hi, lo+((position-lo)/p.Chunk+1)*p.Chunk)
	if len(p.Levels) > 0 {
		_, cut := p.Level(position)
		end = min(end, cut)
	}
	return end
}

// Level is where the level begins and ends that a position of the stage render belongs to.
func (p *Plan) Level(position int) (lo, hi int) {
	lo, hi = p.render()
	first := lo
	i, found := slices.BinarySearch(p.Levels, position-first)
	if found { // it is the first of its level
		i++
	}
	if i > 0 {
		lo = first + p.Levels[i-1]
	}
	if i < len(p.Levels) {
		hi = first + p.Levels[i]
	}
	return lo, hi
}

// Needs are the positions whose tasks must be done before that of a position may begin: from lo to before hi, with tasks
// in so many of them. None: it waits for nothing.
func (p *Plan) Needs(position int) (lo, hi, tasks int) {
	first, end := p.render()
	switch {
	case position < first:
		return 0, 0, 0
	case position < end && len(p.Levels) > 0:
		if lo, _ := p.Level(position); lo > first {
			before, _ := p.Level(lo - 1)
			return before, lo, lo - before
		}
		return 0, first, first
	case position < end:
		return 0, first, first
	case p.Parts > 0 && position < end+p.frames:
		lo = first + (position-end)*p.Parts
		return lo, lo + p.Parts, p.Parts
	case p.Parts > 0:
		return end, end + p.frames, p.frames
	}
	return first, end, p.frames
}

// Opens are the positions whose tasks wait for that of a position, directly: from lo to before hi. None: nothing does.
func (p *Plan) Opens(position int) (lo, hi int) {
	first, end := p.render()
	last := p.Positions()
	switch {
	case position < first && len(p.Levels) > 0:
		return p.Level(first)
	case position < first:
		return first, end
	case position < end && len(p.Levels) > 0:
		if _, cut := p.Level(position); cut < end {
			return p.Level(cut)
		}
		return 0, 0
	case position < end && p.Parts > 0:
		at := end + (position-first)/p.Parts
		return at, at + 1
	case p.Films > 0 && position < last-p.Films:
		return last - p.Films, last
	}
	return 0, 0
}

// Frame is the number of the picture that a position leads to; ok is false when it leads to none or to all.
func (p *Plan) Frame(position int) (picture int, ok bool) {
	no, ok := p.Task(position)
	picture, leads := PictureOfTask(no)
	return picture, ok && leads
}

// Shows tells whether the task at a position makes a picture that a film shows.
func (p *Plan) Shows(position int) bool {
	lo, hi, _ := p.Needs(p.Positions() - 1)
	return p.Films > 0 && position >= lo && position < hi
}

// Encode are the positions of the films, from lo to before hi; none when there are no films.
func (p *Plan) Encode() (lo, hi int) { return p.Positions() - p.Films, p.Positions() }

// Picture is the position whose task makes a picture: its last one.
func (p *Plan) Picture(picture int) (position int, ok bool) {
	if p.Parts > 0 {
		return p.Position(Task{Stage: StageFinish}.of(picture).No())
	}
	return p.Position(picture)
}
