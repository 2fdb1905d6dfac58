package store

import (
	"encoding/json"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
)

const (
	metaGet = `SELECT value FROM meta WHERE name = ?`
	metaSet = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`

	metaEpoch   = "epoch"    // grows with every start of a master, see farm.EpochAt
	metaNextJob = "next job" // one more than the largest job number ever used
	metaRules   = "rules"    // farm.Rules as JSON
	metaClean   = "cleaning" // farm.Cleaning as JSON
)

// metaNumber reads a number, 0 when it was never kept.
func (w *writer) metaNumber(name string) (int64, error) {
	var text string
	found, err := w.row(metaGet, []any{name}, &text)
	if err != nil || !found {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, unreadable(err, "the kept %s %.40q is not a number", name, text)
	}
	return n, nil
}

func (w *writer) metaSetNumber(name string, n int64) error {
	_, err := w.exec(metaSet, name, strconv.FormatInt(n, 10))
	return err
}

func (b *batch) nextJob(id farm.JobID) error {
	n, err := b.w.metaNumber(metaNextJob)
	if err != nil || n >= int64(id) {
		return err
	}
	return b.w.metaSetNumber(metaNextJob, int64(id))
}

func (b *batch) rulesSet(r *farm.Rules) error {
	text, err := json.Marshal(r)
	if err == nil {
		_, err = b.w.exec(metaSet, metaRules, string(text))
	}
	return err
}

func (w *writer) rules() (r farm.Rules, kept bool, err error) {
	var text []byte
	if kept, err = w.row(metaGet, []any{metaRules}, &text); kept && err == nil {
		err = decodeJSON(text, &r, "rules")
	}
	return r, kept, err
}

func (b *batch) cleaningSet(c *farm.Cleaning) error {
	text, err := json.Marshal(c)
	if err == nil {
		_, err = b.w.exec(metaSet, metaClean, string(text))
	}
	return err
}

func (w *writer) cleaning() (c farm.Cleaning, err error) {
	var text []byte
	kept, err := w.row(metaGet, []any{metaClean}, &text)
	if kept && err == nil {
		err = decodeJSON(text, &c, "cleaning rules")
	}
	return c, err
}
