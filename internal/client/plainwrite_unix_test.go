//go:build unix

package client

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

func TestPlainWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shot.nrz")
	for _, c := range []struct {
		err        error
		kind       farm.Kind
		text, hint string
	}{
		{syscall.ENOSPC, farm.NoRoom, "the disk is full; " + path + " could not be written", "make room, or name another"},
		{&blob.NoRoomError{}, farm.NoRoom, "the disk is full; " + path + " could not be written", "make room, or name another"},
		{syscall.EACCES, farm.Invalid, path + " cannot be written: permission denied", "let yourself write there, or name another"},
		{syscall.EROFS, farm.Invalid, path + " cannot be written: read-only file system", "name another"},
		{syscall.EFBIG, farm.Invalid, path + " cannot be written: file too large", "use a disk that takes files of that size, or name another"},
		{syscall.EIO, farm.Internal, path + " cannot be written: input/output error", "check the disk it lies on, or name another"},
	} {
		err := PlainWrite(path, &os.PathError{Op: "write", Path: "/x", Err: c.err}, "name another")
		var e *farm.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Text != c.text || e.Hint != c.hint {
			t.Errorf("%v: %+v", c.err, err)
		}
	}
	if err := PlainWrite(path, nil, "name another"); err != nil {
		t.Error(err)
	}
}
