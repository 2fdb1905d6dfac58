package farm

import "time"

// What workers and the master say to one another, apart from how it travels.

// Registration is how a worker presents itself, at every start and after every lost connection.
type Registration struct {
	ID    WorkerID `json:"id"`
	Name  string   `json:"name"` // wished; the master may add a number
	Slots int      `json:"slots"`
	Tags  []string `json:"tags,omitempty"`
	Facts Facts    `json:"facts"`
	Fresh bool     `json:"fresh,omitempty"` // the process registers for the first time: what it was told before is over

	Protocol int `json:"protocol,omitempty"` // that the worker speaks; see Protocol

	Peer *PeerDoor `json:"peer,omitempty"` // where others may fetch files from it; nil: nowhere
}

// Registered is the answer: the worker as the farm knows it, and the farm's pace.
type Registered struct {
	Worker      Worker `json:"worker"`
	HeartbeatMS int    `json:"heartbeat_ms"`
	Program     string `json:"program"` // version of the master's program
	Protocol    int    `json:"protocol"`

	Peer *PeerKey `json:"peer,omitempty"` // nil: workers do not fetch from one another here
}

// Wish is a slot's question for work.
type Wish struct {
	Worker WorkerID `json:"worker"`
	Slot   int      `json:"slot"`
	Scene  string   `json:"scene,omitempty"` // Job.Scene that the slot's session has open
	// Ahead asks for the lease after the present one while that is still rendering. It is granted only when so many
	// frames wait that no idle worker would miss it, and is never waited for.
	Ahead  bool `json:"ahead,omitempty"`
	WaitMS int  `json:"wait_ms,omitempty"` // how long to hold the question open, at most 60000
}

// Grant is a lease with what a worker must know of its job.
type Grant struct {
	Lease   Lease   `json:"lease"`
	Name    string  `json:"name"`
	Blend   string  `json:"blend"`
	Scene   string  `json:"scene"`
	Needs   Needs   `json:"needs"`
	Options Options `json:"options"`
	Timeout int     `json:"timeout_s,omitempty"`     // seconds a frame may take; 0: no limit
	Folder  string  `json:"folder,omitempty"`        // of the job's results, as Job.Folder
	Tiles   Tiles   `json:"tiles,omitzero"`          // of each frame; none: frames are rendered whole
	Samples int     `json:"samples_split,omitempty"` // parts of its samples that each frame is rendered in; 0: all at once
	Probe   bool    `json:"probe,omitempty"`         // an inspection renders small pictures
	Stage   Stage   `json:"stage,omitempty"`         // what is to be done; "": frames are rendered
	Film    *Film   `json:"film,omitempty"`          // to make of the job's frames; only where the task is to make it
	Shot    *Shot   `json:"shot,omitempty"`          // what the film shows; only then

	Bakes   []Bake `json:"bakes,omitempty"` // of the job; a task of StageBake bakes the one of its part
	Until   int    `json:"until,omitempty"` // of a bake: the last frame that is wanted of it
	Baked   int64  `json:"baked,omitempty"` // differs when the job's cache files may be others than with a grant before
	Ready   *int   `json:"ready,omitempty"` // while the job is baked: the last frame whose cache files are all there; nil: all are
	InOrder bool   `json:"in_order,omitempty"`
	Views   []View `json:"views,omitempty"` // of the job; a task renders the one of its number

	Process *Process `json:"process,omitempty"` // what commands the tasks are, where Stage is StageProcess
}

// View is what a task renders; nil: the scene as it is.
func (g *Grant) View(no int) *View {
	if i := ViewOf(no); i < len(g.Views) {
		return &g.Views[i]
	}
	return nil
}

// Beat says how far a lease is. A worker sends one for every lease it holds, also those it has not started.
type Beat struct {
	Lease    LeaseID `json:"lease"`
	Frame    int     `json:"frame"`    // being rendered
	Started  bool    `json:"started"`  // false: held ahead, not begun
	Fraction float64 `json:"fraction"` // of the frame, 0..1
	Phase    string  `json:"phase,omitempty"`
	LeftS    float64 `json:"left_s,omitempty"` // seconds left as Blender says; 0: unknown
	MemoryMB int     `json:"memory_mb,omitempty"`
}

// Heartbeat is a worker's sign of life. The answer is held until there are orders or WaitMS have passed.
type Heartbeat struct {
	Beats  []Beat `json:"beats"`
	Load   Load   `json:"load"`
	Slots  int    `json:"slots,omitempty"`   // that the worker has or is about to have; 0: it cannot be told to have others
	PaceMS int    `json:"pace_ms,omitempty"` // the pace the worker keeps; 0: that of the last answer
	WaitMS int    `json:"wait_ms,omitempty"`
	Leaves bool   `json:"leaves,omitempty"` // the worker has ended its work and goes: its last word
}

// Pace is the longest time the worker means to stay silent; 0: it does not say.
func (h *Heartbeat) Pace() time.Duration {
	return time.Duration(min(max(h.PaceMS, 0), maxHeartbeatMS)) * time.Millisecond
}

// Load is what a worker's machine is doing.
type Load struct {
	CPU      float64 `json:"cpu"` // busy share of all cores, 0..1
	MemoryMB int     `json:"memory_used_mb"`
	DiskMB   int     `json:"disk_free_mb"`
	Idle     string  `json:"idle,omitempty"` // why it asks for no frames, though it may: its disk is nearly full

	UserIdle  *float64 `json:"user_idle_s,omitempty"`    // seconds since somebody used keyboard or mouse of the machine; nil: not known
	UTCOffset *int     `json:"utc_offset_min,omitempty"` // as in Facts, as it is now

	GPU *float64 `json:"gpu,omitempty"` // busy share of its busiest GPU, 0..1; nil: not known

	Peer *PeerLoad `json:"peer,omitempty"` // nil: it does not fetch from others
}

