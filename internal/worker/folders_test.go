package worker_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// Files lie where the manifest says before the scene is opened, with their original paths mapped.
func TestFilesAreLaidOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1, func(j *fakeJob) {
			j.add(m, "tex/wood.png", []byte("wood"))
			j.add(m, "empty.txt", nil)
		})
		var scene blender.Scene
		w := start(t, options(t, m, fake.Options{Open: func(_ context.Context, s blender.Scene) error {
			scene = s
			for original, want := range map[string]string{"/home/artist/tex/wood.png": "wood", "/home/artist/empty.txt": ""} {
				if text, err := os.ReadFile(s.Files[original]); err != nil || string(text) != want {
					t.Errorf("%s: %q, %v", original, text, err)
				}
			}
			return nil
		}}))
		m.until("the frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
		if scene.Original != "/home/artist/scene.blend" || filepath.Base(scene.Blend) != "scene.blend" || len(scene.Files) != 3 {
			t.Errorf("opened %+v", scene)
		}
	})
}

// A file with a frame range is fetched by who renders one of its frames, before that frame, and by nobody else.
func TestFrameRangesOfFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		caches := map[int]string{}
		j := m.job(2, func(j *fakeJob) {
			for f := 1; f <= 3; f++ {
				file := j.add(m, "cache/"+string(rune('0'+f)), []byte{'c', byte(f)})
				file.First, file.Last = &f, &f
				caches[f] = "blob " + file.Ref[:8]
			}
		})
		w := start(t, options(t, m, fake.Options{Render: func(_ context.Context, task blender.Task, _ io.Writer) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.calls[caches[task.Frame]] != 1 {
				t.Errorf("frame %d renders without its file", task.Frame)
			}
			return nil
		}}))
		m.until("all are done", func() bool { return len(j.done) == 2 })
		w.drain()
		if m.calls[caches[3]] != 0 {
			t.Error("a file was fetched that no frame needs")
		}
	})
}

func TestManifestsThatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(m *fakeMaster, j *fakeJob){
		"outside": func(m *fakeMaster, j *fakeJob) { j.add(m, "../../evil", []byte("x")) },
		"twice":   func(m *fakeMaster, j *fakeJob) { j.add(m, "SCENE.blend", []byte("x")) },
		"no hash": func(m *fakeMaster, j *fakeJob) { j.add(m, "a", []byte("x")).Ref = "xyz" },
		"gone":    func(m *fakeMaster, j *fakeJob) { delete(m.blobs, j.add(m, "a", []byte("x")).Ref) },
		"damaged": func(m *fakeMaster, j *fakeJob) { m.blobs[j.add(m, "a", []byte("x")).Ref] = []byte("y") },
		"gone at first": func(m *fakeMaster, j *fakeJob) {
			ref := j.add(m, "a", []byte("x")).Ref
			m.blobs[ref] = []byte("y")
			asked := 0
			m.before = func(_ context.Context, call string) error {
				if call == "blob "+ref[:8] {
					if asked++; asked < 3 {
						return farm.Errorf(farm.NotFound, "there is no such blob")
					}
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				j := m.job(2, func(j *fakeJob) { spoil(m, j) })
				m.chunk = 2
				o := options(t, m, fake.Options{})
				w := start(t, o)
				m.until("it is told", func() bool { return j.failed[1].Frame == 1 && j.back > 0 })
				m.cancel(j)
				w.drain()
				if r := j.failed[1]; r.Error == "" || r.OwnFault != strings.HasPrefix(name, "gone") {
					t.Errorf("%d handed back, %+v", j.back, r)
				}
			})
		})
	}
}

// While the master is away the files are asked for again and again; the lease is not given up.
func TestFilesWhileTheMasterIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(1)
		tries := 0
		m.before = func(_ context.Context, call string) error {
			if call == "files" {
				if tries++; tries < 20 {
					return errAway
				}
			}
			return nil
		}
		w := start(t, options(t, m, fake.Options{}))
		m.until("the frame is done", func() bool { return len(j.done) == 1 })
		w.drain()
	})
}

