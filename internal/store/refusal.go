package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/netrender/netrender/internal/farm"
)

const (
	refusalsPut  = `INSERT INTO refusals (job, workers) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET workers = excluded.workers`
	refusalsGet  = `SELECT workers FROM refusals WHERE job = ?`
	refusalsDrop = `DELETE FROM refusals WHERE job = ?`
)

func (b *batch) refusalsSet(job farm.JobID, workers []farm.WorkerID) error {
	if len(workers) == 0 {
		_, err := b.w.exec(refusalsDrop, int64(job))
		return err
	}
	text, err := json.Marshal(workers)
	if err == nil {
		_, err = b.w.exec(refusalsPut, int64(job), string(text))
	}
	return err
}

// refusals reads the workers that are not to get the job.
func refusals(ctx context.Context, q querier, job farm.JobID) (workers []farm.WorkerID, err error) {
	_, err = collect(ctx, q, refusalsGet, []any{int64(job)}, func(rows *sql.Rows) (text []byte, err error) {
		if err = rows.Scan(&text); err == nil {
			err = decodeJSON(text, &workers, "refusals of job %d", job)
		}
		return text, err
	})
	return workers, err
}
