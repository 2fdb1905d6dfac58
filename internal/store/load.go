package store

import (
	"context"

	"github.com/netrender/netrender/internal/farm"
)

// Load counts the start durably, to at least least, and returns everything that still moves.
func (d *db) Load(ctx context.Context, least int64) (farm.State, error) {
	var s farm.State
	err := d.w.transact(ctx, func() (err error) {
		if s.Epoch, err = d.w.metaNumber(metaEpoch); err != nil {
			return err
		}
		s.Epoch = max(s.Epoch+1, least)
		if err := d.w.metaSetNumber(metaEpoch, s.Epoch); err != nil {
			return err
		}
		next, err := d.w.metaNumber(metaNextJob)
		if err != nil {
			return err
		}
		s.NextJob = farm.JobID(max(next, 1))
		if s.Rules, s.HasRule, err = d.w.rules(); err != nil {
			return err
		}
		s.Cleaning, err = d.w.cleaning()
		return err
	})
	if err != nil {
		return farm.State{}, d.fault(err)
	}
	err = d.look(ctx, func(q querier) error {
		jobs, err := collect(ctx, q, jobsOpen, nil, scanJob)
		if err != nil {
			return err
		}
		for i := range jobs {
			l, err := load(ctx, q, jobs[i])
			if err != nil {
				return err
			}
			s.Jobs = append(s.Jobs, l)
		}
		if s.Leases, err = d.leases(ctx, q); err != nil {
			return err
		}
		if s.Workers, err = d.workers(ctx, q); err != nil {
			return err
		}
		if s.Tokens, err = d.tokens(ctx, q); err != nil {
			return err
		}
		if s.Logins, err = d.logins(ctx, q); err != nil {
			return err
		}
		if s.Targets, err = d.targets(ctx, q); err != nil {
			return err
		}
		s.Pending, err = d.pending(ctx, q)
		return err
	})
	if err != nil {
		return farm.State{}, err
	}
	return s, nil
}

// LoadJob returns one job as Load does, also when it has ended.
func (d *db) LoadJob(ctx context.Context, id farm.JobID) (l farm.JobLoad, err error) {
	err = d.look(ctx, func(q querier) error {
		j, err := job(ctx, q, id)
		if err == nil {
			l, err = load(ctx, q, j)
		}
		return err
	})
	return l, err
}

const attemptsCounted = failedSelect + `a.job = ? AND a.outcome <> 'done' AND a.standing = 2 ORDER BY a.seq`

func load(ctx context.Context, q querier, j farm.Job) (l farm.JobLoad, err error) {
	l.Job = j
	waits, err := postponed(ctx, q, j.ID)
	if err != nil {
		return l, err
	}
	if l.Refused, err = refusals(ctx, q, j.ID); err != nil {
		return l, err
	}
	if l.Finished, err = finished(ctx, q, j.ID, &waits); err != nil {
		return l, err
	}
	tries, err := collect(ctx, q, attemptsCounted, []any{int64(j.ID)}, anAttempt)
	for i := range tries {
		if p := tries[i].Position; !l.Finished.Contains(p) && !waits.Contains(p) {
			l.Tried = append(l.Tried, tries[i])
		}
	}
	return l, err
}
