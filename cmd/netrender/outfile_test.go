package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhereNothingCanBeWritten: the sentence and the next step of -o are about what is wrong there.
func TestWhereNothingCanBeWritten(t *testing.T) {
	f := startFarm(t)
	f.submit("1-2", false)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"archive 1 -o ", "backup -o ", "addon --no-program -o "} {
		for out, want := range map[string][]string{
			filepath.Join(dir, "no", "where", "x"): {"there is no folder " + filepath.Join(dir, "no", "where"), "make it, or name another file with -o"},
			filepath.Join(file, "x"):               {file + " is no folder", "name another file with -o"},
			dir:                                    {dir + " is a folder", "name a file in it with -o"},
			os.DevNull:                             {"is a device or a pipe", "name a file with -o"},
			filepath.Join(dir, strings.Repeat("long", 100)): {"file name too long", "name another file with -o"},
		} {
			if out == os.DevNull && filepath.Separator != '/' {
				continue
			}
			said := f.fails(exitFailed, command+out)
			contains(t, said, want...)
			if strings.Contains(said, "room") {
				t.Errorf("%s%s speaks of room: %s", command, out, said)
			}
		}
	}
	for out, want := range map[string][]string{
		filepath.Join(file, "x"): {file + " is no folder", "name another folder with -o"},
		file:                     {"cannot be written: not a directory", "name another folder with -o"},
	} {
		contains(t, f.fails(exitFailed, "fetch 1 -o "+out), want...)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v are left there", entries)
	}
}
