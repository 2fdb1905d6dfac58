package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker/fake"
)

// Complete files of a bake are handed over while it goes on, each once and none before the master has its bytes; what the
// master does not find is sent again, and all is said again when an earlier bake was another.
func TestCachesAreHandedOver(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(n int, in *wire.CacheRequest) (wire.CacheReply, error)
		want   []string
		puts   int
	}{
		"taken": {
			func(int, *wire.CacheRequest) (wire.CacheReply, error) { return wire.CacheReply{}, nil },
			[]string{"1: 1", "2: 2", "3: 3", "4: 4"},
			5,
		},
		"others than before": {
			func(n int, _ *wire.CacheRequest) (wire.CacheReply, error) { return wire.CacheReply{Other: n == 2}, nil },
			[]string{"1: 1", "2: 2", "2: 1 2 whole", "3: 3", "4: 4"},
			5,
		},
		"missing": {
			func(n int, in *wire.CacheRequest) (wire.CacheReply, error) {
				if n == 2 {
					return wire.CacheReply{Missing: []string{in.Results[0].Name}}, nil
				}
				return wire.CacheReply{}, nil
			},
			[]string{"1: 1", "2: 2", "2: 2", "3: 3", "4: 4"},
			6,
		},
		"the master is away for a while": {
			func(n int, _ *wire.CacheRequest) (wire.CacheReply, error) {
				if n == 2 {
					return wire.CacheReply{}, errAway
				}
				return wire.CacheReply{}, nil
			},
			[]string{"1: 1", "2: 2", "2: 2", "3: 3", "4: 4"},
			5,
		},
		"not wanted": {
			func(int, *wire.CacheRequest) (wire.CacheReply, error) {
				return wire.CacheReply{}, farm.Errorf(farm.Conflict, "it is not wanted")
			},
			[]string{"1: 1"},
			5,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			var told []string
			m.early = func(in wire.CacheRequest) (wire.CacheReply, error) {
				text := fmt.Sprint(in.Ready, ":")
				for _, r := range in.Results {
					text += " " + strings.TrimLeft(strings.TrimSuffix(r.Name[strings.LastIndex(r.Name, "/")+1:], ".cache"), "0")
				}
				if in.Whole {
					text += " whole"
				}
				told = append(told, text)
				return c.answer(len(told), &in)
			}
			no := farm.Task{Stage: farm.StageBake, Part: 1}.No()
			j := m.job(0, func(j *fakeJob) {
				j.grant.Stage, j.grant.Until = farm.StageBake, 5
				j.grant.Bakes = []farm.Bake{{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 9}}}
				j.queue = []int{no}
			})
			w := start(t, options(t, m, fake.Options{BakeTime: 20 * time.Second}))
			m.until("the bake is done", func() bool { return len(j.done) == 1 })
			if r := j.done[no]; len(r.Results) != 5 {
				t.Errorf("%s: %d files are reported", name, len(r.Results))
			}
			w.drain()
			if len(told) > len(c.want) && strings.HasPrefix(told[len(told)-1], "5:") { // it comes with the end
				told = told[:len(told)-1]
			}
			if strings.Join(told, ", ") != strings.Join(c.want, ", ") {
				t.Errorf("%s: handed over was %q, not %q", name, told, c.want)
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			if puts := m.calls["put"]; puts < c.puts || puts > c.puts+4 {
				t.Errorf("%s: %d files were sent, not %d", name, puts, c.puts)
			}
		})
	}
}

// The list of a job's files is read again only for frames whose caches came since.
func TestFilesThatCameWhileBaked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		ready := 2
		j := m.job(2, func(j *fakeJob) {
			j.grant.Bakes, j.grant.Baked, j.grant.Ready = []farm.Bake{{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 9}}}, 5, &ready
			for f := 1; f <= 4; f++ {
				j.cache(m, f)
			}
		})
		last := j.files[3:]
		m.set(func() { j.files = j.files[:3] })
		w := start(t, options(t, m, fake.Options{}))
		m.until("two frames are done", func() bool { return len(j.done) == 2 })
		m.set(func() {
			more := 4
			j.files, j.grant.Ready, j.queue = append(j.files, last...), &more, []int{3, 4}
		})
		m.until("four frames are done", func() bool { return len(j.done) == 4 })
		w.drain()
		if len(j.failed) > 0 {
			t.Errorf("%d frames failed", len(j.failed))
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := m.calls["files"]; n != 2 {
			t.Errorf("the files were listed %d times", n)
		}
	})
}

// cache adds a cache file as the fake renderer looks for it.
func (j *fakeJob) cache(m *fakeMaster, frame int) {
	f := j.add(m, fmt.Sprintf("%s/cloth-Shirt-Cloth/%06d.cache", farm.CacheFolder, frame), fmt.Append(nil, "cache of ", frame))
	f.First, f.Last, f.Bake, f.Original = &frame, &frame, 1, ""
}

// Frames in order have the scene opened to be played up to the last of them.
func TestInOrderIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(3, func(j *fakeJob) { j.grant.InOrder = true })
		opened := make(chan blender.Scene, 9)
		w := start(t, options(t, m, fake.Options{Open: func(_ context.Context, s blender.Scene) error {
			opened <- s
			return nil
		}}))
		m.until("three frames are done", func() bool { return len(j.done) == 3 })
		m.set(func() { delete(j.done, 2); j.queue = []int{2} })
		m.until("one is done again", func() bool { return len(j.done) == 3 })
		w.drain()
		close(opened)
		var until []int
		for s := range opened {
			if !s.InOrder {
				t.Error("the scene was not opened to be played")
			}
			until = append(until, s.Until)
		}
		if fmt.Sprint(until) != "[3 2]" {
			t.Errorf("it was to be played up to %v", until)
		}
	})
}
