package master

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// takeIn makes a job of what was staged. It is done to its end, whatever becomes of the caller.
func (m *Master) takeIn(ctx context.Context, who Identity, a *JobArchive, s *staging) (in Imported, err error) {
	if err := s.takeFiles(ctx); err != nil {
		return in, err
	}
	missing, err := m.notThere(ctx, &a.Job.Spec.Needs, a.Manifest)
	if err != nil {
		return in, err
	}
	m.importing.Lock()
	defer m.importing.Unlock()
	if in, again, err := m.importedAs(ctx, s.o.Key); again || err != nil {
		return in, err
	}
	// Its number is used up before anything lies under it: what a crash leaves is told by that from a job's to come.
	id, err := keep(ctx, m, func(e *engine) (farm.JobID, error) {
		id := e.nextJob
		e.nextJob++
		e.change(farm.JobHold{ID: id})
		return id, nil
	})
	if err != nil {
		return in, err
	}
	defer m.folders.share(id)() // nobody deletes it before it is whole
	folder := folderName(a.Job.Spec.Name, id)
	var waits []string
	if err = s.place(folder, id); err == nil {
		m.step("placed")
		err = s.attempts.each(func(page []farm.Attempt) error { return m.putIn(ctx, id, page) })
	}
	if err == nil {
		m.step("put in")
		in, err = keep(ctx, m, func(e *engine) (Imported, error) {
			waits = slices.Collect(maps.Keys(missing)) // missing is the engine's once the job is
			return e.imported(who, id, folder, a, s, missing)
		})
	}
	if err != nil || in.Again {
		_, _ = ask(ctx, m, func(e *engine) (struct{}, error) { // where that fails the next start does it
			e.change(farm.JobDelete{ID: id})
			return struct{}{}, nil
		})
		return in, errors.Join(err, s.unplace(id))
	}
	m.spare(folder)
	// Bytes that came since were announced to nobody who waited.
	for _, ref := range waits {
		if r, err := blob.ParseRef(ref); err == nil {
			if _, err := m.opt.Blobs.Stat(ctx, r); err == nil {
				_ = m.BlobStored(ctx, ref)
			}
		}
	}
	return in, nil
}

// putIn keeps a page of the attempts of a job that is not made yet. Others' changes are written between two pages.
func (m *Master) putIn(ctx context.Context, id farm.JobID, page []farm.Attempt) error {
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		for _, t := range page {
			e.seq++
			t.Seq, t.Job = e.seq, id
			if t.Outcome == farm.Rendered {
				e.change(farm.FrameDone{Attempt: t})
			} else {
				e.change(farm.FrameTried{Attempt: t})
			}
		}
		return struct{}{}, nil
	})
	return err
}

// takeFiles puts the scene's files into the store. They are pinned.
func (s *staging) takeFiles(ctx context.Context) error {
	taker, can := s.m.opt.Blobs.(interface {
		Take(ctx context.Context, ref blob.Ref, path string) error
	})
	for _, ref := range s.files {
		path := filepath.Join(s.dir, "files", ref.String())
		if can {
			if err := taker.Take(ctx, ref, path); err != nil {
				return plainDisk(err, cannotUnpack)
			}
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return plainDisk(err, cannotUnpack)
		}
		st, err := f.Stat()
		if err == nil {
			err = s.m.opt.Blobs.Put(ctx, ref, st.Size(), f)
		}
		f.Close()
		if err != nil {
			return plainDisk(err, cannotUnpack)
		}
	}
	return nil
}

