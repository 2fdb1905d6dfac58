package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netrender/netrender/internal/farm"
)

// Mistakes in a command's own words are told in plain sentences here, not in those of the libraries that find them.

// flagError turns what is wrong with a flag into a sentence.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		without *pflag.ValueRequiredError
		value   *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name = "-" + short
			if _, err := strconv.Atoi(short); err == nil {
				return usagef("%s is not a flag, and no command takes numbers below 0", name)
			}
		}
		if !cmd.HasParent() {
			return usagef("there is no flag %s", name)
		}
		return usagef("%s has no flag %s", wordsOf(cmd), name)
	case errors.As(err, &without):
		return usagef("--%s needs a value: %s", without.GetFlag().Name, plainUsage(without.GetFlag()))
	case errors.As(err, &value):
		return usagef("%s", wrongValue("--"+value.GetFlag().Name, value.GetFlag(), value.GetValue()))
	case errors.As(err, &syntax):
		return usagef("%s is not how a flag is written", syntax.GetSpecifiedFlag())
	}
	return usagef("%v", err)
}

// wrongValue says what a flag, or the setting of its name, wants instead of the value it was given.
func wrongValue(name string, f *pflag.Flag, value string) string {
	want := "a value"
	switch f.Value.Type() {
	case "bool":
		want = "true or false"
	case "int":
		want = "a whole number"
	case "float64":
		want = "a number"
	case "stringSlice":
		want = "a list, as A,B"
	case "duration":
		want = "a time with its unit, as 90s, 20m or 2h"
	}
	return fmt.Sprintf("%s is %s, not %q", name, want, value)
}

// reasonOf is the cause of a file system's error without the call and the path.
func reasonOf(err error) string {
	var (
		path *fs.PathError
		link *os.LinkError
	)
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return err.Error()
}

func plainUsage(f *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(f)
	return usage
}

// plainWords makes every command below root refuse words it has no use for, in a sentence of ours.
func plainWords(root *cobra.Command) {
	for _, c := range root.Commands() {
		plainWords(c)
	}
	if root.HasSubCommands() && root.RunE == nil && root.Run == nil {
		root.Args = cobra.ArbitraryArgs
		root.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		}
		return
	}
	check := root.Args
	if check == nil {
		return
	}
	root.Args = func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		if cmd.HasSubCommands() && len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return usagef("%s", wrongCount(cmd, args))
	}
}

// wrongCount says how a command goes that was given too few words or too many.
func wrongCount(cmd *cobra.Command, args []string) string {
	_, takes, _ := strings.Cut(cmd.Use, " ")
	was := "nothing"
	if len(args) > 0 {
		was = strings.Join(args, " ")
	}
	if takes == "" {
		return fmt.Sprintf("%s takes nothing but flags, not %s", wordsOf(cmd), was)
	}
	return fmt.Sprintf("%s takes %s, but was given %s", wordsOf(cmd), takes, was)
}

// unknownCommand tells of a word that is no command, and of the one that may have been meant.
func unknownCommand(cmd *cobra.Command, word string) error {
	e := farm.Errorf(farm.Invalid, "there is no command %s", strings.TrimSpace(wordsOf(cmd)+" "+word))
	cmd.SuggestionsMinimumDistance = 1 + min(1, len(word)/5) // letters that may be wrong
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		e = e.WithHint("did you mean %s %s?", cmd.CommandPath(), near[0])
	} else {
		e = e.WithHint("%s", helpOf(cmd))
	}
	return fmt.Errorf("%w%w", hidden{errUsage}, e)
}

// wordsOf is the command without the program's name.
func wordsOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
}

// helpOf says where cmd is explained.
func helpOf(cmd *cobra.Command) string {
	switch {
	case !cmd.HasParent():
		return "netrender help shows the commands"
	case cmd.HasSubCommands():
		return "netrender help " + wordsOf(cmd) + " shows its commands"
	}
	return "netrender help " + wordsOf(cmd) + " explains it"
}

// helpVerb explains a command.
func (a *app) helpVerb() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Explain a command, as netrender help render",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			about, _, err := cmd.Root().Find(args)
			if err != nil || about == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var list []string
			for _, c := range about.Commands() {
				if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), start) {
					list = append(list, c.Name()+"\t"+c.Short)
				}
			}
			return list, cobra.ShellCompDirectiveNoFileComp
		},
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // help is shown whatever the settings are
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
		words:
			for _, word := range args {
				for _, c := range about.Commands() {
					if c.Name() == word {
						about = c
						continue words
					}
				}
				return unknownCommand(about, word)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
