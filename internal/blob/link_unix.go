//go:build linux || darwin || freebsd

package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// link makes a hard link in the open folder, wherever that has been moved.
func link(from string, parent *os.Root, name string) error {
	dir, err := parent.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Linkat(unix.AT_FDCWD, from, int(dir.Fd()), name, 0)
}
