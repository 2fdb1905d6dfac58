package main

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
)

var _ = verb("farm", (*app).pairVerb)

func (a *app) pairVerb() *cobra.Command {
	var role string
	var as newcomerAs
	c := &cobra.Command{
		Use: "pair", Short: "Ask a farm to let this machine in; or let a newcomer in",
		Long: `Ask a farm to let this machine in. A short code is shown; somebody who may (on the master's machine, say)
lets the newcomer in with netrender pair accept CODE.

Where the master encrypts its connections, four letters of the code are made of the key that this machine sees: the
master compares them with its own key, so that nobody can stand between the two. The key is remembered with the token;
a master that shows another one is refused until netrender pair --again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r := farm.Role(role); r != farm.RoleSubmit && r != farm.RoleWorker && r != farm.RoleView {
				return usagef("a machine may ask for the role submit, worker or view, not for %q", role)
			}
			as.role = farm.Role(role)
			given, _ := cmd.Flags().GetString("master")
			m, err := a.pair(cmd.Context(), given, as)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"paired": plainURL(m)})
			}
			fmt.Fprintf(a.out, "This machine is let in at %s.\n", plainURL(m))
			return nil
		},
	}
	c.Flags().String("master", "", "the master's address (default: the one found on the network)")
	c.Flags().StringVar(&role, "role", string(farm.RoleSubmit), "what to ask for: submit, worker or view")
	c.Flags().StringVar(&as.name, "name", "", "name shown to whoever lets this machine in (default: the machine's)")
	c.Flags().BoolVar(&as.again, "again", false, "ask anew: the master's key was made anew, or this machine's token was revoked")
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

// pair asks to be let in, unless this machine is let in already.
func (a *app) pair(ctx context.Context, given string, as newcomerAs) (foundMaster, error) {
	masters, err := a.masters(ctx, given, "")
	if err != nil {
		return foundMaster{}, err
	}
	for i, m := range masters {
		if err = a.pairWith(ctx, m, as); err == nil || i == len(masters)-1 || ctx.Err() != nil || !wire.Again(err) && farm.KindOf(err) != farm.Untrusted { // not after a refusal: that is an answer
			return m, err
		}
	}
	return foundMaster{}, err
}

func (a *app) pairWith(ctx context.Context, m foundMaster, as newcomerAs) error {
	m, info, err := a.ask(ctx, m)
	if err != nil {
		return err
	}
	if !as.again {
		known, err := a.readFarms()
		if err != nil {
			return err
		}
		f := known[info.ID]
		at, err := f.meet(m)
		if err != nil {
			return err
		}
		token := f.Worker
		if as.role != farm.RoleWorker {
			token, _ = a.userToken(f) // where it cannot be had another one is asked for
		}
		if token != "" {
			if client, err := clientOf(at, token); err == nil {
				who, err := client.Whoami(ctx)
				client.Close()
				if farm.KindOf(err) == farm.Untrusted {
					return err
				}
				if err == nil && who.Role == as.role {
					if token != f.Token { // it is where it belongs
						return nil
					}
					return a.giveUser(info.ID, token, func(*knownFarm) {})
				}
			}
		}
	}
	_, _, err = a.pairAs(ctx, m, as)
	return err
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

// newcomerAs is as what this machine asks to be let in.
type newcomerAs struct {
	role  farm.Role
	name  string // "": the machine's
	again bool   // also by a master whose key changed
}

// nameOr is the name, or what this machine calls itself.
func nameOr(name string) string {
	if name != "" {
		return name
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "unnamed machine"
}

// pairAs asks to be let in, shows the code and waits; the token is remembered for the farm and returned, with how to
// speak to the master from then on.
func (a *app) pairAs(ctx context.Context, m foundMaster, as newcomerAs) (foundMaster, string, error) {
	m, info, sees, err := a.meetNew(ctx, m, as)
	if err != nil {
		return m, "", err
	}
	if info.Open {
		fmt.Fprintf(a.err, "The farm at %s is open: no token is needed.\n", plainURL(m))
		if as.again {
			known, _ := a.readFarms()
			if err = a.keepFarm(info.ID, func(f *knownFarm) { *f = knownFarm{} }); err == nil {
				a.dropFromKeyring(known[info.ID].Ring)
			}
		}
		return m, "", err
	}
	client, err := clientOf(m, "")
	if err != nil {
		return m, "", err
	}
	defer client.Close()
	client = client.Patient(time.Hour)
	request := wire.PairRequest{
		Name: nameOr(as.name), Role: as.role, Kind: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
	}
	if as.role == farm.RoleWorker {
		if request.Worker, err = worker.Identity(a.workerDir()); err != nil {
			return m, "", err
		}
	}
	for {
		nonce := ""
		if sees != "" {
			nonce = cryptorand.Text()
			request.Commit = farm.PairCommit(nonce)
		}
		ticket, err := client.AskPairing(ctx, request)
		if err != nil {
			return m, "", err
		}
		letters := ""
		if sees != "" { // not before the master has said its code: see package farm
			letters = farm.PairLetters(sees, ticket.Code, nonce)
		}
		code := farm.WholeCode(ticket.Code, letters)
		if a.json {
			_ = a.print(map[string]any{"code": code, "expires": ticket.Expires})
		}
		fmt.Fprintf(a.err, "The farm at %s must let this machine in. On the master's machine run:\n\n    netrender pair accept %s\n\nWaiting ...\n", plainURL(m), code)
		a.noteDoing(map[string]any{"state": "asks", "master": plainURL(m), "code": code})
		answer, err := waitPaired(ctx, client, wire.PairPoll{Secret: ticket.Secret, Nonce: nonce, WaitMS: 30_000})
		if err != nil {
			return m, "", err
		}
		switch answer.State {
		case farm.PairAccepted:
			meet := func(f *knownFarm) {
				f.At = plainURL(m)
				f.TLS = strings.HasPrefix(m.URL, "https:")
				if f.Pin = ""; info.Pin == sees {
					f.Pin = sees
				}
			}
			if as.role != farm.RoleWorker {
				return m, answer.Token, a.giveUser(info.ID, answer.Token, meet)
			}
			return m, answer.Token, a.keepFarm(info.ID, func(f *knownFarm) {
				f.Worker = answer.Token
				meet(f)
			})
		case farm.PairRefused:
			return m, "", farm.Errorf(farm.Denied, "the farm at %s refused this machine", plainURL(m))
		default:
			fmt.Fprintln(a.err, "The code expired; here is a new one.")
		}
	}
}

// meetNew asks a master who it is and holds on to the key that it shows. sees is that key's pin when nothing vouches for
// it yet: then letters of it go with the code. It is "" when the certificate is one that the system trusts for the name,
// or when there is no encryption at all.
func (a *app) meetNew(ctx context.Context, m foundMaster, as newcomerAs) (_ foundMaster, info wire.Info, sees string, err error) {
	client, err := clientOf(m, "")
	if err != nil {
		return m, info, "", err
	}
	info, err = client.Info(ctx)
	byName := err == nil && !m.heard && wire.PinIn(m.URL) == ""
	if farm.KindOf(err) == farm.Untrusted && !m.heard && wire.PinIn(m.URL) == "" && strings.HasPrefix(m.URL, "https:") {
		client.Close()
		m.heard = true
		if client, err = clientOf(m, ""); err == nil {
			info, err = client.Info(ctx)
		}
	}
	defer client.Close()
	if err != nil {
		return m, info, "", err
	}
	known, err := a.readFarms()
	if err != nil {
		return m, info, "", err
	}
	f := known[info.ID]
	if as.again {
		f = knownFarm{}
	}
	if strings.HasPrefix(m.URL, "https:") && !byName {
		sees = client.Key()
		m.URL, m.heard = wire.WithPin(m.URL, sees), false
	}
	if f.Pin != "" && sees != f.Pin {
		at := m
		at.URL = wire.WithPin(m.URL, f.Pin)
		if client, err := clientOf(at, ""); err == nil {
			_, err = client.Info(ctx)
			client.Close()
			return m, info, "", err
		}
	}
	m, err = f.meet(m)
	return m, info, sees, err
}

func waitPaired(ctx context.Context, client *wire.Client, p wire.PairPoll) (wire.PairAnswer, error) {
	for {
		answer, err := client.PollPairing(ctx, p)
		if err != nil || answer.State != farm.PairWaiting {
			return answer, err
		}
	}
}
