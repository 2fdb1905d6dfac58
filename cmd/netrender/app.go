package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// runTreeVerb is the hidden verb that holds a Blender's process tree together.
const runTreeVerb = "run-tree"

// The exit codes of every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitReach       = 3 // cannot reach, not allowed, or somebody else answers
	exitInterrupted = 130
)

type streams struct {
	in       io.Reader
	out, err io.Writer
}

// app is what the commands share.
type app struct {
	streams
	settings settings
	json     bool
	progress bool     // more lines with json
	cleanups []func() // called when the command has ended

	leashed   bool
	stopFile  string // ends the command when it appears
	doingFile string // holds what a worker does
	interrupt func() // as Ctrl-C
	heeds     bool   // that nobody reads what is printed is an interrupt, too
}

// errUsage marks mistakes in the command's own words.
var errUsage = errors.New("usage")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w%w", hidden{errUsage}, farm.Errorf(farm.Invalid, format, args...))
}

// hidden lets an error be found without being shown.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// errInterrupted is what a command returns that a person broke off.
var errInterrupted = errors.New("interrupted")

// told is an error whose text was printed.
type told struct{ code int }

func (told) Error() string { return "told" }

// errFailed marks a job that ended with failed frames; the text was printed.
var errFailed = errors.New("failed")

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "netrender",
		Short: "Make any set of computers one renderer for Blender",
		Long: `Netrender makes any set of computers one renderer for Blender.

  netrender up                               on one machine: a master and a worker
  netrender worker                           on every other machine: finds the master by itself
  netrender render shot.blend -f 1-24 -o frames/   frames come back as they finish`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("netrender {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	pf := root.PersistentFlags()
	pf.BoolVar(&a.json, "json", false, "print JSON (newline-delimited for streams)")
	pf.StringVar(&a.settings.config, "config", "", "settings file (TOML; default: netrender.toml in the data folder)")
	pf.StringVar(&a.settings.data, "data", "", "data folder (default: the platform's usual one)")
	pf.StringVar(&a.settings.keyring, "keyring", keyringAuto, "where the token is kept that netrender pair gets: auto (in the system's keyring where one is unlocked, else in a file), off (in a file)")
	pf.BoolVar(&a.leashed, "leashed", false, "stop, as with Ctrl-C, when standard input ends: whoever started this is gone")
	pf.StringVar(&a.stopFile, "stop-file", "", "stop, as with Ctrl-C, when this file appears")
	_ = pf.MarkHidden("leashed")
	_ = pf.MarkHidden("stop-file")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if a.leashed {
			go func() {
				_, _ = io.Copy(io.Discard, a.in)
				a.interrupt()
			}()
		}
		if a.stopFile != "" {
			go a.heedFile(cmd.Context())
		}
		if err := a.settings.apply(cmd); err != nil {
			return err
		}
		if k := a.settings.keyring; k != keyringAuto && k != keyringOff {
			return usagef("--keyring is auto or off, not %q", k)
		}
		return nil
	}
	root.AddGroup(
		&cobra.Group{ID: "farm", Title: "Run a farm:"},
		&cobra.Group{ID: "job", Title: "Render:"},
		&cobra.Group{ID: "steer", Title: "Look and steer:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	for _, add := range verbs {
		add(a, root)
	}
	help := a.helpVerb()
	help.GroupID = "more"
	root.SetHelpCommand(help)
	plainWords(root)
	a.complete(root)
	return root
}

// verbs are filled by the files of the commands.
var verbs []func(a *app, root *cobra.Command)

// verb registers a command; each command's file calls it once from a package variable.
func verb(group string, build func(a *app) *cobra.Command) struct{} {
	verbs = append(verbs, func(a *app, root *cobra.Command) {
		c := build(a)
		c.GroupID = group
		root.AddCommand(c)
	})
	return struct{}{}
}

// exit prints the error of the command as one sentence and a next step, and returns the exit code.
func (a *app) exit(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errFailed) {
		return exitFailed
	}
	var before told
	if errors.As(err, &before) {
		return before.code
	}
	if errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	text, hint := err.Error(), ""
	var fe *farm.Error
	if errors.As(err, &fe) {
		text, hint = fe.Error(), fe.Hint
	}
	code, kind := exitFailed, string(farm.KindOf(err))
	var lost *wire.Unreachable
	switch {
	case errors.Is(err, errUsage):
		code = exitUsage
		if hint == "" {
			hint = helpOf(cmd)
		}
	case errors.As(err, &lost):
		code, kind = exitReach, "unreachable"
		text = lost.Error()
		if hint == "" {
			hint = "check that netrender master (or netrender up) runs there; netrender doctor looks for the reason"
		}
	case fe != nil && (fe.Kind == farm.Denied || fe.Kind == farm.Untrusted):
		code = exitReach
	}
	if a.json {
		_ = json.NewEncoder(a.err).Encode(map[string]any{"error": text, "hint": hint, "kind": kind, "exit": code})
		return code
	}
	fmt.Fprintf(a.err, "netrender: %s\n", strings.TrimSuffix(text, "."))
	if hint != "" {
		fmt.Fprintf(a.err, "           %s\n", hint)
	}
	return code
}

// print writes a value as one line of JSON.
func (a *app) print(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err != nil && a.heeds {
		a.interrupt()
	}
	return err
}

// terminal tells whether a person sees what is written to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}

// movesCursor tells whether bars can be drawn on w.
func movesCursor(w io.Writer) bool { return terminal(w) && os.Getenv("TERM") != "dumb" }

// colours tells whether w shows colours, and wants them (no-color.org).
func colours(w io.Writer) bool { return movesCursor(w) && os.Getenv("NO_COLOR") == "" }
