package worker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	logPiece    = 1 << 19     // bytes of log sent in one call
	logPatience = time.Minute // how long a frame waits for its log to be taken, while the master answers
)

// sendLog sends what the master does not yet have of the attempt's log. Offsets count the bytes that were sent. A
// master that does not take it loses nothing but the log.
func (w *Worker) sendLog(ctx context.Context, p *parcel) error {
	if !p.Log || p.logDone {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(p.dir, logFile))
	if err != nil {
		p.logDone = true
		return nil
	}
	text = bytes.ToValidUTF8(text, []byte("?")) // it is, unless the disk changed it
	r := &p.Reports[0]
	for p.logSent < int64(len(text)) {
		piece := text[p.logSent:min(int64(len(text)), p.logSent+logPiece)]
		piece = piece[:cutRune(piece)]
		err := w.master.AppendLog(ctx, r.Lease, w.id, r.Frame, p.logSent, piece)
		var answer *farm.Error
		switch {
		case err == nil:
			p.logSent += int64(len(piece))
		case !errors.As(err, &answer) || wire.Again(err) || answer.Kind == farm.NoRoom:
			if w.waitsForLog(p) {
				return err
			}
			w.log.Warn("a log is left out: the master does not take it", "job", r.Job, named(r.Frame), "err", err)
			p.logDone = true
			return nil
		case answer.Kind == farm.Conflict && p.logSent > 0 && !p.logAgain:
			p.logSent, p.logAgain = 0, true // it lost what it had
		default:
			w.log.Debug("the master does not take the log", "frame", r.Frame, "err", err)
			p.logDone = true
			return nil
		}
	}
	p.logDone = true
	return nil
}

// waitsForLog tells whether the frame may wait for its log to be taken: not for long when all else gets through.
func (w *Worker) waitsForLog(p *parcel) bool {
	now := w.opt.Now()
	switch {
	case !w.link.isOpen():
		p.logFailed = time.Time{}
	case p.logFailed.IsZero():
		p.logFailed = now
	default:
		return now.Sub(p.logFailed) < logPatience
	}
	return true
}
