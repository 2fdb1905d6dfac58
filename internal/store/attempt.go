package store

import (
	"encoding/json"
	"math"

	"github.com/netrender/netrender/internal/farm"
)

// What an attempt counts for.
const (
	history  = int64(iota)
	accepted // the result of its frame
	counted  // a failure of a frame, as long as the frame is not finished
)

func standingOf(o farm.Outcome) int64 {
	if o == farm.Errored || o == farm.Expired {
		return counted
	}
	return history
}

type tried struct {
	*farm.Attempt
	standing int64
}

const attemptColumns = `job, seq, standing, position, frame, number, lease, worker, outcome, final, started, ended,
	seconds, memory, install, error, results, warnings`

var attemptAdd = manyRows(18, insertMany+`attempts (`+attemptColumns+`) VALUES `,
	`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ` ON CONFLICT DO NOTHING`)

const (
	attemptThere    = `SELECT lease, position FROM attempts WHERE job = ? AND seq = ?`
	attemptAccepted = `SELECT seq, lease FROM attempts WHERE job = ? AND position = ? AND standing = 1`
	attemptStand    = `UPDATE attempts SET standing = ? WHERE job = ? AND seq = ?`
	attemptUndone   = `UPDATE attempts SET standing = 0 WHERE job = ? AND position >= ? AND position < ? AND standing <> 1
		AND standing = 2 AND outcome = 'expired' AND lease = ?`
)

func (b *batch) try(t tried) error {
	if err := b.flushResets(); err != nil {
		return err
	}
	b.attempts = append(b.attempts, t)
	return nil
}

// lapseUndone makes the expired attempts of a lease history.
func (b *batch) lapseUndone(c *farm.LapseUndone) error {
	if err := b.flushAttempts(); err != nil {
		return err
	}
	for lo, hi := range c.Positions.Runs() {
		if _, err := b.w.exec(attemptUndone, int64(c.Job), int64(lo), int64(hi), int64(c.Lease)); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) flushAttempts() error {
	if len(b.attempts) == 0 {
		return nil
	}
	list := b.attempts
	b.attempts = nil
	if err := b.catchUp(list); err != nil {
		return err
	}
	args := make([]any, 0, 18*len(list))
	workers := make([]any, len(list))
	for i := range list {
		t := &list[i]
		worker, err := b.w.wordID(string(t.Worker))
		if err != nil {
			return err
		}
		workers[i] = worker
		install, err := b.w.wordID(t.Install)
		if err != nil {
			return err
		}
		results, err := listOrNull(t.Results)
		if err != nil {
			return err
		}
		warnings, err := listOrNull(t.Warnings)
		if err != nil {
			return err
		}
		args = append(args, int64(t.Job), t.Seq, t.standing, int64(t.Position), int64(t.Frame), int64(t.Number),
			int64(t.Lease), worker, string(t.Outcome), bit(t.Final), micros(t.Started), micros(t.Ended),
			number(t.Seconds), int64(t.MemoryMB), install, orNull(t.Error), results, warnings)
	}
	err := attemptAdd.run(b.w, args, func(from, to int) error {
		for i := from; i < to; i++ {
			if err := b.again(&list[i]); err != nil {
				return err
			}
			b.sumAgain(list[i].Job)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range list {
		b.sum(&list[i], workers[i])
	}
	return nil
}

// listOrNull is the list as JSON, or NULL when it is empty.
func listOrNull[T any](list []T) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// again settles an attempt that may have been left out because of what is there: itself, when a batch is applied
// twice, or another accepted result of its frame. It finds the rows that went in unchanged.
func (b *batch) again(t *tried) error {
	var lease, position, seq int64
	there, err := b.w.row(attemptThere, []any{int64(t.Job), t.Seq}, &lease, &position)
	if err != nil {
		return err
	}
	if there && (lease != int64(t.Lease) || position != int64(t.Position)) {
		return farm.Errorf(farm.Internal, "two attempts of job %d have the number %d", t.Job, t.Seq)
	}
	if t.standing == accepted {
		taken, err := b.w.row(attemptAccepted, []any{int64(t.Job), int64(t.Position)}, &seq, &lease)
		switch {
		case err != nil:
			return err
		case taken && seq == t.Seq:
			return nil
		case taken && !there && lease == int64(t.Lease):
			return nil // the same work told twice
		case taken && !there:
			return farm.Errorf(farm.Internal, "frame %d of job %d has two accepted results", t.Frame, t.Job)
		case taken: // it was accepted before, and the other after a reset that this batch brings again
			if _, err := b.w.exec(attemptStand, history, int64(t.Job), seq); err != nil {
				return err
			}
		}
	}
	_, err = b.w.exec(attemptStand, t.standing, int64(t.Job), t.Seq)
	return err
}

// number keeps what SQL has no number for as NULL, which is read as 0.
func number(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}
