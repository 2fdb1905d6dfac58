package farm

import "time"

// Change is one durable step of the farm. The engine makes changes; a store applies a batch of them in one
// transaction, in order, all or none. Applying the same batch twice leaves the same state.
type Change interface{ change() }

// The changes.
type (
	// JobAdd keeps a new job with its manifest.
	JobAdd struct {
		Job   Job
		Files []File
	}
	// JobHold makes room for a job that is put in piece by piece: its attempts come first, JobAdd at the end. Until then no
	// reader sees it, and what is there of it when the store is opened anew is forgotten.
	JobHold struct{ ID JobID }
	// JobSet replaces everything of a job but its manifest and what became of its frames: spec, state and progress.
	JobSet struct{ Job Job }
	// JobMark replaces state, reason, times and progress of a job, the cheap part that changes with every report.
	// Finished is the set of finished positions as far as Seq (an Attempt.Seq) goes; nil leaves the last one.
	// Refused are the workers that are not to get the job again; nil leaves the last ones.
	JobMark struct {
		ID       JobID
		State    JobState
		Reason   string
		Started  int64 // Unix microseconds, 0: not yet
		Ended    int64
		Progress Progress
		Finished []byte
		Seq      int64
		Refused  []WorkerID
	}
	// JobDelete forgets a job with its manifest, leases and attempts.
	JobDelete struct{ ID JobID }
	// LeaseAdd keeps a lease.
	LeaseAdd struct{ Lease Lease }
	// LeaseEnd forgets a lease; one that is not there is ignored.
	LeaseEnd struct{ ID LeaseID }
	// FrameDone keeps the accepted attempt of a frame. A second one for the same job and position is an error of
	// the engine and fails the batch.
	FrameDone struct{ Attempt Attempt }
	// FrameTried keeps an attempt that did not end in an accepted result.
	FrameTried struct{ Attempt Attempt }
	// LapseUndone makes the expired attempts of a lease at the positions count for nothing: its worker came back and
	// goes on, so that it lost nothing. They stay as history.
	LapseUndone struct {
		Job       JobID
		Lease     LeaseID
		Positions Spans
	}
	// FrameReset forgets the accepted attempts of frames and that their failed ones count, so that they are rendered
	// again. The old attempts stay as history.
	FrameReset struct {
		Job       JobID
		Positions Spans
	}
	// FilesPut keeps cache files of a bake among a job's files, in place of those at the same paths; Whole: of all of the bake.
	// A job that is not there is left so.
	FilesPut struct {
		Job   JobID
		Bake  int
		Files []File
		Whole bool
	}
	// WorkerSet keeps or replaces a worker.
	WorkerSet struct{ Worker Worker }
	// WorkerDelete forgets a worker.
	WorkerDelete struct{ ID WorkerID }
	// TokenSet keeps or replaces a token.
	TokenSet struct{ Token Token }
	// TokenDelete forgets a token.
	TokenDelete struct{ ID string }
	// LoginSet keeps or replaces a login.
	LoginSet struct{ Login Login }
	// LoginDelete forgets a login.
	LoginDelete struct{ ID string }
	// AuditAdd keeps a record of what somebody did. One that is there is left as it is.
	AuditAdd struct{ Audit Audit }
	// AuditTrim forgets records from before a time, and all but so many of the newest.
	AuditTrim struct {
		Before time.Time
		Keep   int
	}
	// RulesSet keeps the rules.
	RulesSet struct{ Rules Rules }
	// CleaningSet keeps what the farm removes by itself.
	CleaningSet struct{ Cleaning Cleaning }
	// TargetSet keeps or replaces a target of notifications.
	TargetSet struct{ Target Target }
	// TargetDelete forgets a target and what waits for it.
	TargetDelete struct{ ID string }
	// PendingAdd keeps a message until its target has it. One for a target that is not there is ignored.
	PendingAdd struct{ Pending Pending }
	// PendingEnd forgets messages that a target has, or will not get.
	PendingEnd struct {
		Target   string
		Messages []string
	}
	// JobLost keeps with a job that a part of what it left was removed.
	JobLost struct {
		ID      JobID
		Removal Removal
	}
)

func (JobAdd) change()       {}
func (JobHold) change()      {}
func (JobSet) change()       {}
func (JobMark) change()      {}
func (JobDelete) change()    {}
func (LeaseAdd) change()     {}
func (LeaseEnd) change()     {}
func (FrameDone) change()    {}
func (FrameTried) change()   {}
func (LapseUndone) change()  {}
func (FrameReset) change()   {}
func (FilesPut) change()     {}
func (WorkerSet) change()    {}
func (WorkerDelete) change() {}
func (TokenSet) change()     {}
func (TokenDelete) change()  {}
func (LoginSet) change()     {}
func (LoginDelete) change()  {}
func (AuditAdd) change()     {}
func (AuditTrim) change()    {}
func (RulesSet) change()     {}
func (CleaningSet) change()  {}
func (JobLost) change()      {}
func (TargetSet) change()    {}
func (TargetDelete) change() {}
func (PendingAdd) change()   {}
func (PendingEnd) change()   {}

// State is what an engine starts from: everything that still moves. Ended jobs stay in the store.
type State struct {
	Epoch    int64 // grows with every start of a master on this store; see EpochAt
	NextJob  JobID
	Rules    Rules
	HasRule  bool // false: no rules were ever kept
	Cleaning Cleaning
	Jobs     []JobLoad
	Leases   []Lease
	Workers  []Worker
	Tokens   []Token
	Logins   []Login
	Targets  []Target
	Pending  []Pending // the oldest first
}

// JobLoad is a job that has not ended, with what the engine needs to go on.
type JobLoad struct {
	Job      Job
	Finished Spans     // positions of accepted frames
	Tried    []Attempt // failed and expired attempts of frames that are not finished
	Refused  []WorkerID
}

// JobFilter selects jobs for a list.
type JobFilter struct {
	States []JobState // empty: all
	Owner  string     // empty: all
	Text   string     // part of the name; empty: all
	Scene  string     // SHA-256 of the .blend, hex; empty: all
	Before JobID      // only older ids; 0: from the newest
	// Inspect selects inspections, which no other filter does.
	Inspect bool
	Limit   int // 1..1000

	// Of sorted lists:
	Sort   JobSort // "": by id, falling
	Lean   bool    // how many are selected in all is not asked: quicker where the order comes to them soon
	Rising bool
	Behind *JobCursor // nil: from the beginning
}

// Stored is a file that the records of a farm refer to: an input by its hash, or a result by its place.
type Stored struct {
	Ref    string `json:"sha256"`
	Size   int64  `json:"size"`
	Output string `json:"output,omitempty"` // below the outputs folder, with slashes; "": an input
	// Removed tells that a rule took it away. It may have come back since.
	Removed bool `json:"removed,omitempty"`
}

// Kept is what a database is said to hold by those who looked at it from outside.
type Kept struct {
	Schema  int64
	Epoch   int64 // of the last start
	NextJob JobID // of which no job was ever made
	Jobs    int64
	Frames  int64 // accepted
}

// AttemptFilter selects attempts of one job, in the order of Seq.
type AttemptFilter struct {
	Job      JobID
	After    int64    // only a larger Seq
	Accepted bool     // only accepted results
	Failed   bool     // only those that failed or expired, also of frames that are finished or were reset since
	Frames   FrameSet // empty: all
	Newest   bool     // the last ones instead of the first, the newest first
	Limit    int      // 1..1000
}
