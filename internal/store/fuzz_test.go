package store_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

// columns are those that readers take apart, or turn into numbers and times.
var columns = []string{
	"specs.spec", "finished.spans", "finished.seq", "leases.frames", "leases.issued", "leases.worker", "attempts.results", "attempts.position",
	"attempts.frame", "attempts.seconds", "attempts.started", "attempts.outcome", "workers.tags", "workers.facts", "workers.enabled", "tokens.created",
	"jobs.state", "jobs.seconds", "jobs.total", "files.first", "files.size", "resets.spans", "meta.value",
	"refusals.workers", "attempts.warnings",
}

// FuzzRows puts any value into any column, as a damaged disk may: reading says so in a sentence, or gives what makes
// sense.
func FuzzRows(f *testing.F) {
	s := open(f, filepath.Join(f.TempDir(), "farm.db"))
	defer s.Close()
	s.StopSweep()
	good := []farm.Change{
		farm.JobAdd{Job: job(1), Files: []farm.File{{Path: "a", Ref: "b"}}},
		frame(1, 0),
		farm.FrameTried{Attempt: farm.Attempt{Seq: 9, Job: 1, Frame: 3, Position: 2, Lease: 2, Outcome: farm.Errored, Results: []farm.Result{{Name: "x"}}, Warnings: []string{"x"}}},
		farm.JobMark{ID: 1, State: farm.Active, Finished: spansOf(0), Seq: 1},
		farm.LeaseAdd{Lease: farm.Lease{ID: 1, Job: 1, Frames: []int{2}}},
		farm.WorkerSet{Worker: farm.Worker{ID: "w"}},
		farm.TokenSet{Token: farm.Token{ID: "t"}},
		farm.RulesSet{Rules: farm.DefaultRules()},
	}
	if err := s.Apply(ctx, good); err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		`INSERT INTO resets (job, first, spans) VALUES (1, 5, x'0501')`, `PRAGMA synchronous = off`, `PRAGMA ignore_check_constraints = 1`, `PRAGMA foreign_keys = 0`,
	} {
		if err := s.Pragma(text); err != nil {
			f.Fatal(err)
		}
	}
	for i, seed := range []string{
		`{"frames":"1-9x2","chunk":0,"options":null}`, "\x05\x01", "9223372036854775807", "1,-2,3", "-9223372036854775808", "1e309", `[{"size":1.5}]`,
		"-1", "x", "1e999", "", "\xff", `["a"]`, `{"blenders":[{"version":"4.5.x"}]}`, "2", "0x10", "dreaming", "NaN", "-5", "1.5", "٣", "\x80\x80", "{",
	} {
		f.Add(uint8(i), uint8(i%4), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, which, kind uint8, value []byte) {
		table, column, _ := strings.Cut(columns[int(which)%len(columns)], ".")
		var v any
		switch n, err := strconv.ParseInt(string(value), 10, 64); {
		case kind%4 == 0:
			v = value
		case kind%4 == 1 && err == nil:
			v = n
		case kind%4 == 2:
			v = nil
		default:
			v = string(value)
		}
		if err := s.Pragma("BEGIN"); err != nil {
			t.Fatal(err)
		}
		err := s.Put(`UPDATE `+table+` SET `+column+` = ?`, v)
		if end := s.Pragma("COMMIT"); end != nil {
			t.Fatal(end)
		}
		if err == nil {
			said(t, columns[int(which)%len(columns)], v, func() error { _, err := s.Load(ctx, 0); return err })
			said(t, columns[int(which)%len(columns)], v, func() error { _, err := s.LoadJob(ctx, 1); return err })
			said(t, columns[int(which)%len(columns)], v, func() error { _, err := s.Manifest(ctx, 1, "", 9); return err })
			for _, filter := range []farm.AttemptFilter{{}, {Accepted: true}, {Failed: true}, {Frames: farm.Frames(1, 3)}} {
				filter.Job, filter.Limit = 1, 9
				said(t, columns[int(which)%len(columns)], v, func() error { _, err := s.Attempts(ctx, filter); return err })
			}
		}
		// As it was; a batch applied twice changes nothing, so that what it finds is taken out first.
		for _, text := range []string{`DELETE FROM attempts`, `DELETE FROM leases`, `DELETE FROM workers`, `DELETE FROM tokens`, `DELETE FROM meta`, `DELETE FROM finished`, `DELETE FROM resets`} {
			if err := s.Pragma(text); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Apply(ctx, good); err != nil {
			t.Fatal(err)
		}
		if err := s.Pragma(`INSERT INTO resets (job, first, spans) VALUES (1, 5, x'0501')`); err != nil {
			t.Fatal(err)
		}
	})
}

// said wants an error to be one of the farm's with a sentence on one line.
func said(t *testing.T, where string, value any, read func() error) {
	t.Helper()
	var e *farm.Error
	if err := read(); err != nil && (!errors.As(err, &e) || e.Text == "" || e.Hint == "" || strings.Contains(e.Text, "\n")) {
		t.Errorf("%s is %#v: %#v", where, value, err)
	}
}

// FuzzNumbers reads any text as a kept list of frames.
func FuzzNumbers(f *testing.F) {
	for _, text := range []string{"", "1", "-3,7,1", ",", "1,,2", "+1", "99999999999999999999", "0x1", "1, 2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := store.ParseNumbers(text)
		if err != nil {
			if farm.KindOf(err) != farm.Internal {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := store.ParseNumbers(store.Numbers(list)); err != nil || !slices.Equal(again, list) {
			t.Errorf("%q is %v, written and read %v, %v", text, list, again, err)
		}
	})
}

func spansOf(members ...int) []byte {
	s := farm.SpansOf(members...)
	return s.Encode()
}
