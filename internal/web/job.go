package web

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

const (
	maxPictures = 12
	maxFailures = 30
	maxMissing  = 20
	maxReasons  = 30
	maxWarnings = 30
)

// jobPage is one job.
type jobPage struct {
	shell
	Job      farm.Job
	Sent     moment
	Started  moment
	Ended    moment
	Left     string
	Took     string // from the first frame to the end
	Each     string // mean time of a frame
	Work     string // sum of the frames' times
	Frames   []frameRow
	Pictures []picture
	Failures []failure
	More     bool // failures that are not shown
	Tasks    []task
	Reasons  []reason
	Missing  []missing
	Absent   int // missing files that are not shown
	Warnings []farm.Warning
	Removed  []string // what became of parts that were cleaned up
	Steers   bool
	Can      can
}

// can says which buttons make sense.
type can struct{ Pause, Resume, Cancel, Retry bool }

// frameRow is the frames of one state.
type frameRow struct {
	State, Frames string
	Count         int
}

type picture struct {
	Frame      int
	Name, Link string
}

type failure struct {
	farm.Attempt
	WorkerName string
	When       moment
	Outcome    string
	Log        bool
}

// reason is why workers do or do not work for the job, with all workers that it holds for.
type reason struct {
	Text    string
	Workers string
	Chosen  bool
}

type missing struct{ Name, Size string }

func (p *Pages) job(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := farm.ParseJobID(r.PathValue("id"))
	if err != nil {
		return err
	}
	ctx := r.Context()
	j, err := p.m.Job(ctx, id)
	if err != nil {
		return err
	}
	page := jobPage{shell: p.shell(r, who, j.Name, "jobs"), Job: j, Steers: master.Steers(who, &j)}
	if !j.State.Ended() {
		page.shell = p.alive(r, who, j.Name, "jobs", reloadEvery)
	}
	page.Can = can{
		Pause: j.State == farm.Queued || j.State == farm.Active || j.State == farm.Collecting, Resume: j.State == farm.Paused,
		Cancel: !j.State.Ended(), Retry: j.Failed > 0 || j.State == farm.Canceled,
	}
	running, err := p.m.Running(ctx, id)
	if err != nil {
		return err
	}
	for i := range running {
		page.Tasks = append(page.Tasks, taskOf(&running[i]))
	}
	p.times(&page)
	for i := range j.Removed {
		page.Removed = append(page.Removed, sentence(j.Removed[i].Sentence()))
	}
	for _, fill := range []func(context.Context, *jobPage) error{p.frameRows, p.pictures, p.failures, p.reasons, p.missing, p.warned} {
		if err := fill(ctx, &page); err != nil {
			return err
		}
	}
	return p.show(w, http.StatusOK, "job", page)
}

func (p *Pages) times(page *jobPage) {
	j := &page.Job
	page.Sent, page.Started, page.Ended, page.Left = p.moment(j.Created), p.moment(j.Started), p.moment(j.Ended), left(j)
	if j.Done > 0 {
		page.Each = span(time.Duration(j.Seconds / float64(j.Done) * float64(time.Second)))
		page.Work = span(time.Duration(j.Seconds * float64(time.Second)))
	}
	if !j.Started.IsZero() && !j.Ended.IsZero() {
		page.Took = span(j.Ended.Sub(j.Started))
	}
}

func (p *Pages) frameRows(ctx context.Context, page *jobPage) error {
	s, err := p.m.Frames(ctx, page.Job.ID)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		state string
		set   farm.FrameSet
	}{{"done", s.Done}, {"failed", s.Failed}, {"rendering", s.Running}, {"waiting", s.Queued}} {
		if n := x.set.Count(); n > 0 {
			page.Frames = append(page.Frames, frameRow{x.state, frames(x.set), n})
		}
	}
	return nil
}

