package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// What a farm stands on is replaced as a whole: what was there is set aside, and a mark keeps masters away until all of
// the new is in place.

// unfinishedFile is the mark.
const unfinishedFile = "restore-unfinished"

// asidePrefix begins the names of folders with what was there before, in the data folder.
const asidePrefix = "aside-"

// keptFiles are in a backup besides the database, by where they lie below the data folder.
var keptFiles = map[string]string{
	farmIDFile:                                farmIDFile,
	filepath.Join(masterDir, keyFile):         keyFile,
	filepath.Join(masterDir, certificateFile): certificateFile,
	settingsFile:                              settingsFile,
}

// databaseSuffixes are the files that make up a database.
var databaseSuffixes = []string{"", "-wal", "-shm", "-journal"}

// unfinished refuses a data folder in which a replacement was broken off.
func unfinished(data string) error {
	if _, err := os.Stat(filepath.Join(data, masterDir, unfinishedFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	command := restoreCommand
	if r, c := brokenOff(data); r != nil {
		command = c
	}
	return farm.Errorf(farm.Conflict, "%s was broken off in %s", command, data).
		WithHint("run it once more; what was there before lies in a folder named %s...", asidePrefix)
}

// replacement swaps files below the data folder.
type replacement struct {
	data  string
	aside string // folder for what was there; made when it is needed
}

// The commands that replace, as the mark names them.
const (
	restoreCommand = "netrender restore"
	recoverCommand = "netrender recover"
)

// brokenOff is the replacement that was broken off in the data folder, and its command; nil when none was.
func brokenOff(data string) (r *replacement, command string) {
	text, err := os.ReadFile(filepath.Join(data, masterDir, unfinishedFile))
	name, command, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || !strings.HasPrefix(name, asidePrefix) || filepath.Base(name) != name {
		return nil, ""
	}
	return &replacement{data: data, aside: filepath.Join(data, name)}, command
}

// beginReplacement marks the data folder. The caller keeps masters away. One that was broken off is gone on with: what
// was there before it stays aside.
func beginReplacement(data, command string, now time.Time) (*replacement, error) {
	if r, _ := brokenOff(data); r != nil {
		return r, nil
	}
	mark := filepath.Join(data, masterDir, unfinishedFile)
	stamp := asidePrefix + now.Format("20060102-150405")
	name := stamp
	for n := 2; ; n++ {
		if _, err := os.Lstat(filepath.Join(data, name)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		name = stamp + "-" + strconv.Itoa(n)
	}
	if err := writePrivate(mark, []byte(name+"\n"+command+"\n")); err != nil {
		return nil, err
	}
	syncFolder(filepath.Dir(mark))
	return &replacement{data: data, aside: filepath.Join(data, name)}, nil
}

// setAside moves a file away, if it is there. If one was moved from there already, this one came from the replacement
// that was broken off, and goes.
func (r *replacement) setAside(name string) error {
	from, to := filepath.Join(r.data, name), filepath.Join(r.aside, name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Lstat(to); err == nil {
		if err := os.Remove(from); err != nil {
			return r.cannot(err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return r.cannot(err)
	}
	if err := os.Rename(from, to); err != nil {
		return r.cannot(err)
	}
	syncFolder(filepath.Dir(to))
	return nil
}

// put moves a file to its place, from which what was there is set aside.
func (r *replacement) put(from, name string) error {
	if err := r.setAside(name); err != nil {
		return err
	}
	to := filepath.Join(r.data, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return r.cannot(err)
	}
	if err := os.Rename(from, to); err != nil {
		return r.cannot(err)
	}
	syncFolder(filepath.Dir(to))
	return nil
}

// putDatabase moves a database that lies alone to its place. The log of the old one must not meet the new one.
func (r *replacement) putDatabase(from string) error {
	for _, suffix := range databaseSuffixes {
		if err := r.setAside(filepath.Join(masterDir, databaseFile+suffix)); err != nil {
			return err
		}
	}
	return r.put(from, filepath.Join(masterDir, databaseFile))
}

// takeBack moves a file back from aside, in place of what may have come in its place.
func (r *replacement) takeBack(name string) error {
	from, to := filepath.Join(r.aside, name), filepath.Join(r.data, name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Rename(from, to); err != nil {
		return r.cannot(err)
	}
	syncFolder(filepath.Dir(to))
	return nil
}

// end takes the mark away: masters may start.
func (r *replacement) end() error {
	dir := filepath.Join(r.data, masterDir)
	if err := os.Remove(filepath.Join(dir, unfinishedFile)); err != nil {
		return r.cannot(err)
	}
	syncFolder(dir)
	return nil
}

// wasThere is the folder of what was set aside, or "".
func (r *replacement) wasThere() string {
	if _, err := os.Lstat(r.aside); err != nil {
		return ""
	}
	return r.aside
}

func (r *replacement) cannot(err error) error {
	return farm.Errorf(farm.Internal, "the data folder %s cannot be written: %s", r.data, reasonOf(err)).
		WithHint("make it writable and run the command again; what was there before lies in %s", r.aside)
}

// lastJobSeen is the largest number of a job that has results or logs in the data folder.
func lastJobSeen(data string) (last farm.JobID) {
	for _, dir := range []string{"outputs", "logs"} {
		entries, _ := os.ReadDir(filepath.Join(data, masterDir, dir))
		for _, e := range entries {
			if id, err := farm.ParseJobID(e.Name()[strings.LastIndexByte(e.Name(), '-')+1:]); err == nil {
				last = max(last, id)
			}
		}
	}
	return last
}
