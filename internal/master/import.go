package master

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// What an archive brings lies in a folder of its own until all of it was read and is right. Then its files go into the
// blob store, its results and logs to where they belong, under a mark that has a start remove them again, and in one
// step the job is there. What a crash leaves is swept: the folder and what is marked by the next start, blobs that no
// job names by a collection.

const importDir = "import-*" // below Dir, while one is read

// ImportOptions say how the archive of a job becomes one of this farm.
type ImportOptions struct {
	Key     string // importing twice under the same one makes one job
	Start   bool   // frames that are not done are rendered; else the job is paused
	MaxFile int64  // bytes of a scene's file; 0: any
	Bytes   int64  // of what is unpacked, as far as the sender knows
}

// Imported is what came of an archive.
type Imported struct {
	Job   farm.Job
	Lacks []ArchiveLack // what the archive said it lacks; some at most
	Again bool          // it was imported before, under the same key
}

const mostLacks = 1000

// sweepImports removes what a killed process left of some.
func (m *Master) sweepImports() {
	left, _ := filepath.Glob(filepath.Join(m.opt.Dir, importDir))
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
}

// Import makes a job of the archive of one: whole, or on an error not at all.
func (m *Master) Import(ctx context.Context, who Identity, o ImportOptions, r io.Reader) (Imported, error) {
	if len(o.Key) > farm.MaxName {
		return Imported{}, farm.Errorf(farm.Invalid, "the submission key is over %d bytes long", farm.MaxName)
	}
	if in, again, err := m.importedAs(ctx, o.Key); again || err != nil {
		return in, err
	}
	if err := m.roomForImport(o.Bytes); err != nil {
		return Imported{}, err
	}
	dir, err := os.MkdirTemp(m.opt.Dir, importDir)
	if err != nil {
		return Imported{}, plainDisk(err, "the archive cannot be unpacked")
	}
	defer os.RemoveAll(dir)
	s := &staging{m: m, ctx: ctx, dir: dir, o: o, attempts: spool{path: filepath.Join(dir, "attempts"), room: m.hasRoom}, unpin: func(bool) {}, folders: make(map[string]struct{}), logged: make(map[int]farm.LeaseID)}
	named := false
	defer func() { s.unpin(named) }()
	defer s.attempts.close()
	a, err := ReadJobArchive(&untilDone{ctx, r}, s)
	if err = errors.Join(err, s.synced()); err != nil {
		return Imported{}, JobArchiveError("the archive", err)
	}
	in, err := m.takeIn(context.WithoutCancel(ctx), who, a, s)
	named = err == nil
	in.Lacks = a.Lacks[:min(len(a.Lacks), mostLacks)]
	return in, err
}

// importedAs finds the job that was made under a key.
func (m *Master) importedAs(ctx context.Context, key string) (in Imported, again bool, err error) {
	if key == "" {
		return in, false, nil
	}
	id, err := m.opt.Store.JobByKey(ctx, key)
	if farm.KindOf(err) == farm.NotFound {
		return in, false, nil
	}
	if err != nil {
		return in, false, err
	}
	j, err := m.Job(ctx, id)
	return Imported{Job: j, Again: true}, true, err
}

// untilDone ends with ctx.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func (m *Master) roomForImport(bytes int64) error {
	left, err := m.opt.Room.Left()
	if err != nil {
		return plainDisk(err, "the archive cannot be unpacked")
	}
	if left-m.opt.Reserve < bytes {
		return farm.Errorf(farm.NoRoom, "the archive needs %s, and the master's disk has %s free beyond its reserve", farm.Bytes(bytes), farm.Bytes(max(0, left-m.opt.Reserve))).
			WithHint("make room on it, with netrender clean for example")
	}
	return nil
}

// staging is what has come of an archive. Its folder mirrors where things will be: files/REF, outputs/, logs/.
type staging struct {
	m     *Master
	ctx   context.Context
	dir   string
	o     ImportOptions
	unpin func(named bool)

	files    []blob.Ref // staged, not in the store before
	last     string     // staged last
	lastFile bool
	folders  map[string]struct{} // made
	attempts spool
	finished farm.Spans // positions of frames that are done
	seconds  float64    // of them
	machine  float64    // seconds of all attempts
	given    []givenUp
	plan     *farm.Plan
	lease    farm.LeaseID // the last one that was reserved, and
	leases   int          // how many of those up to it are left
	logged   map[int]farm.LeaseID
	logs     int64 // bytes
	wrong    []string
	placed   []string // folders that were moved to where they belong

	syncing chan *os.File // nil: nobody syncs yet
	syncs   sync.WaitGroup
	mu      sync.Mutex
	failed  error // guarded by mu
}

// givenUp is a frame that failed.
type givenUp struct {
	position int
	outcome  farm.Outcome
	lease    farm.LeaseID
}

// Begin implements ArchiveParts.
func (s *staging) Begin(a *JobArchive) error {
	for i := range a.Manifest {
		if f := &a.Manifest[i]; s.o.MaxFile > 0 && f.Size > s.o.MaxFile {
			return farm.Errorf(farm.TooLarge, "%s has %s, and this farm takes files of at most %s", clip(f.Path, 100), farm.Bytes(f.Size), farm.Bytes(s.o.MaxFile)).
				WithHint("the master's setting --max-file is the limit")
		}
	}
	s.plan = a.Job.Spec.Plan()
	var err error
	s.unpin, err = s.m.pin(s.ctx, a.Manifest)
	return err
}

