package master

import (
	"context"
	"errors"
	"slices"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// notThere returns the refs among the files that the blob store lacks. A stored blob of another size than the
// manifest's is read: where it is damaged it is taken out and is one of them, else the manifest is wrong. Files that
// workers read for themselves are none of them.
func (m *Master) notThere(ctx context.Context, needs *farm.Needs, files []farm.File) (map[string]struct{}, error) {
	missing := make(map[string]struct{})
	checked := make(map[string]int64, len(files))
	wrong := func(f *farm.File, size int64) error {
		return farm.Errorf(farm.Invalid, "the manifest says %s has %d bytes, but it has %d", clip(f.Path, 100), f.Size, size)
	}
	for i := range files {
		if needs.Shares(&files[i]) || files[i].Bake > 0 { // what was baked is baked again when a worker does not find it
			continue
		}
		text := files[i].Ref
		if size, ok := checked[text]; ok {
			if size != files[i].Size {
				return nil, wrong(&files[i], size)
			}
			continue
		}
		checked[text] = files[i].Size
		ref, err := blob.ParseRef(text)
		if err != nil {
			return nil, err
		}
		info, err := m.opt.Blobs.Stat(ctx, ref)
		if err == nil && info.Size != files[i].Size {
			if err = m.purge(ctx, ref); err == nil {
				return nil, wrong(&files[i], info.Size)
			}
		}
		switch {
		case err == nil:
		case isNotFound(err):
			missing[text] = struct{}{}
		default:
			return nil, err
		}
	}
	return missing, nil
}

// findMissing works out what a kept job waits for. A size that its manifest has wrong is found by the worker that
// fetches the file; it must not keep a master from starting.
func (m *Master) findMissing(ctx context.Context, id farm.JobID, needs *farm.Needs) (map[string]struct{}, error) {
	missing := make(map[string]struct{})
	for after := ""; ; {
		page, err := m.opt.Store.Manifest(ctx, id, after, 1000)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return missing, nil
		}
		for i := range page {
			some, err := m.notThere(ctx, needs, page[i:i+1])
			if err != nil && farm.KindOf(err) != farm.Invalid {
				return nil, err
			}
			for ref := range some {
				missing[ref] = struct{}{}
			}
		}
		after = page[len(page)-1].Path
	}
}

// isAlone tells whether the job's manifest has one file.
func (m *Master) isAlone(ctx context.Context, id farm.JobID) (bool, error) {
	some, err := m.opt.Store.Manifest(ctx, id, "", 2)
	return len(some) == 1, err
}

// BlobStored tells the engine that the bytes are there; jobs that waited for them go on.
func (m *Master) BlobStored(ctx context.Context, ref string) error {
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		for id := range e.wanted[ref] {
			j := e.jobs[id]
			delete(j.missing, ref)
			e.mark(j)
			if len(j.missing) == 0 && j.State == farm.Collecting {
				e.toState(j, j.goesOn(), "")
			}
		}
		delete(e.wanted, ref)
		return struct{}{}, nil
	})
	return err
}

// BlobSuspect is told of a stored blob that a reader found damaged or not there. The blob is read once more, whole;
// when it is damaged it is taken out. Then the jobs that need it wait for it, as after a submission: whoever submits
// again sends it again. A read that fails for another reason changes nothing: the bytes may be fine.
// Gone tells that the blob is not there (any more).
func (m *Master) BlobSuspect(ctx context.Context, ref blob.Ref) (gone bool, err error) {
	if err := m.purge(ctx, ref); err == nil || !isNotFound(err) {
		return false, err
	}
	if err := m.wantAgain(ctx, ref.String()); err != nil {
		return true, err
	}
	// Bytes that came since were announced to nobody who waited.
	if _, err := m.opt.Blobs.Stat(ctx, ref); err == nil {
		return false, m.BlobStored(ctx, ref.String())
	}
	return true, nil
}

// purge reads the blob whole and takes it out when it is damaged. It returns an error that isNotFound when the blob
// was not there or is not any more. One at a time: who finds it damaged must not remove what was sent anew since.
func (m *Master) purge(ctx context.Context, ref blob.Ref) error {
	m.purging.Lock()
	defer m.purging.Unlock()
	err := blob.Check(ctx, m.opt.Blobs, ref)
	if !errors.Is(err, blob.ErrCorrupt) {
		return err
	}
	if gone := m.opt.Blobs.Delete(ctx, ref); gone != nil {
		return errors.Join(err, gone)
	}
	m.opt.Log.Error("a stored file was damaged and is taken out; it must be sent again", "ref", ref.String(), "err", err)
	return errors.Join(blob.ErrNotFound, err)
}

// wantAgain makes the jobs whose manifest has the blob wait for it.
func (m *Master) wantAgain(ctx context.Context, ref string) error {
	ids, err := ask(ctx, m, func(e *engine) ([]farm.JobID, error) {
		var ids []farm.JobID
		for id, j := range e.jobs {
			if _, waits := j.missing[ref]; !waits {
				ids = append(ids, id)
			}
		}
		return ids, nil
	})
	if err != nil {
		return err
	}
	paths, bakes := make(map[farm.JobID]string), make(map[farm.JobID][]int)
	for _, id := range ids {
		path, err := m.opt.Store.PathOf(ctx, id, ref)
		if err != nil {
			return err
		}
		if path == "" {
			continue
		}
		made, err := m.opt.Store.BakesOf(ctx, id, ref)
		if err != nil {
			return err
		}
		if slices.Contains(made, 0) {
			paths[id] = path
		}
		bakes[id] = made
	}
	if len(bakes) == 0 {
		return nil
	}
	_, err = keep(ctx, m, func(e *engine) (struct{}, error) {
		for id, path := range paths {
			if j := e.jobs[id]; j != nil {
				e.lost(j, ref, path)
			}
		}
		for id, made := range bakes {
			for _, bake := range made {
				if j := e.jobs[id]; j != nil && bake > 0 {
					e.bakeAgain(j, bake, "its cache was damaged or lost on the master's disk")
				}
			}
		}
		return struct{}{}, nil
	})
	return err
}

// lost makes the job wait for a file that it had. Leases that are out go on where their workers have the file; those
// whose workers lack it come back and count as nothing.
func (e *engine) lost(j *job, ref, path string) {
	if _, waits := j.missing[ref]; waits {
		return
	}
	j.missing[ref] = struct{}{}
	if e.wanted[ref] == nil {
		e.wanted[ref] = make(map[farm.JobID]struct{})
	}
	e.wanted[ref][j.ID] = struct{}{}
	for _, l := range j.held {
		l.excused = true
	}
	if j.State.Dispatches() {
		why := " was damaged or lost on the master's disk: submit the scene again to send it"
		if len(j.Needs.Shared) > 0 {
			why = " was asked for by a worker that does not find it in its shared folder as it was sent: submit the scene again to send it"
		}
		e.toState(j, farm.Collecting, clip(path, 200)+why)
	}
	e.mark(j)
	e.sync(j)
}
