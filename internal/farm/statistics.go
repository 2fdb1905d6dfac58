package farm

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// WorkerAttempt is an attempt with the name of its job.
type WorkerAttempt struct {
	Attempt
	JobName string `json:"job_name"`
}

// WorkerAttemptFilter selects attempts of one worker, of all jobs, the newest first.
type WorkerAttemptFilter struct {
	Worker WorkerID
	Before int64 // only a smaller Seq; 0: from the newest
	Failed bool  // only those that failed or expired
	Limit  int   // 1..1000
}

// WorkerHistory is what a worker's machine did lately, what it does now, and its last attempts. The columns have a value
// every StepMS, whole percent, the oldest first and the last one of End; nil where nothing is known.
type WorkerHistory struct {
	StepMS int       `json:"step_ms"`
	End    time.Time `json:"end"`
	CPU    []*int    `json:"cpu"`
	Memory []*int    `json:"memory"`
	GPU    []*int    `json:"gpu,omitempty"` // left out when it is never known

	Running  []Running       `json:"running"`
	Attempts []WorkerAttempt `json:"attempts"`
	Next     string          `json:"next,omitempty"` // where the next page of attempts begins; empty: there is none
}

// StatKey is what sums are told apart by.
type StatKey string

// The keys of sums.
const (
	PerDay    StatKey = "day"
	PerJob    StatKey = "job"
	PerOwner  StatKey = "owner"
	PerWorker StatKey = "worker"
)

// ParseStatKeys reads a list as day,owner; empty: by day.
func ParseStatKeys(text string) ([]StatKey, error) {
	if text == "" {
		return []StatKey{PerDay}, nil
	}
	var keys []StatKey
	for _, word := range strings.Split(text, ",") {
		k := StatKey(word)
		if !slices.Contains([]StatKey{PerDay, PerJob, PerOwner, PerWorker}, k) {
			return nil, Errorf(Invalid, "statistics are by day, job, owner or worker, not by %q", clip(word, 40)).WithHint("several go with commas, as day,owner")
		}
		if slices.Contains(keys, k) {
			return nil, Errorf(Invalid, "statistics by %s and %s are the same", k, k)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// StatFilter selects sums.
type StatFilter struct {
	By       []StatKey
	From, To int // days since 1970, UTC; both are counted
	Limit    int // rows
}

// DayOf is the number of the day, UTC, that a time is in.
func DayOf(t time.Time) int {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return int(d)
}

// DayText is a day's number as 2026-11-29.
func DayText(day int) string { return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly) }

// ParseDay reads what DayText writes.
func ParseDay(text string) (int, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, Errorf(Invalid, "%q is not a day", clip(text, 40)).WithHint("write it as 2026-11-29")
	}
	return DayOf(t), nil
}

// Statistics is what was rendered in a span of days, by day, job, owner, worker, or some of these.
type Statistics struct {
	By    []StatKey `json:"by"`
	From  string    `json:"from"` // the first day, UTC
	To    string    `json:"to"`   // the last day; it is counted, too
	Rows  []StatRow `json:"rows"` // by day in the order of days, else the most seconds first
	Total StatSum   `json:"total"`
	More  bool      `json:"more,omitempty"` // than there are rows
}

// StatRow is a sum with those keys that were asked for.
type StatRow struct {
	Day        string   `json:"day,omitempty"`
	Job        JobID    `json:"job,omitempty"`
	JobName    string   `json:"job_name,omitempty"`
	Owner      string   `json:"owner,omitempty"`
	Worker     WorkerID `json:"worker,omitempty"`
	WorkerName string   `json:"worker_name,omitempty"`
	StatSum
}

// StatSum is what came of rendering.
type StatSum struct {
	Seconds float64 `json:"seconds"` // that workers rendered, also for what failed
	Done    int64   `json:"done"`    // frames; one that was rendered again counts again
	Failed  int64   `json:"failed"`  // attempts
	Expired int64   `json:"expired"` // leases of a frame that were lost
}

// Sheet is the statistics as lines of a table, the first with the names of its columns, for programs that count with them.
// A table that would not be whole is none.
func (s *Statistics) Sheet() ([][]string, error) {
	if s.More {
		return nil, Errorf(TooLarge, "the table has more than %d lines", len(s.Rows)).WithHint("name fewer days, or fewer things to sum by")
	}
	var head []string
	for _, k := range s.By {
		head = append(head, string(k))
		if k == PerJob || k == PerWorker {
			head = append(head, string(k)+"_name")
		}
	}
	lines := [][]string{append(head, "seconds", "done", "failed", "expired")}
	for i := range s.Rows {
		r := &s.Rows[i]
		var line []string
		for _, k := range s.By {
			switch k {
			case PerDay:
				line = append(line, r.Day)
			case PerJob:
				line = append(line, r.Job.String(), inSheet(r.JobName))
			case PerOwner:
				line = append(line, inSheet(r.Owner))
			case PerWorker:
				line = append(line, string(r.Worker), inSheet(r.WorkerName))
			}
		}
		lines = append(lines, append(line, strconv.FormatFloat(r.Seconds, 'f', 3, 64), strconv.FormatInt(r.Done, 10), strconv.FormatInt(r.Failed, 10),
			strconv.FormatInt(r.Expired, 10)))
	}
	return lines, nil
}

// inSheet keeps a name from being taken for a formula by who opens the table.
func inSheet(name string) string {
	if name != "" && strings.ContainsRune("=+-@\t\r", rune(name[0])) {
		return "'" + name
	}
	return name
}
