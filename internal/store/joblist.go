package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

const jobSelect = `SELECT j.id, j.owner, j.owner_id, j.state, j.reason, j.created, j.started, j.ended, s.scene, s.folder, s.spec, s.removed,
	j.total, j.done, j.failed, j.running, j.dispatched, coalesce(j.seconds, 0), j.missing, coalesce(j.machine, 0)
	FROM jobs j JOIN specs s ON s.job = j.id WHERE j.gone = 0 AND `

const (
	jobGet   = jobSelect + `j.id = ?`
	jobByKey = `SELECT id FROM jobs WHERE key = ? AND gone = 0`
	jobsOpen = jobSelect + `j.state IN ('collecting', 'queued', 'active', 'paused') ORDER BY j.id`
)

func scanJob(rows *sql.Rows) (j farm.Job, err error) {
	var spec, removed []byte
	var created, started, ended int64
	p := &j.Progress
	err = rows.Scan(&j.ID, &j.Owner, &j.OwnerID, &j.State, &j.Reason, &created, &started, &ended, &j.Scene, &j.Folder, &spec, &removed,
		&p.Total, &p.Done, &p.Failed, &p.Running, &p.Dispatched, &p.Seconds, &p.Missing, &p.Machine)
	if err != nil {
		return j, err
	}
	j.Created, j.Started, j.Ended = moment(created), moment(started), moment(ended)
	if len(removed) > 0 {
		if err := decodeJSON(removed, &j.Removed, "removals of job %d", j.ID); err != nil {
			return j, err
		}
	}
	return j, decodeJSON(spec, &j.JobSpec, "settings of job %d", j.ID)
}

func job(ctx context.Context, q querier, id farm.JobID) (farm.Job, error) {
	list, err := collect(ctx, q, jobGet, []any{int64(id)}, scanJob)
	if err == nil && len(list) == 0 {
		err = farm.Errorf(farm.NotFound, "there is no job %d", id).WithHint("netrender jobs lists them")
	}
	if err != nil {
		return farm.Job{}, err
	}
	return list[0], nil
}

// Job returns a job as it was last written.
func (d *db) Job(ctx context.Context, id farm.JobID) (farm.Job, error) {
	j, err := job(ctx, d.reads, id)
	return j, d.fault(err)
}

// JobByKey returns the job that was submitted with the key.
func (d *db) JobByKey(ctx context.Context, key string) (farm.JobID, error) {
	list, err := collect(ctx, d.reads, jobByKey, []any{key}, func(rows *sql.Rows) (id farm.JobID, err error) {
		return id, rows.Scan(&id)
	})
	if err == nil && len(list) == 0 {
		err = farm.Errorf(farm.NotFound, "no job was submitted with the key %.80q", key)
	}
	if err != nil {
		return 0, d.fault(err)
	}
	return list[0], nil
}

// Jobs lists jobs, newest first. The text of the filter is looked for in names without regard to case.
func (d *db) Jobs(ctx context.Context, f farm.JobFilter) ([]farm.Job, error) {
	// One look-up for each state, each newest first and bounded: a list of the few failed jobs among many done
	// ones costs no more than any other.
	states := f.States
	if len(states) == 0 {
		states = []farm.JobState{""}
	}
	var parts []string
	var args []any
	for _, state := range states {
		where, from := []string{`gone = 0`, inspects(f.Inspect)}, `jobs`
		order := `id`
		and := func(condition string, arg any) { where, args = append(where, condition), append(args, arg) }
		if f.Scene != "" { // the join is kept in this order: few jobs are of one scene
			from = `specs CROSS JOIN jobs ON id = job`
			order = `job`
			and(`blend = ?`, f.Scene)
		}
		if state != "" {
			and(`state = ?`, string(state))
		}
		if f.Owner != "" {
			and(`owner = ?`, f.Owner)
		}
		if f.Text != "" {
			and(`search LIKE ? ESCAPE '\'`, `%`+escapeLike.Replace(strings.ToLower(f.Text))+`%`)
		}
		if f.Before > 0 {
			and(`id < ?`, int64(f.Before))
		}
		args = append(args, int64(max(f.Limit, 1)))
		parts = append(parts, `SELECT id FROM (SELECT id FROM `+from+` WHERE `+strings.Join(where, ` AND `)+` ORDER BY `+order+` DESC LIMIT ?) AS part`)
	}
	query := jobSelect + `j.id IN (` + strings.Join(parts, ` UNION `) + `) ORDER BY j.id DESC LIMIT ?`
	list, err := collect(ctx, d.reads, query, append(args, int64(max(f.Limit, 1))), scanJob)
	return list, d.fault(err)
}

// inspects selects inspections, or jobs alone.
func inspects(wanted bool) string {
	if wanted {
		return `inspect = 1`
	}
	return `inspect = 0`
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