// File implements ArchiveParts.
func (s *staging) File(f *farm.File, body io.Reader) error {
	s.last = ""
	ref, err := blob.ParseRef(f.Ref)
	if err != nil {
		return err
	}
	if info, err := s.m.opt.Blobs.Stat(s.ctx, ref); err == nil && info.Size == f.Size {
		return nil
	}
	s.files, s.lastFile = append(s.files, ref), true
	return s.write(filepath.Join(s.dir, "files", f.Ref), f.Size, body, true)
}

// Result implements ArchiveParts. Its name is clean, and no other is in its way.
func (s *staging) Result(_ *ArchivedFrame, r *farm.Result, body io.Reader) error {
	s.lastFile = false
	return s.write(filepath.Join(s.dir, "outputs", filepath.FromSlash(r.Name)), r.Size, body, true)
}

// Log implements ArchiveParts.
func (s *staging) Log(f *ArchivedFrame, size int64, body io.Reader) error {
	if s.logs += size; s.logs > 4*jobLogs {
		return farm.Errorf(farm.TooLarge, "the logs of the archive have over %s", farm.Bytes(4*jobLogs)).WithHint("archive the job with --no-logs")
	}
	lease, err := s.nextLease()
	if err != nil {
		return err
	}
	s.logged[f.Frame] = lease
	s.lastFile = false
	return s.write(filepath.Join(s.dir, "logs", bucketName(f.Frame), logName(f.Frame, lease)+longLog), size, body, false)
}

// Wrong implements ArchiveParts.
func (s *staging) Wrong() error {
	if s.last == "" {
		return nil
	}
	if s.lastFile {
		s.files = s.files[:len(s.files)-1]
	}
	s.wrong = append(s.wrong, s.last)
	return nil
}

// Frame implements ArchiveParts.
func (s *staging) Frame(f *ArchivedFrame, lacks bool) error {
	lease, logged := s.logged[f.Frame]
	delete(s.logged, f.Frame)
	if lacks {
		return nil
	}
	if !logged {
		var err error
		if lease, err = s.nextLease(); err != nil {
			return err
		}
	}
	p, _ := s.plan.Position(f.Frame)
	s.machine += f.Seconds
	if f.Outcome == farm.Rendered {
		s.finished.Add(p)
		s.seconds += f.Seconds
	} else {
		s.given = append(s.given, givenUp{p, f.Outcome, lease})
	}
	return s.attempts.add(farm.Attempt{
		Frame: f.Frame, Position: p, Number: f.Attempt, Lease: lease, Worker: farm.WorkerID(f.Worker), Outcome: f.Outcome, Error: f.Error,
		Started: f.Started, Ended: f.Ended, Seconds: f.Seconds, MemoryMB: f.MemoryMB, Install: f.Blender, Results: f.Results,
		Final: f.Outcome != farm.Rendered, Warnings: f.Warnings,
	})
}

// nextLease gives a number that no lease has, for an attempt that none of this farm's workers made.
func (s *staging) nextLease() (farm.LeaseID, error) {
	const some = 1000
	if s.leases == 0 {
		last, err := ask(s.ctx, s.m, func(e *engine) (farm.LeaseID, error) {
			e.leaseNo += some
			return farm.LeaseID(e.epoch<<32 | e.leaseNo), nil
		})
		if err != nil {
			return 0, err
		}
		s.lease, s.leases = last, some
	}
	s.leases--
	return s.lease - farm.LeaseID(s.leases), nil
}

// write stages a file. One that must outlast a crash is synced beside, while the next ones are written.
func (s *staging) write(path string, size int64, body io.Reader, durable bool) error {
	if err := s.m.hasRoom(size); err != nil {
		return err
	}
	s.last = path
	if err := s.folder(filepath.Dir(path)); err != nil {
		return plainDisk(err, cannotUnpack)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return plainDisk(err, cannotUnpack)
	}
	in := &readError{r: body}
	if _, err = io.CopyBuffer(struct{ io.Writer }{f}, in, make([]byte, 128<<10)); err != nil {
		f.Close()
		if in.err != nil {
			return in.err
		}
		return plainDisk(err, cannotUnpack)
	}
	if !durable {
		return plainDisk(f.Close(), cannotUnpack)
	}
	if s.syncing == nil {
		s.syncing = make(chan *os.File, 64)
		for range 4 {
			s.syncs.Go(func() {
				for f := range s.syncing {
					s.fail(errors.Join(f.Sync(), f.Close()))
				}
			})
		}
	}
	s.syncing <- f
	return s.fail(nil)
}

// hasRoom is an error when so many bytes cannot be unpacked.
func (m *Master) hasRoom(bytes int64) error {
	left, err := m.opt.Room.Left()
	if err == nil && left-m.opt.Reserve < bytes {
		err = blob.ErrNoRoom
	}
	return plainDisk(err, cannotUnpack)
}

const cannotUnpack = "the archive cannot be unpacked"

// fail remembers the first error and returns it.
func (s *staging) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = plainDisk(err, cannotUnpack)
	}
	return s.failed
}

// folder makes a folder below the staging one.
func (s *staging) folder(dir string) error {
	if _, made := s.folders[dir]; made {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ; dir != s.dir; dir = filepath.Dir(dir) { // the names of those on the way must be durable, too
		s.folders[dir] = struct{}{}
	}
	return nil
}

// synced waits until what was staged is durable.
func (s *staging) synced() error {
	if s.syncing != nil {
		close(s.syncing)
		s.syncs.Wait()
	}
	for _, path := range s.wrong {
		s.fail(os.Remove(path))
	}
	for dir := range s.folders {
		syncDir(dir)
	}
	return s.fail(nil)
}
