package master

import (
	"context"
	"slices"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// A worker's id is no secret: whoever reads lists knows it. So each worker is tied to the token that registered it, and
// only that token, or an admin, speaks for it. Several workers may share a token; they trust one another then.

// speaks tells whether who may claim and report as the worker. A worker from before tokens were noted is anybody's who
// may be a worker, until it registers.
func (w *worker) speaks(who Identity) bool {
	return who.Role == farm.RoleAdmin || w.Token == who.Token || w.Token == ""
}

// speaks is the same by the worker's id; nobody speaks for one that is not there.
func (e *engine) speaks(who Identity, id farm.WorkerID) bool {
	w := e.workers[id]
	return w != nil && w.speaks(who)
}

// takeOver ties the worker to who registers it. One whose token lives is given to another token only by an admin's word:
// see entrust. That its token was revoked is an admin's word, too.
func (e *engine) takeOver(w *worker, who Identity) error {
	switch {
	case w.Token == "" || w.Token == who.Token || !e.m.auth.lives(w.Token):
		w.Token = who.Token
	case who.Role == farm.RoleAdmin: // speaks for it, but does not take it
	default:
		return farm.Errorf(farm.Denied, "worker %s was registered with another token, which is still valid", w.Name).
			WithHint("let it in again with netrender pair --again --role worker on that machine, or revoke the other token")
	}
	return nil
}

// entrust gives the worker to the token, at an admin's word. It is nothing when there is no such worker.
func (e *engine) entrust(id farm.WorkerID, token string) {
	if w := e.workers[id]; w != nil && w.Token != token {
		w.Token = token
		e.keepWorker(w)
	}
}

// silence takes back what the workers of a revoked token hold: they will not report any more.
func (e *engine) silence(token string) {
	for _, w := range e.workers {
		if w.Token != token {
			continue
		}
		for _, l := range w.leases {
			e.giveBack(l)
		}
		for id, l := range e.lapsed {
			if l.Worker == w.ID {
				delete(e.lapsed, id)
			}
		}
		w.order()
		if w.online {
			e.gone(w)
		}
	}
}

// MayFetch hides from a worker's token the bytes of files that no job leased to it has.
func (m *Master) MayFetch(ctx context.Context, who Identity, ref blob.Ref) error {
	if who.Role == farm.RoleAdmin {
		return nil
	}
	jobs, err := m.leasedTo(ctx, who)
	if err != nil {
		return err
	}
	for _, id := range jobs {
		if path, err := m.opt.Store.PathOf(ctx, id, ref.String()); err != nil || path != "" {
			return err
		}
	}
	return farm.Errorf(farm.NotFound, "no job that is leased to you has this file")
}

// MaySee hides from a worker's token a job that is not leased to it. Other roles see every job.
func (m *Master) MaySee(ctx context.Context, who Identity, id farm.JobID) error {
	if who.Role.Includes(farm.RoleView) {
		return nil
	}
	jobs, err := m.leasedTo(ctx, who)
	if err == nil && !slices.Contains(jobs, id) {
		err = farm.Errorf(farm.NotFound, "job %d is not leased to you", id)
	}
	return err
}

// leasedTo lists the jobs of which the token's workers hold leases, or did until they fell silent.
func (m *Master) leasedTo(ctx context.Context, who Identity) ([]farm.JobID, error) {
	return ask(ctx, m, func(e *engine) (jobs []farm.JobID, err error) {
		add := func(l *lease) {
			if !slices.Contains(jobs, l.Job) {
				jobs = append(jobs, l.Job)
			}
		}
		for _, w := range e.workers {
			if len(w.leases) > 0 && w.speaks(who) {
				for _, l := range w.leases {
					add(l)
				}
			}
		}
		for _, l := range e.lapsed {
			if e.speaks(who, l.Worker) {
				add(l)
			}
		}
		return jobs, nil
	})
}
