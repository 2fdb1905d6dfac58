package client

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// processFiles is the folder that files of a job of commands lie in, beside its template.
const processFiles = "files"

// ProcessOptions say what to send with a job of commands.
type ProcessOptions struct {
	Spec     farm.JobSpec    // with Process; its Paths are filled in
	Template string          // a local file
	With     []string        // files and folders that the commands read, as local paths
	Hashes   *blob.HashCache // remembers files known from last time; may be nil
	Hashing  func(done, total int64)
}

// ProcessPlan works out the manifest of a job of commands.
func ProcessPlan(ctx context.Context, o ProcessOptions) (*Plan, error) {
	p := &Plan{Spec: o.Spec, hashes: o.Hashes}
	p.Spec.Blend = "template" + filepath.Ext(o.Template)
	process := *o.Spec.Process
	p.Spec.Process = &process
	places := map[string]string{o.Template: p.Spec.Blend}
	paths, tops := []string{o.Template}, map[string]bool{}
	for _, given := range o.With {
		root, err := filepath.Abs(given)
		if err != nil {
			return nil, plainFile(given, err)
		}
		top := path.Join(processFiles, filepath.Base(root))
		for n := 2; tops[blob.FoldPath(top)]; n++ {
			top = path.Join(processFiles, fmt.Sprint(n), filepath.Base(root))
		}
		tops[blob.FoldPath(top)] = true
		process.Paths = append(process.Paths, farm.ProcessPath{From: root, To: top})
		err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
				return err
			}
			inside, err := filepath.Rel(root, file)
			if _, twice := places[file]; twice || err != nil {
				return err
			}
			places[file] = path.Join(top, filepath.ToSlash(inside))
			if paths = append(paths, file); len(paths) > farm.MaxFiles {
				return farm.Errorf(farm.TooLarge, "%s holds too many files; a job has at most %d", given, farm.MaxFiles)
			}
			return nil
		})
		if err != nil {
			if farm.KindOf(err) == farm.TooLarge {
				return nil, err
			}
			return nil, plainFile(given, err)
		}
	}
	stats := make(map[string]fs.FileInfo, len(paths))
	for _, file := range paths {
		st, err := os.Stat(file)
		if err != nil {
			return nil, plainFile(file, err)
		}
		stats[file] = st
	}
	infos, err := hashAll(ctx, paths, stats, &PlanOptions{Hashes: o.Hashes, Hashing: o.Hashing})
	if err != nil {
		return nil, err
	}
	for _, file := range paths {
		p.Files = append(p.Files, LocalFile{Local: file, stat: stats[file], File: farm.File{
			Path: places[file], Original: file, Size: infos[file].Size, Ref: infos[file].Ref.String(),
		}})
		p.Bytes += infos[file].Size
	}
	p.Spec.Defaults()
	return p, p.Spec.Check()
}
