package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// Of a job's attempts with warnings the newest are looked at; those that count for nothing are passed over.
const (
	warnedMany = 10_000
	warned     = `SELECT warnings, count(*), min(frame) FROM (
		SELECT warnings, frame FROM attempts INDEXED BY attempts_warned
		WHERE job = ? AND warnings IS NOT NULL AND standing <> 0` + jobStands + `
		ORDER BY seq DESC LIMIT ?) AS newest GROUP BY warnings`
)

// Warnings lists what the attempts that count warned of, each sentence once, the most frequent first.
func (d *db) Warnings(ctx context.Context, id farm.JobID) ([]farm.Warning, error) {
	type group struct {
		sentences []string
		frames    int
		frame     int
	}
	var groups []group
	err := d.look(ctx, func(q querier) (err error) {
		groups, err = collect(ctx, q, warned, []any{int64(id), int64(id), warnedMany}, func(rows *sql.Rows) (g group, err error) {
			var text []byte
			if err = rows.Scan(&text, &g.frames, &g.frame); err == nil {
				err = decodeJSON(text, &g.sentences, "warnings of job %d", id)
			}
			return g, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []farm.Warning
	at := map[string]int{}
	for _, g := range groups {
		for _, text := range g.sentences {
			i, known := at[text]
			if !known {
				i = len(list)
				at[text] = i
				list = append(list, farm.Warning{Text: text, Frame: g.frame})
			}
			list[i].Frames += g.frames
			list[i].Frame = min(list[i].Frame, g.frame)
		}
	}
	slices.SortFunc(list, func(a, b farm.Warning) int {
		return cmp.Or(cmp.Compare(b.Frames, a.Frames), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Text, b.Text))
	})
	return list, nil
}
