package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).notifyVerb)

func (a *app) notifyVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "notify", Short: "Tell people and programs what happens: by webhook, chat and e-mail",
		Long: `Tell people and programs what happens on the farm. A target is a webhook (https://HOST/PATH), whose bodies are signed with a
secret that is shown once, or a service of chat or e-mail, as smtp://, discord://, slack://, matrix:// and telegram://;
docs/notifications.md shows how their URLs are written. Targets are told these kinds of events:

` + kindTable() + `
Only admins may do this: the master calls what a target names.`,
	}
	for _, sub := range []*cobra.Command{a.notifyList(), a.notifyAdd(), a.notifySet(), a.notifyRemove(), a.notifyTest(), a.notifyLog()} {
		a.masterFlags(sub)
		c.AddCommand(sub)
	}
	return c
}

func kindTable() string {
	var b strings.Builder
	for _, k := range farm.MessageKinds() {
		fmt.Fprintf(&b, "  %-15s %s\n", k, k.Noun())
	}
	return b.String()
}

func (a *app) notifyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the targets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			list, err := client.Targets(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.print(list)
			}
			if len(list.Targets) == 0 {
				fmt.Fprintln(a.out, "Nobody is told anything. netrender notify add NAME URL changes that.")
				return nil
			}
			rows := make([][]string, 0, len(list.Targets))
			for i := range list.Targets {
				t := &list.Targets[i]
				rows = append(rows, []string{t.ID, plainText(t.Name), plainText(t.Where), targetState(t), kindWords(t.Kinds), plainText(t.Owner)})
			}
			a.rows([]string{"TARGET", "NAME", "WHERE", "STATE", "IS TOLD", "JOBS OF"}, rows)
			return nil
		},
	}
}

func targetState(t *farm.Target) string {
	switch {
	case !t.Enabled && t.Error != "":
		return "disabled: " + plainText(t.Error)
	case !t.Enabled:
		return "disabled"
	case !t.Failing.IsZero():
		return "failing since " + t.Failing.Local().Format("Jan 2 15:04")
	}
	return "on"
}

// kindList is every kind, with commas.
func kindList() string {
	words := make([]string, 0, len(farm.MessageKinds()))
	for _, k := range farm.MessageKinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, ",")
}

func kindWords(kinds []farm.MessageKind) string {
	if len(kinds) == len(farm.MessageKinds()) {
		return "all"
	}
	words := make([]string, 0, len(kinds))
	for _, k := range kinds {
		words = append(words, string(k))
	}
	return strings.Join(words, ",")
}

