//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package wire

import "os"

// lockedFile is not to be had here.
func lockedFile(string) *os.File { return nil }

// putInPlace closes the file and renames it: Windows renames no open files.
func putInPlace(f *os.File, path string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// dropBeside removes the file.
func dropBeside(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
