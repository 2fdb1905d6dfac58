package blender

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
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

// askToEnd, on a runner's stdin, has it ask the command to end, where the system has a way to (SIGTERM).
const askToEnd = 't'

// runFlags are the arguments of RunTree that come before the command.
func runFlags(fds int, fence string) []string {
	flags := []string{"--fds", strconv.Itoa(fds)}
	if fence != "" {
		flags = append(flags, "--fence", fence)
	}
	return append(flags, "--")
}

// RunTree is the body of the runner: "--fds N -- COMMAND ARGS...". It starts COMMAND so that nothing of its process tree can
// outlive the runner: a job object on Windows, a sub-reaper on Linux, a process group elsewhere. The tree is killed when
// COMMAND ends, when the runner's stdin ends (its parent is gone or wants it gone) and on SIGTERM. File descriptors 3 to
// 3+N-1 are handed on to COMMAND. With "--fence FILE" before the "--", COMMAND runs inside the Fence in that file. The result is the exit status for the runner's own process: COMMAND's, or 128+signal.
func RunTree(args []string) int {
	r, err := parseRunArgs(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		return exitUsage
	}
	fds, argv := r.fds, r.argv
	if r.enter != "" {
		fmt.Fprintln(os.Stderr, "runner:", enter(r.enter, argv)) // it does not return when all is well
		return exitNoStart
	}
	if r.fence != "" { // another of us puts the fence up around itself and becomes the command
		self := slices.Clone(os.Args[:len(os.Args)-len(args)])
		argv = append(append(self, "--enter", r.fence, "--"), argv...)
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
		var word [1]byte
		for {
			if n, err := os.Stdin.Read(word[:]); err != nil {
				break
			} else if n == 1 && word[0] == askToEnd {
				_ = askProcess(cmd.Process)
			}
		}
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

// runArgs are the arguments of RunTree.
type runArgs struct {
	fds   int
	fence string // file with the fence that the command runs in
	enter string // the same, for the process that becomes the command
	argv  []string
}

func parseRunArgs(args []string) (r runArgs, err error) {
	for len(args) > 0 {
		switch {
		case args[0] == "--" && len(args) > 1:
			r.argv = args[1:]
			return r, nil
		case args[0] == "--fds" && len(args) > 1:
			if r.fds, err = strconv.Atoi(args[1]); err != nil || r.fds < 0 || r.fds > 64 {
				return r, fmt.Errorf("--fds %q is not a number from 0 to 64", args[1])
			}
			args = args[2:]
		case args[0] == "--fence" && len(args) > 1:
			r.fence, args = args[1], args[2:]
		case args[0] == "--enter" && len(args) > 1:
			r.enter, args = args[1], args[2:]
		default:
			return r, fmt.Errorf("%q was not understood", args[0])
		}
	}
	return r, errors.New("no command was given after --")
}
