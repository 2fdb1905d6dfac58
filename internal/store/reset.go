package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

// partSize is how many positions are reset in one go (writer.part): others who write wait for some milliseconds.
const partSize = 500

const (
	attemptReset  = `UPDATE attempts SET standing = 0 WHERE job = ? AND position >= ? AND position < ? AND standing = 1`
	attemptForget = `UPDATE attempts SET standing = 0 WHERE job = ? AND position >= ? AND position < ? AND standing <> 1 AND standing <> 0`

	resetJobs  = `SELECT DISTINCT job FROM resets`
	resetList  = `SELECT spans FROM resets WHERE job = ? ORDER BY first`
	resetNext  = `SELECT job, first, spans FROM resets ORDER BY job, first LIMIT 1`
	resetPart  = `SELECT first, spans FROM resets WHERE job = ? AND first <= ? ORDER BY first DESC LIMIT 1`
	resetDone  = `DELETE FROM resets WHERE job = ? AND first = ?`
	resetsDrop = `DELETE FROM resets WHERE job = ?`
)

var resetAdd = manyRows(3, insertMany+`resets (job, first, spans) VALUES `, `(?, ?, ?)`, ``)

// reset makes frames wait again: nothing of them is accepted or counts. Their rows stay as history.
func (b *batch) reset(job farm.JobID, positions *farm.Spans) error {
	if err := b.flushAttempts(); err != nil {
		return err
	}
	if b.resets == nil {
		b.resets, b.unfinish = make(map[farm.JobID]*farm.Spans), make(map[farm.JobID]*farm.Spans)
	}
	for _, m := range []map[farm.JobID]*farm.Spans{b.resets, b.unfinish} {
		if m[job] == nil {
			m[job] = &farm.Spans{}
		}
		m[job].AddAll(positions)
	}
	return nil
}

// flushResets carries out small resets and keeps large ones in parts, for the sweep.
func (b *batch) flushResets() error {
	for job, positions := range b.resets {
		keep := b.w.standDown
		if positions.Count() > b.w.part {
			keep = b.postpone
		}
		if err := keep(job, positions); err != nil {
			return err
		}
	}
	clear(b.resets)
	return nil
}

// standDown makes the attempts at the positions history.
func (w *writer) standDown(job farm.JobID, positions *farm.Spans) error {
	for lo, hi := range positions.Runs() {
		for _, query := range []string{attemptReset, attemptForget} {
			if _, err := w.exec(query, int64(job), int64(lo), int64(hi)); err != nil {
				return err
			}
		}
	}
	return nil
}

// postpone adds the positions to those that wait to be reset. A job that is not there is left so.
func (b *batch) postpone(job farm.JobID, positions *farm.Spans) error {
	gone := true
	if found, err := b.w.row(jobThere, []any{int64(job)}, &gone); err != nil || !found || gone {
		return err
	}
	all, err := postponed(unbroken, b.w.conn, job)
	if err != nil {
		return err
	}
	all.AddAll(positions)
	if _, err := b.w.exec(resetsDrop, int64(job)); err != nil {
		return err
	}
	var rows []any
	for part := range parts(&all, b.w.part) {
		rows = append(rows, int64(job), int64(part.Min()), part.Encode())
	}
	if err := resetAdd.run(b.w, rows, nil); err != nil {
		return err
	}
	b.swept = true
	owing, err := b.w.owing()
	if err == nil {
		owing[job] = true
	}
	return err
}

// parts yields the set in pieces of size members.
func parts(s *farm.Spans, size int) func(yield func(*farm.Spans) bool) {
	return func(yield func(*farm.Spans) bool) {
		var part farm.Spans
		for lo, hi := range s.Runs() {
			for lo < hi {
				stop := min(hi, lo+size-part.Count())
				part.AddSpan(lo, stop)
				if lo = stop; part.Count() == size {
					if !yield(&part) {
						return
					}
					part = farm.Spans{}
				}
			}
		}
		if part.Count() > 0 {
			yield(&part)
		}
	}
}

// postponed reads the positions of a job that wait to be reset.
func postponed(ctx context.Context, q querier, job farm.JobID) (farm.Spans, error) {
	var all farm.Spans
	list, err := collect(ctx, q, resetList, []any{int64(job)}, scanSpans)
	for i := range list {
		all.AddAll(&list[i])
	}
	return all, err
}

func scanSpans(rows *sql.Rows) (farm.Spans, error) {
	var text []byte
	if err := rows.Scan(&text); err != nil {
		return farm.Spans{}, err
	}
	return decodeSpans(text)
}

// owing is the jobs that may have resets that wait. It is read when it is not known: at the start, and after a
// transaction that failed.
func (w *writer) owing() (map[farm.JobID]bool, error) {
	if w.owes == nil {
		list, err := collect(unbroken, w.conn, resetJobs, nil, func(rows *sql.Rows) (id farm.JobID, err error) { return id, rows.Scan(&id) })
		if err != nil {
			return nil, err
		}
		w.owes = make(map[farm.JobID]bool, len(list))
		for _, id := range list {
			w.owes[id] = true
		}
	}
	return w.owes, nil
}

// catchUp resets what waits for it at the positions of attempts that are to be added.
func (b *batch) catchUp(list []tried) error {
	owing, err := b.w.owing()
	if err != nil || len(owing) == 0 {
		return err
	}
	done := make(map[farm.JobID]*farm.Spans) // parts carried out now
	for i := range list {
		job, p := list[i].Job, list[i].Position
		if !owing[job] || done[job] != nil && done[job].Contains(p) {
			continue
		}
		var first int64
		var text []byte
		found, err := b.w.row(resetPart, []any{int64(job), int64(p)}, &first, &text)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		part, err := decodeSpans(text)
		if err != nil {
			return err
		}
		if !part.Contains(p) {
			continue
		}
		if err := b.w.carryOut(job, first, &part); err != nil {
			return err
		}
		if done[job] == nil {
			done[job] = &farm.Spans{}
		}
		done[job].AddAll(&part)
	}
	return nil
}

func (w *writer) carryOut(job farm.JobID, first int64, part *farm.Spans) error {
	if err := w.standDown(job, part); err != nil {
		return err
	}
	_, err := w.exec(resetDone, int64(job), first)
	return err
}

// carryOutNext carries out one part of those that wait; false when there is none.
func (w *writer) carryOutNext() (more bool, err error) {
	var job farm.JobID
	var first int64
	var text []byte
	if more, err = w.row(resetNext, nil, &job, &first, &text); err != nil || !more {
		if err == nil {
			w.owes = map[farm.JobID]bool{}
		}
		return more, err
	}
	part, err := decodeSpans(text)
	if err != nil {
		return true, err
	}
	return true, w.carryOut(job, first, &part)
}
