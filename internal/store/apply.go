package store

import (
	"context"

	"github.com/netrender/netrender/internal/farm"
)

// batch gathers changes that can wait for the end of the transaction, so that rows are written together and a
// thing that changes twice is written once. What is gathered never depends on the order it is written in: of leases
// and marks the last of each stands; attempts and resets push one another out.
type batch struct {
	w        *writer
	doomed   map[farm.JobID]int // place of the last deletion of a job: what comes before it need not be written
	leases   leaseBatch
	attempts []tried
	resets   map[farm.JobID]*farm.Spans
	marks    map[farm.JobID]*farm.JobMark
	unfinish map[farm.JobID]*farm.Spans // positions to take out of the kept set of finished ones
	swept    bool                       // there is something to sweep
	sums     map[sumKey]farm.StatSum    // to be added
	resum    map[farm.JobID]struct{}    // jobs whose sums are to be made anew
}

// Apply makes the changes in one transaction, in order, and returns when they are durable. On an error none was
// made and the store can be used further.
func (d *db) Apply(ctx context.Context, changes []farm.Change) error {
	if len(changes) == 0 {
		return nil
	}
	b := &batch{w: d.w}
	for i, c := range changes {
		if del, ok := c.(farm.JobDelete); ok {
			if b.doomed == nil {
				b.doomed = make(map[farm.JobID]int)
			}
			b.doomed[del.ID] = i
		}
	}
	err := d.w.transact(ctx, func() error {
		for i, c := range changes {
			if job, of := jobOf(c); of && b.doomed != nil {
				if last, ok := b.doomed[job]; ok && i < last {
					switch c.(type) {
					case farm.JobAdd, farm.JobHold: // its number is used up all the same
						if err := b.nextJob(job + 1); err != nil {
							return err
						}
					case farm.FrameDone, farm.FrameTried: // what was rendered stays in the sums
						if err := b.sumDoomed(c); err != nil {
							return err
						}
					}
					continue
				}
			}
			if err := b.apply(c); err != nil {
				return err
			}
		}
		return b.flush()
	})
	if err != nil {
		return d.fault(err)
	}
	if b.swept {
		d.sweep.poke()
	}
	return nil
}

// jobOf tells which job's rows a change is about.
func jobOf(c farm.Change) (farm.JobID, bool) {
	switch c := c.(type) {
	case farm.JobAdd:
		return c.Job.ID, true
	case farm.JobHold:
		return c.ID, true
	case farm.JobSet:
		return c.Job.ID, true
	case farm.JobMark:
		return c.ID, true
	case farm.LeaseAdd:
		return c.Lease.Job, true
	case farm.FrameDone:
		return c.Attempt.Job, true
	case farm.FrameTried:
		return c.Attempt.Job, true
	case farm.LapseUndone:
		return c.Job, true
	case farm.FrameReset:
		return c.Job, true
	case farm.FilesPut:
		return c.Job, true
	case farm.JobLost:
		return c.ID, true
	}
	return 0, false
}

func (b *batch) apply(c farm.Change) error {
	switch c := c.(type) {
	case farm.JobAdd:
		return b.jobAdd(&c)
	case farm.JobHold:
		return b.jobHold(c.ID)
	case farm.JobSet:
		if err := b.flushMark(c.Job.ID); err != nil {
			return err
		}
		return b.jobSet(&c.Job)
	case farm.JobMark:
		b.mark(&c)
	case farm.JobDelete:
		if err := b.flush(); err != nil {
			return err
		}
		return b.jobDelete(c.ID)
	case farm.LeaseAdd:
		b.leases.put(c.Lease.ID, &c.Lease)
	case farm.LeaseEnd:
		b.leases.put(c.ID, nil)
	case farm.FrameDone:
		return b.try(tried{&c.Attempt, accepted})
	case farm.FrameTried:
		return b.try(tried{&c.Attempt, standingOf(c.Attempt.Outcome)})
	case farm.LapseUndone:
		return b.lapseUndone(&c)
	case farm.FrameReset:
		return b.reset(c.Job, &c.Positions)
	case farm.FilesPut:
		return b.filesPut(&c)
	case farm.WorkerSet:
		return b.workerSet(&c.Worker)
	case farm.WorkerDelete:
		_, err := b.w.exec(departs, string(c.ID))
		if err == nil {
			_, err = b.w.exec(workerDelete, string(c.ID))
		}
		return err
	case farm.TokenSet:
		return b.tokenSet(&c.Token)
	case farm.TokenDelete:
		_, err := b.w.exec(tokenDelete, c.ID)
		return err
	case farm.LoginSet:
		return b.loginSet(&c.Login)
	case farm.LoginDelete:
		_, err := b.w.exec(loginDelete, c.ID)
		return err
	case farm.AuditAdd:
		return b.auditAdd(&c.Audit)
	case farm.AuditTrim:
		return b.auditTrim(&c)
	case farm.RulesSet:
		return b.rulesSet(&c.Rules)
	case farm.CleaningSet:
		return b.cleaningSet(&c.Cleaning)
	case farm.JobLost:
		return b.jobLost(&c)
	case farm.TargetSet:
		return b.targetSet(&c.Target)
	case farm.TargetDelete:
		return b.targetDelete(c.ID)
	case farm.PendingAdd:
		return b.pendingAdd(&c.Pending)
	case farm.PendingEnd:
		return b.pendingEnd(&c)
	default:
		return farm.Errorf(farm.Internal, "the store does not know how to keep a %T", c)
	}
	return nil
}

// flush writes all that was gathered.
func (b *batch) flush() error {
	for _, f := range []func() error{b.flushAttempts, b.flushResets, b.flushMarks, b.flushFinished, b.flushLeases, b.flushSums} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
