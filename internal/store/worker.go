package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/netrender/netrender/internal/farm"
)

const (
	workerSet = `INSERT INTO workers (id, name, wished, slots, tags, facts, enabled, reason, draining, registered, seen, address, token, hours, when_idle, set_slots)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, wished = excluded.wished, slots = excluded.slots,
		tags = excluded.tags, facts = excluded.facts, enabled = excluded.enabled, reason = excluded.reason,
		draining = excluded.draining, registered = excluded.registered, seen = excluded.seen, address = excluded.address,
		token = excluded.token, hours = excluded.hours, when_idle = excluded.when_idle,
		set_slots = excluded.set_slots`
	workerDelete = `DELETE FROM workers WHERE id = ?`
	workerList   = `SELECT id, name, wished, slots, tags, facts, enabled, reason, draining, registered, seen, address, token, hours, when_idle, set_slots
		FROM workers ORDER BY id`
)

func (b *batch) workerSet(w *farm.Worker) error {
	tags, err := json.Marshal(w.Tags)
	if err != nil {
		return err
	}
	facts, err := json.Marshal(&w.Facts)
	if err != nil {
		return err
	}
	_, err = b.w.exec(workerSet, string(w.ID), w.Name, w.Wished, int64(w.Slots), string(tags), string(facts),
		bit(w.Enabled), w.Reason, bit(w.Draining), micros(w.Registered), micros(w.Seen), w.Address, w.Token, w.Hours, int64(w.WhenIdle), int64(w.SetSlots))
	return err
}

func (d *db) workers(ctx context.Context, q querier) ([]farm.Worker, error) {
	return collect(ctx, q, workerList, nil, func(rows *sql.Rows) (w farm.Worker, err error) {
		var tags, facts []byte
		var registered, seen int64
		err = rows.Scan(&w.ID, &w.Name, &w.Wished, &w.Slots, &tags, &facts, &w.Enabled, &w.Reason, &w.Draining,
			&registered, &seen, &w.Address, &w.Token, &w.Hours, &w.WhenIdle, &w.SetSlots)
		if err == nil {
			err = decodeJSON(tags, &w.Tags, "tags of worker %.80q", w.Name)
		}
		if err == nil {
			err = decodeJSON(facts, &w.Facts, "facts of worker %.80q", w.Name)
		}
		w.Registered, w.Seen = moment(registered), moment(seen)
		return w, err
	})
}
