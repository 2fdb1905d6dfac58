package master_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestWhoDidWhatIsKept: every step that somebody takes leaves a record of who, from where and of what.
func TestWhoDidWhatIsKept(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		anna, boss := b.token("anna", farm.RoleSubmit), b.token("boss", farm.RoleAdmin)
		boss.Address = "10.0.0.1"
		oak := b.worker("oak", 1)
		job := b.submitAs(anna, "1-3")
		id := job.ID
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		steps := []struct {
			action  farm.Action
			who     master.Identity
			subject string
			text    string
			do      func() error
		}{
			{farm.DidChange, anna, id.String(), "priority: 7, was 1", func() error {
				_, err := b.m.Change(ctx, anna, id, func(s *farm.JobSpec) { s.Priority = 7 })
				return err
			}},
			{farm.DidPause, anna, id.String(), "shot", func() error { _, err := b.m.Pause(ctx, anna, id); return err }},
			{farm.DidResume, boss, id.String(), "shot", func() error { _, err := b.m.Resume(ctx, boss, id); return err }},
			{farm.DidCancel, boss, id.String(), "shot", func() error { _, err := b.m.Cancel(ctx, boss, id); return err }},
			{farm.DidRetry, anna, id.String(), "shot: goes on", func() error { _, err := b.m.Retry(ctx, anna, id, master.RetryWhich{Failed: true}); return err }},
			{farm.DidRetry, anna, id.String(), "shot: 3 frames again", func() error {
				_, err := b.m.Retry(ctx, anna, id, master.RetryWhich{Frames: farm.FrameRange(1, 3, 1)})
				return err
			}},
			{farm.DidDelete, anna, id.String(), "of anna", func() error { return b.m.Delete(ctx, anna, id) }},
			{farm.DidChangeWorker, boss, "oak", "enabled: false, was true", func() error {
				_, err := b.m.ChangeWorker(ctx, boss, oak, func(w *farm.Worker) { w.Enabled = false })
				return err
			}},
			{farm.DidDeleteWorker, boss, "oak", string(oak), func() error { return b.m.DeleteWorker(ctx, boss, oak) }},
			{farm.DidRules, boss, "", "cap: 0.5, was 0.75", func() error {
				r := farm.DefaultRules()
				r.Cap = 0.5
				return b.m.SetRules(ctx, boss, r)
			}},
			{farm.DidCleaning, boss, "", "inputs.done_days: 7, was 0", func() error {
				return b.m.SetCleaning(ctx, boss, farm.Cleaning{Inputs: farm.CleanRule{DoneDays: 7}})
			}},
			{farm.DidMakeToken, boss, "", "eve (view)", func() error { _, _, err := b.m.CreateToken(ctx, boss, "eve", farm.RoleView); return err }},
			{farm.DidRevokeToken, boss, anna.Token, "anna (submit)", func() error { return b.m.RevokeToken(ctx, boss, anna.Token) }},
			{farm.DidAccept, boss, "", "laptop (linux) from 10.0.0.9 as view", func() error {
				p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "laptop", Role: farm.RoleView, Kind: "linux", Address: "10.0.0.9"})
				must(err)
				_, err = b.m.AnswerPairing(ctx, boss, p.Code, true)
				return err
			}},
			{farm.DidRefuse, boss, "", "tablet", func() error {
				p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "tablet", Role: farm.RoleView})
				must(err)
				_, err = b.m.AnswerPairing(ctx, boss, p.Code, false)
				return err
			}},
			{farm.DidLogIn, boss, "", "Browser", func() error {
				secret, _, err := b.m.AskLogin(ctx, boss)
				must(err)
				_, err = b.m.LogIn(ctx, secret, boss.Address, "Browser")
				return err
			}},
			{farm.DidLogOut, boss, "", "", func() error {
				logins, err := b.m.Logins(ctx)
				must(err)
				return b.m.EndLogin(ctx, boss, logins[0].ID)
			}},
			{farm.DidRefuse, boss, "", "it saw another key", func() error {
				b.pin = strings.Repeat("ab", 32)
				b.restart()
				p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "stranger", Role: farm.RoleView})
				must(err)
				if _, err = b.m.AnswerPairing(ctx, boss, p.Code, true); farm.KindOf(err) != farm.Mismatch {
					t.Errorf("a newcomer that saw no key: %v", err)
				}
				return nil
			}},
			{farm.DidVerify, boss, "", "all", func() error { return b.m.Note(ctx, boss, farm.DidVerify, "", "all") }},
		}
		first, err := b.m.Audit(ctx, farm.AuditFilter{Limit: 1})
		if err != nil || len(first) != 1 || first[0].Action != farm.DidSubmit || first[0].Who != "anna" || first[0].Token != anna.Token || first[0].Subject != id.String() {
			t.Fatalf("submitted: %+v %v", first, err)
		}
		after := first[0].Seq
		for _, s := range steps {
			must(s.do())
			list, err := b.m.Audit(ctx, farm.AuditFilter{After: after, Limit: 10})
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %+v %v", s.action, list, err)
			}
			a := list[0]
			after = a.Seq
			if a.Action != s.action || a.Who != s.who.Name || a.Token != s.who.Token || a.Role != s.who.Role || a.Address != s.who.Address || a.Time.IsZero() ||
				s.subject != "" && a.Subject != s.subject || !strings.Contains(a.Text, s.text) {
				t.Errorf("%s: %+v", s.action, a)
			}
		}
		// What is refused is not done, and what cannot be kept is not recorded either.
		if _, err := b.m.Cancel(ctx, anna, 99); err == nil {
			t.Fatal("a job that is none")
		}
		full := errors.New("disk full")
		b.store.mu.Lock()
		b.store.fail = full
		b.store.mu.Unlock()
		if err := b.m.SetRules(ctx, boss, farm.DefaultRules()); !errors.Is(err, full) {
			t.Fatal(err)
		}
		b.store.mu.Lock()
		b.store.fail = nil
		b.store.mu.Unlock()
		b.restart()
		list, err := b.m.Audit(ctx, farm.AuditFilter{After: after, Limit: 10})
		if err != nil || len(list) != 0 {
			t.Errorf("afterwards: %+v %v", list, err)
		}
	})
}

// TestOldRecordsAreForgotten: an hour or so after they are too old.
func TestOldRecordsAreForgotten(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() { _ = b.m.Tend(ctx) }()
		left := func() (texts []string) {
			list, err := b.m.Audit(ctx, farm.AuditFilter{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				texts = append(texts, a.Text)
			}
			return texts
		}
		day := 24 * time.Hour
		for seq, age := range []time.Duration{400*day - time.Minute, 399 * day} {
			change := farm.AuditAdd{Audit: farm.Audit{Seq: int64(seq + 1), Time: time.Now().Add(-age), Text: age.String()}}
			if err := b.store.Apply(ctx, []farm.Change{change}); err != nil {
				t.Fatal(err)
			}
		}
		if got := left(); len(got) != 2 {
			t.Errorf("forgotten too soon: %q", got)
		}
		time.Sleep(2 * time.Hour)
		if got := left(); len(got) != 1 || got[0] != (399*day).String() {
			t.Errorf("after 400 days: %q", got)
		}
	})
}

func TestNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "::ffff:10.0.0.1", "::1": "::1", "127.0.0.1": "127.0.0.1",
		"2001:db8::1": "2001:db8::/64", "2001:db8::1:0:0:0:2": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "oak": "oak",
	} {
		if got := master.Network(address); got != want {
			t.Errorf("%s is of %s, not %s", address, got, want)
		}
	}
}
