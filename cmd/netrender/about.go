package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
)

var _ = verb("farm", (*app).aboutVerb)

func (a *app) aboutVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "about", Short: "Say what the master is made of and how much it keeps: versions, database, disk, backup", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			about, err := client.About(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.print(&about)
			}
			a.showAbout(&about)
			return nil
		},
	}
	a.masterFlags(c)
	return c
}

func (a *app) showAbout(v *farm.About) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(a.out, "%-10s %s\n", name, plainText(fmt.Sprintf(format, args...)))
	}
	line("program", "%s, protocol %d, %s, %s/%s", v.Program, v.Protocol, v.Go, v.OS, v.Arch)
	line("up", "%s, since %s", span(time.Duration(v.UptimeS*float64(time.Second))), v.Started.Local().Format(time.DateTime))
	line("database", "%s %s, schema %d, %s", v.Store.Engine, v.Store.Version, v.Store.Schema, size(v.Store.Bytes))
	switch {
	case v.Store.Damage != "":
		line("", "damaged: %s", v.Store.Damage)
	case !v.Store.Checked.IsZero():
		line("", "read through and whole: %s", v.Store.Checked.Local().Format(time.DateTime))
	}
	if v.Store.Path != "" {
		line("", "%s", v.Store.Path)
	}
	if v.Disk != nil {
		line("disk", "%s of %s free (%s)", size(v.Disk.Free), size(v.Disk.Total), v.Disk.State)
	}
	if v.Data != "" {
		line("data", "%s", v.Data)
	}
	if v.Backup != nil {
		line("backup", "%s, %s ago", v.Backup.Time.Local().Format(time.DateTime), span(time.Duration(v.Backup.AgeS*float64(time.Second))))
	} else {
		line("backup", "none is known; netrender backup makes one")
	}
	n := &v.Counts
	line("keeps", "%s, %d in progress; %s, %d online; %s, %d busy; %s", count(n.Jobs, "job"), n.InProgress, count(n.Workers, "worker"), n.WorkersOnline,
		count(n.Slots, "slot"), n.SlotsBusy, count(n.Tokens, "token"))
}

// showPreview prints what other rules would change.
func (a *app) showPreview(p *farm.RulesPreview) error {
	if a.json {
		return a.print(p)
	}
	for _, s := range p.Says {
		fmt.Fprintln(a.out, plainText(s))
	}
	if p.Same {
		fmt.Fprintln(a.out, "These are the rules in force.")
	}
	rows := make([][]string, 0, len(p.Jobs))
	for i := range p.Jobs {
		j := &p.Jobs[i]
		rows = append(rows, []string{j.ID.String(), plainText(j.Name), strconv.Itoa(j.Priority), strconv.Itoa(j.Now), strconv.Itoa(j.Before), strconv.Itoa(j.After)})
	}
	a.rows([]string{"JOB", "NAME", "PRIORITY", "SLOTS NOW", "BY THE RULES", "BY THE OTHERS"}, rows)
	return nil
}
