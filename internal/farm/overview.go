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

// Balance is what the balancer sees: the jobs that hand out frames, in the order in which they would get a slot that any
// of them may have.
type Balance struct {
	Slots int          `json:"slots"` // of workers that are there and take work
	Busy  int          `json:"busy"`
	InAll int          `json:"in_all"` // jobs, also those that are not listed
	Jobs  []JobBalance `json:"jobs"`   // in the order in which they would get a slot
	Pools []Pool       `json:"pools"`  // all jobs by priority, the highest first
}

// Pool is what the jobs of one priority have together.
type Pool struct {
	Priority int     `json:"priority"`
	Jobs     int     `json:"jobs"`
	Share    float64 `json:"share"`    // of all, 0..1
	Assigned int     `json:"assigned"` // slots they have
}

// JobBalance is where a job stands; the terms are those of the rules of balancing.
type JobBalance struct {
	ID        JobID   `json:"id"`
	Name      string  `json:"name"`
	Owner     string  `json:"owner"`
	OwnerID   string  `json:"owner_id,omitempty"` // id of that token: whose holder may steer the job
	Priority  int     `json:"priority"`
	Usage     float64 `json:"usage"`      // averaged share of the farm, 0..1
	Rating    float64 `json:"rating"`     // lowest first
	Class     int     `json:"class"`      // of first priorities: lower ones go first
	ClassName string  `json:"class_name"` // awaited, new, stale or rest
	Assigned  int     `json:"assigned"`   // slots it has
	Queued    int     `json:"queued"`     // frames that wait
	Running   int     `json:"running"`    // frames in flight
	Share     float64 `json:"share"`      // its priority's part of all, 0..1: what it gets where every job can use every worker
	Most      int     `json:"most"`       // slots it may hold while others could use them
	Full      bool    `json:"full"`       // one more is over that
}

// RulesPreview is what other rules would change.
type RulesPreview struct {
	Slots int          `json:"slots"`
	Jobs  []JobPreview `json:"jobs"`
	Says  []string     `json:"says"` // sentences: what differs
	Same  bool         `json:"same"` // nothing does
}

// JobPreview is how many slots a job has, and what the rules in force and the others lead to when the jobs go on as they
// are.
type JobPreview struct {
	ID       JobID  `json:"id"`
	Name     string `json:"name"`
	Priority int    `json:"priority"`
	Now      int    `json:"now"`
	Before   int    `json:"before"`
	After    int    `json:"after"`
}

// About says what a master is made of, and how much it keeps.
type About struct {
	Program  string      `json:"program"`
	Go       string      `json:"go"`
	OS       string      `json:"os"`
	Arch     string      `json:"arch"`
	Protocol int         `json:"protocol"` // that it speaks with workers and clients
	Store    StoreAbout  `json:"database"`
	Started  time.Time   `json:"started"`
	Now      time.Time   `json:"now"`
	UptimeS  float64     `json:"uptime_s"`
	Disk     *Disk       `json:"disk,omitempty"` // of the data folder; left out when the system does not tell
	Counts   AboutCounts `json:"counts"`
	Backup   *BackupAge  `json:"backup,omitempty"`      // left out: none is known
	Data     string      `json:"data_folder,omitempty"` // for admins
}

// StoreAbout is what keeps the farm.
type StoreAbout struct {
	Engine  string    `json:"engine"` // as SQLite
	Version string    `json:"version"`
	Schema  int64     `json:"schema"`
	Bytes   int64     `json:"bytes"`
	Path    string    `json:"path,omitempty"`   // for admins
	Checked time.Time `json:"checked,omitzero"` // when all of it was last read and found whole
	Damage  string    `json:"damage,omitempty"` // what was found, as a sentence
}

// AboutCounts is how much there is.
type AboutCounts struct {
	Jobs          int `json:"jobs"` // that are kept, ended or not
	InProgress    int `json:"jobs_in_progress"`
	Workers       int `json:"workers"`
	WorkersOnline int `json:"workers_online"`
	Slots         int `json:"slots"` // of workers that are there and take work
	SlotsBusy     int `json:"slots_busy"`
	Tokens        int `json:"tokens"`
	Watchers      int `json:"watchers"` // streams of events that are open
}

// BackupAge is when the last backup was read to its end.
type BackupAge struct {
	Time time.Time `json:"time"`
	AgeS float64   `json:"age_s"`
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
	NeedsTarget   AttentionKind = "notify"        // a target of notifications has not answered for a day
)

// AttentionKinds lists all kinds, the most urgent first.
func AttentionKinds() []AttentionKind {
	return []AttentionKind{
		NeedsDatabase, NeedsDamage, NeedsDisk, NeedsWorkers, NeedsWorker, NeedsRoom, NeedsLook, NeedsCare, NeedsFit, NeedsFiles, NeedsAnswer, NeedsTarget,
	}
}

// What becomes of attention, as the state of an event of kind EventAttention.
const (
	AttentionRaised  = "raised"
	AttentionChanged = "changed" // it has another text
	AttentionCleared = "cleared"
)
