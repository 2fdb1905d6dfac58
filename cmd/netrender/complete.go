package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// What shells complete beside the names of commands and flags: the values of flags, and the numbers and names that this
// machine's master knows. A master that takes long is not waited for: a person is typing.

// completeTime is how long the master may take.
const completeTime = 300 * time.Millisecond

// completeMost bounds what is offered.
const completeMost = 100

// fixedValues are the values of flags that take one of a few.
var fixedValues = map[string][]string{
	"platform": platformNames(),
	"order":    {string(farm.Linear), string(farm.Reverse), string(farm.OutsideIn)},
	"exr":      {"full", "half", "none"},
	"gpu":      gpuKinds,
	"devices":  append([]string{"cpu"}, gpuKinds...),
	"confine":  {confineAuto, confineAlways, confineNever},
	"state":    stateNames(),
	"events":   append([]string{"all"}, strings.Split(kindList(), ",")...),
	"role":     {string(farm.RoleView), string(farm.RoleSubmit), string(farm.RoleWorker), string(farm.RoleAdmin)},
}

// completer finds what the words so far may go on with.
type completer = func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective)

// complete gives every command and flag its completions.
func (a *app) complete(root *cobra.Command) {
	for _, c := range withAll(root) {
		c.Flags().VisitAll(func(f *pflag.Flag) { a.completeFlag(c, f) })
		if words := a.wordsAfter(wordsOf(c)); words != nil {
			c.ValidArgsFunction = words
		}
		if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !c.HasSubCommands() {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

// withAll are the command and all below it.
func withAll(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, withAll(sub)...)
	}
	return all
}

func (a *app) completeFlag(c *cobra.Command, f *pflag.Flag) {
	_, list := f.Value.(pflag.SliceValue)
	switch values := fixedValues[f.Name]; {
	case values != nil && c.Name() == "pair":
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == string(farm.RoleAdmin) })
		_ = c.RegisterFlagCompletionFunc(f.Name, oneOf(values, list))
	case values != nil:
		_ = c.RegisterFlagCompletionFunc(f.Name, oneOf(values, list))
	case f.Name == "allow" || f.Name == "deny":
		_ = c.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
			return listed(a.known(cmd, workerNames), start), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		})
	case f.Name == "before":
		_ = c.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
			return begins(a.known(cmd, jobNumbers()), start), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		})
	case (f.Name == "out" || f.Name == "dir") && f.Value.Type() == "string":
		_ = c.MarkFlagDirname(f.Name)
	case f.Value.Type() != "bool" && f.Name != "blender" && f.Name != "tls-cert" && f.Name != "tls-key" && f.Name != "program":
		_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
	}
}

// wordsAfter completes the words after a command.
func (a *app) wordsAfter(command string) completer {
	var (
		one  bool // the command takes one of them
		find lookup
		more []string // words that may follow
	)
	switch command {
	case "render", "submit":
		return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"blend"}, cobra.ShellCompDirectiveFilterFileExt
		}
	case "job", "fetch", "logs", "retry", "watch":
		one, find = true, jobNumbers()
	case "delete":
		find = jobNumbers()
	case "cancel":
		find = jobNumbers(farm.Collecting, farm.Queued, farm.Active, farm.Paused)
	case "pause":
		find = jobNumbers(farm.Collecting, farm.Queued, farm.Active)
	case "resume":
		find = jobNumbers(farm.Paused)
	case "set":
		one, find, more = true, jobNumbers(), []string{"priority=", "name=", "attempts=", "timeout=", "allow=", "deny=", "tags=", "keep=true", "keep=false"}
	case "worker-set":
		one, find, more = true, workerNames, []string{"enabled=yes", "enabled=no", "drain=yes", "drain=no", "slots=", "tags=", "name=", "delete"}
	case "rules":
		return oneOf([]string{"cap=", "new_frames=", "stale_minutes=", "attempts=", "out_after=", "heartbeat_ms=", "processes=on", "processes=off"}, false)
	case "token revoke":
		one, find = true, tokenIDs
	case "login end":
		one, find = true, loginIDs
	case "notify remove", "notify test", "notify log":
		one, find = true, targetIDs
	case "notify set":
		one, find, more = true, targetIDs, []string{"name=", "url=", "events=", "owner=", "enabled=yes", "enabled=no", "secret=new"}
	case "pair accept", "pair refuse":
		one, find = true, codes
	default:
		return nil
	}
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if one && len(args) > 0 {
			return oneOf(more, false)(cmd, args, start)
		}
		known := slices.DeleteFunc(a.known(cmd, find), func(s string) bool {
			word, _, _ := strings.Cut(s, "\t")
			return slices.Contains(args, word)
		})
		return begins(known, start), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// oneOf completes one of some values, or each part of a list of them. Nothing follows a word that ends in = at once.
