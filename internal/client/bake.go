package client

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// simulations sees to those of the scene that are not baked and matter for the frames: the job bakes them, or it is said
// what can be done about them.
func (p *Plan) simulations(bake bool) {
	s := &p.Spec
	s.Bakes = nil
	var matter []blender.Simulation
	for _, k := range p.Scene.Simulations {
		if s.Frames.Count() > 0 && s.Frames.Last() > k.Start { // on its first frame it is as it stands
			matter = append(matter, k)
		}
	}
	switch {
	case bake && s.OtherScenes(p.Scene.Name):
		p.Faults = append(p.Faults, farm.Errorf(farm.Invalid, "simulations of other scenes than the file's own are not baked").
			WithHint("open the scene in Blender, save and send it by itself"))
	case bake && len(matter) == 0:
		p.Warnings = append(p.Warnings, "no simulation of the scene must be baked for these frames")
	case bake:
		for _, k := range matter {
			if k.Refused != "" {
				p.Faults = append(p.Faults, farm.Errorf(farm.Invalid, "%s cannot be baked by the farm: %s", k, k.Refused).
					WithHint("bake it in Blender, save and send again; or leave out --bake, or use --in-order"))
				continue
			}
			p.Warnings = append(p.Warnings, k.String()+" is baked by the farm first")
		}
		for _, group := range blender.Bakes(matter) {
			var b farm.Bake
			for _, k := range group {
				b = append(b, farm.Simulation{Kind: k.Kind, Owner: k.Owner, Name: k.Name, Start: k.Start, End: k.End})
			}
			s.Bakes = append(s.Bakes, b)
		}
	case s.InOrder: // the worker plays all frames before them
	default:
		for _, k := range matter {
			text := fmt.Sprintf("%s is not baked: --bake computes it on the farm first, --in-order renders the frames one after the other", k)
			if k.Refused != "" {
				text = fmt.Sprintf("%s is not baked, and cannot be baked by the farm (%s): --in-order renders the frames one after the other", k, k.Refused)
			}
			p.Warnings = append(p.Warnings, text)
		}
	}
}

// FetchedCaches is what FetchCaches brought.
type FetchedCaches struct {
	Dir   string `json:"dir"` // the folder that holds farm.CacheFolder
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	Kept  int    `json:"kept"` // of the files: they were here already
}

// FetchCaches brings home what was baked for a job, below a folder; "": beside the .blend, where that lies on this machine.
// Each file comes under a temporary name, is verified and then renamed; one that is here is not fetched again.
func FetchCaches(ctx context.Context, c *wire.Client, job *farm.Job, dir string, progress func(done, total int64)) (got FetchedCaches, err error) {
	var files []farm.File
	for f, err := range c.Files(ctx, job.ID) {
		if err != nil {
			return got, err
		}
		if f.Path == job.Blend && dir == "" {
			if _, err := os.Stat(f.Original); err != nil {
				return got, farm.Errorf(farm.NotFound, "%s is not on this machine", f.Original).WithHint("say with -o where the caches are to go")
			}
			dir = filepath.Dir(f.Original)
		}
		if f.Bake > 0 {
			files = append(files, f)
			got.Bytes += f.Size
		}
	}
	got.Dir, got.Files = dir, len(files)
	switch {
	case len(files) == 0:
		return got, farm.Errorf(farm.NotFound, "nothing was baked for job %d", job.ID).WithHint("netrender render --bake has the farm bake a scene's simulations")
	case dir == "":
		return got, farm.Errorf(farm.NotFound, "it is not known where the scene of job %d lies", job.ID).WithHint("say with -o where the caches are to go")
	}
	var done atomic.Int64
	for i := range files {
		name, ok := job.CacheName(files[i].Path)
		clean, cerr := blob.CleanPath(name)
		if !ok || cerr != nil || clean != name {
			return got, farm.Errorf(farm.Mismatch, "the master names a cache that cannot be: %s", files[i].Path)
		}
		kept, err := fetchCache(ctx, c, &files[i], filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return got, err
		}
		if kept {
			got.Kept++
		}
		if n := done.Add(files[i].Size); progress != nil {
			progress(n, got.Bytes)
		}
	}
	return got, nil
}

// fetchCache brings one file, unless it is here.
func fetchCache(ctx context.Context, c *wire.Client, f *farm.File, path string) (kept bool, err error) {
	whole := farm.Result{Ref: f.Ref, Size: f.Size}
	if same(ctx, path, whole) {
		return true, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, plainFetch(ctx, path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".netrender-*")
	if err != nil {
		return false, plainFetch(ctx, path, err)
	}
	defer os.Remove(tmp.Name())
	err = c.FetchBlobFrom(ctx, f.Ref, 0, tmp)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil && !same(ctx, tmp.Name(), whole) {
		err = farm.Errorf(farm.Mismatch, "%s did not come whole", filepath.Base(path)).WithHint("run the command again")
	}
	if err == nil {
		_ = os.Chmod(tmp.Name(), 0o644)
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return false, plainFetch(ctx, path, err)
	}
	return false, nil
}
