package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// createBeside makes an empty file to be written and then renamed to path. What a process that was killed left of the
// same file is used again, so that it does not lie there for ever. Where somebody else writes the same file just now,
// or the file system knows no locks, it is a file of its own.
func createBeside(path string) (*os.File, error) {
	dir, name := filepath.Split(path)
	h := sha256.Sum256([]byte(name))
	if f := lockedFile(filepath.Join(dir, ".fetch-"+hex.EncodeToString(h[:8]))); f != nil {
		return f, nil
	}
	return os.CreateTemp(dir, ".fetch-*")
}
