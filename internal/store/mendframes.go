package store

import (
	"database/sql"
	"encoding/json"

	"github.com/netrender/netrender/internal/farm"
)

const (
	someTries = `SELECT seq, lease, position, frame, standing, ended, results, warnings FROM attempts WHERE job = ? ORDER BY seq`
	tryDrop   = `DELETE FROM attempts WHERE job = ? AND seq = ?`
)

// frames finds what of the job's frames is finished: those with a record that makes sense and with results on the
// disk. It tells whether others were.
func (m *mender) frames(j *farm.Job, said *RecoveredJob) (lost bool, err error) {
	waits, err := postponed(m.ctx, m.reads, j.ID)
	if err != nil { // what cannot be read of the resets is forgotten
		waits = farm.Spans{}
		if _, err := m.w.exec(resetsDrop, int64(j.ID)); err != nil {
			return false, err
		}
		m.table("resets").LostRows++
	}
	t := triesOf{m: m, job: j, plan: j.Plan(), waits: &waits}
	if err := forEach(m.ctx, m.reads, someTries, []any{int64(j.ID)}, t.look); err != nil {
		return false, err
	}
	was := t.accepted.Clone()
	var kept []byte
	known, err := m.w.row(finishedGet, []any{int64(j.ID)}, new(int64), &kept)
	if err != nil {
		return false, err
	}
	if set, err := farm.DecodeSpans(kept); err == nil && known && set.Max() < t.plan.Positions() {
		set.RemoveAll(&waits)
		was.AddAll(&set)
	} else if missing := j.Done - t.accepted.Count(); missing > 0 && j.State != farm.Done {
		said.Unknown = missing
	}
	if j.State == farm.Done {
		was = farm.SpanOf(0, t.plan.Positions())
	}
	t.accepted.RemoveAll(&t.without)
	was.RemoveAll(&t.accepted)
	var frames []int
	for p := range was.All() {
		if f, ok := t.plan.Task(p); ok {
			frames = append(frames, f)
		}
	}
	said.Frames = farm.Frames(frames...)
	j.Done = t.accepted.Count()
	m.table("attempts").LostRows += len(t.nonsense)
	return len(frames) > 0 || said.Unknown > 0, m.w.transact(m.ctx, t.settle)
}

// triesOf reads the attempts of a job.
type triesOf struct {
	m        *mender
	job      *farm.Job
	plan     *farm.Plan
	waits    *farm.Spans // positions to be reset
	accepted farm.Spans  // positions with a record
	without  farm.Spans  // of these, those whose results are not on the disk
	nonsense []int64     // by seq
	bare     []int64     // accepted, without results, by seq
	last     int64       // seq
}

func (t *triesOf) look(rows *sql.Rows) error {
	var seq, lease, standing, ended int64
	var position, frame int
	var text, warnings sql.NullString
	if err := rows.Scan(&seq, &lease, &position, &frame, &standing, &ended, &text, &warnings); err != nil {
		return err
	}
	var results []farm.Result
	p, ok := t.plan.Position(frame)
	if !ok || p != position || !given(seq) || !given(lease) || text.Valid && json.Unmarshal([]byte(text.String), &results) != nil ||
		warnings.Valid && json.Unmarshal([]byte(warnings.String), new([]string)) != nil {
		t.nonsense = append(t.nonsense, seq)
		return nil
	}
	t.last = max(t.last, seq)
	if standing != accepted || t.waits.Contains(position) {
		return nil
	}
	t.accepted.Add(position)
	if lost := t.job.Lost(farm.Outputs); t.m.opt.Has == nil || lost != nil && !lost.At.Before(moment(ended)) {
		return nil // removed by a rule, and nobody misses it
	}
	for _, r := range results {
		if r.Kind == farm.KindPart { // it goes when its frame is finished
			continue
		}
		if !t.m.opt.Has(t.job.Folder, r, t.m.strays[[2]int64{int64(t.job.ID), seq}]) {
			t.without.Add(position)
			t.bare = append(t.bare, seq)
			break
		}
	}
	return nil
}

// given tells whether a master may have given out the number of a lease or of an attempt.
func given(n int64) bool { return n > 0 && n>>32 <= farm.LastEpoch }

// settle writes what was found.
func (t *triesOf) settle() error {
	w, id := t.m.w, int64(t.job.ID)
	for _, seq := range t.nonsense {
		if _, err := w.exec(tryDrop, id, seq); err != nil {
			return err
		}
	}
	for _, seq := range t.bare {
		if _, err := w.exec(attemptStand, history, id, seq); err != nil {
			return err
		}
	}
	_, err := w.exec(finishedSet, id, t.last, append([]byte{}, t.accepted.Encode()...))
	return err
}
