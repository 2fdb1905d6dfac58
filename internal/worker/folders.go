package worker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/peer"
)

// folders keeps the laid-out files of jobs. A folder stays while a lease or a session uses it; of the others the least
// recently used ones go when there are too many. Their blobs stay in the cache, as long as there is room.
type folders struct {
	dir    string
	limit  int
	jitter func() float64
	log    *slog.Logger
	disk   *blob.Disk
	cache  *blob.Cache
	peers  *peer.Node // nil: all comes from the master
	shares []farm.Share
	index  *blob.Index
	stop   context.CancelFunc // of the index

	removing sync.WaitGroup

	mu   sync.Mutex
	jobs map[farm.JobID]*folder
	tick int64 // counts uses
}

// sourceDir is where the files lie in a job's folder.
const sourceDir = "src"

// folder is the laid-out files of one job.
type folder struct {
	all *folders
	job farm.JobID
	dir string // holds src/

	// Guarded by folders.mu.
	pins int
	used int64

	// Guarded by busy, which is held while files are fetched and laid out.
	busy     chan struct{} // room for one
	needs    farm.Needs
	listed   bool
	baked    int64 // see farm.Grant.Baked
	ready    int   // last frame whose caches were all there when the files were listed
	manifest []farm.File
	writes   []string        // folders that Blender opens files of for writing
	laid     map[string]bool // manifest paths
	pinned   map[string]bool // manifest paths whose blobs are pinned
	release  []func()        // lets go of the blobs
}

// newFolders empties the folder of an earlier process: laying out again costs next to nothing while the blobs are in
// the cache.
func newFolders(opt *Options) (*folders, error) {
	dir := filepath.Join(opt.Dir, jobsDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, farm.Errorf(farm.Internal, "the folder of jobs cannot be read: %w", err)
	}
	for _, e := range entries {
		if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
			return nil, farm.Errorf(farm.Internal, "an old job's files cannot be removed: %w", err)
		}
	}
	disk, cache, err := openCache(filepath.Join(opt.Dir, cacheDir), opt)
	if err != nil {
		return nil, farm.Errorf(farm.Internal, "the cache of files cannot be opened: %w", err)
	}
	a := &folders{
		dir: dir, limit: opt.Folders, jitter: opt.Jitter, log: opt.Log, disk: disk, cache: cache, index: blob.NewIndex(disk),
		shares: opt.Shared, jobs: make(map[farm.JobID]*folder),
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.removing.Go(func() { a.index.Run(ctx) })
	return a, nil
}

func (a *folders) close() {
	a.stop()
	a.removing.Wait()
	_ = a.disk.Close()
}

