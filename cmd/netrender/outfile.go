package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// Commands that write one file (-o FILE) write it beside its place, as .FILE.NUMBER, and rename it when it is whole.

// noFile says why a file cannot be put where something else lies; nothing or a file there is no error.
func noFile(out string) error {
	switch st, err := os.Stat(out); {
	case err != nil || st.Mode().IsRegular():
		return nil
	case st.IsDir():
		return farm.Errorf(farm.Invalid, "%s is a folder", out).WithHint("name a file in it with -o")
	}
	return farm.Errorf(farm.Invalid, "%s is a device or a pipe, not a file", out).WithHint("name a file with -o")
}

// cannotWrite says why a file, or its folder, cannot be written.
func cannotWrite(out string, err error) error {
	return client.PlainWrite(out, err, "name another file with -o")
}

// cannotWriteData says why a command that works on the data folder cannot.
func cannotWriteData(err error) error {
	e := farm.Errorf(farm.Internal, "the data folder cannot be written: %s", reasonOf(err))
	if blob.IsFull(err) {
		e.Kind = farm.NoRoom
		return e.WithHint("make room and run the command again")
	}
	return e.WithHint("make it writable, see to its disk, and run the command again")
}

// sweepKilled removes what commands left here that were killed a day ago or more: one that runs writes more often.
func sweepKilled(dir, base string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), "."+base+".")
		if _, err := strconv.ParseUint(number, 10, 64); !ours || err != nil || !e.Type().IsRegular() {
			continue
		}
		if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// syncFolder makes renames in a folder durable where the platform needs that.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // not supported on every platform
		_ = d.Close()
	}
}

// writeWhole writes a file beside its place and renames it when it is whole; without force it replaces none. It returns its
// size.
func writeWhole(out string, force bool, write func(io.Writer) error) (size int64, err error) {
	if err := noFile(out); err != nil {
		return 0, err
	}
	there := func() error {
		if _, err := os.Lstat(out); err == nil && !force {
			return farm.Errorf(farm.Conflict, "%s is there already", out).WithHint("--force replaces it")
		}
		return nil
	}
	if err := there(); err != nil {
		return 0, err
	}
	dir, base := filepath.Split(out)
	dir = filepath.Clean(dir)
	sweepKilled(dir, base)
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%d", base, rand.Uint64()))
	tmp, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, cannotWrite(out, err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(temp)
		}
	}()
	n := &counted{w: tmp, tell: func(int64) {}}
	if err := write(n); err != nil {
		var file *os.PathError
		if errors.As(err, &file) {
			return 0, cannotWrite(out, err)
		}
		return 0, err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return 0, cannotWrite(out, err)
	}
	if err := there(); err != nil { // it came meanwhile
		return 0, err
	}
	if err := os.Rename(temp, out); err != nil {
		return 0, cannotWrite(out, err)
	}
	syncFolder(dir)
	return n.n, nil
}
