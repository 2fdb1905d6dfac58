package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var (
	_ = verb("steer", func(a *app) *cobra.Command {
		return a.steerVerb("cancel", "Stop a job on all workers; frames that are there stay", (*wire.Client).CancelJob, "canceled")
	})
	_ = verb("steer", func(a *app) *cobra.Command {
		return a.steerVerb("pause", "Hand out no more frames of a job", (*wire.Client).PauseJob, "paused")
	})
	_ = verb("steer", func(a *app) *cobra.Command {
		return a.steerVerb("resume", "Let a paused job go on", (*wire.Client).ResumeJob, "goes on")
	})
	_ = verb("steer", (*app).retryVerb)
	_ = verb("steer", (*app).setVerb)
	_ = verb("steer", (*app).deleteVerb)
)

// oneJob reads the command's one argument.
func oneJob(args []string) (farm.JobID, error) {
	id, err := farm.ParseJobID(args[0])
	if err != nil {
		return 0, fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	return id, nil
}

// jobIDs reads all of the command's arguments before anything is done.
func jobIDs(args []string) ([]farm.JobID, error) {
	ids := make([]farm.JobID, len(args))
	for i := range args {
		var err error
		if ids[i], err = oneJob(args[i:]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// eachJob does something to each job. What is refused for one does not keep it from the others; it is told, and the
// first refusal decides the exit code.
func (a *app) eachJob(cmd *cobra.Command, ids []farm.JobID, do func(farm.JobID) error) error {
	var first error
	for _, id := range ids {
		err := do(id)
		var refused *farm.Error
		if err == nil {
			continue
		}
		if len(ids) == 1 || !errors.As(err, &refused) || cmd.Context().Err() != nil {
			return err
		}
		code := a.exit(cmd, err)
		if first == nil {
			first = told{code}
		}
	}
	return first
}

func (a *app) steerVerb(name, short string, call func(*wire.Client, context.Context, farm.JobID) (farm.Job, error), done string) *cobra.Command {
	var some selecting
	c := &cobra.Command{
		Use: name + " ID...", Short: short, Args: cobra.ArbitraryArgs,
		Example: fmt.Sprintf("  netrender %[1]s 12 13\n  netrender %[1]s --owner anna --state active,queued", name),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := some.check(args); err != nil {
				return err
			}
			ids, err := jobIDs(args)
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				return a.actOnMany(cmd, client, &some, farm.JobAction(name), done)
			}
			return a.eachJob(cmd, ids, func(id farm.JobID) error {
				job, err := call(client, cmd.Context(), id)
				if err != nil {
					return err
				}
				if a.json {
					return a.print(job)
				}
				fmt.Fprintf(a.out, "job %d %s\n", id, done)
				return nil
			})
		},
	}
	a.masterFlags(c)
	some.flags(c)
	return c
}

func (a *app) retryVerb() *cobra.Command {
	var frames string
	var failed, all bool
	c := &cobra.Command{
		Use: "retry ID", Short: "Render frames again: the failed ones, some, or all; a canceled job goes on",
		Example: "  netrender retry 12\n  netrender retry 12 -f 40-50\n  netrender retry 12 --all",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			which := wire.RetryRequest{Failed: failed, All: all}
			if failed && all || frames != "" && (failed || all) {
				return usagef("use one of --frames, --failed and --all")
			}
			if err := checkFrames(frames); err != nil {
				return err
			}
			which.Failed = frames == "" && !all
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if frames != "" {
				job, err := client.Job(cmd.Context(), id)
				if err != nil {
					return err
				}
				if which.Frames, err = picturesOf(&job, frames); err != nil {
					return err
				}
			}
			job, err := client.RetryJob(cmd.Context(), id, which)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(job)
			}
			fmt.Fprintf(a.out, "job %d has %s to render\n", id, count(job.Queued(), "frame"))
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringVarP(&frames, "frames", "f", "", "which frames, as 1-250 or 1,5,9 or 1-100x5")
	c.Flags().BoolVar(&failed, "failed", false, "the failed frames (the default)")
	c.Flags().BoolVar(&all, "all", false, "all frames, also those that are there")
	return c
}

func (a *app) setVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "set ID name=value...", Short: "Change a job while it runs",
		Long: `Change a job while it runs. The settings:

  priority=N        1 to 100; a job of priority 2 counts as two jobs
  name=TEXT         what it is called
  attempts=N        failed attempts before a frame is failed; 0: the farm's rule
  timeout=SECONDS   longest a frame may take; 0: no limit
  allow=A,B         only these workers; empty: all
  deny=A,B          not these workers
  tags=A,B          only workers that have all of these tags
  keep=true         netrender clean leaves its results, files and logs alone`,
		Example: "  netrender set 12 priority=3\n  netrender set 12 allow=oak,elm",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			change, err := jobChange(args[1:])
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			job, err := client.ChangeJob(cmd.Context(), id, change)
			if farm.KindOf(err) == farm.Invalid { // the command's words are all that was said
				return fmt.Errorf("%w%w", hidden{errUsage}, err)
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.print(job)
			}
			fmt.Fprintf(a.out, "job %d changed\n", id)
			return nil
		},
	}
	a.masterFlags(c)
	return c
}

