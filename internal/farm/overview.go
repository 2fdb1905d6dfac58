package farm

import "time"

// What the farm as a whole does, for watchers.

// Sharing is how the slots of the farm were shared out: a value every StepMS, the oldest first and the last of them of
// End. All lists have one length.
type Sharing struct {
	StepMS int        `json:"step_ms"`
	End    time.Time  `json:"end"`
	Online []int      `json:"online"` // slots of workers that are there and take work
	Jobs   []JobShare `json:"jobs"`   // those that held most, the largest first; the last one may be all others together, with the id 0
}

// JobShare is what a job held of the farm.
type JobShare struct {
	ID       JobID  `json:"id"` // 0: all that are not among the others
	Name     string `json:"name"`
	Priority int    `json:"priority"`
	Held     []int  `json:"held"` // slots
}

// AttentionList is what needs a person, the most urgent first.
type AttentionList struct {
	Attention []Attention `json:"attention"`
	More      int         `json:"more,omitempty"` // that the list has no room for
}

// Attention is something that needs a person.
type Attention struct {
	ID     string        `json:"id"` // the same as long as it stands
	Kind   AttentionKind `json:"kind"`
	Text   string        `json:"text"` // one sentence
	Hint   string        `json:"hint,omitempty"`
	Job    JobID         `json:"job,omitempty"`
	Worker WorkerID      `json:"worker,omitempty"`
	Name   string        `json:"name,omitempty"` // of the job, the worker or the newcomer
	Code   string        `json:"code,omitempty"` // of a pairing
	Since  time.Time     `json:"since"`          // when the master noticed it; what was there before its start is noticed then
}

// AttentionKind sorts what needs a person.
type AttentionKind string

// The kinds of attention, the most urgent first.
const (
	NeedsDatabase AttentionKind = "database"      // the database is damaged
	NeedsDamage   AttentionKind = "damage"        // stored files or results are not what they should be
	NeedsDisk     AttentionKind = "disk"          // the master's disk runs low
	NeedsWorkers  AttentionKind = "no-workers"    // jobs wait, and no worker is there
	NeedsWorker   AttentionKind = "worker-out"    // a worker was taken out for failing
	NeedsRoom     AttentionKind = "worker-idle"   // a worker asks for no frames
	NeedsLook     AttentionKind = "job-failed"    // a job failed
	NeedsCare     AttentionKind = "frames-failed" // frames of a job in progress failed
	NeedsFit      AttentionKind = "nobody"        // no worker can render a job
	NeedsFiles    AttentionKind = "files"         // a job waits for files that nobody sends
	NeedsAnswer   AttentionKind = "pairing"       // a newcomer asks to be let in
)

// AttentionKinds lists all kinds, the most urgent first.
func AttentionKinds() []AttentionKind {
	return []AttentionKind{
		NeedsDatabase, NeedsDamage, NeedsDisk, NeedsWorkers, NeedsWorker, NeedsRoom, NeedsLook, NeedsCare, NeedsFit, NeedsFiles, NeedsAnswer,
	}
}

// What becomes of attention, as the state of an event of kind EventAttention.
const (
	AttentionRaised  = "raised"
	AttentionChanged = "changed" // it has another text
	AttentionCleared = "cleared"
)
