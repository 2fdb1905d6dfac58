package main

import (
	"context"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// fetchCaches brings home what was baked for a job.
func (a *app) fetchCaches(ctx context.Context, master *wire.Client, job *farm.Job, dir string) error {
	show := a.newShow()
	defer show.close()
	got, err := client.FetchCaches(ctx, master, job, dir, func(done, total int64) { show.bytes("fetching", done, total) })
	show.close()
	if err != nil {
		return interrupted(ctx, err)
	}
	a.note(got, "%s of caches here, %s, in %s", count(got.Files, "file"), size(got.Bytes), got.Dir)
	return nil
}
