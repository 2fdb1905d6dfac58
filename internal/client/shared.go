package client

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// share notes which of the folders hold files of the plan: those are not sent.
func (p *Plan) share(folders []string) error {
	p.Spec.Needs.Shared = nil
	for _, folder := range folders {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return plainFile(folder, err)
		}
		one := farm.Needs{Shared: []string{abs}}
		if slices.ContainsFunc(p.Files, func(f LocalFile) bool { return one.Shares(&f.File) }) {
			p.Spec.Needs.Shared = append(p.Spec.Needs.Shared, abs)
		} else {
			p.Warnings = append(p.Warnings, "none of the scene's files lies in the shared folder "+abs)
		}
	}
	return nil
}

// Unshare has the files of folders sent that some worker which could render the job does not see. It returns the names of
// such workers for each folder. When none is online nothing is known, and nothing changes: workers ask for what they lack.
func (p *Plan) Unshare(workers []wire.WorkerView) map[string][]string {
	blind := make(map[string][]string)
	for i := range workers {
		w := &workers[i]
		if !w.Online || !w.Enabled || w.Draining || !p.Spec.Needs.Suits(&w.Worker) {
			continue
		}
		for _, folder := range p.Spec.Needs.Shared {
			if !w.Facts.Sees(folder) {
				blind[folder] = append(blind[folder], w.Name)
			}
		}
	}
	p.Spec.Needs.Shared = slices.DeleteFunc(p.Spec.Needs.Shared, func(folder string) bool { return len(blind[folder]) > 0 })
	return blind
}

// SendMissing uploads what the master has come to lack of a job's files since it was submitted: what was damaged there, and
// what a worker does not find in a shared folder as it was.
func SendMissing(ctx context.Context, c *wire.Client, p *Plan, id farm.JobID, tell func(Sending)) error {
	local := make(map[string]*LocalFile, len(p.Files))
	for i := range p.Files {
		local[p.Files[i].Ref] = &p.Files[i]
	}
	missing, err := missingOf(ctx, c, id)
	if err != nil || len(missing) == 0 {
		return err
	}
	return upload(ctx, c, missing, local, tell)
}

// missingOf lists what a job waits for.
func missingOf(ctx context.Context, c *wire.Client, id farm.JobID) (missing []string, err error) {
	seen := make(map[string]bool)
	for f, err := range c.Missing(ctx, id) {
		if err != nil {
			return nil, err
		}
		if !seen[f.Ref] {
			seen[f.Ref] = true
			missing = append(missing, f.Ref)
		}
	}
	return missing, nil
}
