package master

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Cleaning returns what the farm removes by itself.
func (m *Master) Cleaning(ctx context.Context) (farm.Cleaning, error) {
	return ask(ctx, m, func(e *engine) (farm.Cleaning, error) { return e.cleaning, nil })
}

// SetCleaning changes it. What is due by the new rules goes with the next round.
func (m *Master) SetCleaning(ctx context.Context, who Identity, c farm.Cleaning) error {
	if err := c.Check(); err != nil {
		return err
	}
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.audit(who, farm.DidCleaning, "", "%s", differ(&e.cleaning, &c))
		e.cleaning = c
		e.change(farm.CleaningSet{Cleaning: c})
		return struct{}{}, nil
	})
	if err == nil {
		m.opt.Log.Info("the rules of cleaning were changed", "by", who.Name)
	}
	return err
}

// cleanRound is one round of cleaning.
type cleanRound struct {
	m     *Master
	rules farm.Cleaning
	now   time.Time
	dry   bool
	tell  func(farm.Cleaned) error // may be nil
	jobs  []cleanJob               // those that cleaning may touch, the first that ended first
	total map[farm.Part]int64      // bytes of all jobs, of the parts that have a limit
	names map[uint64]int           // by the first half of a ref: how many jobs name it; nil: inputs have no limit
}

// cleanJob is what a round knows of a job.
type cleanJob struct {
	farm.Job
	lost map[farm.Part]bool // in this round, or before and nothing came since
}

// Clean removes, by the farm's rules, what jobs that have ended left on the disk; dry only tells. tell hears of every
// part of a job that goes; its error ends the round. The bytes of inputs are free only when they are collected.
// A job that moves is left alone, and so is one that is marked to be kept.
func (m *Master) Clean(ctx context.Context, dry bool, tell func(farm.Cleaned) error) error {
	m.cleaning.Lock()
	defer m.cleaning.Unlock()
	rules, err := m.Cleaning(ctx)
	if err != nil {
		return err
	}
	return m.clean(ctx, &rules, dry, tell)
}

// PreviewCleaning tells what would go under other rules; nothing does.
func (m *Master) PreviewCleaning(ctx context.Context, rules farm.Cleaning, tell func(farm.Cleaned) error) error {
	if err := rules.Check(); err != nil {
		return err
	}
	m.cleaning.Lock()
	defer m.cleaning.Unlock()
	return m.clean(ctx, &rules, true, tell)
}

// clean does so by the rules. The lock cleaning is held.
func (m *Master) clean(ctx context.Context, rules *farm.Cleaning, dry bool, tell func(farm.Cleaned) error) error {
	if *rules == (farm.Cleaning{}) {
		return nil
	}
	r := &cleanRound{m: m, rules: *rules, now: m.opt.Now(), dry: dry, tell: tell, total: map[farm.Part]int64{}}
	if err := r.look(ctx); err != nil {
		return err
	}
	for i := range r.jobs {
		for _, p := range farm.Parts() {
			if rule := rules.Due(p, &r.jobs[i].Job, r.now); rule != "" {
				if err := r.take(ctx, &r.jobs[i], p, rule); err != nil {
					return err
				}
			}
		}
	}
	for _, p := range farm.Parts() {
		limit := rules.Rule(p).MaxBytes
		for i := 0; limit > 0 && i < len(r.jobs) && r.total[p] > limit; i++ {
			if err := r.take(ctx, &r.jobs[i], p, fmt.Sprintf("%s.max=%s", p, farm.Bytes(limit))); err != nil {
				return err
			}
		}
	}
	return nil
}

