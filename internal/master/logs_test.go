package master_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// say adds to the log of a frame, from an offset on.
func (b *bench) say(g *farm.Grant, frame int, offset int64, text string) error {
	return b.m.AppendLog(context.Background(), root, g.Lease.ID, g.Lease.Worker, frame, offset, strings.NewReader(text))
}

// heard is the whole log of a frame's newest attempt.
func (b *bench) heard(id farm.JobID, frame int) string {
	b.t.Helper()
	l, err := b.m.OpenLog(context.Background(), id, frame, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer l.Close()
	text, err := io.ReadAll(l)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// lines is so much text that every part of it can be told from every other.
func lines(n int) string {
	var text strings.Builder
	for i := 0; text.Len() < n; i++ {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	return text.String()[:n]
}

// TestLogsBeyondMeasure: of a log that never ends the beginning and the end are kept, however it comes.
func TestLogsBeyondMeasure(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		job := b.submit("1-2")
		g := b.claim("worker-oak", 0)
		text := lines(24 << 20)
		r := rand.New(rand.NewPCG(1, 2))
		for at := int64(0); at < int64(len(text)); {
			n := min(r.Int64N(1<<20)+1, int64(len(text))-at)
			again := max(0, at-r.Int64N(1<<18)) // as after a break
			if err := b.say(g, 1, again, text[again:at+n]); err != nil {
				t.Fatal(err)
			}
			at += n
		}
		gap := b.say(g, 1, int64(len(text))+1, "x")
		want(t, "a gap", farm.KindOf(gap), farm.Conflict)
		got := b.heard(job.ID, 1)
		head, rest, cut := strings.Cut(got, "\n[... ")
		left, tail, _ := strings.Cut(rest, " bytes left out ...]\n")
		if !cut || !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) || len(head) < 8<<20 || len(tail) < 1<<20 || len(got) > 20<<20 {
			t.Fatal(cut, len(head), len(tail), left)
		}
		want(t, "left out", left, fmt.Sprint(len(text)-len(head)-len(tail)))
		var files int64
		_ = filepath.WalkDir(filepath.Join(b.dir, "logs"), func(_ string, d os.DirEntry, _ error) error {
			if info, err := d.Info(); err == nil && !d.IsDir() {
				files += info.Size()
			}
			return nil
		})
		if files > 20<<20 {
			t.Error(files, "bytes are kept")
		}
		// Read in pieces, as it is followed.
		l, err := b.m.OpenLog(context.Background(), job.ID, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var pieces strings.Builder
		at := int64(0)
		for {
			piece, next, err := l.Piece(at, 100_000)
			if err != nil {
				t.Fatal(err)
			}
			if len(piece) == 0 {
				break
			}
			pieces.Write(piece)
			at = next
		}
		want(t, "in pieces it is the same", pieces.String() == got, true)
		want(t, "its end", at, int64(len(text)))
	})
}

// TestLogsOfAJobAreBounded: attempts that begin when there is much already are kept short.
func TestLogsOfAJobAreBounded(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		job := b.submit("1-3", func(s *farm.JobSpec) { s.Chunk = 3 })
		g := b.claim("worker-oak", 0)
		text := lines(1 << 20)
		if err := b.say(g, 1, 0, text); err != nil {
			t.Fatal(err)
		}
		master.GrowLogs(b.m, job.ID, 1<<30)
		if err := errors.Join(b.say(g, 2, 0, text), b.say(g, 1, 1<<20, text)); err != nil {
			t.Fatal(err)
		}
		want(t, "one that began before", len(b.heard(job.ID, 1)), 2<<20)
		got := b.heard(job.ID, 2)
		if len(got) > 20<<10 || !strings.HasPrefix(got, text[:8<<10]) || !strings.HasSuffix(got, text[len(text)-4<<10:]) {
			t.Fatal(len(got))
		}
		master.GrowLogs(b.m, job.ID, 1<<30)
		if err := b.say(g, 3, 0, text); err != nil {
			t.Fatal(err)
		}
		l, err := b.m.OpenLog(context.Background(), job.ID, 3, 0)
		if err != nil || l.There() {
			t.Fatal("of one that began far too late something is kept", err)
		}
	})
}

// TestLogsOfOlderMasters lie in one folder.
func TestLogsOfOlderMasters(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		job := b.submit("-1500--1499,5,1000")
		dir := filepath.Join(b.dir, "logs", job.ID.String())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		long := lines(13 << 20) // longer in one piece than is kept today
		for name, text := range map[string]string{"5_77.log": "older", "5_78.log": "old", "55_99.log": "of another", "1000_7.log": long} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "the newest of old ones", b.heard(job.ID, 5), "old")
		want(t, "a long old one", b.heard(job.ID, 1000) == long, true)
		for range 4 {
			g := b.claim("worker-oak", 0)
			f := g.Lease.Frames[0]
			if err := b.say(g, f, 0, fmt.Sprintf("new of %d", f)); err != nil {
				t.Fatal(err)
			}
			want(t, "a new one", b.heard(job.ID, f), fmt.Sprintf("new of %d", f))
			b.report(g, f, farm.HandedBack)
			b.report(g, f, farm.Rendered)
			if f == -1500 {
				if _, err := os.Stat(filepath.Join(dir, "-2", logNameOf(g, f))); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func logNameOf(g *farm.Grant, frame int) string { return fmt.Sprintf("%d_%d.log", frame, g.Lease.ID) }

// TestManyLogsAreFoundQuickly: to find one among those of 100,000 frames is to look through those of a thousand.
func TestManyLogsAreFoundQuickly(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/dev/shm", "logs")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{t: t, store: newMemStore(), blobs: &shelf{}, dir: dir}
	b.free.Store(1 << 40)
	b.start() // in real time
	defer func() { b.stop() }()
	job := b.submit("0-99999")
	for bucket := range 100 {
		sub := filepath.Join(dir, "logs", job.ID.String(), fmt.Sprint(bucket))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(sub, fmt.Sprintf("%d_1.log", 1000*bucket))
		if err := os.WriteFile(first, []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
		for f := range 1000 {
			if err := os.Link(first, filepath.Join(sub, fmt.Sprintf("%d_7.log", 1000*bucket+f))); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	for i := range 100 {
		want(t, "the log", b.heard(job.ID, i*999), "text")
	}
	// Looking through all of them takes a hundred times as long; the limit is for slow machines.
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("100 logs were found in %s", took)
	}
}
