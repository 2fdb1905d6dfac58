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

// provider knows the migrations of a dialect.
func provider(dialect goose.Dialect, folder string, pool *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// migrate brings the schema up to what this program knows, and refuses a newer one.
func migrate(ctx context.Context, dialect goose.Dialect, folder string, pool *sql.DB) error {
	p, err := provider(dialect, folder, pool)
	if err != nil {
		return err
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > know {
		return tooNew(have, know)
	}
	if have < know {
		_, err = p.Up(ctx)
	}
	return err
}

func tooNew(have, know int64) error {
	return farm.Errorf(farm.Outdated, "the database was written by a newer netrender (its schema is %d, this program knows %d)", have, know).
		WithHint("start the newer Netrender again, or put back a backup from before the update: netrender restore FILE --force")
}

// newestSchema is the version of the schema that this program makes.
func newestSchema(folder string) (int64, error) {
	files, err := fs.ReadDir(migrations, "migrations/"+folder)
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}

// schemaOf is the version of the schema that a database has.
func schemaOf(ctx context.Context, pool *sql.DB) (version int64, err error) {
	err = pool.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	return version, err
}
