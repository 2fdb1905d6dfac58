package worker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// says is a Render that prints.
func says(text string) func(context.Context, blender.Task, io.Writer) error {
	return func(_ context.Context, _ blender.Task, log io.Writer) error {
		_, err := io.WriteString(log, text)
		return err
	}
}

// A log is cut into pieces between characters, and what was damaged on the disk is sent once: the offsets are those
// of what the master has.
func TestLogInPieces(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"characters across the cuts": nil,
		"damaged on the disk": func(path string) error {
			text, err := os.ReadFile(path)
			for i := 1; i < len(text); i += 1000 {
				text[i] = 0xff
			}
			return errors.Join(err, os.WriteFile(path, text, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				j := m.job(1)
				text := "x" + strings.Repeat("\u4e16", 500_000)
				o := options(t, m, fake.Options{Render: says(text), Quiet: true})
				calls, away := 0, damage != nil
				m.refuses = func(call string, _ *farm.Report) error {
					if away {
						return errAway
					}
					if call == "log" {
						if calls++; calls > 20 {
							return farm.Errorf(farm.Invalid, "it never ends")
						}
					}
					return nil
				}
				w := start(t, o)
				if damage != nil {
					time.Sleep(time.Minute)
					w.kill()
					found, err := filepath.Glob(filepath.Join(o.Dir, "out", "*", "log.txt"))
					if len(found) != 1 || err != nil || damage(found[0]) != nil {
						t.Fatalf("%v %v", found, err)
					}
					away = false
					w = start(t, o)
				}
				m.until("the frame is done", func() bool { return len(j.done) == 1 })
				w.drain()
				log := m.logs[place(j.done[1].Lease, 1)]
				if calls > 4 || !utf8.Valid(log) || damage == nil && !bytes.HasSuffix(log, []byte(text)) {
					t.Errorf("%d calls brought %d of %d bytes", calls, len(log), len(text))
				}
				if damage != nil && (len(log) < len(text)/2 || bytes.Count(log, []byte("?")) < 1000) {
					t.Errorf("the damaged log came as %d bytes of %d", len(log), len(text))
				}
			})
		})
	}
}

// A master that lost a log is sent it once more; one that loses it again, or cannot keep it, gets the frame all the same.
func TestLogIsNotTaken(t *testing.T) {
	for name, answer := range map[string]error{
		"a gap every time": farm.Errorf(farm.Conflict, "there would be a gap"),
		"no folder for it": farm.Errorf(farm.Internal, "the log cannot be kept: not a directory"),
		"too much":         farm.Errorf(farm.TooLarge, "a piece of log is at most 3 bytes"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				j := m.job(3)
				calls := 0
				m.refuses = func(call string, _ *farm.Report) error {
					if call != "log" {
						return nil
					}
					if calls++; calls%2 == 1 && farm.KindOf(answer) == farm.Conflict {
						return nil // the first piece
					}
					return answer
				}
				began := time.Now()
				w := start(t, options(t, m, fake.Options{Render: says(strings.Repeat("x", 1<<20)), Quiet: true}))
				m.until("all are done", func() bool { return len(j.done) == 3 })
				w.drain()
				if took := time.Since(began); calls > 3*5 || took > time.Minute {
					t.Errorf("%d calls in %s", calls, took)
				}
			})
		})
	}
}

// A log slows neither rendering nor what comes after it, however the master takes it.
func TestLogHoldsNothingUp(t *testing.T) {
	for name, take := range map[string]func(context.Context) error{
		"hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"is full": func(context.Context) error {
			return farm.Errorf(farm.NoRoom, "the log cannot be kept: the master's disk is full")
		},
		"breaks": func(context.Context) error { return errAway },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				m.chunk = 4
				j := m.job(4)
				m.before = func(ctx context.Context, call string) error {
					if call != "log" {
						return nil
					}
					ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // as the wire's client does
					defer cancel()
					return take(ctx)
				}
				began := time.Now()
				var ended []time.Duration
				render := func(ctx context.Context, _ blender.Task, log io.Writer) error {
					for range 10 {
						_, _ = io.WriteString(log, strings.Repeat("a line of it\n", 1<<13))
						time.Sleep(time.Second)
					}
					ended = append(ended, time.Since(began).Round(time.Second))
					return nil
				}
				w := start(t, options(t, m, fake.Options{Render: render, Quiet: true}))
				m.until("all are done", func() bool { return len(j.done) == 4 })
				w.drain()
				if len(ended) != 4 || ended[3] != 40*time.Second {
					t.Errorf("frames ended after %v", ended)
				}
				if took := time.Since(began); took > 2*time.Minute+30*time.Second {
					t.Errorf("the frames were handed over after %s", took)
				}
			})
		})
	}
}

