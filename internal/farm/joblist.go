package farm

import (
	"encoding/base64"
	"encoding/json"
	"slices"
)

// JobSort is what a list of jobs is sorted by.
type JobSort string

// What lists are sorted by. Jobs that are equal in it follow by their numbers, in the same direction.
const (
	ByID       JobSort = "id"
	ByCreated  JobSort = "created"
	ByStarted  JobSort = "started" // those that have not come first
	ByEnded    JobSort = "ended"   // those that have not come first
	ByName     JobSort = "name"    // without regard to case
	ByState    JobSort = "state"   // active, queued, collecting, paused, failed, canceled, done
	ByOwner    JobSort = "owner"
	ByPriority JobSort = "priority"
	ByProgress JobSort = "progress" // share of frames that are done, to a hundredth of a percent
	ByFrames   JobSort = "frames"
	ByFailed   JobSort = "failed"  // frames
	ByMachine  JobSort = "machine" // Progress.Machine, in seconds
)

// JobSorts lists all.
func JobSorts() []JobSort {
	return []JobSort{ByID, ByCreated, ByStarted, ByEnded, ByName, ByState, ByOwner, ByPriority, ByProgress, ByFrames, ByFailed, ByMachine}
}

// Rises is the direction that people expect when they name none: texts and states rise, what is new or much comes first.
func (s JobSort) Rises() bool { return s == ByName || s == ByState || s == ByOwner }

// JobCursor is a place in a sorted list of jobs: behind the job ID, whose value is Number or, where the list is sorted by
// a text, Text.
type JobCursor struct {
	Sort   JobSort `json:"s"`
	Rising bool    `json:"r,omitempty"`
	Number int64   `json:"n,omitempty"`
	Text   string  `json:"t,omitempty"`
	ID     JobID   `json:"i"`
}

// String is the cursor as clients pass it on, which is for the farm to understand alone; "": the list is at its end.
func (c *JobCursor) String() string {
	if c == nil {
		return ""
	}
	text, _ := json.Marshal(c) // a struct of texts and numbers
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseJobCursor reads what String wrote. It must be of a list that is sorted the same way.
func ParseJobCursor(text string, sort JobSort, rising bool) (*JobCursor, error) {
	var c JobCursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.ID < 1 || !slices.Contains(JobSorts(), c.Sort) {
		return nil, Errorf(Invalid, "%q is not where a page of jobs ended", clip(text, 40)).WithHint("pass what the page before says in after")
	}
	if c.Sort != sort || c.Rising != rising {
		return nil, Errorf(Invalid, "the page before was sorted otherwise").WithHint("begin again, without after")
	}
	return &c, nil
}

// JobPage is a page of a sorted list.
type JobPage struct {
	Jobs  []Job
	Total int        // jobs that the filter selects, on all pages
	After *JobCursor // where the next page begins; nil: the end
}

// JobAction is what can be done to many jobs at once.
type JobAction string

// The actions; each is what the call for one job is.
const (
	ActPause    JobAction = "pause"
	ActResume   JobAction = "resume"
	ActCancel   JobAction = "cancel"
	ActRetry    JobAction = "retry"
	ActDelete   JobAction = "delete"
	ActPriority JobAction = "priority"
)

// JobActions lists all.
func JobActions() []JobAction {
	return []JobAction{ActPause, ActResume, ActCancel, ActRetry, ActDelete, ActPriority}
}