// Orders is what the master wants of a worker, given with each heartbeat.
type Orders struct {
	Cancel   []LeaseID `json:"cancel,omitempty"` // stop these at once, report nothing
	Drain    bool      `json:"drain,omitempty"`
	Unknown  bool      `json:"unknown,omitempty"` // the master does not know this worker: register again
	Disabled string    `json:"disabled,omitempty"`

	HeartbeatMS int `json:"heartbeat_ms,omitempty"` // the farm's pace from now on
	Slots       int `json:"slots,omitempty"`        // that the worker has from now on; 0: as before
}

// Verdict is the answer to a report: kept, or not and why. Either way the report is settled.
type Verdict struct {
	Lease    LeaseID `json:"lease"`
	Frame    int     `json:"frame"`
	Accepted bool    `json:"accepted"`
	Reason   string  `json:"reason,omitempty"`
	// Missing names results that did not arrive; the report was not settled and must be sent again with them.
	Missing []string `json:"missing,omitempty"`
}

// Running is a lease as watchers see it.
type Running struct {
	Lease
	WorkerName string    `json:"worker_name"`
	Beat       Beat      `json:"progress"`
	Seen       time.Time `json:"seen"`
	Task       string    `json:"task,omitempty"`    // what is done of the frame, where that is not all: "part 3 of frame 12"
	No         int       `json:"task_no,omitempty"` // and its number, by which its log is asked for
	Ahead      bool      `json:"ahead,omitempty"`   // it waits until the frame before it is done
}

// FrameStates is every frame of a job sorted by what became of it.
type FrameStates struct {
	Done    FrameSet `json:"done"`
	Failed  FrameSet `json:"failed"`
	Running FrameSet `json:"running"`
	Queued  FrameSet `json:"queued"`
}

// Reason explains a decision of the balancer: why a job did or did not get a worker.
type Reason struct {
	Worker string  `json:"worker,omitempty"`
	Job    JobID   `json:"job"`
	Chosen bool    `json:"chosen"`
	Class  int     `json:"class"`
	Rating float64 `json:"rating"`
	Text   string  `json:"text"`
}

// Fit says how many workers may render a job with certain needs.
type Fit struct {
	Online int    `json:"online"` // workers that are there
	Fit    int    `json:"fit"`    // of them, those that may
	Slots  int    `json:"slots"`  // of those, slots that take parts of frames
	Lacks  []Lack `json:"lacks,omitempty"`
}

// Lack is why some workers may not.
type Lack struct {
	Text    string `json:"text"` // "it lacks the tag gpu", ...
	Workers int    `json:"workers"`
	Worker  string `json:"worker"` // name of one of them
}

// Event is something that happened, for watchers. Events are not kept: a watcher that fell behind is told so by an
// event of kind EventLost and reads the state again.
type Event struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Kind   EventKind `json:"kind"`
	Job    JobID     `json:"job,omitempty"`
	Worker WorkerID  `json:"worker,omitempty"`
	Frame  *int      `json:"frame,omitempty"`
	State  string    `json:"state,omitempty"` // job state, outcome of a frame, online/offline of a worker
	Text   string    `json:"text,omitempty"`
	Cursor int64     `json:"cursor,omitempty"` // Attempt.Seq of a frame event

	Progress *Progress `json:"progress,omitempty"` // of the job, after the event
	Beat     *Beat     `json:"beat,omitempty"`
}

// EventKind sorts events.
type EventKind string

// The kinds of events.
const (
	EventJob    EventKind = "job"    // created, changed state or settings, deleted
	EventFrame  EventKind = "frame"  // leased, done, failed, queued again
	EventBeat   EventKind = "beat"   // progress within a frame
	EventWorker EventKind = "worker" // registered, online, offline, enabled, disabled
	EventPair   EventKind = "pair"   // a newcomer asks to be let in
	EventDisk   EventKind = "disk"   // the master's disk runs low, or has room again
	EventToken  EventKind = "token"  // a token was made or revoked
	EventAudit  EventKind = "audit"  // something was recorded in the audit; the state is the action
	EventLost   EventKind = "lost"   // the watcher missed events

	EventAttention EventKind = "attention" // something needs a person, or does not any more
)

// EventKinds lists all kinds.
func EventKinds() []EventKind {
	return []EventKind{EventJob, EventFrame, EventBeat, EventWorker, EventPair, EventDisk, EventToken, EventAudit, EventLost, EventAttention}
}

// PairState is where a pairing stands.
type PairState string

// The states of a pairing.
const (
	PairWaiting  PairState = "waiting"
	PairAccepted PairState = "accepted" // the token is handed over once
	PairRefused  PairState = "refused"
	PairExpired  PairState = "expired"
)

// Pairing is a newcomer's request to be let in.
type Pairing struct {
	Code    string    `json:"code"` // what the person compares, as ABC-DEF
	Name    string    `json:"name"`
	Role    Role      `json:"role"` // worker or submit, as asked
	Kind    string    `json:"kind"` // what the machine is, as linux/amd64, 8 cores
	Address string    `json:"address"`
	Worker  WorkerID  `json:"worker,omitempty"` // the worker it is, or says it was
	Again   string    `json:"again,omitempty"`  // name of that worker, when the farm knows it: accepting gives it a new token
	Letters bool      `json:"letters"`          // the newcomer shows four letters more, and accepting it takes them, too
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
	State   PairState `json:"state"`
}
