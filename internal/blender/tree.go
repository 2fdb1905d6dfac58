package blender

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"time"
)

// Exit statuses of RunTree that are not the command's own.
const (
	exitUsage   = 125 // the runner was called wrongly or could not set itself up
	exitNoStart = 127 // the command could not be started
	exitKilled  = 137 // the tree was killed because our parent asked or is gone
)

// killDeadline bounds how long a runner tries to empty its tree; processes in uninterruptible sleep can outlive it.
const killDeadline = 10 * time.Second

// runFlags are the arguments of RunTree that come before the command.
func runFlags(fds int) []string { return []string{"--fds", strconv.Itoa(fds), "--"} }

// RunTree is the body of the runner: "--fds N -- COMMAND ARGS...". It starts COMMAND so that nothing of its process tree can
// outlive the runner: a job object on Windows, a sub-reaper on Linux, a process group elsewhere. The tree is killed when
// COMMAND ends, when the runner's stdin ends (its parent is gone or wants it gone) and on SIGTERM. File descriptors 3 to
// 3+N-1 are handed on to COMMAND. The result is the exit status for the runner's own process: COMMAND's, or 128+signal.
func RunTree(args []string) int {
	fds, argv, err := parseRunArgs(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		return exitUsage
	}
	runtime.LockOSThread() // the thread that starts the command must live as long as we do: its death would end the command
	orphaned, err := enterTree()
	if err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		return exitUsage
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = childAttr()
	for i := range fds {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(3+i), "inherited"))
	}
	stop := make(chan struct{}, 3)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals()...)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		return exitNoStart
	}
	for _, f := range cmd.ExtraFiles {
		f.Close() // or the other end would never see the command close it
	}
	go func() {
		for range signals {
			stop <- struct{}{}
		}
	}()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop <- struct{}{}
	}()
	go func() {
		for range orphaned {
			stop <- struct{}{}
		}
	}()
	ended := make(chan int, 1)
	empty := make(chan struct{})
	go reapTree(cmd, ended, empty)
	code := exitKilled
	select {
	case code = <-ended:
	case <-stop:
	}
	deadline := time.After(killDeadline)
	for {
		killDescendants(cmd.Process)
		select {
		case <-empty:
			return code
		case <-deadline:
			return code
		case <-time.After(5 * time.Millisecond): // new orphans may have reached us since
		}
	}
}

func parseRunArgs(args []string) (fds int, argv []string, err error) {
	for len(args) > 0 {
		switch {
		case args[0] == "--" && len(args) > 1:
			return fds, args[1:], nil
		case args[0] == "--fds" && len(args) > 1:
			if fds, err = strconv.Atoi(args[1]); err != nil || fds < 0 || fds > 64 {
				return 0, nil, fmt.Errorf("--fds %q is not a number from 0 to 64", args[1])
			}
			args = args[2:]
		default:
			return 0, nil, fmt.Errorf("%q was not understood", args[0])
		}
	}
	return 0, nil, errors.New("no command was given after --")
}
