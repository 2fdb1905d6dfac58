//go:build unix

package beacon

import (
	"errors"
	"net"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// share lets several processes hear the same port. On Linux SO_REUSEPORT would ask for one user and spread unicasts;
// elsewhere it is what makes broadcasts reach all.
func share(_, _ string, rc syscall.RawConn) error {
	var err error
	e := rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err == nil && runtime.GOOS != "linux" {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
	})
	return errors.Join(e, err)
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// harmless are the errors of an earlier send that a read reports, e.g. that nobody listens there.
func harmless(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }
