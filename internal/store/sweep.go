package store

import (
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	jobGone    = `UPDATE jobs SET gone = 1 WHERE id = ?`
	jobsUnmade = `UPDATE jobs SET gone = 1 WHERE gone = 2`
	leasesDrop = `DELETE FROM leases WHERE job = ?`
	goneNext   = `SELECT id FROM jobs WHERE gone = 1 ORDER BY id LIMIT 1`
	jobDrop    = `DELETE FROM jobs WHERE id = ?`

	attemptsSome = `DELETE FROM attempts WHERE job = ? AND seq <=
		(SELECT max(seq) FROM (SELECT seq FROM attempts WHERE job = ? ORDER BY seq LIMIT 1000) AS part)`
	filesSome = `DELETE FROM files WHERE job = ? AND path <=
		(SELECT max(path) FROM (SELECT path FROM files WHERE job = ? ORDER BY path LIMIT 1000) AS part)`
)

// sweepPause lets others write between two pieces, and keeps the disk free for them.
const sweepPause = 10 * time.Millisecond

// jobDelete hides the job from all readers at once. Its many rows go later, piece by piece.
func (b *batch) jobDelete(id farm.JobID) error {
	b.swept = true
	delete(b.w.held, id)
	for _, query := range []string{leasesDrop, resetsDrop, refusalsDrop} {
		if _, err := b.w.exec(query, int64(id)); err != nil {
			return err
		}
	}
	_, err := b.w.exec(jobGone, int64(id))
	return err
}

// sweeper removes the rows of deleted jobs and carries out large resets, in the background.
type sweeper struct {
	w    *writer
	wake chan struct{} // holds at most one
	quit chan struct{}
	done sync.WaitGroup
}

func newSweeper(w *writer) *sweeper {
	s := &sweeper{w: w, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	// Jobs that were being put in when the last process ended are none. An error is no harm, as below.
	_ = w.transact(unbroken, func() error {
		_, err := w.exec(jobsUnmade)
		return err
	})
	s.done.Go(s.run)
	s.poke() // what an earlier process left
	return s
}

func (s *sweeper) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sweeper) stop() {
	close(s.quit)
	s.done.Wait()
}

func (s *sweeper) run() {
	for {
		select {
		case <-s.wake:
		case <-s.quit:
			return
		}
		for {
			// An error, as a full disk, is no harm: the next deletion or start goes on with it.
			if more, err := s.piece(); err != nil || !more {
				break
			}
			select {
			case <-time.After(sweepPause):
			case <-s.quit:
				return
			}
		}
	}
}

// piece removes some rows of one deleted job, and the job itself when none are left; with no such job it carries out
// a part of a reset.
func (s *sweeper) piece() (more bool, err error) {
	err = s.w.transact(unbroken, func() error {
		var id farm.JobID
		if more, err = s.w.row(goneNext, nil, &id); err != nil {
			return err
		}
		if !more {
			more, err = s.w.carryOutNext()
			return err
		}
		for _, query := range []string{attemptsSome, filesSome} {
			if n, err := s.w.exec(query, int64(id), int64(id)); err != nil || n > 0 {
				return err
			}
		}
		_, err := s.w.exec(jobDrop, int64(id))
		return err
	})
	return more, err
}
