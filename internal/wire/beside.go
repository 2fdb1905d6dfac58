package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// createBeside makes a file to be written and then renamed to path. What a process that was killed left of the same file
// is used again, so that it does not lie there for ever; up to keep bytes of it stay in it, more are cut off with all
// before them. Where somebody else writes the same file just now, or the file system knows no locks, it is a file of its
// own, and empty.
func createBeside(path string, keep int64) (*os.File, error) {
	dir, name := filepath.Split(path)
	h := sha256.Sum256([]byte(name))
	if f := lockedFile(filepath.Join(dir, ".fetch-"+hex.EncodeToString(h[:8]))); f != nil {
		st, err := f.Stat()
		if err == nil && st.Size() > keep {
			err = f.Truncate(0)
		}
		if err == nil {
			return f, nil
		}
		_ = f.Close()
	}
	return os.CreateTemp(dir, ".fetch-*")
}
