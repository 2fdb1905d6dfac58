package client

import (
	"context"
	"os"
	"sync"

	"github.com/netrender/netrender/internal/wire"
)

// askers is how many files are asked for at once.
const askers = 8

// Lacking tells how much of the plan the master does not have yet. Files of the same bytes count once, and parts of files
// that the master has in others do not count.
func (p *Plan) Lacking(ctx context.Context, c *wire.Client) (files int, bytes int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ask := make(chan *LocalFile)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for f := range ask {
				lacks, n, err := f.lacks(ctx, c)
				mu.Lock()
				switch {
				case err != nil:
					cancel(err)
				case lacks:
					files, bytes = files+1, bytes+n
				}
				mu.Unlock()
			}
		})
	}
	seen := make(map[string]bool, len(p.Files))
	for i := range p.Files {
		f := &p.Files[i]
		if seen[f.Ref] || ctx.Err() != nil || p.Spec.Needs.Shares(&f.File) {
			continue
		}
		seen[f.Ref] = true
		ask <- f
	}
	close(ask)
	wg.Wait()
	return files, bytes, context.Cause(ctx)
}

func (f *LocalFile) lacks(ctx context.Context, c *wire.Client) (lacks bool, bytes int64, err error) {
	file, err := os.Open(f.Local)
	if err != nil {
		return false, 0, plainFile(f.Local, err)
	}
	defer file.Close()
	return c.Lacks(ctx, f.Ref, f.Size, file)
}
