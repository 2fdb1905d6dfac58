package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

// TestSnapshotWhileOthersWrite: a snapshot has what was kept before it was asked for, and a beginning of what was kept
// meanwhile: no frame without all before it.
func TestSnapshotWhileOthersWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "farm.db"))
	defer s.Close()
	apply(t, s, farm.JobAdd{Job: job(1)})
	kept := make(chan int, 1<<16) // frames that are durable
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			m := farm.JobMark{ID: 1, State: farm.Active, Progress: farm.Progress{Total: 1e6, Done: n + 1}}
			if err := s.Apply(ctx, []farm.Change{frame(1, n), m}); err != nil {
				stopped <- err
				return
			}
			kept <- n + 1
		}
	}()
	least := 0
	for i := range 5 {
		for least = range kept {
			if least >= 50*(i+1) {
				break
			}
		}
		path := filepath.Join(dir, fmt.Sprint("copy", i))
		k, err := s.Snapshot(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		c := open(t, path)
		list, err := c.Attempts(ctx, farm.AttemptFilter{Job: 1, Accepted: true, Limit: 1000})
		if err != nil || len(list) < least || int64(len(list)) != k.Frames || k.Jobs != 1 || k.NextJob != 2 {
			t.Errorf("%d frames of at least %d are in the copy, which says %+v (%v)", len(list), least, k, err)
		}
		for n, a := range list {
			if a.Position != n {
				t.Fatalf("frame %d is in the copy and %d is not", a.Position, n)
			}
		}
		c.Close()
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestContents: each input once, results of accepted frames only, and what was removed by a rule is marked.
func TestContents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "farm.db"))
	defer s.Close()
	s.StopSweep()
	ref := func(c string) string { return strings.Repeat(c, 64) }
	add := func(id farm.JobID, refs ...string) farm.Change {
		j := job(id)
		j.Folder = fmt.Sprint("shot-", id)
		a := farm.JobAdd{Job: j}
		for i, r := range refs {
			a.Files = append(a.Files, farm.File{Path: fmt.Sprint("f", i), Ref: ref(r), Size: 5})
		}
		return a
	}
	done := func(id farm.JobID, n int, name string) farm.Change {
		f := frame(id, n).(farm.FrameDone)
		f.Attempt.Ended = time.Unix(100, 0)
		f.Attempt.Results = []farm.Result{{Kind: farm.KindEXR, Name: name, Size: 9, Ref: ref("e"), Frame: n + 1}}
		return f
	}
	apply(t, s, add(1, "a", "b"), add(2, "b", "c"), add(3, "d"), done(1, 0, "0001.exr"), done(1, 1, "0002.exr"), done(2, 0, "0001.exr"), done(3, 0, "x.exr"),
		farm.JobLost{ID: 2, Removal: farm.Removal{Part: farm.Inputs, At: time.Unix(200, 0)}}, farm.JobLost{ID: 2, Removal: farm.Removal{Part: farm.Outputs, At: time.Unix(200, 0)}})
	apply(t, s, farm.FrameReset{Job: 1, Positions: farm.SpanOf(1, 2)}, farm.JobDelete{ID: 3})
	path := filepath.Join(dir, "copy")
	if _, err := s.Snapshot(ctx, path); err != nil {
		t.Fatal(err)
	}
	var got []farm.Stored
	if err := s.Contents(ctx, path, func(x farm.Stored) error { got = append(got, x); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []farm.Stored{
		{Ref: ref("a"), Size: 5},
		{Ref: ref("b"), Size: 5},
		{Ref: ref("c"), Size: 5, Removed: true},
		{Ref: ref("e"), Size: 9, Output: "shot-1/0001.exr"},
		{Ref: ref("e"), Size: 9, Output: "shot-2/0001.exr", Removed: true},
	}
	if d := diff.Diff(want, got); d != "" {
		t.Error(d)
	}
	stop := errors.New("stop")
	if err := s.Contents(ctx, path, func(farm.Stored) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestExamine looks at files from outside and leaves them and their folder as they are.
func TestExamine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "farm.db")
	grown(t, path)
	names := func() (list []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	before := names()
	k, err := store.Examine(ctx, path)
	if err != nil || k.Jobs != 2 || k.NextJob != 3 {
		t.Fatalf("%+v, %v", k, err)
	}
	if after := names(); !slices.Equal(before, after) {
		t.Errorf("%q, and before %q", after, before)
	}
	for what, c := range map[string]struct {
		kind   farm.Kind
		saying string
		spoil  func(path string)
	}{
		"a page of a long table": {farm.Internal, "is damaged", func(path string) { spoilPage(t, path, "attempts", -1) }},
		"a page of an index":     {farm.Internal, "is damaged", func(path string) { spoilPage(t, path, "attempts_accepted", -1) }},
		"no database":            {farm.Internal, "not a database", func(path string) { write(t, path, bytes.Repeat([]byte("text "), 5000)) }},
		"nothing":                {farm.Internal, "not a database", func(path string) { write(t, path, nil) }},
		"a newer schema": {farm.Outdated, "a newer", func(path string) {
			s := open(t, path)
			defer s.Close()
			if err := s.Pragma(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		spoilt := filepath.Join(t.TempDir(), "spoilt.db")
		copyFile(t, path, spoilt)
		c.spoil(spoilt)
		_, err := store.Examine(ctx, spoilt)
		var e *farm.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Text, c.saying) || e.Hint == "" {
			t.Errorf("%s: %#v", what, err)
		}
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMoveOn raises numbers and never lowers them.
func TestMoveOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "farm.db")
	grown(t, path)
	was, err := store.Examine(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ epoch, next, isEpoch, isNext int64 }{
		{was.Epoch + 50, 1, was.Epoch + 50, 3},
		{was.Epoch, 2000, was.Epoch + 50, 2000},
	} {
		if err := store.MoveOn(ctx, path, c.epoch, farm.JobID(c.next)); err != nil {
			t.Fatal(err)
		}
		if k, err := store.Examine(ctx, path); err != nil || k.Epoch != c.isEpoch || int64(k.NextJob) != c.isNext {
			t.Errorf("%+v, %v", k, err)
		}
	}
}

// TestHold keeps masters away, and is kept away by one.
func TestHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	open(t, path).Close()
	release, err := store.Hold(path)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, path, farm.Conflict, "another netrender master")
	release()
	s := open(t, path)
	if _, err := store.Hold(path); farm.KindOf(err) != farm.Conflict {
		t.Error(err)
	}
	s.Close()
	if release, err = store.Hold(path); err != nil {
		t.Fatal(err)
	}
	release()
}
