package master

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// Logs lie at logs/JOB/BUCKET/FRAME_LEASE.log, a thousand frames to a bucket. Those of older masters lie at
// logs/JOB/FRAME_LEASE.log and are still read.

const logBucket = 1000

// logBoard knows how much the logs of jobs take, and tells readers of a job's logs that something was added.
type logBoard struct {
	writing [64]sync.Mutex // who writes to a log holds the one of its lease

	mu    sync.Mutex
	jobs  map[farm.JobID]chan struct{}
	bytes map[farm.JobID]int64 // of jobs that wrote since the start
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

func (b *logBoard) tell(id farm.JobID, grown int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.bytes[id]; known {
		b.bytes[id] += grown
	}
	if ch := b.jobs[id]; ch != nil {
		close(ch)
		delete(b.jobs, id)
	}
}

// used is how much the job's logs take. What an earlier process wrote is added when it was looked up, beside.
func (b *logBoard) used(id farm.JobID, dir string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, known := b.bytes[id]
	if known {
		return n
	}
	if b.bytes == nil {
		b.bytes = make(map[farm.JobID]int64)
	}
	b.bytes[id] = 0
	go func() {
		sum := bytesBelow(dir)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.bytes[id] += sum
	}()
	return 0
}

// forget drops what is known of a job that is deleted.
func (b *logBoard) forget(id farm.JobID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.bytes, id)
}

func bytesBelow(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

func (m *Master) logDir(id farm.JobID) string {
	return filepath.Join(m.opt.Dir, "logs", id.String())
}

// bucketDir is where the logs of a frame lie.
func (m *Master) bucketDir(id farm.JobID, frame int) string {
	return filepath.Join(m.logDir(id), bucketName(frame))
}

func bucketName(frame int) string {
	n := frame / logBucket
	if frame < 0 && frame%logBucket != 0 {
		n--
	}
	return strconv.Itoa(n)
}

func logName(frame int, lease farm.LeaseID) string { return fmt.Sprintf("%d_%d", frame, lease) }

// AppendLog adds to the log of a leased frame. Bytes below offset+len that are there already are skipped, so that
// sending again is harmless; a gap is refused with the offset to send from. Of a log that grows beyond measure the
// beginning and the end are kept.
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
	dir := m.bucketDir(job, frame)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return plainDisk(err, "the log cannot be kept")
	}
	log, kept := m.logToWrite(job, filepath.Join(dir, logName(frame, lease)))
	if !kept {
		return nil
	}
	buf := logBuffers.Get().(*[64 << 10]byte)
	defer logBuffers.Put(buf)
	for first := true; ; first = false {
		n, rerr := io.ReadFull(body, buf[:])
		if n > 0 || first {
			if err := m.writeLog(job, lease, log, offset, buf[:n]); err != nil {
				return err
			}
		}
		offset += int64(n)
		switch rerr {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return rerr
		}
	}
}

var logBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// logToWrite chooses how much is kept of an attempt when it begins; false: nothing.
func (m *Master) logToWrite(job farm.JobID, path string) (logFile, bool) {
	used := m.logs.used(job, m.logDir(job))
	exists := func(suffix string) bool { _, err := os.Lstat(path + suffix); return err == nil }
	switch {
	case exists(shortLog):
		return logFileOf(path, shortLog), true
	case used < jobLogs || exists(longLog):
		return logFileOf(path, longLog), true
	}
	return logFileOf(path, shortLog), used < 2*jobLogs
}

func (m *Master) writeLog(job farm.JobID, lease farm.LeaseID, log logFile, offset int64, text []byte) error {
	mu := &m.logs.writing[uint64(lease)%uint64(len(m.logs.writing))]
	mu.Lock()
	grown, err := log.write(offset, text)
	mu.Unlock()
	m.logs.tell(job, grown)
	var gap *gapError
	if errors.As(err, &gap) {
		return farm.Errorf(farm.Conflict, "%w", gap)
	}
	return plainDisk(err, "the log cannot be kept")
}

// Log is an open log of one attempt.
type Log struct {
	Lease   farm.LeaseID // whose it is; 0 when there is none yet
	Growing bool         // more may come: of this attempt, or of another when the newest was asked for

	text *logReader // nil: there is none yet
}

// There tells whether there is a log yet.
func (l *Log) There() bool { return l.text != nil }

// Piece reads at most max bytes from an offset on; next is where to go on, which is further where something was left
// out. Nothing is read at the end.
func (l *Log) Piece(offset int64, max int) (text []byte, next int64, err error) {
	if l.text == nil {
		return nil, offset, nil
	}
	return l.text.piece(offset, max)
}

// Read reads the log from its beginning.
func (l *Log) Read(p []byte) (int, error) {
	if l.text == nil {
		return 0, io.EOF
	}
	return l.text.Read(p)
}

// Close may be called when there is no log, too.
func (l *Log) Close() error {
	if l.text == nil {
		return nil
	}
	return l.text.Close()
}

// OpenLog opens the log of a frame: of the given lease, or of the newest attempt that has one when lease is 0. A log
// that is not there and will not come is an error.
func (m *Master) OpenLog(ctx context.Context, id farm.JobID, frame int, lease farm.LeaseID) (*Log, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	l := &Log{Lease: lease, Growing: growing}
	if lease == 0 {
		l.Lease = newestLog(m.bucketDir(id, frame), frame)
		if l.Lease == 0 {
			l.Lease = newestLog(m.logDir(id), frame)
		}
	}
	l.text, err = m.readLog(id, frame, l.Lease)
	switch {
	case err == nil:
		return l, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, plainDisk(err, "the log cannot be read")
	case growing:
		return &Log{Lease: lease, Growing: true}, nil
	}
	if lost := j.Lost(farm.Logs); lost != nil {
		return nil, farm.Errorf(farm.NotFound, "there is no log of frame %d of job %d: %s", frame, id, lost.Sentence())
	}
	return nil, farm.Errorf(farm.NotFound, "there is no log of frame %d of job %d", frame, id)
}

// readLog opens the log of a lease, wherever it lies.
func (m *Master) readLog(id farm.JobID, frame int, lease farm.LeaseID) (*logReader, error) {
	name := logName(frame, lease)
	for _, at := range []logFile{
		logFileOf(filepath.Join(m.bucketDir(id, frame), name), longLog), logFileOf(filepath.Join(m.bucketDir(id, frame), name), shortLog),
		logFileOf(filepath.Join(m.logDir(id), name), longLog),
	} {
		if r, err := at.open(); !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	return nil, fs.ErrNotExist
}

// newestLog finds the newest lease that has a log of the frame in a folder; 0: none.
func newestLog(dir string, frame int) (newest farm.LeaseID) {
	prefix := strconv.Itoa(frame) + "_"
	for _, name := range entriesOf(dir) {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, farm.LeaseID(n))
		}
	}
	return newest
}

// mayStill tells whether the frame is being rendered or waits to be.
func (j *job) mayStill(frame int) bool {
	p, ok := j.plan.Position(frame)
	return ok && !j.State.Ended() && !j.finished.Contains(p) && !j.gaveUp(p)
}

// LogGrows returns a channel that is closed when something is added to a log of the job.
func (m *Master) LogGrows(id farm.JobID) <-chan struct{} { return m.logs.wait(id) }