func oneOf(values []string, list bool) completer {
	return func(_ *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		how := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		if list {
			return listed(values, start), how | cobra.ShellCompDirectiveNoSpace
		}
		found := begins(values, start)
		if len(found) > 0 && !slices.ContainsFunc(found, func(v string) bool { return !strings.HasSuffix(v, "=") }) {
			how |= cobra.ShellCompDirectiveNoSpace
		}
		return found, how
	}
}

// listed completes the last part of a list.
func listed(values []string, start string) []string {
	before, last := "", start
	if i := strings.LastIndexByte(start, ','); i >= 0 {
		before, last = start[:i+1], start[i+1:]
	}
	had := strings.Split(before, ",")
	var found []string
	for _, v := range begins(values, last) {
		if word, _, _ := strings.Cut(v, "\t"); !slices.Contains(had, word) {
			found = append(found, before+v)
		}
	}
	return found
}

func begins(values []string, start string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, start) })
}

// lookup asks the master for words, each with a tab and what it stands for.
type lookup func(ctx context.Context, c *wire.Client) ([]string, error)

// known asks the master that was named or runs on this machine. Whatever is wrong, there is nothing to complete then.
func (a *app) known(cmd *cobra.Command, find lookup) []string {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	if a.settings.apply(cmd) != nil || cmd.Flags().Lookup("master") == nil {
		return nil
	}
	if given, _ := cmd.Flags().GetString("master"); given == "" {
		if _, ok := a.localMaster(ctx); !ok { // the network is not asked
			return nil
		}
	}
	cmd.SetContext(ctx)
	client, err := a.connect(cmd)
	if err != nil {
		return nil
	}
	words, err := find(ctx, client)
	if err != nil {
		return nil
	}
	return words[:min(len(words), completeMost)]
}

// jobNumbers are the newest jobs, in some states or in all.
func jobNumbers(states ...farm.JobState) lookup {
	return func(ctx context.Context, c *wire.Client) (words []string, err error) {
		list, err := c.Jobs(ctx, farm.JobFilter{States: states, Limit: completeMost})
		for i := range list.Jobs {
			j := &list.Jobs[i]
			words = append(words, fmt.Sprintf("%d\t%s (%s, %s)", j.ID, plainText(j.Name), j.State, frameCount(j)))
		}
		return words, err
	}
}

func workerNames(ctx context.Context, c *wire.Client) (words []string, err error) {
	list, err := c.Workers(ctx)
	for i := range list {
		words = append(words, plainText(list[i].Name)+"\t"+workerState(&list[i]))
	}
	return words, err
}

func tokenIDs(ctx context.Context, c *wire.Client) (words []string, err error) {
	list, err := c.Tokens(ctx)
	for _, t := range list {
		words = append(words, fmt.Sprintf("%s\t%s (%s)", t.ID, plainText(t.Name), t.Role))
	}
	return words, err
}

func loginIDs(ctx context.Context, c *wire.Client) (words []string, err error) {
	list, err := c.Logins(ctx)
	for _, l := range list {
		words = append(words, fmt.Sprintf("%s\t%s, %s", l.ID, plainText(l.Name), shorten(plainText(l.Browser), 40)))
	}
	return words, err
}

func targetIDs(ctx context.Context, c *wire.Client) (words []string, err error) {
	list, err := c.Targets(ctx)
	for _, t := range list.Targets {
		words = append(words, fmt.Sprintf("%s\t%s (%s)", t.ID, plainText(t.Name), plainText(t.Where)))
	}
	return words, err
}

func codes(ctx context.Context, c *wire.Client) (words []string, err error) {
	list, err := c.Pairings(ctx)
	for _, p := range list {
		words = append(words, fmt.Sprintf("%s\t%s (%s, %s)", p.Code, plainText(p.Name), plainText(p.Kind), p.Address))
	}
	return words, err
}
