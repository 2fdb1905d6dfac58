package worker

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// steps is called before each step of a durable write; an error stops there, as a crash would. Only tests have one
// that does.
type steps func(name string) error

func noSteps(string) error { return nil }

// writeDurable replaces a file: after a crash at any instant it has the old content or the new.
func writeDurable(path string, text []byte, step steps) error {
	if err := step("write"); err != nil {
		return err
	}
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = step("sync")
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = step("rename")
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return err
	}
	if err := step("sync folder"); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncTree makes the files and folders below dir durable, dir itself included.
func syncTree(dir string, step steps) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := step("sync " + d.Name()); err != nil {
			return err
		}
		if d.IsDir() {
			return syncDir(path)
		}
		return syncFile(path)
	})
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // Windows flushes only what may be written
	if err != nil {
		return err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// syncDir makes the names in a folder durable. Windows keeps them in its journal and cannot be asked.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
