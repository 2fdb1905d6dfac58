package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("steer", (*app).statusVerb)

// farmStatus is what netrender status prints.
type farmStatus struct {
	Jobs    []jobStatus   `json:"jobs"` // in progress, newest first
	Workers workerNumbers `json:"workers"`
	farm.AttentionList
}

type jobStatus struct {
	farm.Job
	Held int `json:"slots_held"` // a few seconds ago
}

type workerNumbers struct {
	All       int `json:"all"`
	Online    int `json:"online"`
	Working   int `json:"working"`
	Disabled  int `json:"disabled"`
	Draining  int `json:"draining"`
	Resting   int `json:"resting"`    // outside of their hours, or somebody uses the machine
	Slots     int `json:"slots"`      // of those that take work
	SlotsBusy int `json:"slots_busy"` // with a frame
}

func (a *app) statusVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Show the farm at a glance: jobs in progress, workers, and what needs a person", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			status, more, err := readStatus(cmd, client)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(status)
			}
			a.showStatus(status, more)
			return nil
		},
	}
	a.masterFlags(c)
	return c
}

func readStatus(cmd *cobra.Command, client *wire.Client) (*farmStatus, bool, error) {
	ctx := cmd.Context()
	jobs, err := client.Jobs(ctx, farm.JobFilter{States: []farm.JobState{farm.Active, farm.Queued, farm.Collecting, farm.Paused}, Limit: wire.MaxPage})
	if err != nil {
		return nil, false, err
	}
	share, err := client.Share(ctx, 1)
	if err != nil {
		return nil, false, err
	}
	held := make(map[farm.JobID]int, len(share.Jobs))
	for i := range share.Jobs {
		if h := share.Jobs[i].Held; len(h) > 0 {
			held[share.Jobs[i].ID] = h[len(h)-1]
		}
	}
	s := &farmStatus{Jobs: make([]jobStatus, len(jobs.Jobs))}
	for i := range jobs.Jobs {
		s.Jobs[i] = jobStatus{jobs.Jobs[i], held[jobs.Jobs[i].ID]}
	}
	workers, err := client.Workers(ctx)
	if err != nil {
		return nil, false, err
	}
	for i := range workers {
		s.Workers.add(&workers[i])
	}
	s.AttentionList, err = client.Attention(ctx)
	return s, jobs.Next != 0, err
}

func (n *workerNumbers) add(w *wire.WorkerView) {
	n.All++
	busy := make(map[int]struct{})
	for _, r := range rendering(w) {
		busy[r.Slot] = struct{}{}
	}
	n.SlotsBusy += len(busy)
	switch workerState(w) {
	case "offline":
		return
	case "disabled":
		n.Disabled++
	case "draining":
		n.Draining++
	case "resting":
		n.Resting++
	case "working":
		n.Working++
		n.Slots += w.Slots
	case "online":
		n.Slots += w.Slots
	}
	n.Online++
}

func (a *app) showStatus(s *farmStatus, more bool) {
	n := &s.Workers
	parts := []string{fmt.Sprintf("%d of %s online", n.Online, count(n.All, "worker"))}
	for _, p := range []struct {
		n    int
		what string
	}{{n.Working, "working"}, {n.Disabled, "disabled"}, {n.Draining, "draining"}, {n.Resting, "resting"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	fmt.Fprintf(a.out, "%s; %d of %s busy\n", strings.Join(parts, ", "), n.SlotsBusy, count(n.Slots, "slot"))
	if len(s.Jobs) == 0 {
		fmt.Fprintln(a.out, "No jobs are in progress.")
	} else {
		fmt.Fprintln(a.out)
		rows := make([][]string, 0, len(s.Jobs))
		for i := range s.Jobs {
			j := &s.Jobs[i]
			rows = append(rows, []string{
				j.ID.String(), plainText(j.Name), a.paint(string(j.State), string(j.State)), frameCount(&j.Job), strconv.Itoa(j.Priority),
				strconv.Itoa(j.Held), plainText(j.Owner), plainText(shorten(j.Reason, 60)),
			})
		}
		a.rows([]string{"JOB", "NAME", "STATE", "FRAMES", "PRIORITY", "SLOTS", "OWNER", ""}, rows)
		if more {
			fmt.Fprintln(a.out, "... and more: netrender jobs --state active,queued,collecting,paused")
		}
	}
	fmt.Fprintln(a.out)
	if len(s.Attention) == 0 {
		fmt.Fprintln(a.out, "Nothing needs a person.")
		return
	}
	fmt.Fprintln(a.out, "Needs a person:")
	for i := range s.Attention {
		at := &s.Attention[i]
		fmt.Fprintf(a.out, "  %s (since %s)\n", plainText(at.Text), at.Since.Local().Format(time.DateTime))
		if at.Hint != "" {
			fmt.Fprintf(a.out, "    %s\n", plainText(at.Hint))
		}
	}
	if s.More > 0 {
		fmt.Fprintf(a.out, "  ... and %d more\n", s.More)
	}
}
