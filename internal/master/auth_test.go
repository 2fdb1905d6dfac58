package master_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func TestTokens(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		token, secret, err := b.m.CreateToken(ctx, root, "anna", farm.RoleSubmit)
		if err != nil {
			t.Fatal(err)
		}
		for _, kept := range b.store.tokens {
			if kept.Hash == "" || kept.Hash == secret {
				t.Fatalf("kept as %+v", kept)
			}
		}
		b.restart()
		who, err := b.m.Authenticate(secret, "10.0.0.7")
		if err != nil || who.Name != "anna" || who.Role != farm.RoleSubmit || who.Address != "10.0.0.7" {
			t.Fatalf("who: %+v, %v", who, err)
		}
		for _, wrong := range []string{"", "nr_", secret + "x", secret[:len(secret)-1], token.ID, token.Hash} {
			if _, err := b.m.Authenticate(wrong, ""); farm.KindOf(err) != farm.Denied {
				t.Errorf("%q was let in: %v", wrong, err)
			}
		}
		ended := b.m.Revoked(who)
		if err := b.m.RevokeToken(ctx, root, token.ID); err != nil {
			t.Fatal(err)
		}
		<-ended // what the token had open is told
		if _, err := b.m.Authenticate(secret, ""); farm.KindOf(err) != farm.Denied {
			t.Fatalf("a revoked token: %v", err)
		}
		b.restart()
		if _, err := b.m.Authenticate(secret, ""); farm.KindOf(err) != farm.Denied {
			t.Fatalf("a revoked token after a restart: %v", err)
		}
		if _, _, err := b.m.CreateToken(ctx, root, "x", "king"); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("a role that is none: %v", err)
		}
	})
}

func TestPairing(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		p, secret, err := b.m.AskPairing(ctx, master.Newcomer{Name: "laptop", Role: farm.RoleWorker, Kind: "linux/amd64", Address: "10.0.0.9"})
		if err != nil {
			t.Fatal(err)
		}
		type answer struct {
			state farm.PairState
			token string
		}
		got := make(chan answer)
		go func() {
			state, token, _ := b.m.WaitPairing(ctx, secret, "")
			got <- answer{state, token}
		}()
		synctest.Wait()
		waiting, err := b.m.Pairings(ctx)
		if err != nil || len(waiting) != 1 || waiting[0].Name != "laptop" || waiting[0].Address != "10.0.0.9" {
			t.Fatalf("waiting: %+v, %v", waiting, err)
		}
		if _, err := b.m.AnswerPairing(ctx, root, p.Code, true); err != nil {
			t.Fatal(err)
		}
		a := <-got
		want(t, "state", a.state, farm.PairAccepted)
		who, err := b.m.Authenticate(a.token, "")
		if err != nil || who.Role != farm.RoleWorker || who.Name != "laptop" {
			t.Fatalf("who: %+v, %v", who, err)
		}
		if state, token, _ := b.m.WaitPairing(ctx, secret, ""); token != "" || state == farm.PairAccepted {
			t.Fatalf("the token was handed over twice: %v", state)
		}
		if _, err := b.m.AnswerPairing(ctx, root, p.Code, true); farm.KindOf(err) != farm.NotFound {
			t.Fatalf("accepted twice: %v", err)
		}
	})
}

func TestPairingExpiresAndIsLimited(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		var last farm.Pairing
		for n := range 26 {
			p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "laptop", Role: farm.RoleSubmit, Kind: "", Address: "10.0.0.9"})
			if n < 25 && err != nil || n == 25 && farm.KindOf(err) != farm.Throttled {
				t.Fatalf("request %d: %v", n+1, err)
			}
			if err == nil {
				last = p
			}
		}
		if _, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "other", Role: farm.RoleSubmit, Kind: "", Address: "10.0.0.10"}); err != nil {
			t.Fatalf("another address: %v", err)
		}
		if _, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "king", Role: farm.RoleAdmin, Kind: "", Address: "10.0.0.11"}); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("pairing as admin: %v", err)
		}
		time.Sleep(10*time.Minute + time.Second)
		if _, err := b.m.AnswerPairing(ctx, root, last.Code, true); farm.KindOf(err) != farm.NotFound {
			t.Fatalf("an expired code was accepted: %v", err)
		}
	})
}

