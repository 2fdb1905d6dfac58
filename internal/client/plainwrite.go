package client

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// PlainWrite turns what kept a file or folder from being written into a sentence. other says how to name another place,
// as "name another file with -o".
func PlainWrite(path string, err error, other string) error {
	if err == nil {
		return nil
	}
	say := func(kind farm.Kind, text, next string) error {
		if next != "" {
			next += ", or "
		}
		return &farm.Error{Kind: kind, Text: text, Hint: next + other, Err: err}
	}
	cannot := path + " cannot be written: " + reason(err)
	switch {
	case blob.IsFull(err):
		return say(farm.NoRoom, "the disk is full; "+path+" could not be written", "make room")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			st, lost := os.Stat(dir)
			if lost == nil && st.IsDir() {
				return say(farm.Invalid, cannot, "")
			}
			if lost == nil {
				return say(farm.Invalid, dir+" is no folder, so that "+path+" cannot be written", "")
			}
			if errors.Is(lost, fs.ErrNotExist) {
				return say(farm.Invalid, "there is no folder "+dir, "make it")
			}
			if dir == filepath.Dir(dir) {
				return say(farm.Invalid, cannot, "")
			}
		}
	case errors.Is(err, fs.ErrPermission):
		return say(farm.Invalid, cannot, "let yourself write there")
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENAMETOOLONG):
		return say(farm.Invalid, cannot, "")
	case errors.Is(err, syscall.EFBIG):
		return say(farm.Invalid, cannot, "use a disk that takes files of that size")
	}
	return say(farm.Internal, cannot, "check the disk it lies on")
}
