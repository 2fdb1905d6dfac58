package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

const (
	attemptFields = `SELECT a.seq, a.job, a.frame, a.position, a.number, a.lease, coalesce(w.word, ''), a.outcome,
	coalesce(a.error, ''), a.started, a.ended, coalesce(a.seconds, 0), a.memory, coalesce(i.word, ''), a.results, a.final, a.warnings FROM attempts a `
	attemptWords  = ` LEFT JOIN words w ON w.id = a.worker LEFT JOIN words i ON i.id = a.install WHERE `
	attemptSelect = attemptFields + attemptWords

	// Without these words SQLite would look for the few others among all of a job's attempts.
	byFailed     = `INDEXED BY attempts_failed`
	byOther      = `INDEXED BY attempts_other`
	failedSelect = attemptFields + byFailed + attemptWords
)

func anAttempt(rows *sql.Rows) (farm.Attempt, error) { return scanAttempt(rows) }

// scanAttempt reads an attempt, and the columns that a query has besides.
func scanAttempt(rows *sql.Rows, besides ...any) (a farm.Attempt, err error) {
	var started, ended int64
	var results, warnings []byte
	err = rows.Scan(append([]any{
		&a.Seq, &a.Job, &a.Frame, &a.Position, &a.Number, &a.Lease, &a.Worker, &a.Outcome, &a.Error,
		&started, &ended, &a.Seconds, &a.MemoryMB, &a.Install, &results, &a.Final, &warnings,
	}, besides...)...)
	if err == nil && results != nil {
		err = decodeJSON(results, &a.Results, "list of results of frame %d of job %d", a.Frame, a.Job)
	}
	if err == nil && warnings != nil {
		err = decodeJSON(warnings, &a.Warnings, "warnings of frame %d of job %d", a.Frame, a.Job)
	}
	a.Started, a.Ended = moment(started), moment(ended)
	return a, err
}

const (
	jobStands    = ` AND (SELECT gone FROM jobs WHERE id = ?) = 0`
	onlyAccepted = ` AND a.standing = 1`
	onlyOthers   = ` AND a.standing <> 1`
	onlyFailed   = onlyOthers + ` AND a.outcome <> 'done' AND a.outcome IN ('failed', 'expired')`
	few          = 1000 // frames that are looked up one by one; more are picked from all attempts in turn
	handful      = 100  // arguments of one query
)

// Attempts lists attempts of a job in the order of Seq, or against it: all, those that are accepted now, or those that
// failed (outcomes failed and expired).
func (d *db) Attempts(ctx context.Context, f farm.AttemptFilter) (list []farm.Attempt, err error) {
	f.Limit = max(f.Limit, 1)
	if f.Accepted && f.Failed {
		return nil, nil
	}
	from, kind := attemptSelect, ``
	switch {
	case f.Accepted:
		kind = onlyAccepted
	case f.Failed:
		from, kind = failedSelect, onlyFailed
	}
	err = d.look(ctx, func(q querier) error {
		var waits farm.Spans // accepted, but to be reset
		if f.Accepted {
			if waits, err = postponed(ctx, q, f.Job); err != nil {
				return err
			}
		}
		if f.Frames.Count() == 0 && waits.Count() == 0 {
			list, err = collect(ctx, q, from+`a.job = ? AND a.seq > ?`+kind+jobStands+order(f)+` LIMIT ?`,
				[]any{int64(f.Job), f.After, int64(f.Job), int64(f.Limit)}, anAttempt)
			return err
		}
		var seqs []int64
		if n := f.Frames.Count(); n > 0 && n <= few {
			seqs, err = lookUp(ctx, q, f, &waits)
		} else {
			seqs, err = pick(ctx, q, f, kind, &waits)
		}
		if err != nil {
			return err
		}
		for part := range slices.Chunk(seqs, handful) {
			args := []any{int64(f.Job)}
			for _, seq := range part {
				args = append(args, seq)
			}
			page, err := collect(ctx, q, attemptSelect+`a.job = ? AND a.seq IN (`+marks(len(part))+`)`+order(f), args, anAttempt)
			if err != nil {
				return err
			}
			list = append(list, page...)
		}
		return nil
	})
	return list, err
}

func order(f farm.AttemptFilter) string {
	if f.Newest {
		return ` ORDER BY a.seq DESC`
	}
	return ` ORDER BY a.seq`
}

// lookUp finds the attempts at the filter's frames by the positions the job's layout gives them; none of those that
// wait to be reset.
func lookUp(ctx context.Context, q querier, f farm.AttemptFilter, waits *farm.Spans) ([]int64, error) {
	j, err := job(ctx, q, f.Job)
	if farm.KindOf(err) == farm.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var positions []any
	plan := j.Plan()
	for frame := range f.Frames.All() {
		found, _ := plan.Find(frame)
		for p := range found.All() {
			if !waits.Contains(p) {
				positions = append(positions, int64(p))
			}
		}
	}
	var kinds [][2]string // which index, which rows
	if !f.Failed {
		kinds = append(kinds, [2]string{``, onlyAccepted})
	}
	if f.Failed {
		kinds = append(kinds, [2]string{byOther, onlyFailed})
	} else if !f.Accepted {
		kinds = append(kinds, [2]string{byOther, onlyOthers})
	}
	var seqs []int64
	for part := range slices.Chunk(positions, handful) {
		for _, kind := range kinds {
			found, err := collect(ctx, q, `SELECT a.seq FROM attempts a `+kind[0]+` WHERE a.job = ? AND a.position IN (`+marks(len(part))+`)`+kind[1],
				append([]any{int64(f.Job)}, part...), func(rows *sql.Rows) (seq int64, err error) { return seq, rows.Scan(&seq) })
			if err != nil {
				return nil, err
			}
			seqs = append(seqs, found...)
		}
	}
	slices.SortFunc(seqs, cmp.Compare[int64])
	first, _ := slices.BinarySearch(seqs, f.After+1)
	if seqs = seqs[first:]; f.Newest {
		slices.Reverse(seqs)
	}
	return seqs[:min(len(seqs), f.Limit)], nil
}

// pick finds the attempts at the filter's frames, or at all, by looking at each in turn; none of those that wait to
// be reset.
func pick(ctx context.Context, q querier, f farm.AttemptFilter, kind string, waits *farm.Spans) ([]int64, error) {
	by := ``
	if f.Failed {
		by = byFailed
	}
	rows, err := q.QueryContext(ctx, `SELECT a.seq, a.frame, a.position FROM attempts a `+by+` WHERE a.job = ? AND a.seq > ?`+kind+jobStands+order(f),
		int64(f.Job), f.After, int64(f.Job))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var seqs []int64
	for len(seqs) < f.Limit && rows.Next() {
		var seq int64
		var frame, position int
		if err := rows.Scan(&seq, &frame, &position); err != nil {
			return nil, err
		}
		if (f.Frames.Count() == 0 || farm.Names(f.Frames, frame)) && !waits.Contains(position) {
			seqs = append(seqs, seq)
		}
	}
	return seqs, rows.Err()
}
