package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Steps makes the outbox of w call step before each step of a durable write.
func (w *Worker) Steps(step func(name string) error) { w.out.step = step }

// CopySilence sets how long a folder that results are copied to may take nothing; before the first frame is done.
func (w *Worker) CopySilence(d time.Duration) { w.copier.silence = d }

// UnlessSilent is unlessSilent, for tests from outside.
var UnlessSilent = unlessSilent

// AttemptLog is attemptLog, for tests from outside.
type AttemptLog = attemptLog

func NewAttemptLog(path string, limit int, send func(ctx context.Context, offset int64, text []byte) error) (*AttemptLog, error) {
	return newAttemptLog(path, limit, nil, send)
}

func (l *attemptLog) Seal() (sent, size, dropped int64, err error) { return l.seal() }

// Outbox is outbox, for tests from outside.
type Outbox = outbox

func OpenOutbox(dir string, step func(string) error) (*Outbox, error) {
	o, err := openOutbox(dir, slog.New(slog.DiscardHandler))
	if err == nil && step != nil {
		o.step = step
	}
	return o, err
}

// Folder makes a folder as for a frame.
func (o *outbox) Folder() (string, error) { return o.folder() }

// Keep keeps a frame's report whose results lie at the paths.
func (o *outbox) Keep(dir string, r farm.Report, paths ...string) error {
	p := &parcel{record: record{Reports: []farm.Report{r}, Paths: paths}, dir: dir}
	if err := o.keep(p); err != nil {
		return err
	}
	o.push(p)
	return nil
}

// Reports are those in the outbox, in order.
func (o *outbox) Reports() (list []farm.Report) {
	for _, p := range o.all() {
		list = append(list, p.Reports...)
	}
	return list
}

// RemoveFirst settles the first parcel.
func (o *outbox) RemoveFirst() { o.remove(o.all()[0]) }

// InspectionOf is what an inspection reports of what Blender said.
var InspectionOf = inspectionOf
