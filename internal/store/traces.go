package store

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

const (
	// Few columns, for the driver takes as long for one as SQLite for the row: position, standing, whether it failed and
	// whether it was the last in one number, worker and memory in another.
	traceFields = `SELECT (a.position << 4) + (a.standing << 2) + (CASE WHEN a.outcome IN ('failed', 'expired') THEN 2 ELSE 0 END)
		+ (CASE WHEN a.final <> 0 THEN 1 ELSE 0 END), (coalesce(a.worker, 0) << 31) + (a.memory & 2147483647), a.started,
	coalesce(a.seconds, 0) FROM attempts a `
	tracesAll      = traceFields + `WHERE a.job = ? ORDER BY a.seq`
	tracesAccepted = traceFields + `INDEXED BY attempts_accepted WHERE a.job = ? AND a.standing = 1 AND a.position `
	tracesOther    = traceFields + byOther + ` WHERE a.job = ? AND a.standing <> 1 AND a.position `

	newestAttempt = `SELECT coalesce(max(seq), 0) FROM attempts WHERE job = ?`
	wordGet       = `SELECT word FROM words WHERE id = ?`
)

// fewRuns is how many runs of positions are looked up as such; what is more scattered is looked up one by one.
const fewRuns = 256

// Traces hands on every try at the positions of a job, or at all of them with nil; those of one position come in the
// order they ended, but the accepted one may come first. newest is the Seq of the last attempt of the job.
func (d *db) Traces(ctx context.Context, id farm.JobID, positions *farm.Spans, each func(*farm.Trace)) (newest int64, err error) {
	err = d.look(ctx, func(q querier) error {
		j, err := job(ctx, q, id)
		if err != nil {
			return err
		}
		waits, err := postponed(ctx, q, id)
		if err != nil {
			return err
		}
		if err := one(ctx, q, newestAttempt, []any{int64(id)}, &newest); err != nil {
			return err
		}
		r := &traceReader{ctx: ctx, q: q, waits: &waits, words: make(map[int64]farm.WorkerID), each: each}
		switch {
		case positions == nil:
			err = r.read(tracesAll, int64(id))
		case positions.Len() <= fewRuns:
			for lo, hi := range positions.Runs() {
				if err == nil {
					err = r.both(`>= ? AND a.position < ?`, int64(id), int64(lo), int64(hi))
				}
			}
		case positions.Count()*8 > j.Total:
			r.only = positions
			err = r.read(tracesAll, int64(id))
		default:
			for part := range slices.Chunk(slices.Collect(positions.All()), handful) {
				args := []any{int64(id)}
				for _, p := range part {
					args = append(args, int64(p))
				}
				if err = r.both(`IN (`+marks(len(part))+`)`, args...); err != nil {
					break
				}
			}
		}
		return err
	})
	return newest, err
}

// one reads the only row of a query.
func one(ctx context.Context, q querier, query string, args []any, into ...any) error {
	return forEach(ctx, q, query, args, func(rows *sql.Rows) error { return rows.Scan(into...) })
}

type traceReader struct {
	ctx   context.Context
	q     querier
	waits *farm.Spans // accepted, but to be reset
	only  *farm.Spans // nil: all
	words map[int64]farm.WorkerID
	each  func(*farm.Trace)
}

// both reads the accepted attempts at positions, and then the others.
func (r *traceReader) both(where string, args ...any) error {
	err := r.read(tracesAccepted+where, args...)
	if err == nil {
		err = r.read(tracesOther+where+` ORDER BY a.position, a.seq`, args...)
	}
	return err
}

func (r *traceReader) read(query string, args ...any) error {
	type row struct {
		farm.Trace
		worker int64
	}
	var unnamed []row // no other query may run while rows are read
	name := func(v *row) {
		v.Worker = r.words[v.worker]
		r.each(&v.Trace)
	}
	var v row
	err := forEach(r.ctx, r.q, query, args, func(rows *sql.Rows) error {
		var at, by int64
		v.Trace = farm.Trace{}
		if err := rows.Scan(&at, &by, &v.Started, &v.Seconds); err != nil {
			return err
		}
		v.Position, v.Failed, v.worker, v.MemoryMB = int(at>>4), at&2 != 0, by>>31, int(by&math.MaxInt32)
		standing, final := at>>2&3, at&1 != 0
		if r.only != nil && !r.only.Contains(v.Position) {
			return nil
		}
		stands := !r.waits.Contains(v.Position)
		v.Accepted = standing == accepted && stands
		v.GaveUp = final && standing == counted && stands
		if _, known := r.words[v.worker]; known && len(unnamed) == 0 || v.worker == 0 && len(unnamed) == 0 {
			name(&v)
		} else {
			unnamed = append(unnamed, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range unnamed {
		w := unnamed[i].worker
		if _, known := r.words[w]; !known && w != 0 {
			var word string
			if err := one(r.ctx, r.q, wordGet, []any{w}, &word); err != nil {
				return err
			}
			r.words[w] = farm.WorkerID(word)
		}
		name(&unnamed[i])
	}
	return nil
}
