//go:build !linux && !darwin && !freebsd

package blob

import (
	"os"
	"path/filepath"
)

// link makes a hard link by name: there is no link relative to an open folder here.
func link(from string, parent *os.Root, name string) error {
	return os.Link(from, filepath.Join(parent.Name(), name))
}
