package store

import (
	"context"

	"github.com/netrender/netrender/internal/farm"
)

const (
	finishedSet = `INSERT INTO finished (job, seq, spans) VALUES (?, ?, ?)
		ON CONFLICT (job) DO UPDATE SET seq = excluded.seq, spans = excluded.spans`
	finishedGet   = `SELECT seq, spans FROM finished WHERE job = ?`
	finishedSince = `SELECT position FROM attempts WHERE job = ? AND seq > ? AND standing = 1 ORDER BY seq`
)

// flushFinished takes reset positions out of the kept sets, where no later set in the batch stands in their place.
func (b *batch) flushFinished() error {
	for job, positions := range b.unfinish {
		var seq int64
		var kept []byte
		found, err := b.w.row(finishedGet, []any{int64(job)}, &seq, &kept)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		set, err := decodeSpans(kept)
		if err != nil {
			return err
		}
		before := set.Count()
		set.RemoveAll(positions)
		if set.Count() == before {
			continue
		}
		if _, err := b.w.exec(finishedSet, int64(job), seq, set.Encode()); err != nil {
			return err
		}
	}
	clear(b.unfinish)
	return nil
}

// finished reads the kept set of a job and adds what was accepted since, but for what waits to be reset.
func finished(ctx context.Context, q querier, job farm.JobID, waits *farm.Spans) (farm.Spans, error) {
	var set farm.Spans
	var seq int64
	rows, err := q.QueryContext(ctx, finishedGet, int64(job))
	if err != nil {
		return set, err
	}
	defer rows.Close()
	if rows.Next() {
		var kept []byte
		if err = rows.Scan(&seq, &kept); err == nil {
			set, err = decodeSpans(kept)
		}
		if err != nil {
			return set, err
		}
	}
	if err := rows.Err(); err != nil {
		return set, err
	}
	rows.Close()
	since, err := q.QueryContext(ctx, finishedSince, int64(job), seq)
	if err != nil {
		return set, err
	}
	defer since.Close()
	for since.Next() {
		var position int
		if err := since.Scan(&position); err != nil {
			return set, err
		}
		if !waits.Contains(position) {
			set.Add(position)
		}
	}
	return set, since.Err()
}