func TestEventsTellWhatIsDurable(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events := b.m.Watch(ctx)
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		b.report(g, 1, farm.Rendered)
		synctest.Wait()
		var seen []string
		for len(events) > 0 {
			ev := <-events
			seen = append(seen, string(ev.Kind)+" "+ev.State)
		}
		wantSeen := []string{"worker online", "worker registered", "audit job.submit", "job queued", "job active", "frame running", "frame done", "job done"}
		if len(seen) != len(wantSeen) {
			t.Fatalf("events: %q", seen)
		}
		for i := range seen {
			if seen[i] != wantSeen[i] {
				t.Fatalf("events: %q", seen)
			}
		}
		_ = job
	})
}

func TestWatcherThatFallsBehindIsTold(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events := b.m.Watch(ctx)
		oak := b.worker("oak", 1)
		b.submit("1-2000")
		for g := b.claim(oak, 0); g != nil; g = b.claim(oak, 0) {
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		synctest.Wait()
		lost := false
		for len(events) > 0 {
			if (<-events).Kind == farm.EventLost {
				lost = true
			}
		}
		want(t, "it is told that events were lost", lost, true)
	})
}

func TestRulesAreKept(t *testing.T) {
	inFarm(t, func(b *bench) {
		r := farm.DefaultRules()
		r.Cap = 0.5
		if err := b.m.SetRules(context.Background(), root, r); err != nil {
			t.Fatal(err)
		}
		b.restart()
		got, err := b.m.Rules(context.Background())
		if err != nil || got != r {
			t.Fatalf("rules: %+v, %v", got, err)
		}
		r.Cap = 2
		if err := b.m.SetRules(context.Background(), root, r); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("a cap of 200 %%: %v", err)
		}
	})
}

func TestAMillionFramesAreAccepted(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 2)
		job := b.submit("1-1000000", func(s *farm.JobSpec) { s.Order = farm.OutsideIn })
		want(t, "first", frames(b.claim(oak, 0)), "1")
		want(t, "second", frames(b.claim(oak, 1)), "1000000")
		states, err := b.m.Frames(context.Background(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "queued", states.Queued.String(), "2-999999")
		if _, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{All: true}); farm.KindOf(err) != farm.Conflict {
			t.Fatalf("retry of frames that are being rendered: %v", err)
		}
	})
}

// Who watches some kinds of events hears no others, and its room is not filled by them.
func TestWatchingSomeKinds(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		some := b.m.Watch(ctx, farm.EventWorker, farm.EventToken)
		b.submit("1-3000")
		id := b.worker("oak", 1)
		for i := range 3000 {
			b.report(b.claim(id, 0), i+1, farm.Rendered)
		}
		token, _, err := b.m.CreateToken(ctx, root, "anna", farm.RoleView)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.m.RevokeToken(ctx, root, token.ID); err != nil {
			t.Fatal(err)
		}
		for _, kindAndState := range []string{"worker online", "worker registered", "token made", "token revoked"} {
			ev := <-some
			want(t, "event", string(ev.Kind)+" "+ev.State, kindAndState)
			if ev.Kind == farm.EventToken {
				want(t, "text", ev.Text, token.ID+" (anna, view) by root")
			}
		}
		if len(some) != 0 {
			t.Errorf("%d more events, as %+v", len(some), <-some)
		}
	})
}

// An id is typed as a word of a command; it must not look like a flag.
func TestIDsAreNoFlags(t *testing.T) {
	inFarm(t, func(b *bench) {
		for i := range 300 { // one in 64 would
			token, _, err := b.m.CreateToken(context.Background(), root, fmt.Sprint(i), farm.RoleView)
			if err != nil || token.ID[0] == '-' {
				t.Fatalf("%q %v", token.ID, err)
			}
		}
	})
}