// What the master cannot take, because of itself, is given up after a while and holds nothing else back.
func TestMasterCannotTakeAFrame(t *testing.T) {
	broken := farm.Errorf(farm.Internal, "the result cannot be kept: not a directory")
	for _, c := range []struct {
		name   string
		call   string // that is refused
		frames int
		answer error
		done   bool // only that it is done
		within time.Duration
		told   bool // the failure can be told
	}{
		{"results", "put", 20, broken, false, time.Minute, true},
		{"results of the only frame", "put", 1, broken, false, 6 * time.Minute, true},
		{"report", "report", 20, broken, false, 3 * time.Minute, false},
		{"damaged on the way", "put", 20, farm.Errorf(farm.Mismatch, "the bytes do not match"), false, time.Minute, true},
		{"report makes no sense", "report", 20, farm.Errorf(farm.Invalid, "a result has a bad name"), true, time.Minute, true},
		{"report too large", "report", 20, farm.Errorf(farm.TooLarge, "a report is too large"), true, time.Minute, true},
		{"no report makes sense", "report", 20, farm.Errorf(farm.Invalid, "a result has a bad name"), false, time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMaster(t)
				m.chunk = c.frames
				j := m.job(c.frames)
				m.refuses = func(call string, r *farm.Report) error {
					if call == c.call && r.Frame == 1 && (!c.done || r.Outcome == farm.Rendered) {
						return c.answer
					}
					return nil
				}
				began := time.Now()
				w := start(t, options(t, m, fake.Options{FrameTime: time.Second}))
				m.until("the others are done", func() bool { return len(j.done) == c.frames-1 })
				if took := time.Since(began); took > 40*time.Second {
					t.Errorf("the others waited: %s", took)
				}
				if c.told {
					m.until("it is told", func() bool { return len(j.failed) == 1 })
				}
				w.drain()
				if took := time.Since(began); took > c.within {
					t.Errorf("it took %s", took)
				}
				if r := j.failed[1]; c.told && (!strings.HasSuffix(r.Error, c.answer.Error()) || r.OwnFault || r.Fatal || len(r.Results) > 0) {
					t.Errorf("reported as %+v", r)
				}
			})
		})
	}
}

// A master that is in trouble for a moment gets the frames when it is over.
func TestMasterInTroubleForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(6)
		trouble := true
		m.refuses = func(string, *farm.Report) error {
			if trouble {
				return farm.Errorf(farm.Internal, "the store cannot be written: input/output error")
			}
			return nil
		}
		w := start(t, options(t, m, fake.Options{FrameTime: time.Second}))
		time.Sleep(3 * time.Minute)
		m.set(func() { trouble = false })
		m.until("all are done", func() bool { return len(j.done) == 6 })
		w.drain()
		if len(j.failed) != 0 {
			t.Errorf("failed: %v", j.failed)
		}
	})
}

// A result that cannot be read any more is reported, and what was finished after it is sent.
func TestResultCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		m.chunk = 3
		j := m.job(3)
		o := options(t, m, fake.Options{FrameTime: time.Second})
		w := start(t, o)
		spoilt := false
		m.set(func() {
			m.before = func(_ context.Context, call string) error {
				if call != "put" || spoilt {
					return nil
				}
				spoilt = true
				found, _ := filepath.Glob(filepath.Join(o.Dir, "out", "*", "files", "*.exr"))
				for _, path := range found { // it opens, and cannot be read
					if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
						t.Error(err)
					}
				}
				return nil
			}
		})
		m.until("it is told", func() bool { return len(j.failed) == 1 && len(j.done) == 2 })
		w.drain()
		if r := j.failed[1]; !r.OwnFault || !strings.HasPrefix(r.Error, "a result cannot be read from the worker's disk: ") {
			t.Errorf("reported as %+v", r)
		}
	})
}
