package store

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/netrender/netrender/internal/farm"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to what this program knows, and refuses a newer one.
func migrate(ctx context.Context, dialect goose.Dialect, folder string, pool *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > know {
		return farm.Errorf(farm.Outdated, "the database was written by a newer netrender (its schema is %d, this program knows %d)", have, know).
			WithHint("start the newer Netrender again, or put back the copy of the database made before the update")
	}
	if have < know {
		_, err = p.Up(ctx)
	}
	return err
}
