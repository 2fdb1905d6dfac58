package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// clone shares blocks (clonefile(2): APFS).
func clone(src *os.File, parent *os.Root, name string) error {
	dir, err := parent.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Fclonefileat(int(src.Fd()), int(dir.Fd()), name, unix.CLONE_NOFOLLOW)
}
