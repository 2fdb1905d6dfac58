package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// selecting is the jobs that a command is for, where they are not named one by one.
type selecting struct {
	states      []string
	owner, text string
}

func (s *selecting) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&s.states, "state", nil, "all jobs in these states: "+strings.Join(stateNames(), ", "))
	c.Flags().StringVar(&s.owner, "owner", "", "all jobs of this owner")
	c.Flags().StringVar(&s.text, "name", "", "all jobs whose name contains this")
}

func (s *selecting) filter() farm.JobFilter {
	f := farm.JobFilter{Owner: s.owner, Text: s.text, Limit: 1}
	for _, state := range s.states {
		f.States = append(f.States, farm.JobState(state))
	}
	return f
}

// check refuses a command that names no jobs, or names them both ways.
func (s *selecting) check(args []string) error {
	switch given := len(s.states) > 0 || s.owner != "" || s.text != ""; {
	case given && len(args) > 0:
		return usagef("name jobs by their numbers, or select them with --state, --owner and --name")
	case !given && len(args) == 0:
		return usagef("which jobs? Name them by their numbers, or select them with --state, --owner and --name")
	}
	for _, state := range s.states {
		if !slices.Contains(farm.JobStates(), farm.JobState(state)) {
			return usagef("a job's state is one of %s, not %q", strings.Join(stateNames(), ", "), state)
		}
	}
	return nil
}

// actOnMany does something to all jobs that are selected. What is refused is told, and decides the exit code.
func (a *app) actOnMany(cmd *cobra.Command, client *wire.Client, s *selecting, do farm.JobAction, done string) error {
	reply, err := client.Act(cmd.Context(), wire.ActionRequest{
		Action: do, Filter: &wire.ActionFilter{States: s.states, Owner: s.owner, Text: s.text},
	})
	if err != nil {
		return err
	}
	var first error
	for i := range reply.Results {
		r := &reply.Results[i]
		if !r.OK {
			refused := &farm.Error{Kind: r.Kind, Text: r.Error, Hint: r.Hint}
			if a.json {
				first = told{exitFailed} // the lines say why
			} else if code := a.exit(cmd, refused); first == nil {
				first = told{code}
			}
		}
		if a.json {
			if err := a.print(r); err != nil {
				return err
			}
		} else if r.OK {
			fmt.Fprintf(a.out, "job %d %s\n", r.ID, done)
		}
	}
	if len(reply.Results) == 0 && !a.json {
		fmt.Fprintln(a.out, "No such jobs.")
	}
	return first
}
