//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package wire

import (
	"os"
	"syscall"
)

// lockedFile opens the file, or makes it, for this process alone; nil when that cannot be had. The lock goes with the
// file: when it is closed, or the process ends, however it ends.
func lockedFile(path string) *os.File {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			_ = f.Close()
			return nil
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Lstat(path); err == nil && os.SameFile(mine, there) {
				return f
			}
		}
		_ = f.Close() // whoever had it before renamed or removed it when we had opened it already
		if err != nil && !os.IsNotExist(err) {
			return nil
		}
	}
}

// putInPlace renames the file and closes it: until then nobody else may write to it.
func putInPlace(f *os.File, path string) error {
	defer f.Close()
	return os.Rename(f.Name(), path)
}

// dropBeside removes the file.
func dropBeside(f *os.File) {
	_ = os.Remove(f.Name())
	_ = f.Close()
}