func eventKinds(words []string) ([]farm.MessageKind, error) {
	if len(words) == 1 && words[0] == "all" {
		return farm.MessageKinds(), nil
	}
	kinds := make([]farm.MessageKind, 0, len(words))
	for _, w := range words {
		k := farm.MessageKind(strings.TrimSpace(w))
		if !slices.Contains(farm.MessageKinds(), k) {
			return nil, usagef("%q is no kind of event; there are all, %s", w, strings.ReplaceAll(kindList(), ",", ", "))
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func (a *app) notifyAdd() *cobra.Command {
	var events []string
	var owner string
	c := &cobra.Command{
		Use: "add NAME URL", Short: "Make a target; URL may be -, to be read from the input, where no list of processes shows it", Args: cobra.ExactArgs(2),
		Example: "  netrender notify add pipeline https://pipeline.studio/farm --events job.done,job.failed\n" +
			"  echo 'smtp://farm:PASSWORD@mail.studio:587/?from=farm@studio&to=anna@studio' | netrender notify add anna - --owner anna",
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds, err := eventKinds(events)
			if err != nil {
				return err
			}
			url, err := a.urlFrom(args[1])
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			t, err := client.AddTarget(cmd.Context(), wire.TargetRequest{Name: &args[0], URL: &url, Kinds: &kinds, Owner: &owner})
			if err != nil {
				return err
			}
			return a.showTarget(&t, "is told from now on")
		},
	}
	c.Flags().StringSliceVar(&events, "events", []string{"all"}, "kinds of events that it is told, as job.done,job.failed")
	c.Flags().StringVar(&owner, "owner", "", "of jobs only those of this owner")
	return c
}

// urlFrom reads a URL from the input when it is given as -.
func (a *app) urlFrom(word string) (string, error) {
	if word != "-" {
		return word, nil
	}
	text, err := bufio.NewReader(io.LimitReader(a.in, 64<<10)).ReadString('\n')
	if text = strings.TrimSpace(text); text == "" {
		return "", usagef("there is no URL on the input (%v)", err)
	}
	return text, nil
}

func (a *app) showTarget(t *wire.TargetReply, what string) error {
	if a.json {
		return a.print(t)
	}
	fmt.Fprintf(a.out, "%s (%s, %s) %s\n", plainText(t.Name), t.ID, plainText(t.Where), what)
	if t.Secret != "" {
		fmt.Fprintf(a.out, "  its secret, shown only now: %s\n", t.Secret)
	}
	return nil
}

func (a *app) notifySet() *cobra.Command {
	return &cobra.Command{
		Use: "set TARGET name=value...", Short: "Change a target: name= url= events= owner= enabled=yes|no secret=new",
		Long: `Change a target:

  name=NEW            what it is called
  url=URL             where it is; url=- reads it from the input
  events=A,B          the kinds of events that it is told; events=all for all
  owner=NAME          of jobs only those of this owner; owner= for all
  enabled=yes|no      whether it is told anything; what waits for one that is disabled is dropped
  secret=new          of a webhook: another secret, shown once; the old one is worth nothing from then on`,
		Example: "  netrender notify set 0f3a9c21b7d4 events=job.failed,job.help enabled=yes",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.targetChange(args[1:])
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			t, err := client.ChangeTarget(cmd.Context(), args[0], r)
			if err != nil {
				return err
			}
			return a.showTarget(&t, "is changed")
		},
	}
}

func (a *app) targetChange(words []string) (r wire.TargetRequest, err error) {
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return r, usagef("%q is no setting; write it as name=value", word)
		}
		switch name {
		case "name":
			r.Name = &value
		case "url":
			if value, err = a.urlFrom(value); err != nil {
				return r, err
			}
			r.URL = &value
		case "events":
			kinds, err := eventKinds(strings.Split(value, ","))
			if err != nil {
				return r, err
			}
			r.Kinds = &kinds
		case "owner":
			r.Owner = &value
		case "enabled":
			on, err := yesNo(name, value)
			if err != nil {
				return r, err
			}
			r.Enabled = &on
		case "secret":
			if value != "new" {
				return r, usagef("a secret is made by the farm: secret=new")
			}
			r.NewSecret = true
		default:
			return r, usagef("a target has no setting %q; there are name, url, events, owner, enabled and secret", name)
		}
	}
	return r, nil
}

func (a *app) notifyRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove TARGET", Short: "Forget a target and what waits for it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if err := client.RemoveTarget(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"removed": args[0]})
			}
			fmt.Fprintf(a.out, "target %s is forgotten\n", plainText(args[0]))
			return nil
		},
	}
}

func (a *app) notifyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test TARGET", Short: "Send a message to a target now and show what it answers; exit 1 when it does not get there", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			said, err := client.TestTarget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				if err := a.print(said); err != nil {
					return err
				}
			} else if said.OK {
				fmt.Fprintf(a.out, "It got there in %.1f s%s.\n", said.TookS, answered(&said))
			}
			if !said.OK {
				return farm.Errorf(farm.Conflict, "it did not get there%s", answered(&said)).WithHint("netrender notify set changes where it goes")
			}
			return nil
		},
	}
}

// answered writes what a target said, in brackets.
func answered(a *farm.Answer) string {
	switch {
	case a.Status != 0:
		return fmt.Sprintf(" (%d: %s)", a.Status, plainText(a.Said))
	case a.Said != "":
		return " (" + plainText(a.Said) + ")"
	}
	return ""
}

func (a *app) notifyLog() *cobra.Command {
	return &cobra.Command{
		Use: "log [TARGET]", Short: "Show what became of messages since the master started, and which wait", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			list, err := client.Deliveries(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			if a.json {
				return a.print(list)
			}
			if len(list.Deliveries) == 0 {
				fmt.Fprintln(a.out, "Nothing was told since the master started.")
				return nil
			}
			rows := make([][]string, 0, len(list.Deliveries))
			for i := range list.Deliveries {
				d := &list.Deliveries[i]
				state := string(d.State)
				if d.State == farm.Waits && d.Tries > 0 {
					state = fmt.Sprintf("tried %d times, again at %s", d.Tries, d.Next.Local().Format(time.TimeOnly))
				}
				text := shorten(plainText(d.Text), 60)
				if n := len(d.Messages); n > 1 {
					text += fmt.Sprintf(" and %d more", n-1)
				}
				rows = append(rows, []string{d.Time.Local().Format(time.DateTime), d.Target, string(d.Kind), state, strings.TrimSpace(answered(&d.Answer)), text})
			}
			a.rows([]string{"TIME", "TARGET", "EVENT", "STATE", "ANSWER", "TEXT"}, rows)
			return nil
		},
	}
}
