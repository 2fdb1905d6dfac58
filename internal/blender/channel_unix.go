//go:build unix

package blender

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketPair makes a connected pair, our end and the one for Blender to inherit.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock() // no child may be born between the two steps
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("the system gives us no socket pair: %w", err)
	}
	ours, child := os.NewFile(uintptr(fds[0]), "agent"), os.NewFile(uintptr(fds[1]), "agent-child")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		child.Close()
		return nil, nil, fmt.Errorf("the socket pair cannot be used: %w", err)
	}
	return conn, child, nil
}
