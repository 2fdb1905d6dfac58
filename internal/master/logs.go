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
func (m *Master) AppendLog(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, frame int, offset int64, body io.Reader) error {
	job, err := ask(ctx, m, func(e *engine) (farm.JobID, error) {
		l := e.leases[lease]
		if l == nil {
			l = e.lapsed[lease]
		}
		if l == nil || l.Worker != worker {
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

// OpenLog opens the log of a frame: of the given lease, or of the newest attempt when lease is 0. Growing tells
// whether more may come.
func (m *Master) OpenLog(ctx context.Context, id farm.JobID, frame int, lease farm.LeaseID) (f *os.File, growing bool, err error) {
	if _, err := m.Job(ctx, id); err != nil {
		return nil, false, err
	}
	if lease == 0 {
		prefix := strconv.Itoa(frame) + "_"
		entries, _ := os.ReadDir(m.logDir(id))
		for _, entry := range entries {
			rest, ok := strings.CutPrefix(strings.TrimSuffix(entry.Name(), ".log"), prefix)
			if n, err := strconv.ParseInt(rest, 10, 64); ok && err == nil {
				lease = max(lease, farm.LeaseID(n))
			}
		}
	}
	growing, err = ask(ctx, m, func(e *engine) (bool, error) {
		if l := e.leases[lease]; l != nil {
			_, left := l.left[frame]
			return left, nil
		}
		j := e.jobs[id]
		return lease == 0 && j != nil, nil
	})
	if err != nil {
		return nil, false, err
	}
	f, err = os.Open(filepath.Join(m.logDir(id), fmt.Sprintf("%d_%d.log", frame, lease)))
	if os.IsNotExist(err) {
		return nil, growing, farm.Errorf(farm.NotFound, "there is no log of frame %d of job %d yet", frame, id)
	}
	return f, growing, plainDisk(err, "the log cannot be read")
}

// LogGrows returns a channel that is closed when something is added to a log of the job.
func (m *Master) LogGrows(id farm.JobID) <-chan struct{} { return m.logs.wait(id) }
