package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
)

var _ = verb("farm", (*app).pairVerb)

func (a *app) pairVerb() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "pair", Short: "Ask a farm to let this machine in; or let a newcomer in",
		Long: `Ask a farm to let this machine in. A short code is shown; somebody who may (on the master's machine, say)
lets the newcomer in with netrender pair accept CODE.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r := farm.Role(role); r != farm.RoleSubmit && r != farm.RoleWorker && r != farm.RoleView {
				return usagef("a machine may ask for the role submit, worker or view, not for %q", role)
			}
			given, _ := cmd.Flags().GetString("master")
			address, err := a.findMaster(cmd.Context(), given)
			if err != nil {
				return err
			}
			_, err = a.pairAs(cmd.Context(), address, farm.Role(role))
			if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"paired": address})
			}
			fmt.Fprintf(a.out, "This machine is let in at %s.\n", address)
			return nil
		},
	}
	c.Flags().String("master", "", "the master's address (default: the one found on the network)")
	c.Flags().StringVar(&role, "role", string(farm.RoleSubmit), "what to ask for: submit, worker or view")
	list := &cobra.Command{
		Use: "list", Short: "List who asks to be let in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			waiting, err := client.Pairings(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(waiting))
			for _, p := range waiting {
				if a.json {
					if err := a.print(p); err != nil {
						return err
					}
					continue
				}
				rows = append(rows, []string{p.Code, newcomer(&p), string(p.Role), plainText(p.Kind), p.Address, p.Expires.Local().Format(time.TimeOnly)})
			}
			if len(rows) == 0 && !a.json {
				fmt.Fprintln(a.out, "Nobody asks to be let in.")
			}
			a.rows([]string{"CODE", "NAME", "AS", "MACHINE", "ADDRESS", "UNTIL"}, rows)
			return nil
		},
	}
	a.masterFlags(list)
	c.AddCommand(list, a.answerVerb("accept", true), a.answerVerb("refuse", false))
	return c
}

// newcomer is the name of who asks, and whose place it would take.
func newcomer(p *farm.Pairing) string {
	if p.Again == "" {
		return plainText(p.Name)
	}
	return plainText(p.Name) + ", again: it is worker " + plainText(p.Again)
}

func (a *app) answerVerb(name string, accept bool) *cobra.Command {
	c := &cobra.Command{
		Use: name + " CODE", Args: cobra.ExactArgs(1),
		Short: map[bool]string{true: "Let the newcomer with this code in", false: "Refuse the newcomer with this code"}[accept],
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			p, err := client.AnswerPairing(cmd.Context(), args[0], accept)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(p)
			}
			fmt.Fprintf(a.out, "%s (%s, %s) is %s as %s\n", newcomer(&p), plainText(p.Kind), p.Address, p.State, p.Role)
			return nil
		},
	}
	a.masterFlags(c)
	return c
}

// tokenKey is under what a farm's token is remembered: a machine may be both a worker and a client.
func tokenKey(farmID string, role farm.Role) string {
	if role == farm.RoleWorker {
		return farmID + "/worker"
	}
	return farmID
}

// pairAs asks to be let in, shows the code and waits; the token is remembered for the farm and returned.
func (a *app) pairAs(ctx context.Context, address string, role farm.Role) (string, error) {
	client, err := wire.NewClient(address, "", wire.Options{Program: version})
	if err != nil {
		return "", err
	}
	info, err := client.Info(ctx)
	if err != nil {
		return "", err
	}
	if info.Open {
		fmt.Fprintf(a.err, "The farm at %s is open: no token is needed.\n", address)
		return "", nil
	}
	client = client.Patient(time.Hour)
	request := wire.PairRequest{
		Name: hostName(), Role: role, Kind: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
	}
	if role == farm.RoleWorker {
		if request.Worker, err = worker.Identity(a.workerDir()); err != nil {
			return "", err
		}
	}
	for {
		ticket, err := client.AskPairing(ctx, request)
		if err != nil {
			return "", err
		}
		if a.json {
			_ = a.print(map[string]any{"code": ticket.Code, "expires": ticket.Expires})
		}
		fmt.Fprintf(a.err, "The farm at %s must let this machine in. On the master's machine run:\n\n    netrender pair accept %s\n\nWaiting ...\n", address, ticket.Code)
		answer, err := waitPaired(ctx, client, ticket.Secret)
		if err != nil {
			return "", err
		}
		switch answer.State {
		case farm.PairAccepted:
			return answer.Token, a.keepToken(tokenKey(info.ID, role), answer.Token)
		case farm.PairRefused:
			return "", farm.Errorf(farm.Denied, "the farm at %s refused this machine", address)
		default:
			fmt.Fprintln(a.err, "The code expired; here is a new one.")
		}
	}
}

// hostName is what this machine calls itself.
func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "unnamed machine"
}

func waitPaired(ctx context.Context, client *wire.Client, secret string) (wire.PairAnswer, error) {
	for {
		answer, err := client.PollPairing(ctx, secret, 30*time.Second)
		if err != nil || answer.State != farm.PairWaiting {
			return answer, err
		}
	}
}
