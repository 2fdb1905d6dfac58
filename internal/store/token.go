package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

const (
	tokenSet = `INSERT INTO tokens (id, name, role, hash, created, used) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, hash = excluded.hash,
		created = excluded.created, used = excluded.used`
	tokenDelete = `DELETE FROM tokens WHERE id = ?`
	tokenList   = `SELECT id, name, role, hash, created, used FROM tokens ORDER BY id`
)

func (b *batch) tokenSet(t *farm.Token) error {
	_, err := b.w.exec(tokenSet, t.ID, t.Name, string(t.Role), t.Hash, micros(t.Created), micros(t.Used))
	return err
}

func (d *db) tokens(ctx context.Context, q querier) ([]farm.Token, error) {
	return collect(ctx, q, tokenList, nil, func(rows *sql.Rows) (t farm.Token, err error) {
		var created, used int64
		err = rows.Scan(&t.ID, &t.Name, &t.Role, &t.Hash, &created, &used)
		t.Created, t.Used = moment(created), moment(used)
		return t, err
	})
}
