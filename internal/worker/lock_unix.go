//go:build unix

package worker

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockDir takes the lock file for this process; the system frees it when the process ends, however it ends.
func lockDir(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
