package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
)

var _ = verb("farm", (*app).verifyVerb)

func (a *app) verifyVerb() *cobra.Command {
	var repair bool
	var rate string
	c := &cobra.Command{
		Use: "verify", Short: "Read all that the master has stored, and say what its disk has damaged or lost", Args: cobra.NoArgs,
		Long: `Read all that the master has stored: every file of a scene and every result of every job, whole, and compare it with its
size and SHA-256. It works while the farm does, and reads no faster than --rate so that it does not disturb.

With --repair what is harmed is mended. A damaged file of a scene is taken out: jobs that need it wait, and whoever
submits the scene again sends it. A frame with a damaged or lost result is rendered again, also when its job has ended.

The exit code is 0 when nothing is harmed, or everything that was is mended; else 1.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limit := int64(0)
			if rate != "0" {
				var err error
				if limit, err = parseSize(rate); err != nil {
					return usagef("--rate is bytes a second, as 100MB, or 0 for no limit, not %q", rate)
				}
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			began, said := time.Now(), time.Now()
			var sum farm.Verified
			for step, err := range client.Verify(cmd.Context(), repair, limit) {
				if err != nil {
					return interrupted(cmd.Context(), err)
				}
				if step.Verified != nil {
					sum = *step.Verified
				}
				switch {
				case a.json:
					if err := a.print(step); err != nil {
						return err
					}
				case step.Damage != nil:
					a.showDamage(step.Damage)
				case time.Since(said) >= 10*time.Second:
					said = time.Now()
					a.note(nil, "%s and %s read, %s", count(sum.Files, "file"), count(sum.Results, "result"), size(sum.Bytes))
				}
			}
			a.note(nil, "%s and %s read in %s, %s: %d harmed, %d mended", count(sum.Files, "file"), count(sum.Results, "result"),
				span(time.Since(began)), size(sum.Bytes), sum.Harmed, sum.Mended)
			if sum.Harmed > sum.Mended {
				return errFailed
			}
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().BoolVar(&repair, "repair", false, "take out what is harmed: files are asked for again, frames are rendered again")
	c.Flags().StringVar(&rate, "rate", "100MB", "bytes read in a second at most; 0: no limit")
	return c
}

func (a *app) showDamage(d *farm.Damage) {
	jobs := make([]string, len(d.Jobs))
	for i, id := range d.Jobs {
		jobs[i] = id.String()
	}
	var what string
	switch {
	case d.Part == farm.Outputs && d.Frame != nil:
		what = fmt.Sprintf("job %s %s: %s", strings.Join(jobs, ", "), farm.TaskName(*d.Frame), plainText(d.Name))
	case len(jobs) == 0:
		what = fmt.Sprintf("file %.12s..., which no job needs", d.Ref)
	default:
		what = fmt.Sprintf("file %s of job %s", plainText(d.Name), strings.Join(jobs, ", "))
	}
	fmt.Fprintf(a.out, "%s is %s: %s\n", what, a.paint(string(d.State), "failed"), d.Text)
}
