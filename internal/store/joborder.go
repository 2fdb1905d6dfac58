package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// jobOrder is what a list is sorted by: an expression that an index has, letter for letter.
type jobOrder struct {
	value string
	index string
	text  bool
}

var jobOrders = map[farm.JobSort]jobOrder{
	farm.ByID:       {`id`, ``, false},
	farm.ByCreated:  {`created`, `jobs_by_created`, false},
	farm.ByStarted:  {`started`, `jobs_by_started`, false},
	farm.ByEnded:    {`ended`, `jobs_by_ended`, false},
	farm.ByName:     {`search`, `jobs_by_name`, true},
	farm.ByOwner:    {`owner`, `jobs_by_owner`, true},
	farm.ByPriority: {`priority`, `jobs_by_priority`, false},
	farm.ByFrames:   {`total`, `jobs_by_frames`, false},
	farm.ByFailed:   {`failed`, `jobs_by_failed`, false},
	farm.ByState: {`CASE state WHEN 'active' THEN 0 WHEN 'queued' THEN 1 WHEN 'collecting' THEN 2 WHEN 'paused' THEN 3
    WHEN 'failed' THEN 4 WHEN 'canceled' THEN 5 ELSE 6 END`, `jobs_by_state`, false},
	farm.ByProgress: {`CASE WHEN total > 0 THEN 10000 * done / total ELSE 0 END`, `jobs_by_progress`, false},
	farm.ByMachine:  {`CAST(coalesce(machine, 0) AS INTEGER)`, `jobs_by_machine`, false},
}

// fewJobs is how many jobs are sorted rather than looked for in the order that an index has.
const fewJobs = 3000

// JobPage is a page of a list of jobs, sorted as the filter says, and how many it selects in all. It begins behind
// f.Behind where that is given, and else before f.Before; the text is looked for without regard to case.
func (d *db) JobPage(ctx context.Context, f farm.JobFilter) (p farm.JobPage, err error) {
	o, known := jobOrders[f.Sort]
	if !known {
		o, f.Sort, f.Rising = jobOrders[farm.ByID], farm.ByID, false
	}
	limit := max(f.Limit, 1)
	err = d.look(ctx, func(q querier) error {
		from, s := selection(&f)
		if f.Lean {
			return readPage(ctx, q, &s, &f, o, limit, &p)
		}
		few, err := collect(ctx, q, `SELECT id FROM `+from+s.where()+` LIMIT ?`, append(slices.Clone(s.args), fewJobs+1), func(rows *sql.Rows) (id any, err error) {
			return id, rows.Scan(&id)
		})
		if p.Total = len(few); err == nil && p.Total > fewJobs {
			few, err = nil, one(ctx, q, `SELECT count(*) FROM `+from+s.where(), s.args, &p.Total)
		}
		if err != nil || p.Total == 0 {
			return err
		}
		if few != nil {
			s = selected{}
			s.and(`gone = 0`)
			s.and(`id IN (`+marks(len(few))+`)`, few...)
			o.index = ``
		}
		return readPage(ctx, q, &s, &f, o, limit, &p)
	})
	return p, err
}

func readPage(ctx context.Context, q querier, s *selected, f *farm.JobFilter, o jobOrder, limit int, p *farm.JobPage) error {
	if f.Before > 0 {
		s.and(`id < ?`, int64(f.Before))
	}
	places, err := s.places(ctx, q, f, o, limit+1)
	if err != nil {
		return err
	}
	if len(places) > limit {
		places = places[:limit]
		p.After = &places[limit-1]
	}
	p.Jobs, err = jobsAt(ctx, q, places)
	return err
}

// selected is which jobs a list has.
type selected struct {
	conds []string
	args  []any
}

func (s *selected) and(condition string, args ...any) {
	s.conds, s.args = append(slices.Clip(s.conds), condition), append(slices.Clip(s.args), args...)
}

func (s *selected) where() string { return ` WHERE ` + strings.Join(s.conds, ` AND `) }

