package farm

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Target is a place where the farm tells what happened: a webhook, or a service of chat or e-mail. Only admins make them.
type Target struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	URL     string        `json:"-"`               // it holds secrets: it goes to the database and to whoever delivers, nowhere else
	Secret  string        `json:"-"`               // that bodies for a webhook are signed with
	Where   string        `json:"where"`           // what may be shown of the URL
	Kinds   []MessageKind `json:"kinds"`           // that are told there
	Owner   string        `json:"owner,omitempty"` // only jobs of the owner of this name; empty: all
	Enabled bool          `json:"enabled"`
	Created time.Time     `json:"created"`
	Failing time.Time     `json:"failing_since,omitzero"` // nothing has come through since then, for a day or more
	Error   string        `json:"error,omitempty"`        // why
}

// MessageKind sorts what is told.
type MessageKind string

// The kinds of messages.
const (
	TellDone    MessageKind = "job.done"
	TellFailed  MessageKind = "job.failed"
	TellHelp    MessageKind = "job.help"      // frames fail, nobody can render it, files are missing, no worker is there
	TellWorker  MessageKind = "worker.out"    // a worker was taken out for failing
	TellDisk    MessageKind = "disk.low"      // the master's, or a worker's that asks for no frames therefore
	TellDamage  MessageKind = "data.damaged"  // the database, stored files or results are not what they should be
	TellPairing MessageKind = "pairing.asked" // a newcomer asks to be let in
	TellTest    MessageKind = "test"          // somebody tries a target; it goes to that one
)

// MessageKinds lists the kinds that a target may be told.
func MessageKinds() []MessageKind {
	return []MessageKind{TellDone, TellFailed, TellHelp, TellWorker, TellDisk, TellDamage, TellPairing}
}

// Noun is what people call a kind.
func (k MessageKind) Noun() string {
	switch k {
	case TellDone:
		return "a job is done"
	case TellFailed:
		return "a job failed"
	case TellHelp:
		return "a job needs help"
	case TellWorker:
		return "a worker was taken out"
	case TellDisk:
		return "a disk runs low"
	case TellDamage:
		return "data are damaged"
	case TellPairing:
		return "a newcomer asks to be let in"
	case TellTest:
		return "a test"
	}
	return string(k)
}

// MaxTargets is how many targets a farm may have.
const MaxTargets = 50

// Check refuses targets that make no sense. Whether the URL does is known to whoever delivers.
func (t *Target) Check() error {
	switch {
	case t.Name == "" || len(t.Name) > MaxName || !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Errorf(Invalid, "a target has a name of 1 to %d bytes on one line", MaxName)
	case len(t.Kinds) == 0:
		return Errorf(Invalid, "a target is told at least one kind of event").WithHint("disable it if it is to be told none now")
	case len(t.Owner) > MaxName:
		return Errorf(Invalid, "the name of an owner has at most %d bytes", MaxName)
	}
	for _, k := range t.Kinds {
		if !slices.Contains(MessageKinds(), k) {
			return Errorf(Invalid, "%q is not a kind of event", clip(string(k), 40)).WithHint("there are %s", kindNames())
		}
	}
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range MessageKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Wants tells whether the target is to be told.
func (t *Target) Wants(m *Message) bool {
	return t.Enabled && slices.Contains(t.Kinds, m.Kind) && (t.Owner == "" || m.Job == nil || m.Job.Owner == t.Owner)
}

// Message is something that happened, for those who are told of it. Its ID stays the same however often it is sent.
type Message struct {
	ID   string      `json:"id"`
	Kind MessageKind `json:"kind"`
	Time time.Time   `json:"time"`
	Text string      `json:"text"`           // one sentence
	Hint string      `json:"hint,omitempty"` // the next step
	Path string      `json:"path,omitempty"` // of the page about it, as /jobs/7
	Job  *MessageJob `json:"job,omitempty"`  // nil: it is about no job
}

// MessageJob is the job that a message is about, as it was then.
type MessageJob struct {
	ID      JobID    `json:"id"`
	Name    string   `json:"name"`
	Owner   string   `json:"owner"`
	State   JobState `json:"state"`
	Total   int      `json:"total"` // frames
	Done    int      `json:"done"`
	Failed  int      `json:"failed"`
	TookS   float64  `json:"took_s"`          // seconds from the first dispatch to its end; 0: it has not ended
	Machine float64  `json:"machine_seconds"` // as Progress.Machine
}

// Pending is a message that a target has not got yet.
type Pending struct {
	Target  string
	Message Message
}

// Delivery is what became of a message at a target.
type Delivery struct {
	Target   string        `json:"target"`
	Messages []string      `json:"messages"` // their IDs; several are gathered for people
	Kind     MessageKind   `json:"kind"`
	Text     string        `json:"text"` // of the first
	Time     time.Time     `json:"time"` // of the last try; of one that waits, when it happened
	State    DeliveryState `json:"state"`
	Tries    int           `json:"tries"`
	Next     time.Time     `json:"next,omitzero"` // when it is tried again
	Answer
}

// Answer is what a target said to one try.
type Answer struct {
	OK     bool    `json:"ok"`
	Status int     `json:"status,omitempty"` // of HTTP; 0: none came, or it is another service
	Said   string  `json:"answer,omitempty"` // what it said, or what went wrong, as a sentence
	TookS  float64 `json:"took_s"`
	Gone   bool    `json:"gone,omitempty"` // the target wants to be told nothing more
}

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	Delivered DeliveryState = "delivered"
	Waits     DeliveryState = "waits"   // it is tried again, or for the first time
	Dropped   DeliveryState = "dropped" // it was tried for a day, or too many waited
)
