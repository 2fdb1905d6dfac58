package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

const (
	loginSet = `INSERT INTO logins (id, token, hash, address, browser, created, used) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET token = excluded.token, hash = excluded.hash, address = excluded.address,
		browser = excluded.browser, created = excluded.created, used = excluded.used`
	loginDelete = `DELETE FROM logins WHERE id = ?`
	loginList   = `SELECT id, token, hash, address, browser, created, used FROM logins ORDER BY id`
)

func (b *batch) loginSet(l *farm.Login) error {
	_, err := b.w.exec(loginSet, l.ID, l.Token, l.Hash, l.Address, l.Browser, micros(l.Created), micros(l.Used))
	return err
}

func (d *db) logins(ctx context.Context, q querier) ([]farm.Login, error) {
	return collect(ctx, q, loginList, nil, func(rows *sql.Rows) (l farm.Login, err error) {
		var created, used int64
		err = rows.Scan(&l.ID, &l.Token, &l.Hash, &l.Address, &l.Browser, &created, &used)
		l.Created, l.Used = moment(created), moment(used)
		return l, err
	})
}
