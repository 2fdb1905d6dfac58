package blender

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// enterTree makes this process the sub-reaper: whoever of the tree loses its parent, by setsid and double fork, becomes our
// child and cannot escape. The channel tells when our own parent is gone.
func enterTree() (<-chan struct{}, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("the system refuses to let us reap the process tree: %w", err)
	}
	parent := os.Getppid()
	orphaned := make(chan struct{}, 1)
	// The signal comes when the thread that started us ends, which need not be the end of the parent: look again.
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGUSR1)
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGUSR1), 0, 0, 0); err != nil {
		return nil, fmt.Errorf("the system refuses to tell us of our parent's end: %w", err)
	}
	go func() {
		for range died {
			if os.Getppid() != parent {
				orphaned <- struct{}{}
			}
		}
	}()
	return orphaned, nil
}

// childAttr lets the command die with us even when we are killed with SIGKILL.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// reapTree waits for every child, the command and the orphans that came to us. ended gets the command's status; empty is
// closed when no child is left.
func reapTree(cmd *exec.Cmd, ended chan<- int, empty chan<- struct{}) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			close(empty)
			return
		case pid == cmd.Process.Pid:
			ended <- exitStatus(ws)
		}
	}
}

// killDescendants ends every process below us that exists now.
func killDescendants(*os.Process) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents := map[int]int{}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, ppid, ok := parseStat(text)
		if ok {
			parents[pid] = ppid
		}
	}
	for _, pid := range descendants(os.Getpid(), parents) {
		unix.Kill(pid, unix.SIGKILL)
	}
}

// parseStat reads pid and parent from a line of /proc/PID/stat: "pid (any name) state ppid ...", see proc(5).
func parseStat(line []byte) (pid, ppid int, ok bool) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return 0, 0, false
	}
	fields := bytes.Fields(line[end+1:])
	if len(fields) < 2 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(string(bytes.TrimSpace(line[:open])))
	ppid, err2 := strconv.Atoi(string(fields[1]))
	return pid, ppid, err1 == nil && err2 == nil
}
