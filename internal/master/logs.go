package master

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// maxLog bounds the log of one attempt at one frame, in bytes. Workers keep less; this is for those that do not.
const maxLog = 16 << 20

// logBoard tells readers of a job's logs that something was added.
type logBoard struct {
	mu   sync.Mutex
	jobs map[farm.JobID]chan struct{}
}

func (b *logBoard) wait(id farm.JobID) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.jobs == nil {
		b.jobs = make(map[farm.JobID]chan struct{})
	}
	if b.jobs[id] == nil {
		b.jobs[id] = make(chan struct{})
	}
	return b.jobs[id]
}

func (b *logBoard) tell(id farm.JobID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ch := b.jobs[id]; ch != nil {
		close(ch)
		delete(b.jobs, id)
	}
}

func (m *Master) logDir(id farm.JobID) string {
	return filepath.Join(m.opt.Dir, "logs", id.String())
}

// AppendLog adds to the log of a leased frame. Bytes below offset+len that are there already are skipped, so that
// sending again is harmless; a gap is refused with the offset to send from.
func (m *Master) AppendLog(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, frame int, offset int64, body io.Reader) error {
	job, err := ask(ctx, m, func(e *engine) (farm.JobID, error) {
		l := e.leases[lease]
		if l == nil {
			l = e.lapsed[lease]
		}
		if l == nil || l.Worker != worker || !e.speaks(who, worker) {
			return 0, farm.Errorf(farm.Conflict, "the lease is over")
		}
		for _, f := range l.Frames {
			if f == frame {
				return l.Job, nil
			}
		}
		return 0, farm.Errorf(farm.Conflict, "frame %d is not part of the lease", frame)
	})
	if err != nil {
		return err
	}
	if err := m.roomForLogs(); err != nil {
		return err
	}
	if err := os.MkdirAll(m.logDir(job), 0o755); err != nil {
		return plainDisk(err, "the log cannot be kept")
	}
	f, err := os.OpenFile(filepath.Join(m.logDir(job), fmt.Sprintf("%d_%d.log", frame, lease)), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return plainDisk(err, "the log cannot be kept")
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return plainDisk(err, "the log cannot be kept")
	}
	if offset > st.Size() {
		return farm.Errorf(farm.Conflict, "the log has %d bytes, there would be a gap", st.Size())
	}
	// Equal offsets carry equal bytes: writing them again changes nothing.
	room := max(maxLog-offset, 0)
	if _, err := io.Copy(io.NewOffsetWriter(f, offset), io.LimitReader(body, room)); err != nil {
		return plainDisk(err, "the log cannot be kept")
	}
	m.logs.tell(job)
	return nil
}

// Log is an open log of one attempt at a frame.
type Log struct {
	*os.File              // nil: there is none yet
	Lease    farm.LeaseID // whose it is; 0 when there is none yet
	Growing  bool         // more may come: of this attempt, or of another when the newest was asked for
}

// OpenLog opens the log of a frame: of the given lease, or of the newest attempt that has one when lease is 0. A log
// that is not there and will not come is an error.
func (m *Master) OpenLog(ctx context.Context, id farm.JobID, frame int, lease farm.LeaseID) (Log, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return Log{}, err
	}
	// Asked before the folder is looked at: of an attempt that has ended everything is there.
	growing, err := ask(ctx, m, func(e *engine) (bool, error) {
		if lease == 0 {
			j := e.jobs[id]
			return j != nil && j.mayStill(frame), nil
		}
		l := e.leases[lease]
		if l == nil {
			return false, nil
		}
		_, left := l.left[frame]
		return left, nil
	})
	if err != nil {
		return Log{}, err
	}
	l := Log{Lease: lease, Growing: growing}
	if lease == 0 {
		prefix := strconv.Itoa(frame) + "_"
		entries, _ := os.ReadDir(m.logDir(id))
		for _, entry := range entries {
			rest, ok := strings.CutPrefix(strings.TrimSuffix(entry.Name(), ".log"), prefix)
			if n, err := strconv.ParseInt(rest, 10, 64); ok && err == nil {
				l.Lease = max(l.Lease, farm.LeaseID(n))
			}
		}
	}
	l.File, err = os.Open(filepath.Join(m.logDir(id), fmt.Sprintf("%d_%d.log", frame, l.Lease)))
	switch {
	case err == nil:
		return l, nil
	case !os.IsNotExist(err):
		return Log{}, plainDisk(err, "the log cannot be read")
	case growing:
		return Log{Lease: lease, Growing: true}, nil
	}
	if lost := j.Lost(farm.Logs); lost != nil {
		return Log{}, farm.Errorf(farm.NotFound, "there is no log of frame %d of job %d: %s", frame, id, lost.Sentence())
	}
	return Log{}, farm.Errorf(farm.NotFound, "there is no log of frame %d of job %d", frame, id)
}

// mayStill tells whether the frame is being rendered or waits to be.
func (j *job) mayStill(frame int) bool {
	p, ok := j.layout.Position(frame)
	return ok && !j.State.Ended() && !j.finished.Contains(p) && !j.gaveUp(p)
}

// LogGrows returns a channel that is closed when something is added to a log of the job.
func (m *Master) LogGrows(id farm.JobID) <-chan struct{} { return m.logs.wait(id) }
