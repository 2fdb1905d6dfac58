//go:build unix

package main

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// heedEvery is how often it is looked whether the command has ended by itself.
const heedEvery = 500 * time.Millisecond

// readerLeft waits until the other end of a pipe is closed, which needs no writing to be noticed; false when ctx ends.
func readerLeft(ctx context.Context, f *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(f.Fd())}} // errors are always told
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, int(heedEvery.Milliseconds()))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return false
		case n > 0:
			return fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
	return false
}
