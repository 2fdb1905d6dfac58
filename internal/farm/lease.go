package farm

import "time"

// LeaseID names a lease for ever: the master's epoch in the high part, a counter in the low 32 bits.
type LeaseID int64

// Epochs count the starts of a farm's master. They name what a start gives out (leases, the order of attempts), so none
// may come twice, also when a copy of the database is put back that knows nothing of the latest starts.
const (
	epochStep = 10 * time.Minute
	// lastEpochAt bounds what a clock may say, to half of the epochs whose leases a float64 can tell apart, as programs
	// that read JSON take them for.
	lastEpochAt = 1 << 20
	// LastEpoch is the last one whose leases a float64 can tell apart.
	LastEpoch = 2*lastEpochAt - 1
)

// firstEpoch is when the clock says 0.
var firstEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// EpochAt is the least epoch of a start at a time. A master that starts less than once in ten minutes never gets ahead
// of it, and so a start on an older database gets an epoch that was never there.
func EpochAt(t time.Time) int64 {
	return min(max(int64(t.Sub(firstEpoch)/epochStep), 0), lastEpochAt)
}

// Lease is the timed right of one worker slot to render some frames of a job.
type Lease struct {
	ID      LeaseID   `json:"id"`
	Job     JobID     `json:"job"`
	Worker  WorkerID  `json:"worker"`
	Slot    int       `json:"slot"`
	Frames  []int     `json:"frames"`  // in the order to render them
	Attempt int       `json:"attempt"` // 1 for a first try
	Issued  time.Time `json:"issued"`
}

// Outcome is what became of a leased frame.
type Outcome string

// The outcomes. The first three are reported by workers; the master finds the others.
const (
	Rendered   Outcome = "done"
	Errored    Outcome = "failed"     // counts as a failed attempt
	HandedBack Outcome = "returned"   // the worker drains or lost its Blender; counts as nothing
	Expired    Outcome = "expired"    // the worker fell silent; does not count as a failure of the scene
	Revoked    Outcome = "canceled"   // the job was canceled or the frame taken back
	Superseded Outcome = "superseded" // another attempt was accepted first
)

// Report is what a worker says of one frame of a lease.
type Report struct {
	Lease    LeaseID  `json:"lease"`
	Worker   WorkerID `json:"worker"`
	Job      JobID    `json:"job"`
	Frame    int      `json:"frame"`
	Attempt  int      `json:"attempt"`
	Outcome  Outcome  `json:"outcome"` // done, failed or returned
	Error    string   `json:"error,omitempty"`
	Results  []Result `json:"results,omitempty"`
	Seconds  float64  `json:"seconds"`               // of rendering
	MemoryMB int      `json:"memory_mb,omitempty"`   // peak of Blender
	Fatal    bool     `json:"fatal,omitempty"`       // trying elsewhere cannot help (no camera, script raised)
	OwnFault bool     `json:"own_fault,omitempty"`   // the worker's fault (disk full, Blender gone), not the scene's
	Scene    bool     `json:"scene,omitempty"`       // no other frame of the job would fare better: here, or, when Fatal, anywhere
	Install  string   `json:"install,omitempty"`     // Blender version used
	LogBytes int64    `json:"log_bytes,omitempty"`   // length of the attempt's log on the worker
	Dropped  int64    `json:"log_dropped,omitempty"` // bytes of log left out in the middle
	Warnings []string `json:"warnings,omitempty"`    // what may be wrong with the picture: sentences, see Sentences
}

// ResultKind says what a result is.
type ResultKind string

// The kinds of results.
const (
	KindEXR     ResultKind = "exr"     // multilayer EXR with every pass
	KindOutput  ResultKind = "output"  // what the scene's own output settings write
	KindNode    ResultKind = "node"    // a File Output node's file
	KindPart    ResultKind = "part"    // EXR of a part of a frame, for the task that finishes it; it goes when that is done
	KindPreview ResultKind = "preview" // JPEG by Blender's colour management
	KindCache   ResultKind = "cache"   // of a bake: it becomes one of the job's files, at JobSpec.CachePath of its name
	KindFilm    ResultKind = "film"    // the video made of the frames

	// Of inspections:
	KindReport    ResultKind = "report"    // an Inspection, as JSON
	KindThumbnail ResultKind = "thumbnail" // the picture that a .blend carries, PNG
)

// Result is a file that a frame produced.
type Result struct {
	Kind  ResultKind `json:"kind"`
	Name  string     `json:"name"` // below the job's results folder, with slashes
	Size  int64      `json:"size"`
	Ref   string     `json:"sha256"`
	Frame int        `json:"frame"`
	First *int       `json:"first,omitempty"` // of a cache file: frames that need it; both nil: all
	Last  *int       `json:"last,omitempty"`
}

// Attempt is the record of one try at one frame.
type Attempt struct {
	Seq      int64     `json:"seq"` // grows; a cursor for readers
	Job      JobID     `json:"job"`
	Frame    int       `json:"frame"`
	Position int       `json:"-"`
	Number   int       `json:"attempt"`
	Lease    LeaseID   `json:"lease"`
	Worker   WorkerID  `json:"worker"`
	Outcome  Outcome   `json:"outcome"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Seconds  float64   `json:"seconds"`
	MemoryMB int       `json:"memory_mb,omitempty"`
	Install  string    `json:"install,omitempty"`
	Results  []Result  `json:"results,omitempty"`
	// Final marks the failed attempt after which the frame was given up.
	Final    bool     `json:"final,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	// Of a task that is no whole frame, as Shown has it:
	Stage Stage `json:"stage,omitempty"`
	Part  int   `json:"part,omitempty"`
	No    int   `json:"task,omitempty"` // by which its log is asked for, instead of a frame
}

// Shown is the attempt as it is shown: Frame is a picture's, and what else the task is it says in words.
func (a Attempt) Shown() Attempt {
	if t, ok := TaskOf(a.Frame); ok && !t.IsFrame() {
		a.Stage, a.Part, a.No, a.Frame = t.Stage, t.Part, a.Frame, t.Picture()
	}
	return a
}

// Task is the number of what was tried, of an attempt that is shown or not.
func (a *Attempt) Task() int {
	if a.Stage == "" {
		return a.Frame
	}
	return Task{Stage: a.Stage, Part: a.Part}.of(a.Frame).No()
}

// Warning is something that may be wrong with a job's pictures.
type Warning struct {
	Text   string `json:"text"`
	Frames int    `json:"frames"` // attempts that said so, of those that count
	Frame  int    `json:"frame"`  // the lowest of their frames
}
