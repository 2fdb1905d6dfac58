package classic

import (
	"context"
	"fmt"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// base is the record in JSON, without files and frames.
func (rec *record) base() *renderJob {
	j := &renderJob{
		ID: rec.ID, Type: typeBlender, Subtype: subtypeRender, Name: rec.Name, Category: rec.Category, Tags: rec.Tags, Status: jobWaiting,
		Transitions: [][2]any{}, Chunks: rec.Chunk, Priority: rec.Priority, Blacklist: rec.Blacklist, Resolution: rec.Resolution, Render: rec.Render,
		Files: []renderFile{}, Frames: []renderFrame{},
	}
	if len(j.Tags) == 0 {
		j.Tags = []string{"render"}
	}
	if j.Blacklist == nil {
		j.Blacklist = []string{}
	}
	return j
}

// signature is the MD5 of a file, or null.
func signature(md5 string) *string {
	if md5 == "" {
		return nil
	}
	return &md5
}

// view is a job as its clients see it.
func (d *Door) view(ctx context.Context, rec *record, usage map[farm.JobID]float64) (*renderJob, error) {
	jobs, err := d.jobsOf(ctx, rec)
	if err != nil {
		return nil, err
	}
	rec.mu.Lock()
	j := rec.base()
	for i := range rec.Files {
		f := &rec.Files[i]
		j.Files = append(j.Files, renderFile{Filepath: f.Path, Original: f.Path, Index: i, Start: f.Start, End: f.End, Signature: signature(f.MD5), Force: f.Force})
	}
	frames := rec.Frames
	paused, created := rec.Paused, rec.Created
	rec.mu.Unlock()
	j.Transitions = append(j.Transitions, [2]any{"Created", unix(created)})
	switch {
	case len(jobs) > 0:
		j.Status = statusOf(jobs)
	case paused:
		j.Status = jobPaused
	}
	known := make(map[int]renderFrame, frames.Count())
	for i := range jobs {
		j.Usage += decimal(usage[jobs[i].ID])
		if !jobs[i].Started.IsZero() {
			j.Transitions = append(j.Transitions, [2]any{"Started", unix(jobs[i].Started)})
			j.LastDispatched = unix(jobs[i].Started)
		}
		if err := d.frames(ctx, &jobs[i], known); err != nil {
			return nil, err
		}
	}
	for f := range frames.All() {
		one, ok := known[f]
		if !ok {
			one = newFrame(f)
		}
		j.Frames = append(j.Frames, one)
	}
	return j, nil
}

// usage is the share of the farm that jobs have, 0..1.
func (d *Door) usage(ctx context.Context) (map[farm.JobID]float64, error) {
	b, err := d.m.Balance(ctx, 0)
	if err != nil {
		return nil, err
	}
	usage := make(map[farm.JobID]float64, len(b.Jobs))
	for i := range b.Jobs {
		usage[b.Jobs[i].ID] = b.Jobs[i].Usage
	}
	return usage, nil
}

// statusOf is where jobs of one record stand together.
func statusOf(jobs []farm.Job) int {
	status := jobFinished
	for i := range jobs {
		switch jobs[i].State {
		case farm.Paused:
			return jobPaused
		case farm.Queued, farm.Active:
			status = jobQueued
		case farm.Collecting:
			if status == jobFinished {
				status = jobWaiting
			}
		case farm.Done, farm.Failed, farm.Canceled:
		}
	}
	return status
}

// resultName is what a frame's picture is called in lists.
func resultName(frame int) string {
	return fmt.Sprintf("%06d.exr", frame)
}

func newFrame(n int) renderFrame { return renderFrame{Number: n, Results: []string{}} }

// frames notes what became of the frames of a job.
func (d *Door) frames(ctx context.Context, j *farm.Job, known map[int]renderFrame) error {
	states, err := d.m.Frames(ctx, j.ID)
	if err != nil {
		return err
	}
	for f := range j.JobSpec.Frames.All() {
		one := newFrame(f)
		one.Status = stateIn(&states, f)
		known[f] = one
	}
	running, err := d.m.Running(ctx, j.ID)
	if err != nil {
		return err
	}
	for i := range running {
		for _, f := range running[i].Frames {
			if one, ok := known[f]; ok && one.Status == frameDispatched {
				one.Slave = d.who(running[i].Worker, running[i].WorkerName)
				known[f] = one
			}
		}
	}
	names := map[farm.WorkerID]string{}
	for after := int64(0); ; {
		page, err := d.m.Attempts(ctx, farm.AttemptFilter{Job: j.ID, After: after, Accepted: true, Limit: 1000})
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			a := &page[i]
			after = a.Seq
			one, ok := known[a.Frame]
			if !ok {
				continue
			}
			if _, asked := names[a.Worker]; !asked {
				w, _ := d.m.Worker(ctx, a.Worker)
				names[a.Worker] = w.Worker.Name
			}
			one.Time, one.Slave = decimal(a.Seconds), d.who(a.Worker, names[a.Worker])
			if slices.ContainsFunc(a.Results, func(r farm.Result) bool { return r.Kind == farm.KindEXR }) {
				one.Results = []string{resultName(a.Frame)}
			}
			known[a.Frame] = one
		}
	}
}

// who is the worker that has a frame, as a slave.
func (d *Door) who(id farm.WorkerID, name string) *renderSlave {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slaves {
		if s.worker == id {
			v := s.view()
			return &v
		}
	}
	return &renderSlave{ID: string(id), Name: name, Address: [2]any{"", 0}, Tags: []string{"render", "baking"}}
}

// task is what a slave of V18 is told of its frames.
func (d *Door) task(ctx context.Context, h *held, grant *farm.Grant) (*renderJob, error) {
	rec := d.find(h.job)
	var j *renderJob
	if rec != nil {
		rec.mu.Lock()
		j = rec.base()
		for i := range rec.Files {
			f := &rec.Files[i]
			if i > 0 && !f.needed(h.lease.Frames) {
				continue
			}
			one := renderFile{Filepath: flat(j.Files, f.Path), Original: f.Path, Index: i, Start: f.Start, End: f.End, Signature: signature(f.MD5), Force: f.Force}
			if f.Local != "" { // slaves may see it for themselves
				one.Filepath = f.Local
			}
			j.Files = append(j.Files, one)
		}
		rec.mu.Unlock()
	} else {
		file, err := d.modernFile(ctx, []*held{h})
		if err != nil {
			return nil, err
		}
		j = (&record{ID: h.job, Name: grant.Name, Chunk: len(h.lease.Frames), Priority: 1, Render: grant.Needs.Engine}).base()
		j.Files = append(j.Files, renderFile{Filepath: flat(nil, file.Path), Original: flat(nil, file.Path), Start: -1, End: -1})
	}
	j.Status = jobQueued
	d.mu.Lock()
	defer d.mu.Unlock()
	j.LastDispatched = unix(h.began)
	j.Transitions = append(j.Transitions, [2]any{"Started", unix(h.began)})
	me := h.slave.view()
	for _, f := range h.lease.Frames {
		one := newFrame(f)
		one.Status, one.Slave = frameDispatched, &me
		j.Frames = append(j.Frames, one)
	}
	return j, nil
}
