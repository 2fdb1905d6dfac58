// Command netrender is the whole of Netrender: master, worker and client in one program. This package is the only
// one that knows flags, the environment, signals, exit codes and the real clock; it joins the rooms below internal/.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/netrender/netrender/internal/blender"
)

// version is set by the release build.
var version = "0.1.0-dev"

func main() {
	if len(os.Args) > 1 && os.Args[1] == runTreeVerb {
		os.Exit(blender.RunTree(os.Args[2:]))
	}
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run is the program with its surroundings as arguments; it returns the exit code.
func run(args []string, io streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return runContext(ctx, args, io)
}

func runContext(ctx context.Context, args []string, io streams) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &app{streams: io, interrupt: cancel}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	a.json = slices.Contains(args, "--json") // errors found before flags are read are JSON, too
	defer func() {
		for _, clean := range a.cleanups {
			clean()
		}
	}()
	cmd, err := root.ExecuteContextC(ctx)
	return a.exit(cmd, err)
}
