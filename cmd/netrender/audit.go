package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("steer", (*app).auditVerb)

func (a *app) auditVerb() *cobra.Command {
	var f farm.AuditFilter
	var follow bool
	c := &cobra.Command{
		Use: "audit", Short: "List what was done to the farm: by whom, when and from where", Args: cobra.NoArgs,
		Long: `List what was done to the farm: by whom, when and from where. The newest stands last. What was before is asked for with
the number that is printed. An admin's token is needed.`,
		Example: "  netrender audit\n  netrender audit --who anna --limit 20\n  netrender audit --follow --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Limit < 1 || f.Limit > wire.MaxPage {
				return usagef("--limit is a whole number from 1 to %d, not %d", wire.MaxPage, f.Limit)
			}
			if f.Before < 0 || cmd.Flags().Changed("before") && f.Before == 0 {
				return usagef("--before is the number of an entry, not %d", f.Before)
			}
			if follow && f.Before > 0 {
				return usagef("--follow goes on from the newest entry, and --before asks for older ones; choose one")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			return a.audit(cmd.Context(), client, f, follow)
		},
	}
	a.masterFlags(c)
	c.Flags().StringVar(&f.Who, "who", "", "only what this token did (its name or id)")
	c.Flags().Int64Var(&f.Before, "before", 0, "only what was done before the entry of this number")
	c.Flags().IntVar(&f.Limit, "limit", 50, "entries at most, 1 to 1000")
	c.Flags().BoolVar(&follow, "follow", false, "go on with what is done from now on")
	return c
}

func (a *app) audit(ctx context.Context, client *wire.Client, f farm.AuditFilter, follow bool) error {
	page, err := client.Audit(ctx, f, 0)
	if err != nil {
		return err
	}
	slices.Reverse(page.Entries)
	if page.Next != 0 && !a.json {
		more := fmt.Sprintf("netrender audit --before %d", page.Next)
		if f.Who != "" {
			more += " --who " + quoted(f.Who)
		}
		fmt.Fprintln(a.err, "What was before: "+more)
	}
	if len(page.Entries) == 0 && !a.json && !follow {
		fmt.Fprintln(a.out, "There is no such record.")
	}
	after := int64(1)
	for {
		if err := a.showAudit(page.Entries); err != nil || !follow {
			return err
		}
		if n := len(page.Entries); n > 0 {
			after = page.Entries[n-1].Seq
		}
		if page, err = client.Audit(ctx, farm.AuditFilter{Who: f.Who, After: after, Limit: wire.MaxPage}, wire.MaxWaitMS*time.Millisecond); err != nil {
			return err
		}
	}
}

func (a *app) showAudit(list []farm.Audit) error {
	for i := range list {
		e := &list[i]
		if a.json {
			if err := a.print(e); err != nil {
				return err
			}
			continue
		}
		who := plainText(e.Who)
		if e.Address != "" {
			who += " at " + plainText(e.Address)
		}
		line := fmt.Sprintf("%s  %-15s %-10s %s", e.Time.Local().Format(time.DateTime), plainText(string(e.Action)), plainText(e.Subject), who)
		if e.Text != "" {
			line += ": " + plainText(e.Text)
		}
		fmt.Fprintln(a.out, line)
	}
	return nil
}
