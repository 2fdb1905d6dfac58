package farm

import "math"

// Trace is one try at a frame as the record of it says, without its texts and results: many are read at once.
type Trace struct {
	Position int
	Worker   WorkerID
	Accepted bool  // it is what the frame stands on
	Failed   bool  // it failed, or its worker was lost
	GaveUp   bool  // the frame was given up after it, and that counts
	Started  int64 // Unix microseconds
	Seconds  float64
	MemoryMB int
}

// FrameState is what became of a frame, as a grid has it.
type FrameState int

// The states of a frame.
const (
	GridWaits   FrameState = 0
	GridRenders FrameState = 1
	GridDone    FrameState = 2
	GridFailed  FrameState = 3
	GridAhead   FrameState = 4 // a worker has it and renders another one first
)

// Grid is a page of a job's frames in columns: the i-th entry of each is about the i-th frame of Frames. Times, worker
// and memory are those of the accepted attempt where the frame is done, of the lease where a worker has it, else of the
// last try.
type Grid struct {
	Job    JobID    `json:"job"`
	State  JobState `json:"state"`
	Total  int      `json:"total"`          // frames of the job, of every view
	Frames FrameSet `json:"frames"`         // of this page; of views: pictures
	Count  int      `json:"count"`          // of this page
	Next   *int     `json:"next,omitempty"` // pass as after=; nil: the end
	Base   int64    `json:"base"`           // Unix milliseconds that Started counts from
	Seq    int64    `json:"seq"`            // of the job's newest attempt that was there; 0: none

	States   []FrameState `json:"states"`
	Seconds  []float64    `json:"seconds"`  // of rendering; 0: not known
	Started  []int64      `json:"started"`  // milliseconds after Base; -1: never tried
	Workers  []int        `json:"workers"`  // index into WorkerList; -1: none
	Attempts []int        `json:"attempts"` // tries that are over, with those from before the frame was reset
	Failed   []int        `json:"failed"`   // of these, failed ones and those whose worker was lost
	MemoryMB []int        `json:"memory"`   // peak of Blender; 0: not known
	// Parts are the tiles, or parts of its samples, that are done; nil where frames are rendered whole.
	Parts []int `json:"parts,omitempty"`

	WorkerList []GridWorker `json:"worker_list"`
}

// GridWorker is a worker that a grid names. Name is empty when the farm does not know it any more.
type GridWorker struct {
	ID   WorkerID `json:"id"`
	Name string   `json:"name"`
}

// Pages of a grid.
const (
	UsualGrid = 10_000
	MaxGrid   = 50_000
)

// MakeGrid makes the grid of some of a job's frames, none of which was tried.
func MakeGrid(j *Job, from, to int) Grid {
	n, all := to-from, j.Pictures()
	g := Grid{
		Job: j.ID, State: j.State, Total: all.Count(), Frames: all.Slice(from, to), Count: n,
		States: make([]FrameState, n), Seconds: make([]float64, n), Started: make([]int64, n), Workers: make([]int, n),
		Attempts: make([]int, n), Failed: make([]int, n), MemoryMB: make([]int, n), WorkerList: []GridWorker{},
	}
	if j.Parts() > 0 {
		g.Parts = make([]int, n)
	}
	if g.Base = j.Started.UnixMilli(); j.Started.IsZero() {
		g.Base = j.Created.UnixMilli()
	}
	for i := range n {
		g.Started[i], g.Workers[i] = -1, -1
		if j.State == Failed { // what is not done failed: one by one, or with the whole scene
			g.States[i] = GridFailed
		}
	}
	if to < g.Total {
		last := g.Frames.Last()
		g.Next = &last
	}
	return g
}

// Add takes a try at the i-th frame in; those of a frame must come in their order. worker is its place in WorkerList.
func (g *Grid) Add(i int, t *Trace, worker int) {
	g.Attempts[i]++
	if t.Failed {
		g.Failed[i]++
	}
	if g.States[i] == GridDone && !t.Accepted {
		return
	}
	if t.Accepted {
		g.States[i] = GridDone
	} else if t.GaveUp {
		g.States[i] = GridFailed
	}
	g.Started[i], g.Workers[i], g.Seconds[i], g.MemoryMB[i] = max(0, t.Started/1000-g.Base), worker, shortly(t.Seconds), t.MemoryMB
}

// Hold takes in that a worker has the i-th frame; a frame that is done stays so.
func (g *Grid) Hold(i int, state FrameState, started int64, worker int) {
	if g.States[i] != GridDone {
		g.States[i], g.Started[i], g.Workers[i], g.Seconds[i], g.MemoryMB[i] = state, max(0, started-g.Base), worker, 0, 0
	}
}

// shortly leaves out digits that no chart shows.
func shortly(seconds float64) float64 {
	digits := 1000.0
	switch {
	case seconds >= 1000:
		digits = 10
	case seconds >= 10:
		digits = 100
	}
	return math.Round(min(max(seconds, 0), 1e9)*digits) / digits
}
