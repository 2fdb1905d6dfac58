//go:build unix && !linux

package blender

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// enterTree has nothing to set up: there is no sub-reaper here. Our parent's end shows as the end of stdin.
func enterTree() (<-chan struct{}, error) { return make(chan struct{}), nil }

// childAttr gives the command a group of its own, so that the group can be killed without us.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reapTree waits for the command; its orphans go to process 1, which reaps them.
func reapTree(cmd *exec.Cmd, ended chan<- int, empty chan<- struct{}) {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(cmd.Process.Pid, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		ended <- exitStatus(ws)
		close(empty)
		return
	}
}

// killDescendants ends the processes below the command that exist now, then its group.
func killDescendants(command *os.Process) {
	for _, pid := range descendants(command.Pid, processParents()) {
		unix.Kill(pid, unix.SIGKILL)
	}
	unix.Kill(-command.Pid, unix.SIGKILL)
}