// selection is where the jobs of a filter are found, and how.
func selection(f *farm.JobFilter) (from string, s selected) {
	from = `jobs INDEXED BY jobs_list`
	if f.Inspect {
		from = `jobs INDEXED BY jobs_inspections`
	}
	s.and(`gone = 0`)
	s.and(inspects(f.Inspect))
	states := f.States
	if f.Scene != "" { // looked for by their ids: few jobs are of one scene
		from = `jobs NOT INDEXED`
		s.and(`id IN (SELECT job FROM specs WHERE blend = ?)`, f.Scene)
	} else if f.Owner != "" && len(states) == 0 {
		states = farm.JobStates() // the first word of the index
	}
	if len(states) > 0 {
		args := make([]any, len(states))
		for i, state := range states {
			args[i] = string(state)
		}
		s.and(`state IN (`+marks(len(args))+`)`, args...)
	}
	if f.Owner != "" {
		s.and(`owner = ?`, f.Owner)
	}
	if f.Text != "" {
		s.and(`search LIKE ? ESCAPE '\'`, `%`+escapeLike.Replace(strings.ToLower(f.Text))+`%`)
	}
	return from, s
}

// places finds where the jobs of a page are in the order: behind the cursor those of its value first, and then the rest,
// so that each is one walk along the index however many jobs have the same value.
func (s selected) places(ctx context.Context, q querier, f *farm.JobFilter, o jobOrder, limit int) (places []farm.JobCursor, err error) {
	read := func(query string, args []any) {
		if err != nil || len(places) == limit {
			return
		}
		var list []farm.JobCursor
		list, err = collect(ctx, q, query, append(slices.Clip(args), int64(limit-len(places))), func(rows *sql.Rows) (c farm.JobCursor, err error) {
			c.Sort, c.Rising = f.Sort, f.Rising
			if o.text {
				return c, rows.Scan(&c.ID, &c.Text)
			}
			return c, rows.Scan(&c.ID, &c.Number)
		})
		places = append(places, list...)
	}
	c := f.Behind
	if c != nil {
		value := any(c.Number)
		if o.text {
			value = c.Text
		}
		if o.value == `id` {
			value = int64(c.ID)
		} else {
			same := s
			same.and(o.value+` = ?`, value)
			same.and(`id`+beyond(f.Rising), int64(c.ID))
			read(same.walk(o, f.Rising, true), same.args)
		}
		s.and(o.value+beyond(f.Rising), value)
	}
	read(s.walk(o, f.Rising, false), s.args)
	return places, err
}

func beyond(rising bool) string {
	if rising {
		return ` > ?`
	}
	return ` < ?`
}

// walk reads ids and values along the order; same: all have one value.
func (s *selected) walk(o jobOrder, rising, same bool) string {
	direction, from, order := ` DESC`, `jobs NOT INDEXED`, ` ORDER BY `
	if rising {
		direction = ``
	}
	if o.index != `` {
		from = `jobs INDEXED BY ` + o.index
	}
	if !same && o.value != `id` {
		order += o.value + direction + `, `
	}
	return `SELECT id, ` + o.value + ` FROM ` + from + s.where() + order + `id` + direction + ` LIMIT ?`
}

// jobsAt reads jobs in the order of their places.
func jobsAt(ctx context.Context, q querier, places []farm.JobCursor) ([]farm.Job, error) {
	at := make(map[farm.JobID]int, len(places))
	jobs := make([]farm.Job, len(places))
	for i := range places {
		at[places[i].ID] = i
	}
	for part := range slices.Chunk(places, handful) {
		ids := make([]any, len(part))
		for i := range part {
			ids[i] = int64(part[i].ID)
		}
		list, err := collect(ctx, q, jobSelect+`j.id IN (`+marks(len(ids))+`)`, ids, scanJob)
		if err != nil {
			return nil, err
		}
		for i := range list {
			jobs[at[list[i].ID]] = list[i]
		}
	}
	// A job whose settings are lost has a row and no more.
	return slices.DeleteFunc(jobs, func(j farm.Job) bool { return j.ID == 0 }), nil
}
