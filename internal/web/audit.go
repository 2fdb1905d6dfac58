package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

const pageOfAudit = 100 // records

// auditPage is a page of what was done to the farm, the newest first.
type auditPage struct {
	shell
	Records []auditRow
	From    int64  // 0: from the newest
	Of      string // only what this token did, by name or id; "": all
	Next    string // address of the page of older records; "": there are none
	Newest  string // address of the first page
	OfName  string // its name
	Zone    string // of times
}

// auditRow is a record in the list.
type auditRow struct {
	farm.Audit
	When  moment
	At    string // when, to the second
	Deed  string // what was done, in words; what it was done to follows
	Link  string // to what it was done to; "": there is no page of it
	Other string // address of the page of what the same one did; "": it is this one
}

// deeds are words for what was done. What is not among them is shown as it is.
var deeds = map[farm.Action]string{
	farm.DidSubmit: "sent job", farm.DidChange: "changed job", farm.DidCancel: "canceled job", farm.DidPause: "paused job",
	farm.DidResume: "resumed job", farm.DidRetry: "retried job", farm.DidDelete: "deleted job",
	farm.DidChangeWorker: "changed worker", farm.DidDeleteWorker: "deleted worker",
	farm.DidMakeToken: "made token", farm.DidRevokeToken: "revoked token",
	farm.DidAccept: "let in newcomer", farm.DidRefuse: "refused newcomer",
	farm.DidLogIn: "logged in", farm.DidLogOut: "logged out",
	farm.DidRules: "changed the rules", farm.DidCleaning: "changed what is cleaned", farm.DidClean: "had the farm cleaned",
	farm.DidVerify: "had what is stored verified", farm.DidBackup: "made a backup",
	farm.DidArchive: "archived job", farm.DidImport: "imported job",
}

func (p *Pages) audit(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := r.URL.Query()
	page := auditPage{shell: p.shell(r, who, "Audit", "audit"), Zone: p.opt.Now().Local().Format("MST"), Of: q.Get("who")}
	page.OfName, page.Newest = page.Of, auditAt(page.Of, 0)
	if before := q.Get("before"); before != "" {
		var err error
		if page.From, err = strconv.ParseInt(before, 10, 64); err != nil || page.From < 1 {
			return farm.Errorf(farm.Invalid, "that is not the number of a record").WithHint("begin with the newest")
		}
	}
	list, err := p.m.Audit(r.Context(), farm.AuditFilter{Who: page.Of, Before: page.From, Limit: pageOfAudit + 1})
	if err != nil {
		return err
	}
	if len(list) > pageOfAudit {
		list = list[:pageOfAudit]
		page.Next = auditAt(page.Of, list[pageOfAudit-1].Seq)
	}
	for i := range list {
		row := p.auditRow(&list[i])
		if page.Of != "" {
			row.Other = ""
			if list[i].Token == page.Of {
				page.OfName = list[i].Who
			}
		}
		page.Records = append(page.Records, row)
	}
	return p.show(w, http.StatusOK, "audit", page)
}

func (p *Pages) auditRow(a *farm.Audit) auditRow {
	row := auditRow{Audit: *a, When: p.moment(a.Time), At: a.Time.Local().Format("2 Jan 2006 15:04:05"), Deed: deeds[a.Action]}
	if row.Deed == "" {
		row.Deed = string(a.Action)
	}
	if row.Who == "" {
		row.Who = "the master"
	}
	switch a.Action {
	case farm.DidSubmit, farm.DidChange, farm.DidCancel, farm.DidPause, farm.DidResume, farm.DidRetry:
		if _, err := farm.ParseJobID(a.Subject); err == nil {
			row.Link = "/jobs/" + a.Subject
		}
	case farm.DidLogIn, farm.DidLogOut:
		row.Subject = "" // ids of logins say nothing to people
	}
	if by := a.Token; by != "" {
		row.Other = auditAt(by, 0)
	}
	return row
}

// auditAt is the address of a page of records.
func auditAt(who string, before int64) string {
	q := url.Values{}
	if who != "" {
		q.Set("who", who)
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if len(q) == 0 {
		return "/audit"
	}
	return "/audit?" + q.Encode()
}
