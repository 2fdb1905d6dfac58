package test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFetchOnly: who wants one kind of file gets that and no other, and is told what each is; a kind that there is not is
// refused before anything is asked.
func TestFetchOnly(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	f.submitFake("1-2")
	eventually(t, time.Minute, "the job is done", func() bool { return f.job("1").State == "done" })
	for _, kind := range []string{"exr", "preview"} {
		dir := t.TempDir()
		list := objects(t, "fetch", f.ok("fetch", "1", "-o", dir, "--only", kind, "--json"))
		if len(list) != 2 {
			t.Fatalf("%d frames came", len(list))
		}
		for _, frame := range list {
			paths, kinds := frame["paths"].([]any), frame["kinds"].([]any)
			if len(paths) != 1 || len(kinds) != 1 || kinds[0] != kind {
				t.Errorf("of %s came %v, which are %v", kind, paths, kinds)
			}
		}
		files := 0
		_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, _ error) error {
			if !e.IsDir() {
				files++
			}
			return nil
		})
		if files != 2 {
			t.Errorf("%d files are here", files)
		}
	}
	for what, want := range map[string]int{"sculpture": 2, "film": 1} { // there is no such kind; the job makes none
		if out, errs, code := f.run("fetch", "1", "--only", what); code != want {
			t.Errorf("%s: exit %d\n%s%s", what, code, out, errs)
		}
	}
}
