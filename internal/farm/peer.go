package farm

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
)

// Workers fetch the files of scenes from one another, so that the master sends each mostly once. The master tells who
// has what; a peer is another worker of the same farm.

// PeerDoor is where a worker hands files to its peers, as it says itself.
type PeerDoor struct {
	Port      int      `json:"port"`
	Addresses []string `json:"addresses,omitempty"` // IP addresses of its own; the master adds the one it sees
	Pin       string   `json:"pin,omitempty"`       // of the key that the door shows; empty: it does not encrypt
}

// PeerKey is what a worker is told for its door, anew with each registration.
type PeerKey struct {
	Key    string `json:"key"`     // 64 hex digits: tickets for the worker's door are made with it
	TimeMS int64  `json:"time_ms"` // Unix milliseconds of the master's clock, by which tickets end
	Least  int64  `json:"least"`   // bytes: nobody asks who has a smaller file
}

// FromMaster stands for the master where a peer could stand. It is too short for a worker's id.
const FromMaster WorkerID = "master"

// SourceQuestion is a worker's question where it shall fetch a file, or go on fetching it. With all of the file it is
// only news.
type SourceQuestion struct {
	Worker WorkerID      `json:"worker"`
	Size   int64         `json:"size"`
	Have   int64         `json:"have"`
	From   WorkerID      `json:"from,omitempty"` // what it reads from and will go on with; empty: nothing
	Slow   bool          `json:"slow,omitempty"` // From is slow: is there a better one?
	Failed []SourceFault `json:"failed,omitempty"`
	Gone   bool          `json:"gone,omitempty"` // it does not have the file any more; nothing is asked
}

// SourceFault is a peer that could not be fetched from.
type SourceFault struct {
	Peer WorkerID  `json:"peer"`
	How  FaultKind `json:"how"`
}

// FaultKind is what was wrong with a peer.
type FaultKind string

// The faults of peers.
const (
	FaultUnreachable FaultKind = "unreachable" // no connection came about
	FaultRefused     FaultKind = "refused"     // it answered and did not give the file
	FaultBroke       FaultKind = "broke"       // it ended in the middle
	FaultSilent      FaultKind = "silent"      // nothing came any more
	FaultSlow        FaultKind = "slow"        // little came
	FaultLied        FaultKind = "lied"        // the bytes are not those of the file
	FaultDoubtful    FaultKind = "doubtful"    // the bytes are not those of the file, and some came from others
)

// Source is the answer: a peer, or the master where there is none.
type Source struct {
	Peer    *PeerSource `json:"peer,omitempty"`
	Keep    bool        `json:"keep,omitempty"`     // go on with From
	AgainMS int         `json:"again_ms,omitempty"` // tell after so long how far it is; 0: never
}

// PeerSource is a peer and what opens its door.
type PeerSource struct {
	Worker    WorkerID `json:"worker"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"` // IP:PORT; any of them
	Pin       string   `json:"pin,omitempty"`
	Ticket    string   `json:"ticket"`
	SilentMS  int      `json:"silent_ms"` // give it up when nothing came for so long
}

// PeerLoad is what a worker fetched and gave since it started, in bytes.
type PeerLoad struct {
	Given       int64    `json:"given_bytes"`           // to peers
	FromPeers   int64    `json:"from_peers_bytes"`      // fetched from them
	FromMaster  int64    `json:"from_master_bytes"`     // fetched from the master
	Unreachable []string `json:"unreachable,omitempty"` // names of peers that could not be reached lately
}

// A ticket lets its reader fetch one file at one worker's door until a time of the master's clock:
//
//	END.READER.CODE    Unix milliseconds, the reader's id, 64 hex digits
//
// The code is an HMAC-SHA256 under the key that the master gave that worker.

// PeerTicket makes a ticket.
func PeerTicket(key [sha256.Size]byte, door WorkerID, ref string, reader WorkerID, end time.Time) string {
	until := strconv.FormatInt(end.UnixMilli(), 10)
	return until + "." + string(reader) + "." + ticketCode(key, door, ref, reader, until)
}

// CheckTicket tells who shows the ticket at the worker's door for the file; ok is false when it is not valid.
func CheckTicket(key [sha256.Size]byte, door WorkerID, ref, ticket string, now time.Time) (reader WorkerID, ok bool) {
	if len(ticket) > 160 || strings.Contains(ticket, "\n") {
		return "", false
	}
	until, rest, _ := strings.Cut(ticket, ".")
	who, code, _ := strings.Cut(rest, ".")
	if !SameProof(code, ticketCode(key, door, ref, WorkerID(who), until)) {
		return "", false
	}
	end, err := strconv.ParseInt(until, 10, 64)
	return WorkerID(who), err == nil && now.UnixMilli() <= end
}

func ticketCode(key [sha256.Size]byte, door WorkerID, ref string, reader WorkerID, until string) string {
	return derive(key, "ticket", string(door), ref, string(reader), until)
}
