package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

const (
	reloadEvery = 5 // seconds
	maxJobs     = 200
	maxWorkers  = 500
	lateEnded   = 8 // jobs that ended lately
)

// statusPage is what the farm does now.
type statusPage struct {
	shell
	Warnings []warning
	Waiting  []waiting
	Jobs     []jobRow
	MoreJobs bool
	Ended    []jobRow
	Workers  []workerRow
	Hidden   int    // workers that are not shown
	Now      string // the farm in a sentence
}

// warning is something that needs a person.
type warning struct {
	About, Link string // Link may be empty
	Text        string
}

// waiting is a newcomer.
type waiting struct {
	farm.Pairing
	Asked moment
}

// jobRow is a job in a list.
type jobRow struct {
	farm.Job
	Left  string // time; "": not known
	Ended moment
}

// workerRow is a worker in a list.
type workerRow struct {
	farm.Worker
	State    string
	System   string
	Memory   string
	Blenders string
	Busy     string // share of its cores
	Seen     moment
	Tasks    []task
}

// task is a lease as pages show it.
type task struct {
	Job      farm.JobID
	JobName  string
	Frames   string
	Frame    int
	Started  bool
	Ahead    bool // it waits for the one before it
	Fraction int  // hundredths
}

var open = []farm.JobState{farm.Collecting, farm.Queued, farm.Active, farm.Paused}

func (p *Pages) status(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	ctx := r.Context()
	page := statusPage{shell: p.alive(r, who, "Status", "status", reloadEvery)}
	jobs, err := p.m.Jobs(ctx, farm.JobFilter{States: open, Limit: maxJobs})
	if err != nil {
		return err
	}
	page.MoreJobs = len(jobs) == maxJobs
	slices.SortStableFunc(jobs, func(a, b farm.Job) int { return rank(a.State) - rank(b.State) })
	ended, err := p.m.Jobs(ctx, farm.JobFilter{States: []farm.JobState{farm.Done, farm.Failed, farm.Canceled}, Limit: lateEnded})
	if err != nil {
		return err
	}
	workers, err := p.m.Workers(ctx)
	if err != nil {
		return err
	}
	page.Jobs, page.Ended = p.jobRows(jobs), p.jobRows(ended)
	page.Workers, page.Now = p.workerRows(workers, jobs), sentence(summary(jobs, workers))
	page.Hidden = max(0, len(page.Workers)-maxWorkers)
	page.Workers = page.Workers[:len(page.Workers)-page.Hidden]
	page.Warnings = append(p.troubles(who), warnings(jobs, workers)...)
	if who.Role == farm.RoleAdmin {
		if page.Waiting, err = p.waiting(ctx); err != nil {
			return err
		}
		if slices.ContainsFunc(page.Waiting, func(n waiting) bool { return n.Letters }) {
			page.Reload, page.Typing = 0, page.Reload > 0
		}
	}
	return p.show(w, http.StatusOK, "status", page)
}

// rank puts what is being worked on first.
func rank(s farm.JobState) int {
	return slices.Index([]farm.JobState{farm.Active, farm.Queued, farm.Collecting, farm.Paused}, s)
}

func (p *Pages) jobRows(jobs []farm.Job) []jobRow {
	rows := make([]jobRow, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		rows[i] = jobRow{Job: *j, Left: left(j), Ended: p.moment(j.Ended)}
	}
	return rows
}

// left is how long the job will take.
func left(j *farm.Job) string {
	if j.LeftS <= 0 {
		return ""
	}
	return span(roundly(time.Duration(j.LeftS * float64(time.Second))))
}

