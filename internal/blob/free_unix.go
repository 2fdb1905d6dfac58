//go:build linux || darwin || freebsd

package blob

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes is what an ordinary user may still write (statfs(2), f_bavail * f_bsize).
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	blocks, size := int64(s.Bavail), int64(s.Bsize)
	if blocks <= 0 || size <= 0 {
		return 0, nil // f_bavail is below zero on FreeBSD when only root may go on
	}
	if blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return blocks * size, nil
}

// totalBytes is how much the file system holds, free or not.
func totalBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Blocks) * int64(s.Bsize), nil
}
