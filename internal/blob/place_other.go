//go:build !linux && !darwin

package blob

import (
	"errors"
	"os"
)

// clone is not there: ReFS and ZFS could, but through calls of their own.
func clone(*os.File, *os.Root, string) error { return errors.ErrUnsupported }
