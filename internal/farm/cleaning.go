package farm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Part is one of the things that a job leaves on the master's disk.
type Part string

// The parts.
const (
	Outputs Part = "outputs" // its results
	Inputs  Part = "inputs"  // its scene's files, as far as no other job names them
	Logs    Part = "logs"
)

// Parts lists all parts.
func Parts() []Part { return []Part{Outputs, Inputs, Logs} }

// Noun is what a sentence calls it.
func (p Part) Noun() string {
	switch p {
	case Outputs:
		return "results"
	case Inputs:
		return "scene's files"
	case Logs:
		return "logs"
	}
	return string(p)
}

// CleanRule says when a part is removed of jobs that have ended. Days count from the end of a job; a fraction will do.
type CleanRule struct {
	DoneDays     float64 `json:"done_days"` // 0: never, as in all of them
	FailedDays   float64 `json:"failed_days"`
	CanceledDays float64 `json:"canceled_days"`
	MaxBytes     int64   `json:"max_bytes"` // of all jobs together; beyond it those that ended first lose theirs; 0: no limit
}

// Cleaning is what the farm removes by itself. Its zero value removes nothing.
type Cleaning struct {
	Outputs CleanRule `json:"outputs"`
	Inputs  CleanRule `json:"inputs"`
	Logs    CleanRule `json:"logs"`
}

// Rule is the rule of a part.
func (c *Cleaning) Rule(p Part) *CleanRule {
	switch p {
	case Inputs:
		return &c.Inputs
	case Logs:
		return &c.Logs
	case Outputs:
	}
	return &c.Outputs
}

// maxDays bounds ages: a hundred years.
const maxDays = 36525

// Check refuses rules that make no sense.
func (c Cleaning) Check() error {
	for _, p := range Parts() {
		r := c.Rule(p)
		for _, days := range []float64{r.DoneDays, r.FailedDays, r.CanceledDays} {
			if !(days >= 0 && days <= maxDays) || math.IsNaN(days) {
				return Errorf(Invalid, "an age is 0 to %d days, not %g", maxDays, days)
			}
		}
		if r.MaxBytes < 0 {
			return Errorf(Invalid, "a size cannot be negative")
		}
	}
	return nil
}

// Days is the age at which a job in the state loses the part; 0: it does not.
func (r *CleanRule) Days(s JobState) float64 {
	switch s {
	case Done:
		return r.DoneDays
	case Failed:
		return r.FailedDays
	case Canceled:
		return r.CanceledDays
	case Collecting, Queued, Active, Paused:
	}
	return 0
}

// Due tells by which rule, as people write it, the job loses the part because of its age; "" by none. A job that has
// not ended or is kept loses nothing.
func (c *Cleaning) Due(p Part, j *Job, now time.Time) string {
	days := c.Rule(p).Days(j.State)
	if !j.Cleanable() || days == 0 || now.Sub(j.Ended) < time.Duration(days*float64(24*time.Hour)) {
		return ""
	}
	return fmt.Sprintf("%s.%s=%s", p, j.State, DaysText(days))
}

// Cleanable tells whether cleaning may touch what the job left.
func (j *Job) Cleanable() bool { return j.State.Ended() && !j.Ended.IsZero() && !j.Keep }

// DaysText writes an age as 90d, 36h or never.
func DaysText(days float64) string {
	switch {
	case days == 0:
		return "never"
	case days != math.Trunc(days) && days*24 == math.Trunc(days*24):
		return strconv.FormatFloat(days*24, 'f', -1, 64) + "h"
	}
	return strconv.FormatFloat(days, 'f', -1, 64) + "d"
}

// ParseDays reads what DaysText writes, and a bare number of days.
func ParseDays(text string) (float64, error) {
	t, unit := strings.TrimSpace(text), 1.0
	switch {
	case t == "never":
		return 0, nil
	case strings.HasSuffix(t, "d"):
		t = strings.TrimSuffix(t, "d")
	case strings.HasSuffix(t, "h"):
		t, unit = strings.TrimSuffix(t, "h"), 1.0/24
	}
	n, err := strconv.ParseFloat(t, 64)
	if err != nil || !(n >= 0) || n*unit > maxDays {
		return 0, Errorf(Invalid, "%q is not an age", clip(text, 40)).WithHint("write it as 90d, 36h or never")
	}
	return n * unit, nil
}

// Removal is a part that a job lost.
type Removal struct {
	Part Part      `json:"part"`
	At   time.Time `json:"at"`
	Rule string    `json:"rule"` // as it is written
}

// Sentence says what became of the part.
func (r *Removal) Sentence() string {
	return fmt.Sprintf("its %s were removed on %s by the rule %s", r.Part.Noun(), r.At.Format("2 January 2006"), r.Rule)
}

// Lost is the removal of a part, or nil.
func (j *Job) Lost(p Part) *Removal {
	for i := range j.Removed {
		if j.Removed[i].Part == p {
			return &j.Removed[i]
		}
	}
	return nil
}

// Lose notes a removal, in place of an earlier one of the part. The list is made anew, for it may be shared.
func (j *Job) Lose(r Removal) {
	j.Removed = append(j.without(r.Part), r)
}

// Regain forgets the removal of a part: it may be there again.
func (j *Job) Regain(p Part) { j.Removed = j.without(p) }

func (j *Job) without(p Part) (rest []Removal) {
	for _, r := range j.Removed {
		if r.Part != p {
			rest = append(rest, r)
		}
	}
	return rest
}

// Cleaned is what a cleaning removed, or would remove.
type Cleaned struct {
	Job   JobID  `json:"job"`
	Name  string `json:"name"`
	Part  Part   `json:"part"`
	Rule  string `json:"rule"`
	Bytes int64  `json:"bytes"` // of inputs those that no other job names
}
