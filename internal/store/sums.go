package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// sumKey is what a row of sums is of.
type sumKey struct {
	day    int
	job    farm.JobID
	worker int64
}

const (
	sumColumns = `day, job, worker, seconds, done, failed, expired`
	sumsOf     = ` SELECT ended / 86400000000, job, coalesce(worker, 0), sum(CASE WHEN seconds > 1000000 THEN 1000000 WHEN seconds > 0 THEN seconds ELSE 0 END),
		count(*) FILTER (WHERE outcome = 'done'), count(*) FILTER (WHERE outcome = 'failed'), count(*) FILTER (WHERE outcome = 'expired') FROM attempts
		WHERE outcome IN ('done', 'failed', 'expired') AND job = ? AND seq > (SELECT after FROM summed WHERE job = ?) GROUP BY 1, 2, 3`
	sumsAgain   = `INSERT INTO sums (` + sumColumns + `)` + sumsOf
	sumsDrop    = `DELETE FROM sums WHERE job = ?`
	summedThere = `SELECT job FROM summed WHERE job = ?`
	summedOf    = `SELECT j.owner, j.search, coalesce(s.spec, ''), j.inspect FROM jobs j LEFT JOIN specs s ON s.job = j.id WHERE j.id = ?`
	summedAdd   = `INSERT INTO summed (job, name, owner) VALUES (?, ?, ?) ON CONFLICT (job) DO NOTHING`
	summedSet   = `UPDATE summed SET name = ?, owner = ? WHERE job = ?`
	summedAfter = `UPDATE summed SET after = max(after, coalesce((SELECT max(seq) FROM attempts WHERE job = ?), 0)) WHERE job = ?`
	departs     = `INSERT INTO departed (id, name) SELECT id, name FROM workers WHERE id = ?
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`
)

var sumAdd = manyRows(7, insertMany+`sums (`+sumColumns+`) VALUES `, `(?, ?, ?, ?, ?, ?, ?)`,
	` ON CONFLICT (day, job, worker) DO UPDATE SET seconds = seconds + excluded.seconds, done = done + excluded.done,
	failed = failed + excluded.failed, expired = expired + excluded.expired`)

// sum counts an attempt. Sums are written once at the end of the batch.
func (b *batch) sum(t *tried, worker any) {
	if b.w.held[t.Job] {
		return
	}
	one := farm.StatSum{Seconds: min(max(t.Seconds, 0), 1e6)}
	if !(one.Seconds >= 0) {
		one.Seconds = 0
	}
	switch t.Outcome {
	case farm.Rendered:
		one.Done = 1
	case farm.Errored:
		one.Failed = 1
	case farm.Expired:
		one.Expired = 1
	default:
		return
	}
	id, _ := worker.(int64)
	if b.sums == nil {
		b.sums = make(map[sumKey]farm.StatSum)
	}
	key := sumKey{farm.DayOf(kept(t.Ended)), t.Job, id}
	have := b.sums[key]
	have.Seconds += one.Seconds
	have.Done += one.Done
	have.Failed += one.Failed
	have.Expired += one.Expired
	b.sums[key] = have
}

// sumDoomed counts an attempt of a job that the same batch deletes, unless it was deleted before.
func (b *batch) sumDoomed(c farm.Change) error {
	var t tried
	switch c := c.(type) {
	case farm.FrameDone:
		t.Attempt = &c.Attempt
	case farm.FrameTried:
		t.Attempt = &c.Attempt
	}
	gone := true
	if found, err := b.w.row(jobThere, []any{int64(t.Job)}, &gone); err != nil || !found || gone {
		return err
	}
	worker, err := b.w.wordID(string(t.Worker))
	if err == nil {
		b.sum(&t, worker)
	}
	return err
}

// kept is the time as it is kept.
func kept(t time.Time) time.Time { return time.UnixMicro(micros(t)) }

