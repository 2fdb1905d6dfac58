package beacon

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/windows"
)

// share lets several processes hear the same port.
func share(_, _ string, rc syscall.RawConn) error {
	var err error
	e := rc.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	})
	return errors.Join(e, err)
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// harmless are the errors of an earlier send that a read reports: WSAECONNRESET after an ICMP "port unreachable",
// WSAENETRESET after "TTL expired", and WSAEMSGSIZE for a packet that is too long to be ours.
func harmless(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAENETRESET) || errors.Is(err, windows.WSAEMSGSIZE)
}
