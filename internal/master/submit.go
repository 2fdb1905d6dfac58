package master

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Submit accepts a job. It waits in state collecting while bytes of its files are missing. Submitting the same
// Spec.Key again returns the job that was made the first time.
func (m *Master) Submit(ctx context.Context, who Identity, spec farm.JobSpec, files []farm.File) (farm.Job, error) {
	spec.Defaults()
	if err := spec.Check(); err != nil {
		return farm.Job{}, err
	}
	if err := checkManifest(&spec, files); err != nil {
		return farm.Job{}, err
	}
	if spec.Key != "" {
		if id, err := m.opt.Store.JobByKey(ctx, spec.Key); err == nil {
			return m.Job(ctx, id)
		} else if farm.KindOf(err) != farm.NotFound {
			return farm.Job{}, err
		}
	}
	spec.Needs.Exact = farm.Version{}
	for i := range files {
		files[i].Bake = 0
	}
	before, err := m.bakedBefore(ctx, &spec, files)
	if err != nil {
		return farm.Job{}, err
	}
	kept := false
	if before != nil {
		defer func() { before.unpin(kept) }()
		spec.Needs.Exact = before.exact
	}
	unpin, err := m.pin(ctx, files)
	if err != nil {
		return farm.Job{}, err
	}
	defer func() { unpin(kept) }()
	missing, err := m.notThere(ctx, &spec.Needs, files)
	if err != nil {
		return farm.Job{}, err
	}
	var waits []string // missing is the engine's once the job is
	made, err := keep(ctx, m, func(e *engine) (farm.Job, error) {
		if id, ok := e.keys[spec.Key]; ok && spec.Key != "" {
			return e.jobs[id].view(), nil
		}
		if spec.Process != nil && !e.rules.Processes {
			return farm.Job{}, farm.Errorf(farm.Denied, "%s", farm.WhyNoProcesses).
				WithHint("an admin switches that on with netrender rules processes=on; docs/process-jobs.md says what it means")
		}
		for i := range files { // of those that workers read for themselves, what some worker asked for
			if _, asked := e.wanted[files[i].Ref]; asked {
				missing[files[i].Ref] = struct{}{}
			}
		}
		plan := spec.Plan()
		fj := farm.Job{
			ID: e.nextJob, Owner: who.Name, OwnerID: who.Token, State: farm.Queued, Created: m.opt.Now(), Scene: farm.SceneKey(&spec, files),
			JobSpec: spec, Progress: farm.Progress{Total: plan.Tasks(), Missing: len(missing)},
		}
		fj.Folder = folderName(spec.Name, fj.ID)
		if len(missing) > 0 {
			fj.State = farm.Collecting
		}
		e.nextJob++
		all := files
		if before != nil {
			all = append(slices.Clone(files), before.files...)
		}
		e.change(farm.JobAdd{Job: fj, Files: all})
		e.audit(who, farm.DidSubmit, fj.ID.String(), "%s", fj.Name)
		waits = slices.Collect(maps.Keys(missing))
		j := newJob(fj, len(files) == 1)
		j.missing = missing
		e.inheritBakes(j, before)
		e.add(j)
		e.mark(j)
		e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, State: string(j.State), Text: "submitted", Progress: e.shown(j)})
		return j.view(), nil
	})
	if err != nil {
		return farm.Job{}, err
	}
	kept = true
	// Bytes that came between our look and the job's entry were announced to nobody who waited.
	for _, ref := range waits {
		if r, err := blob.ParseRef(ref); err == nil {
			if _, err := m.opt.Blobs.Stat(ctx, r); err == nil {
				if err := m.BlobStored(ctx, ref); err != nil {
					return farm.Job{}, err
				}
				made, err = m.Job(ctx, made.ID)
				if err != nil {
					return farm.Job{}, err
				}
			}
		}
	}
	return made, nil
}

// checkManifest refuses paths that leave the job's folder, refs that are none, and doubles.
func checkManifest(spec *farm.JobSpec, files []farm.File) error {
	if len(files) > farm.MaxFiles {
		return farm.Errorf(farm.TooLarge, "the job has over %d files", farm.MaxFiles)
	}
	names := newNames(len(files))
	hasBlend, hasColours, addons := false, false, 0
	for i := range files {
		f := &files[i]
		clean, err := blob.CleanPath(f.Path)
		if err != nil || clean != f.Path {
			return farm.Errorf(farm.Invalid, "the manifest has a path that cannot be used: %s", clip(f.Path, 100))
		}
		if _, err := blob.ParseRef(f.Ref); err != nil {
			return farm.Errorf(farm.Invalid, "the manifest's entry %s has no proper SHA-256", clip(f.Path, 100))
		}
		if f.Size < 0 || len(f.Original) > 4096 {
			return farm.Errorf(farm.Invalid, "the manifest's entry %s makes no sense", clip(f.Path, 100))
		}
		if why := names.add(f.Path); why != "" {
			return farm.Errorf(farm.Invalid, "the manifest's files get into each other's way: %s", why)
		}
		hasBlend = hasBlend || f.Path == spec.Blend
		hasColours = hasColours || f.Path == spec.Options.Colours && f.First == nil && f.Last == nil
		if slices.Contains(spec.Needs.AddonFiles, f.Path) && f.First == nil && f.Last == nil {
			addons++
		}
	}
	if !hasBlend {
		return farm.Errorf(farm.Invalid, "the scene file %s is not in the manifest", clip(spec.Blend, 100))
	}
	if !hasColours && spec.Options.Colours != "" {
		return farm.Errorf(farm.Invalid, "the colour configuration %s is not in the manifest", clip(spec.Options.Colours, 100))
	}
	if addons != len(spec.Needs.AddonFiles) { // names of files differ, so each was counted once
		return farm.Errorf(farm.Invalid, "an add-on that should travel with the job is not in the manifest, or named twice")
	}
	return nil
}

// folderName makes the name of a job's results folder: readable, safe on every platform, never twice.
func folderName(name string, id farm.JobID) string {
	safe := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`<>:"/\|?*`, r) || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	for len(safe) > 80 {
		safe = strings.ToValidUTF8(safe[:80], "")
	}
	if safe = strings.Trim(safe, ". "); safe == "" {
		safe = "job"
	}
	return fmt.Sprintf("%s-%d", safe, id)
}
