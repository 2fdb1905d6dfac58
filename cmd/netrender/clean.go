package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).cleanVerb)

func (a *app) cleanVerb() *cobra.Command {
	var now, dry bool
	c := &cobra.Command{
		Use: "clean [name=value...]", Short: "Show or change what the farm removes of jobs that have ended, or remove it now",
		Long: `Show or change what the farm removes by itself of jobs that have ended: their outputs (results), inputs (the scene's
files, as far as no other job needs them) and logs. At first it removes nothing. The rules:

  outputs.done=60d       the results of jobs that are done, 60 days after their end; never: not at all
  outputs.failed=7d      of failed jobs; 36h is an age, too
  outputs.canceled=1d    of canceled jobs
  outputs.max=500GB      results of all jobs together; beyond it the jobs that ended first lose theirs; none: no limit

and the same with inputs and logs. What a job needs that has not ended is never removed, nor anything of a job that is
marked by netrender set ID keep=true. The farm follows its rules once an hour.`,
		Example: "  netrender clean outputs.done=90d outputs.max=2TB logs.done=30d\n  netrender clean --dry-run\n  netrender clean --now",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (now || dry) && len(args) > 0 {
				return usagef("set the rules first, then use --now or --dry-run")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if now || dry {
				return a.cleanNow(cmd, client, dry)
			}
			rules, err := client.Cleaning(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				if err := changeCleaning(&rules, args); err != nil {
					return err
				}
				if rules, err = client.SetCleaning(cmd.Context(), rules); err != nil {
					return err
				}
			}
			return a.showCleaning(rules)
		},
	}
	a.masterFlags(c)
	c.Flags().BoolVar(&now, "now", false, "follow the rules now")
	c.Flags().BoolVar(&dry, "dry-run", false, "only tell what would be removed now")
	return c
}

func (a *app) showCleaning(rules farm.Cleaning) error {
	if a.json {
		return a.print(rules)
	}
	var rows [][]string
	for _, p := range farm.Parts() {
		r, limit := rules.Rule(p), "none"
		if r.MaxBytes > 0 {
			limit = size(r.MaxBytes)
		}
		rows = append(rows, []string{string(p), farm.DaysText(r.DoneDays), farm.DaysText(r.FailedDays), farm.DaysText(r.CanceledDays), limit})
	}
	a.rows([]string{"OF ENDED JOBS", "DONE", "FAILED", "CANCELED", "MAX"}, rows)
	return nil
}

// changeCleaning applies words as outputs.done=60d.
func changeCleaning(c *farm.Cleaning, words []string) error {
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		part, which, _ := strings.Cut(name, ".")
		if !ok || !slices.Contains(farm.Parts(), farm.Part(part)) {
			return usagef("%q is not a rule; write it as outputs.done=60d", word)
		}
		r := c.Rule(farm.Part(part))
		days := map[string]*float64{"done": &r.DoneDays, "failed": &r.FailedDays, "canceled": &r.CanceledDays}[which]
		var err error
		switch {
		case days != nil:
			*days, err = farm.ParseDays(value)
		case which == "max" && (value == "none" || value == "0"):
			r.MaxBytes = 0
		case which == "max":
			r.MaxBytes, err = parseSize(value)
		default:
			err = usagef("%s has no rule %q; there are done, failed, canceled and max", part, which)
		}
		if err != nil {
			return fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
	}
	return nil
}

func (a *app) cleanNow(cmd *cobra.Command, client *wire.Client, dry bool) error {
	var n int
	var bytes int64
	for c, err := range client.Clean(cmd.Context(), dry) {
		if err != nil {
			return interrupted(cmd.Context(), err)
		}
		n++
		bytes += c.Bytes
		if a.json {
			if err := a.print(c); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "job %d (%s): its %s, %s, by the rule %s\n", c.Job, plainText(c.Name), c.Part.Noun(), size(c.Bytes), c.Rule)
	}
	switch {
	case a.json:
	case n == 0:
		a.note(nil, "There is nothing to remove by the rules.")
	case dry:
		a.note(nil, "%s would be removed. netrender clean --now does it.", size(bytes))
	default:
		a.note(nil, "%s removed. Scenes' files that no job needs any more go within the hour.", size(bytes))
	}
	return nil
}
