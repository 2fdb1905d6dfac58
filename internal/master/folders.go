package master

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/farm"
)

// jobLocks keep who removes a job's files from who puts some in place or brings the job back. They wait on conditions
// and not on a sync.RWMutex, so that a test in virtual time sees that somebody waits.
type jobLocks struct {
	mu   sync.Mutex
	jobs map[farm.JobID]*jobLock // those that somebody holds or waits for
}

// jobLock is guarded by jobLocks.mu.
type jobLock struct {
	users   int // who hold it or wait for it
	sharing int
	alone   bool
	wanted  int // who wait to be alone: they go before those who come to share
	changed sync.Cond
}

func (l *jobLocks) use(id farm.JobID) *jobLock {
	if l.jobs == nil {
		l.jobs = make(map[farm.JobID]*jobLock)
	}
	if l.jobs[id] == nil {
		l.jobs[id] = &jobLock{changed: sync.Cond{L: &l.mu}}
	}
	l.jobs[id].users++
	return l.jobs[id]
}

// leave runs undo and lets the next ones in.
func (l *jobLocks) leave(id farm.JobID, undo func(j *jobLock)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	undo(j)
	if j.users--; j.users == 0 {
		delete(l.jobs, id)
	}
	j.changed.Broadcast()
}

// share is for those who need the job's files to stay.
func (l *jobLocks) share(id farm.JobID) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.use(id)
	for j.alone || j.wanted > 0 {
		j.changed.Wait()
	}
	j.sharing++
	return func() { l.leave(id, func(j *jobLock) { j.sharing-- }) }
}

// alone is for who removes them.
func (l *jobLocks) alone(id farm.JobID) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.use(id)
	j.wanted++
	for j.alone || j.sharing > 0 {
		j.changed.Wait()
	}
	j.wanted--
	j.alone = true
	return func() { l.leave(id, func(j *jobLock) { j.alone = false }) }
}

func (m *Master) outputs(folder string) string { return filepath.Join(m.opt.Dir, "outputs", folder) }

// OutputFolder is where the job's results lie on the master's machine.
func (m *Master) OutputFolder(j *farm.Job) string { return m.outputs(j.Folder) }

// doomedFile, in a job's results folder, says that the job is about to be deleted: a start that finds it and no such
// job goes on with that. Other folders in outputs/ may be somebody's own and are left alone.
const doomedFile = ownPrefix + "deleted"

// doom marks the folder. A mark that cannot be made costs nothing but that a crash may leave the folder.
func (m *Master) doom(folder string, id farm.JobID) {
	_ = os.WriteFile(filepath.Join(m.outputs(folder), doomedFile), []byte(id.String()), 0o600)
}

func (m *Master) spare(folder string) { _ = os.Remove(filepath.Join(m.outputs(folder), doomedFile)) }

// removeFolders removes what the job left on the disk, when nobody puts anything into it any more.
func (m *Master) removeFolders(folder string, id farm.JobID) error {
	end := m.folders.alone(id)
	defer end()
	m.logs.forget(id)
	err := os.RemoveAll(m.outputs(folder))
	return errors.Join(plainDisk(err, "the job's results cannot be removed"),
		plainDisk(os.RemoveAll(m.logDir(id)), "the job's logs cannot be removed"))
}

// sweepFolders goes on with deletions that a crash cut short.
func (m *Master) sweepFolders(ctx context.Context) {
	m.importing.Lock() // its folders are there before its job is
	defer m.importing.Unlock()
	next, err := ask(ctx, m, func(e *engine) (farm.JobID, error) { return e.nextJob, nil })
	if err != nil {
		return
	}
	gone := func(id farm.JobID) bool {
		if id < 1 || id >= next { // of a job to come
			return false
		}
		_, err := m.Job(ctx, id)
		return farm.KindOf(err) == farm.NotFound
	}
	remove := func(dir string) {
		m.opt.Log.Info("the rest of a deleted job is removed", "folder", dir)
		if err := os.RemoveAll(dir); err != nil {
			m.opt.Log.Error("the rest of a deleted job cannot be removed", "folder", dir, "err", err)
		}
	}
	for _, entry := range entriesOf(filepath.Join(m.opt.Dir, "outputs")) {
		text, err := os.ReadFile(filepath.Join(m.outputs(entry), doomedFile))
		if err != nil {
			continue
		}
		id, err := strconv.ParseInt(string(text), 10, 64)
		switch {
		case err == nil && strings.HasSuffix(entry, "-"+string(text)) && gone(farm.JobID(id)):
			remove(m.outputs(entry))
		case ctx.Err() == nil:
			m.spare(entry)
		}
	}
	for _, entry := range entriesOf(filepath.Join(m.opt.Dir, "logs")) {
		if id, err := strconv.ParseInt(entry, 10, 64); err == nil && gone(farm.JobID(id)) {
			remove(filepath.Join(m.opt.Dir, "logs", entry))
		}
	}
}

// entriesOf names what is in a folder; nothing when it cannot be read.
func entriesOf(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
