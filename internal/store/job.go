package store

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

const (
	jobPut = `INSERT INTO jobs (id, gone, state, reason, owner, owner_id, search, key, created, started, ended,
		total, done, failed, running, dispatched, seconds, missing, priority, machine, inspect)
		VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET gone = 0, state = excluded.state, reason = excluded.reason, owner = excluded.owner,
		owner_id = excluded.owner_id, search = excluded.search, key = excluded.key, created = excluded.created, started = excluded.started,
		ended = excluded.ended, total = excluded.total, done = excluded.done, failed = excluded.failed,
		running = excluded.running, dispatched = excluded.dispatched, seconds = excluded.seconds, missing = excluded.missing,
		priority = excluded.priority, machine = excluded.machine, inspect = excluded.inspect`
	specPut = `INSERT INTO specs (job, scene, folder, spec, removed) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (job) DO UPDATE SET scene = excluded.scene, folder = excluded.folder, spec = excluded.spec, removed = excluded.removed`
	blendSet   = `UPDATE specs SET blend = ? WHERE job = ?`
	removedGet = `SELECT coalesce(removed, '') FROM specs WHERE job = ?`
	removedSet = `UPDATE specs SET removed = ? WHERE job = ?`
	jobThere   = `SELECT gone <> 0 FROM jobs WHERE id = ?`
	// gone is 0 of a job that is there, 1 of one that is deleted and swept, and 2 of one that is not made yet.
	jobHidden = `UPDATE jobs SET gone = 2 WHERE id = ?`
	// The state is indexed; leaving it alone where it stays saves that work at nearly every mark.
	jobMark = `UPDATE jobs SET reason = ?, started = ?, ended = ?, total = ?, done = ?, failed = ?, running = ?,
		dispatched = ?, seconds = ?, missing = ?, machine = ? WHERE id = ? AND state = ? AND gone = 0`
	jobMarkState = `UPDATE jobs SET state = ?, reason = ?, started = ?, ended = ?, total = ?, done = ?, failed = ?,
		running = ?, dispatched = ?, seconds = ?, missing = ?, machine = ? WHERE id = ? AND gone = 0`
)

// jobAdd keeps a job with its manifest, also one that is there.
func (b *batch) jobAdd(c *farm.JobAdd) error {
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.jobPut(&c.Job); err != nil {
		return err
	}
	if err := b.nextJob(c.Job.ID + 1); err != nil {
		return err
	}
	if err := b.blendSet(c.Job.ID, c.Job.Blend, c.Files); err != nil {
		return err
	}
	if err := b.imported(c.Job.ID); err != nil {
		return err
	}
	return b.filesSet(c.Job.ID, c.Files)
}

// jobHold makes room for a job that nobody sees before jobAdd.
func (b *batch) jobHold(id farm.JobID) error {
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.jobPut(&farm.Job{ID: id, State: farm.Canceled}); err != nil {
		return err
	}
	if _, err := b.w.exec(jobHidden, int64(id)); err != nil {
		return err
	}
	b.w.held[id] = true
	return b.nextJob(id + 1)
}

// blendSet keeps which bytes the job's scene is of.
func (b *batch) blendSet(job farm.JobID, blend string, files []farm.File) error {
	ref := ""
	if i := slices.IndexFunc(files, func(f farm.File) bool { return f.Path == blend }); i >= 0 {
		ref = files[i].Ref
	}
	_, err := b.w.exec(blendSet, orNull(ref), int64(job))
	return err
}

// jobSet keeps all of a job but its manifest. One that is not there is left so.
func (b *batch) jobSet(j *farm.Job) error {
	gone := true
	if found, err := b.w.row(jobThere, []any{int64(j.ID)}, &gone); err != nil || !found || gone {
		return err
	}
	if _, err := b.w.exec(summedSet, j.Name, j.Owner, int64(j.ID)); err != nil {
		return err
	}
	return b.jobPut(j)
}

func (b *batch) jobPut(j *farm.Job) error {
	spec, err := json.Marshal(&j.JobSpec)
	if err != nil {
		return err
	}
	p := &j.Progress
	_, err = b.w.exec(jobPut, int64(j.ID), string(j.State), j.Reason, j.Owner, j.OwnerID, strings.ToLower(j.Name), orNull(j.Key),
		micros(j.Created), micros(j.Started), micros(j.Ended), int64(p.Total), int64(p.Done), int64(p.Failed),
		int64(p.Running), int64(p.Dispatched), number(p.Seconds), int64(p.Missing), int64(j.Priority), number(p.Machine), j.Inspect)
	if err != nil {
		return err
	}
	removed, err := removedText(j.Removed)
	if err == nil {
		_, err = b.w.exec(specPut, int64(j.ID), j.Scene, j.Folder, string(spec), removed)
	}
	return err
}

// removedText keeps no removals as NULL.
func removedText(list []farm.Removal) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// jobLost adds a removal to a job; one that is not there is left so.
func (b *batch) jobLost(c *farm.JobLost) error {
	var text []byte
	found, err := b.w.row(removedGet, []any{int64(c.ID)}, &text)
	if err != nil || !found {
		return err
	}
	var j farm.Job
	if len(text) > 0 {
		if err := decodeJSON(text, &j.Removed, "removals of job %d", c.ID); err != nil {
			return err
		}
	}
	j.Lose(c.Removal)
	removed, err := removedText(j.Removed)
	if err == nil {
		_, err = b.w.exec(removedSet, removed, int64(c.ID))
	}
	return err
}

// mark remembers the newest mark of a job, with the newest set of finished positions.
func (b *batch) mark(m *farm.JobMark) {
	if b.marks == nil {
		b.marks = make(map[farm.JobID]*farm.JobMark)
	}
	last := b.marks[m.ID]
	switch {
	case m.Finished != nil:
		delete(b.unfinish, m.ID) // resets before it are in it
	case last != nil:
		m.Finished, m.Seq = last.Finished, last.Seq
	}
	if m.Refused == nil && last != nil {
		m.Refused = last.Refused
	}
	b.marks[m.ID] = m
}

func (b *batch) flushMarks() error {
	for job := range b.marks {
		if err := b.flushMark(job); err != nil {
			return err
		}
	}
	return nil
}

// flushMark writes the job's mark, if there is one. A job that is not there any more is left so.
func (b *batch) flushMark(job farm.JobID) error {
	m := b.marks[job]
	if m == nil {
		return nil
	}
	delete(b.marks, job)
	p := &m.Progress
	args := []any{
		string(m.State), m.Reason, m.Started, m.Ended, int64(p.Total), int64(p.Done), int64(p.Failed),
		int64(p.Running), int64(p.Dispatched), number(p.Seconds), int64(p.Missing), number(p.Machine), int64(m.ID), string(m.State),
	}
	n, err := b.w.exec(jobMark, args[1:]...)
	if err == nil && n == 0 {
		n, err = b.w.exec(jobMarkState, args[:13]...)
	}
	if err == nil && n > 0 && m.Finished != nil {
		_, err = b.w.exec(finishedSet, int64(m.ID), m.Seq, m.Finished)
	}
	if err == nil && n > 0 && m.Refused != nil {
		err = b.refusalsSet(m.ID, m.Refused)
	}
	return err
}