// look finds the jobs, and how much all of them take where that matters.
func (r *cleanRound) look(ctx context.Context) error {
	if r.rules.Inputs.MaxBytes > 0 {
		r.names = map[uint64]int{}
	}
	err := r.m.everyJob(ctx, func(j *farm.Job) error {
		c := cleanJob{Job: *j, lost: map[farm.Part]bool{}}
		for _, p := range farm.Parts() {
			if l := j.Lost(p); l != nil && !l.At.Before(j.Ended) && j.State.Ended() {
				c.lost[p] = true
			}
		}
		for _, p := range []farm.Part{farm.Outputs, farm.Logs} {
			if r.rules.Rule(p).MaxBytes > 0 && !c.lost[p] {
				r.total[p] += r.m.partSize(ctx, j, p)
			}
		}
		if r.names != nil && !c.lost[farm.Inputs] {
			if err := r.count(ctx, j.ID, +1, nil); err != nil {
				return err
			}
		}
		if j.Cleanable() {
			r.jobs = append(r.jobs, c)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	slices.SortFunc(r.jobs, func(a, b cleanJob) int { return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(a.ID, b.ID)) })
	if r.names == nil {
		return nil
	}
	for after, more := (blob.Ref{}), true; more; {
		page, err := r.m.opt.Blobs.List(ctx, after, 1000)
		if err != nil {
			return err
		}
		for _, info := range page {
			after = info.Ref
			if r.names[firstHalf(info.Ref)] > 0 { // others go with the next collection
				r.total[farm.Inputs] += info.Size
			}
		}
		more = len(page) == 1000
	}
	return nil
}

// count adds d to how many jobs name each of the job's files; last, which may be nil, hears of those that none does
// any more.
func (r *cleanRound) count(ctx context.Context, id farm.JobID, d int, last func(*farm.File)) error {
	seen := map[uint64]struct{}{}
	return r.m.everyFile(ctx, id, func(f *farm.File) error {
		ref, err := blob.ParseRef(f.Ref)
		if _, twice := seen[firstHalf(ref)]; err != nil || twice {
			return nil //nolint:nilerr // it names nothing
		}
		seen[firstHalf(ref)] = struct{}{}
		if r.names[firstHalf(ref)] += d; r.names[firstHalf(ref)] == 0 && last != nil {
			last(f)
		}
		return nil
	})
}

// take removes a part of a job, unless there is nothing of it or the job moves again.
func (r *cleanRound) take(ctx context.Context, j *cleanJob, p farm.Part, rule string) error {
	if j.lost[p] {
		return nil
	}
	c := farm.Cleaned{Job: j.ID, Name: j.Name, Part: p, Rule: rule}
	if p != farm.Inputs {
		c.Bytes = r.m.partSize(ctx, &j.Job, p)
	}
	if !r.dry {
		gone, err := r.m.cleanJob(ctx, j.ID, farm.Removal{Part: p, At: r.now, Rule: rule})
		if err != nil || !gone {
			return err
		}
	}
	j.lost[p] = true
	if p == farm.Inputs && r.names != nil {
		if err := r.count(ctx, j.ID, -1, func(f *farm.File) { c.Bytes += f.Size }); err != nil {
			return err
		}
	}
	r.total[p] -= c.Bytes
	if r.tell != nil {
		if err := r.tell(c); err != nil {
			return err
		}
	}
	r.m.rest(ctx, 1)
	return ctx.Err()
}

// cleanJob removes a part of an ended job. What is durable first is that it is gone: a crash leaves files that a later
// round removes.
func (m *Master) cleanJob(ctx context.Context, id farm.JobID, r farm.Removal) (gone bool, err error) {
	end := m.folders.alone(id) // nobody brings it back meanwhile, or changes its mind about keeping it
	defer end()
	if _, err := keep(ctx, m, func(*engine) (struct{}, error) { return struct{}{}, nil }); err != nil {
		return false, err // what was said before us must be in the store
	}
	j, err := m.opt.Store.Job(ctx, id)
	if farm.KindOf(err) == farm.NotFound || err == nil && !j.Cleanable() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	gone, err = keep(ctx, m, func(e *engine) (bool, error) {
		if e.jobs[id] != nil {
			return false, nil
		}
		e.change(farm.JobLost{ID: id, Removal: r})
		e.event(farm.Event{Kind: farm.EventJob, Job: id, State: string(j.State), Text: r.Sentence(), Progress: &j.Progress})
		return true, nil
	})
	if err != nil || !gone {
		return false, err
	}
	m.opt.Log.Info("cleaned: "+r.Sentence(), "job", id, "name", j.Name)
	return true, m.removePart(&j, r.Part)
}

// regainInputs has a job that goes on name its files again; the caller has pinned them. It returns why some of them are
// not there, if cleaning is to blame.
func (e *engine) regainInputs(j *job) (reason string) {
	lost := j.Lost(farm.Inputs)
	if lost == nil {
		return ""
	}
	if len(j.missing) > 0 {
		reason = lost.Sentence() + ": submit the scene again to send them"
	}
	j.Regain(farm.Inputs)
	e.change(farm.JobSet{Job: j.view()})
	return reason
}

func (m *Master) removePart(j *farm.Job, p farm.Part) error {
	if p == farm.Inputs {
		return nil // they are collected when no other job names them
	}
	return plainDisk(os.RemoveAll(m.partFolder(j, p)), "what is to be cleaned cannot be removed")
}

func (m *Master) partFolder(j *farm.Job, p farm.Part) string {
	if p == farm.Logs {
		return m.logDir(j.ID)
	}
	return m.outputs(j.Folder)
}

// partSize is how many bytes of results or logs a job has on the disk. Of a job that has ended it is looked up once.
func (m *Master) partSize(ctx context.Context, j *farm.Job, p farm.Part) int64 {
	key := partKey{j.ID, p, j.Ended}
	if n, known := m.sizes[key]; known && j.State.Ended() {
		return n
	}
	var sum int64
	files := 0
	_ = filepath.WalkDir(m.partFolder(j, p), func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ctx.Err()
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		if files++; files%1000 == 0 {
			m.rest(ctx, 1)
		}
		return ctx.Err()
	})
	if ctx.Err() == nil && j.State.Ended() {
		if len(m.sizes) > 100_000 {
			clear(m.sizes)
		}
		if m.sizes == nil {
			m.sizes = map[partKey]int64{}
		}
		m.sizes[key] = sum
	}
	return sum
}

// partKey names a part of a job as it was when the job ended.
type partKey struct {
	job   farm.JobID
	part  farm.Part
	ended time.Time
}

// finishCleaning removes what a crash left of a part that is noted as gone.
func (m *Master) finishCleaning(ctx context.Context) error {
	return m.everyJob(ctx, func(j *farm.Job) error {
		if len(j.Removed) == 0 {
			return nil
		}
		end := m.folders.alone(j.ID)
		defer end()
		// Looked at again: it may have been brought back since.
		now, err := m.Job(ctx, j.ID)
		if err != nil || !now.State.Ended() {
			return ctx.Err()
		}
		for _, l := range now.Removed {
			if !l.At.Before(now.Ended) {
				if err := m.removePart(&now, l.Part); err != nil {
					m.opt.Log.Error("what was cleaned cannot be removed", "job", j.ID, "err", err)
				}
			}
		}
		return ctx.Err()
	})
}
