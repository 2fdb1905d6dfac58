package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func audits(t *testing.T, s Store) {
	f := &filler{}
	full := filled[farm.Audit](t, f)
	apply(t, s, farm.AuditAdd{Audit: full})
	same(t, "every field", []farm.Audit{full}, must(s.Audit(ctx, farm.AuditFilter{Limit: 9}))(t))
	apply(t, s, farm.AuditTrim{Before: full.Time.Add(time.Hour), Keep: 100})
	same(t, "trimmed", []farm.Audit(nil), must(s.Audit(ctx, farm.AuditFilter{Limit: 9}))(t))

	var all []farm.Audit
	var changes []farm.Change
	for i := range 50 {
		a := farm.Audit{
			Seq: int64(1000 + i), Time: noon.Add(time.Duration(i) * time.Minute), Who: []string{"anna", "bert"}[i%2], Token: fmt.Sprint("t", i%4),
			Action: farm.DidCancel, Subject: fmt.Sprint(i),
		}
		all = append(all, a)
		changes = append(changes, farm.AuditAdd{Audit: a})
	}
	apply(t, s, changes...)
	apply(t, s, changes...) // a batch twice
	pick := func(f farm.AuditFilter) (list []farm.Audit) {
		for i := range all {
			a := all[i]
			if f.After == 0 {
				a = all[len(all)-1-i]
			}
			if (f.Who == "" || f.Who == a.Who || f.Who == a.Token) && a.Seq > f.After && (f.Before == 0 || f.After > 0 || a.Seq < f.Before) && len(list) < f.Limit {
				list = append(list, a)
			}
		}
		return list
	}
	for _, f := range []farm.AuditFilter{
		{Limit: 1000},
		{Limit: 7},
		{Limit: 7, Before: 1020},
		{Limit: 3, Who: "anna"},
		{Limit: 30, Who: "t3", Before: 1040},
		{Limit: 5, After: 1010},
		{Limit: 1000, After: 1010, Who: "bert"},
		{Limit: 5, After: 1 << 40},
		{Limit: 5, Who: "nobody"},
	} {
		same(t, fmt.Sprintf("%+v", f), pick(f), must(s.Audit(ctx, f))(t))
	}
	apply(t, s, farm.AuditTrim{Before: noon.Add(9 * time.Minute), Keep: 1000})
	all = all[9:]
	same(t, "trimmed by age", pick(farm.AuditFilter{Limit: 1000}), must(s.Audit(ctx, farm.AuditFilter{Limit: 1000}))(t))
	apply(t, s, farm.AuditTrim{Before: noon, Keep: 10})
	all = all[len(all)-10:]
	same(t, "trimmed by number", pick(farm.AuditFilter{Limit: 1000}), must(s.Audit(ctx, farm.AuditFilter{Limit: 1000}))(t))
}
