// Package wire is the modern protocol: where each call lives, what goes in and comes out, and a Go client for it.
// Nouns are those of package farm; what is here is only how they travel. Everything is JSON but bulk bytes: blobs,
// results and logs are plain bodies. Errors are application/problem+json (RFC 9457) with farm's kind and hint.
package wire

import (
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Version is the protocol's version.
const Version = farm.Protocol

// Root is where the protocol lives below a master's address.
const Root = "/api/v1"

// LoginRoot is where login links lie below a master's address.
const LoginRoot = "/login/"

// DefaultPort is the TCP port of a master, and the UDP port of discovery.
const DefaultPort = 8420

// Service is the name masters are discovered by.
const Service = "_netrender._tcp"

// Headers of bulk transfers.
const (
	HeaderOffset = "Upload-Offset" // bytes already there (answers), or where the body begins (requests)
	HeaderSize   = "Upload-Size"   // bytes of the whole
	HeaderRef    = "Content-Ref"   // SHA-256 of the whole, hex
	HeaderChunks = "Upload-Chunks" // how chunks are cut, where some are known and may be asked for
	HeaderWorker = "Netrender-Worker"
	HeaderMore   = "Netrender-More"    // of a log: set when it goes on, now or later
	HeaderMade   = "Netrender-Version" // program version of whoever speaks
)

// Headers of a pass that is read as a picture.
const (
	HeaderLayerWidth  = "Layer-Width"  // pixels
	HeaderLayerHeight = "Layer-Height" // pixels
	HeaderLayerWhole  = "Layer-Whole"  // pixels of the pass in the file, as 1920x1080
	HeaderLayerKind   = "Layer-Kind"   // a LayerKind
	HeaderLayerMin    = "Layer-Min"    // of the finite values of the first three channels, before scaling down; not of what means nothing
	HeaderLayerMax    = "Layer-Max"
	HeaderLayerScale  = "Layer-Scale" // what the values that travel are to be multiplied by; 1 but where they are too large for halves
)

// HeaderPreviewParts says of a preview of a frame that is rendered in parts how many of them it shows, as 7/12.
const HeaderPreviewParts = "Preview-Parts"

// MaxLayerPixels is the most that a pass has as a picture; it is scaled down where it has more.
const MaxLayerPixels = 1 << 23

// LayerKind is what the values of a pass mean.
type LayerKind string

// The kinds.
const (
	LayerColor  LayerKind = "color"  // scene-linear
	LayerVector LayerKind = "vector" // of each component
	LayerUV     LayerKind = "uv"
	LayerDepth  LayerKind = "depth" // distance; 65504 times the scale where there is nothing
	LayerIndex  LayerKind = "index" // whole numbers
	LayerScalar LayerKind = "scalar"
	LayerCrypto LayerKind = "crypto" // numbers of objects and how much of each, which are no colours
)

// Layer is a pass of a multilayer EXR.
type Layer struct {
	Name      string    `json:"name"`  // as getLayer takes it
	ViewLayer string    `json:"layer"` // empty where the file has one picture only
	Pass      string    `json:"pass"`
	View      string    `json:"view"` // left, right, ...; empty where there is one
	Kind      LayerKind `json:"kind"`
	Channels  []string  `json:"channels"` // in the order in which they travel
	Type      string    `json:"type"`     // float, half or uint
	X         int       `json:"x"`        // where it lies in the picture, pixels from the top left
	Y         int       `json:"y"`
	Width     int       `json:"width"`
	Height    int       `json:"height"`
}

// LayerList is the passes of a frame's file.
type LayerList struct {
	Frame  int     `json:"frame"`
	File   string  `json:"file"`  // name of the result
	Width  int     `json:"width"` // pixels of the whole picture
	Height int     `json:"height"`
	Layers []Layer `json:"layers"`
}

// EncodingChunks is the encoding of a body that is sent in chunks; see blob.AppendLiteral.
const EncodingChunks = "netrender-chunks"

// Limits that both sides know.
const (
	MaxBody     = 64 << 20 // JSON bodies; a manifest of farm.MaxFiles entries fits
	MaxSmall    = 1 << 20  // every other JSON body
	MaxWaitMS   = 60_000
	MaxPage     = 1000
	MaxLogChunk = 1 << 20
	MaxChunks   = 4096 // that one question asks for
	MaxActions  = 10_000
)

// Info is what a master says of itself to anybody, without a token.
type Info struct {
	Program  string `json:"program"`
	Protocol int    `json:"protocol"`
	Name     string `json:"name"`          // of the master's machine
	ID       string `json:"id"`            // of the farm; differs between masters
	Open     bool   `json:"open"`          // no token is asked for
	Pin      string `json:"pin,omitempty"` // of a key that the master keeps for ever; empty: it has none
	Time     int64  `json:"time"`          // Unix milliseconds of its clock

	Disk farm.DiskState `json:"disk,omitempty"` // of the master; empty: not known
}

// ProveRequest asks a master to prove that it knows a token, before the token is shown. See package farm.
type ProveRequest struct {
	Mark  string `json:"mark"`  // of the token
	Nonce string `json:"nonce"` // 16 to 128 hex digits, never used before
}

// ProveReply is the proof, and the place it is made for: the words of OverTLS or OverHTTP.
type ProveReply struct {
	Where string `json:"where"`
	Proof string `json:"proof"`
}

// Whoami is what the master knows of whoever asks.
type Whoami struct {
	Token string    `json:"token,omitempty"` // its id; empty on an open farm
	Name  string    `json:"name"`
	Role  farm.Role `json:"role"`
}

// SubmitRequest announces a job with its manifest.
type SubmitRequest struct {
	Spec  farm.JobSpec `json:"spec"`
	Files []farm.File  `json:"files"`
}

// SubmitReply names the job and the first of the blobs that the master lacks.
type SubmitReply struct {
	Job     farm.Job `json:"job"`
	Missing []string `json:"missing"` // SHA-256, at most MaxPage; the rest by Missing
	More    bool     `json:"more"`
}

// ImportReply names the job that an archive became.
type ImportReply struct {
	Job     farm.Job      `json:"job"`
	Missing []ArchiveLack `json:"missing"` // what the archive said that it lacks; 1000 at most
	Again   bool          `json:"again"`   // it was imported before, under the same key
}

// ArchiveLack is a file or a result that an archive lacks.
type ArchiveLack struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// JobList is a page of jobs, newest first when no other order was asked for.
type JobList struct {
	Jobs  []farm.Job `json:"jobs"`
	Total int        `json:"total"`           // on all pages
	After string     `json:"after,omitempty"` // pass as after=, with the same sort and order; empty: the end
	Next  farm.JobID `json:"next,omitempty"`  // of a list that is newest first: pass as before=; 0: the end
}

// JobChange changes a job's settings; what is nil stays.
type JobChange struct {
	Name     *string   `json:"name,omitempty"`
	Priority *int      `json:"priority,omitempty"`
	Attempts *int      `json:"attempts,omitempty"`
	Timeout  *int      `json:"timeout_s,omitempty"`
	Allow    *[]string `json:"allow,omitempty"`
	Deny     *[]string `json:"deny,omitempty"`
	Tags     *[]string `json:"tags,omitempty"`
	Keep     *bool     `json:"keep,omitempty"`
}

// ActionRequest does something to many jobs: to those of some numbers, or to those that a filter selects.
type ActionRequest struct {
	Action   farm.JobAction `json:"action"`
	IDs      []farm.JobID   `json:"ids,omitempty"`      // at most MaxActions
	Filter   *ActionFilter  `json:"filter,omitempty"`   // it may select as many
	Priority int            `json:"priority,omitempty"` // of the action priority
	All      bool           `json:"all,omitempty"`      // of the action retry: all frames, not the failed ones alone
}

// ActionFilter selects jobs as the parameters of a list do. At least one must be set.
type ActionFilter struct {
	States []string `json:"state,omitempty"`
	Owner  string   `json:"owner,omitempty"`
	Text   string   `json:"q,omitempty"`
	Scene  string   `json:"scene,omitempty"`
}

// ActionReply tells what became of it, in the order of the numbers, or newest first.
type ActionReply struct {
	Results []ActionResult `json:"results"`
	Done    int            `json:"done"`
	Refused int            `json:"refused"`
}

// ActionResult is what became of an action for one job.
type ActionResult struct {
	ID    farm.JobID `json:"id"`
	OK    bool       `json:"ok"`
	State string     `json:"state,omitempty"` // afterwards; "deleted" when the job is gone
	Kind  farm.Kind  `json:"kind,omitempty"`  // of the refusal, as the three below
	Error string     `json:"error,omitempty"`
	Hint  string     `json:"hint,omitempty"`
}

// RetryRequest says which frames to render again. Exactly one is set.
type RetryRequest struct {
	Failed bool          `json:"failed,omitempty"`
	All    bool          `json:"all,omitempty"`
	Frames farm.FrameSet `json:"frames,omitzero"`
}

// FileList is a page of a manifest.
type FileList struct {
	Files []farm.File `json:"files"`
	Next  string      `json:"next,omitempty"` // pass as after=
}

// AttemptList is a page of attempts, in the order they ended.
type AttemptList struct {
	Attempts []farm.Attempt `json:"attempts"`
	Next     int64          `json:"next,omitempty"` // pass as after=; 0: the end for now
	Ended    bool           `json:"ended"`          // the job has ended: after the end for now nothing follows
}

// WorkerView is a worker as watchers see it.
type WorkerView struct {
	farm.Worker
	Online  bool           `json:"online"`
	Load    farm.Load      `json:"load"`
	Running []farm.Running `json:"running"`

	Schedule *farm.Schedule `json:"schedule,omitempty"` // nil: it is given work at all times
}

// WorkerList is a page of workers, by name.
type WorkerList struct {
	Workers []WorkerView `json:"workers"`
	Next    string       `json:"next,omitempty"` // pass as after=; empty: the end
}

// PartList are the results that a lease's task is made of.
type PartList struct {
	Parts []farm.Result `json:"parts"`
}

// CacheRequest hands over complete files of a bake that goes on, whose bytes were sent as results of its lease.
type CacheRequest struct {
	Worker  farm.WorkerID `json:"worker"`
	Task    int           `json:"task"` // the bake
	Results []farm.Result `json:"results,omitempty"`
	Ready   int           `json:"ready"`           // frames up to this one, inclusive, have all that they need of the bake
	Whole   bool          `json:"whole,omitempty"` // these are the first of all files of the bake, not more of them
}

// CacheReply says what became of them.
type CacheReply struct {
	Missing []string `json:"missing,omitempty"` // results whose bytes are not there: nothing was taken
	Other   bool     `json:"other,omitempty"`   // others than those of an earlier bake: nothing was taken; say all again, as a whole
}

// RunningList is a page of leases, in the order they were given.
type RunningList struct {
	Running []farm.Running `json:"running"`
	Next    farm.LeaseID   `json:"next,omitempty"` // pass as after=; 0: the end
}

// ReasonList is a page of reasons, by the workers' names.
type ReasonList struct {
	Reasons []farm.Reason `json:"reasons"`
	Next    string        `json:"next,omitempty"` // pass as after=; empty: the end
}

// TokenList is a page of tokens, oldest first.
type TokenList struct {
	Tokens []farm.Token `json:"tokens"`
	Next   string       `json:"next,omitempty"` // pass as after=; empty: the end
}

// FitRequest asks which workers may render a job with these needs.
type FitRequest struct {
	Needs   farm.Needs `json:"needs"`
	Scripts bool       `json:"scripts,omitempty"` // the job's Python is to run
}

// SplitRequest asks into how many parts each frame of a job is best cut. Without a probe the answer says whether one is worth
// making: an inspection whose spec.probe is true.
type SplitRequest struct {
	FitRequest
	Frames  int         `json:"frames"`            // how many the job has
	Samples bool        `json:"samples,omitempty"` // parts of the samples, not tiles
	Probe   *farm.Probe `json:"probe,omitempty"`   // as the inspection reports it
}

// SplitReply is what is best. Where neither is set, frames are better left whole, and Why says why, or a probe is to be made.
type SplitReply struct {
	Slots   int        `json:"slots"`                   // that could take parts now
	Probe   bool       `json:"probe"`                   // a probe is worth making
	Tiles   farm.Tiles `json:"tiles,omitzero"`          // for JobSpec.Tiles
	Samples int        `json:"samples_split,omitempty"` // for JobSpec.Samples
	Why     string     `json:"why,omitempty"`           // frames are left whole, as a sentence
}

// WorkerChange changes a worker; what is nil stays.
type WorkerChange struct {
	Name    *string   `json:"name,omitempty"`
	Enabled *bool     `json:"enabled,omitempty"`
	Drain   *bool     `json:"drain,omitempty"`
	Tags    *[]string `json:"tags,omitempty"`
	Slots   *int      `json:"slots,omitempty"` // frames side by side, 1..256, at most one a device; 0: as its machine says

	Hours    *string `json:"hours,omitempty"`       // when it takes work; "": always
	WhenIdle *int    `json:"when_idle_s,omitempty"` // seconds without its user; 0: that does not matter
}

// ReportRequest carries reports in order, and may carry the wish for the next lease.
type ReportRequest struct {
	Reports []farm.Report `json:"reports"`
	Wish    *farm.Wish    `json:"wish,omitempty"`
}

// ReportReply answers each report in order. Grant is nil when there was no wish or nothing to do.
type ReportReply struct {
	Verdicts []farm.Verdict `json:"verdicts"`
	Grant    *farm.Grant    `json:"grant,omitempty"`
}

// TokenRequest asks for a new token.
type TokenRequest struct {
	Name   string        `json:"name"`
	Role   farm.Role     `json:"role"`
	Worker farm.WorkerID `json:"worker,omitempty"` // with the role worker: it is this worker's, in place of the one it may have
}

// AuditList is a page of what was done to the farm.
type AuditList struct {
	Entries []farm.Audit `json:"entries"`
	Next    int64        `json:"next,omitempty"` // pass as before=, or as after= where that was asked for; 0: the end
}

// NewToken is shown once.
type NewToken struct {
	farm.Token
	Secret string `json:"secret"`
}

// LoginLink lets one browser in, once. It has the role of the token that asked for it.
type LoginLink struct {
	Path    string    `json:"path"` // below the master's address; it holds the secret
	Expires time.Time `json:"expires"`
}

// LoginView is a browser that is logged in, with the name and role of the token it stands on.
type LoginView struct {
	farm.Login
	Name string    `json:"name"`
	Role farm.Role `json:"role"`
}

// PairRequest asks to be let in.
type PairRequest struct {
	Name string    `json:"name"`
	Role farm.Role `json:"role"`
	Kind string    `json:"kind"`

	Worker farm.WorkerID `json:"worker,omitempty"` // with the role worker: which one it is, or was
	Commit string        `json:"commit,omitempty"` // farm.PairCommit of a nonce, when the newcomer saw a key of the master's
}

// PairTicket is what the newcomer gets: the code to show, and the secret to ask with.
type PairTicket struct {
	Code    string    `json:"code"`
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires"`
}

// PairPoll asks how the pairing stands; the answer is held while it waits.
type PairPoll struct {
	Secret string `json:"secret"`
	Nonce  string `json:"nonce,omitempty"` // that the newcomer committed itself to
	WaitMS int    `json:"wait_ms,omitempty"`
}

// PairAnswer carries the token, once, when the pairing was accepted.
type PairAnswer struct {
	State farm.PairState `json:"state"`
	Token string         `json:"token,omitempty"`
}

// Problem is an error on the wire (RFC 9457).
type Problem struct {
	Type   string    `json:"type,omitempty"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"`
	Kind   farm.Kind `json:"kind"`
	Hint   string    `json:"hint,omitempty"`
}
