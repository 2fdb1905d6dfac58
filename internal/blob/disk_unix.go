//go:build unix && !solaris && !aix

package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var diskFull = []error{unix.ENOSPC, unix.EDQUOT}

// syncDir makes names in dir durable. Some network file systems refuse it; they keep names durable by themselves.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

func rename(from, to string) error { return os.Rename(from, to) }

// lockFolder holds name until it is closed or the process ends.
func lockFolder(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EACCES) {
		f.Close()
		return nil, errors.New("another process is using it")
	} else if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENOLCK) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openShared opens a file for reading that others may rename and remove meanwhile.
func openShared(name string) (*os.File, error) { return os.Open(name) }
