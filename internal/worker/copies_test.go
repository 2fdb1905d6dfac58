package worker_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"

	"github.com/netrender/netrender/internal/worker/fake"
)

// below lists the files in a folder.
func below(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Results are copied to the worker's folder and to the job's, under their names once the master has the frame and not before.
func TestResultsAreCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		all, renders := t.TempDir(), t.TempDir()
		early := 0
		m.onReport = func(int) {
			for _, name := range append(below(t, all), below(t, renders)...) {
				if len(m.reports) == 0 && !strings.HasPrefix(filepath.Base(name), ".netrender-") {
					early++
				}
			}
		}
		j := m.job(1, func(j *fakeJob) {
			j.grant.Folder, j.grant.Options.CopyTo = "shot-1", `R:\show\shot`
			j.grant.Options.Outputs, j.grant.Options.Preview = true, true
		})
		refused := m.job(1, func(j *fakeJob) { j.grant.Folder, j.grant.Options.CopyTo = "shot-2", "/etc" })
		opt := options(t, m, fake.Options{})
		opt.CopyTo, opt.CopyRoots = all, []farm.Share{{From: `r:/`, To: renders}}
		w := start(t, opt)
		m.until("the frames are done", func() bool { return len(j.done) == 1 && len(refused.done) == 1 })
		w.drain()
		var want []string
		for _, r := range j.done[1].Results {
			if r.Kind != farm.KindPreview {
				want = append(want, "show/shot/"+r.Name)
			}
		}
		slices.Sort(want)
		if got := below(t, renders); len(want) < 2 || !slices.Equal(got, want) {
			t.Errorf("the job's folder has %v, not %v", got, want)
		}
		if got := below(t, all); len(got) != len(want)+1 || !strings.HasPrefix(got[0], "shot-1/") || !strings.HasPrefix(got[len(got)-1], "shot-2/") {
			t.Errorf("the worker's folder has %v", got)
		}
		if early > 0 {
			t.Errorf("%d files had their names before the master had the frame", early)
		}
		if len(j.done[1].Warnings) > 0 || len(refused.done[1].Warnings) != 1 || !strings.Contains(refused.done[1].Warnings[0], "--copy-root") {
			t.Errorf("warnings: %q and %q", j.done[1].Warnings, refused.done[1].Warnings)
		}
	})
}

// A folder that is not there, or that leads elsewhere, costs a warning and no frame.
func TestCopyingThatFails(t *testing.T) {
	outside := t.TempDir()
	for name, prepare := range map[string]func(root string) string{
		"not there": func(root string) string { return filepath.Join(root, "gone") },
		"a file":    func(root string) string { return touch(t, filepath.Join(root, "file")) },
		"a link out": func(root string) string {
			if err := os.Symlink(outside, filepath.Join(root, "shot-1")); err != nil {
				t.Skip("this system makes no links: ", err)
			}
			return root
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := prepare(t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				j := m.job(2, func(j *fakeJob) { j.grant.Folder = "shot-1" })
				opt := options(t, m, fake.Options{})
				opt.CopyTo = root
				w := start(t, opt)
				m.until("the frames are done", func() bool { return len(j.done) == 2 })
				w.drain()
				if text := j.done[2].Warnings; len(text) != 1 || !strings.Contains(text[0], "it is not copied to "+root) {
					t.Errorf("warnings: %q", text)
				} else if name == "a link out" && !strings.HasSuffix(text[0], "leads out of the folder") {
					t.Errorf("warning: %q", text[0])
				}
				if left := below(t, outside); len(left) > 0 {
					t.Errorf("written outside: %v", left)
				}
			})
		})
	}
}

func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A frame that the master does not take leaves no copy; one whose worker dies before it hears the answer has it after all.
func TestCopiesFollowTheVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		dies, refused, answerLost bool
		copies                    int
	}{
		"taken after a restart":            {dies: true, copies: 1},
		"not taken":                        {refused: true},
		"taken, and the answer never came": {dies: true, answerLost: true, copies: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				all := t.TempDir()
				j := m.job(1, func(j *fakeJob) { j.grant.Folder = "shot-1" })
				blocked := true
				m.before = func(_ context.Context, call string) error {
					m.mu.Lock()
					defer m.mu.Unlock()
					if blocked && !c.answerLost && (call == "put" || call == "report") {
						return errAway
					}
					return nil
				}
				m.after = func(call string) error {
					if blocked && call == "report" {
						return errAway
					}
					return nil
				}
				opt := options(t, m, fake.Options{})
				opt.CopyTo = all
				w := start(t, opt)
				time.Sleep(time.Second)
				if got := below(t, all); len(got) != 1 || !strings.HasPrefix(got[0], "shot-1/.netrender-") {
					t.Fatalf("before there is an answer the folder has %v", got)
				}
				if c.dies {
					w.kill()
				}
				if c.refused {
					m.cancel(j)
				}
				m.set(func() { blocked = false })
				if c.dies {
					w = start(t, opt)
				}
				time.Sleep(time.Minute)
				w.drain()
				got := below(t, all)
				if len(got) != c.copies || len(got) > 0 && strings.Contains(got[0], ".part") {
					t.Errorf("the folder has %v", got)
				}
			})
		})
	}
}
