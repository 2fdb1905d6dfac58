package farm

import (
	"math"
	"time"
)

// Rules are the settings of balancing, failure and leases. They can be changed while the farm runs.
type Rules struct {
	Cap         float64 `json:"cap" toml:"cap"`                     // largest share of the workers for one job while others could use them, 0..1
	NewFrames   int     `json:"new_frames" toml:"new_frames"`       // N: jobs with fewer frames ever dispatched go first
	StaleMins   float64 `json:"stale_minutes" toml:"stale_minutes"` // M: jobs with nothing running for longer go before ratings
	Attempts    int     `json:"attempts" toml:"attempts"`           // failed attempts before a frame is failed
	OutAfter    int     `json:"out_after" toml:"out_after"`         // failed jobs in a row before a worker is taken out; 0: never
	HeartbeatMS int     `json:"heartbeat_ms" toml:"heartbeat_ms"`   // a lease expires after three of them without a word
	Processes   bool    `json:"processes" toml:"processes"`         // whoever may submit may have workers that allow it run any command
}

// DefaultRules are those of the design.
func DefaultRules() Rules {
	return Rules{Cap: 0.75, NewFrames: 1, StaleMins: 10, Attempts: 3, OutAfter: 3, HeartbeatMS: 5000}
}

const maxHeartbeatMS = 600_000

// Heartbeat is the longest time a working worker stays silent.
func (r Rules) Heartbeat() time.Duration { return time.Duration(r.HeartbeatMS) * time.Millisecond }

// LeaseTime is how long a lease lives without a heartbeat.
func (r Rules) LeaseTime() time.Duration { return LeaseTime(r.Heartbeat()) }

// LeaseTime is how long a lease lives without a word from a worker that keeps this pace.
func LeaseTime(heartbeat time.Duration) time.Duration { return 3 * heartbeat }

// Check refuses rules that make no sense.
func (r Rules) Check() error {
	switch {
	case !(r.Cap > 0 && r.Cap <= 1):
		return Errorf(Invalid, "the cap is a share above 0 and at most 1, not %g", r.Cap)
	case r.NewFrames < 0:
		return Errorf(Invalid, "the number of first frames cannot be negative")
	case !(r.StaleMins > 0) || math.IsInf(r.StaleMins, 1): // infinity cannot be kept as JSON
		return Errorf(Invalid, "the minutes since the last dispatch are a number above 0, not %g", r.StaleMins)
	case r.Attempts < 1 || r.Attempts > MaxAttempts:
		return Errorf(Invalid, "attempts are 1 to %d, not %d", MaxAttempts, r.Attempts)
	case r.OutAfter < 0:
		return Errorf(Invalid, "the number of failed jobs before a worker is taken out cannot be negative")
	case r.HeartbeatMS < 50 || r.HeartbeatMS > maxHeartbeatMS:
		return Errorf(Invalid, "a heartbeat is 50 to %d ms, not %d", maxHeartbeatMS, r.HeartbeatMS)
	}
	return nil
}
