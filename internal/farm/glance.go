package farm

import "time"

// Glance is the farm at a glance: what the first page shows, small enough to be asked for every second.
type Glance struct {
	Now     time.Time      `json:"now"`
	Jobs    []JobGlance    `json:"jobs"`              // in progress: what is being worked on first; at most 60
	InAll   int            `json:"jobs_in_progress"`  // also those that are not listed
	Ended   []JobGlance    `json:"ended"`             // the last ones to end, the newest first
	Workers []WorkerGlance `json:"workers"`           // by name; at most 2000
	More    int            `json:"workers_not_shown"` // workers that are not listed
	Latest  []FrameGlance  `json:"latest"`            // frames with a picture, the newest first
}

// JobGlance is a job in Glance.
type JobGlance struct {
	ID       JobID     `json:"id"`
	Name     string    `json:"name"`
	Owner    string    `json:"owner"`
	State    JobState  `json:"state"`
	Priority int       `json:"priority"`
	Total    int       `json:"total"`
	Done     int       `json:"done"`
	Failed   int       `json:"failed"`
	Running  int       `json:"running"`
	Missing  int       `json:"missing,omitempty"` // files
	LeftS    float64   `json:"left_s,omitempty"`  // seconds; 0: not known
	Ended    time.Time `json:"ended,omitzero"`
	Staged   bool      `json:"staged,omitempty"` // it has more than whole frames: the counts above are of tasks
	// Stages are those of a staged job, as Progress has them.
	Stages []StageProgress `json:"stages,omitempty"`
}

// WorkerGlance is a worker in Glance.
type WorkerGlance struct {
	ID       WorkerID `json:"id"`
	Name     string   `json:"name"`
	State    string   `json:"state"` // working, idle, resting, draining, disabled, offline
	Job      JobID    `json:"job,omitempty"`
	Frame    *int     `json:"frame,omitempty"` // being rendered
	Fraction float64  `json:"fraction,omitempty"`
}

// FrameGlance is a frame in Glance.
type FrameGlance struct {
	Job   JobID     `json:"job"`
	Name  string    `json:"name"` // of the job
	Frame int       `json:"frame"`
	File  string    `json:"file"` // result that a browser can show
	Ended time.Time `json:"ended"`
}
