package main

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
)

var _ = verb("steer", (*app).statisticsVerb)

func (a *app) statisticsVerb() *cobra.Command {
	var by []string
	var from, to string
	var table bool
	c := &cobra.Command{
		Use: "statistics", Short: "Show what was rendered, by day, job, owner or worker, also for jobs that are deleted", Args: cobra.NoArgs,
		Example: "  netrender statistics --by owner --from 2026-11-01 --to 2026-11-30\n  netrender statistics --by day,worker --csv > november.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := farm.ParseStatKeys(strings.Join(by, ","))
			if err != nil {
				return fmt.Errorf("%w%w", hidden{errUsage}, err)
			}
			for _, day := range []string{from, to} {
				if day == "" {
					continue
				}
				if _, err := farm.ParseDay(day); err != nil {
					return fmt.Errorf("%w%w", hidden{errUsage}, err)
				}
			}
			if table && a.json {
				return usagef("--csv and --json are two forms; choose one")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			s, err := client.Statistics(cmd.Context(), keys, from, to)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(&s)
			}
			if table {
				lines, err := s.Sheet()
				if err != nil {
					return err
				}
				return csv.NewWriter(a.out).WriteAll(lines)
			}
			a.showStatistics(&s)
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringSliceVar(&by, "by", nil, "day, job, owner or worker, or some of them (default: day)")
	c.Flags().StringVar(&from, "from", "", "the first day, UTC, as 2026-11-01 (default: 30 days up to the last)")
	c.Flags().StringVar(&to, "to", "", "the last day (default: today)")
	c.Flags().BoolVar(&table, "csv", false, "print a table that spreadsheets read")
	return c
}

func (a *app) showStatistics(s *farm.Statistics) {
	var head []string
	for _, k := range s.By {
		head = append(head, string(k))
		if k == farm.PerJob || k == farm.PerWorker {
			head = append(head, string(k)+"_name")
		}
	}
	head = append(head, "seconds", "done", "failed", "expired")
	rows := make([][]string, 0, len(s.Rows)+1)
	for i := range s.Rows {
		r := &s.Rows[i]
		var row []string
		for _, k := range s.By {
			switch k {
			case farm.PerDay:
				row = append(row, r.Day)
			case farm.PerJob:
				row = append(row, r.Job.String(), plainText(r.JobName))
			case farm.PerOwner:
				row = append(row, plainText(r.Owner))
			case farm.PerWorker:
				row = append(row, string(r.Worker), plainText(r.WorkerName))
			}
		}
		rows = append(rows, append(row, sumOf(&r.StatSum)...))
	}
	if len(rows) == 0 {
		fmt.Fprintf(a.out, "Nothing was rendered from %s to %s.\n", s.From, s.To)
		return
	}
	rows = append(rows, append(append([]string{"all"}, make([]string, len(head)-5)...), sumOf(&s.Total)...))
	for i := range head {
		head[i] = strings.ToUpper(strings.ReplaceAll(head[i], "_", " "))
	}
	a.rows(head, rows)
	if s.More {
		fmt.Fprintln(a.out, "... and more: name fewer days")
	}
}

func sumOf(s *farm.StatSum) []string {
	return []string{
		strconv.FormatFloat(s.Seconds, 'f', 1, 64), strconv.FormatInt(s.Done, 10), strconv.FormatInt(s.Failed, 10), strconv.FormatInt(s.Expired, 10),
	}
}