// sumAgain has the sums of a job made anew from its attempts: some of the batch were there before.
func (b *batch) sumAgain(job farm.JobID) {
	if b.resum == nil {
		b.resum = make(map[farm.JobID]struct{})
	}
	b.resum[job] = struct{}{}
}

func (b *batch) flushSums() error {
	if len(b.sums) == 0 && len(b.resum) == 0 {
		return nil
	}
	args := make([]any, 0, 7*len(b.sums))
	for k, s := range b.sums {
		if _, again := b.resum[k.job]; again {
			continue
		}
		if counts, err := b.summed(k.job); err != nil {
			return err
		} else if !counts {
			continue
		}
		args = append(args, int64(k.day), int64(k.job), k.worker, s.Seconds, s.Done, s.Failed, s.Expired)
	}
	if err := sumAdd.run(b.w, args, nil); err != nil {
		return err
	}
	for job := range b.resum {
		if b.w.held[job] {
			continue
		}
		if counts, err := b.summed(job); err != nil {
			return err
		} else if !counts {
			continue
		}
		if _, err := b.w.exec(sumsDrop, int64(job)); err != nil {
			return err
		}
		if _, err := b.w.exec(sumsAgain, int64(job), int64(job)); err != nil {
			return err
		}
	}
	clear(b.sums)
	clear(b.resum)
	return nil
}

// summed sees to it that the job's name is kept with its sums. An inspection has none: it counts for nothing.
func (b *batch) summed(job farm.JobID) (counts bool, err error) {
	if b.w.named[job] {
		return true, nil
	}
	if len(b.w.named) > 10_000 {
		clear(b.w.named)
	}
	found, err := b.w.row(summedThere, []any{int64(job)}, new(int64))
	if err == nil && !found {
		var owner, name, spec string
		var inspect bool
		if found, err = b.w.row(summedOf, []any{int64(job)}, &owner, &name, &spec, &inspect); err == nil && found {
			if inspect {
				return false, nil
			}
			var s farm.JobSpec
			if json.Unmarshal([]byte(spec), &s) == nil && s.Name != "" { // else the name in lower case does
				name = s.Name
			}
			_, err = b.w.exec(summedAdd, int64(job), name, owner)
		}
	}
	if err == nil {
		b.w.named[job] = true
	}
	return true, err
}

// imported leaves what came with an archive out of the sums: it was rendered elsewhere, or is counted already.
func (b *batch) imported(job farm.JobID) error {
	if !b.w.held[job] {
		return nil
	}
	delete(b.w.held, job)
	if counts, err := b.summed(job); err != nil || !counts {
		return err
	}
	_, err := b.w.exec(summedAfter, int64(job), int64(job))
	return err
}