// place moves results and logs to where they belong, marked as those of a job that is deleted.
func (s *staging) place(folder string, id farm.JobID) error {
	for from, to := range map[string]string{"outputs": s.m.outputs(folder), "logs": s.m.logDir(id)} {
		staged := filepath.Join(s.dir, from)
		if _, err := os.Lstat(staged); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if from == "outputs" {
			if err := os.WriteFile(filepath.Join(staged, doomedFile), []byte(id.String()), 0o600); err != nil {
				return plainDisk(err, cannotUnpack)
			}
			syncDir(staged)
		}
		if _, err := os.Lstat(to); err == nil {
			return farm.Errorf(farm.Conflict, "%s is there already, where the job's %s should be", to, from).WithHint("import it again")
		}
		if err := os.Rename(staged, to); err != nil {
			return plainDisk(err, cannotUnpack)
		}
		s.placed = append(s.placed, to)
		syncDir(filepath.Dir(to))
	}
	return nil
}

// unplace removes what place moved, of a job that was not made.
func (s *staging) unplace(id farm.JobID) (err error) {
	s.m.logs.forget(id)
	for _, dir := range s.placed {
		err = errors.Join(err, plainDisk(os.RemoveAll(dir), "what was unpacked cannot be removed"))
	}
	return err
}

// imported makes the job known, with all its frames.
func (e *engine) imported(who Identity, id farm.JobID, folder string, a *JobArchive, s *staging, missing map[string]struct{}) (Imported, error) {
	spec := a.Job.Spec
	spec.Key = s.o.Key
	if same, twice := e.keys[spec.Key]; twice && spec.Key != "" {
		return Imported{Job: e.jobs[same].view(), Again: true}, nil
	}
	now := e.m.opt.Now()
	plan := spec.Plan()
	fj := farm.Job{
		ID: id, Owner: who.Name, OwnerID: who.Token, Created: now, Scene: farm.SceneKey(&spec, a.Manifest), Folder: folder, JobSpec: spec,
		Progress: farm.Progress{Total: plan.Tasks(), Missing: len(missing)},
	}
	j := newJob(fj, len(a.Manifest) == 1)
	j.missing = missing
	j.baked = e.seq
	j.finished, j.Seconds, j.Machine = s.finished, s.seconds, s.machine
	for _, t := range s.given {
		try := j.try(t.position)
		try.final = true
		if t.outcome == farm.Errored {
			try.failures = 1
		} else {
			try.lost = append(try.lost, t.lease)
		}
	}
	j.settleQueue()
	j.Dispatched = j.Done + j.Failed
	if j.Dispatched > 0 {
		j.Started = now
	}
	j.State, j.Reason = j.stateOf(&a.Job, s.o.Start)
	if j.State == farm.Failed && a.Job.State == farm.Failed {
		j.Failed = j.Total - j.Done // with the whole scene, perhaps
	}
	if j.State.Ended() {
		j.Ended = now
	}
	e.change(farm.JobAdd{Job: j.view(), Files: a.Manifest})
	from := fmt.Sprintf("%s: job %d of %s", spec.Name, a.About.Job, clip(a.About.Machine, farm.MaxName))
	e.audit(who, farm.DidImport, id.String(), "%s", from)
	e.add(j)
	j.unsaved = 5000 // write the set of finished frames with it
	e.mark(j)
	e.event(farm.Event{Kind: farm.EventJob, Job: id, State: string(j.State), Text: "imported", Progress: e.shown(j)})
	in := Imported{Job: j.view()}
	if j.State.Ended() {
		e.forget(j)
	}
	return in, nil
}

// stateOf is the state in which an imported job begins.
func (j *job) stateOf(was *ArchivedJob, start bool) (farm.JobState, string) {
	left := j.Total - j.Done - j.Failed
	switch {
	case left == 0 && j.Failed == 0:
		return farm.Done, ""
	case left == 0, was.State == farm.Failed && !start && j.Done == was.Done:
		return farm.Failed, clip(was.Reason, maxErrorText)
	case start:
		return j.goesOn(), ""
	case was.State == farm.Canceled:
		return farm.Canceled, clip(was.Reason, maxErrorText)
	}
	return farm.Paused, "imported: " + plural(left, "frame") + " not rendered"
}
