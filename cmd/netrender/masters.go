package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

var _ = verb("farm", (*app).mastersVerb)

// seenMaster is a master that a person may choose. What one says of itself is not to be believed; whoever goes there
// finds out.
type seenMaster struct {
	URL   string `json:"url"`
	Name  string `json:"name"`
	ID    string `json:"id"`
	LetIn bool   `json:"let_in"` // its farm let this machine in
	Here  bool   `json:"here"`   // it runs on this machine, with this data folder
}

// otherNetworks is how long masters may take to answer that were met elsewhere and may be out of reach.
const otherNetworks = 2 * time.Second

func (a *app) mastersVerb() *cobra.Command {
	return &cobra.Command{
		Use: "masters", Short: "List the masters that this machine can find", Args: cobra.NoArgs,
		Long: `List the masters that this machine can find: on the network, on this machine, and those of farms that let it in, at the
address where they were met last. Name one with --master or NETRENDER_MASTER. It takes two seconds: so long is listened.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := a.seenMasters(cmd.Context())
			rows := make([][]string, 0, len(list))
			for _, m := range list {
				if a.json {
					if err := a.print(m); err != nil {
						return err
					}
					continue
				}
				var is []string
				if m.Here {
					is = append(is, "runs here")
				}
				if m.LetIn {
					is = append(is, "let this machine in")
				}
				rows = append(rows, []string{m.URL, plainText(m.Name), strings.Join(is, ", ")})
			}
			if len(rows) == 0 && !a.json {
				fmt.Fprintln(a.out, "No master was found. netrender up starts one; one beyond this network is named with --master HOST.")
			}
			a.rows([]string{"ADDRESS", "NAME", ""}, rows)
			return nil
		},
	}
}

// seenMasters are the masters that can be found, each once; those that let this machine in first.
func (a *app) seenMasters(ctx context.Context) []seenMaster {
	var here foundMaster
	var runsHere bool
	elsewhere := a.remembered()
	answered := make([]string, len(elsewhere)) // their names
	var wait sync.WaitGroup
	wait.Go(func() { here, runsHere = a.localMaster(ctx) })
	for i, m := range elsewhere {
		wait.Go(func() {
			limit, cancel := context.WithTimeout(ctx, otherNetworks)
			defer cancel()
			if m, info, err := a.ask(limit, m); err == nil {
				elsewhere[i], answered[i] = m, info.Name
			} else {
				elsewhere[i].ID = ""
			}
		})
	}
	found := eachOnce(discoverAll(ctx, findTime))
	wait.Wait()
	for i, m := range elsewhere {
		if m.Name = answered[i]; m.ID != "" {
			found = append(found, m)
		}
	}
	own := ""
	if runsHere {
		if m, info, err := a.ask(ctx, here); err == nil {
			own, m.ID, m.Name = info.ID, info.ID, info.Name
			found = append(found, m)
		}
	}
	known, _ := a.readFarms() // who needs a token is told later that they cannot be read
	list := make([]seenMaster, 0, len(found))
	for _, m := range eachOnce(found) {
		_, letIn := known[m.ID]
		list = append(list, seenMaster{URL: plainURL(m), Name: m.Name, ID: m.ID, LetIn: letIn || m.ID == own, Here: m.ID == own})
	}
	slices.SortStableFunc(list, func(a, b seenMaster) int {
		if a.LetIn != b.LetIn {
			return map[bool]int{true: -1, false: 1}[a.LetIn]
		}
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.URL, b.URL))
	})
	return list
}