func (p *Pages) workerRows(workers []master.WorkerView, jobs []farm.Job) []workerRow {
	names := make(map[farm.JobID]string, len(jobs))
	for i := range jobs {
		names[jobs[i].ID] = jobs[i].Name
	}
	rows := make([]workerRow, len(workers))
	for i := range workers {
		w := &workers[i]
		row := workerRow{
			Worker: w.Worker, State: w.State(), System: systemOf(&w.Worker.Facts), Memory: megabytes(w.Worker.Facts.MemoryMB),
			Seen: p.moment(w.Worker.Seen), Blenders: blenders(&w.Worker.Facts),
		}
		if w.Online {
			row.Busy = fmt.Sprintf("%.0f %%", 100*min(max(w.Load.CPU, 0), 1))
		}
		for k := range w.Running {
			t := taskOf(&w.Running[k])
			t.JobName = names[t.Job]
			row.Tasks = append(row.Tasks, t)
		}
		rows[i] = row
	}
	return rows
}

func taskOf(r *farm.Running) task {
	return task{
		Job: r.Job, Frames: frames(farm.Frames(r.Frames...)), Frame: r.Beat.Frame,
		Started: r.Beat.Started, Ahead: r.Ahead, Fraction: int(100 * min(max(r.Beat.Fraction, 0), 1)),
	}
}

func blenders(f *farm.Facts) string {
	var list []string
	for _, b := range f.Blenders {
		if v := b.Version.String(); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return strings.Join(list, ", ")
}

// summary counts jobs that are being rendered, and workers by state.
func summary(jobs []farm.Job, workers []master.WorkerView) string {
	counts := map[string]int{}
	for i := range workers {
		counts[workers[i].State()]++
	}
	active := 0
	for i := range jobs {
		if jobs[i].State == farm.Active {
			active++
		}
	}
	text := count(active, "job") + " being rendered; " + count(len(workers), "worker")
	sep := ": "
	for _, state := range []string{"working", "idle", "resting", "draining", "disabled", "offline"} {
		if n := counts[state]; n > 0 && len(workers) > 1 {
			text += sep + thousands(n) + " " + state
			sep = ", "
		}
	}
	return text
}

// troubles are the master's own.
func (p *Pages) troubles(who master.Identity) (list []warning) {
	if d, err := p.m.Disk(); err == nil && d.State.Sentence() != "" {
		list = append(list, warning{Text: sentence(d.State.Sentence()) + " netrender clean removes what is no longer needed."})
	}
	if damage := p.m.Soundness().Told(who); damage != "" {
		list = append(list, warning{Text: sentence(damage)})
	}
	return list
}

// warnings are what needs a person: workers that were taken out, and jobs that fail or cannot begin.
func warnings(jobs []farm.Job, workers []master.WorkerView) (list []warning) {
	for i := range workers {
		if w := &workers[i].Worker; !w.Enabled && w.Reason != "" && !strings.HasPrefix(w.Reason, byHand) {
			list = append(list, warning{w.Name, "/workers/" + string(w.ID), "takes no more work: " + w.Reason})
		} else if idle := workers[i].Load.Idle; workers[i].Online && idle != "" {
			list = append(list, warning{w.Name, "/workers/" + string(w.ID), "asks for no frames: " + idle})
		}
	}
	idle := !slices.ContainsFunc(workers, func(w master.WorkerView) bool { return w.Online && w.Worker.Enabled && !w.Worker.Draining })
	for i := range jobs {
		j := &jobs[i]
		link := "/jobs/" + j.ID.String()
		switch {
		case j.Failed > 0:
			list = append(list, warning{j.Name, link, count(j.Failed, "frame") + " failed"})
		case j.State == farm.Collecting:
			list = append(list, warning{j.Name, link, "waits for " + count(j.Progress.Missing, "file") + " to arrive"})
		case idle && j.State.Dispatches():
			list = append(list, warning{j.Name, link, "waits, for no worker is there"})
		}
	}
	return list
}

// byHand is how the reasons of workers begin that a person took out; nobody needs to be warned of that.
const byHand = "disabled by "

func (p *Pages) waiting(ctx context.Context) ([]waiting, error) {
	list, err := p.m.Pairings(ctx)
	out := make([]waiting, len(list))
	for i := range list {
		out[i] = waiting{list[i], p.moment(list[i].Asked)}
	}
	return out, err
}
