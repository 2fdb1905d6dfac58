package worker

import (
	"context"
	"errors"
	"io"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// compose brings a file into the cache of which other files there hold a good part, as the save before of a scene does:
// the rest is fetched from the master. When it returns nil the file may still lack: then it is fetched as others are,
// from where this ended, and if that is wrong once more. Its error is that of ctx.
func (a *folders) compose(ctx context.Context, m Master, ref blob.Ref, file *farm.File) error {
	if file.Size < blob.ChunkFrom || file.Size > blob.ChunkUpTo || !a.index.Any() || a.cache.Has(ref) {
		return nil
	}
	recipe, err := m.FetchRecipe(ctx, file.Ref, file.Size)
	if err != nil { // an older master, one that has not cut it, or none just now
		return ctx.Err()
	}
	least := file.Size / 16
	if a.peers != nil {
		least = file.Size / 2 // other workers may have more of it
	}
	if a.index.Share(recipe) < least {
		return nil
	}
	err = a.cache.Fetch(ctx, ref, file.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return a.index.Compose(ctx, recipe, offset, func(ctx context.Context, offset, n int64) (io.ReadCloser, error) {
			return m.OpenBlobRange(ctx, file.Ref, offset, n)
		}), nil
	})
	if err != nil && ctx.Err() == nil {
		var wrong *blob.ChunkError
		if errors.As(err, &wrong) { // the recipe is not that of the file: what was made by it is worth nothing
			_ = a.disk.Delete(ctx, ref)
		}
		a.log.Debug("a file is fetched whole", "ref", file.Ref, "why", err)
	}
	return ctx.Err()
}
