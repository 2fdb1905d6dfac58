// Package client brings a scene to a master and its frames home.
//
// A *plan* is a scene read by Blender, with every file it needs laid out, hashed and counted; nothing has been sent
// yet. Submit announces the plan and uploads what the master lacks. Fetch brings results into a folder as they
// appear. A scene and its files are only ever read.
package client

import (
	"errors"
	"io/fs"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// plainFile turns an error of the file system into a sentence about the file.
func plainFile(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &farm.Error{Kind: farm.NotFound, Text: "there is no file " + path, Hint: "check its name and folder", Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &farm.Error{Kind: farm.Invalid, Text: path + " cannot be opened: its permissions forbid it", Hint: "let yourself read it, and try again", Err: err}
	case blob.IsFull(err):
		return &farm.Error{Kind: farm.NoRoom, Text: "the disk is full; " + path + " could not be written", Hint: "make room and run the same command again; what is here stays", Err: err}
	}
	return &farm.Error{Kind: farm.Internal, Text: path + " cannot be read or written: " + reason(err), Hint: "check the disk it lies on", Err: err}
}
