package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/netrender/netrender/internal/store/salvage"
)

// shape is how the rows of a table lie in a page.
type shape struct {
	name    string
	index   bool // a table WITHOUT ROWID lies in the tree of an index
	columns []column
}

type column struct {
	name    string
	kind    string // as declared
	notNull bool
	rowid   bool // it is the row's number
}

// fits tells whether a row may be one of the table's.
func (s *shape) fits(c salvage.Cell) bool {
	if len(c.Values) == 0 || len(c.Values) > len(s.columns) {
		return false
	}
	for i, v := range c.Values {
		col := &s.columns[i]
		good := false
		switch v := v.(type) {
		case nil:
			good = !col.notNull || col.rowid
		case int64:
			good = col.kind == "INTEGER" || col.kind == "REAL"
		case float64:
			good = col.kind == "REAL"
		case string:
			good = col.kind == "TEXT" && strings.ToValidUTF8(v, "") == v
		case []byte:
			good = col.kind == "BLOB"
		}
		if !good {
			return false
		}
	}
	return true
}

const (
	tableKinds = `SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'goose_db_version' ORDER BY name`
	tableColumns = `SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid`
	schemaTexts  = `SELECT name, coalesce(sql, '') FROM sqlite_schema`
)

// shapesOf reads the tables of a database.
func shapesOf(ctx context.Context, pool *sql.DB) (list []shape, err error) {
	list, err = collect(ctx, pool, tableKinds, nil, func(rows *sql.Rows) (s shape, err error) { return s, rows.Scan(&s.name, &s.index) })
	if err != nil {
		return nil, err
	}
	for i := range list {
		s := &list[i]
		keys := map[int]column{} // of a table WITHOUT ROWID, which come first in its rows
		err := forEach(ctx, pool, tableColumns, []any{s.name}, func(rows *sql.Rows) error {
			var c column
			var key int
			if err := rows.Scan(&c.name, &c.kind, &c.notNull, &key); err != nil {
				return err
			}
			c.rowid = key > 0 && !s.index && c.kind == "INTEGER"
			if key > 0 && s.index {
				c.notNull = true
				keys[key] = c
			} else {
				s.columns = append(s.columns, c)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		var first []column
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			first = append(first, keys[key])
		}
		s.columns = append(first, s.columns...)
	}
	return list, nil
}

// versionOf finds the schema that objects are of: one that has most of them, the oldest when all are there, else the
// newest.
func versionOf(ctx context.Context, objects []salvage.Object, all bool) (best int64, err error) {
	newest, err := newestSchema("sqlite")
	if err != nil || len(objects) == 0 {
		return newest, err
	}
	most := -1
	for v := int64(1); v <= newest; v++ {
		texts, err := textsOf(ctx, v)
		if err != nil {
			return 0, err
		}
		same := 0
		for _, o := range objects {
			if o.SQL != "" && texts[o.Name] == o.SQL {
				same++
			}
		}
		if same > most || same == most && !all {
			best, most = v, same
		}
	}
	return best, nil
}

// textsOf are the statements that made the objects of a version, by name.
func textsOf(ctx context.Context, version int64) (map[string]string, error) {
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := buildSchema(ctx, pool, version); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	return texts, forEach(ctx, pool, schemaTexts, nil, func(rows *sql.Rows) error {
		var name, text string
		err := rows.Scan(&name, &text)
		texts[name] = text
		return err
	})
}

// buildSchema makes an empty database of a version.
func buildSchema(ctx context.Context, pool *sql.DB, version int64) error {
	if _, err := pool.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
		return err
	}
	p, err := provider(goose.DialectSQLite3, "sqlite", pool)
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}
