package classic

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// errUnknown is the answer to whoever names a job, frame, file or slave that the door does not know.
var errUnknown = farm.Errorf(farm.NotFound, "there is no such thing here")

func sortRecords(list []*record) {
	slices.SortFunc(list, func(a, b *record) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
}

// room tells whether one more record may be kept. Those whose files have not come for long are forgotten first.
func (d *Door) room() error {
	waiting := 0
	list := d.all()
	now := d.opt.Now()
	for _, rec := range list {
		rec.mu.Lock()
		if len(rec.Jobs) == 0 && !rec.gone {
			if now.Sub(rec.Created) > waitingFor {
				_ = d.forget(rec)
			} else {
				waiting++
			}
		}
		rec.mu.Unlock()
	}
	if waiting >= maxWaiting || len(list) >= maxRecords {
		return farm.Errorf(farm.TooLarge, "too many jobs are remembered here").WithHint("cancel or clear some")
	}
	return nil
}

// announce takes a job of V18. whole tells that all its files are here, so that it is queued; else they are to be sent.
func (d *Door) announce(ctx context.Context, rec *record) (whole bool, err error) {
	if err := d.room(); err != nil {
		return false, err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	kept := false
	defer func() {
		if !kept {
			rec.release()
		}
	}()
	for i := range rec.Files {
		unpin, err := d.take(ctx, &rec.Files[i])
		switch {
		case err == nil:
			rec.unpin = append(rec.unpin, unpin)
		case !errors.Is(err, errUnknown):
			return false, err
		}
	}
	if rec.Serial, err = d.token(16); err != nil {
		return false, err
	}
	if rec.ID, err = d.number(); err != nil {
		return false, err
	}
	rec.Created, rec.Pending = d.opt.Now(), rec.Frames
	if err := d.save(rec); err != nil {
		return false, err
	}
	if kept = true; !rec.all() {
		return false, nil
	}
	return true, d.submit(ctx, rec)
}

// submit makes a job of the engine of the frames that no job was made of; rec.mu is held. The job carries a key, so that one which the
// engine has and the record does not is not made twice.
func (d *Door) submit(ctx context.Context, rec *record) error {
	frames := rec.Pending
	spec, files, err := d.jobOf(ctx, rec, frames)
	if err != nil {
		return err
	}
	job, err := d.m.Submit(ctx, d.client, spec, files)
	if err != nil {
		return err
	}
	rec.Jobs, rec.Pending = append(rec.Jobs, job.ID), farm.FrameSet{}
	if err := d.save(rec); err != nil {
		rec.Jobs, rec.Pending = rec.Jobs[:len(rec.Jobs)-1], frames
		return err
	}
	for _, unpin := range rec.unpin {
		unpin(true)
	}
	rec.unpin = nil
	if rec.Paused {
		_, err = d.m.Pause(ctx, d.client, job.ID)
	}
	return err
}

// jobOf is the record in the engine's words.
func (d *Door) jobOf(ctx context.Context, rec *record, frames farm.FrameSet) (spec farm.JobSpec, files []farm.File, err error) {
	whole := make([]string, len(rec.Files)) // their paths, absolute
	for i := range rec.Files {
		p := layout.Slashes(rec.Files[i].Path)
		if !path.IsAbs(p) && !layout.Windows(p) {
			p = path.Join("/scene", p)
		}
		whole[i] = p
	}
	places := layout.Of(whole[0], whole[1:], "")
	for i := range rec.Files {
		f := &rec.Files[i]
		entry := farm.File{Path: places[whole[i]], Size: f.Size, Ref: f.Ref}
		if path.IsAbs(layout.Slashes(f.Path)) || layout.Windows(f.Path) {
			entry.Original = f.Path
		}
		if i > 0 && !(f.Start == -1 && f.End == -1) {
			entry.First, entry.Last = &f.Start, &f.End
		}
		if entry.Path == "" {
			return spec, nil, farm.Errorf(farm.Invalid, "the file %s can be laid out nowhere", clip(f.Path, 200))
		}
		files = append(files, entry)
	}
	spec = farm.JobSpec{
		Name: rec.Name, Blend: files[0].Path, Frames: frames, Chunk: rec.Chunk, Priority: rec.Priority,
		Needs:   farm.Needs{Engine: engineOf(rec.Render), Blender: rec.Files[0].Blender},
		Options: farm.Options{EXR: "full", Preview: true},
		Key:     "classic-" + rec.Serial + "-" + strconv.Itoa(len(rec.Jobs)),
	}
	for _, id := range rec.Blacklist {
		if w, err := d.m.Worker(ctx, workerID(id)); err == nil {
			spec.Needs.Deny = append(spec.Needs.Deny, w.Worker.Name)
		}
	}
	return spec, files, nil
}

// engineOf is the engine that workers must have. An artist's Blender may name the engine by which it sent the job.
func engineOf(name string) string {
	if name == "" || strings.HasPrefix(name, "NET") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return ""
	}
	return name
}

// upload takes the bytes of a file of a job of V18. whole tells that all files are here now. The record is not held while they
// are stored, which may take long.
func (d *Door) upload(ctx context.Context, rec *record, index int, a *arrived) (whole bool, err error) {
	if whole, err = rec.expects(index, a); whole || err != nil {
		return whole, err
	}
	s, unpin, err := d.store(ctx, a)
	if err != nil {
		return false, err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.gone || len(rec.Jobs) > 0 { // canceled, or sent by two at once
		unpin(false)
		if rec.gone {
			return false, errUnknown
		}
		return true, nil
	}
	rec.Files[index].storedFile = s
	rec.unpin = append(rec.unpin, unpin)
	if err := d.save(rec); err != nil {
		return false, err
	}
	if !rec.all() {
		return false, nil
	}
	return true, d.submit(ctx, rec)
}

// expects refuses what is not the file; whole tells that the job has all of its files.
func (rec *record) expects(index int, a *arrived) (whole bool, err error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.gone || index >= len(rec.Files) {
		return false, errUnknown
	}
	if f := &rec.Files[index]; f.MD5 != "" && f.MD5 != a.md5 {
		return false, farm.Errorf(farm.Mismatch, "the bytes of %s have another MD5 than was announced", clip(f.Path, 200))
	}
	return len(rec.Jobs) > 0, nil
}

// Run goes on with what was under way when the door was closed, and then forgets jobs that the engine does not have any
// more, until ctx ends. The master's Run must have begun.
func (d *Door) Run(ctx context.Context) error {
	if err := d.restore(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for _, rec := range d.all() {
		rec.mu.Lock()
		if !rec.gone && rec.all() && rec.Pending.Count() > 0 {
			if err := d.submit(ctx, rec); err != nil {
				d.log.Warn("a job of the classic door cannot be submitted", "job", rec.ID, "err", err)
			}
		}
		rec.mu.Unlock()
	}
	ticker := time.NewTicker(10 * time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for _, rec := range d.all() {
				_, _ = d.jobsOf(ctx, rec)
			}
		}
	}
}

// jobsOf are the engine's jobs of a record that are there and were not canceled. A record of which all are gone is forgotten.
func (d *Door) jobsOf(ctx context.Context, rec *record) ([]farm.Job, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.gone {
		return nil, errUnknown
	}
	var list []farm.Job
	for _, id := range rec.Jobs {
		j, err := d.m.Job(ctx, id)
		switch {
		case err == nil && j.State != farm.Canceled:
			list = append(list, j)
		case err != nil && farm.KindOf(err) != farm.NotFound:
			return nil, err
		}
	}
	if len(list) == 0 && len(rec.Jobs) > 0 {
		return nil, errors.Join(errUnknown, d.forget(rec))
	}
	return list, nil
}

// place is a frame of a job that the door shows.
type place struct {
	rec   *record // nil: a modern job, of which a slave renders frames
	job   farm.Job
	frame int
}

// seek finds the frame of a job by the id that the protocol has for the job. Of a job whose files have not come there is no
// engine's job: place.job.ID is 0.
func (d *Door) seek(ctx context.Context, id string, frame int) (place, error) {
	rec := d.find(id)
	if rec == nil {
		return place{}, errUnknown
	}
	jobs, err := d.jobsOf(ctx, rec)
	if err != nil {
		return place{}, err
	}
	for i := range slices.Backward(jobs) {
		if jobs[i].JobSpec.Frames.Contains(frame) {
			return place{rec, jobs[i], frame}, nil
		}
	}
	if len(jobs) == 0 && rec.Frames.Contains(frame) {
		return place{rec: rec, frame: frame}, nil
	}
	return place{}, errUnknown
}

// state is what became of a frame, in the numbers of V18.
func (d *Door) state(ctx context.Context, at *place) (state int, accepted *farm.Attempt, err error) {
	if at.job.ID == 0 {
		return frameQueued, nil, nil
	}
	list, err := d.m.Attempts(ctx, farm.AttemptFilter{Job: at.job.ID, Accepted: true, Frames: farm.Frames(at.frame), Limit: 1})
	if err != nil {
		return 0, nil, err
	}
	if len(list) > 0 {
		return frameDone, &list[0], nil
	}
	if at.job.Done == 0 && at.job.Failed == 0 && at.job.Running == 0 { // asked again and again
		return frameQueued, nil, nil
	}
	states, err := d.m.Frames(ctx, at.job.ID)
	if err != nil {
		return 0, nil, err
	}
	return stateIn(&states, at.frame), nil, nil
}

func stateIn(s *farm.FrameStates, frame int) int {
	switch {
	case s.Done.Contains(frame):
		return frameDone
	case s.Failed.Contains(frame):
		return frameError
	case s.Running.Contains(frame):
		return frameDispatched
	}
	return frameQueued
}

// cancel has the door forget a job; clear: the farm, too, with all results.
func (d *Door) cancel(ctx context.Context, rec *record, clear bool) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.gone {
		return errUnknown
	}
	for _, id := range rec.Jobs {
		var err error
		if clear {
			err = d.m.Delete(ctx, d.client, id)
		} else if _, err = d.m.Cancel(ctx, d.client, id); farm.KindOf(err) == farm.Conflict {
			err = nil // it has ended
		}
		if err != nil && farm.KindOf(err) != farm.NotFound {
			return err
		}
	}
	return d.forget(rec)
}

// pause holds a job, or lets it go on; with nil it does what was not done last.
func (d *Door) pause(ctx context.Context, rec *record, run *bool) error {
	jobs, err := d.jobsOf(ctx, rec)
	if err != nil {
		return err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	paused := rec.Paused
	if len(jobs) > 0 {
		paused = slices.ContainsFunc(jobs, func(j farm.Job) bool { return j.State == farm.Paused })
	}
	if rec.Paused = !paused; run != nil {
		rec.Paused = !*run
	}
	for i := range jobs {
		switch {
		case jobs[i].State.Ended():
		case rec.Paused && jobs[i].State != farm.Paused:
			_, err = d.m.Pause(ctx, d.client, jobs[i].ID)
		case !rec.Paused && jobs[i].State == farm.Paused:
			_, err = d.m.Resume(ctx, d.client, jobs[i].ID)
		}
		if err != nil && farm.KindOf(err) != farm.Conflict {
			return err
		}
	}
	return d.save(rec)
}

// edit changes what may change of a job. Frames that wait are handed out in chunks as large as they were announced; another
// size is for those that are announced later.
func (d *Door) edit(ctx context.Context, rec *record, priority, chunks *int) error {
	jobs, err := d.jobsOf(ctx, rec)
	if err != nil {
		return err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if chunks != nil {
		rec.Chunk = *chunks
	}
	if priority != nil {
		rec.Priority = *priority
	}
	if err := rec.check(); err != nil {
		return err
	}
	for i := range jobs {
		if priority == nil || jobs[i].Priority == rec.Priority {
			continue
		}
		if _, err := d.m.Change(ctx, d.client, jobs[i].ID, func(s *farm.JobSpec) { s.Priority = rec.Priority }); err != nil {
			return err
		}
	}
	return d.save(rec)
}

// reset has frames rendered again: all, or those that failed; one, or with 0 each.
func (d *Door) reset(ctx context.Context, id string, frame int, all bool) error {
	rec := d.find(id)
	if rec == nil {
		return errUnknown
	}
	jobs, err := d.jobsOf(ctx, rec)
	if err != nil {
		return err
	}
	known := frame == 0
	for i := range jobs {
		which := master.RetryWhich{All: all, Failed: !all}
		if frame != 0 {
			if !jobs[i].JobSpec.Frames.Contains(frame) {
				continue
			}
			known = true
			if !all {
				states, err := d.m.Frames(ctx, jobs[i].ID)
				if err != nil {
					return err
				}
				if !states.Failed.Contains(frame) {
					continue
				}
			}
			which = master.RetryWhich{Frames: farm.Frames(frame)}
		}
		if _, err := d.m.Retry(ctx, d.client, jobs[i].ID, which); err != nil && farm.KindOf(err) != farm.Conflict {
			return err
		}
	}
	if !known && !(len(jobs) == 0 && rec.Frames.Contains(frame)) {
		return errUnknown
	}
	return nil
}

// retry has frames of a job rendered again.
func (d *Door) retry(ctx context.Context, id farm.JobID, frames []int) error {
	_, err := d.m.Retry(ctx, d.client, id, master.RetryWhich{Frames: farm.Frames(frames...)})
	if farm.KindOf(err) == farm.Conflict {
		err = nil
	}
	return err
}
