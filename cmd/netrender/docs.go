package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netrender/netrender/internal/api"
)

// The pages docs/commands.md and docs/settings.md are made from the commands themselves, docs/api.md from the API.

func init() {
	verbs = append(verbs, func(a *app, root *cobra.Command) { root.AddCommand(a.docsVerb()) })
}

// docPages are the pages by their file names.
var docPages = map[string]func(io.Writer, *cobra.Command){"commands.md": writeCommands, "settings.md": writeSettings, "api.md": writeAPI}

func (a *app) docsVerb() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use: "docs [FOLDER]", Short: "Write the pages commands.md, settings.md and api.md", Args: cobra.MaximumNArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if description != "" {
				if err := os.WriteFile(description, api.Describe(""), 0o644); err != nil {
					return err
				}
			}
			if len(args) == 0 {
				return nil
			}
			// In order: making one page adds help flags that another would show.
			for _, name := range slices.Sorted(maps.Keys(docPages)) {
				write := docPages[name]
				var b strings.Builder
				write(&b, cmd.Root())
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(b.String()), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&description, "openapi", "", "also write the API's description to `FILE`")
	return cmd
}

const made = "<!-- Made by `netrender docs docs`; a test keeps it fresh. -->\n\n"

// writeCommands writes every command with its help and flags.
func writeCommands(w io.Writer, root *cobra.Command) {
	fmt.Fprint(w, made+`# Commands

Every command takes `+"`--json`"+` (one value a line), `+"`--data DIR`"+`, `+"`--config FILE`"+` and `+"`--help`"+`. [Settings](settings.md) says which
flags the environment and the settings file may give, too.

Exit codes:

| | |
|---|---|
| 0 | done |
| 1 | failed: a frame failed, there is no such job, ... |
| 2 | the command's own words, flags or settings make no sense |
| 3 | the master cannot be reached, or does not allow it |
| 130 | interrupted (Ctrl-C); a job that was sent goes on |

An error is one sentence and a next step on standard error; with `+"`--json`"+` it is an object with `+"`error`, `hint`, `kind` and `exit`"+`.
`)
	for _, g := range root.Groups() {
		fmt.Fprintf(w, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && !c.Hidden {
				writeCommand(w, c)
			}
		}
	}
}

func writeCommand(w io.Writer, c *cobra.Command) {
	fmt.Fprintf(w, "\n### %s\n\n", c.CommandPath())
	if c.Runnable() && !groups(c) {
		fmt.Fprintf(w, "```\n%s\n```\n\n", c.UseLine())
	}
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	before, table, _ := strings.Cut(text, "\n\n  ") // what is indented is shown as it is
	fmt.Fprintf(w, "%s\n", before)
	if table != "" {
		fmt.Fprintf(w, "\n```\n%s\n```\n", dedent("  "+table))
	}
	if c.Example != "" {
		fmt.Fprintf(w, "\n```\n%s\n```\n", dedent(c.Example))
	}
	var rows []string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || c.Root().PersistentFlags().Lookup(f.Name) != nil {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		short := ""
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		if kind != "" {
			kind = " " + kind
		}
		rows = append(rows, fmt.Sprintf("| `%s--%s%s` | %s%s |", short, f.Name, kind, cell(usage), byDefault(f)))
	})
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n| flag | |\n|---|---|\n%s\n", strings.Join(rows, "\n"))
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			writeCommand(w, sub)
		}
	}
}

// groups tells commands that only hold others.
func groups(c *cobra.Command) bool { return c.HasSubCommands() && !c.HasAvailableLocalFlags() }

func dedent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// byDefault is the flag's default where there is one to speak of.
func byDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0", "0s":
		return ""
	}
	return " (default `" + plainDefault(f) + "`)"
}

// plainDefault writes a default as people write it: 10m, not 10m0s.
func plainDefault(f *pflag.Flag) string {
	if f.Value.Type() == "duration" {
		text := f.DefValue
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
		return text
	}
	return f.DefValue
}

// setting is one row of the table of settings: a flag that several commands may share.
type setting struct {
	flag     *pflag.Flag
	commands []string
	usages   []string // where commands use it for different things
}

// allSettings gathers the flags that the environment and the settings file may give, in the order of their names.
func allSettings(root *cobra.Command) []setting {
	byName := map[string]*setting{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "data" || !isSetting(c, f.Name) {
				return
			}
			s := byName[f.Name]
			if s == nil {
				s = &setting{flag: f}
				byName[f.Name] = s
			}
			s.commands = append(s.commands, wordsOf(c))
			if _, usage := pflag.UnquoteUsage(f); !slices.Contains(s.usages, usage) {
				s.usages = append(s.usages, usage)
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	list := make([]setting, 0, len(byName))
	for _, s := range byName {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b setting) int { return strings.Compare(a.flag.Name, b.flag.Name) })
	return list
}

// writeSettings writes the settings that flags, environment and file name the same.
func writeSettings(w io.Writer, root *cobra.Command) {
	fmt.Fprint(w, made+`# Settings

Nothing needs to be configured. What can be has one name, which a flag, the environment and the settings file share. A
value is taken from the first of these that has one:

1. the flag on the command line: `+"`--cache 20GB`"+`
2. the environment: `+"`NETRENDER_CACHE=20GB`"+` (capitals, and `+"`_` for `-`"+`)
3. the settings file, in the table of the command: `+"`cache = \"20GB\"` below `[worker]`"+`
4. the settings file, at the top, for every command that has it
5. the default

The settings file is `+"`netrender.toml`"+` in the data folder, or the one that `+"`--config` or `NETRENDER_CONFIG`"+` names. The data
folder is named by `+"`--data` or `NETRENDER_DATA`, or by `data`"+` at the top of a settings file that lies elsewhere and was
named. Names that no command knows are refused, so that a slip does not stay unseen. Frames, a job's name and the other
things that are chosen anew each time are flags only. (`+"`[master]` is the table of the command `netrender master`; a file that has\nit names the master's address in the tables of the other commands, as `master` below `[worker]`."+`)

`+"```toml\n"+exampleSettings+"```\n"+`
| setting | environment | commands | | default |
|---|---|---|---|---|
`)
	for _, s := range allSettings(root) {
		who := strings.Join(s.commands, ", ")
		if everywhere[s.flag.Name] && (len(s.commands) > 6 || root.PersistentFlags().Lookup(s.flag.Name) != nil) {
			who = "all that speak to a master"
		}
		value := ""
		if d := strings.TrimSuffix(strings.TrimPrefix(byDefault(s.flag), " (default "), ")"); d != "" {
			value = d
		}
		fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s |\n", s.flag.Name, variable(s.flag.Name), who, cell(strings.Join(s.usages, "; or: ")), value)
	}
	fmt.Fprint(w, `
Where a token is kept that a person gets is told in [SECURITY.md](../SECURITY.md); those of workers and masters are in files.

How frames are shared out is not set here: `+"`netrender rules`"+` shows and changes it while the farm runs, and the master keeps it.
`)
}

// exampleSettings is the settings file that the page shows; a test reads it.
const exampleSettings = `# netrender.toml
master = "http://render-master:8420"   # every command

[worker]
name = "oak"
tags = ["big", "gpu"]
devices = ["optix:0", "optix:1"]
cache = "200GB"
scripts = true

[render]
exr = "half"
timeout = "2h"
`