// The folders of jobs that are not in use go, the least recently used first; the next lease of such a job lays its
// files out again without fetching them.
func TestFoldersOfOldJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		o := options(t, m, fake.Options{})
		o.Folders = 2
		w := start(t, o)
		var last *fakeJob
		for range 5 {
			last = m.job(1)
			m.until("the job is done", func() bool { return len(last.done) == 1 })
		}
		m.set(func() { m.jobs[1].queue = append(m.jobs[1].queue, 7) })
		m.until("the first job goes on", func() bool { return len(m.jobs[1].done) == 2 })
		time.Sleep(time.Second)
		synctest.Wait()
		if dirs := entries(t, o.Dir, "jobs"); !slices.Equal(dirs, []string{"1", "5"}) {
			t.Errorf("the folders of jobs are %v", dirs)
		}
		if n := m.calls["blob "+m.jobs[1].files[0].Ref[:8]]; n != 1 {
			t.Errorf("the scene of the first job was fetched %d times", n)
		}
		w.drain()
	})
}

// The cache is bounded, but a job larger than it still renders.
func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		o := options(t, m, fake.Options{})
		o.Folders, o.CacheBytes = 1, 3000
		w := start(t, o)
		for n := range 4 {
			j := m.job(1, func(j *fakeJob) {
				for i := range 4 {
					text := make([]byte, 1000)
					text[0], text[1] = byte(n), byte(i)
					j.add(m, string(rune('a'+i)), text)
				}
			})
			m.until("the job is done", func() bool { return len(j.done) == 1 })
		}
		w.drain()
		var kept int64
		_ = filepath.WalkDir(filepath.Join(o.Dir, "cache"), func(path string, d os.DirEntry, err error) error {
			if info, e := d.Info(); e == nil && info.Size() == 1000 {
				kept += info.Size()
			}
			return err
		})
		if kept > 4000 {
			t.Errorf("%d bytes are kept, of 16000", kept)
		}
	})
}

// The files of the next lease are there before the present frame is done.
func TestFilesAreFetchedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.job(1)
		m.job(1)
		third := m.job(1)
		began := time.Now()
		m.before = func(_ context.Context, call string) error {
			if call == "blob "+third.files[0].Ref[:8] {
				time.Sleep(time.Second)
			}
			return nil
		}
		var starts []time.Duration
		w := start(t, options(t, m, fake.Options{FrameTime: 10 * time.Second, Render: func(context.Context, blender.Task, io.Writer) error {
			starts = append(starts, time.Since(began))
			return nil
		}}))
		m.until("all are done", func() bool { return len(third.done) == 1 })
		w.drain()
		if want := []time.Duration{0, 10 * time.Second, 20 * time.Second}; !slices.Equal(starts, want) {
			t.Errorf("frames began after %v", starts)
		}
	})
}

// What an earlier process fetched of a file is not fetched again, unless it is damaged.
func TestFilesGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		spoil byte
		want  []int64
	}{
		"whole":   {0, []int64{4000}},
		"damaged": {1, []int64{4000, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				texture := bytes.Repeat([]byte("0123456789"), 1000)
				j := m.job(1, func(j *fakeJob) { j.add(m, "wood.png", texture) })
				o := options(t, m, fake.Options{})
				disk, err := blob.OpenDisk(filepath.Join(o.Dir, "cache"), blob.DiskOptions{})
				if err != nil {
					t.Fatal(err)
				}
				part := bytes.Clone(texture[:4000])
				part[7] ^= c.spoil
				ref := blob.RefOf(texture)
				if have, _, err := disk.Append(t.Context(), ref, int64(len(texture)), 0, bytes.NewReader(part)); have != 4000 {
					t.Fatal(have, err)
				}
				if err := disk.Close(); err != nil {
					t.Fatal(err)
				}
				w := start(t, o)
				m.until("the frame is done", func() bool { return len(j.done) == 1 || len(j.failed) == 1 })
				w.drain()
				if len(j.done) != 1 || !slices.Equal(m.offsets[ref.String()], c.want) {
					t.Errorf("%s; fetched from %v, want %v", j.failed[1].Error, m.offsets[ref.String()], c.want)
				}
			})
		})
	}
}
