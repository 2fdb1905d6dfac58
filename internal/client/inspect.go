package client

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// maxLooks is how often a scene is looked at: once more for each level of libraries that link others.
const maxLooks = 10

// InspectOptions say how Inspect works.
type InspectOptions struct {
	Hashes  *blob.HashCache         // remembers files known from last time; may be nil
	Home    string                  // the user's own folder
	Hashing func(done, total int64) // is told how many bytes were looked at; may be nil
	Sending func(s Sending)         // hears of uploads; may be nil
	Waiting func(job farm.Job)      // is told of the job that waits for a worker; may be nil
}

// Inspected is what a worker of the farm found in a scene.
type Inspected struct {
	Report *farm.Inspection
	Files  []LocalFile // what the scene needs and is here, the .blend first; the master has it
	Bytes  int64       // of them
}

// Inspect has a worker look at a scene. No Blender of this machine is needed: files that the worker misses and that are here
// are sent, and it looks again, until it finds no more. The jobs that this takes are deleted.
func Inspect(ctx context.Context, c *wire.Client, blend string, o InspectOptions) (*Inspected, error) {
	blend, err := filepath.Abs(blend)
	if err != nil {
		return nil, plainFile(blend, err)
	}
	if err := blender.PreCheck(blend); err != nil {
		return nil, &farm.Error{Kind: farm.Invalid, Text: err.Error(), Hint: "name a .blend file that Blender saved", Err: err}
	}
	place := layout.Of(blend, nil, o.Home)[blend]
	s := farm.JobSpec{Name: clipName(filepath.Base(blend)), Blend: place, Inspect: true}
	if v, err := farm.ParseVersion(blender.SeriesOf(blend)); err == nil {
		s.Needs.Blender = v
	}
	wanted := map[string]farm.File{blend: {Path: place, Original: blend}}
	out := &Inspected{}
	for range maxLooks {
		if out.Files, err = hashWanted(ctx, blend, wanted, o); err != nil {
			return nil, err
		}
		p := &Plan{Spec: s, Files: out.Files, hashes: o.Hashes}
		if out.Report, err = look(ctx, c, p, o); err != nil {
			return nil, err
		}
		if found := hereOf(out.Report, wanted); found == 0 {
			break
		}
	}
	for i := range out.Files {
		out.Bytes += out.Files[i].Size
	}
	return out, nil
}

// clipName is a name that a job may have.
func clipName(name string) string {
	name = strings.ToValidUTF8(name, "?")
	if len(name) > farm.MaxName {
		name = strings.ToValidUTF8(name[:farm.MaxName], "")
	}
	return name
}

// hashWanted names the bytes of files, which are by their local paths; the .blend comes first.
func hashWanted(ctx context.Context, blend string, wanted map[string]farm.File, o InspectOptions) ([]LocalFile, error) {
	paths := slices.Sorted(maps.Keys(wanted))
	stats := make(map[string]fs.FileInfo, len(paths))
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, plainFile(p, err)
		}
		stats[p] = st
	}
	infos, err := hashAll(ctx, paths, stats, &PlanOptions{Hashes: o.Hashes, Hashing: o.Hashing})
	if err != nil {
		return nil, err
	}
	list := make([]LocalFile, 0, len(paths))
	for _, p := range paths {
		f := wanted[p]
		f.Size, f.Ref = infos[p].Size, infos[p].Ref.String()
		list = append(list, LocalFile{File: f, Local: p, stat: stats[p]})
	}
	slices.SortStableFunc(list, func(a, b LocalFile) int { return one(b.Local == blend) - one(a.Local == blend) })
	return list, nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// look submits one inspection, waits for its report and deletes it.
func look(ctx context.Context, c *wire.Client, p *Plan, o InspectOptions) (*farm.Inspection, error) {
	var id farm.JobID
	p.Announced = func(j farm.Job) { id = j.ID }
	defer func() {
		if id == 0 {
			return
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = c.DeleteJob(end, id) // the master does it in an hour
	}()
	job, err := Submit(ctx, c, p, o.Sending)
	if err != nil {
		return nil, err
	}
	if o.Waiting != nil {
		o.Waiting(job)
	}
	for after := int64(0); !job.State.Ended(); {
		page, err := c.Attempts(ctx, farm.AttemptFilter{Job: id, After: after}, wire.MaxWaitMS/2*time.Millisecond)
		if err != nil {
			return nil, err
		}
		for i := range page.Attempts {
			after = page.Attempts[i].Seq
		}
		if job, err = c.Job(ctx, id); err != nil {
			return nil, err
		}
	}
	return c.Inspection(ctx, id)
}

// hereOf adds the missing files of a report that are on this machine to those that are wanted, and tells how many they are.
func hereOf(r *farm.Inspection, wanted map[string]farm.File) (found int) {
	folders := make(map[string]string, len(wanted)) // of places -> of files
	for local, f := range wanted {
		folders[path.Dir(f.Path)] = filepath.Dir(local)
	}
	for i := range r.Files {
		f := &r.Files[i]
		if !f.Missing || f.Path == "" || len(wanted) >= farm.MaxFiles {
			continue
		}
		local := f.Original
		if local == "" { // it would lie near a file that was sent
			for dir, rest := path.Dir(f.Path), path.Base(f.Path); ; dir, rest = path.Dir(dir), path.Join(path.Base(dir), rest) {
				if of, ok := folders[dir]; ok {
					local = filepath.Join(of, filepath.FromSlash(rest))
					break
				}
				if dir == "." || dir == "/" {
					break
				}
			}
		}
		if _, twice := wanted[local]; twice || !filepath.IsAbs(local) {
			continue
		}
		if st, err := os.Stat(local); err != nil || !st.Mode().IsRegular() {
			continue
		}
		wanted[local] = farm.File{Path: f.Path, Original: local, First: f.First, Last: f.Last}
		found++
	}
	return found
}