// Statistics reads sums, by the filter's keys.
func (d *db) Statistics(ctx context.Context, f farm.StatFilter) (list []farm.StatRow, total farm.StatSum, err error) {
	by := func(k farm.StatKey) bool { return slices.Contains(f.By, k) }
	pick := func(k farm.StatKey, column, zero string) string {
		if by(k) {
			return column
		}
		return zero
	}
	var group []string
	columns := []string{
		pick(farm.PerDay, `s.day`, `0`), pick(farm.PerJob, `s.job`, `0`), pick(farm.PerJob, `coalesce(max(j.name), '')`, `''`),
		pick(farm.PerOwner, `coalesce(j.owner, '')`, `''`), pick(farm.PerWorker, `coalesce(max(w.word), '')`, `''`),
		pick(farm.PerWorker, `coalesce(max(k.name), max(g.name), '')`, `''`),
	}
	for key, column := range map[farm.StatKey]string{farm.PerDay: `s.day`, farm.PerJob: `s.job`, farm.PerOwner: `coalesce(j.owner, '')`, farm.PerWorker: `s.worker`} {
		if by(key) {
			group = append(group, column)
		}
	}
	slices.Sort(group)
	order := ` ORDER BY 7 DESC, 1, 2, 4, 5`
	if by(farm.PerDay) {
		order = ` ORDER BY 1, 7 DESC, 2, 4, 5`
	}
	const sums = `coalesce(sum(s.seconds), 0.0), coalesce(sum(s.done), 0), coalesce(sum(s.failed), 0), coalesce(sum(s.expired), 0)`
	query := `SELECT ` + strings.Join(columns, ", ") + `, ` + sums + ` FROM sums s`
	if by(farm.PerJob) || by(farm.PerOwner) {
		query += ` LEFT JOIN summed j ON j.job = s.job`
	}
	if by(farm.PerWorker) {
		query += ` LEFT JOIN words w ON w.id = s.worker LEFT JOIN workers k ON k.id = w.word LEFT JOIN departed g ON g.id = w.word`
	}
	query += ` WHERE s.day BETWEEN ? AND ? GROUP BY ` + strings.Join(group, ", ") + order + ` LIMIT ?`
	err = d.look(ctx, func(q querier) error {
		args := []any{int64(f.From), int64(f.To)}
		list, err = collect(ctx, q, query, append(slices.Clone(args), int64(max(f.Limit, 1))), func(rows *sql.Rows) (r farm.StatRow, err error) {
			var day int
			err = rows.Scan(&day, &r.Job, &r.JobName, &r.Owner, &r.Worker, &r.WorkerName, &r.Seconds, &r.Done, &r.Failed, &r.Expired)
			if by(farm.PerDay) {
				r.Day = farm.DayText(day)
			}
			return r, err
		})
		if err != nil {
			return err
		}
		return forEach(ctx, q, `SELECT `+sums+` FROM sums s WHERE s.day BETWEEN ? AND ?`, args, func(rows *sql.Rows) error {
			return rows.Scan(&total.Seconds, &total.Done, &total.Failed, &total.Expired)
		})
	})
	return list, total, err
}

const (
	// One query by the index of all attempts of a worker, one by that of the few that failed.
	workerTries = `SELECT a.seq, a.job, a.frame, a.position, a.number, a.lease, coalesce(w.word, ''), a.outcome,
		coalesce(a.error, ''), a.started, a.ended, coalesce(a.seconds, 0), a.memory, coalesce(i.word, ''), a.results, a.final, a.warnings,
		coalesce(n.name, '') FROM attempts a INDEXED BY `
	workerTriesOf = ` CROSS JOIN jobs j ON j.id = a.job AND j.gone = 0 AND j.inspect = 0 LEFT JOIN summed n ON n.job = a.job LEFT JOIN words w ON w.id = a.worker
		LEFT JOIN words i ON i.id = a.install WHERE a.worker = (SELECT id FROM words WHERE word = ?) AND a.seq < ?`
	workerAll    = workerTries + `attempts_worker` + workerTriesOf + ` ORDER BY a.seq DESC LIMIT ?`
	workerFailed = workerTries + `attempts_worker_failed` + workerTriesOf + ` AND a.outcome <> 'done' AND a.outcome IN ('failed', 'expired')
		ORDER BY a.seq DESC LIMIT ?`
)

// WorkerAttempts lists attempts of a worker, of all jobs that are there, the newest first.
func (d *db) WorkerAttempts(ctx context.Context, f farm.WorkerAttemptFilter) (list []farm.WorkerAttempt, err error) {
	query := workerAll
	if f.Failed {
		query = workerFailed
	}
	if f.Before <= 0 {
		f.Before = 1<<63 - 1
	}
	err = d.look(ctx, func(q querier) error {
		list, err = collect(ctx, q, query, []any{string(f.Worker), f.Before, int64(max(f.Limit, 1))}, func(rows *sql.Rows) (a farm.WorkerAttempt, err error) {
			a.Attempt, err = scanAttempt(rows, &a.JobName)
			return a, err
		})
		return err
	})
	return list, err
}
