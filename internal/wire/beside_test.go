//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package wire

import (
	"os"
	"path/filepath"
	"testing"
)

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// What a killed process left beside a file is used by the next one that fetches it; what is in use is left alone.
func TestCreateBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "0001.exr")
	killed, err := createBeside(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.WriteString("half of it, and more than the next one writes"); err != nil {
		t.Fatal(err)
	}
	other, err := createBeside(path, 0) // at the same time
	if err != nil {
		t.Fatal(err)
	}
	if other.Name() == killed.Name() {
		t.Fatal("two write to the same file")
	}
	dropBeside(other)
	_ = killed.Close() // as the system does
	if n := len(filesIn(t, dir)); n != 1 {
		t.Fatalf("%d files are left", n)
	}
	next, err := createBeside(path, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next.WriteString("all"); err != nil {
		t.Fatal(err)
	}
	if err := putInPlace(next, path); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "all" {
		t.Errorf("%q %v", text, err)
	}
	if names := filesIn(t, dir); len(names) != 1 {
		t.Errorf("left: %q", names)
	}
}

// A file that was renamed between its opening and its locking is not written to any more.
func TestCreateBesideAfterRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "0001.exr")
	for range 100 {
		done := make(chan error)
		for range 16 {
			go func() {
				f, err := createBeside(path, 0)
				if err == nil {
					_, err = f.WriteString("whole")
				}
				if err == nil {
					err = putInPlace(f, path)
				}
				done <- err
			}()
		}
		for range 16 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "whole" {
			t.Fatalf("%q %v", text, err)
		}
	}
	if names := filesIn(t, dir); len(names) != 1 {
		t.Errorf("left: %q", names)
	}
}
