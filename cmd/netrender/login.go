package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).loginVerb)

func (a *app) loginVerb() *cobra.Command {
	var job int64
	c := &cobra.Command{
		Use: "login", Short: "Print a link that logs a browser in, once",
		Long: `Print a link that logs a browser in to the master's pages. It works once, for ten minutes, and gives the browser the
role of the token that this command shows: on the master's machine that of an admin, elsewhere what the machine was let
in for. The browser stays logged in until it logs out, stays away for 30 days, or its token is revoked.`,
		Example: "  netrender login\n  netrender login --job 12\n  netrender login list\n  netrender login end LOGIN",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			page := ""
			if job != 0 {
				if _, err := client.Job(cmd.Context(), farm.JobID(job)); err != nil {
					return err
				}
				page = fmt.Sprintf("/jobs/%d", job)
			}
			address := a.forBrowsers(client.Address())
			link, err := client.AskLogin(cmd.Context())
			if farm.KindOf(err) == farm.Conflict { // the farm is open: there is nothing to log in to
				if a.json {
					return a.print(map[string]any{"url": address + page})
				}
				fmt.Fprintln(a.out, address+page)
				fmt.Fprintln(a.err, "Nobody needs to log in: the farm is open.")
				return nil
			}
			if err != nil {
				return err
			}
			if page != "" {
				link.Path += "?to=" + url.QueryEscape(page)
			}
			if a.json {
				return a.print(map[string]any{"url": address + link.Path, "expires": link.Expires})
			}
			fmt.Fprintln(a.out, address+link.Path)
			fmt.Fprintf(a.err, "Open it in a browser. It works once, until %s.\n", link.Expires.Local().Format(time.TimeOnly))
			return nil
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List the browsers that are logged in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			logins, err := client.Logins(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(logins))
			for _, l := range logins {
				if a.json {
					if err := a.print(l); err != nil {
						return err
					}
					continue
				}
				rows = append(rows, []string{
					l.ID, plainText(l.Name), string(l.Role), l.Address, shorten(plainText(l.Browser), 40),
					l.Created.Local().Format(time.DateTime), l.Used.Local().Format(time.DateTime),
				})
			}
			if len(rows) == 0 && !a.json {
				fmt.Fprintln(a.out, "No browser is logged in.")
			}
			a.rows([]string{"LOGIN", "TOKEN OF", "ROLE", "FROM", "BROWSER", "SINCE", "LAST USED"}, rows)
			return nil
		},
	}
	end := &cobra.Command{
		Use: "end LOGIN", Short: "Log a browser out at once (its id, as netrender login list shows it)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if err := client.EndLogin(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"ended": args[0]})
			}
			fmt.Fprintf(a.out, "login %s is ended\n", args[0])
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().Int64Var(&job, "job", 0, "lead to the page of this job")
	for _, sub := range []*cobra.Command{list, end} {
		a.masterFlags(sub)
		c.AddCommand(sub)
	}
	return c
}

// forBrowsers is the address at which browsers find the master, also those of other machines when it runs here.
func (a *app) forBrowsers(address string) string {
	if r, err := a.readRunning(); err == nil && wire.WithPin(r.URL, "") == address && len(r.Addresses) > 0 {
		return wire.WithPin(r.Addresses[0], "")
	}
	return address
}

// loginLink makes a link for an admin's browser; "" when nobody logs in, or there is none to be had.
func (s *server) loginLink() string {
	who, err := s.master.Authenticate(s.admin, "")
	if err != nil || s.opt.open {
		return ""
	}
	secret, _, err := s.master.AskLogin(context.Background(), who)
	if err != nil {
		return ""
	}
	return wire.WithPin(s.addresses()[0], "") + wire.LoginRoot + secret
}

// showsLink tells whether a login link may be printed: to a person, or when it was asked for. Elsewhere it would lie in
// a log.
func (a *app) showsLink(s *server) bool {
	f, ok := a.out.(*os.File)
	return s.opt.link || ok && isTerminal(f) && !a.json
}