// pictures finds the newest results that a browser can show: the preview of a frame, else the file that the scene
// itself writes.
func (p *Pages) pictures(ctx context.Context, page *jobPage) error {
	if lost(&page.Job, farm.Outputs) {
		return nil
	}
	list, err := p.m.Attempts(ctx, farm.AttemptFilter{Job: page.Job.ID, Accepted: true, Newest: true, Limit: maxPictures})
	if err != nil {
		return err
	}
	for i := range list {
		results := list[i].Results
		at := slices.IndexFunc(results, func(r farm.Result) bool { return r.Kind == farm.KindPreview && showable(r.Name) })
		if at < 0 {
			at = slices.IndexFunc(results, func(r farm.Result) bool { return r.Kind == farm.KindOutput && showable(r.Name) })
		}
		if at >= 0 {
			name := results[at].Name
			page.Pictures = append(page.Pictures, picture{list[i].Frame, name, p.opt.Result(page.Job.ID, name)})
		}
	}
	return nil
}

// lost tells whether a part of the job was cleaned up.
func lost(j *farm.Job, part farm.Part) bool {
	return slices.ContainsFunc(j.Removed, func(r farm.Removal) bool { return r.Part == part })
}

func showable(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".webp", ".bmp":
		return true
	}
	return false
}

func (p *Pages) failures(ctx context.Context, page *jobPage) error {
	list, err := p.m.Attempts(ctx, farm.AttemptFilter{Job: page.Job.ID, Failed: true, Newest: true, Limit: maxFailures})
	if err != nil || len(list) == 0 {
		return err
	}
	workers, err := p.m.Workers(ctx)
	if err != nil {
		return err
	}
	names := make(map[farm.WorkerID]string, len(workers))
	for i := range workers {
		names[workers[i].Worker.ID] = workers[i].Worker.Name
	}
	page.More = len(list) == maxFailures
	for i := range list {
		f := failure{Attempt: list[i], WorkerName: names[list[i].Worker], When: p.moment(list[i].Ended), Outcome: "failed", Log: !lost(&page.Job, farm.Logs)}
		if f.WorkerName == "" {
			f.WorkerName = "a worker that is gone"
		}
		if list[i].Outcome == farm.Expired {
			f.Outcome = "lost"
		}
		if f.Error = sentence(f.Error); f.Error == "" {
			f.Error = "The worker fell silent."
		}
		page.Failures = append(page.Failures, f)
	}
	return nil
}

// reasons gathers workers that the same is true of.
func (p *Pages) reasons(ctx context.Context, page *jobPage) error {
	if page.Job.State.Ended() || page.Job.State == farm.Paused {
		return nil
	}
	list, err := p.m.Why(ctx, page.Job.ID)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for _, r := range list {
		i, known := at[r.Text]
		if !known {
			if len(page.Reasons) == maxReasons {
				continue
			}
			i = len(page.Reasons)
			at[r.Text] = i
			page.Reasons = append(page.Reasons, reason{Text: sentence(r.Text), Workers: r.Worker, Chosen: r.Chosen})
			continue
		}
		page.Reasons[i].Workers += ", " + r.Worker
	}
	slices.SortStableFunc(page.Reasons, func(a, b reason) int {
		switch {
		case a.Chosen == b.Chosen:
			return 0
		case a.Chosen:
			return -1
		}
		return 1
	})
	return nil
}

func (p *Pages) missing(ctx context.Context, page *jobPage) error {
	if page.Job.Progress.Missing == 0 {
		return nil
	}
	list, err := p.m.Missing(ctx, page.Job.ID, "", maxMissing)
	if err != nil {
		return err
	}
	for _, f := range list {
		page.Missing = append(page.Missing, missing{f.Original, bytesOf(f.Size)})
	}
	page.Absent = max(0, page.Job.Progress.Missing-len(list))
	return nil
}

func (p *Pages) warned(ctx context.Context, page *jobPage) error {
	list, err := p.m.Warnings(ctx, page.Job.ID)
	page.Warnings = list[:min(len(list), maxWarnings)]
	for i := range page.Warnings {
		page.Warnings[i].Text = sentence(page.Warnings[i].Text)
	}
	return err
}