// removeTree removes a folder whose files may be read-only.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // Windows keeps read-only files
		if err == nil && d.Type()&fs.ModeSymlink == 0 { // whose file is another's
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// pinned returns the job's folder, which stays until it is unpinned.
func (a *folders) pinned(id farm.JobID) *folder {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.jobs[id]
	if f == nil {
		f = &folder{
			all: a, job: id, dir: filepath.Join(a.dir, id.String()), busy: make(chan struct{}, 1),
			laid: make(map[string]bool), pinned: make(map[string]bool),
		}
		a.jobs[id] = f
	}
	f.pins++
	a.tick++
	f.used = a.tick
	return f
}

func (f *folder) pin() {
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	f.pins++
}

func (f *folder) unpin() {
	a := f.all
	a.mu.Lock()
	defer a.mu.Unlock()
	f.pins--
	a.tick++
	f.used = a.tick
	for len(a.jobs) > a.limit {
		oldest := a.oldest()
		if oldest == nil {
			return
		}
		delete(a.jobs, oldest.job)
		a.remove(oldest)
	}
}

// remove removes a folder that nobody uses, in the background: the job may come back at once and gets a new one.
// The caller holds mu.
func (a *folders) remove(f *folder) {
	trash := filepath.Join(a.dir, "old-"+strconv.FormatInt(a.tick, 10)+"-"+f.job.String())
	err := os.Rename(f.dir, trash)
	a.removing.Go(func() {
		if err == nil {
			err = removeTree(trash)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("an old job's files cannot be removed", "folder", f.dir, "err", err)
		}
		for _, release := range f.release {
			release()
		}
	})
}

// oldest is the least recently used folder that nobody uses. The caller holds mu.
func (a *folders) oldest() (oldest *folder) {
	for _, f := range a.jobs {
		if f.pins == 0 && (oldest == nil || f.used < oldest.used) {
			oldest = f
		}
	}
	return oldest
}

// scene is what to open, with the places of all files.
func (f *folder) scene(blend string) blender.Scene {
	src := filepath.Join(f.dir, sourceDir)
	s := blender.Scene{Files: make(map[string]string, len(f.manifest))}
	s.Blend = filepath.Join(src, filepath.FromSlash(blend))
	for i := range f.manifest {
		m := &f.manifest[i]
		if m.Path == blend {
			s.Original = m.Original
		}
		if m.Original != "" {
			s.Files[m.Original] = filepath.Join(src, filepath.FromSlash(m.Path))
		}
	}
	return s
}

// framesOf are the frames that tasks belong to.
func framesOf(tasks []int) []int {
	frames := make([]int, len(tasks))
	for i, no := range tasks {
		frames[i] = farm.FrameOf(no)
	}
	return frames
}

// needs tells whether any of the frames needs the file.
func needs(m *farm.File, frames []int) bool {
	if m.First == nil && m.Last == nil {
		return true
	}
	for _, f := range frames {
		if (m.First == nil || f >= *m.First) && (m.Last == nil || f <= *m.Last) {
			return true
		}
	}
	return false
}

// checkManifest refuses paths that would leave the folder or name one file twice.
func checkManifest(files []farm.File) error {
	seen := make(map[string]string, len(files))
	for i := range files {
		p, err := blob.CleanPath(files[i].Path)
		if err != nil {
			return &fault{text: "the job's list of files cannot be used: " + err.Error(), fatal: true, rest: true}
		}
		fold := blob.FoldPath(p)
		if other, taken := seen[fold]; taken {
			return &fault{text: "two files of the job have the same name on some systems: " + other + " and " + p, fatal: true, rest: true}
		}
		seen[fold] = p
	}
	return nil
}

// lay sees to it that everything the frames need lies in the folder; everything, where the scene is looked at. It asks again for ever while the master is away.
func (f *folder) lay(ctx context.Context, m Master, g *farm.Grant) error {
	select {
	case f.busy <- struct{}{}:
		defer func() { <-f.busy }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	f.needs = g.Needs
	back := backoff{jitter: f.all.jitter}
	lost := false
	for gone := 0; ; {
		err := f.layOnce(ctx, m, g)
		var own *fault
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &own) || isFull(err):
			return err
		case kindOf(err) == farm.NotFound || kindOf(err) == farm.Mismatch || errors.Is(err, blob.ErrMismatch):
			// The job may have been removed, and the order to stop is on its way.
			// What the master lost is not the scene's fault: it makes the job wait for it, and counts this as nothing.
			lost = lost || kindOf(err) == farm.NotFound
			if gone++; gone > 3 {
				return &fault{text: "the master does not have a file of the job whole: " + err.Error(), own: lost, rest: true}
			}
		case kindOf(err) != "" && kindOf(err) != farm.NoRoom:
			return &fault{text: "the job's files could not be fetched: " + err.Error(), own: true, rest: true}
		}
		f.all.log.Debug("the files of a job are not there yet", "job", f.job, "err", err)
		back.wait(ctx, nil)
	}
}

func (f *folder) layOnce(ctx context.Context, m Master, g *farm.Grant) error {
	src := filepath.Join(f.dir, sourceDir)
	if f.stale(g) {
		var list []farm.File
		for file, err := range m.Files(ctx, f.job) {
			if err != nil {
				return err
			}
			list = append(list, file)
		}
		if err := checkManifest(list); err != nil {
			return err
		}
		f.relist(list, src)
		f.listed, f.baked, f.ready = true, g.Baked, readyOf(g)
	}
	todo := f.todo(g)
	if len(todo) == 0 {
		return nil
	}
	if err := os.MkdirAll(src, 0o700); err != nil {
		return err
	}
	f.pinBlobs(todo)
	return inParallel(ctx, todo, func(ctx context.Context, file *farm.File) error {
		return f.place(ctx, m, file, src)
	}, func(file *farm.File) { f.laid[file.Path] = true })
}

// pinBlobs keeps the files' blobs while the folder is there: what lies in it shares their bytes, so that removing them
// would free nothing.
func (f *folder) pinBlobs(files []*farm.File) {
	refs := make([]blob.Ref, 0, len(files))
	for _, file := range files {
		if ref, err := blob.ParseRef(file.Ref); err == nil && !f.pinned[file.Path] {
			f.pinned[file.Path] = true
			refs = append(refs, ref)
		}
	}
	if len(refs) > 0 {
		f.release = append(f.release, f.all.cache.Pin(refs...))
	}
}
