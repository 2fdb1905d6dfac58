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
	Warnings     []warning
	MoreWarnings int // that are not shown
	Waiting      []waiting
	Jobs         []jobRow
	MoreJobs     bool
	Ended        []jobRow
	Workers      []workerRow
	Hidden       int    // workers that are not shown
	Now          string // the farm in a sentence
}

// warning is something that needs a person.
type warning struct {
	Link, Text string // Link may be empty
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
	if page.Warnings, page.MoreWarnings, err = p.warnings(ctx, who); err != nil {
		return err
	}
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

// warnings are what needs a person, but for newcomers: they are shown with their codes.
func (p *Pages) warnings(ctx context.Context, who master.Identity) (list []warning, more int, err error) {
	needs, err := p.m.Attention(ctx, who)
	for _, a := range needs.Attention {
		w := warning{Text: sentence(a.Text)}
		switch {
		case a.Kind == farm.NeedsAnswer:
			continue
		case a.Job != 0:
			w.Link = "/jobs/" + a.Job.String()
		case a.Worker != "":
			w.Link = "/workers/" + string(a.Worker)
		}
		if a.Hint != "" {
			w.Text += " " + sentence(a.Hint)
		}
		list = append(list, w)
	}
	return list, needs.More, err
}

func (p *Pages) waiting(ctx context.Context) ([]waiting, error) {
	list, err := p.m.Pairings(ctx)
	out := make([]waiting, len(list))
	for i := range list {
		out[i] = waiting{list[i], p.moment(list[i].Asked)}
	}
	return out, err
}
