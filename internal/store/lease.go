package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

var (
	leaseSet = manyRows(7, insertMany+`leases (id, job, worker, slot, frames, attempt, issued) VALUES `,
		`(?, ?, ?, ?, ?, ?, ?)`, ` ON CONFLICT (id) DO UPDATE SET job = excluded.job, worker = excluded.worker,
		slot = excluded.slot, frames = excluded.frames, attempt = excluded.attempt, issued = excluded.issued`)
	leaseEnd = manyRows(1, `DELETE FROM leases WHERE id IN (`, `?`, `)`)
)

const leaseList = `SELECT l.id, l.job, coalesce(w.word, ''), l.slot, l.frames, l.attempt, l.issued
	FROM leases l LEFT JOIN words w ON w.id = l.worker ORDER BY l.id`

// leaseBatch is what became of each lease in a batch; one that came and went is only taken out, in case an earlier
// batch had kept it.
type leaseBatch struct {
	last  map[farm.LeaseID]*farm.Lease // nil: ended
	order []farm.LeaseID
}

func (b *leaseBatch) put(id farm.LeaseID, l *farm.Lease) {
	if b.last == nil {
		b.last = make(map[farm.LeaseID]*farm.Lease)
	}
	if _, ok := b.last[id]; !ok {
		b.order = append(b.order, id)
	}
	b.last[id] = l
}

func (b *batch) flushLeases() error {
	if len(b.leases.order) == 0 {
		return nil
	}
	var ends, adds []any
	for _, id := range b.leases.order {
		l := b.leases.last[id]
		if l == nil {
			ends = append(ends, int64(id))
			continue
		}
		worker, err := b.w.wordID(string(l.Worker))
		if err != nil {
			return err
		}
		adds = append(adds, int64(id), int64(l.Job), worker, int64(l.Slot), numbers(l.Frames), int64(l.Attempt), micros(l.Issued))
	}
	b.leases = leaseBatch{}
	if err := leaseEnd.run(b.w, ends, nil); err != nil {
		return err
	}
	return leaseSet.run(b.w, adds, nil)
}

func (d *db) leases(ctx context.Context, q querier) ([]farm.Lease, error) {
	return collect(ctx, q, leaseList, nil, func(rows *sql.Rows) (l farm.Lease, err error) {
		var frames string
		var issued int64
		if err = rows.Scan(&l.ID, &l.Job, &l.Worker, &l.Slot, &frames, &l.Attempt, &issued); err == nil {
			l.Issued = moment(issued)
			l.Frames, err = parseNumbers(frames)
		}
		return l, err
	})
}

// numbers writes whole numbers with commas, in the order given.
func numbers(list []int) string {
	b := make([]byte, 0, 8*len(list))
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

func parseNumbers(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, unreadable(err, "the kept list of frames %.40q cannot be read", text)
		}
		list = append(list, n)
	}
	return list, nil
}