func jobChange(words []string) (wire.JobChange, error) {
	var change wire.JobChange
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return change, usagef("%q is not name=value", word)
		}
		number := func(p **int) error {
			n, err := strconv.Atoi(value)
			if err != nil {
				return usagef("%s is a whole number, not %q", name, value)
			}
			*p = &n
			return nil
		}
		list := func(p **[]string) error {
			l := slices.DeleteFunc(strings.Split(value, ","), func(s string) bool { return s == "" })
			*p = &l
			return nil
		}
		var err error
		switch name {
		case "priority":
			err = number(&change.Priority)
		case "attempts":
			err = number(&change.Attempts)
		case "timeout":
			err = number(&change.Timeout)
		case "name":
			change.Name = &value
		case "allow":
			err = list(&change.Allow)
		case "deny":
			err = list(&change.Deny)
		case "tags":
			err = list(&change.Tags)
		case "keep":
			keep, bad := strconv.ParseBool(value)
			if bad != nil {
				err = usagef("keep is true or false, not %q", value)
			}
			change.Keep = &keep
		default:
			err = usagef("a job has no setting %q", name)
		}
		if err != nil {
			return change, err
		}
	}
	return change, nil
}

func (a *app) deleteVerb() *cobra.Command {
	var yes bool
	var some selecting
	c := &cobra.Command{
		Use: "delete ID...", Short: "Forget jobs with their results and logs on the master", Args: cobra.ArbitraryArgs,
		Example: "  netrender delete 12 13\n  netrender delete --state canceled --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := some.check(args); err != nil {
				return err
			}
			ids, err := jobIDs(args)
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				if !yes && terminal(a.out) {
					list, err := client.Jobs(cmd.Context(), some.filter())
					if err != nil {
						return err
					}
					if !a.agreed("Delete %s with their results on the master?", count(list.Total, "job")) {
						fmt.Fprintln(a.err, "All stay.")
						return nil
					}
				}
				return a.actOnMany(cmd, client, &some, farm.ActDelete, "deleted")
			}
			return a.eachJob(cmd, ids, func(id farm.JobID) error {
				if !yes && terminal(a.out) {
					job, err := client.Job(cmd.Context(), id)
					if err != nil {
						return err
					}
					if !a.agreed("Delete job %d (%s) with %s on the master?", id, plainText(job.Name), count(job.Done, "rendered frame")) {
						fmt.Fprintf(a.err, "Job %d stays.\n", id)
						return nil
					}
				}
				if err := client.DeleteJob(cmd.Context(), id); err != nil {
					return err
				}
				if a.json {
					return a.print(map[string]any{"deleted": id})
				}
				fmt.Fprintf(a.out, "job %d deleted\n", id)
				return nil
			})
		},
	}
	a.masterFlags(c)
	some.flags(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

// agreed asks a person for a yes.
func (a *app) agreed(question string, args ...any) bool {
	fmt.Fprintf(a.err, question+" [y/N] ", args...)
	var answer string
	_, _ = fmt.Fscanln(a.in, &answer)
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}
