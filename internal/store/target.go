package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/netrender/netrender/internal/farm"
)

const (
	targetSet = `INSERT INTO targets (id, name, url, secret, shown, kinds, owner, enabled, created, failing, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, url = excluded.url, secret = excluded.secret, shown = excluded.shown,
		kinds = excluded.kinds, owner = excluded.owner, enabled = excluded.enabled, created = excluded.created,
		failing = excluded.failing, error = excluded.error`
	targetDelete = `DELETE FROM targets WHERE id = ?`
	targetList   = `SELECT id, name, url, secret, shown, kinds, owner, enabled, created, failing, error FROM targets ORDER BY id`

	pendingAdd = `INSERT INTO pending (target, id, message) SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM targets WHERE id = ?)
		ON CONFLICT (target, id) DO UPDATE SET message = excluded.message`
	pendingEnd  = `DELETE FROM pending WHERE target = ? AND id = ?`
	pendingDrop = `DELETE FROM pending WHERE target = ?`
	pendingList = `SELECT target, message FROM pending ORDER BY seq`
)

func (b *batch) targetSet(t *farm.Target) error {
	kinds, err := json.Marshal(t.Kinds)
	if err == nil {
		_, err = b.w.exec(targetSet, t.ID, t.Name, t.URL, t.Secret, t.Where, string(kinds), t.Owner, bit(t.Enabled), micros(t.Created), micros(t.Failing), t.Error)
	}
	return err
}

func (b *batch) targetDelete(id string) error {
	_, err := b.w.exec(pendingDrop, id)
	if err == nil {
		_, err = b.w.exec(targetDelete, id)
	}
	return err
}

func (b *batch) pendingAdd(p *farm.Pending) error {
	text, err := json.Marshal(&p.Message)
	if err == nil {
		_, err = b.w.exec(pendingAdd, p.Target, p.Message.ID, text, p.Target)
	}
	return err
}

func (b *batch) pendingEnd(c *farm.PendingEnd) error {
	for _, id := range c.Messages {
		if _, err := b.w.exec(pendingEnd, c.Target, id); err != nil {
			return err
		}
	}
	return nil
}

func (d *db) targets(ctx context.Context, q querier) ([]farm.Target, error) {
	return collect(ctx, q, targetList, nil, func(rows *sql.Rows) (t farm.Target, err error) {
		var kinds []byte
		var created, failing int64
		err = rows.Scan(&t.ID, &t.Name, &t.URL, &t.Secret, &t.Where, &kinds, &t.Owner, &t.Enabled, &created, &failing, &t.Error)
		if err == nil {
			err = decodeJSON(kinds, &t.Kinds, "events of target %.80q", t.Name)
		}
		t.Created, t.Failing = moment(created), moment(failing)
		return t, err
	})
}

func (d *db) pending(ctx context.Context, q querier) ([]farm.Pending, error) {
	return collect(ctx, q, pendingList, nil, func(rows *sql.Rows) (p farm.Pending, err error) {
		var text []byte
		if err = rows.Scan(&p.Target, &text); err == nil {
			err = decodeJSON(text, &p.Message, "message for target %.40q", p.Target)
		}
		return p, err
	})
}
