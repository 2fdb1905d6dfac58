package farm

import "time"

// Audit is the record of something that somebody did to the farm. It is kept in the same step as what was done.
type Audit struct {
	Seq     int64     `json:"seq"` // grows; a cursor for readers
	Time    time.Time `json:"time"`
	Who     string    `json:"who"`             // name of the token at that time
	Token   string    `json:"token,omitempty"` // its id; empty on an open farm, and when the master itself did it
	Role    Role      `json:"role,omitempty"`
	Address string    `json:"address,omitempty"`
	Action  Action    `json:"action"`
	Subject string    `json:"subject,omitempty"` // what it was done to: a job's number, a worker's name, a token's id
	Text    string    `json:"text,omitempty"`    // the rest, for people
}

// Action is what was done.
type Action string

// The actions. Others may be added.
const (
	DidSubmit       Action = "job.submit"
	DidChange       Action = "job.change"
	DidCancel       Action = "job.cancel"
	DidPause        Action = "job.pause"
	DidResume       Action = "job.resume"
	DidRetry        Action = "job.retry"
	DidDelete       Action = "job.delete"
	DidChangeWorker Action = "worker.change"
	DidDeleteWorker Action = "worker.delete"
	DidMakeToken    Action = "token.make"
	DidRevokeToken  Action = "token.revoke"
	DidAccept       Action = "pairing.accept"
	DidRefuse       Action = "pairing.refuse"
	DidLogIn        Action = "login.begin"
	DidLogOut       Action = "login.end"
	DidRules        Action = "rules.change"
	DidCleaning     Action = "cleaning.change"
	DidClean        Action = "clean"
	DidVerify       Action = "verify"
	DidBackup       Action = "backup"
	DidArchive      Action = "job.archive"
	DidImport       Action = "job.import"
	DidMakeTarget   Action = "notify.make"
	DidChangeTarget Action = "notify.change"
	DidRemoveTarget Action = "notify.remove"
	DidTestTarget   Action = "notify.test"
)

// AuditFilter selects records, the newest first; those after a Seq the oldest first.
type AuditFilter struct {
	Who    string // name or id of a token; empty: all
	Before int64  // only a smaller Seq; 0: from the newest
	After  int64  // only a larger Seq, the oldest first; 0: not
	Limit  int    // 1..1000
}
