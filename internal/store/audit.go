package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

const (
	auditAdd = `INSERT INTO audit (seq, time, who, token, role, address, action, subject, text)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING`
	auditTrimAge  = `DELETE FROM audit WHERE time < ?`
	auditTrimRows = `DELETE FROM audit WHERE seq <= (SELECT seq FROM audit ORDER BY seq DESC LIMIT 1 OFFSET ?)`

	auditSelect = `SELECT seq, time, who, token, role, address, action, subject, text FROM audit WHERE `
	auditByWho  = `(who = ? OR token = ?) AND `
	auditNewest = `seq < ? ORDER BY seq DESC LIMIT ?`
	auditAfter  = `seq > ? ORDER BY seq LIMIT ?`
)

func (b *batch) auditAdd(a *farm.Audit) error {
	_, err := b.w.exec(auditAdd, a.Seq, micros(a.Time), a.Who, a.Token, string(a.Role), a.Address, string(a.Action), a.Subject, a.Text)
	return err
}

func (b *batch) auditTrim(c *farm.AuditTrim) error {
	_, err := b.w.exec(auditTrimAge, micros(c.Before))
	if err == nil {
		_, err = b.w.exec(auditTrimRows, int64(c.Keep))
	}
	return err
}

// Audit lists records, the newest first, or those after a Seq the oldest first.
func (d *db) Audit(ctx context.Context, f farm.AuditFilter) ([]farm.Audit, error) {
	query, args := auditSelect, []any{}
	if f.Who != "" {
		query, args = query+auditByWho, append(args, f.Who, f.Who)
	}
	if f.After > 0 {
		query, args = query+auditAfter, append(args, f.After)
	} else {
		before := f.Before
		if before <= 0 {
			before = 1<<63 - 1
		}
		query, args = query+auditNewest, append(args, before)
	}
	list, err := collect(ctx, d.reads, query, append(args, int64(max(f.Limit, 1))), func(rows *sql.Rows) (a farm.Audit, err error) {
		var at int64
		err = rows.Scan(&a.Seq, &at, &a.Who, &a.Token, &a.Role, &a.Address, &a.Action, &a.Subject, &a.Text)
		a.Time = moment(at)
		return a, err
	})
	return list, d.fault(err)
}
