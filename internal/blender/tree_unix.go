//go:build unix

package blender

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// groupAttr starts the runner, or a lone command, in a process group of its own: a terminal's Ctrl-C must not reach it.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends p and every process still in its group.
func killGroup(p *os.Process) error {
	err := unix.Kill(-p.Pid, unix.SIGKILL)
	if err == unix.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

func stopSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} }

// exitStatus is the status a shell would show: signals are 128 and up.
func exitStatus(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// parents maps process to parent for the descendants to be found in; pids that vanish meanwhile do no harm.
func descendants(root int, parents map[int]int) []int {
	children := map[int][]int{}
	for pid, ppid := range parents {
		children[ppid] = append(children[ppid], pid)
	}
	var all []int
	queue := []int{root}
	for len(queue) > 0 {
		next := children[queue[0]]
		queue = append(queue[1:], next...)
		all = append(all, next...)
	}
	return all
}

// askProcess asks a process to end.
func askProcess(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
